"""The store gives back what it was given, and shows a reader one moment only."""

import os
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.errors import DiskError, IndexDamaged, QAError
from qa.index.keys import PassageText
from qa.index.store import Store, StoreWriter, from_half, is_trusted, trust
from qa.types import Article, Passage, Sentence, Span
from tests.strategies import ANY_TEXT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "qa.sqlite"


def make_article(text: str, article_id: str = "a.txt") -> Article:
    digest = sha256(text.encode()).hexdigest()
    return Article(article_id, "Title", text, digest, "Ada", "2024-01-02", None, "en", 0)


def put(store: StoreWriter, article: Article, passages: list[Passage]) -> None:
    store.begin()
    store.stage_article(article, "hash of file")
    store.stage_passages(article.id, [(p, p.text.encode()) for p in passages])
    store.put_staged()
    store.publish()


@given(text=ANY_TEXT, data=st.data())
def test_articles_and_passages_come_back_as_they_went_in(text: str, data: st.DataObject):
    import tempfile

    # Hypothesis calls this many times, so each time has a file of its own.
    with tempfile.TemporaryDirectory() as folder:
        store = StoreWriter.open(Path(folder) / "qa.sqlite")
        article = make_article(text)
        cut = data.draw(st.integers(0, len(text)))
        sentences = (Sentence(0, cut, 1, "heading"), Sentence(cut, len(text), 1))
        passage = Passage(article, 0, len(text), sentences)
        put(store, article, [passage])
        assert store.get_article("a.txt") == article
        assert [p for _, p in store.iterate_passages()] == [passage]
        assert store.get_places([1]) == {1: ("a.txt", Span(0, len(text)))}
        store.close()


def test_a_snapshot_does_not_see_what_is_published_later(path: Path):
    writer = StoreWriter.open(path)
    article = make_article("One. Two.")
    put(writer, article, [Passage(article, 0, 9, (Sentence(0, 4, 1), Sentence(5, 9, 1)))])
    snapshot = Store.open_snapshot(path)
    writer.begin()
    writer.remove_article("a.txt")
    with closing(Store.open_snapshot(path)) as during:
        assert during.count_articles() == 1
    writer.publish()
    assert (snapshot.count_articles(), snapshot.count_passages()) == (1, 1)
    with closing(Store.open_snapshot(path)) as after:
        assert (after.count_articles(), after.count_passages()) == (0, 0)
    snapshot.close()
    writer.close()


def test_what_is_rolled_back_never_was(path: Path):
    store = StoreWriter.open(path)
    store.begin()
    store.stage_article(make_article("One."), "hash")
    store.put_staged()
    store.rollback()
    assert store.count_articles() == 0
    store.close()


def test_an_article_put_again_replaces_its_passages(path: Path):
    for text in ("One.", "Two."):
        store = StoreWriter.open(path)  # what is staged goes with the connection
        article = make_article(text)
        put(store, article, [Passage(article, 0, 4, (Sentence(0, 4, 1),))])
        assert [p.text for _, p in store.iterate_passages()] == [text]
        store.close()


def test_vectors_are_kept_at_half_precision_until_they_are_not_needed(path: Path):
    store = StoreWriter.open(path)
    vectors = np.array([[0.1, 0.2], [0.3, 0.4]], dtype=np.float32)
    store.put_vectors({b"a": vectors, b"b": vectors[1:]})
    kept = store.get_vectors([b"b", b"zz"])
    assert list(kept) == [b"b"]
    assert from_half(kept[b"b"]) == pytest.approx(vectors[1], abs=1e-3)
    parts = store.get_sentence_vectors([b"a", b"b", b"zz"])
    assert (list(parts), parts[b"b"]) == ([b"a", b"b"], b"")
    assert from_half(parts[b"a"]) == pytest.approx(vectors[1], abs=1e-3)
    store.keep_vectors([b"b", b"c"])
    assert list(store.get_sentence_vectors([b"a", b"b"])) == [b"b"]
    assert (store.count_vectors(), list(store.get_vectors([b"a", b"b"]))) == (1, [b"b"])
    store.close()


