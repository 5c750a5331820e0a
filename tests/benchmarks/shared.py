"""The same questions to an index in a folder and to its copy as shared tables: are they answered
alike, and how fast.

    python -m tests.benchmarks.shared ../shared/data/text-debdocs/articles.jsonl --passages 100000

The texts are real; a stand-in that hashes words encodes them. Questions are the first eight words
of passages.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from qa.answer.retriever import Retriever
from qa.index.interface import Where
from qa.index.locate import copy_index, describe
from qa.types import Hit
from tests.benchmarks.scale import LeanHashEncoder, fill

QUESTIONS = 300


def name(hit: Hit) -> tuple[str, int]:
    """Its place."""
    return hit.passage.article.id, hit.passage.start


def measure(source: Path, work: Path, passages: int) -> dict[str, float]:
    """Shares found alike, milliseconds a question, seconds and bytes of the copy."""
    encoder = LeanHashEncoder(dim=384)
    location = f"file://{work}/shared"
    fill(source, work, passages, encoder)
    wall, cpu = time.perf_counter(), time.process_time()
    copy_index(work / "index", location)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    here = Retriever.load(work / "index", encoder=encoder)
    there = Retriever.load(location, encoder=encoder)
    ids = here.index.store.passage_ids()
    drawn = np.random.default_rng(1).choice(len(ids), QUESTIONS, replace=False)
    texts = [passage.text for passage in here.index.get_passages([ids[n] for n in drawn]).values()]
    questions = [" ".join(text.split()[:8]) for text in texts if any(map(str.isalnum, text[:20]))]
    pairs = [(here.search(question), there.search(question)) for question in questions]
    first = [name(a.hits[0]) == name(b.hits[0]) for a, b in pairs]
    among = [len({*map(name, a.hits)} & {*map(name, b.hits)}) / len(a.hits) for a, b in pairs]
    seconds = np.array([(a.seconds["search"], b.seconds["search"]) for a, b in pairs])
    some = Where(article_ids=tuple(article.id for article in here.index.list_articles(limit=2)))
    exact = [
        np.allclose(
            [score for _, score in there.index.search_vectors(a.query, 10, where=some)],
            [score for _, score in here.index.search_vectors(a.query, 10, where=some)],
            atol=1e-4,
        )
        for a, _ in pairs[:50]
    ]
    return {
        "passages": len(ids),
        "first alike": float(np.mean(first)),
        "among ten": float(np.mean(among)),
        "folder p50 ms": 1000 * float(np.quantile(seconds[:, 0], 0.5)),
        "p95": 1000 * float(np.quantile(seconds[:, 0], 0.95)),
        "shared p50 ms": 1000 * float(np.quantile(seconds[:, 1], 0.5)),
        "p95 ": 1000 * float(np.quantile(seconds[:, 1], 0.95)),
        "with conditions as exact": float(np.mean(exact)),
        "copy s": wall,
        "copy CPU s": cpu,
        "MB": describe(location)["bytes"] / 1e6,
        "recall@10": describe(location)["recall_at_10"],
    }


def main() -> None:
    """Print a table of one row."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("--passages", type=int, default=100_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        figures = measure(args.source, Path(work), args.passages)
    print("| " + " | ".join(figures) + " |\n|" + "--:|" * len(figures))
    print("| " + " | ".join(f"{value:.4g}" for value in figures.values()) + " |")


if __name__ == "__main__":
    main()
