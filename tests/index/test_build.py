"""What a build finds, encodes, keeps and refuses.

Most tests use the stand-in encoder: it tells which texts it encoded, and there are two that differ.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from qa.articles import read
from qa.articles.read import load_file
from qa.encoder.onnx import OnnxEncoder
from qa.errors import EncoderUnavailable, IndexBusy, IndexMismatch, QAError
from qa.index.build import build
from qa.index.doctor import describe_index
from qa.index.index import Index, list_articles
from qa.index.interface import Where
from qa.index.store import STORE_FILE, Store
from qa.types import Vectors
from tests.conftest import ROOT
from tests.standin import HashEncoder

BRIDGE = "The bridge at Hallowmere was opened in 1931.\n\nIt was paid for by a toll of one penny.\n"
MEADOW = (
    "The meadow under Ostrey Bay is eelgrass.\n\nDivers counted forty seahorses there in May.\n"
)
LAMP = "The lamp at Varn was lit by Ada Cole.\n\nHer log fills nine volumes.\n"


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "bridge.txt").write_text(BRIDGE)
    (folder / "meadow.txt").write_text(MEADOW)
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


def find(folder: Path, query: str) -> list[tuple[str, str, float]]:
    """Text, article and score of the passages found by vectors."""
    opened = Index.open(folder, encoder=HashEncoder())
    found = opened.vectors.search(opened.encoder.encode_queries([query])[0], k=10)
    passages = opened.store.get_passages([i for i, _ in found])
    opened_words = [
        (passages[i].text, passages[i].article.id, round(score, 5)) for i, score in found
    ]
    opened.close()
    return opened_words


def test_a_build_says_what_was_added_changed_removed_and_unchanged(articles: Path, index: Path):
    first = build(articles, index, encoder=HashEncoder())
    assert (first.generation, first.added, first.unchanged) == (1, ("bridge.txt", "meadow.txt"), ())
    (articles / "bridge.txt").write_text(BRIDGE.replace("1931", "1932"))
    (articles / "meadow.txt").unlink()
    (articles / "lamp.txt").write_text(LAMP)
    second = build(articles, index, encoder=HashEncoder())
    assert (second.added, second.changed, second.removed) == (
        ("lamp.txt",),
        ("bridge.txt",),
        ("meadow.txt",),
    )
    third = build(articles, index, encoder=HashEncoder(may_encode=False))
    assert (third.generation, third.unchanged, third.encoded) == (2, ("bridge.txt", "lamp.txt"), 0)
    assert (third.added, third.changed, third.removed) == ((), (), ())


def test_a_passage_whose_words_changed_is_all_that_is_encoded(articles: Path, index: Path):
    (articles / "meadow.txt").write_text(MEADOW * 9)
    build(articles, index, encoder=HashEncoder())
    (articles / "bridge.txt").write_text(BRIDGE.replace("one penny", "two pence"))
    encoder = HashEncoder()
    assert build(articles, index, encoder=encoder).encoded == 1
    assert "It was paid for by a toll of two pence." in encoder.encoded
    assert not [text for text in encoder.encoded if "eelgrass" in text]


def test_a_renamed_article_and_a_moved_paragraph_are_not_encoded_again(tmp_path: Path, index: Path):
    articles = tmp_path / "articles"
    articles.mkdir()
    heading = "---\ntitle: Bridges\n---\n"
    parts = [
        f"## Part {n}\n\n" + f"Bridge number {n} was opened in 19{n}0. " * 3 for n in range(1, 5)
    ]
    (articles / "a.md").write_text(heading + "\n\n".join(parts))
    build(articles, index, encoder=HashEncoder())
    (articles / "a.md").write_text(heading + "\n\n".join(reversed(parts)))
    assert build(articles, index, encoder=HashEncoder(may_encode=False)).changed == ("a.md",)
    (articles / "a.md").rename(articles / "b.md")
    report = build(articles, index, encoder=HashEncoder(may_encode=False))
    assert (report.added, report.removed, report.encoded) == (("b.md",), ("a.md",), 0)
    assert [article.id for article in list_articles(index)] == ["b.md"]


def test_another_encoder_is_refused_by_name_and_taken_on_demand(articles: Path, index: Path):
    build(articles, index, encoder=HashEncoder())
    other = HashEncoder(dim=32, version="2")
    with pytest.raises(IndexMismatch, match="qa build --reembed"):
        build(articles, index, encoder=other)
    with pytest.raises(IndexMismatch, match="qa build --reembed"):
        Index.open(index, encoder=other)
    report = build(articles, index, encoder=other, reembed=True)
    assert report.changed == ("bridge.txt", "meadow.txt")
    assert report.encoded == report.passages > 0
    opened = Index.open(index, encoder=other)
    assert opened.vectors.search(other.encode_queries(["eelgrass"])[0], k=1)
    opened.close()


def test_a_bad_file_is_named_and_leaves_the_others_and_its_earlier_version(
    articles: Path, index: Path
):
    build(articles, index, encoder=HashEncoder())
    before = find(index, "bridge toll")
    (articles / "bridge.txt").write_bytes(b"\x00\x01\x02" * 100)
    (articles / "lamp.txt").write_text(LAMP)
    (articles / "empty.txt").write_text("")
    report = build(articles, index, encoder=HashEncoder())
    assert report.added == ("lamp.txt",)
    assert report.unchanged == ("bridge.txt", "meadow.txt")
    assert sorted(error.path.name for error in report.errors) == ["bridge.txt", "empty.txt"]
    assert [hit for hit in find(index, "bridge toll") if hit[1] == "bridge.txt"] == [
        hit for hit in before if hit[1] == "bridge.txt"
    ]


def test_a_second_copy_of_a_text_is_indexed_once_and_named_with_the_first(
    articles: Path, index: Path
):
    build(articles, index, encoder=HashEncoder())
    shutil.copy(articles / "bridge.txt", articles / "copy.txt")
    report = build(articles, index, encoder=HashEncoder())
    assert (report.errors, report.folded) == ((), (("copy.txt", "bridge.txt"),))
    assert (report.added, report.unchanged, report.encoded) == (
        (),
        ("bridge.txt", "meadow.txt"),
        0,
    )
    assert [article.copies for article in list_articles(index)] == [("copy.txt",), ()]
    with closing(Index.open(index, encoder=HashEncoder())) as opened:
        copy, first = opened.get_article("copy.txt"), opened.get_article("bridge.txt")
        assert copy and first
        assert (copy.id, copy.text, copy.copies) == ("copy.txt", first.text, ())
        where = Where(article_ids=("copy.txt",))
        hits = opened.search_words("bridge", 5, where=where)
        places = opened.get_places([number for number, _ in hits])
        assert {article_id for article_id, _ in places.values()} == {"bridge.txt"}
        assert where.admits(first)
    assert build(articles, index, encoder=HashEncoder()).generation == report.generation
    (articles / "copy.txt").unlink()
    assert build(articles, index, encoder=HashEncoder()).folded == ()
    assert [article.copies for article in list_articles(index)] == [(), ()]


def test_an_emptied_folder_is_refused_unless_it_is_meant(articles: Path, index: Path):
    build(articles, index, encoder=HashEncoder())
    for path in articles.iterdir():
        path.unlink()
    with pytest.raises(QAError, match="--allow-empty"):
        build(articles, index, encoder=HashEncoder())
    assert len(list_articles(index)) == 2
    assert build(articles, index, encoder=HashEncoder(), allow_empty=True).removed == (
        "bridge.txt",
        "meadow.txt",
    )
    assert find(index, "bridge") == []


def test_a_missing_folder_is_refused(tmp_path: Path):
    with pytest.raises(QAError, match="there is no folder"):
        build(tmp_path / "none", tmp_path / "index", encoder=HashEncoder())
    assert not (tmp_path / "index").exists()


def test_a_stopped_build_publishes_nothing_and_the_next_encodes_only_the_rest(
    articles: Path, index: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("qa.index.build.ENCODE_AT_ONCE", 1)

    def stop(done: int, total: int, what: str) -> None:
        if what == "encoding tokens" and done:
            raise KeyboardInterrupt

    first = HashEncoder()
    with pytest.raises(KeyboardInterrupt):
        build(articles, index, encoder=first, progress=stop)
    assert len(first.encoded) == 3  # a passage and its two sentences
    with pytest.raises(QAError, match=r"never finished|no index"):
        Index.open(index, encoder=HashEncoder())
    second = HashEncoder()
    assert build(articles, index, encoder=second).added == ("bridge.txt", "meadow.txt")
    assert second.encoded
    assert not set(first.encoded) & set(second.encoded)


def test_a_killed_build_leaves_no_lock_and_a_running_one_is_named(articles: Path, index: Path):
    code = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from qa.index.build import build
from tests.standin import HashEncoder
def wait(done, total, what):
    if what == "encoding tokens":
        print("encoding", flush=True)
        time.sleep(60)
build(Path({str(articles)!r}), Path({str(index)!r}), encoder=HashEncoder(), progress=wait)
"""
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    try:
        assert other.stdout.readline() == "encoding\n"
        with pytest.raises(IndexBusy, match=rf"process {other.pid} on .* is building"):
            build(articles, index, encoder=HashEncoder())
    finally:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        other.stdout.close()
    assert build(articles, index, encoder=HashEncoder()).added == ("bridge.txt", "meadow.txt")


