"""Kill builders, Ray workers and readers of a shared index, and look at what is left each time.

    python -m tests.faults.shared --kills 100
    python -m tests.faults.shared --nodes 3

While articles are added, replaced and removed, so that indexes are made and optimised at nearly
every build, processes are killed with SIGKILL after a time drawn at random: one that builds, one of
two that build at once, one that builds with Ray, a worker of such a one, or one that asks. After
each kill the index must hold the articles of before or of now, all of them, without damage, and who
asks must have found no article mixed of two versions; at the end, one undisturbed build must give
what a build from nothing gives.

With `--nodes`, so many Ray nodes are started on this machine, and one is killed in a build.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from qa.errors import IndexBusy, IndexMissing
from qa.index.locate import check, open_index
from qa.types import Span
from tests.standin import HashEncoder

ARTICLES = 60
FEW = 20
"""Passages beside the indexes before they are optimised, and before vectors are indexed."""
KEPT_SECONDS = 20.0
"""After which files of old generations are removed: readers look for a new one each second."""
BUSY = 3
"""Exit code of a builder that was told to wait."""
VICTIMS = (
    *("builder", "one of two builders") * 3,
    *("reader", "builder with Ray", "Ray worker"),
)
"""In turn."""
QUESTIONS = ("report on a buoy that rang", "line 3 of report 2", "buoy 17")
ROOT = Path(__file__).parents[2]

Contents = dict[str, str]
"""Article id -> its text."""


def write_article(folder: Path, number: int, version: int) -> None:
    """An article all of whose passages name its version."""
    lines = [f"Buoy {number}, report {version}."]
    lines += [
        f"Line {n} of report {version} on buoy {number}." + " It rang." * 30 for n in range(4)
    ]
    (folder / f"buoy-{number:03}.txt").write_text("\n\n".join(lines))


def change_articles(folder: Path, draw: random.Random, version: int) -> None:
    """Replace, add and remove a few."""
    for number in draw.sample(range(ARTICLES), 12):
        write_article(folder, number, version)
    for number in draw.sample(range(ARTICLES), 3):
        (folder / f"buoy-{number:03}.txt").unlink(missing_ok=True)


def make_small() -> None:
    """Let a few articles be as many, so that indexes of vectors are made and optimised."""
    from qa.index.lance import build, index, publishing

    build.COMMIT_PASSAGES = 10 * FEW
    publishing.UNINDEXED_UP_TO = publishing.FRAGMENTS_UP_TO = FEW
    publishing.EXACT_UP_TO = index.EXACT_UP_TO = 5 * FEW
    publishing.KEPT_SECONDS, publishing.MARGIN_SECONDS = KEPT_SECONDS, 5.0


def build_once(articles: str, location: str, workers: str = "") -> None:
    """What processes do that build."""
    from qa.index.lance.build import build_shared

    print("ready", flush=True)
    try:
        build_shared(articles, location, encoder=HashEncoder(), workers=workers or None)
    except IndexBusy:
        sys.exit(BUSY)


def ask_on(location: str) -> None:
    """Ask until killed; an article of two versions, or a wrong row, ends it with an error."""
    from qa.answer.retriever import Retriever

    retriever = None
    while True:
        try:
            retriever = retriever or Retriever.load(location, encoder=HashEncoder())
        except IndexMissing:
            continue
        for hit in retriever.retrieve("report on a buoy that rang", 20):
            passage = hit.passage
            version = passage.article.text.split("report ")[1].split(".")[0]
            assert f"report {version}" in passage.text, passage
        print("asked", flush=True)
        time.sleep(0.05)


def find_all(location: str) -> list[Any]:
    """All articles and passages, and what words and vectors find; in a fixed order."""
    index = open_index(location, encoder=HashEncoder())
    found: list[Any] = []
    for article in index.list_articles():
        ids = index.find_nearby(article.id, Span(0, 0), 1000)
        found += [article.text, *(passage.text for passage in index.get_passages(ids).values())]
    for question in QUESTIONS:
        hits = index.search_words(question, 10_000)
        places = index.get_places([i for i, _ in hits])
        found += sorted((*places[i], round(score, 4)) for i, score in hits)
        query = index.encoder.encode_queries([question])[0]
        found += [round(score, 3) for _, score in index.search_vectors(query, 10_000)][:3]
    return found


class Trials:
    """Articles with an index at a URI, whose processes are killed again and again."""

    def __init__(self, work: Path, seed: int) -> None:
        make_small()
        self.articles, self.location = work / "articles", f"file://{work}/shared"
        self.fresh = f"file://{work}/fresh"
        self.articles.mkdir()
        self.draw = random.Random(seed)
        self.ended: Counter[tuple[str, str]] = Counter()
        """Victim, and whether the index was old or new afterwards."""
        self.asked = self.waited = self.workers = 0
        """Questions asked, builders told to wait, Ray workers that were killed at work."""
        for number in range(ARTICLES):
            write_article(self.articles, number, 0)
        builder = self.build()
        began = time.monotonic()
        assert end(builder) == 0
        self.seconds = time.monotonic() - began
        self.published, self.generation = self.files(), 1
        self.reader = start("ask", self.location)

    def files(self) -> Contents:
        """The articles in the folder."""
        return {path.name: path.read_text() for path in self.articles.iterdir()}

    def build(self, workers: str = "") -> "subprocess.Popen[str]":
        """Start a builder; returns when it begins its work."""
        builder = start("build", str(self.articles), self.location, workers)
        assert builder.stdout is not None
        assert builder.stdout.readline() == "ready\n"
        return builder

    def kill(self, number: int, victim: str) -> None:
        """Change the articles, build, kill, and look at what is left."""
        change_articles(self.articles, self.draw, number + 1)
        with_ray = "Ray" in victim
        builders = [self.build("2" if with_ray else "")]
        if victim == "one of two builders":
            builders.append(self.build())
        if victim == "Ray worker":
            self._kill_worker(builders[0])
        else:
            seconds = self.seconds * (8 if with_ray else 1)
            time.sleep(self.draw.uniform(0, seconds))
            killed = self.reader if victim == "reader" else self.draw.choice(builders)
            self._check_reader()
            killed.kill()
        for builder in builders:
            end(builder)
            assert builder.returncode in (0, BUSY, -signal.SIGKILL), (victim, builder.returncode)
            self.waited += builder.returncode == BUSY
        if victim in ("reader", "Ray worker"):
            assert [builder.returncode for builder in builders] == [0], victim
        if victim == "reader":
            self.asked += self.reader.communicate()[0].count("asked")
            self.reader = start("ask", self.location)
        self.look(victim)

    def _kill_worker(self, builder: "subprocess.Popen[str]") -> None:
        """Kill one of the processes that do the work, once there are some."""
        while builder.poll() is None:
            workers = [pid for pid in descendants(builder.pid) if "MapWorker" in name_of(pid)]
            if workers:
                time.sleep(self.draw.uniform(0, self.seconds))
                with suppress(ProcessLookupError):  # it has just ended
                    os.kill(self.draw.choice(workers), signal.SIGKILL)
                    self.workers += 1
                return
            time.sleep(0.1)

    def look(self, victim: str) -> None:
        """Is the index that of before or of now, and whole?"""
        index = open_index(self.location, encoder=HashEncoder())
        held = {article.id: article.text for article in index.list_articles()}
        generation = index.generation
        assert generation >= self.generation
        is_new = held == self.files()
        assert is_new or held == self.published, victim
        self.ended[victim, "new" if is_new else "old"] += 1
        self.published, self.generation = held, generation
        findings = check(self.location, self.articles)
        wrong = [f for f in findings if not f.is_ok and f.check != "files"]
        assert not wrong, (victim, wrong)
        self._check_reader()

    def _check_reader(self) -> None:
        assert self.reader.poll() is None, "whoever asked found something wrong"

    def finish(self) -> None:
        """Build undisturbed, and compare with a build from nothing."""
        assert end(self.build()) == 0
        self.look("nobody")
        self.reader.kill()
        self.asked += self.reader.communicate()[0].count("asked")
        assert end(start("build", str(self.articles), self.fresh)) == 0
        assert find_all(self.location) == find_all(self.fresh)


def descendants(pid: int) -> list[int]:
    """Processes that a process started, and those that they did."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        parents.setdefault(int(fields[1]), []).append(int(path.parent.name))

    def walk(parent: int) -> Iterator[int]:
        for child in parents.get(parent, []):
            yield child
            yield from walk(child)

    return list(walk(pid))


