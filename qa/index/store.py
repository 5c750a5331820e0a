"""Articles, passages and vectors <-> one SQLite file: the single truth from which all else in an index is derived.

A build is one transaction, and its commit publishes it. A reader holds a read transaction, so it goes on seeing the
generation it opened while a writer works (write-ahead log). Vectors are keyed by a hash of what was encoded: they are
written before the build that needs them, in batches, so that an interrupted build does not encode twice.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import RLock
from typing import Any, Self

import numpy as np

from qa.errors import IndexDamaged, IndexMismatch
from qa.types import Article, Kind, Passage, Sentence, Span, Vectors

STORE_FILE = "qa.sqlite"
FORMAT = 1
"""Version of the tables below; raised when they change."""

StoreError = sqlite3.Error
"""What may be raised where the disk is full or fails."""

_SCHEMA = """
create table meta (key text primary key, value text not null) without rowid, strict;
create table articles (
    id text primary key, file_sha256 text not null, sha256 text not null, title text not null, author text, date text,
    url text, language text, body_start integer not null, text text not null
) without rowid, strict;
create table passages (
    id integer primary key, article_id text not null references articles (id) on delete cascade,
    first integer not null, last integer not null, sentences blob not null, vector_key blob not null
) strict;
create index passages_by_article on passages (article_id, first);
create table vectors (key blob primary key, vector blob not null) without rowid, strict;
"""
_FILES = """
create table if not exists files (id text primary key, stamp text not null, sha256 text not null) without rowid, strict;
"""
"""What is in files that have not been touched since: spares reading them. Nothing but a build looks at it."""
_STAGING = """
pragma temp_store = file;
create temp table staged_articles as select * from articles limit 0;
create temp table staged_passages as select article_id, first, last, sentences, vector_key from passages limit 0;
create temp table queue (shortness integer, key blob, text text, primary key (shortness, key)) without rowid;
create temp table needed (key blob primary key) without rowid;
"""
"""What a build gathers on its way, on the disk for want of memory, and gone with its connection."""
_KINDS: tuple[Kind, ...] = ("body", "heading")
_ARTICLE_COLUMNS = "id, title, text, sha256, author, date, url, language, body_start"
_SENTENCE_BYTES = 16
_MANY = 500
"""Keys in one query, below SQLite's limit on parameters in its oldest builds."""


