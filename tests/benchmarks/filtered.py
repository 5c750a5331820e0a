"""Questions to some articles alone: what a filter that leaves few of many passages finds, and what
it costs beside no filter.

    python -m tests.benchmarks.filtered ../shared/data/text-debdocs/articles.jsonl --passages 100000

The texts are real; a stand-in that hashes words encodes them (tests/standin.py). Each question is
asked with a filter of its own, so that no filter is known from the question before.
"""

import argparse
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from qa.answer.retriever import Retriever
from qa.index.interface import Where
from tests.benchmarks.scale import LeanHashEncoder, fill

QUESTIONS = 200
LEFT = 50
"""Passages that a filter leaves, about."""


def main() -> None:
    """Print recall against exact search over what is left, and times with and without filters."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("--passages", type=int, default=100_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        encoder = LeanHashEncoder(dim=384)
        fill(args.source, Path(scratch), args.passages, encoder)
        retriever = Retriever.load(Path(scratch, "index"), encoder=encoder)
        index = retriever.index
        draw = np.random.default_rng(5)
        names = [article.id for article in index.list_articles()]
        ids = {name: index.store.passage_ids([name]) for name in names}
        plain, filtered, left, found, wanted = [], [], [], 0, 0
        for _ in range(QUESTIONS):
            chosen: list[str] = []
            while sum(len(ids[name]) for name in chosen) < LEFT:
                chosen.append(str(draw.choice(names)))
            among = sorted({passage for name in chosen for passage in ids[name]})
            left.append(len(among))
            about = index.get_passages([int(draw.choice(among))])
            question = " ".join(next(iter(about.values())).text.split()[:8])
            where = Where(article_ids=tuple(chosen))
            started = perf_counter()
            retriever.search(question)
            between = perf_counter()
            retriever.search(question, where=where)
            filtered.append(perf_counter() - between)
            plain.append(between - started)
            vector = encoder.encode_queries([question])[0]
            rows = index.passage_vectors(among)
            scores = np.array([row @ vector for row in rows.values()])
            least = np.sort(scores)[-min(10, len(scores))] - 1e-6
            hits = index.search_vectors(vector, 10, where=where)
            assert {i for i, _ in hits} <= set(among)
            found += sum(bool(rows[i] @ vector >= least) for i, _ in hits)
            wanted += min(10, len(among))
        print(
            f"{len(index)} passages, filters leave {np.median(left):.0f}: recall@10 "
            f"{found / wanted:.4f}"
        )
        for name, seconds in (("without", plain), ("with", filtered)):
            p50, p95 = np.quantile(seconds, [0.5, 0.95]) * 1000
            print(f"{name} a filter: p50 {p50:.1f} ms, p95 {p95:.1f} ms")


if __name__ == "__main__":
    main()