def name_of(pid: int) -> str:
    """The title of a process; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def start(*role: str) -> "subprocess.Popen[str]":
    """This module in another process."""
    command = [sys.executable, "-m", "tests.faults.shared", "--role", *role]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env)


def end(process: "subprocess.Popen[str]") -> int:
    """Wait until a process has ended; returns its exit code."""
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
    return process.returncode


def run(work: Path, seed: int, *, kills: int, victims: tuple[str, ...] = VICTIMS) -> Trials:
    """All trials, each kind of victim in turn."""
    trials = Trials(work, seed)
    try:
        for number in range(kills):
            trials.kill(number, victims[number % len(victims)])
            print(f"kill {number + 1} of {kills}", file=sys.stderr, flush=True)
        trials.finish()
    finally:
        trials.reader.kill()
        end(trials.reader)
    return trials


def lose_a_node(work: Path, seed: int, nodes: int) -> str:
    """Build by a cluster of nodes on this machine, kill one in the middle, and compare with a build
    in one process.
    """
    from ray.cluster_utils import Cluster

    make_small()
    articles, location, fresh = work / "articles", f"file://{work}/shared", f"file://{work}/fresh"
    articles.mkdir()
    for number in range(50 * ARTICLES):
        write_article(articles, number, 0)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    others = [cluster.add_node(num_cpus=1) for _ in range(nodes - 1)]
    cluster.wait_for_nodes()
    began = time.monotonic()
    builder = start("build", str(articles), location, cluster.address)
    random.Random(seed).shuffle(others)
    lost = None
    while lost is None:
        assert builder.poll() is None, "it was done before a node had work"
        time.sleep(0.1)
        lost = next((node for node in others if has_work(node)), None)
    time.sleep(1)
    assert builder.poll() is None
    cluster.remove_node(lost, allow_graceful=False)
    at = time.monotonic() - began
    assert end(builder) == 0
    took = time.monotonic() - began
    cluster.shutdown()
    assert end(start("build", str(articles), fresh)) == 0
    assert find_all(location) == find_all(fresh)
    assert all(finding.is_ok for finding in check(location, articles))
    return f"a node of {nodes} killed after {at:.0f} s; built in {took:.0f} s: the same index"


def has_work(node: Any) -> bool:
    """Whether a Ray node has a process that builds."""
    raylet = node.all_processes["raylet"][0].process.pid
    return any("MapWorker" in name_of(pid) for pid in descendants(raylet))


def main() -> None:
    """Print what came of it; an assertion fails before that where anything was wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--nodes", type=int)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--role", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.role:
        make_small()
        role, *rest = args.role
        return build_once(*rest) if role == "build" else ask_on(*rest)
    print(f"seed {args.seed}", flush=True)
    with tempfile.TemporaryDirectory() as work:
        if args.nodes:
            print(lose_a_node(Path(work), args.seed, args.nodes))
            return
        began = time.monotonic()
        trials = run(Path(work), args.seed, kills=args.kills)
    print(f"{args.kills} kills in {time.monotonic() - began:.0f} s, {trials.asked} questions;")
    print(f"generation {trials.generation} at the end; {trials.waited} builders were told to wait;")
    print(f"{trials.workers} Ray workers were killed at work")
    for (victim, state), count in sorted(trials.ended.items()):
        print(f"  {victim:20} index {state:4} {count:4}")


if __name__ == "__main__":
    main()
