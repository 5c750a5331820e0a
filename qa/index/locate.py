"""A location -> the index there: files in a folder, or shared tables at a URI.

Shared tables need the extra `scale`, whose libraries are only loaded for a URI.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from qa.errors import IndexMissing, SettingError
from qa.index.build import DEFAULT_ARTICLES, BuildReport, build
from qa.index.doctor import Finding, describe_index, examine
from qa.index.index import DEFAULT_INDEX, Index, read_build_id
from qa.index.interface import SearchIndex
from qa.index.store import Store, find_store
from qa.types import Article, Encoder, Progress


def is_shared(location: str | Path) -> bool:
    """Whether a location is a URI, and not a folder."""
    return "://" in str(location)


def open_index(
    location: str | Path = DEFAULT_INDEX, *, encoder: Encoder | None = None
) -> SearchIndex:
    """Open the newest generation at a location; `encoder` is by default the one it was built with.

    Raises:
        IndexMissing: there is none.
        IndexMismatch: it was built with another encoder, or by another version of the format.
        IndexDamaged: it is not what was stored.
        DiskError, IndexUnreachable: the disk or storage cannot be read.
        ExtraMissing: the extra `scale` is not installed.
    """
    if not is_shared(location):
        return Index.open(location, encoder=encoder)
    from qa.index.lance.index import LanceIndex

    return LanceIndex.open(str(location), encoder=encoder)


def build_index(
    articles: str | Path = DEFAULT_ARTICLES,
    location: str | Path = DEFAULT_INDEX,
    *,
    encoder: Encoder | None = None,
    progress: Progress | None = None,
    reader: str = "",
    reembed: bool = False,
    allow_empty: bool = False,
    workers: str | None = None,
    password: str | None = None,
) -> BuildReport:
    """Bring the index at a location up to date with the articles folder: see `build`.

    `workers` is a number of processes, or the address of a Ray cluster, for a URI alone.
    """
    options: dict[str, Any] = {
        "encoder": encoder,
        "progress": progress,
        "reader": reader,
        "reembed": reembed,
        "allow_empty": allow_empty,
    }
    if not is_shared(location):
        if workers is not None:
            raise SettingError(
                f"{location} is a folder, which one process builds: leave out --workers"
            )
        return build(articles, location, password=password, **options)
    from qa.index.lance.build import build_shared

    return build_shared(articles, str(location), workers=workers, **options)


def read_newest_build(location: str | Path) -> str | None:
    """Identity of the newest build at a location, or None where there is none."""
    if not is_shared(location):
        return read_build_id(Path(location))
    from qa.index.lance.dataset import Dataset

    newest = Dataset.connect(str(location)).newest()
    return newest.build_id if newest else None


class Articles(Protocol):
    """An index that is open for reading its articles."""

    def get_article(self, article_id: str, /) -> Article | None:
        """One article, whole."""

    def list_articles(self, *, after: str = "", limit: int | None = None) -> Iterator[Article]:
        """Articles in order of their ids: all, or at most so many that come after an id."""

    def text_hashes(self) -> dict[str, str]:
        """Article id -> sha256 of its text."""

    def close(self) -> None:
        """Close its files."""


def open_articles(location: str | Path = DEFAULT_INDEX) -> Articles:
    """Open the newest generation at a location for its articles alone; loads no model.

    Raises:
        IndexMissing: there is no index.
    """
    if is_shared(location):
        from qa.index.lance.index import open_articles as open_shared

        return open_shared(str(location))
    store = Store.open_snapshot(find_store(Path(location)))
    if "build_id" not in store.meta:
        store.close()
        raise IndexMissing(f"the index in {location} was never finished: run `qa build`")
    return store


def describe(location: str | Path) -> dict[str, Any]:
    """Sizes, counts, generation and models of the index at a location; loads no model."""
    if not is_shared(location):
        return describe_index(Path(location))
    from qa.index.lance.doctor import describe_shared

    return describe_shared(str(location))


def check(
    location: str | Path, articles: Path, *, progress: Progress | None = None
) -> list[Finding]:
    """Check everything that can be checked, in order."""
    if not is_shared(location):
        return examine(Path(location), articles, progress=progress)
    from qa.index.lance.doctor import examine_shared

    return examine_shared(str(location), articles, progress=progress)


def copy_index(
    source: str | Path,
    target: str | Path,
    *,
    encoder: Encoder | None = None,
    progress: Progress | None = None,
) -> int:
    """Copy an index without encoding, from or to a URI; returns the generation there.

    `encoder` is only needed for a folder, by default the one that the index was built with; the
    vectors of sentences, which a URI does not keep, are made there when they are asked for.
    """
    from qa.index.lance.copy import copy_shared

    return copy_shared(str(source), str(target), encoder=encoder, progress=progress)


def find_removed(articles: Path, location: str | Path) -> Path:
    """The folder to which the files of removed articles are moved."""
    return articles.parent / "removed" if is_shared(location) else Path(location) / "removed"
