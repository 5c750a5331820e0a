"""The README's table: right first quotes by plain MiniLM and FAISS, by the hybrid, and with the
reader, side by side.

    python tests/benchmarks/answers.py ../shared/data/squad2-dev ../shared/data/qed --sample 500
    --work /tmp/answers

Each data set's articles are all in one index; `--work` keeps it for the next run. Only articles to
report on are asked of: on others the reader was trained, or weights were fitted. Plain means: FAISS
gives the ten nearest passages, and their sentences are ordered by cosine.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import numpy as np
from tqdm import tqdm

from qa import Answer, Answerer, Quote, Retriever
from qa.evaluation.data_sets import part_of, read_questions, sample_questions, write_articles
from qa.evaluation.metrics import auroc, measure, time_stages
from qa.evaluation.run import ask_all
from qa.index.build import build
from qa.index.index import Index
from qa.types import Hit, Turn

COLUMNS = ("passage recall@10", "quote@1", "quote@3", "AUROC answerable", "calibration error")


class PlainAnswerer:
    """What a vector index alone gives: the nearest passages, and of them the nearest sentences."""

    def __init__(self, retriever: Retriever) -> None:
        self.retriever = retriever

    def answer(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        index = self.retriever.index
        query = index.encoder.encode_queries([question])[0]
        found = index.vectors.search(query, k=10)
        by_id = index.store.get_passages([passage_id for passage_id, _ in found])
        hits = [Hit(by_id[passage_id], score) for passage_id, score in found]
        pairs = [
            (hit.passage.article, sentence) for hit in hits for sentence in hit.passage.sentences
        ]
        cosines = index.sentence_vectors([hit.passage for hit in hits]) @ query
        quotes = tuple(
            Quote(
                pairs[n][0],
                pairs[n][1].start,
                pairs[n][1].end,
                pairs[n][1].paragraph,
                float(cosines[n]),
            )
            for n in np.argsort(-cosines, kind="stable")[:3]
        )
        confidence = float(np.clip(cosines.max(), 0, 1))
        return Answer(
            question,
            question,
            "answered",
            confidence,
            quotes,
            (),
            tuple(hits),
            index.generation,
            {"all": 0.0},
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("datasets", type=Path, nargs="+")
    parser.add_argument("--sample", type=int, help="questions a data set")
    parser.add_argument(
        "--articles", type=int, help="index only so many articles of a data set, drawn at random"
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for the indexes")
    parser.add_argument("--reader", default="bundled")
    parser.add_argument(
        "--passages", type=int, nargs="+", default=[], help="read so many instead of ten, in turn"
    )
    parser.add_argument(
        "--absent",
        type=Path,
        help="data set whose questions are asked of the others' articles, too",
    )
    args = parser.parse_args()
    ways: dict[str, Callable[[Retriever], Answerer | PlainAnswerer]] = {
        "MiniLM + FAISS": PlainAnswerer,
        "hybrid": lambda retriever: Answerer(retriever, reader=None),
        "with the reader": lambda retriever: Answerer(retriever, reader=args.reader),
    }
    if args.passages:
        ways = {
            f"{count} passages read": _read_passages(args.reader, count) for count in args.passages
        }
    print("| data set | | " + " | ".join(COLUMNS) + " | AUROC absent | ms |")
    print("|---|---|" + "--:|" * (len(COLUMNS) + 2))
    for source in args.datasets:
        work = args.work / source.name
        (work / "articles").mkdir(parents=True, exist_ok=True)
        dataset = (
            _draw_articles(source, work / source.name, args.articles) if args.articles else source
        )
        reported = _find_reported(dataset)
        everything = read_questions(dataset, write_articles(dataset, work / "articles"))
        questions = sample_questions(
            [question for question in everything if question.id in reported], args.sample
        )
        build(work / "articles", work / "index")
        retriever = Retriever(Index.open(work / "index"))
        strangers = _read_strangers(args.absent, dataset, most=min(200, len(questions)))
        for way, make in ways.items():
            answerer = make(retriever)
            outcomes = list(
                ask_all(answerer, tqdm(questions, desc=f"{dataset.name}, {way}", file=sys.stderr))
            )
            figures = measure(outcomes)
            present = [o.answer.confidence for o in outcomes if o.gold.spans]
            absent = [answerer.answer(question).confidence for question in strangers]
            labels = np.array([True] * len(present) + [False] * len(absent))
            figures["absent"] = (
                auroc(np.array(present + absent), labels) if absent else float("nan")
            )
            middle = time_stages(outcomes)["all"][0]
            cells = [figures.get(column, float("nan")) for column in (*COLUMNS, "absent")]
            shown = " | ".join("" if np.isnan(cell) else f"{cell:.3f}" for cell in cells)
            name = (
                f"{dataset.name} ({sum(bool(o.gold.spans) for o in outcomes)} of {len(outcomes)} "
                "answerable)"
            )
            print(
                f"| {name} | {way} | {shown} | {middle or '':.0f} |"
                if middle
                else f"| {name} | {way} | {shown} | |"
            )
            sys.stdout.flush()


def _read_passages(reader: str, count: int) -> Callable[[Retriever], Answerer]:
    return lambda retriever: Answerer(retriever, reader=reader, passages_read=count)


def _find_reported(dataset: Path) -> set[str]:
    """Ids of the questions on articles to report on; a folder's name says which set it is."""
    rows = map(json.loads, (dataset / "questions.jsonl").read_text(encoding="utf-8").splitlines())
    return {
        str(row["id"]) for row in rows if part_of(dataset.name, str(row["article_id"])) == "report"
    }


def _draw_articles(dataset: Path, part: Path, count: int) -> Path:
    """A data set of so many of the articles, and the questions on them."""
    lines = (dataset / "articles.jsonl").read_text(encoding="utf-8").splitlines()
    drawn = Random(1).sample(lines, min(count, len(lines)))
    ids = {json.loads(line)["id"] for line in drawn}
    part.mkdir(exist_ok=True)
    (part / "articles.jsonl").write_text("\n".join(drawn), encoding="utf-8")
    asked = (dataset / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    (part / "questions.jsonl").write_text(
        "\n".join(line for line in asked if json.loads(line)["article_id"] in ids), encoding="utf-8"
    )
    return part


def _read_strangers(other: Path | None, dataset: Path, *, most: int) -> list[str]:
    """Questions on articles that are not in the index."""
    if other is None or other.name == dataset.name:
        return []
    lines = (other / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    step = max(1, len(lines) // most)
    return [json.loads(line)["question"] for line in lines[::step]][:most]


if __name__ == "__main__":
    main()
