"""Conversations: right first quotes with and without the turns before, and passages found against gold rewrites.

    python tests/benchmarks/followups.py ../shared/data --work /tmp/followups --sample 400

CoQA: all stories are in one index; the turns before are given with the places of their answers, as a conversation with
the program would have them. A question depends on history unless it names something (a capitalised word other than its
first) that its story speaks of. MTRAG: passages found for a turn as asked, with
its turns before, and as people rewrote it.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from tqdm import tqdm

from qa import Answerer, Article, Quote, Retriever
from qa.build import build
from qa.evaluate import GoldQuestion, is_right, read_questions, sample_questions, write_articles
from qa.followup import resolve
from qa.index import Index
from qa.types import Hit, Turn

NAME = re.compile(r"(?<=\s)[A-Z][a-z]+")


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def open_index(dataset: Path, articles: Path, index: Path) -> tuple[Retriever, dict[str, tuple[str, int]]]:
    articles.mkdir(parents=True, exist_ok=True)
    places = write_articles(dataset, articles)
    build(articles, index)
    return Retriever(Index.open(index)), places


def read_turns(row: dict[str, Any], article: Article) -> list[Turn]:
    """A conversation's turns before, each with the quote that answered it."""
    turns: list[Turn] = []
    for before in row["history"]:
        start = article.text.find(before["rationale"])
        quotes = (Quote(article, start, start + len(before["rationale"]), 1, 1.0),) if start >= 0 else ()
        searched = resolve(before["question"], turns).searched
        turns.append(Turn(before["question"], searched, quotes))
    return turns


def depends_on_history(question: str, article: Article) -> bool:
    return not any(name in article.text for name in NAME.findall(question))


def measure_coqa(dataset: Path, work: Path, *, sample: int, reader: str | None) -> None:
    retriever, places = open_index(dataset, work / "articles", work / "index")
    answerer = Answerer(retriever, reader=reader)
    rows = {str(row["id"]): row for row in read_lines(dataset / "questions.jsonl")}
    questions = [question for question in read_questions(dataset, places) if question.spans]
    ways: dict[str, Callable[[GoldQuestion, list[Turn]], Any]] = {
        "without history": lambda gold, turns: answerer.answer(gold.question),
        "with history": lambda gold, turns: answerer.answer(gold.question, turns),
    }
    right: dict[tuple[str, bool], list[bool]] = {}
    extra: list[float] = []
    for gold in tqdm(sample_questions(questions, sample), desc="coqa", file=sys.stderr):
        article = retriever.index.get_article(gold.article_id)
        assert article is not None
        turns = read_turns(rows[gold.id], article)
        started = perf_counter()
        resolve(gold.question, turns)
        extra.append(perf_counter() - started)
        for way, ask in ways.items():
            answer = ask(gold, turns)
            quotes = (answer.quotes or answer.nearest)[:1]
            is_found = any(is_right(gold, quote.article.id, quote) for quote in quotes)
            right.setdefault((way, depends_on_history(gold.question, article)), []).append(is_found)
    print("| coqa, quote@1 | depends on history | stands alone |\n|---|--:|--:|")
    for way in ways:
        cells = [right.get((way, depends), []) for depends in (True, False)]
        print(f"| {way} | " + " | ".join(f"{sum(cell) / len(cell):.3f} ({len(cell)})" for cell in cells) + " |")
    print(f"\nresolving a question: {1000 * median(extra):.2f} ms at the median\n")


def measure_mtrag(dataset: Path, work: Path) -> None:
    corpus = work / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    (corpus / "articles.jsonl").write_text((dataset / "corpus.jsonl").read_text(encoding="utf-8"), encoding="utf-8")
    retriever, places = open_index(corpus, work / "articles", work / "index")
    names = {name: row_id for row_id, (name, _) in places.items()}
    rewrites = {row["id"]: row["standalone_rewrite"] for row in read_lines(dataset / "rewrites.jsonl")}
    rows = [row for row in read_lines(dataset / "queries.jsonl") if row["id"] in rewrites and row["history"]]
    found: dict[str, list[float]] = {}
    for row in tqdm(rows, desc="mtrag", file=sys.stderr):
        turns: list[Turn] = []
        for before in row["history"]:
            if before["role"] == "user":
                turns.append(Turn(before["text"], resolve(before["text"], turns).searched, ()))
        queries = {
            "as asked": (row["question"], None),
            "with history": (row["question"], resolve(row["question"], turns).context),
            "gold rewrite": (rewrites[row["id"]], None),
        }
        for way, (query, context) in queries.items():
            hits = retriever.search(query, 20, context=context).hits
            found.setdefault(way, []).append(recall(hits, row["relevant"], names))
    print(f"| mtrag-human, {len(rows)} turns | passage recall@5 |\n|---|--:|")
    for way, shares in found.items():
        print(f"| {way} | {sum(shares) / len(shares):.3f} |")


def recall(hits: Sequence[Hit], relevant: Sequence[str], names: dict[str, str], k: int = 5) -> float:
    """Share of the relevant corpus passages, each an article here, among the first k."""
    best = list(dict.fromkeys(names[hit.passage.article.id] for hit in hits))[:k]
    return len(set(best) & set(relevant)) / min(k, len(set(relevant)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with coqa and mtrag-human")
    parser.add_argument("--work", type=Path, required=True, help="folder for the indexes")
    parser.add_argument("--sample", type=int, default=400, help="turns of coqa")
    parser.add_argument("--reader", default="bundled", help='or "none"')
    args = parser.parse_args()
    measure_mtrag(args.data / "mtrag-human", args.work / "mtrag")
    measure_coqa(
        args.data / "coqa",
        args.work / "coqa",
        sample=args.sample,
        reader=None if args.reader == "none" else args.reader,
    )


if __name__ == "__main__":
    main()