def list_read(articles: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that a build reads."""
    read = []
    with monkeypatch.context() as patch:
        patch.setattr(
            "qa.index.build.load_file",
            lambda path, folder: read.append(path.name) or load_file(path, folder),
        )
        build(articles, index, encoder=HashEncoder())
    return read


def test_files_that_were_not_touched_are_not_read_again(
    articles: Path, index: Path, monkeypatch: pytest.MonkeyPatch
):
    # What was written in the last two seconds may be written again and keep its time.
    assert list_read(articles, index, monkeypatch) == ["bridge.txt", "meadow.txt"]
    assert list_read(articles, index, monkeypatch) == ["bridge.txt", "meadow.txt"]
    monkeypatch.setattr("qa.index.build._SETTLED_NS", -(10**12))
    assert list_read(articles, index, monkeypatch) == ["bridge.txt", "meadow.txt"]
    assert list_read(articles, index, monkeypatch) == []
    (articles / "lamp.txt").write_text(LAMP)
    assert list_read(articles, index, monkeypatch) == ["lamp.txt"]
    assert [article.id for article in list_articles(index)] == [
        "bridge.txt",
        "lamp.txt",
        "meadow.txt",
    ]


def test_a_change_that_keeps_size_and_time_is_noticed(
    articles: Path, index: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("qa.index.build._SETTLED_NS", -(10**12))
    build(articles, index, encoder=HashEncoder())
    path = articles / "bridge.txt"
    before = path.stat()
    path.write_text(BRIDGE.replace("1931", "1932"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert build(articles, index, encoder=HashEncoder()).changed == ("bridge.txt",)


def test_another_reader_is_noted_and_nothing_is_made_anew(articles: Path, index: Path):
    build(articles, index, encoder=HashEncoder(), reader="first 1")
    report = build(articles, index, encoder=HashEncoder(may_encode=False), reader="second 2")
    assert (report.generation, report.encoded, len(report.unchanged)) == (1, 0, 2)
    assert describe_index(index)["reader"] == "second 2"


def test_all_is_encoded_anew_on_demand_and_a_stopped_build_goes_on(
    articles: Path, index: Path, monkeypatch: pytest.MonkeyPatch
):
    total = build(articles, index, encoder=HashEncoder()).encoded
    before = find(index, "bridge toll")
    monkeypatch.setattr("qa.index.build.ENCODE_AT_ONCE", 1)

    def stop(done: int, total: int, what: str) -> None:
        if what == "encoding tokens" and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(articles, index, encoder=HashEncoder(), reembed=True, progress=stop)
    assert find(index, "bridge toll") == before
    report = build(articles, index, encoder=HashEncoder(), reembed=True)
    assert (report.encoded, report.changed) == (total - 1, ("bridge.txt", "meadow.txt"))
    assert find(index, "bridge toll") == before
    with closing(Store.open_snapshot(index / STORE_FILE)) as store:
        assert store.count_vectors() == total


def test_what_was_encoded_before_a_kill_is_not_encoded_again(
    articles: Path, index: Path, encoder: OnnxEncoder
):
    before = build(articles, index, encoder=encoder).encoded
    (articles / "log.txt").write_text(
        "\n\n".join(f"Entry {n} of the log of Varn." for n in range(300))
    )
    code = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from qa.index import build as building
building.ENCODE_AT_ONCE = 4
calls = 0
def tell(done, total, what):
    global calls
    if what == "encoding tokens":
        calls += 1
        print(done, total, flush=True)
        time.sleep(60 if calls == 3 else 0)
building.build(Path({str(articles)!r}), Path({str(index)!r}), progress=tell)
"""
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    said = [[int(n) for n in other.stdout.readline().split()] for _ in range(3)]
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    other.stdout.close()
    assert 0 == said[0][0] < said[1][0] < said[2][0] < said[2][1]
    with closing(Store.open_snapshot(index / STORE_FILE)) as store:
        assert (store.generation, store.count_vectors()) == (1, before + 8)
    report = build(articles, index, encoder=encoder)
    assert (report.generation, report.added) == (2, ("log.txt",))
    assert report.encoded == report.passages - before - 8


@pytest.mark.parametrize("title", ['"\\ud800 lone"', '"a\\0b"', '"\\udfff"', '"\\x9b"'])
def test_no_title_stops_a_build(articles: Path, index: Path, title: str):
    (articles / "lamp.md").write_text(f"---\ntitle: {title}\nauthor: {title}\n---\n{LAMP}")
    assert "lamp.md" in build(articles, index, encoder=HashEncoder()).added
    assert "lamp.md" in [article.id for article in list_articles(index)]


class Picky(HashEncoder):
    """Fails on one word, in counting or in encoding."""

    def __init__(self, word: str, *, counts: bool = True) -> None:
        super().__init__()
        self.word, self.counts = word, counts

    def count_tokens(self, texts: Sequence[str], /) -> list[int]:
        assert self.counts or not any(self.word in text for text in texts), self.word
        return super().count_tokens(texts)

    def encode_passages(self, texts: Sequence[str], /) -> Vectors:
        if any(self.word in text for text in texts):
            raise MemoryError(self.word)
        return super().encode_passages(texts)


@pytest.mark.parametrize("counts", [True, False])
def test_whatever_goes_wrong_with_a_file_is_its_own_error(
    articles: Path, index: Path, counts: bool
):
    (articles / "lamp.txt").write_text(LAMP)
    report = build(articles, index, encoder=Picky("nine", counts=counts))
    assert (report.added, [error.path.name for error in report.errors]) == (
        ("bridge.txt", "meadow.txt"),
        ["lamp.txt"],
    )
    assert "cannot be used" in report.errors[0].reason
    assert [article.id for article in list_articles(index)] == ["bridge.txt", "meadow.txt"]
    again = build(articles, index, encoder=Picky("nine", counts=counts))
    assert (again.generation, len(again.errors)) == (1, 1)
    assert build(articles, index, encoder=HashEncoder()).added == ("lamp.txt",)


@pytest.mark.parametrize("counts", [True, False])
def test_an_earlier_version_stays_where_the_new_one_fails(
    articles: Path, index: Path, counts: bool
):
    build(articles, index, encoder=HashEncoder())
    (articles / "bridge.txt").write_text(BRIDGE + "The keeper drank.\n")
    report = build(articles, index, encoder=Picky("drank", counts=counts))
    assert (report.changed, report.unchanged, len(report.errors)) == (
        (),
        ("meadow.txt", "bridge.txt"),
        1,
    )
    assert list_articles(index)[0].text == BRIDGE
    assert "The bridge at Hallowmere" in find(index, "bridge opened")[0][0]


def test_an_encoder_that_fails_on_everything_is_blamed_itself(articles: Path, index: Path):
    build(articles, index, encoder=HashEncoder())
    with pytest.raises(EncoderUnavailable, match="'hash' fails"):
        build(articles, index, encoder=Picky(""), reembed=True)
    assert len(list_articles(index)) == 2


def test_a_reader_that_fails_is_the_error_of_the_file(
    articles: Path, index: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(data: bytes, name: str) -> None:
        if name.endswith(".md"):
            raise RecursionError("too deep")

    monkeypatch.setattr(read, "detect_format", fail)
    (articles / "lamp.md").write_text(LAMP)
    report = build(articles, index, encoder=HashEncoder())
    assert [error.reason for error in report.errors] == [
        "cannot be used (RecursionError: too deep): change or remove it"
    ]
