"""A store that may be damaged or of an older format -> one to build with: the same, or a new one
with all intact rows.

Other rows are made again from the articles. The old file is replaced only when the new one is
complete.
"""

from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from qa.errors import IndexDamaged, IndexMismatch
from qa.index.store import FORMAT, StoreWriter, is_trusted, replace_store, salvage_rows

_SCRATCH = ".mending-"


class Opened(NamedTuple):
    """A store to build with."""

    store: StoreWriter
    flaws: tuple[str, ...] = ()
    """What was wrong with the old store; empty if it is used as it is."""


def open_or_salvage(path: Path) -> Opened:
    """Open the store for writing; if it is damaged or of another format, open a new one that is to
    replace it.

    The whole file is verified, unless it is unchanged since it was known to be intact.
    """
    for left in path.parent.glob(f"{_SCRATCH}*"):  # by a build that was killed
        left.unlink(missing_ok=True)
    try:
        store = StoreWriter.open(path)
    except (IndexDamaged, IndexMismatch) as error:
        return _salvage(path, (str(error),))
    try:
        flaws = () if is_trusted(path) else tuple(store.find_damage())
    except BaseException:
        store.close()
        raise
    if not flaws:
        return Opened(store)
    store.close()
    return _salvage(path, flaws)


def put_in_place(store: StoreWriter, path: Path) -> None:
    """Replace the store at `path` by another, which is then closed and removed."""
    if store.path != path:
        replace_store(store, path)
    store.close()
    remove_scratch(store, path)


def remove_scratch(store: StoreWriter, path: Path) -> None:
    """Remove the files of a store that was opened to replace the one at `path`."""
    if store.path != path:
        for left in store.path.parent.glob(f"{store.path.name}*"):
            left.unlink(missing_ok=True)


def _salvage(path: Path, flaws: tuple[str, ...]) -> Opened:
    store = StoreWriter.open(path.with_name(f"{_SCRATCH}{uuid4().hex}.sqlite"))
    try:
        store.begin()
        salvage_rows(path, store)
        # The files of the generation before are still in use.
        generations = [
            int(p.name) for p in path.with_name("generations").glob("*") if p.name.isdecimal()
        ]
        generation = max([store.generation, *generations])
        store.write_meta({"format": str(FORMAT), "generation": str(generation)})
        store.publish()
    except BaseException:
        store.close()
        remove_scratch(store, path)
        raise
    return Opened(store, flaws)
