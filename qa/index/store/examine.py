"""A store's file -> what in it is not as it was stored: header, schema, checksums, references."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from qa.errors import IndexDamaged, show_name
from qa.index.store.failures import SQLITE_ERRORS, explain_failure
from qa.index.store.tables import (
    LATER,
    SCHEMA,
    TABLES,
    Table,
    add_functions,
    decode_anything,
    has_table,
    is_whole,
    read_noted,
)
from qa.types import Progress


def examine_store(
    connection: sqlite3.Connection,
    path: Path,
    check_meta: Callable[[], object],
    progress: Progress | None = None,
) -> list[str]:
    """One sentence for each flaw found; none if all is well. Reads everything.

    Args:
        connection: nobody else uses it meanwhile.
        path: of the file.
        check_meta: raises an IndexDamaged where what the index was made with is damaged.
        progress: called before each check.

    Raises:
        DiskError, IndexBusy: the file could not be read, which says nothing of what is in it.
    """
    checks: list[Callable[[], Iterable[str]]] = [
        partial(_check_header, path),
        partial(_check_integrity, connection),
        partial(_check_schema, connection),
    ]
    checks += [
        partial(_check_table, connection, table)
        for table in TABLES
        if table.name not in LATER or has_table(connection, table.name)
    ]
    checks += [partial(_check_references, connection), partial(_check_meta, check_meta)]
    flaws: list[str] = []
    # Damaged text may not be UTF-8 any more.
    connection.text_factory = decode_anything
    try:
        for done, check in enumerate(checks):
            if progress:
                progress(done, len(checks), "checking the store")
            try:
                flaws += check()
            except (*SQLITE_ERRORS, IndexDamaged) as error:
                explained = (
                    error if isinstance(error, IndexDamaged) else explain_failure(error, path)
                )
                if not isinstance(explained, IndexDamaged):
                    raise explained from error
                flaws.append(str(error))
    finally:
        connection.text_factory = str
    return list(dict.fromkeys(flaws))


def _check_header(path: Path) -> Iterator[str]:
    # See "File format version numbers" in https://www.sqlite.org/fileformat.html: SQLite reads
    # a file of a later version, and does not write it.
    with path.open("rb") as file:
        versions = file.read(20)[18:]
    if not set(versions) <= {1, 2}:
        yield f"SQLite: its version is {'.'.join(map(str, versions))}, not 1 or 2"


def _check_integrity(connection: sqlite3.Connection) -> Iterator[str]:
    for (found,) in connection.execute("pragma integrity_check(10)"):
        if found != "ok":
            yield f"SQLite: {' '.join(str(found).split())}"


def _check_schema(connection: sqlite3.Connection) -> Iterator[str]:
    fresh = sqlite3.connect(":memory:")
    try:
        add_functions(fresh)
        fresh.executescript(SCHEMA)
        for name in LATER:
            if not has_table(connection, name):
                fresh.execute(f"drop table {name}")
        query = (
            "select type, name, tbl_name, sql from sqlite_schema where name not like "
            "'sqlite_stat%' order by name"
        )
        if fresh.execute(query).fetchall() != connection.execute(query).fetchall():
            yield "the tables are not those that this program makes"
    finally:
        fresh.close()


def _check_table(connection: sqlite3.Connection, table: Table) -> Iterator[str]:
    large = f", {table.large}" if table.large else ""
    columns = ", ".join(table.names)
    count = total = 0
    rows = connection.execute(f"select {table.key}, {columns}, checksum{large} from {table.name}")
    for key, *row in rows:
        count += 1
        if is_whole(table, row):
            total ^= row[len(table.names)]
        else:
            yield f"{show_name(str(key))} in the table {table.name} is not what was stored"
    noted = read_noted(connection, table.name)
    if noted != (count, total):
        was = noted[0] if noted else "?"
        yield f"the table {table.name} has not the rows that were stored: {count} of {was}"


def _check_references(connection: sqlite3.Connection) -> Iterator[str]:
    queries = {
        "has passages, but no text": "article_id not in (select id from articles)",
        "has passages without a vector": "vector_key not in (select key from vectors)",
        "has sentences without a vector": ("vector_key not in (select key from sentence_vectors)"),
    }
    for what, condition in queries.items():
        for (name,) in connection.execute(
            f"select distinct article_id from passages where {condition}"
        ):
            yield f"{show_name(str(name))} {what}"


def _check_meta(check: Callable[[], object]) -> Iterator[str]:
    check()
    yield from ()
