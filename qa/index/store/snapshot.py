"""The store, open for reading: articles, passages and vectors of one generation."""

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from threading import RLock
from typing import Any, Self

from qa.errors import DiskError, IndexDamaged, IndexMismatch, IndexMissing, show_name
from qa.index.interface import Where
from qa.index.store.examine import examine_store
from qa.index.store.failures import SQLITE_ERRORS, explain_failure, explains_failures, report_damage
from qa.index.store.tables import (
    ARTICLE_COLUMNS,
    BY_NAME,
    FORMAT,
    STORE_FILE,
    Table,
    connect,
    has_table,
    hash_text,
    read_noted,
    row_checksum,
    to_article,
    to_origin,
    unpack_sentences,
)
from qa.places import Origin
from qa.types import Article, Passage, Progress, Span

_NEEDED_META = frozenset(("format", "generation"))
_BUILT_META = frozenset(
    ("build_id", "encoder_name", "encoder_fingerprint", "dim", "sentences", "splitter")
)
_PASSAGE_VECTORS = (
    "select p.id, v.key, v.vector, v.checksum from passages p join vectors v on v.key = "
    "p.vector_key"
)
COPIES = "copies"
"""Key in the table meta, of a JSON object: article id -> ids of further files with the same text.
"""
FOLDED = "folded"
"""Key in the table meta, of a JSON object: id of each of these -> sha256 of its file, of its text.
"""
_MANY = 500
"""Keys in one query, below SQLite's limit on parameters in its oldest builds."""


