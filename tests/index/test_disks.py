"""Disks that refuse are told from damage: permissions, a full disk, a disk that is read only."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from qa.answer.retriever import Retriever
from qa.errors import DiskError, IndexDamaged
from qa.index.build import build
from qa.index.doctor import examine
from qa.index.index import Index, list_articles
from qa.index.store import explain_failure
from tests.faults.harm import find_all
from tests.standin import HashEncoder

needs_permissions = pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="everything is permitted to this user"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles/bridge.txt").write_text("The bridge was opened in 1931.\n")
    build(tmp_path / "articles", tmp_path / "index", encoder=HashEncoder())
    return tmp_path


def lock(folder: Path, mode: int) -> None:
    for path in sorted([*folder.rglob("*"), folder], reverse=True):
        path.chmod(mode if path.is_dir() else mode & 0o666)


@needs_permissions
def test_an_index_that_may_only_be_read_is_searched(folder: Path):
    before = find_all(folder / "index")
    lock(folder / "index", 0o555)
    try:
        assert find_all(folder / "index") == before
        retriever = Retriever.load(folder / "index", encoder=HashEncoder())
        assert [hit.passage.article.id for hit in retriever.retrieve("bridge")] == ["bridge.txt"]
        findings = examine(folder / "index", folder / "articles", encoder=HashEncoder())
        assert [f.check for f in findings if not f.is_ok] == []
        with pytest.raises(DiskError, match=r"as it was: .*Permission denied: check owner"):
            build(folder / "articles", folder / "index", encoder=HashEncoder())
    finally:
        lock(folder / "index", 0o755)


@needs_permissions
def test_an_index_that_may_not_be_read_is_not_called_damaged(folder: Path):
    (folder / "index/qa.sqlite").chmod(0)
    for use in (Index.open, list_articles):
        with pytest.raises(DiskError, match="nothing is damaged"):
            use(folder / "index")
    (folder / "index").chmod(0)
    try:
        for use in (Index.open, list_articles):
            with pytest.raises(DiskError, match="nothing is damaged"):
                use(folder / "index")
        (finding,) = examine(folder / "index", folder / "articles", encoder=HashEncoder())
        assert "Permission denied" in finding.detail
        assert not finding.remedy
    finally:
        (folder / "index").chmod(0o755)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EACCES, "nothing is damaged"),
        (errno.EROFS, "choose a place that may be written"),
        (errno.EIO, "the disk fails"),
        (errno.EMFILE, "too many files are open"),
    ],
)
def test_each_refusal_has_its_own_words(folder: Path, monkeypatch, code: int, said: str):
    (folder / "articles/lamp.txt").write_text("The lamp was lit.\n")

    def fail(*args: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(DiskError, match=said) as told:
        build(folder / "articles", folder / "index", encoder=HashEncoder())
    assert str(folder) in str(told.value)
    monkeypatch.undo()
    assert [article.id for article in list_articles(folder / "index")] == ["bridge.txt"]


def test_what_is_no_error_of_a_disk_stays_what_it_is():
    error = ValueError("x")
    assert explain_failure(error, Path("qa.sqlite")) is error


def test_an_index_of_the_first_format_is_made_anew_without_encoding(folder: Path):
    """As the first version wrote it: without checksums."""
    import sqlite3

    from qa.index.store.tables import BY_NAME

    path = folder / "index/qa.sqlite"
    old = sqlite3.connect(path)
    old.execute("pragma journal_mode = delete")
    for table in BY_NAME.values():
        columns = ", ".join([*table.names, *([table.large] if table.large else [])])
        old.execute(f"create table old_{table.name} as select {columns} from {table.name}")
        old.execute(f"drop table {table.name}")
        old.execute(f"alter table old_{table.name} rename to {table.name}")
    old.execute("drop table tables")
    old.execute("update meta set value = '1' where key = 'format'")
    old.commit()
    old.close()
    with pytest.raises(Exception, match="has index format 1, this version reads"):
        list_articles(folder / "index")
    report = build(folder / "articles", folder / "index", encoder=HashEncoder(may_encode=False))
    assert (report.encoded, bool(report.mended)) == (0, True)
    assert [article.id for article in list_articles(folder / "index")] == ["bridge.txt"]


def test_an_index_that_keeps_sentences_in_no_way_known_is_encoded_anew_and_told_so(folder: Path):
    """As version 3 wrote it: a vector for each sentence alone, beside those of passages."""
    import sqlite3

    old = sqlite3.connect(folder / "index/qa.sqlite")
    old.executescript(
        "drop table sentence_vectors; delete from tables where name = 'sentence_vectors'; "
        "delete from meta where key = 'sentences'; "
        "update meta set value = '3' where key = 'format'"
    )
    old.close()
    report = build(folder / "articles", folder / "index", encoder=HashEncoder())
    assert report.encoded == report.passages > 0
    assert ["has index format 3, this version reads" in flaw for flaw in report.mended] == [True]
    index = Index.open(folder / "index", encoder=HashEncoder(may_encode=False))
    passages = [passage for _, passage in index.store.iterate_passages()]
    texts = [p.article.text[s.start : s.end] for p in passages for s in p.sentences]
    rows = HashEncoder().encode_passages(texts)
    assert index.sentence_vectors(passages) == pytest.approx(rows, abs=1e-3)
    index.close()


def test_a_store_that_is_no_database_is_replaced(folder: Path):
    before = find_all(folder / "index")
    for path in (folder / "index").glob("qa.sqlite*"):
        path.write_bytes(b"no database " * 1000)
    with pytest.raises(IndexDamaged, match="run `qa build`, which repairs it"):
        list_articles(folder / "index")
    build(folder / "articles", folder / "index", encoder=HashEncoder())
    assert find_all(folder / "index") == before
    shutil.rmtree(folder / "index/generations")
    assert find_all(folder / "index") == before


@pytest.mark.parametrize("place", [18, 19])
def test_a_store_of_a_later_version_is_damage_and_no_permission(folder: Path, place: int):
    store = folder / "index/qa.sqlite"
    before = find_all(folder / "index")
    data = bytearray(store.read_bytes())
    data[place] = 3
    store.write_bytes(data)
    findings = examine(folder / "index", folder / "articles", encoder=HashEncoder())
    assert "store" in [f.check for f in findings if not f.is_ok]
    (folder / "articles/ferry.txt").write_text("The ferry was sold in 1932.\n")
    report = build(folder / "articles", folder / "index", encoder=HashEncoder())
    # Byte 18 forbids to write the store, 19 to read it; then all of it is made anew.
    assert report.added == (("ferry.txt",) if place == 18 else ("bridge.txt", "ferry.txt"))
    assert report.mended
    (folder / "articles/ferry.txt").unlink()
    build(folder / "articles", folder / "index", encoder=HashEncoder())
    assert find_all(folder / "index") == before
