"""Articles, passages and vectors <-> one SQLite file: the single truth from which all else in an
index is derived.

A build is one transaction, and its commit publishes it. A reader holds a read transaction, so it
goes on seeing the generation it opened while a writer works (write-ahead log). Vectors are keyed by
a hash of what was encoded: they are written before the build that needs them, in batches, so that
an interrupted build does not encode twice.

Every row has a checksum over its columns, looked at whenever the row is read; every table has one
over its rows, so that none can be lost unseen.
"""

import errno
import inspect
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial, wraps
from hashlib import blake2b, sha256
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np

from qa.errors import (
    DiskError,
    IndexBusy,
    IndexDamaged,
    IndexMismatch,
    IndexMissing,
    QAError,
    show_name,
)
from qa.types import Article, Kind, Passage, Progress, Sentence, Span, Vectors

STORE_FILE = "qa.sqlite"
TRUSTED_FILE = "trusted"
"""Beside it: how the file was when all was well with it."""
FORMAT = 2
"""Version of the tables below; raised when they change."""

StoreError = sqlite3.OperationalError
"""What may be raised where the disk is full or fails."""


class _Table(NamedTuple):
    """A table whose rows have checksums; another one only has to be listed in `_TABLES`."""

    name: str
    columns: str
    """As SQL has them; the checksum is a further one."""
    key: str
    """What names a row to a person."""
    large: str = ""
    """A column that stands last, so that the others are read without it, and has a hash of its own
    among them."""

    @property
    def names(self) -> list[str]:
        """Of the columns that the checksum is made of, in order."""
        return [column.split()[0] for column in self.columns.split(", ")]

    @property
    def checked(self) -> str:
        """The checksum that a row should have, in SQL."""
        return f"row_checksum({', '.join(self.names)})"

    @property
    def schema(self) -> str:
        """SQL that makes the table."""
        large = f", {self.large} text not null" if self.large else ""
        rowid = "" if "integer primary key" in self.columns else "without rowid, "
        return (
            f"create table {self.name} ({self.columns}, checksum integer not null{large}) "
            f"{rowid}strict;\n"
        )

    @property
    def triggers(self) -> str:
        """SQL that keeps the checksum of all its rows while they are written: theirs, combined by
        exclusive or.

        Temporary, so that rows which another program takes out are missed.
        """
        update = (
            "update tables set count = count {0} 1, checksum = (checksum | {1}) - (checksum & "
            "{1}) where name = '{2}'"
        )
        added = update.format("+", "new.checksum", self.name)
        gone = update.format("-", "old.checksum", self.name)
        return f"""
            create temp trigger {self.name}_added after insert on main.{self.name}
            begin {added}; end;
            create temp trigger {self.name}_gone after delete on main.{self.name}
            begin {gone}; end;
        """


_TABLES = (
    _Table("meta", "key text primary key, value text not null", key="key"),
    _Table(
        "articles",
        "id text primary key, file_sha256 text not null, sha256 text not null, title text not "
        "null, author text, "
        "date text, url text, language text, body_start integer not null",
        key="id",
        large="text",
    ),
    _Table(
        "passages",
        "id integer primary key, article_id text not null, first integer not null, last integer "
        "not null, "
        "sentences blob not null, vector_key blob not null",
        key="article_id",
    ),
    _Table("vectors", "key blob primary key, vector blob not null", key="hex(key)"),
    # What is in files that have not been touched since: spares reading them. Nothing but a build
    # looks at it.
    _Table("files", "id text primary key, stamp text not null, sha256 text not null", key="id"),
)
_BY_NAME = {table.name: table for table in _TABLES}
_SCHEMA = (
    """
create table tables (name text primary key, count integer not null, checksum integer not null)
without rowid, strict;
"""
    + "".join(
        table.schema + f"insert into tables values ('{table.name}', 0, 0);\n" for table in _TABLES
    )
    + "create index passages_by_article on passages (article_id, first);\n"
)
_TRIGGERS = "".join(table.triggers for table in _TABLES)
_STAGING = """
create temp table staged_articles as
    select id, title, text, sha256, author, date, url, language, body_start, file_sha256
    from articles limit 0;
create temp table staged_passages as
    select article_id, first, last, sentences, vector_key from passages limit 0;
create temp table queue (
    shortness integer, key blob, text text, primary key (shortness, key)
) without rowid;
create temp table needed (key blob primary key) without rowid;
"""
"""What a build gathers on its way, on the disk for want of memory, and gone with its connection."""
_KINDS: tuple[Kind, ...] = ("body", "heading")
_ARTICLE_COLUMNS = "id, title, text, sha256, author, date, url, language, body_start"
_NEEDED_META = frozenset(("format", "generation"))
_BUILT_META = frozenset(("build_id", "encoder_name", "encoder_fingerprint", "dim", "splitter"))
_PASSAGE_VECTORS = (
    "select p.id, v.key, v.vector, v.checksum from passages p join vectors v on v.key = "
    "p.vector_key"
)
_SENTENCE_BYTES = 16
_MANY = 500
"""Keys in one query, below SQLite's limit on parameters in its oldest builds."""


