"""Kill builds of a shared index again and again, and look at what is left each time.

    python -m tests.faults.shared --kills 30

One process builds while the articles change (some added, some changed, some removed), and is killed
with SIGKILL after a time drawn at random; another asks all the while. After each kill the index
must be a whole generation, old or new, without damage; at the end one undisturbed build must give
what a build from nothing gives.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from qa.errors import IndexMissing
from qa.index.locate import check, open_index
from tests.standin import HashEncoder

ARTICLES = 60


def write_article(folder: Path, number: int, version: int) -> None:
    """An article all of whose passages name its version."""
    lines = [f"Buoy {number}, report {version}."]
    lines += [
        f"Line {n} of report {version} on buoy {number}." + " It rang." * 30 for n in range(4)
    ]
    (folder / f"buoy-{number:03}.txt").write_text("\n\n".join(lines))


def change_articles(folder: Path, draw: random.Random, version: int) -> None:
    """Change, remove and add a few."""
    for number in draw.sample(range(ARTICLES), 12):
        write_article(folder, number, version)
    (folder / f"buoy-{draw.randrange(ARTICLES):03}.txt").unlink(missing_ok=True)


def build_once(articles: str, location: str) -> None:
    """What the processes that are killed do."""
    from qa.index.lance import build

    build.UNINDEXED_UP_TO = 20  # so that indexes are brought up to date at nearly every build
    build.build_shared(articles, location, encoder=HashEncoder())


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


def dump(location: str) -> list[tuple[str, str]]:
    """All articles, and the words of their passages as they are found."""
    index = open_index(location, encoder=HashEncoder())
    found = [(article.id, article.text) for article in index.list_articles()]
    hits = index.search_words("buoy report rang line", 10_000)
    passages = index.get_passages([i for i, _ in hits])
    return sorted([*found, *((p.article.id, p.text) for p in passages.values())])


def main() -> None:
    """Print one line at the end; an assertion fails before it where anything was wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=600, help="Stop earlier after so long.")
    parser.add_argument("--role", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.role:
        role, *rest = args.role
        return build_once(*rest) if role == "build" else ask_on(*rest)
    work = Path(tempfile.mkdtemp())
    articles, location = work / "articles", f"file://{work}/shared"
    articles.mkdir()
    draw, started = random.Random(0), time.monotonic()
    for number in range(ARTICLES):
        write_article(articles, number, 0)
    began = time.monotonic()
    assert start("build", str(articles), location).wait() == 0
    usual = time.monotonic() - began
    asker = start("ask", location)
    killed = finished = 0
    last = 0
    while killed < args.kills and time.monotonic() - started < args.seconds:
        change_articles(articles, draw, killed + 1)
        builder = start("build", str(articles), location)
        try:
            builder.wait(timeout=usual * draw.uniform(0.4, 1.5))
            assert builder.returncode == 0
            finished += 1
        except subprocess.TimeoutExpired:
            builder.send_signal(signal.SIGKILL)
            builder.wait()
            killed += 1
        try:
            generation = open_index(location, encoder=HashEncoder()).generation
        except IndexMissing:
            continue
        assert generation >= last
        last = generation
        wrong = [f for f in check(location, articles) if not f.is_ok and f.check != "files"]
        assert not wrong, wrong
        assert asker.poll() is None, "whoever asked found something wrong"
    asker.kill()
    asked = asker.communicate()[0].count("asked")
    build_once(str(articles), location)
    build_once(str(articles), f"file://{work}/fresh")
    assert dump(location) == dump(f"file://{work}/fresh")
    print(f"{killed} killed, {finished} finished, {asked} questions, generation {last}: all whole")


def start(*role: str) -> "subprocess.Popen[str]":
    """This module in another process."""
    command = [sys.executable, "-m", "tests.faults.shared", "--role", *role]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


if __name__ == "__main__":
    main()
