"""Random damage to an index's store, and what has to hold after it.

    python -m tests.faults.tamper --times 300 --seed 1

The doctor names what is wrong and never fails itself; nothing altered is ever found or cited; and
a build makes the index again what a fresh one is.
"""

import argparse
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from qa.errors import QAError
from qa.index.build import build
from qa.index.doctor import examine
from qa.index.index import list_articles
from tests.faults.harm import find_all, write_articles
from tests.standin import HashEncoder

Tamper = Callable[[Path, random.Random], None]


def _flip_bytes(path: Path, draw: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(draw.choice([1, 1, 1, 5, 40])):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    path.write_bytes(data)


def _overwrite_page(path: Path, draw: random.Random) -> None:
    data = bytearray(path.read_bytes())
    start = draw.randrange(len(data) // 4096) * 4096
    data[start : start + 4096] = draw.choice([bytes(4096), draw.randbytes(4096)])
    path.write_bytes(data)


def _swap_pages(path: Path, draw: random.Random) -> None:
    data = bytearray(path.read_bytes())
    one, other = (draw.randrange(len(data) // 4096) * 4096 for _ in range(2))
    page = data[one : one + 4096]
    data[one : one + 4096], data[other : other + 4096] = data[other : other + 4096], page
    path.write_bytes(data)


def _cut(path: Path, draw: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: draw.randrange(len(data))])


def _add(path: Path, draw: random.Random) -> None:
    path.write_bytes(path.read_bytes() + draw.randbytes(draw.randrange(1, 9000)))


def _replace_text(path: Path, draw: random.Random) -> None:
    """Change a word where it stands, as an editor of bytes would."""
    data = path.read_bytes()
    word = draw.choice([b"bridge", b"penny", b"Monday", b"seahorses", b"article-00"])
    places = [n for n in range(len(data)) if data.startswith(word, n)]
    place = draw.choice(places)
    path.write_bytes(data[:place] + word[::-1] + data[place + len(word) :])


def _execute(path: Path, draw: random.Random) -> None:
    """One statement, as somebody with `sqlite3` at hand would type it."""
    with closing(sqlite3.connect(path)) as connection, suppress(sqlite3.Error):
        tables = ("articles", "passages", "vectors", "meta", "files", "tables")
        table = draw.choice([*tables, "meta", "articles", "passages"])
        columns = [row[1] for row in connection.execute(f"pragma table_info({table})")]
        key, offset = columns[0], draw.randrange(12)
        row = f"(select {key} from {table} order by {key} limit 1 offset {offset})"
        value = draw.choice(["'Somebody'", "x'00ff'", "7", "-1", "''", "null", "zeroblob(64)"])
        statement = draw.choice(
            [
                f"update {table} set {draw.choice(columns)} = {value} where {columns[0]} = {row}",
                f"update {table} set {draw.choice(columns)} = {value} where {columns[0]} = {row}",
                f"delete from {table} where {columns[0]} = {row}",
                f"delete from {table}",
                f"update {table} set {draw.choice(columns)} = {value}",
                f"drop table {table}",
                f"alter table {table} add column more text",
                f"create trigger t after insert on {table} begin delete from meta; end",
                "drop index passages_by_article",
                "vacuum",
                f"create table more{draw.randrange(9)} (value text)",
            ]
        )
        connection.execute(statement)
        connection.commit()


TAMPERS: tuple[Tamper, ...] = (
    _flip_bytes,
    _flip_bytes,
    _overwrite_page,
    _swap_pages,
    _cut,
    _add,
    _replace_text,
    _execute,
    _execute,
    _execute,
)


class Trials:
    """An index that is damaged again and again."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.draw = random.Random(seed)
        self.original = folder / "original"
        write_articles(self.original / "articles", 12, seed)
        build(self.original / "articles", self.original / "index", encoder=HashEncoder())
        self.found = find_all(self.original / "index")
        self.articles = list_articles(self.original / "index")
        self.seen: Counter[str] = Counter()

    def run_once(self, tamper: Tamper) -> None:
        """Damage a copy; look at it, ask it, mend it."""
        work = self.folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(self.original, work)
        articles, index = work / "articles", work / "index"
        tamper(index / "qa.sqlite", self.draw)
        before = examine(index, articles, encoder=HashEncoder())
        self._ask(index)
        build(articles, index, encoder=HashEncoder())
        after = examine(index, articles, encoder=HashEncoder())
        assert all(finding.is_ok for finding in after), after
        assert find_all(index) == self.found
        assert list_articles(index) == self.articles
        self.seen["noticed" if not all(f.is_ok for f in before) else "harmless"] += 1
        # What has no effect on any answer may go unnoticed; nothing else.
        assert not [f for f in before if "Traceback" in f.detail]

    def _ask(self, index: Path) -> None:
        for look, whole in ((find_all, self.found), (list_articles, self.articles)):
            try:
                answered = look(index)
                assert answered == whole, look
                self.seen["answered as before"] += 1
            except QAError as error:
                assert "delete" not in str(error)
                self.seen["refused"] += 1


def run(folder: Path, seed: int, times: int) -> Counter[str]:
    """All trials, each kind of damage in turn."""
    trials = Trials(folder, seed)
    for number in range(times):
        trials.run_once(TAMPERS[number % len(TAMPERS)])
    return trials.seen


def main() -> None:
    """Run a series and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    args = parser.parse_args()
    print(f"seed {args.seed}")
    with tempfile.TemporaryDirectory() as folder:
        print(dict(run(Path(folder), args.seed, args.times)))


if __name__ == "__main__":
    main()
