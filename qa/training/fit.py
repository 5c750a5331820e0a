"""Training questions -> ranker.json: how sentences are ordered, and how sure an answer is.

    python -m qa.training.fit ../shared/data --work /tmp/fit --reader qa/reader/weights

Only articles that the reader was not trained on are indexed: on others its scores would be trusted
too much. Of the questions about them some are as people asked them, some were written by people so
that the articles do not answer them, some are rewritten by rule to the same end; and some are about
articles that are not in the index.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from tqdm import tqdm

from qa.answer.features import (
    FEATURES,
    WAYS,
    Candidates,
    Floats,
    Way,
    gather_candidates,
    list_confidence,
    list_features,
    list_subject,
)
from qa.answer.ranker import WEIGHTS_FILE, Logistic, Ranker, confidence_features
from qa.answer.retriever import Retriever
from qa.evaluation.data_sets import GoldQuestion, is_right, part_of, read_questions, write_articles
from qa.evaluation.metrics import auroc, calibration_error
from qa.index.build import build
from qa.index.index import Index
from qa.reader.onnx import OnnxReader
from qa.training.rewrite import collect_pool, rewrite_question

QuestionKind = Literal["answered", "people", "rewritten", "absent"]
FOLDERS = ("squad1-train", "squad2-train-part")
PASSAGES = 10
WEIGHT: dict[QuestionKind, float] = {
    "answered": 1.0,
    "people": 6.0,
    "rewritten": 0.3,
    "absent": 0.5,
}
"""Of one question when probabilities are fitted: people's unanswerable questions are few, and those
that matter."""


class Example(NamedTuple):
    """One question's candidates, and which of them are right."""

    kind: QuestionKind
    candidates: Candidates
    right: NDArray[np.bool_]


class Ranked(NamedTuple):
    """One question after ranking: what confidence is judged by, and the truth."""

    kind: QuestionKind
    features: dict[str, float]
    is_right: bool


