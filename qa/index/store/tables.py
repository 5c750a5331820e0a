"""The tables of the store, their checksums, and the encoding of their columns."""

import sqlite3
from collections.abc import Sequence
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from qa.places import Origin
from qa.types import Article, Kind, Sentence, Vectors

STORE_FILE = "qa.sqlite"
FORMAT = 4
"""Version of the tables below; raised when they change."""

StoreError = sqlite3.OperationalError
"""Raised when the disk is full or fails."""


class Table(NamedTuple):
    """A table whose rows have checksums; to add a table, list it in `TABLES`."""

    name: str
    columns: str
    """Definitions in SQL; a column with the checksum is added."""
    key: str
    """Column or expression that names a row in messages."""
    large: str = ""
    """A large column: the last one, so that the others can be read without it, with its own hash
    among them."""

    @property
    def names(self) -> list[str]:
        """Names of the columns in the checksum, in order."""
        return [column.split()[0] for column in self.columns.split(", ")]

    @property
    def checked(self) -> str:
        """SQL expression for the checksum of a row."""
        return f"row_checksum('{self.name}', {', '.join(self.names)})"

    @property
    def schema(self) -> str:
        """SQL that creates the table."""
        large = f", {self.large} text not null" if self.large else ""
        has_rowid = "integer primary key" in self.columns or "primary key" not in self.columns
        rowid = "" if has_rowid else "without rowid, "
        return (
            f"create table {self.name} ({self.columns}, checksum integer not null{large}) "
            f"{rowid}strict;\n"
        )

    @property
    def beginning(self) -> str:
        """SQL that creates the table, and its entry in `tables` with no rows."""
        return f"{self.schema}insert into tables values ('{self.name}', 0, 0);\n"

    @property
    def triggers(self) -> str:
        """SQL that keeps count and checksum of all rows in `tables` up to date while rows are
        written; the checksum is the exclusive or of the rows' checksums.

        The triggers are temporary, so that rows deleted by another program are noticed.
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


TABLES = (
    Table("meta", "key text primary key, value text not null", key="key"),
    Table(
        "articles",
        "id text primary key, file_sha256 text not null, sha256 text not null, title text not "
        "null, author text, "
        "date text, url text, language text, body_start integer not null",
        key="id",
        large="text",
    ),
    Table(
        "passages",
        "id integer primary key, article_id text not null, first integer not null, last integer "
        "not null, "
        "sentences blob not null, vector_key blob not null",
        key="article_id",
    ),
    Table("vectors", "key blob primary key, vector blob not null", key="hex(key)"),
    # Of a passage's sentences, one after the other, under the passage's key; rows as large as these
    # do not suit a table without row ids.
    Table(
        "sentence_vectors",
        "key blob not null unique, vectors blob not null",
        key="hex(key)",
    ),
    # Where the parts of an article stand in its file, for those that are not plain text.
    Table(
        "places",
        "article_id text primary key, format text not null, reader text not null, notes text not "
        "null, packed blob not null",
        key="article_id",
    ),
    # What is in files that have not been touched since: spares reading them. Nothing but a build
    # looks at it.
    Table("files", "id text primary key, stamp text not null, sha256 text not null", key="id"),
)
BY_NAME = {table.name: table for table in TABLES}
LATER = ("places",)
"""Tables that older stores do not have until the next build."""
SCHEMA = (
    """
