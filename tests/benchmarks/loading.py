"""Many passages loaded by Ray workers into shared tables, questions to them, and one article more.

    python -m tests.benchmarks.loading ../shared/data/text-debdocs/articles.jsonl \
        --passages 1000000 --workers 2

The texts are real, taken as often as it needs, each time with a title of its own; vectors are drawn
around 2,000 centres (tests/benchmarks/scale.py). Articles are read, split and analysed as in any
build. `--work` keeps the tables, from which a run that was stopped goes on.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from qa.answer.retriever import Retriever
from qa.index.keys import passage_text
from qa.index.lance.build import build_shared
from qa.index.lance.dataset import PASSAGES, Dataset
from qa.index.lance.index import LanceIndex
from qa.index.lance.publishing import find_nearest
from qa.index.locate import describe
from qa.types import Passage, Span
from tests.benchmarks.scale import ADDED, ClustersEncoder, read_texts
from tests.benchmarks.shared import Spent, spend

QUESTIONS = 200
CHARS_PER_PASSAGE = 456
"""About, as the splitter makes them of these texts."""
ADDITIONS = 3


def write_articles(source: Path, folder: Path, passages: int) -> None:
    """Articles until they have about so many passages, by their length."""
    folder.mkdir(parents=True)
    left = passages * CHARS_PER_PASSAGE
    for number, text in enumerate(read_texts(source)):
        (folder / f"{number:06}.txt").write_text(f"Text {number}\n\n{text}", encoding="utf-8")
        left -= len(text)
        if left <= 0:
            return


def draw_passages(index: LanceIndex) -> list[Passage]:
    """One of each of some articles."""
    draw = np.random.default_rng(1)
    articles = draw.choice(sorted(index.text_hashes()), QUESTIONS, replace=False).tolist()
    some = [index.find_nearby(article_id, Span(0, 0), 10**6) for article_id in articles]
    return list(index.get_passages([int(draw.choice(ids)) for ids in some if ids]).values())


def measure_questions(location: str, encoder: ClustersEncoder) -> None:
    """Print times of finding, without encoding the question, and recall against exact search."""
    index = LanceIndex.open(location, encoder=encoder)
    retriever = Retriever(index)
    about = {
        f"{' '.join(passage.text.split()[:8])} {n}": passage_text(passage).text
        for n, passage in enumerate(draw_passages(index))
    }
    encoder.about = about
    seconds, cpu = [], time.process_time()
    for question in about:
        seconds.append(retriever.search(question).seconds["search"])
    cpu = time.process_time() - cpu
    p50, p95 = 1000 * np.quantile(seconds, (0.5, 0.95))
    print(f"finding: p50 {p50:.0f} ms, p95 {p95:.0f} ms, CPU {1000 * cpu / len(about):.0f} ms")
    queries = encoder.encode_queries(list(about))
    dataset = Dataset.connect(location)
    table = dataset.tables(dataset.require_newest())[PASSAGES]
    batches = table.search().select(["id", "vector"]).limit(None).to_batches()
    nearest = find_nearest(batches, queries)
    found = 0
    for query, wanted in zip(queries, nearest, strict=True):
        # Texts were taken several times, so many passages are equally near.
        scores = [score for _, score in index.search_vectors(query, 10)]
        least = min(float(row @ query) for row in index.passage_vectors(sorted(wanted)).values())
        found += sum(score > least - 1e-4 for score in scores)
    print(f"recall@10 of these {len(about)} questions: {found / (10 * len(queries)):.3f}")


def measure_adding(articles: Path, location: str, encoder: ClustersEncoder) -> None:
    """Print what one more article costs, and when it is seen by one who asks on."""
    reader = LanceIndex.open(location, encoder=encoder)
    for number in range(ADDITIONS):
        path = articles / f"added-{time.time_ns()}.txt"
        path.write_text(ADDED.replace("1851", str(1851 + number)), encoding="utf-8")
        spent: Spent = spend(lambda: build_shared(articles, location, encoder=encoder))
        published = time.perf_counter()
        while reader.is_current:
            time.sleep(0.05)
        reader = reader.reopen()
        seen = time.perf_counter() - published
        assert reader.get_article(path.name) is not None
        print(f"adding one article: {spent.seconds:.1f} s (CPU {spent.cpu:.1f}), seen {seen:.1f} s")


def show_progress(done: int, total: int, what: str) -> None:
    """A line now and then."""
    if done % 1000 == 0:
        print(f"{time.strftime('%H:%M:%S')} {what} {done} of {total}", flush=True)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--workers", default="2")
    parser.add_argument("--work", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = args.work or Path(scratch)
        articles, location = work / "articles", f"file://{work}/shared"
        if not articles.exists():
            write_articles(args.source, articles, args.passages)
        encoder = ClustersEncoder()
        started = time.perf_counter()
        report = build_shared(
            articles, location, encoder=encoder, workers=args.workers, progress=show_progress
        )
        print(f"{report.passages} passages, {len(report.added)} articles added")
        print(f"built in {time.perf_counter() - started:.0f} s, load {os.getloadavg()[0]:.0f}")
        told = describe(location)
        print({name: told[name] for name in ("kind", "recall_at_10", "bytes", "generation")})
        measure_questions(location, encoder)
        measure_adding(articles, location, encoder)


if __name__ == "__main__":
    main()
