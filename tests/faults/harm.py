"""Kills and failing writes against an index, one after the other, and what has to hold after each.

    python -m tests.faults.harm --kills 200 --writes 50 --seed 1

prints a table. The tests run a shorter form.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from qa.errors import IndexMismatch, QAError
from qa.index.build import build
from qa.index.doctor import examine
from qa.index.index import Index, list_articles
from tests.standin import HashEncoder

ACTIONS = ("build", "add", "remove", "reembed")
FAULTS = ("ENOSPC", "EIO")
QUESTIONS = (
    "who opened the bridge",
    "seahorses in the bay",
    "a line was added on Monday",
    "newly arrived words",
)
WORDS = """
    bridge toll penny mayor meadow bay eelgrass seahorses divers lamp keeper log rope tide harbour
    ledger clock tower bell market fish salt rain winter Monday opened closed counted wrote mended
    sold carried rang
""".split()
ROOT = Path(__file__).parents[2]

Found = list[tuple[str, str, str, float]]
"""Question, article, text of a passage, and its score; in a fixed order."""


@dataclass(slots=True)
class Outcome:
    """What came of a series of trials."""

    old: Counter[str] = field(default_factory=Counter)
    """Trials after which the index was as before, by action; the others ended in the new state."""
    new: Counter[str] = field(default_factory=Counter)


def write_articles(folder: Path, count: int, seed: int, *, prefix: str = "article") -> None:
    """Articles of sentences drawn from a few words."""
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        sentences = [" ".join(draw.choices(WORDS, k=9)).capitalize() + "." for _ in range(12)]
        title = f"{prefix.capitalize()} {number}: {draw.choice(WORDS)}"
        (folder / f"{prefix}-{number:03}.txt").write_text(
            f"{title}\n\n" + "\n\n".join(sentences) + "\n"
        )


def find_all(folder: Path) -> Found:
    """What vectors and words find, with whichever of the two encoders the index was made."""
    index = open_index(folder)
    found: Found = []
    for question in QUESTIONS:
        query = index.encoder.encode_queries([question])[0]
        for kind, hits in (
            ("vectors", index.vectors.search(query, k=2000)),
            ("words", index.words.search(question, k=2000)),
        ):
            passages = index.store.get_passages([i for i, _ in hits])
            found += [
                (f"{kind}: {question}", passages[i].article.id, passages[i].text, round(s, 4))
                for i, s in hits
            ]
    index.close()
    return sorted(found)


def open_index(folder: Path) -> Index:
    """Open with the encoder of either version."""
    try:
        return Index.open(folder, encoder=HashEncoder())
    except IndexMismatch:
        return Index.open(folder, encoder=HashEncoder(version="2"))


def check_whole(folder: Path, articles: Path) -> str:
    """Raise unless the doctor is content; returns the version of the encoder."""
    version = open_index(folder).encoder.fingerprint.rsplit("-", 1)[1]
    findings = examine(folder, articles, encoder=HashEncoder(version=version))
    # Articles may have changed without a build.
    wrong = [finding for finding in findings if not finding.is_ok and finding.check != "articles"]
    assert not wrong, wrong
    return version


_fresh: dict[tuple[object, ...], Found] = {}


def build_fresh(articles: Path, scratch: Path, version: str) -> Found:
    """What a fresh index of the same articles finds; remembered, since few states come up again and
    again."""
    state = (version, *sorted((path.name, path.read_text()) for path in articles.iterdir()))
    if state not in _fresh:
        shutil.rmtree(scratch, ignore_errors=True)
        build(articles, scratch, encoder=HashEncoder(version=version), allow_empty=True)
        _fresh[state] = find_all(scratch)
    return _fresh[state]


class Trials:
    """A folder with an index that is harmed again and again."""

    def __init__(self, folder: Path, seed: int, *, articles: int = 12) -> None:
        self.folder = folder
        self.draw = random.Random(seed)
        self.outcome = Outcome()
        self.original = folder / "original"
        write_articles(self.original / "articles", articles, seed)
        write_articles(self.original / "new", 3, seed + 1, prefix="new")
        build(self.original / "articles", self.original / "index", encoder=HashEncoder())
        self.before = find_all(self.original / "index")
        self.seconds = {action: self._time(action) for action in ACTIONS}

    def _copy(self) -> Path:
        work = self.folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(self.original, work)
        return work

    def _start(self, action: str, work: Path, *more: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "tests.faults.program", action, str(work), *more]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def _time(self, action: str) -> float:
        process = self._start(action, self._copy())
        started = time.perf_counter()
        process.communicate()
        assert process.returncode == 0
        return time.perf_counter() - started

    def kill_once(self, action: str) -> None:
        """Kill one change at a random time, then look at what is left and finish it."""
        work = self._copy()
        process = self._start(action, work)
        time.sleep(self.draw.uniform(0, self.seconds[action]))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        self._check(action, work)

    def fail_once(self, action: str, fault: str) -> None:
        """Let one write of a change fail, then look at what is left and finish it."""
        work = self._copy()
        process = self._start(action, work, fault, str(self.draw.randrange(10**6)))
        said, _ = process.communicate()
        assert (process.returncode, said) in ((0, "done\n"), (0, "failed\n")), (
            process.returncode,
            said,
        )
        self._check(action, work)

    def _check(self, action: str, work: Path) -> None:
        articles, index = work / "articles", work / "index"
        present = {path.name for path in articles.iterdir()}
        # None is lost: it is in its folder, or where `qa remove` puts it.
        kept = present | {path.name for path in (index / "removed").glob("*")}
        assert kept >= {path.name for path in (self.original / "articles").iterdir()}
        version = check_whole(index, articles)
        found = find_all(index)
        if found == self.before and version == "1":
            self.outcome.old[action] += 1
        else:
            self.outcome.new[action] += 1
            assert found == build_fresh(articles, work / "fresh", version)
        # The next run goes on, encodes nothing twice, and ends where a fresh build does.
        wanted = "2" if action == "reembed" else version
        encoder = HashEncoder(version=wanted)
        has_to_change_over = wanted != version
        build(articles, index, encoder=encoder, reembed=has_to_change_over, allow_empty=True)
        assert len(encoder.encoded) == len(set(encoder.encoded))
        assert find_all(index) == build_fresh(articles, work / "fresh", wanted)
        assert {article.id for article in list_articles(index)} == present
        check_whole(index, articles)


def run(folder: Path, seed: int, *, kills: int, writes: int) -> Outcome:
    """All trials: each kind of change in turn."""
    trials = Trials(folder, seed)
    for number in range(kills):
        trials.kill_once(ACTIONS[number % len(ACTIONS)])
        print(f"kill {number + 1} of {kills}", file=sys.stderr)
    for number in range(writes):
        trials.fail_once(
            ACTIONS[number % len(ACTIONS)], FAULTS[number // len(ACTIONS) % len(FAULTS)]
        )
        print(f"failing write {number + 1} of {writes}", file=sys.stderr)
    return trials.outcome


def main() -> None:
    """Run a series and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--writes", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    args = parser.parse_args()
    print(f"seed {args.seed}")
    for what, kills, writes in (("kills", args.kills, 0), ("failing writes", 0, args.writes)):
        if not kills + writes:
            continue
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            try:
                outcome = run(Path(folder), args.seed, kills=kills, writes=writes)
            except QAError as error:
                sys.exit(f"{what}: {error}")
        print(f"{what}: {kills + writes} in {time.perf_counter() - started:.0f} s")
        for action in ACTIONS:
            print(
                f"  {action:8} old state {outcome.old[action]:4}   new state "
                f"{outcome.new[action]:4}"
            )


if __name__ == "__main__":
    main()
