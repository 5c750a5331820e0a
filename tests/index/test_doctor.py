"""The doctor finds what is wrong, says what to do, and mends nothing itself."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from qa.errors import IndexDamaged, IndexMissing
from qa.index.build import build
from qa.index.doctor import describe_index, examine
from qa.index.index import Index, list_articles
from tests.faults.harm import find_all
from tests.standin import HashEncoder


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "bridge.txt").write_text("The bridge was opened in 1931.\n\nThe toll was a penny.\n")
    (folder / "meadow.txt").write_text(
        "The meadow is eelgrass.\n\nDivers counted seahorses there.\n"
    )
    build(folder, tmp_path / "index", encoder=HashEncoder())
    return folder


def find_wrong(articles: Path, encoder: HashEncoder | None = None) -> dict[str, str]:
    """Check -> remedy, of those that failed."""
    findings = examine(articles.parent / "index", articles, encoder=encoder or HashEncoder())
    wrong = {finding.check: finding.remedy for finding in findings if not finding.is_ok}
    assert "" not in wrong.values()
    return wrong


def execute(index: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(index / "qa.sqlite")
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def flip(index: Path) -> None:
    path = index / "generations/1/vectors.faiss"
    path.write_bytes(path.read_bytes()[:-1] + b"\x99")


def change(statement: str, *values: object) -> Callable[[Path], None]:
    return lambda index: execute(index, statement, *values)


HARMS: list[tuple[str, str, Callable[[Path], None]]] = [
    ("files", "", flip),
    ("files", "", lambda index: (index / "generations/1/manifest.json").unlink()),
    (
        "store",
        "bridge.txt",
        change("update articles set author = 'Somebody' where id = 'bridge.txt'"),
    ),
    (
        "store",
        "meadow.txt",
        change("update articles set date = '1931-01-01' where id = 'meadow.txt'"),
    ),
    (
        "store",
        "bridge.txt",
        change("update articles set url = 'https://example.com' where id = 'bridge.txt'"),
    ),
    (
        "store",
        "bridge.txt",
        change("update articles set text = 'X' || substr(text, 2) where id = 'bridge.txt'"),
    ),
    (
        "store",
        "bridge.txt",
        change("update passages set last = last + 1000 where article_id = 'bridge.txt'"),
    ),
    (
        "store",
        "meadow.txt",
        change("update passages set sentences = x'00' where article_id = 'meadow.txt'"),
    ),
    ("store", "vectors", change("update vectors set vector = zeroblob(length(vector))")),
    ("store", "meadow.txt", change("delete from articles where id = 'meadow.txt'")),
    ("store", "", change("delete from vectors")),
    ("store", "", change("delete from meta where key = 'generation'")),
    ("store", "", change("delete from meta where key = 'dim'")),
    ("store", "", change("update meta set value = 'x' where key = 'encoder_fingerprint'")),
    ("store", "", change("drop index passages_by_article")),
    ("store", "", change("update tables set count = 0")),
]


def test_a_whole_index_is_found_well(articles: Path):
    assert find_wrong(articles) == {}


@pytest.mark.parametrize(("check", "name", "harm"), HARMS)
def test_every_kind_of_damage_is_found_and_mended_by_a_build(
    articles: Path, check: str, name: str, harm: Callable[[Path], None]
):
    index = articles.parent / "index"
    before = find_all(index)
    harm(index)
    found = {finding.check: finding for finding in examine(index, articles, encoder=HashEncoder())}
    assert not found[check].is_ok
    assert name in found[check].detail
    assert "delete" not in found[check].remedy
    report = build(articles, index, encoder=HashEncoder())
    assert bool(report.mended) == (check == "store")
    assert find_wrong(articles) == {}
    assert find_all(index) == before


def test_what_is_whole_of_a_damaged_index_is_not_encoded_again(articles: Path):
    index = articles.parent / "index"
    execute(index, "update articles set author = 'Somebody' where id = 'bridge.txt'")
    assert build(articles, index, encoder=HashEncoder(may_encode=False)).generation == 2
    assert [article.author for article in list_articles(index)] == [None, None]


def test_an_article_whose_file_cannot_be_read_now_survives_the_mending(articles: Path):
    index = articles.parent / "index"
    (articles / "meadow.txt").write_bytes(b"")
    execute(index, "update articles set author = 'Somebody' where id = 'bridge.txt'")
    report = build(articles, index, encoder=HashEncoder())
    assert [error.path.name for error in report.errors] == ["meadow.txt"]
    assert [article.id for article in list_articles(index)] == ["bridge.txt", "meadow.txt"]


def test_a_reader_goes_on_while_the_index_is_mended(articles: Path):
    index = articles.parent / "index"
    before = find_all(index)
    execute(index, "update meta set value = 'x' where key = 'splitter'")
    execute(index, "update articles set author = 'Somebody' where id = 'meadow.txt'")
    build(articles, index, encoder=HashEncoder())
    reader = Index.open(index, encoder=HashEncoder())
    execute(index, "update articles set author = 'Somebody' where id = 'meadow.txt'")
    build(articles, index, encoder=HashEncoder())
    assert not reader.is_current
    assert reader.get_article("meadow.txt").author is None
    reader.close()
    assert find_all(index) == before


def test_nothing_altered_is_ever_cited(articles: Path):
    index = articles.parent / "index"
    execute(index, "update articles set author = 'Somebody'")
    opened = Index.open(index, encoder=HashEncoder())
    with pytest.raises(
        IndexDamaged,
        match=r"bridge\.txt in the table articles is not what was stored.*run `qa build`",
    ):
        opened.get_article("bridge.txt")
    opened.close()


def test_articles_changed_since_the_build_are_named(articles: Path):
    (articles / "bridge.txt").write_text("The bridge is closed.\n")
    (articles / "meadow.txt").unlink()
    assert find_wrong(articles) == {"articles": "run `qa build`"}


def test_copies_changed_since_the_build_are_named(articles: Path):
    copy = articles / "copy.txt"
    copy.write_bytes((articles / "bridge.txt").read_bytes())
    build(articles, articles.parent / "index", encoder=HashEncoder())
    assert find_wrong(articles) == {}
    copy.write_text("Other words.")
    assert list(find_wrong(articles)) == ["articles"]


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