C = TypeVar("C", bound=type)


def _explains_failures(store: C) -> C:
    """Let every method of a store raise our own errors where SQLite raises its."""
    for name, method in list(vars(store).items()):
        if isinstance(method, property) and method.fget is not None:
            setattr(store, name, property(_explained(method.fget), doc=method.__doc__))
        elif inspect.isfunction(method) and name not in ("__init__", "close", "_explain"):
            setattr(store, name, _explained(method))
    return store


def _explained(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(store: "Store", /, *args: object, **options: object) -> object:
        try:
            return method(store, *args, **options)
        except sqlite3.Error as error:
            raise store._explain(error) from error

    @wraps(method)
    def iterate(store: "Store", /, *args: object, **options: object) -> Iterator[object]:
        try:
            yield from method(store, *args, **options)
        except sqlite3.Error as error:
            raise store._explain(error) from error

    return iterate if inspect.isgeneratorfunction(method) else call


@_explains_failures
class Store:
    """One open connection to the truth: either a reader's fixed snapshot, or the writer."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._lock = RLock()
        self.path = path

    @classmethod
    def open_snapshot(cls, path: Path) -> Self:
        """Open for reading; what is read stays as it is at this moment, whatever a writer does.

        Where the folder may not be written, as on a read-only disk, the file is opened as one that
        nobody writes.

        Raises:
            IndexDamaged: the file is not a database that this program wrote.
            IndexMismatch: it was written by another version of the format.
            DiskError: it may not be read.
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
            store = cls(_connect(path, options), path)
        except sqlite3.Error as error:
            raise explain_failure(error, path) from error
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
        try:
            connection = _connect(path)
        except sqlite3.Error as error:
            raise explain_failure(error, path) from error
        store = cls(connection, path)
        try:
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma temp_store = file")
            # A row that is replaced is one deleted, for the triggers.
            connection.execute("pragma recursive_triggers = on")
            if not connection.execute("select 1 from sqlite_master").fetchone():
                connection.executescript(f"begin immediate; {_SCHEMA} commit;")
                connection.executescript(_TRIGGERS)
                store.write_meta({"format": str(FORMAT), "generation": "0"})
            else:
                connection.executescript(_TRIGGERS)
            store.check_format()
            connection.executescript(_STAGING)
        except BaseException as error:
            store.close()
            if isinstance(error, sqlite3.Error):
                raise explain_failure(error, path) from error
            raise
        return store

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def check_format(self) -> None:
        """Raise unless the file has the tables that this version reads."""
        row = self._connection.execute("select value from meta where key = 'format'").fetchone()
        if row is not None and row[0] != str(FORMAT):
            raise IndexMismatch(
                f"{self.path} has index format {row[0]}, this version reads {FORMAT}: run `qa "
                "build`, "
                "which makes it anew from the articles and keeps what was encoded"
            )
        self.meta  # noqa: B018 raises where it is damaged

    def _explain(self, error: sqlite3.Error) -> Exception:
        return explain_failure(error, self.path)

    # -- what a build writes
    # ---------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start the transaction of a build; nothing of it is seen by others before `publish`."""
        # Set here, since it cannot change inside a transaction: `publish` returns when the build is
        # on the disk.
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
        insert = _insert("meta", "select ?1 as key, ?2 as value", "insert or replace")
        self._connection.executemany(insert, values.items())

    def stage_article(self, article: Article, file_sha256: str) -> None:
        """Set an article aside until `put_staged`."""
        self._connection.execute(
            f"insert into staged_articles ({_ARTICLE_COLUMNS}, file_sha256) values (?, ?, ?, ?, "
            "?, ?, ?, ?, ?, ?)",
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
        rows = self._connection.execute(
            "select rowid from staged_articles order by rowid"
        ).fetchall()
        for row in rows:
            query = f"select {_ARTICLE_COLUMNS} from staged_articles where rowid = ?"
            yield _article(self._connection.execute(query, row).fetchone())

    def stage_passages(self, article_id: str, passages: Sequence[tuple[Passage, bytes]]) -> None:
        """Set the passages of a staged article aside, with the keys of their vectors."""
        self._connection.executemany(
            "insert into staged_passages values (?, ?, ?, ?, ?)",
            ((article_id, p.start, p.end, _pack(p.sentences), key) for p, key in passages),
        )

    def put_row(self, name: str, values: Sequence[Any]) -> None:
        """Write one row of a table as it is, unless there is one of its key."""
        table = _BY_NAME[name]
        names = [*table.names, *([table.large] if table.large else [])]
        source = "select " + ", ".join(f"?{n} as {name}" for n, name in enumerate(names, start=1))
        self._connection.execute(_insert(name, source, "insert or ignore"), values)

    def unstage_article(self, article_id: str) -> None:
        """Forget what was set aside of one article."""
        self._connection.execute("delete from staged_passages where article_id = ?", (article_id,))
        self._connection.execute("delete from staged_articles where id = ?", (article_id,))

    def put_staged(self) -> None:
        """Write what was set aside, in place of any earlier version."""
        for table, article_id in (("passages", "article_id"), ("articles", "id")):
            self._connection.execute(
                f"delete from {table} where {article_id} in (select id from staged_articles)"
            )
        self._connection.execute(
            _insert("articles", "select * from staged_articles order by rowid")
        )
        last = self._connection.execute("select coalesce(max(id), 0) from passages").fetchone()[0]
        staged = "select ? + rowid as id, * from staged_passages order by rowid"
        self._connection.execute(_insert("passages", staged), (last,))

    def remove_article(self, article_id: str) -> None:
        """Take one article and its passages out."""
        self._connection.execute("delete from passages where article_id = ?", (article_id,))
        self._connection.execute("delete from articles where id = ?", (article_id,))
        self._connection.execute("delete from files where id = ?", (article_id,))

    def put_vectors(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Keep vectors, float32 (n, dim), at half precision and at once, even if the build is never
        published.
        """
        rows = list(zip(keys, (row.tobytes() for row in vectors.astype(np.float16)), strict=True))
        # NORMAL survives a killed process, and what a power cut takes here is encoded again.
        self._connection.execute("pragma synchronous = normal")
        self._connection.execute("begin immediate")
        insert = _insert("vectors", "select ?1 as key, ?2 as vector", "insert or replace")
        self._connection.executemany(insert, rows)
        self._connection.execute("commit")

    def keep_vectors(self, needed: Iterable[bytes]) -> None:
        """Forget all other vectors."""
        self._connection.executemany(
            "insert or ignore into needed values (?)", ((key,) for key in needed)
        )
        self._connection.execute("delete from vectors where key not in (select key from needed)")
        self._connection.execute("delete from needed")

    def queue_texts(self, texts: Mapping[bytes, str]) -> None:
        """Note texts by the keys of their vectors, to be encoded where there is no vector yet."""
        self._connection.executemany(
            "insert or ignore into queue select ?1, ?2, ?3 where not exists (select 1 from "
            "vectors where key = ?2)",
            ((-len(text), key, text) for key, text in texts.items()),
        )

    def count_queued(self) -> int:
        """How many texts are to be encoded."""
        return int(self._connection.execute("select count(*) from queue").fetchone()[0])

    def queued_texts(self, at_once: int) -> Iterator[dict[bytes, str]]:
        """Texts to be encoded by key, so many at once, the longest first."""
        query = (
            "select shortness, key, text from queue where (shortness, key) > (?, ?) order by "
            "shortness, key limit ?"
        )
        last: tuple[int, bytes] = (-(2**62), b"")
        while rows := self._connection.execute(query, (*last, at_once)).fetchall():
            yield {key: text for _, key, text in rows}
            last = rows[-1][:2]

    def sources(self) -> dict[str, tuple[str, str, str, str | None]]:
        """Article id -> id, sha256 of its file, sha256 of its text, stamp of its file or None where
        it is not known.
        """
        query = """
            select a.id, a.file_sha256, a.sha256, f.stamp
            from articles a left join files f on f.id = a.id and f.sha256 = a.file_sha256
        """
        # Rows as they come: making something of each would cost more than reading them.
        return {row[0]: row for row in self._connection.execute(query).fetchall()}

    def note_files(self, noted: Mapping[str, tuple[str, str]]) -> None:
        """Note stamp and sha256 of files that were read; true whether the build is published or
        not.
        """
        if noted:
            self._connection.execute("pragma synchronous = normal")
            self._connection.execute("begin immediate")
            rows = ((file_id, *values) for file_id, values in noted.items())
            insert = _insert(
                "files", "select ?1 as id, ?2 as stamp, ?3 as sha256", "insert or replace"
            )
            self._connection.executemany(insert, rows)
            self._connection.execute("commit")

    # -- what a question reads
    # -------------------------------------------------------------------------------------

    @property
    def meta(self) -> dict[str, str]:
        """What the index was made with.

        Raises:
            IndexDamaged: it is not what was written.
        """
        table = _BY_NAME["meta"]
        with self._lock:
            rows = self._connection.execute("select key, value, checksum from meta").fetchall()
            noted = self._connection.execute(
                "select count, checksum from tables where name = 'meta'"
            ).fetchone()
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
        """With which the keys of this generation's vectors are made."""
        return self.meta.get("salt", "")

    def find_damage(self, progress: Progress | None = None) -> list[str]:
        """What is not as it was stored, article by article where it can be told; empty if all is
        well.

        Reads everything.
        """
        checks: list[Callable[[], Iterable[str]]] = [self._check_integrity, self._check_schema]
        checks += [partial(self._check_table, table) for table in _TABLES]
        checks += [self._check_references, self._check_meta]
        flaws: list[str] = []
        for done, check in enumerate(checks):
            if progress:
                progress(done, len(checks), "checking the store")
            try:
                with self._lock:
                    flaws += check()
            except (sqlite3.Error, IndexDamaged) as error:
                explained = (
                    explain_failure(error, self.path) if isinstance(error, sqlite3.Error) else error
                )
                if not isinstance(explained, IndexDamaged):
                    raise explained from error
                flaws.append(str(error))
        return list(dict.fromkeys(flaws))

    def _check_integrity(self) -> Iterator[str]:
        for (found,) in self._connection.execute("pragma integrity_check(10)"):
            if found != "ok":
                yield f"SQLite: {' '.join(str(found).split())}"

    def _check_schema(self) -> Iterator[str]:
        fresh = sqlite3.connect(":memory:")
        try:
            _add_functions(fresh)
            fresh.executescript(_SCHEMA)
            query = (
                "select type, name, tbl_name, sql from sqlite_schema where name not like "
                "'sqlite_stat%' order by name"
            )
            if fresh.execute(query).fetchall() != self._connection.execute(query).fetchall():
                yield "the tables are not those that this program makes"
        finally:
            fresh.close()

    def _check_table(self, table: _Table) -> Iterator[str]:
        # Text is read as bytes: it may be no text any more.
        columns = [
            f"cast({name} as blob)" if definition.split()[1] == "text" else name
            for name, definition in zip(table.names, table.columns.split(", "), strict=True)
        ]
        large = f", cast({table.large} as blob)" if table.large else ""
        count = total = 0
        rows = self._connection.execute(
            f"select {table.key}, {', '.join(columns)}, checksum{large} from {table.name}"
        )
        rows.row_factory = None
        for row in rows:
            values, checksum = row[1 : 1 + len(columns)], row[1 + len(columns)]
            count += 1
            total ^= checksum
            is_whole = row_checksum(*values) == checksum
            if is_whole and table.large:
                stated = values[table.names.index("sha256")].decode()
                is_whole = sha256(row[-1]).hexdigest() == stated
            if not is_whole:
                yield f"{show_name(str(row[0]))} in the table {table.name} is not what was stored"
        noted = self._connection.execute(
            "select count, checksum from tables where name = ?", (table.name,)
        ).fetchone()
        if noted is None or noted != (count, total):
            yield (
                f"the table {table.name} has not the rows that were stored: {count} of "
                f"{noted and noted[0]}"
            )

    def _check_references(self) -> Iterator[str]:
        queries = {
            "has passages, but no text": "article_id not in (select id from articles)",
            "has passages without a vector": "vector_key not in (select key from vectors)",
        }
        for what, condition in queries.items():
            for (name,) in self._connection.execute(
                f"select distinct article_id from passages where {condition}"
            ):
                yield f"{show_name(str(name))} {what}"

    def _check_meta(self) -> Iterator[str]:
        self.meta  # noqa: B018 raises where it is damaged
        yield from ()

    def _damaged(self, what: str) -> IndexDamaged:
        return report_damage(self.path, what)

    def _check_row(self, table: _Table, row: Sequence[Any]) -> None:
        """Raise unless a row, its checksum behind its columns, is what was stored."""
        count = len(table.names)
        if row_checksum(*row[:count]) != row[count]:
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

    def get_article(self, article_id: str) -> Article | None:
        """One article, whole."""
        table = _BY_NAME["articles"]
        query = f"select {', '.join(table.names)}, checksum, text from articles where id = ?"
        with self._lock:
            row = self._connection.execute(query, (article_id,)).fetchone()
        if row is None:
            return None
        self._check_row(table, row)
        values = dict(zip(table.names, row, strict=False))
        article = _article(
            [row[-1] if name == "text" else values[name] for name in _ARTICLE_COLUMNS.split(", ")]
        )
        if sha256(article.text.encode("utf-8", "surrogatepass")).hexdigest() != article.sha256:
            raise self._damaged(f"the text of {show_name(article.id)} is not what was stored")
        return article

    def list_articles(self) -> Iterator[Article]:
        """All articles in order of their ids, one in memory at a time."""
        with self._lock:
            ids = [
                row[0] for row in self._connection.execute("select id from articles order by id")
            ]
        for article_id in ids:
            article = self.get_article(article_id)
            if article is not None:
                yield article

    def get_passages(self, passage_ids: Sequence[int]) -> dict[int, Passage]:
        """Passage id -> passage.

        Raises:
            IndexDamaged: one is missing.
        """
        table = _BY_NAME["passages"]
        rows = self._select_many(
            f"select {', '.join(table.names)}, checksum from passages where id", passage_ids
        )
        articles = {
            article_id: self.get_article(article_id) for article_id in {row[1] for row in rows}
        }
        passages = {row[0]: self._passage(articles[row[1]], row) for row in rows}
        if len(passages) < len(set(passage_ids)):
            raise self._damaged("passages are missing")
        return passages

    def _passage(self, article: Article | None, row: Sequence[Any]) -> Passage:
        self._check_row(_BY_NAME["passages"], row)
        if article is None:
            raise self._damaged(f"{show_name(str(row[1]))} has passages, but no text")
        return Passage(article, row[2], row[3], _unpack(row[4]))

    def get_places(self, passage_ids: Sequence[int]) -> dict[int, tuple[str, Span]]:
        """Passage id -> article id and place in it, without reading any text."""
        rows = self._select_many(
            "select id, article_id, first, last from passages where id", passage_ids
        )
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
                columns = ", ".join(_BY_NAME["passages"].names)
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

    def _vector(self, row: Sequence[Any]) -> tuple[Any, bytes]:
        """What stands first in a row, and the vector that follows with key and checksum."""
        self._check_row(_BY_NAME["vectors"], row[1:])
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


def row_checksum(*values: str | bytes | int | None) -> int:
    """63 bits of the BLAKE2b hash of a row's columns; text counts as its UTF-8."""
    digest = blake2b(digest_size=8)
    for value in values:
        data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        if isinstance(data, bytes):
            digest.update(b"t%d:" % len(data))
            digest.update(data)
        else:
            digest.update(f"{data};".encode())
    return int.from_bytes(digest.digest(), "little") >> 1


def explain_failure(error: Exception, path: Path) -> Exception:
    """What SQLite or the operating system says, as an error of our own that tells damage from a
    disk that refuses.
    """
    if isinstance(error, OSError):
        return DiskError.explain(error, path)
    if not isinstance(error, sqlite3.Error):
        return error
    code = (getattr(error, "sqlite_errorcode", None) or sqlite3.SQLITE_ERROR) & 0xFF
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error):
        return QAError(f"the index in {path.parent} was closed: open it again")
    if code in _REFUSALS:
        cause = OSError(_REFUSALS[code], f"{os.strerror(_REFUSALS[code])}, says SQLite: {error}")
        return DiskError.explain(cause, path)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return IndexBusy(f"{path} is being written by another process: try again when it is done")
    if isinstance(error, (sqlite3.DataError, sqlite3.InterfaceError, sqlite3.NotSupportedError)):
        return error  # what was to be stored is at fault
    return report_damage(path, str(error))


_REFUSALS = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EACCES,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_AUTH: errno.EACCES,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_NOMEM: errno.ENOMEM,
    sqlite3.SQLITE_PROTOCOL: errno.EIO,
}


def report_damage(path: Path, what: str) -> IndexDamaged:
    """The error to raise where something is not what was stored; the next build will look at
    everything.
    """
    distrust(path)
    return IndexDamaged(
        f"{path} is damaged ({what}): run `qa build`, which mends it from the articles"
    )


# -- mending
# --------------------------------------------------------------------------------------------------

_SALVAGED_META = ("encoder_name", "encoder_fingerprint", "dim", "salt", "reader", "generation")


def salvage_rows(path: Path, store: Store) -> None:
    """Copy into a new store what is whole of a damaged one, or of one of an older format.

    That is what it was made with, the articles (in case their files cannot be read now) and the
    vectors; passages are made again from the texts.
    """
    old = _connect(path)
    try:
        for name in ("meta", "articles", "vectors"):
            table = _BY_NAME[name]
            for direction in ("asc", "desc"):  # from either end to where it is damaged
                with suppress(sqlite3.DatabaseError):
                    for row in _whole_rows(old, table, direction):
                        if name != "meta" or row[0] in _SALVAGED_META:
                            store.put_row(name, row)
    finally:
        old.close()


def _whole_rows(
    old: sqlite3.Connection, table: _Table, direction: str
) -> Iterator[tuple[Any, ...]]:
    names = [*table.names, *([table.large] if table.large else [])]
    # The first format had no checksums.
    has_checksums = "checksum" in {
        row[1] for row in old.execute(f"pragma table_info({table.name})")
    }
    query = f"select {', '.join(names)}, {'checksum' if has_checksums else '0'} from {table.name}"
    for row in old.execute(f"{query} order by {table.names[0]} {direction}"):
        *values, checksum = row
        is_whole = not has_checksums or row_checksum(*values[: len(table.names)]) == checksum
        if is_whole and table.large:
            digest = sha256(values[-1].encode("utf-8", "surrogatepass")).hexdigest()
            is_whole = digest == values[table.names.index("sha256")]
        if is_whole:
            yield tuple(values)


def replace_store(store: Store, path: Path) -> None:
    """Put all of a store in the place of what is at `path`, in one transaction where that can be
    opened at all.

    Who reads there goes on seeing what was there before.
    """
    try:
        with closing(sqlite3.connect(path, timeout=30.0)) as target:
            store._connection.backup(target)
            return
    except sqlite3.DatabaseError as error:
        explained = explain_failure(error, path)
        if not isinstance(explained, IndexDamaged):
            raise explained from error
    # No database at all: then nobody reads it either.
    store._connection.execute("pragma wal_checkpoint(truncate)")
    store._connection.execute("pragma journal_mode = delete")
    store.close()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    store.path.replace(path)


# -- whether anything but this program has touched the file
# ------------------------------------------------------------


def trust(path: Path) -> None:
    """Note that all is well with the file as it is now."""
    with suppress(OSError):
        path.with_name(TRUSTED_FILE).write_text(_stamp(path))


def distrust(path: Path) -> None:
    """Forget what `trust` has noted."""
    with suppress(OSError):
        path.with_name(TRUSTED_FILE).unlink(missing_ok=True)


def is_trusted(path: Path) -> bool:
    """Whether the file is as it was when `trust` was called; then reading all of it can be
    spared.
    """
    try:
        return path.with_name(TRUSTED_FILE).read_text() == _stamp(path)
    except (OSError, ValueError):
        return False


def _stamp(path: Path) -> str:
    """Size, times and inode of the file and of its log; the time at which an inode changed cannot
    be set back.
    """
    stamps = []
    for part in (path, path.with_name(f"{path.name}-wal")):
        try:
            status = part.stat()
        except FileNotFoundError:
            continue
        if status.st_size:
            stamps.append(
                f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
            )
    return "\n".join(stamps)


def _is_settled(path: Path) -> bool:
    """Whether nothing is left in the write-ahead log."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size == 0
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _connect(path: Path, options: str = "") -> sqlite3.Connection:
    # One connection serves all threads of a process, one at a time (Store holds a lock); `timeout`
    # is in seconds.
    name = f"{path.absolute().as_uri()}{options}"
    connection = sqlite3.connect(
        name, timeout=30.0, isolation_level=None, check_same_thread=False, uri=True
    )
    _add_functions(connection)
    return connection


def _add_functions(connection: sqlite3.Connection) -> None:
    connection.create_function("row_checksum", -1, row_checksum, deterministic=True)


def _insert(name: str, source: str, verb: str = "insert") -> str:
    """SQL that puts rows into a table with their checksums; `source` selects columns of the table's
    names.
    """
    table = _BY_NAME[name]
    large = f", {table.large}" if table.large else ""
    columns = ", ".join(table.names)
    return (
        f"{verb} into {name} ({columns}, checksum{large}) select {columns}, "
        f"{table.checked}{large} from ({source}) "
        "where true"
    )


def from_half(blob: bytes) -> Vectors:
    """A vector as it is kept, in float16 bytes -> float32 (dim,)."""
    return np.frombuffer(blob, dtype=np.float16).astype(np.float32)


def _pack(sentences: Sequence[Sentence]) -> bytes:
    """Four 32-bit little-endian numbers a sentence: start, end, paragraph, kind."""
    flat = [n for s in sentences for n in (s.start, s.end, s.paragraph, _KINDS.index(s.kind))]
    return np.array(flat, dtype="<u4").tobytes()


def _unpack(blob: bytes) -> tuple[Sentence, ...]:
    rows = np.frombuffer(blob, dtype="<u4").reshape(-1, 4).tolist()
    return tuple(
        Sentence(start, end, paragraph, _KINDS[kind]) for start, end, paragraph, kind in rows
    )


def _article(row: Sequence[Any]) -> Article:
    article_id, title, text, sha256, author, date, url, language, body_start = row
    return Article(article_id, title, text, sha256, author, date, url, language, body_start)