@explains_failures
class Store:
    """One generation of the store; what a writer commits later is not seen."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._lock = RLock()
        self._tables: set[str] = set()
        self.path = path

    @classmethod
    def open_snapshot(cls, path: Path) -> Self:
        """Open for reading, in a read transaction, so that later commits are not seen.

        In a folder that cannot be written (read-only disk), the file is opened as immutable.

        Raises:
            IndexDamaged: the file is not a database that this program wrote.
            IndexMismatch: it was written by another version of the format.
            DiskError: it cannot be read.
        """
        try:
            return cls._open_snapshot(path)
        except DiskError:
            if not _is_settled(path) or os.access(path.parent, os.W_OK):
                raise
            return cls._open_snapshot(path, "?immutable=1")

    @classmethod
    def _open_snapshot(cls, path: Path, options: str = "") -> Self:
        try:
            store = cls(connect(path, options), path)
        except SQLITE_ERRORS as error:
            raise explain_failure(error, path) from error
        try:
            store._connection.execute("begin")
            store.check_format()
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def has_table(self, name: str) -> bool:
        """Whether there is a table; older stores lack some until the next build."""
        if name not in self._tables:
            with self._lock:
                if not has_table(self._connection, name):
                    return False
            self._tables.add(name)
        return True

    def check_format(self) -> None:
        """Raise IndexMismatch or IndexDamaged unless the file has the tables that this version
        reads.
        """
        row = self._connection.execute("select value from meta where key = 'format'").fetchone()
        if row is not None and row[0] != str(FORMAT):
            raise IndexMismatch(
                f"{self.path} has index format {row[0]}, this version reads {FORMAT}: run "
                "`qa build`, which makes it again from the articles and keeps the vectors that can "
                "still be used"
            )
        self.meta  # noqa: B018 raises where it is damaged

    def _explain(self, error: Exception) -> Exception:
        return explain_failure(error, self.path)

    @property
    def meta(self) -> dict[str, str]:
        """The settings that the index was made with.

        Raises:
            IndexDamaged: it is not what was written.
        """
        table = BY_NAME["meta"]
        with self._lock:
            rows = self._connection.execute("select key, value, checksum from meta").fetchall()
            noted = read_noted(self._connection, "meta")
        total = 0
        for row in rows:
            self._check_row(table, row)
            total ^= row[-1]
        meta = {key: value for key, value, _ in rows}
        if noted != (len(rows), total) or not meta.keys() >= (
            _BUILT_META if "build_id" in meta else _NEEDED_META
        ):
            raise self._damaged("what the index was made with is not what was noted")
        return meta

    @property
    def generation(self) -> int:
        """Number of builds that changed this index."""
        return int(self.meta["generation"])

    @property
    def salt(self) -> str:
        """Part of the keys of this generation's vectors; see `PassageText.key`."""
        return self.meta.get("salt", "")

    def find_damage(self, progress: Progress | None = None) -> list[str]:
        """One sentence for each piece of damage found; empty if all is well. Reads everything."""
        with self._lock:
            return examine_store(self._connection, self.path, lambda: self.meta, progress)

    def _damaged(self, what: str) -> IndexDamaged:
        return report_damage(self.path, what)

    def _check_row(self, table: Table, row: Sequence[Any]) -> None:
        """Raise unless a row, its checksum behind its columns, is what was stored."""
        count = len(table.names)
        if row_checksum(table.name, *row[:count]) != row[count]:
            name = row[table.names.index(table.key)] if table.key in table.names else table.name
            raise self._damaged(
                f"{show_name(str(name))} in the table {table.name} is not what was stored"
            )

    def passage_ids(self, article_ids: Sequence[str] | None = None) -> list[int]:
        """Ids of all passages, or of those of some articles, in order."""
        if article_ids is None:
            with self._lock:
                return [
                    row[0]
                    for row in self._connection.execute("select id from passages order by id")
                ]
        return sorted(
            row[0]
            for row in self._select_many("select id from passages where article_id", article_ids)
        )

    def count_vectors(self) -> int:
        """Number of stored passage vectors, including those no longer needed."""
        with self._lock:
            return int(self._connection.execute("select count(*) from vectors").fetchone()[0])

    def count_articles(self) -> int:
        """How many articles there are."""
        with self._lock:
            return int(self._connection.execute("select count(*) from articles").fetchone()[0])

    def count_passages(self) -> int:
        """How many passages there are."""
        with self._lock:
            return int(self._connection.execute("select count(*) from passages").fetchone()[0])

    def languages(self) -> set[str | None]:
        """Languages of all articles."""
        with self._lock:
            return {
                row[0] for row in self._connection.execute("select distinct language from articles")
            }

    def file_hashes(self) -> dict[str, str]:
        """Article id -> sha256 of the file's bytes when it was read."""
        with self._lock:
            return dict(self._connection.execute("select id, file_sha256 from articles"))

    def text_hashes(self) -> dict[str, str]:
        """Article id -> sha256 of its text."""
        with self._lock:
            return dict(self._connection.execute("select id, sha256 from articles"))

    def find_articles(self, where: Where) -> list[str]:
        """Ids of the articles that meet all conditions, in order; the id of a copy stands for the
        article that it is folded into.
        """
        query, asked = "select id, title, author, date, language from articles", where.article_ids
        if asked is not None:
            _, folded_into = self._copies()
            asked = tuple(folded_into.get(article_id, article_id) for article_id in asked)
            where = replace(where, article_ids=asked)
            rows = self._select_many(f"{query} where id", sorted(set(asked)))
        else:
            with self._lock:
                rows = self._connection.execute(query).fetchall()
        return sorted(row[0] for row in rows if where.admits_row(*row))

    def get_article(self, article_id: str) -> Article | None:
        """One article, whole; by the id of a copy, the article that it is folded into, under that
        id.
        """
        copies, folded_into = self._copies()
        if article_id in folded_into:
            article = self.get_article(folded_into[article_id])
            return article and replace(article, id=article_id, copies=())
        table = BY_NAME["articles"]
        query = f"select {', '.join(table.names)}, checksum, text from articles where id = ?"
        with self._lock:
            row = self._connection.execute(query, (article_id,)).fetchone()
        if row is None:
            return None
        self._check_row(table, row)
        values = dict(zip(table.names, row, strict=False))
        article = to_article(
            [row[-1] if name == "text" else values[name] for name in ARTICLE_COLUMNS.split(", ")],
            self._get_origin(article_id, values["file_sha256"]),
        )
        if hash_text(article.text) != article.sha256:
            raise self._damaged(f"the text of {show_name(article.id)} is not what was stored")
        return replace(article, copies=copies[article_id]) if article_id in copies else article

    def _copies(self) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
        """Article id -> ids of further files with the same text, and each of those -> article
        id.
        """
        table = BY_NAME["meta"]
        query = "select key, value, checksum from meta where key = ?"
        with self._lock:
            row = self._connection.execute(query, (COPIES,)).fetchone()
        if row is None:
            return {}, {}
        self._check_row(table, row)
        return _read_copies(row[1])

    def _get_origin(self, article_id: str, file_sha256: str) -> Origin | None:
        if not self.has_table("places"):
            return None
        table = BY_NAME["places"]
        query = f"select {', '.join(table.names)}, checksum from places where article_id = ?"
        with self._lock:
            row = self._connection.execute(query, (article_id,)).fetchone()
        if row is None:
            return None
        self._check_row(table, row)
        return to_origin(row, file_sha256)

    def list_articles(self, *, after: str = "", limit: int | None = None) -> Iterator[Article]:
        """Articles in order of their ids, one in memory at a time: all, or at most so many that
        come after an id.
        """
        query = "select id from articles where id > ? order by id limit ?"
        with self._lock:
            ids = [
                row[0]
                for row in self._connection.execute(query, (after, -1 if limit is None else limit))
            ]
            noted = read_noted(self._connection, "articles")
        if noted is None or (not after and limit is None and len(ids) != noted[0]):
            raise self._damaged("articles are missing")
        for article_id in ids:
            article = self.get_article(article_id)
            if article is None:
                raise self._damaged("articles are missing")
            yield article

    def get_passages(self, passage_ids: Sequence[int]) -> dict[int, Passage]:
        """Passage id -> passage.

        Raises:
            IndexDamaged: one is missing, or not what was stored.
        """
        rows = self._passage_rows(passage_ids)
        articles = {
            article_id: self.get_article(article_id) for article_id in {row[1] for row in rows}
        }
        return {row[0]: self._passage(articles[row[1]], row) for row in rows}

    def _passage_rows(self, passage_ids: Sequence[int]) -> list[tuple[Any, ...]]:
        table = BY_NAME["passages"]
        query = f"select {', '.join(table.names)}, checksum from passages where id"
        rows = self._select_many(query, passage_ids)
        for row in rows:
            self._check_row(table, row)
        if len(rows) < len(set(passage_ids)):
            raise self._damaged("passages are missing")
        return rows

    def _passage(self, article: Article | None, row: Sequence[Any]) -> Passage:
        self._check_row(BY_NAME["passages"], row)
        if article is None:
            raise self._damaged(f"{show_name(str(row[1]))} has passages, but no text")
        return Passage(article, row[2], row[3], unpack_sentences(row[4]))

    def get_places(self, passage_ids: Sequence[int]) -> dict[int, tuple[str, Span]]:
        """Passage id -> article id and place in it, without reading any text."""
        rows = self._passage_rows(passage_ids)
        return {row[0]: (row[1], Span(row[2], row[3])) for row in rows}

    def find_nearby(self, article_id: str, place: Span, most: int) -> list[int]:
        """Ids of the passages of an article that begin nearest to where a place begins."""
        query = "select id from passages where article_id = ? order by abs(first - ?), id limit ?"
        with self._lock:
            rows = self._connection.execute(query, (article_id, place.start, most)).fetchall()
        return [row[0] for row in rows]

    def iterate_passages(self) -> Iterator[tuple[int, Passage]]:
        """All passages in order of article id and place, one article in memory at a time."""
        for article in self.list_articles():
            with self._lock:
                columns = ", ".join(BY_NAME["passages"].names)
                query = (
                    f"select {columns}, checksum from passages where article_id = ? order by first"
                )
                rows = self._connection.execute(query, (article.id,)).fetchall()
            for row in rows:
                yield row[0], self._passage(article, row)

    def passage_vectors(self) -> Iterator[tuple[int, bytes]]:
        """(passage id, float16 vector as bytes) of all passages, in order of their ids."""
        with self._lock:
            rows = self._connection.execute(f"{_PASSAGE_VECTORS} order by p.id")
            for row in rows:
                yield self._vector(row)

    def get_passage_vectors(self, passage_ids: Sequence[int]) -> dict[int, bytes]:
        """Passage id -> float16 vector as bytes."""
        rows = self._select_many(f"{_PASSAGE_VECTORS} where p.id", passage_ids)
        return dict(map(self._vector, rows))

    def get_vectors(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Key -> float16 vector as bytes, for those that are kept."""
        rows = self._select_many("select key, key, vector, checksum from vectors where key", keys)
        return dict(map(self._vector, rows))

    def get_sentence_vectors(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Key of a passage's vector -> float16 vectors of its sentences, one after the other, for
        those that are kept.
        """
        table = BY_NAME["sentence_vectors"]
        rows = self._select_many(
            "select key, vectors, checksum from sentence_vectors where key", keys
        )
        for row in rows:
            self._check_row(table, row)
        return {row[0]: row[1] for row in rows}

    def _vector(self, row: Sequence[Any]) -> tuple[Any, bytes]:
        """The first column of a row, and the vector; columns: any, key, vector, checksum."""
        self._check_row(BY_NAME["vectors"], row[1:])
        return row[0], row[2]

    def _select_many(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        with self._lock:
            for first in range(0, len(values), _MANY):
                some = values[first : first + _MANY]
                rows += self._connection.execute(
                    f"{query} in ({','.join('?' * len(some))})", some
                ).fetchall()
        return rows


def find_store(folder: Path) -> Path:
    """Path of the store in the folder of an index.

    Raises:
        IndexMissing: there is none.
        DiskError: the folder may not be looked into.
    """
    path = folder / STORE_FILE
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise IndexMissing(
            f"there is no index in {folder}: run `qa build` (with --index and --articles if needed)"
        ) from None
    except OSError as error:
        raise DiskError.explain(error, path) from error
    return path


@lru_cache(maxsize=2)
def _read_copies(written: str) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    copies = {key: tuple(ids) for key, ids in json.loads(written).items()}
    return copies, {copy: key for key, ids in copies.items() for copy in ids}


def _is_settled(path: Path) -> bool:
    """Whether the write-ahead log is empty or missing."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size == 0
    except FileNotFoundError:
        return True
    except OSError:
        return False