class Store:
    """One open connection to the truth: either a reader's fixed snapshot, or the writer."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._lock = RLock()
        self.path = path

    @classmethod
    def open_snapshot(cls, path: Path) -> Self:
        """Open for reading; what is read stays as it is at this moment, whatever a writer does.

        Raises:
            IndexDamaged: the file is not a database that this program wrote.
            IndexMismatch: it was written by another version of the format.
        """
        store = cls(_connect(path), path)
        try:
            store._connection.execute("begin")
            store.check_format()
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def open_writer(cls, path: Path) -> Self:
        """Open for writing, making the file if there is none."""
        connection = _connect(path)
        store = cls(connection, path)
        try:
            connection.execute("pragma journal_mode = wal")
            if not connection.execute("select 1 from sqlite_master").fetchone():
                connection.executescript(f"begin immediate; {_SCHEMA} commit;")
                store.write_meta({"format": str(FORMAT), "generation": "0"})
            store.check_format()
            connection.executescript(_FILES + _STAGING)
        except BaseException as error:
            store.close()
            # A disk that is full or fails, or another's lock, is no damage.
            if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
                raise IndexDamaged(_damaged(path, error)) from error
            raise
        return store

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def check_format(self) -> None:
        """Raise unless the file has the tables that this version reads."""
        try:
            found = self.meta.get("format")
        except sqlite3.DatabaseError as error:
            raise IndexDamaged(_damaged(self.path, error)) from error
        if found != str(FORMAT):
            raise IndexMismatch(
                f"{self.path} has index format {found}, this version reads {FORMAT}: "
                f"delete {self.path.parent / self.path.name}* (not the articles) and run `qa build`"
            )

    # -- what a build writes ---------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start the transaction of a build; nothing of it is seen by others before `publish`."""
        # Set here, since it cannot change inside a transaction: `publish` returns when the build is on the disk.
        self._connection.execute("pragma synchronous = full")
        self._connection.execute("begin immediate")

    def publish(self) -> None:
        """Commit the build."""
        self._connection.execute("commit")

    def rollback(self) -> None:
        """Undo all since `begin`."""
        if self._connection.in_transaction:
            self._connection.execute("rollback")

    def write_meta(self, values: Mapping[str, str]) -> None:
        """Record what the index was made with."""
        self._connection.executemany("insert or replace into meta values (?, ?)", values.items())

    def stage_article(self, article: Article, file_sha256: str) -> None:
        """Set an article aside until `put_staged`."""
        self._connection.execute(
            f"insert into staged_articles ({_ARTICLE_COLUMNS}, file_sha256) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                article.id,
                article.title,
                article.text,
                article.sha256,
                article.author,
                article.date,
                article.url,
                article.language,
                article.body_start,
                file_sha256,
            ),
        )

    def staged_articles(self) -> Iterator[Article]:
        """The articles set aside, as they came, one in memory at a time."""
        rows = self._connection.execute("select rowid from staged_articles order by rowid").fetchall()
        for row in rows:
            query = f"select {_ARTICLE_COLUMNS} from staged_articles where rowid = ?"
            yield _article(self._connection.execute(query, row).fetchone())

    def stage_passages(self, article_id: str, passages: Sequence[tuple[Passage, bytes]]) -> None:
        """Set the passages of a staged article aside, with the keys of their vectors."""
        self._connection.executemany(
            "insert into staged_passages values (?, ?, ?, ?, ?)",
            ((article_id, p.start, p.end, _pack(p.sentences), key) for p, key in passages),
        )

    def put_staged(self) -> None:
        """Write what was set aside, in place of any earlier version."""
        for table, article_id in (("passages", "article_id"), ("articles", "id")):
            self._connection.execute(f"delete from {table} where {article_id} in (select id from staged_articles)")
        self._connection.execute("insert into articles select * from staged_articles order by rowid")
        self._connection.execute(
            "insert into passages (article_id, first, last, sentences, vector_key) "
            "select * from staged_passages order by rowid"
        )

    def remove_article(self, article_id: str) -> None:
        """Take one article and its passages out."""
        self._connection.execute("delete from passages where article_id = ?", (article_id,))
        self._connection.execute("delete from articles where id = ?", (article_id,))
        self._connection.execute("delete from files where id = ?", (article_id,))

    def put_vectors(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Keep vectors, float32 (n, dim), at half precision and at once, even if the build is never published."""
        rows = list(zip(keys, (row.tobytes() for row in vectors.astype(np.float16)), strict=True))
        # NORMAL survives a killed process, and what a power cut takes here is encoded again.
        self._connection.execute("pragma synchronous = normal")
        self._connection.execute("begin immediate")
        self._connection.executemany("insert or replace into vectors values (?, ?)", rows)
        self._connection.execute("commit")

    def keep_vectors(self, needed: Iterable[bytes]) -> None:
        """Forget all other vectors."""
        self._connection.executemany("insert or ignore into needed values (?)", ((key,) for key in needed))
        self._connection.execute("delete from vectors where key not in (select key from needed)")
        self._connection.execute("delete from needed")

    def queue_texts(self, texts: Mapping[bytes, str]) -> None:
        """Note texts by the keys of their vectors, to be encoded where there is no vector yet."""
        self._connection.executemany(
            "insert or ignore into queue select ?1, ?2, ?3 where not exists (select 1 from vectors where key = ?2)",
            ((-len(text), key, text) for key, text in texts.items()),
        )

    def count_queued(self) -> int:
        """How many texts are to be encoded."""
        return int(self._connection.execute("select count(*) from queue").fetchone()[0])

    def queued_texts(self, at_once: int) -> Iterator[dict[bytes, str]]:
        """Texts to be encoded by key, so many at once, the longest first."""
        query = "select shortness, key, text from queue where (shortness, key) > (?, ?) order by shortness, key limit ?"
        last: tuple[int, bytes] = (-(2**62), b"")
        while rows := self._connection.execute(query, (*last, at_once)).fetchall():
            yield {key: text for _, key, text in rows}
            last = rows[-1][:2]

    def sources(self) -> dict[str, tuple[str, str, str, str | None]]:
        """Article id -> id, sha256 of its file, sha256 of its text, stamp of its file or None where it is not known."""
        query = """
            select a.id, a.file_sha256, a.sha256, f.stamp
            from articles a left join files f on f.id = a.id and f.sha256 = a.file_sha256
        """
        # Rows as they come: making something of each would cost more than reading them.
        return {row[0]: row for row in self._connection.execute(query).fetchall()}

    def note_files(self, noted: Mapping[str, tuple[str, str]]) -> None:
        """Note stamp and sha256 of files that were read; true whether the build is published or not."""
        if noted:
            self._connection.execute("pragma synchronous = normal")
            self._connection.execute("begin immediate")
            rows = ((file_id, *values) for file_id, values in noted.items())
            self._connection.executemany("insert or replace into files values (?, ?, ?)", rows)
            self._connection.execute("commit")

    # -- what a question reads -------------------------------------------------------------------------------------

    @property
    def meta(self) -> dict[str, str]:
        """What the index was made with."""
        with self._lock:
            return dict(self._connection.execute("select key, value from meta"))

    @property
    def generation(self) -> int:
        """Number of builds that changed this index."""
        return int(self.meta["generation"])

    @property
    def salt(self) -> str:
        """With which the keys of this generation's vectors are made."""
        return self.meta.get("salt", "")

    def find_flaws(self) -> list[str]:
        """What SQLite finds wrong with the file, and passages without article or vector; empty if all is well."""
        with self._lock:
            try:
                flaws = [str(row[0]) for row in self._connection.execute("pragma quick_check")]
                queries = {
                    "passages without an article": "article_id not in (select id from articles)",
                    "passages without a vector": "vector_key not in (select key from vectors)",
                }
                for what, condition in queries.items():
                    lost = self._connection.execute(f"select count(*) from passages where {condition}").fetchone()[0]
                    flaws += [f"{lost} {what}"] if lost else []
            except sqlite3.DatabaseError as error:
                return [str(error)]
        return [flaw for flaw in flaws if flaw != "ok"]

    def passage_ids(self, article_ids: Sequence[str] | None = None) -> list[int]:
        """Ids of all passages, or of those of some articles, in order."""
        if article_ids is None:
            with self._lock:
                return [row[0] for row in self._connection.execute("select id from passages order by id")]
        return sorted(row[0] for row in self._select_many("select id from passages where article_id", article_ids))

    def count_texts(self, passage_ids: Sequence[int]) -> int:
        """Number of texts, passages and sentences, that have a vector each."""
        rows = self._select_many("select length(sentences) from passages where id", passage_ids)
        return len(rows) + sum(int(row[0]) // _SENTENCE_BYTES for row in rows)

    def count_vectors(self) -> int:
        """How many vectors are kept, those no longer needed included."""
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
            return {row[0] for row in self._connection.execute("select distinct language from articles")}

    def file_hashes(self) -> dict[str, str]:
        """Article id -> sha256 of the file's bytes when it was read."""
        with self._lock:
            return dict(self._connection.execute("select id, file_sha256 from articles"))

    def text_hashes(self) -> dict[str, str]:
        """Article id -> sha256 of its text."""
        with self._lock:
            return dict(self._connection.execute("select id, sha256 from articles"))

    def get_article(self, article_id: str) -> Article | None:
        """One article, whole."""
        with self._lock:
            row = self._connection.execute(
                f"select {_ARTICLE_COLUMNS} from articles where id = ?", (article_id,)
            ).fetchone()
        return None if row is None else _article(row)

    def list_articles(self) -> Iterator[Article]:
        """All articles in order of their ids, one in memory at a time."""
        with self._lock:
            ids = [row[0] for row in self._connection.execute("select id from articles order by id")]
        for article_id in ids:
            article = self.get_article(article_id)
            if article is not None:
                yield article

    def get_passages(self, passage_ids: Sequence[int]) -> dict[int, Passage]:
        """Passage id -> passage, for those that exist."""
        rows = self._select_many("select id, article_id, first, last, sentences from passages where id", passage_ids)
        articles = {article_id: self.get_article(article_id) for article_id in {row[1] for row in rows}}
        return {
            row[0]: Passage(article, row[2], row[3], _unpack(row[4]))
            for row in rows
            if (article := articles[row[1]]) is not None
        }

    def get_places(self, passage_ids: Sequence[int]) -> dict[int, tuple[str, Span]]:
        """Passage id -> article id and place in it, without reading any text."""
        rows = self._select_many("select id, article_id, first, last from passages where id", passage_ids)
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
                rows = self._connection.execute(
                    "select id, first, last, sentences from passages where article_id = ? order by first", (article.id,)
                ).fetchall()
            for passage_id, first, last, sentences in rows:
                yield passage_id, Passage(article, first, last, _unpack(sentences))

    def passage_vectors(self) -> Iterator[tuple[int, bytes]]:
        """(passage id, float16 vector as bytes) of all passages, in order of their ids."""
        with self._lock:
            rows = self._connection.execute(
                "select p.id, v.vector from passages p join vectors v on v.key = p.vector_key order by p.id"
            )
            yield from rows

    def get_passage_vectors(self, passage_ids: Sequence[int]) -> dict[int, bytes]:
        """Passage id -> float16 vector as bytes."""
        return dict(
            self._select_many(
                "select p.id, v.vector from passages p join vectors v on v.key = p.vector_key where p.id", passage_ids
            )
        )

    def get_vectors(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Key -> float16 vector as bytes, for those that are kept."""
        return dict(self._select_many("select key, vector from vectors where key", keys))

    def _select_many(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        with self._lock:
            for first in range(0, len(values), _MANY):
                some = values[first : first + _MANY]
                rows += self._connection.execute(f"{query} in ({','.join('?' * len(some))})", some).fetchall()
        return rows


def _connect(path: Path) -> sqlite3.Connection:
    # One connection serves all threads of a process, one at a time (Store holds a lock); `timeout` is in seconds.
    return sqlite3.connect(path, timeout=30.0, isolation_level=None, check_same_thread=False)


def _damaged(path: Path, error: sqlite3.DatabaseError) -> str:
    return f"{path} cannot be read ({error}): delete it and run `qa build`; the articles themselves are not in danger"


def from_half(blob: bytes) -> Vectors:
    """A vector as it is kept, in float16 bytes -> float32 (dim,)."""
    return np.frombuffer(blob, dtype=np.float16).astype(np.float32)


def _pack(sentences: Sequence[Sentence]) -> bytes:
    """Four 32-bit little-endian numbers a sentence: start, end, paragraph, kind."""
    flat = [n for s in sentences for n in (s.start, s.end, s.paragraph, _KINDS.index(s.kind))]
    return np.array(flat, dtype="<u4").tobytes()


def _unpack(blob: bytes) -> tuple[Sentence, ...]:
    rows = np.frombuffer(blob, dtype="<u4").reshape(-1, 4).tolist()
    return tuple(Sentence(start, end, paragraph, _KINDS[kind]) for start, end, paragraph, kind in rows)


def _article(row: Sequence[Any]) -> Article:
    article_id, title, text, sha256, author, date, url, language, body_start = row
    return Article(article_id, title, text, sha256, author, date, url, language, body_start)
