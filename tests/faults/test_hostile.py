"""Bad files crash nothing, are named one by one, and lead nowhere; `QA_HOSTILE_FILES=1000` makes it
the long run."""

import os
from pathlib import Path

from qa.index.build import build
from qa.index.index import list_articles
from tests.faults.hostile import write_bad_files
from tests.standin import HashEncoder

COUNT = int(os.environ.get("QA_HOSTILE_FILES", "60"))


def test_bad_files_are_named_one_by_one_and_the_good_ones_indexed(tmp_path: Path):
    articles = tmp_path / "articles"
    write_bad_files(articles, COUNT, seed=1)
    (articles / "good.txt").write_text("The bridge at Hallowmere was opened in 1931.\n")
    report = build(articles, tmp_path / "index", encoder=HashEncoder())
    indexed = list_articles(tmp_path / "index")
    named = [error.path for error in report.errors]
    assert "good.txt" in report.added
    assert len(set(named)) == len(named)
    # Each is either refused by name, or was text after all, as random bytes may be in some old
    # encoding.
    assert len(named) + len(indexed) == COUNT + 1
    allowed = {"good.txt"} | {
        path.relative_to(articles).as_posix() for path in articles.rglob("bad-*.txt")
    }
    assert {article.id for article in indexed} <= allowed
    assert not [article.id for article in indexed if "root:" in article.text]
    assert [e for e in report.errors if not (str(e).isprintable() and e.reason)] == []
    assert len(named) > COUNT / 2
    print(f"{COUNT} bad files: {len(named)} refused by name, {len(indexed) - 1} read as text")
    again = build(articles, tmp_path / "index", encoder=HashEncoder(may_encode=False))
    assert (again.generation, len(again.errors)) == (report.generation, len(named))
