"""A damaged store, or one of an older format -> a new one in its place, with all intact rows."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from qa.errors import IndexDamaged
from qa.index.store.failures import SQLITE_ERRORS, explain_failure
from qa.index.store.tables import BY_NAME, Table, connect, decode_anything, is_whole
from qa.index.store.writer import StoreWriter

_SALVAGED_META = (
    "encoder_name",
    "encoder_fingerprint",
    "dim",
    "salt",
    "sentences",
    "reader",
    "generation",
)


def salvage_rows(path: Path, store: StoreWriter) -> None:
    """Copy intact rows of a damaged store, or of one of an older format, into a new one.

    These are the settings, the articles (in case their files cannot be read now) and the vectors;
    passages are made again from the texts.
    """
    old = connect(path)
    old.text_factory = decode_anything
    try:
        for name in ("meta", "articles", "places", "vectors", "sentence_vectors"):
            table = BY_NAME[name]
            for direction in ("asc", "desc"):  # from both ends up to the damage
                with suppress(*SQLITE_ERRORS, IndexDamaged):
                    for row in _whole_rows(old, table, direction):
                        if name != "meta" or row[0] in _SALVAGED_META:
                            store.put_row(name, row)
    finally:
        old.close()


def _whole_rows(old: sqlite3.Connection, table: Table, direction: str) -> Iterator[tuple[Any, ...]]:
    # The first format had no checksums.
    has_checksums = "checksum" in {
        row[1] for row in old.execute(f"pragma table_info({table.name})")
    }
    columns = ", ".join(table.names)
    checksum = "checksum" if has_checksums else table.checked
    large = f", {table.large}" if table.large else ""
    query = f"select {columns}, {checksum}{large} from {table.name}"
    for row in old.execute(f"{query} order by {table.names[0]} {direction}"):
        if is_whole(table, row):
            yield (*row[: len(table.names)], *row[len(table.names) + 1 :])


def replace_store(store: StoreWriter, path: Path) -> None:
    """Replace the store at `path` by another, in one transaction if it can be opened at all.

    Readers that have it open continue to see the old content.
    """
    try:
        with closing(sqlite3.connect(path, timeout=30.0)) as target:
            store._connection.backup(target)
            return
    except SQLITE_ERRORS as error:
        explained = explain_failure(error, path)
        if not isinstance(explained, IndexDamaged):
            raise explained from error
    # It is not a database any more, so nobody can be reading it.
    store._connection.execute("pragma wal_checkpoint(truncate)")
    store._connection.execute("pragma journal_mode = delete")
    store.close()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    store.path.replace(path)
