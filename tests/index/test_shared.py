"""An index as tables on shared storage: built in steps, by several, stopped anywhere, and copied.

What it finds is held against brute force in test_contract.py. The tables are real, on this disk.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from qa.answer.answerer import Answerer
from qa.answer.retriever import Retriever
from qa.articles import formats
from qa.cli import main
from qa.errors import IndexBusy, IndexMismatch, IndexMissing, IndexUnreachable, QAError
from qa.index.build import build
from qa.index.doctor import examine
from qa.index.interface import EVERYWHERE, SearchIndex, Where
from qa.index.locate import check, copy_index, describe, open_articles, open_index
from qa.render import answer_to_json
from qa.types import Article, Span
from tests.articles.formats.made import column, make_pdf
from tests.index.test_contract import write_articles
from tests.oracle import Oracle
from tests.standin import HashEncoder

pytest.importorskip("lancedb")

from qa.index.lance import build as build_module
from qa.index.lance import copy as copying
from qa.index.lance import index as index_module
from qa.index.lance import publishing
from qa.index.lance.build import build_shared
from qa.index.lance.dataset import ARTICLES, PASSAGES, WORDS, Dataset
from qa.index.lance.writing import Writing

TEXTS = {
    "bridge.txt": "The bridge at Hallowmere was opened in 1931.\n\n"
    "A toll of one penny paid for it.\n",
    "meadow.txt": "The meadow under Ostrey Bay is eelgrass.\n\n"
    "Divers counted forty seahorses there.\n",
    "mill.txt": "The mill at Quill ground barley until 1902.\n\n"
    "It's a museum now, with 100% of its gear.\n",
}
ADDED = "The lighthouse of Varn was lit in 1851 by Ada Cole.\n\nHer log fills nine volumes.\n"


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def location(tmp_path: Path) -> str:
    return f"file://{tmp_path}/shared"


def build_with(articles: Path, location: str, **options: Any) -> list[str]:
    """Build, and return the texts that were encoded for it."""
    encoder = HashEncoder()
    build_shared(articles, location, encoder=encoder, **options)
    return encoder.encoded


def dump(location: str) -> dict[str, Any]:
    """Everything in an index but in which generation it came there."""
    index = open_index(location, encoder=HashEncoder())
    found = list(index.list_articles())
    ids = {article.id: index.find_nearby(article.id, Span(0, 0), 1000) for article in found}
    flat = [i for some in ids.values() for i in some]
    words = "bridge meadow mill lighthouse eelgrass penny 1931 1851 volumes"
    return {
        "articles": found,
        "passages": [index.get_passages(flat)[i] for i in flat],
        "vectors": [index.passage_vectors(flat)[i].tolist() for i in flat],
        "words": index.count_words(words),
        "bm25": sorted(round(score, 5) for _, score in index.search_words(words, 100)),
    }


def test_a_build_in_steps_ends_where_a_fresh_one_does(
    articles: Path, location: str, tmp_path: Path
):
    build_with(articles, location)
    (articles / "added.txt").write_text(ADDED)
    (articles / "bridge.txt").write_text(TEXTS["bridge.txt"].replace("1931", "1932"))
    (articles / "mill.txt").unlink()
    report = build_shared(articles, location, encoder=HashEncoder())
    assert (report.added, report.changed, report.removed) == (
        ("added.txt",),
        ("bridge.txt",),
        ("mill.txt",),
    )
    assert (report.unchanged, report.generation) == (("meadow.txt",), 2)
    build_with(articles, f"file://{tmp_path}/fresh")
    assert dump(location) == dump(f"file://{tmp_path}/fresh")
    assert all(finding.is_ok for finding in check(location, articles))
    assert build_shared(articles, location, encoder=HashEncoder()).generation == 2


def test_only_what_is_new_is_encoded(articles: Path, location: str):
    assert len(build_with(articles, location)) == 3
    (articles / "added.txt").write_text(ADDED)
    assert len(build_with(articles, location)) == 1
    assert len(build_with(articles, location, reembed=True)) == 4


def test_who_asks_stays_on_a_generation_until_the_next_is_published(articles: Path, location: str):
    build_with(articles, location)
    index = open_index(location, encoder=HashEncoder())
    retriever = Retriever(index)
    (articles / "mill.txt").unlink()
    (articles / "added.txt").write_text(ADDED)
    build_with(articles, location)
    assert index.get_article("mill.txt") is not None
    assert index.get_article("added.txt") is None
    _wait_until_seen(index)
    assert retriever.retrieve("lighthouse of Varn", 1)[0].passage.article.id == "added.txt"
    assert retriever.index.generation == 2


def _wait_until_seen(index: SearchIndex) -> None:
    from time import sleep

    for _ in range(50):
        if not index.is_current:
            return
        sleep(0.1)
    pytest.fail("not seen within 5 s")


@pytest.mark.parametrize(
    ("owner", "step"),
    [
        (Writing, "put"),
        (Writing, "remove"),
        (build_module, "publish"),
        (publishing, "count_words"),
        (publishing, "compact"),
        (publishing, "make_indexes"),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_build_stopped_anywhere_leaves_the_index_whole_and_is_gone_on_with(
    articles: Path,
    location: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    step: str,
    when: str,
):
    build_with(articles, location)
    before = dump(location)
    (articles / "added.txt").write_text(ADDED)
    (articles / "bridge.txt").write_text(TEXTS["bridge.txt"].replace("1931", "1932"))
    (articles / "mill.txt").unlink()
    done: Callable[..., Any] = getattr(owner, step)

    def stop(*args: Any, **options: Any) -> None:
        if when == "after":
            done(*args, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(owner, step, stop)
        build_with(articles, location)
    published = step == "publish" and when == "after"
    if not published:
        assert dump(location) == before
    build_with(articles, location)
    build_with(articles, f"file://{tmp_path}/fresh")
    assert dump(location) == dump(f"file://{tmp_path}/fresh")
    assert all(finding.is_ok for finding in check(location, articles))


def test_passages_committed_without_their_article_count_for_nothing(
    articles: Path, location: str, monkeypatch: pytest.MonkeyPatch
):
    commit = Writing.commit

    def stop_at_articles(self: Writing, name: str, write: Any) -> None:
        if name == ARTICLES:
            raise KeyboardInterrupt
        commit(self, name, write)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Writing, "commit", stop_at_articles)
        build_with(articles, location)
    with pytest.raises(IndexMissing, match="run `qa build --index"):
        open_index(location, encoder=HashEncoder())
    assert len(build_with(articles, location)) == 3
    assert all(finding.is_ok for finding in check(location, articles))


def test_of_two_who_build_one_is_told_to_wait(articles: Path, location: str):
    build_with(articles, location)
    with (
        Dataset.connect(location).lease(),
        pytest.raises(IndexBusy, match="is building the index at"),
    ):
        build_with(articles, location)
    build_with(articles, location)


def test_a_build_that_lost_its_lease_publishes_nothing(articles: Path, location: str):
    build_with(articles, location)
    dataset = Dataset.connect(location)
    with dataset.lease() as lease:
        lease._expires = 0
        with pytest.raises(IndexBusy):
            Writing(dataset, lease, dataset.newest(), {}).remove(["mill.txt"])
    assert len(list(open_articles(location).list_articles())) == 3


def test_an_altered_row_is_noticed(articles: Path, location: str):
    build_with(articles, location)
    dataset = Dataset.connect(location)
    table = dataset.table(PASSAGES)
    table.update(where="article_id = 'mill.txt'", values={"first": 1})
    newest = dataset.require_newest()
    newest.versions[PASSAGES] = table.version
    from qa.index.lance.doctor import _Rows

    rows = _Rows(dataset, newest, None)
    assert list(rows.check_articles()) == []
    assert [flaw for flaw in rows.check_passages() if "altered" in flaw] != []


def test_a_copy_of_a_folders_index_finds_what_that_finds(
    articles: Path, location: str, tmp_path: Path
):
    build(articles, tmp_path / "index", encoder=HashEncoder())
    assert copy_index(tmp_path / "index", location) == 1
    here = Retriever.load(tmp_path / "index", encoder=HashEncoder())
    there = Retriever.load(location, encoder=HashEncoder())
    for query in ("When was the bridge opened?", "seahorses", "penny toll", "barley"):
        expected, found = here.retrieve(query), there.retrieve(query)
        assert [hit.passage for hit in found] == [hit.passage for hit in expected]
        assert [hit.score for hit in found] == pytest.approx([h.score for h in expected], rel=1e-3)
    assert all(finding.is_ok for finding in check(location, articles))
    assert copy_index(tmp_path / "index", location) == 1
    with pytest.raises(QAError, match="copy a folder as any other"):
        copy_index(tmp_path / "index", tmp_path / "other")


def test_a_build_goes_on_from_a_copy_without_encoding(
    articles: Path, location: str, tmp_path: Path
):
    build(articles, tmp_path / "index", encoder=HashEncoder())
    copy_index(tmp_path / "index", location)
    assert build_with(articles, location) == []


def answers(location: str | Path) -> list[Any]:
    """What an index answers, to the last quote."""
    asker = Answerer(Retriever.load(location, encoder=HashEncoder()), reader=None)
    questions = ("When was the bridge opened?", "How many seahorses?", "What is in the museum?")
    told = [answer_to_json(asker.answer(question)) for question in questions]
    return [[answer["status"], answer["quotes"], answer.get("nearest")] for answer in told]


def test_sentences_that_were_read_before_are_not_encoded_again(articles: Path, location: str):
    build_with(articles, location)
    encoder = HashEncoder()
    index = open_index(location, encoder=encoder)
    passages = list(index.get_passages(index.find_alike("seahorsses", 1, letters=2)).values())
    vectors = index.sentence_vectors([*passages, *passages])
    assert (len(vectors), len(encoder.encoded)) == (4, 3)
    assert index.sentence_vectors(passages).tolist() == vectors[:2].tolist()
    assert len(encoder.encoded) == 3


def test_an_index_comes_back_to_a_folder_whole_and_a_build_goes_on_without_encoding(
    articles: Path, location: str, tmp_path: Path
):
    (articles / "birds.pdf").write_bytes(make_pdf([column(["Of Geese", "", "Geese fly south."])]))
    (articles / "twin.txt").write_text(TEXTS["mill.txt"])
    build(articles, tmp_path / "index", encoder=HashEncoder(), reader="bundled")
    copy_index(tmp_path / "index", location)
    silent = HashEncoder(may_encode=False)
    assert copy_index(location, tmp_path / "back", encoder=silent) == 1
    assert copy_index(location, tmp_path / "back", encoder=silent) == 1
    found = {f.check: f for f in examine(tmp_path / "back", articles, encoder=HashEncoder())}
    assert [f for f in found.values() if not f.is_ok] == []
    assert "are made when asked for" in found["vectors"].detail
    back = open_articles(tmp_path / "back")
    assert list(back.list_articles()) == list(open_articles(tmp_path / "index").list_articles())
    assert answers(tmp_path / "back") == answers(tmp_path / "index") == answers(location)
    assert describe(tmp_path / "back")["reader"] == "bundled"
    report = build(articles, tmp_path / "back", encoder=silent)
    assert (report.encoded, report.changed, report.added) == (0, (), ())
    (articles / "added.txt").write_text(ADDED)
    encoder = HashEncoder()
    assert build(articles, tmp_path / "back", encoder=encoder).added == ("added.txt",)
    assert len(encoder.encoded) == 3  # its passage and two sentences
    assert all(f.is_ok for f in examine(tmp_path / "back", articles, encoder=HashEncoder()))


def test_what_is_in_the_target_becomes_the_same(articles: Path, location: str, tmp_path: Path):
    build(articles, tmp_path / "back", encoder=HashEncoder())
    (articles / "added.txt").write_text(ADDED)
    (articles / "mill.txt").unlink()
    build_with(articles, location)
    silent = HashEncoder(may_encode=False)
    assert copy_index(location, tmp_path / "back", encoder=silent) == 2
    assert all(f.is_ok for f in examine(tmp_path / "back", articles, encoder=HashEncoder()))
    assert answers(tmp_path / "back") == answers(location)
    # From one place that is shared to another.
    other = f"file://{tmp_path}/other"
    assert copy_index(location, other) == 1
    assert dump(other) == dump(location)
    assert build_with(articles, other) == []
    with pytest.raises(IndexMismatch, match="built with the encoder"):
        copy_index(location, tmp_path / "elsewhere", encoder=HashEncoder(version="2"))


def test_a_way_back_that_is_killed_leaves_the_folder_as_it_was(
    articles: Path, location: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    build(articles, tmp_path / "back", encoder=HashEncoder())
    before = answers(tmp_path / "back")
    (articles / "mill.txt").unlink()
    (articles / "bridge.txt").write_text(TEXTS["bridge.txt"].replace("1931", "1932"))
    build_with(articles, location)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    for step in ("_stage", "derive", "remove_old_generations"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(copying, step, stop)
            copy_index(location, tmp_path / "back", encoder=HashEncoder())
        if step != "remove_old_generations":
            assert answers(tmp_path / "back") == before
    assert copy_index(location, tmp_path / "back", encoder=HashEncoder()) == 2
    assert answers(tmp_path / "back") == answers(location)


def test_a_file_that_cannot_be_read_any_more_keeps_its_place(articles: Path, location: str):
    build_with(articles, location)
    (articles / "mill.txt").write_bytes(b"\x00\x01\x02" * 50)
    (articles / "copy.txt").write_text(TEXTS["meadow.txt"])
    report = build_shared(articles, location, encoder=HashEncoder())
    assert [error.path.name for error in report.errors] == ["mill.txt"]
    assert report.folded == (("meadow.txt", "copy.txt"),)
    kept = {article.id for article in open_articles(location).list_articles()}
    assert kept == {"bridge.txt", "copy.txt", "mill.txt"}


def test_another_encoder_is_refused_and_taken_on_request(articles: Path, location: str):
    build_with(articles, location)
    other = HashEncoder(version="2")
    with pytest.raises(IndexMismatch, match="--reembed"):
        build_shared(articles, location, encoder=other)
    with pytest.raises(IndexMismatch, match="--reembed"):
        open_index(location, encoder=other)
    build_shared(articles, location, encoder=other, reembed=True)
    assert open_index(location, encoder=other).generation == 2


def test_an_empty_folder_is_not_taken_for_the_end_of_all_articles(articles: Path, location: str):
    build_with(articles, location)
    for path in articles.iterdir():
        path.unlink()
    with pytest.raises(QAError, match="--allow-empty"):
        build_with(articles, location)
    build_with(articles, location, allow_empty=True)
    assert open_index(location, encoder=HashEncoder()).search_words("bridge", 5) == []


def test_what_a_search_found_is_not_read_again(
    articles: Path, location: str, monkeypatch: pytest.MonkeyPatch
):
    build_with(articles, location)
    retriever = Retriever.load(location, encoder=HashEncoder())
    read: list[str] = []

    def read_rows(table: Any, *rest: Any) -> Any:
        read.append(table.name)
        return plain(table, *rest)

    plain = index_module.read_rows
    monkeypatch.setattr(index_module, "read_rows", read_rows)
    assert retriever.retrieve("a toll for the bridge", 2)[0].passage.article.id == "bridge.txt"
    assert sorted(read) == sorted([ARTICLES, PASSAGES, WORDS])
    retriever.retrieve("a toll for the bridge", 2)
    assert sorted(read[3:]) == [PASSAGES]


def test_storage_that_fails_is_told_and_the_open_generation_goes_on(
    articles: Path, location: str, tmp_path: Path
):
    build_with(articles, location)
    retriever = Retriever.load(location, encoder=HashEncoder())
    shutil.move(tmp_path / "shared", tmp_path / "elsewhere")
    assert retriever.index.generation == 1
    with pytest.raises(IndexUnreachable, match="does not answer"):
        retriever.retrieve("bridge")
    shutil.move(tmp_path / "elsewhere", tmp_path / "shared")
    assert retriever.retrieve("bridge", 1)[0].passage.article.id == "bridge.txt"


@pytest.mark.filterwarnings("ignore")  # Ray warns of its own use of itself
def test_ray_workers_make_what_one_process_makes(articles: Path, location: str, tmp_path: Path):
    pytest.importorskip("ray")
    for n in range(40):
        (articles / f"note-{n:02}.txt").write_text(
            f"Note {n}.\n\nThe {n}th buoy rang {n * n} times.\n"
        )
    build_with(articles, f"file://{tmp_path}/one")
    report = build_shared(articles, location, encoder=HashEncoder(), workers="2")
    assert len(report.added) == 43
    assert dump(location) == dump(f"file://{tmp_path}/one")


def test_the_commands_take_a_uri(articles: Path, location: str, tmp_path: Path, sample_index: Path):
    def run(*args: str) -> str:
        result = CliRunner().invoke(main, args, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    run("copy", "--from", str(sample_index), "--to", location)
    run("copy", "--from", location, "--to", str(tmp_path / "back"))
    assert "ok" in run("doctor", "--index", str(tmp_path / "back"), "--articles", "index/articles")
    listed = json.loads(run("list", "--index", location, "--limit", "2", "--json"))["articles"]
    assert len(listed) == 2
    rest = json.loads(run("list", "--index", location, "--after", listed[-1]["id"], "--json"))[
        "articles"
    ]
    everything = json.loads(run("list", "--index", str(sample_index), "--json"))["articles"]
    assert listed + rest == everything
    told = json.loads(run("info", "--index", location, "--json"))
    assert (told["articles"], told["recall_at_10"]) == (len(everything), 1.0)
    assert "are compared one and all" in describe(location)["given_up"]
    assert "ok" in run("doctor", "--index", location, "--articles", "index/articles")
    query = ("search", "when should the chain be replaced", "--json")
    there, here = (json.loads(run(*query, "--index", i)) for i in (location, str(sample_index)))
    assert [hit["text"] for hit in there["hits"]] == [hit["text"] for hit in here["hits"]]


@pytest.mark.parametrize("dim", [64, 20])  # of short codes, and of vectors as they are
def test_many_vectors_are_found_by_their_index_and_those_added_later_too(
    location: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dim: int
):
    for module in (publishing, index_module):
        monkeypatch.setattr(module, "EXACT_UP_TO", 40)
    articles, encoder = tmp_path / "articles", HashEncoder(dim=dim)
    write_articles(articles)
    build_shared(articles, location, encoder=encoder)
    told = describe(location)
    assert told["kind"] == ("IVF_RQ" if dim == 64 else "IVF_FLAT")
    assert told["recall_at_10"] >= 0.98
    assert "of the ten nearest vectors are found" in told["given_up"]
    for number, up_to in ((1, 2000), (2, 0)):  # beside the index, and taken into it
        monkeypatch.setattr(publishing, "UNINDEXED_UP_TO", up_to)
        (articles / f"zz-{number}.txt").write_text(ADDED.replace("1851", f"185{number}"))
        build_shared(articles, location, encoder=encoder)
        oracle = Oracle(articles, encoder)
        index = open_index(location, encoder=encoder)
        for where in (EVERYWHERE, Where(authors=("Ada Cole",))):
            query = encoder.encode_queries([ADDED.replace("1851", f"185{number}")])[0]
            expected = sorted(oracle.search_vectors(query, where).values(), reverse=True)[:10]
            found = index.search_vectors(query, 10, where=where)
            assert [score for _, score in found] == pytest.approx(expected, abs=2e-3)
    assert all(finding.is_ok for finding in check(location, articles))


def test_articles_are_told_apart_by_all_that_is_kept_of_them(articles: Path, location: str):
    (articles / "nul.txt").write_text(
        "A line with é, 会议 and 'quotes'.\n\nAnd one more \\ line.\n"
    )
    build_with(articles, location)
    article = open_articles(location).get_article("nul.txt")
    assert isinstance(article, Article)
    assert article.text == (articles / "nul.txt").read_text()


def test_a_file_is_read_again_when_its_reader_is_another(
    articles: Path, location: str, monkeypatch: pytest.MonkeyPatch
):
    (articles / "birds.pdf").write_bytes(make_pdf([column(["Of Geese", "", "Geese fly south."])]))
    build_shared(articles, location, encoder=HashEncoder())
    assert build_shared(articles, location, encoder=HashEncoder()).changed == ()
    form = replace(formats.BY_NAME["PDF"], version=2)
    monkeypatch.setitem(formats.BY_NAME, "PDF", form)
    report = build_shared(articles, location, encoder=HashEncoder())
    assert report.changed == ("birds.pdf",)
    assert "read again, by another version of its reader (pdf 1, " in report.warnings[0].reason
    assert build_shared(articles, location, encoder=HashEncoder()).changed == ()
