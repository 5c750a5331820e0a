"""Conversations: right first quotes with and without the turns before, and passages found against
gold rewrites.

    python tests/benchmarks/followups.py ../shared/data --work /tmp/followups --sample 400

CoQA: all stories are in one index; the turns before are given with the places of their answers, as
a conversation with the program would have them. A question depends on history unless it names
something (a capitalised word other than its first) that its story speaks of; those that do not are
asked once more after the turns of another story, as when the subject changes. Weights were chosen
on the stories with even numbers, so figures are those of the odd ones. MTRAG: passages found for a
turn as asked, with its turns before as the program answered them, and as people rewrote it.
Other sets, with `--alone`: questions that stand alone, each asked alone and once more after a turn
about another article of any of these sets; the share whose first quote is the same.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Any

from tqdm import tqdm

from qa import Answerer, Article, Retriever
from qa.answer.followup import resolve
from qa.evaluation.data_sets import (
    GoldQuestion,
    Part,
    is_right,
    part_of,
    read_questions,
    read_turns,
    sample_questions,
    write_articles,
)
from qa.index.build import build
from qa.index.index import Index
from qa.types import Hit, Turn

NAME = re.compile(r"(?<=\s)[A-Z][a-z]+")


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def open_index(
    dataset: Path, articles: Path, index: Path
) -> tuple[Retriever, dict[str, tuple[str, int]]]:
    articles.mkdir(parents=True, exist_ok=True)
    places = write_articles(dataset, articles)
    build(articles, index)
    return Retriever(Index.open(index)), places


def depends_on_history(question: str, article: Article) -> bool:
    return not any(name in article.text for name in NAME.findall(question))


def measure_coqa(dataset: Path, work: Path, *, sample: int, reader: str | None, half: str) -> None:
    retriever, places = open_index(dataset, work / "articles", work / "index")
    answerer = Answerer(retriever, reader=reader)
    wanted = {"odd": (1,), "even": (0,), "all": (0, 1)}[half]
    questions = [
        gold
        for gold in read_questions(dataset, places)
        if gold.spans and int(gold.article_id[:5]) % 2 in wanted
    ]
    right: dict[tuple[str, bool], list[bool]] = {}
    extra: list[float] = []
    chosen = sample_questions(questions, sample)
    histories = {gold.id: read_turns(gold, get_article(retriever, gold)) for gold in questions}
    for place, gold in enumerate(tqdm(chosen, desc="coqa", file=sys.stderr)):
        depends = depends_on_history(gold.question, get_article(retriever, gold))
        ways = {"without history": [], "with history": histories[gold.id]}
        if not depends:
            other = next(g for g in chosen[place - 1 :] + chosen if g.article_id != gold.article_id)
            ways["after turns of another story"] = histories[other.id]
        for way, turns in ways.items():
            answer = answerer.answer(gold.question, turns)
            quotes = (answer.quotes or answer.nearest)[:1]
            is_found = any(is_right(gold, quote.article.id, quote) for quote in quotes)
            right.setdefault((way, depends), []).append(is_found)
        extra.append(measure_extra(retriever, gold.question, histories[gold.id]))
    print("| coqa, quote@1 | depends on history | stands alone |\n|---|--:|--:|")
    for way in dict.fromkeys(way for way, _ in right):
        cells = [right.get((way, depends), []) for depends in (True, False)]
        print(
            f"| {way} | "
            + " | ".join(f"{sum(c) / len(c):.3f} ({len(c)})" if c else "" for c in cells)
            + " |"
        )
    print(
        f"\nextra time for a question with history, reader aside: {1000 * median(extra):.1f} ms "
        "at the median\n"
    )


def get_article(retriever: Retriever, gold: GoldQuestion) -> Article:
    article = retriever.index.get_article(gold.article_id)
    assert article is not None
    return article


def measure_extra(retriever: Retriever, question: str, turns: list[Turn]) -> float:
    """Seconds that resolving a question and searching with its context take beyond searching for it
    alone."""
    times = []
    for history in ([], turns, []):
        started = perf_counter()
        retriever.search(question, context=resolve(question, history).context)
        times.append(perf_counter() - started)
    return times[1] - (times[0] + times[2]) / 2


def measure_standing_alone(
    datasets: Sequence[Path], work: Path, *, part: Part, sample: int, reader: str | None
) -> None:
    """One index of all sets' articles of a part; at most so many questions of each set."""
    articles, questions = [], []
    for dataset in datasets:
        rows = [
            row
            for row in read_lines(dataset / "articles.jsonl")
            if part_of(dataset.name, row["id"]) == part
        ]
        # Of OneStopQA's three levels of English one.
        rows = [row for row in rows if dataset.name != "onestopqa" or row["id"].endswith("_Adv")]
        ids = {row["id"] for row in rows}
        articles += [{**row, "id": f"{dataset.name} {row['id']}"} for row in rows]
        asked = [
            {**row, "article_id": f"{dataset.name} {row['article_id']}"}
            for row in read_lines(dataset / "questions.jsonl")
            if row["article_id"] in ids and row["answerable"]
        ]
        questions += Random(0).sample(asked, min(sample, len(asked)))
    mixed = work / "set"
    mixed.mkdir(parents=True, exist_ok=True)
    for name, rows in (("articles", articles), ("questions", questions)):
        lines = "".join(f"{json.dumps(row)}\n" for row in rows)
        (mixed / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    retriever, places = open_index(mixed, work / "articles", work / "index")
    answerer = Answerer(retriever, reader=reader)
    golds = read_questions(mixed, places)
    Random(1).shuffle(golds)
    turns: dict[str, Turn] = {}
    outcomes = []
    for place, gold in enumerate(tqdm(golds, desc="standing alone", file=sys.stderr)):
        other = next(g for g in golds[place - 1 :] + golds if g.article_id != gold.article_id)
        if other.id not in turns:
            turns[other.id] = Turn.from_answer(answerer.answer(other.question))
        alone = answerer.answer(gold.question)
        after = answerer.answer(gold.question, [turns[other.id]])
        first, second = (
            [(quote.article.id, quote.start) for quote in (answer.quotes or answer.nearest)[:1]]
            for answer in (alone, after)
        )
        outcomes.append(first == second)
    same = sum(outcomes) / len(outcomes)
    print(f"| {', '.join(path.name for path in datasets)} | first quote as when asked alone |")
    print(f"|---|--:|\n| {len(outcomes)} questions | {same:.3f} |")


def measure_mtrag(dataset: Path, work: Path, *, reader: str | None) -> None:
    corpus = work / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    (corpus / "articles.jsonl").write_text(
        (dataset / "corpus.jsonl").read_text(encoding="utf-8"), encoding="utf-8"
    )
    retriever, places = open_index(corpus, work / "articles", work / "index")
    names = {name: row_id for row_id, (name, _) in places.items()}
    rewrites = {
        row["id"]: row["standalone_rewrite"] for row in read_lines(dataset / "rewrites.jsonl")
    }
    rows = [
        row
        for row in read_lines(dataset / "queries.jsonl")
        if row["id"] in rewrites and row["history"]
    ]
    found: dict[str, list[float]] = {}
    answerer = Answerer(retriever, reader=reader)
    held: dict[tuple[str, ...], list[Turn]] = {(): []}
    for row in tqdm(rows, desc="mtrag", file=sys.stderr):
        asked = tuple(before["text"] for before in row["history"] if before["role"] == "user")
        for count in range(1, len(asked) + 1):
            if asked[:count] not in held:
                turns = held[asked[: count - 1]]
                held[asked[:count]] = [
                    *turns,
                    Turn.from_answer(answerer.answer(asked[count - 1], turns)),
                ]
        turns = held[asked]
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


def recall(
    hits: Sequence[Hit], relevant: Sequence[str], names: dict[str, str], k: int = 5
) -> float:
    """Share of the relevant corpus passages, each an article here, among the first k."""
    best = list(dict.fromkeys(names[hit.passage.article.id] for hit in hits))[:k]
    return len(set(best) & set(relevant)) / min(k, len(set(relevant)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder with coqa and mtrag-human")
    parser.add_argument("--work", type=Path, required=True, help="folder for the indexes")
    parser.add_argument("--sample", type=int, default=400, help="turns of coqa")
    parser.add_argument("--reader", default="bundled", help='or "none"')
    parser.add_argument(
        "--stories", choices=("odd", "even", "all"), default="odd", help="which stories of coqa"
    )
    parser.add_argument("--only", nargs="+", default=["mtrag-human", "coqa"], help="data sets")
    parser.add_argument("--alone", nargs="+", default=[], help="sets of questions that stand alone")
    parser.add_argument("--part", choices=("choose", "report"), default="report", help="of these")
    args = parser.parse_args()
    reader = None if args.reader == "none" else args.reader
    if "mtrag-human" in args.only:
        measure_mtrag(args.data / "mtrag-human", args.work / "mtrag", reader=reader)
    if "coqa" in args.only:
        measure_coqa(
            args.data / "coqa",
            args.work / "coqa",
            sample=args.sample,
            reader=reader,
            half=args.stories,
        )
    if args.alone:
        measure_standing_alone(
            [args.data / name for name in args.alone],
            args.work / "alone",
            part=args.part,
            sample=args.sample,
            reader=reader,
        )


if __name__ == "__main__":
    main()
