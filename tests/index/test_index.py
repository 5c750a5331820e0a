"""Opening an index: what is damaged is noticed and made again from the store, and a reader keeps
what it opened.

The encoder is a stand-in that refuses where nothing is to be encoded.
"""

import json
import shutil
import sqlite3
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from qa.errors import IndexDamaged, IndexMismatch, IndexMissing, SettingError
from qa.index.build import build
from qa.index.index import Index, list_articles
from qa.index.interface import Where
from tests.standin import HashEncoder

TEXTS = {
    "bridge.txt": "The bridge at Hallowmere was opened in 1931.\n\nIt was paid for by a toll "
    "of one "
    "penny.\n",
    "meadow.txt": "The meadow under Ostrey Bay is eelgrass.\n\nDivers counted forty seahorses "
    "there in "
    "May.\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "articles").mkdir()
    for name, text in TEXTS.items():
        (tmp_path / "articles" / name).write_text(text)
    build(tmp_path / "articles", tmp_path / "index", encoder=HashEncoder())
    return tmp_path / "index"


def search(folder: Path) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
    """What vectors and words find, by an encoder that may not encode passages."""
    encoder = HashEncoder(may_encode=False)
    index = Index.open(folder, encoder=encoder)
    found = (
        index.vectors.search(encoder.encode_queries(["seahorses"])[0], k=5),
        index.words.search("seahorses", k=5),
    )
    index.close()
    return found


def replace(path: Path, data: bytes) -> None:
    """Write another file under the name: the word index of an earlier build may still have this one
    in memory."""
    path.unlink()
    path.write_bytes(data)


def truncate(path: Path) -> None:
    replace(path, path.read_bytes()[:-20])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    replace(path, bytes(data))


@pytest.mark.parametrize("harm", [truncate, flip, Path.unlink])
@pytest.mark.parametrize(
    "name", ["vectors.faiss", "words/meta.json", "words/*.term", "manifest.json"]
)
def test_a_damaged_derived_file_is_noticed_and_made_again_without_encoding(
    folder: Path, name: str, harm: Callable[[Path], None]
):
    before = search(folder)
    damaged = next((folder / "generations/1").glob(name))
    harm(damaged)
    assert search(folder) == before
    assert search(folder) == before


def test_a_missing_generation_is_made_again(folder: Path):
    before = search(folder)
    (folder / "generations/1").rename(folder / "elsewhere")
    assert search(folder) == before


def test_words_analysed_otherwise_are_indexed_anew_without_encoding(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    before = search(folder)
    monkeypatch.setattr("qa.index.generations.LAYOUT", "another")
    assert search(folder) == before
    assert json.loads((folder / "generations/1/manifest.json").read_text())["analysis"] == "another"


def test_a_build_mends_what_is_damaged_though_no_article_changed(folder: Path):
    before = search(folder)
    flip(folder / "generations/1/vectors.faiss")
    report = build(folder.parent / "articles", folder, encoder=HashEncoder(may_encode=False))
    assert (report.generation, report.encoded) == (1, 0)
    manifest = json.loads((folder / "generations/1/manifest.json").read_text())
    assert search(folder) == before
    assert json.loads((folder / "generations/1/manifest.json").read_text()) == manifest


def add_article(folder: Path, number: int) -> None:
    text = f"The harbour of Varn has {number} cranes.\n\nSeahorses are not seen there.\n"
    (folder.parent / f"articles/harbour-{number}.txt").write_text(text)
    assert len(build(folder.parent / "articles", folder, encoder=HashEncoder()).added) == 1


def search_texts(folder: Path) -> list[tuple[str, float]]:
    """What vectors and words find; without ids, which depend on an index's past."""
    encoder = HashEncoder(may_encode=False)
    index = Index.open(folder, encoder=encoder)
    hits = index.vectors.search(encoder.encode_queries(["seahorses of Varn"])[0], k=50)
    hits += index.words.search("seahorses of Varn", k=50)
    passages = index.store.get_passages([i for i, _ in hits])
    found = sorted(
        (passages[i].article.id + passages[i].text, round(score, 5)) for i, score in hits
    )
    index.close()
    return found


@pytest.mark.parametrize(("flat_up_to", "kind"), [(20_000, "Flat"), (1, "SQfp16")])
def test_an_added_article_leaves_the_large_file_as_it_is_until_many_were_added(
    folder: Path, monkeypatch: pytest.MonkeyPatch, flat_up_to: int, kind: str
):
    monkeypatch.setattr("qa.index.generations.RECENT_UP_TO", 3)
    monkeypatch.setattr("qa.index.vectors.FLAT_UP_TO", flat_up_to)
    shutil.rmtree(folder)
    build(folder.parent / "articles", folder, encoder=HashEncoder())
    generations = folder / "generations"
    recent = []
    for number in range(6):
        add_article(folder, number)
        files = [generations / f"{number + n}/vectors.faiss" for n in (1, 2)]
        recent.append(
            ((generations / f"{number + 2}/recent.faiss").exists(), files[0].samefile(files[1]))
        )
        build(folder.parent / "articles", folder.parent / f"fresh-{number}", encoder=HashEncoder())
        assert search_texts(folder) == search_texts(folder.parent / f"fresh-{number}")
    assert recent == [(True, True)] * 3 + [(False, False)] + [(True, True)] * 2
    assert json.loads((generations / "7/manifest.json").read_text())["kind"] == kind
    # One that was added lately is taken out of the small file alone.
    (folder.parent / "articles/harbour-5.txt").unlink()
    build(folder.parent / "articles", folder, encoder=HashEncoder())
    assert (generations / "8/vectors.faiss").samefile(generations / "7/vectors.faiss")
    assert search_texts(folder) == search_texts(folder.parent / "fresh-4")


def test_a_process_reads_what_two_generations_share_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    search(folder)
    add_article(folder, 1)
    hashed = []
    with monkeypatch.context() as patch:
        patch.setattr(
            "qa.index.generations._hash",
            lambda path: hashed.append(path.name) or sha256(path.read_bytes()).hexdigest(),
        )
        search(folder)
    assert "recent.faiss" in hashed
    assert "vectors.faiss" not in hashed


@pytest.mark.parametrize("harm", [truncate, flip, Path.unlink])
@pytest.mark.parametrize(
    "name", ["vectors.faiss", "recent.faiss", "words/meta.json", "words/*.term", "manifest.json"]
)
def test_damage_is_not_carried_into_the_next_generation(
    folder: Path, name: str, harm: Callable[[Path], None]
):
    add_article(folder, 1)
    harm(next((folder / "generations/2").glob(name)))
    add_article(folder, 2)
    build(folder.parent / "articles", folder.parent / "fresh", encoder=HashEncoder())
    assert search_texts(folder) == search_texts(folder.parent / "fresh")


def test_an_open_index_goes_on_as_it_was_and_knows_that_it_is_old(folder: Path):
    articles = folder.parent / "articles"
    index = Index.open(folder, encoder=HashEncoder())
    (articles / "meadow.txt").write_text("The meadow was mown.\n")
    for number in range(4):  # long after the generation's files are gone
        (articles / "bridge.txt").write_text(f"The bridge has {number} arches.\n")
        build(articles, folder, encoder=HashEncoder())
    assert not index.is_current
    assert index.words.search("seahorses", k=5)
    meadow = index.get_article("meadow.txt")
    assert meadow is not None
    assert "seahorses" in meadow.text
    index.close()
    assert sorted(path.name for path in (folder / "generations").iterdir()) == ["4", "5"]
    assert search(folder)[1] == []


def test_sentence_vectors_are_those_of_the_sentences_in_order(folder: Path):
    encoder = HashEncoder()
    index = Index.open(folder, encoder=encoder)
    passages = [passage for _, passage in index.store.iterate_passages()]
    sentences = [p.article.text[s.start : s.end] for p in passages for s in p.sentences]
    assert index.sentence_vectors(passages) == pytest.approx(
        encoder.encode_passages(sentences), abs=1e-3
    )
    assert index.sentence_vectors([]).shape == (0, encoder.dim)
    index.close()


def test_a_folder_without_an_index_says_what_to_do(tmp_path: Path):
    for use in (Index.open, list_articles):
        with pytest.raises(IndexMissing, match="run `qa build`"):
            use(tmp_path)


def test_another_format_names_the_remedy(folder: Path):
    connection = sqlite3.connect(folder / "qa.sqlite")
    connection.execute("update meta set value = '99' where key = 'format'")
    connection.commit()
    connection.close()
    with pytest.raises(
        IndexMismatch, match=r"has index format 99, this version reads \d+: run `qa build`"
    ):
        Index.open(folder, encoder=HashEncoder())


def test_a_file_that_is_no_database_is_told_apart(folder: Path):
    (folder / "qa.sqlite").write_bytes(b"this is not a database, whatever its name says" * 100)
    for suffix in ("-wal", "-shm"):
        (folder / f"qa.sqlite{suffix}").unlink(missing_ok=True)
    with pytest.raises(
        IndexDamaged, match=r"is damaged \(file is not a database\): run `qa build`"
    ):
        Index.open(folder, encoder=HashEncoder())


@pytest.mark.parametrize("date", ["2020-13", "2020-00", "2020-02-30", "2021-02-29", "2020-04-31"])
def test_days_that_no_calendar_has_are_refused(date: str):
    with pytest.raises(SettingError, match=f"since is '{date}': write a day, month or year"):
        Where(since=date)
    assert Where(until="2020-02-29").days == (0, 20200229)


@pytest.mark.parametrize(
    ("name", "author", "is_one"),
    [
        ("Hannah Vogel", "Hannah Vogel and James Oduya", True),
        ("JAMES  oduya", "Hannah Vogel, James Oduya", True),
        ("Ingrid Solberg", "Dr. Ingrid Solberg", True),
        ("Noor al-Rahman", "noor al rahman", True),
        ("Solberg", "Dr. Ingrid Solberg", True),
        ("Hannah Oduya", "Hannah Vogel, James Oduya", False),
        ("Vogel Hannah", "Hannah Vogel", False),
        ("Ingrid Sol", "Ingrid Solberg", False),
        ("Ingrid Solberg", "", False),
        ("?!", "", False),
    ],
)
def test_an_author_is_found_among_others_by_neighbouring_words(
    name: str, author: str, is_one: bool
):
    admitted = Where(authors=("Nobody", name)).admits_row("a.txt", "", author or None, None, None)
    assert admitted is is_one


def test_languages_are_codes_in_any_case():
    assert Where(languages=("EN", " ar-EG ")).languages == ("en", "ar")
    with pytest.raises(SettingError, match="'English' is no code of a language"):
        Where(languages=("en", "English"))


def test_a_date_is_a_text():
    with pytest.raises(SettingError, match="since is 2023: write a day, month or year"):
        Where(since=2023)  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["article_ids", "authors", "languages"])
def test_a_text_in_place_of_several_names_is_refused(field: str):
    with pytest.raises(
        SettingError,
        match=rf"{field} is the text 'Noor Rahman': give a tuple or list, such as "
        rf"{field}=\('Noor Rahman',\)",
    ):
        Where(**{field: "Noor Rahman"})  # type: ignore[arg-type]