create table tables (name text primary key, count integer not null, checksum integer not null)
without rowid, strict;
"""
    + "".join(table.beginning for table in TABLES)
    + "create index passages_by_article on passages (article_id, first);\n"
)
TRIGGERS = "".join(table.triggers for table in TABLES)
_KINDS: tuple[Kind, ...] = ("body", "heading")
ARTICLE_COLUMNS = "id, title, text, sha256, author, date, url, language, body_start"


def connect(path: Path, options: str = "") -> sqlite3.Connection:
    """Open the file; the connection may be used by all threads of a process, one at a time."""
    # `timeout` is in seconds; Store holds a lock.
    name = f"{path.absolute().as_uri()}{options}"
    connection = sqlite3.connect(
        name, timeout=30.0, isolation_level=None, check_same_thread=False, uri=True
    )
    add_functions(connection)
    return connection


def add_functions(connection: sqlite3.Connection) -> None:
    """Define the SQL function `row_checksum`, which inserts use."""
    connection.create_function("row_checksum", -1, row_checksum, deterministic=True)


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    """Whether the file has a table of this name."""
    query = "select 1 from sqlite_schema where type = 'table' and name = ?"
    return connection.execute(query, (name,)).fetchone() is not None


def read_noted(connection: sqlite3.Connection, name: str) -> tuple[int, int] | None:
    """Count and combined checksum of a table's rows, as its triggers noted them."""
    query = "select count, checksum from tables where name = ?"
    found: tuple[int, int] | None = connection.execute(query, (name,)).fetchone()
    return found


def row_checksum(*values: str | bytes | int | None) -> int:
    """63 bits of the BLAKE2b hash of a table's name and a row's columns, with text as UTF-8.

    Because of the name, a row that damage has moved to another table is noticed.
    """
    digest = blake2b(digest_size=8)
    for value in values:
        if isinstance(value, (str, bytes)):
            data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
            digest.update(b"%s%d:" % (b"t" if isinstance(value, str) else b"b", len(data)))
            digest.update(data)
        else:
            digest.update(f"{value};".encode())
    return int.from_bytes(digest.digest(), "little") >> 1


def is_whole(table: Table, row: Sequence[Any]) -> bool:
    """Whether a row (columns, checksum, large column if any) matches its checksum."""
    count = len(table.names)
    if row_checksum(table.name, *row[:count]) != row[count]:
        return False
    return not table.large or hash_text(row[-1]) == row[table.names.index("sha256")]


def hash_text(text: object) -> str:
    """sha256 of a text in UTF-8, as `Article.sha256`."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else b""
    return sha256(data).hexdigest()


def decode_anything(data: bytes) -> str:
    """Decode bytes that may be damaged UTF-8, such that they can be encoded back."""
    return data.decode("utf-8", "surrogateescape")


def insert_into(name: str, source: str, verb: str = "insert") -> str:
    """SQL that inserts rows with checksums; `source` selects columns with the table's names."""
    table = BY_NAME[name]
    large = f", {table.large}" if table.large else ""
    columns = ", ".join(table.names)
    return (
        f"{verb} into {name} ({columns}, checksum{large}) select {columns}, "
        f"{table.checked}{large} from ({source}) "
        "where true"
    )


def from_half(blob: bytes) -> Vectors:
    """Bytes of float16 numbers, as stored -> float32 (n,)."""
    return np.frombuffer(blob, dtype=np.float16).astype(np.float32)


def to_half(vectors: Vectors) -> bytes:
    """Vectors as bytes of float16 numbers, as stored."""
    return vectors.astype(np.float16).tobytes()


def pack_sentences(sentences: Sequence[Sentence]) -> bytes:
    """Sentences as bytes: four 32-bit little-endian numbers each: start, end, paragraph, kind."""
    flat = [n for s in sentences for n in (s.start, s.end, s.paragraph, _KINDS.index(s.kind))]
    return np.array(flat, dtype="<u4").tobytes()


def unpack_sentences(blob: bytes) -> tuple[Sentence, ...]:
    """Read what `pack_sentences` wrote."""
    rows = np.frombuffer(blob, dtype="<u4").reshape(-1, 4).tolist()
    return tuple(
        Sentence(start, end, paragraph, _KINDS[kind]) for start, end, paragraph, kind in rows
    )


def to_article(row: Sequence[Any], origin: Origin | None = None) -> Article:
    """A row of `ARTICLE_COLUMNS` as an article."""
    article_id, title, text, sha256, author, date, url, language, body_start = row
    return Article(article_id, title, text, sha256, author, date, url, language, body_start, origin)


def to_origin(row: Sequence[Any], file_sha256: str) -> Origin:
    """A row of the table `places` as the origin of its article."""
    _, form, reader, notes, packed = row[:5]
    return Origin(form, reader, file_sha256, packed, tuple(notes.split("\n")) if notes else ())
