"""Old versions of shared tables: kept while somebody may read them, and then removed."""

import time
from pathlib import Path

import pytest

pytest.importorskip("lancedb")

from qa.index.interface import SearchIndex
from qa.index.lance import publishing
from qa.index.lance.build import build_shared
from qa.index.lance.dataset import PASSAGES, Dataset
from qa.index.locate import check, open_index
from tests.standin import HashEncoder

MARGIN = 2.0
"""Seconds."""


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    return folder


def add_and_build(articles: Path, location: str, number: int) -> SearchIndex:
    """The generation with one more article, on a lamp of that number."""
    (articles / f"lamp-{number}.txt").write_text(f"Lamp {number} was lit by Ada Cole.\n")
    build_shared(articles, location, encoder=HashEncoder())
    return open_index(location, encoder=HashEncoder())


def can_be_read(location: str, version: int) -> bool:
    try:
        return Dataset.connect(location).table(PASSAGES, version).count_rows() > 0
    except Exception:
        return False


def list_data(location: str) -> set[str]:
    folder = Path(location.removeprefix("file://")) / "passages.lance" / "data"
    return {path.name for path in folder.iterdir()}


def test_what_was_replaced_goes_once_no_reader_can_need_it(
    articles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    location = f"file://{tmp_path}/shared"
    monkeypatch.setattr(publishing, "FRAGMENTS_UP_TO", 1)
    monkeypatch.setattr(publishing, "MARGIN_SECONDS", MARGIN)
    first = add_and_build(articles, location, 1)
    separate = list_data(location)
    add_and_build(articles, location, 2)
    separate |= list_data(location)
    add_and_build(articles, location, 3)
    # Files were joined, but readers may be on the generation before.
    old = first.opened.versions[PASSAGES]  # type: ignore[attr-defined]
    assert can_be_read(location, old)
    assert len(separate) == 2
    assert separate < list_data(location)

    monkeypatch.setattr(publishing, "KEPT_SECONDS", 0.0)
    monkeypatch.setattr(publishing, "FRAGMENTS_UP_TO", 100)
    time.sleep(MARGIN + 0.5)
    reader = add_and_build(articles, location, 4)
    time.sleep(MARGIN + 0.5)
    newest = add_and_build(articles, location, 5)
    assert not can_be_read(location, old)
    assert not separate & list_data(location)
    # A reader of the fourth generation goes on until it looks for the fifth.
    assert len(reader.search_words("lamp", 10)) == 4
    [found] = reader.search_words("2", 10)
    assert reader.get_passages([found[0]])[found[0]].text == "Lamp 2 was lit by Ada Cole."
    assert len(newest.search_words("lamp", 10)) == 5
    assert all(finding.is_ok for finding in check(location, articles))

    kept = list_data(location)
    assert len(add_and_build(articles, location, 6).search_words("lamp", 10)) == 6
    assert kept < list_data(location)