def draw_questions(
    source: Path, work: Path, *, count: int, seed: int = 5
) -> list[tuple[QuestionKind, GoldQuestion]]:
    """Writes the held-out articles to `work`/articles, and draws about so many questions of all
    kinds.
    """
    held = _collect_held_out(source, work / "held-out")
    (work / "articles").mkdir(exist_ok=True)
    rng = Random(seed)
    gold = read_questions(work / "held-out", write_articles(work / "held-out", work / "articles"))
    people = [question for question in gold if not question.spans]
    gold = [question for question in gold if question.spans]
    rng.shuffle(gold)
    count -= len(people)
    answered, rest = gold[: count // 2], gold[count // 2 :]
    pool = collect_pool((question.article_id, question.question) for question in gold)
    changed = (
        (row, rewrite_question(row.question, row.article_id, pool=pool, rng=rng)) for row in rest
    )
    rewritten = [row._replace(question=text, spans=()) for row, text in changed if text is not None]
    others = [
        row
        for row in _read_lines(source / FOLDERS[0] / "questions.jsonl")
        if row["article_id"] not in held
    ]
    absent = [
        GoldQuestion(row["id"], "", row["question"], ()) for row in rng.sample(others, count // 6)
    ]
    drawn: dict[QuestionKind, list[GoldQuestion]] = {
        "answered": answered,
        "people": people,
        "rewritten": rewritten[: count // 3],
        "absent": absent,
    }
    return [(kind, question) for kind, questions in drawn.items() for question in questions]


def _collect_held_out(source: Path, part: Path) -> set[str]:
    """Writes a data set of what training did not see to `part`; gives the ids of its articles."""
    articles: dict[str, dict[str, Any]] = {}
    questions: list[dict[str, Any]] = []
    for folder in reversed(
        FOLDERS
    ):  # articles that both hold are taken from SQuAD 2: it has unanswerable questions
        rows = [
            row
            for row in _read_lines(source / folder / "articles.jsonl")
            if row["id"] not in articles
        ]
        held = {row["id"]: row for row in rows if part_of(folder, row["id"]) != "train"}
        questions += [
            row
            for row in _read_lines(source / folder / "questions.jsonl")
            if row["article_id"] in held
        ]
        articles |= held
    part.mkdir(parents=True, exist_ok=True)
    _write_lines(part / "articles.jsonl", articles.values())
    _write_lines(part / "questions.jsonl", questions)
    return set(articles)


def collect_examples(
    retriever: Retriever,
    reader: OnnxReader | None,
    questions: Sequence[tuple[QuestionKind, GoldQuestion]],
) -> Iterator[Example]:
    """Searches and reads for each question."""
    for kind, gold in tqdm(questions, desc="reading", smoothing=0.02):
        candidates = gather_candidates(
            retriever.search(gold.question, PASSAGES), gold.question, reader
        )
        right = [
            is_right(gold, hit.passage.article.id, sentence)
            for hit, sentence in zip(candidates.hits, candidates.sentences, strict=True)
        ]
        yield Example(kind, candidates, np.array(right, dtype=np.bool_))


def fit_order(examples: Sequence[Example], way: Way, *, penalty: float = 1e-3) -> dict[str, float]:
    """Weights that give the right sentences the largest share of each question's candidates
    (conditional logit).
    """
    fixed = {
        feature.name: feature.fixed for feature in list_features(way) if feature.fixed is not None
    }
    names = [feature.name for feature in list_features(way)]
    tables = [
        (stack(e.candidates, names), e.right)
        for e in examples
        if e.right.any() and not e.right.all()
    ]
    free = np.array([name not in fixed for name in names], dtype=np.float64)

    def loss(weights: Floats) -> tuple[float, Floats]:
        total, gradient = penalty * float(weights @ weights), 2 * penalty * weights
        for table, right in tables:
            scores = table @ weights
            everything, gold = np.logaddexp.reduce(scores), np.logaddexp.reduce(scores[right])
            total += (everything - gold) / len(tables)
            expected = np.exp(scores - everything) @ table
            gradient = gradient + (expected - np.exp(scores[right] - gold) @ table[right]) / len(
                tables
            )
        return total, gradient * free

    start = np.array([fixed.get(name, 0.0) for name in names])
    found = minimize(loss, start, jac=True, method="L-BFGS-B")
    return dict(zip(names, map(float, found.x), strict=True))


def fit_logistic(
    rows: Sequence[dict[str, float]],
    labels: Sequence[bool],
    names: Sequence[str],
    counts: Sequence[float],
    *,
    penalty: float = 1e-3,
) -> Logistic:
    """Logistic regression, ridge-penalised on standardised features; each row counts as often as
    `counts` says.
    """
    table = np.array([[row[name] for name in names] for row in rows])
    mean, deviation = table.mean(axis=0), table.std(axis=0) + 1e-9
    scaled, signs = (table - mean) / deviation, np.where(labels, 1.0, -1.0)
    parts = np.array(counts) / np.sum(counts)

    def loss(weights: Floats) -> tuple[float, Floats]:
        margins = signs * (scaled @ weights[:-1] + weights[-1])
        slope = -signs / (1 + np.exp(margins)) * parts
        gradient = np.append(slope @ scaled + 2 * penalty * weights[:-1], slope.sum())
        return float(
            parts @ np.logaddexp(0, -margins) + penalty * weights[:-1] @ weights[:-1]
        ), gradient

    found = minimize(loss, np.zeros(len(names) + 1), jac=True, method="L-BFGS-B").x
    weights = found[:-1] / deviation
    bias = float(found[-1] - weights @ mean)
    return Logistic(dict(zip(names, map(float, weights), strict=True)), bias)


def stack(candidates: Candidates, names: Sequence[str]) -> Floats:
    """float64 (n, features)."""
    return np.column_stack([candidates.features[name] for name in names])


def score_examples(examples: Sequence[Example], ranker: Ranker) -> list[Ranked]:
    """Ranks each question's candidates."""
    ranked = []
    for example in examples:
        scores = ranker.score(example.candidates)
        features = confidence_features(example.candidates, scores)
        ranked.append(
            Ranked(
                example.kind, features, bool(len(scores) and example.right[int(np.argmax(scores))])
            )
        )
    return ranked


def fit_ranker(examples: Sequence[Example], way: Way) -> Ranker:
    """Order first, then both probabilities on what that order puts first."""
    order = fit_order(examples, way)
    plain = Logistic({}, 0.0)
    ranked = score_examples(examples, Ranker(order, plain, plain))
    fixed = {feature.name for feature in FEATURES if feature.fixed_in_confidence is not None}
    names = [name for name in list_confidence(way) if name not in fixed]
    rows = [row.features for row in ranked]
    counts = [WEIGHT[row.kind] for row in ranked]
    answered = fit_logistic(rows, [row.is_right for row in ranked], names, counts, penalty=0.06)
    is_on_subject = [row.kind != "absent" for row in ranked]
    on_subject = fit_logistic(rows, is_on_subject, list_subject(way), [1.0] * len(rows))
    # With the fixed weights, as it is read again.
    return Ranker.from_json(Ranker(order, answered, on_subject).to_json(), way)


def describe(examples: Sequence[Example], ranker: Ranker) -> str:
    """The figures on some examples, in one line."""
    ranked = score_examples(examples, ranker)
    confidence = np.array([ranker.answered(row.features) for row in ranked])
    subject = np.array([ranker.on_subject(row.features) for row in ranked])
    right = np.array([row.is_right for row in ranked])
    kinds = np.array([row.kind for row in ranked])
    answered = kinds == "answered"
    compared = {kind: answered | (kinds == kind) for kind in ("people", "rewritten", "absent")}
    against = ", ".join(
        f"{kind} {auroc(confidence[rows], answered[rows]):.3f}" for kind, rows in compared.items()
    )
    # As in a set where every other question has no answer, as SQuAD 2's development set.
    asked = np.flatnonzero(answered | (kinds == "people"))
    share = np.where(answered, 1.0 / answered.sum(), 1.0 / max(1, (kinds == "people").sum()))[asked]
    drawn = np.random.default_rng(0).choice(asked, 20_000, p=share / share.sum())
    return (
        f"quote@1 {right[answered].mean():.3f}, AUROC against {against}, "
        f"of the subject {auroc(subject, kinds != 'absent'):.3f}, "
        f"calibration error {calibration_error(confidence[drawn], right[drawn]):.3f}"
    )


def main() -> None:
    """Fit all ways of reading, print what held-out examples give, and write the weights."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="folder with squad1-train and squad2-train-part")
    parser.add_argument(
        "--work", type=Path, required=True, help="for articles and index; used again if there"
    )
    parser.add_argument("--reader", type=Path, help="exported reader; without, the first way only")
    parser.add_argument("--count", type=int, default=3600, help="questions")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parents[1] / "answer" / WEIGHTS_FILE
    )
    args = parser.parse_args()
    questions = draw_questions(args.source, args.work, count=args.count)
    build(args.work / "articles", args.work / "index")
    retriever = Retriever(Index.open(args.work / "index"))
    reader = OnnxReader.from_folder(args.reader) if args.reader else None
    examples = list(collect_examples(retriever, reader, questions))
    Random(1).shuffle(examples)
    half = len(examples) // 2
    shipped: dict[str, Any] = {}
    for way in WAYS[:1] if reader is None else WAYS:
        tqdm.write(f"{way}: {describe(examples[half:], fit_ranker(examples[:half], way))}")
        shipped[way] = fit_ranker(examples, way).to_json()
    args.out.write_text(json.dumps(shipped, indent=1) + "\n", encoding="utf-8")


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
