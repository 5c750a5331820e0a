"""How an index grows: time, memory, disk, speed, and what one more article costs, at some numbers of passages.

    python -m tests.benchmarks.scale ../shared/data/text-debdocs/articles.jsonl --passages 1000 10000 100000

The texts are real; the encoder is a stand-in that hashes words (tests/standin.py), so that what is measured is the
index and not the model: add the encoder's own time, which does not depend on the index's size. Above `SPLIT_UP_TO`
passages, each paragraph goes into the store as a passage of one sentence, without the splitter, to save hours; the
build's time is then that of writing the store and deriving the files.
"""

import argparse
import json
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from statistics import median

import numpy as np

from qa.build import build
from qa.derived import derive
from qa.keys import passage_text, vector_key
from qa.retriever import Retriever
from qa.store import STORE_FILE, Store
from qa.types import Article, Passage, Sentence
from qa.vectors import Exact
from tests.standin import HashEncoder

DIM = 384
QUERIES = 200
CHARS_PER_PASSAGE = 390
SPLIT_UP_TO = 10_000
ADDED = """A lighthouse that nobody keeps

The lighthouse of Varn was lit in 1851 by Ada Cole. Her log fills nine volumes.

It went out in the winter of 1903. Since then the rocks have been marked by a buoy with a bell.
"""


def write_articles(source: Path, folder: Path, passages: int) -> None:
    """Articles until they have about so many passages, by their length: 390 characters a passage here."""
    folder.mkdir(parents=True)
    left = passages * CHARS_PER_PASSAGE
    with source.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            text = json.loads(line)["text"]
            (folder / f"{number:05}.txt").write_text(text, encoding="utf-8")
            left -= len(text)
            if left <= 0:
                return


def fill(source: Path, folder: Path, passages: int, encoder: HashEncoder) -> None:
    """Write store and derived files as a build would, a paragraph for a passage."""
    (folder / "articles").mkdir(parents=True)
    (folder / "index").mkdir()
    (folder / "articles/first.txt").write_text("A first article, for the settings.\n")
    build(folder / "articles", folder / "index", encoder=encoder)
    store = Store.open_writer(folder / "index" / STORE_FILE)
    salt, left = store.salt, passages
    with source.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            text = f"Text {number}\n\n" + json.loads(line)["text"]
            path = folder / "articles" / f"{number:05}.txt"
            path.write_text(text, encoding="utf-8")
            digest = sha256(text.encode()).hexdigest()
            article = Article(path.name, f"Text {number}", text, digest, language="en")
            spans = [match.span() for match in re.finditer(r"\S.*", text)][:left]
            split = [Passage(article, a, b, (Sentence(a, b, n),)) for n, (a, b) in enumerate(spans, start=1)]
            keys = [vector_key(passage_text(passage), salt) for passage in split]
            store.put_vectors(keys, encoder.encode_passages([passage_text(passage) for passage in split]))
            encoder.encoded.clear()
            store.stage_article(article, digest)
            store.stage_passages(article.id, list(zip(split, keys, strict=True)))
            left -= len(split)
            if left <= 0:
                break
    store.begin()
    store.put_staged()
    store.write_meta({"generation": "2", "build_id": "filled"})
    derive(folder / "index/generations", store)
    store.publish()
    store.close()


def time_adding(articles: Path, index: Path, encoder: HashEncoder, *, times: int = 5) -> float:
    """Median seconds of the processor's time that a build takes which finds one new article."""
    seconds = []
    for number in range(times):
        (articles / f"added-{number}.txt").write_text(ADDED.replace("1851", str(1851 + number)), encoding="utf-8")
        started = time.process_time()  # of the clock others on the machine take their part
        report = build(articles, index, encoder=encoder)
        seconds.append(time.process_time() - started)
        assert len(report.added) == 1, report
    return median(seconds)


def measure(source: Path, folder: Path, passages: int) -> dict[str, float]:
    """One row of the table."""
    encoder = HashEncoder(dim=DIM)
    if passages <= SPLIT_UP_TO:
        write_articles(source, folder / "articles", passages)
        started = time.perf_counter()
        build(folder / "articles", folder / "index", encoder=encoder)
    else:
        started = time.perf_counter()
        fill(source, folder, passages, encoder)
    built = time.perf_counter() - started
    disk = sum(path.stat().st_size for path in (folder / "index").rglob("*") if path.is_file())
    retriever = Retriever.load(folder / "index", encoder=encoder)
    index = retriever.index
    ids, vectors = zip(*index.passage_vectors(index.store.passage_ids()).items(), strict=True)
    exact = Exact(ids, np.stack(vectors))
    drawn = np.random.default_rng(1).choice(len(ids), QUERIES)
    passages_drawn = index.store.get_passages([ids[n] for n in drawn])
    questions = [" ".join(p.text.split()[:8]) for p in passages_drawn.values()]
    seconds, found, wanted = [], 0, 0
    for question in questions:
        seconds.append(retriever.search(question).seconds["search"])
        vector = encoder.encode_queries([question])[0]
        truth = {i for i, _ in exact.search(vector, k=10)}
        found += len(truth & {i for i, _ in index.vectors.search(vector, k=10)})
        wanted += len(truth)
    index.close()
    return {
        "passages": len(ids),
        "build s": built,
        "disk MB": disk / 1e6,
        "p50 ms": 1000 * float(np.quantile(seconds, 0.5)),
        "p95 ms": 1000 * float(np.quantile(seconds, 0.95)),
        "recall@10": found / wanted,
        "add CPU s": time_adding(folder / "articles", folder / "index", encoder),
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }


def measure_adding_to_empty(folder: Path) -> float:
    """What one article costs in an index that holds none; the first one pays for making the files."""
    (folder / "articles").mkdir()
    (folder / "articles/first.txt").write_text("A first article, so that there is an index.\n")
    build(folder / "articles", folder / "index", encoder=HashEncoder(dim=DIM))
    return time_adding(folder / "articles", folder / "index", HashEncoder(dim=DIM))


def main() -> None:
    """Print the table; each row in a process of its own, for its peak of memory."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("--passages", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    work = Path(tempfile.mkdtemp())
    try:
        if args.one:
            print(json.dumps(measure(args.source, work, args.passages[0])))
            return
        print(f"adding one article to an empty index: {measure_adding_to_empty(work):.3f} s of CPU", flush=True)
        for row, passages in enumerate(args.passages):
            command = [sys.executable, "-m", "tests.benchmarks.scale", str(args.source), "--one", "--passages"]
            done = subprocess.run([*command, str(passages)], capture_output=True, text=True, check=True)
            figures = json.loads(done.stdout)
            if row == 0:
                print("| " + " | ".join(figures) + " |\n|" + "---|" * len(figures))
            print("| " + " | ".join(f"{value:.4g}" for value in figures.values()) + " |", flush=True)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
