"""The doctor finds what is wrong, says what to do, and mends nothing itself."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qa.errors import IndexMissing
from qa.index.build import build
from qa.index.doctor import describe_index, examine
from qa.index.index import Index
from tests.standin import HashEncoder


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "bridge.txt").write_text("The bridge was opened in 1931.\n\nThe toll was a penny.\n")
    (folder / "meadow.txt").write_text("The meadow is eelgrass.\n\nDivers counted seahorses there.\n")
    build(folder, tmp_path / "index", encoder=HashEncoder())
    return folder


def find_wrong(articles: Path, encoder: HashEncoder | None = None) -> dict[str, str]:
    """Check -> remedy, of those that failed."""
    findings = examine(articles.parent / "index", articles, encoder=encoder or HashEncoder())
    assert all(finding.remedy for finding in findings if not finding.is_ok)
    return {finding.check: finding.remedy for finding in findings if not finding.is_ok and finding.check != "reader"}


def execute(index: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(index / "qa.sqlite")
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def flip(index: Path) -> None:
    path = index / "generations/1/vectors.faiss"
    path.write_bytes(path.read_bytes()[:-1] + b"\x99")


HARMS: list[tuple[str, str, Callable[[Path], None]]] = [
    ("files", "qa build", flip),
    ("files", "qa build", lambda index: (index / "generations/1/manifest.json").unlink()),
    ("offsets", "qa build", lambda index: execute(index, "update passages set last = last + 1000")),
    ("offsets", "qa build", lambda index: execute(index, "update articles set text = 'X' || substr(text, 2)")),
    ("vectors", "--reembed", lambda index: execute(index, "update vectors set vector = zeroblob(length(vector))")),
    ("vectors", "--reembed", lambda index: execute(index, "update vectors set vector = zeroblob(6)")),
    (
        "sample",
        "--reembed",
        lambda index: execute(
            index, "update vectors set vector = ?", np.full(64, 1 / 8, dtype=np.float16).tobytes()
        ),
    ),
    ("store", "qa build", lambda index: execute(index, "delete from vectors")),
]  # fmt: skip


def test_a_whole_index_is_found_well(articles: Path):
    assert find_wrong(articles) == {}


@pytest.mark.parametrize(("check", "remedy", "harm"), HARMS)
def test_every_kind_of_damage_is_found(articles: Path, check: str, remedy: str, harm: Callable[[Path], None]):
    harm(articles.parent / "index")
    assert remedy in find_wrong(articles)[check]


def test_what_it_names_mends_damaged_vectors(articles: Path):
    index = articles.parent / "index"
    execute(index, "update vectors set vector = ?", np.full(64, 1 / 8, dtype=np.float16).tobytes())
    build(articles, index, encoder=HashEncoder(), reembed=True)
    assert find_wrong(articles) == {}


def test_articles_changed_since_the_build_are_named(articles: Path):
    (articles / "bridge.txt").write_text("The bridge is closed.\n")
    (articles / "meadow.txt").unlink()
    assert find_wrong(articles) == {"articles": "run `qa build`"}


def test_another_encoder_is_told(articles: Path):
    assert find_wrong(articles, HashEncoder(version="2")) == {"encoder": "run `qa build --reembed`"}


def test_a_ruined_store_and_a_missing_one_are_told(articles: Path, tmp_path: Path):
    for path in (tmp_path / "index").glob("qa.sqlite*"):
        path.write_bytes(b"ruined " * 1000)
    assert set(find_wrong(articles)) == {"store"}
    (tmp_path / "index/qa.sqlite").unlink()
    assert find_wrong(articles) == {"store": "run `qa build`"}


def test_an_index_is_described(articles: Path):
    described = describe_index(articles.parent / "index")
    opened = Index.open(articles.parent / "index", encoder=HashEncoder())
    assert (described["generation"], described["articles"]) == (1, 2)
    assert described["passages"] == len(opened.vectors) == len(opened.words)
    assert described["encoder"] == "hash"
    assert described["store_bytes"] > 0 < described["derived_bytes"]
    opened.close()
    with pytest.raises(IndexMissing, match="qa build"):
        describe_index(articles)