def test_texts_without_a_vector_are_queued_once_and_come_longest_first(path: Path):
    store = StoreWriter.open(path)
    store.put_vectors({b"kept": np.ones((2, 2), dtype=np.float32)})
    brief, equal, longer = (
        PassageText(text, (Span(0, 5),)) for text in ("brief", "equal", "a long one")
    )
    store.queue_texts({b"kept": longer, b"1": brief, b"3": equal}, [3, 1, 1])
    store.queue_texts({b"2": longer, b"3": equal, b"4": equal}, [3, 1, 1])
    assert store.count_queued() == (4, 6)
    assert list(store.queued_texts(2)) == [
        (4, {b"2": longer, b"1": brief}),
        (2, {b"3": equal, b"4": equal}),
    ]
    store.close()


def test_a_files_stamp_holds_for_the_bytes_that_it_was_noted_with(path: Path):
    store = StoreWriter.open(path)
    put(store, make_article("One."), [])
    store.note_files({"a.txt": ("stamp 1", "hash of file"), "b.txt": ("stamp 2", "another")})
    store.close()
    with closing(StoreWriter.open(path)) as again:
        assert again.sources() == {
            "a.txt": ("a.txt", "hash of file", sha256(b"One.").hexdigest(), "stamp 1")
        }
        again.note_files({"a.txt": ("stamp 3", "hash of other bytes")})
        assert again.sources()["a.txt"][-1] is None


def test_the_passages_nearest_to_a_place_are_found(path: Path):
    store = StoreWriter.open(path)
    article = make_article("x" * 50)
    put(
        store,
        article,
        [Passage(article, n, n + 10, (Sentence(n, n + 10, 1),)) for n in range(0, 50, 10)],
    )
    assert store.find_nearby("a.txt", Span(20, 25), most=3) == [3, 2, 4]
    assert store.find_nearby("none", Span(0, 1), most=3) == []
    store.close()


def test_a_disk_that_is_full_is_not_taken_for_damage(path: Path):
    store = StoreWriter.open(path)
    store._connection.execute(
        "pragma max_page_count = 30"
    )  # SQLite then says that the disk is full
    with pytest.raises(DiskError, match="free some space"):
        store.put_vectors(
            {str(n).encode(): np.ones((2, 64), dtype=np.float32) for n in range(1000)}
        )
    store.close()
    with closing(StoreWriter.open(path)) as store:
        assert store.find_damage() == []
    path.write_bytes(b"no database " * 400)
    with pytest.raises(IndexDamaged, match="run `qa build`, which repairs it"):
        StoreWriter.open(path)


def test_a_store_that_was_closed_says_so(path: Path):
    store = StoreWriter.open(path)
    store.close()
    with pytest.raises(QAError, match="was closed: open it again"):
        store.count_articles()


def test_more_keys_than_one_query_takes_are_looked_up(path: Path):
    store = StoreWriter.open(path)
    keys = [str(n).encode() for n in range(1200)]
    store.put_vectors(dict.fromkeys(keys, np.ones((2, 2), dtype=np.float32)))
    assert len(store.get_vectors(keys)) == len(store.get_sentence_vectors(keys)) == 1200
    store.close()


def test_a_snapshot_offers_nothing_that_writes():
    added = {name for name in set(dir(StoreWriter)) - set(dir(Store)) if not name.startswith("_")}
    assert {"begin", "publish", "rollback", "write_meta", "put_vectors", "put_staged"} <= added
    assert {"get_article", "get_passages", "get_vectors", "find_damage"} & added == set()


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have no such owners here")
def test_a_file_that_somebody_reads_stays_trusted_until_it_is_written(path: Path):
    StoreWriter.open(path).close()
    with closing(Store.open_snapshot(path)), closing(StoreWriter.open(path)) as writer:
        put(writer, make_article("A text."), [])
        trust(path)
        # As root, SQLite sets the owner of the log when it is opened, which changes its ctime.
        log = path.with_name("qa.sqlite-wal")
        os.chown(log, os.getuid(), os.getgid())
        Store.open_snapshot(path).close()
        assert is_trusted(path)
        put(writer, make_article("Another.", "b.txt"), [])
        assert not is_trusted(path)
