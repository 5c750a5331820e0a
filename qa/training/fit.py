"""Training questions -> ranker.json: the weights of the order of sentences and of confidence.

    python -m qa.training.fit ../shared/data --work /tmp/fit --reader qa/reader/weights

The questions are on many kinds of text (`qa.training.examples`), and each kind counts equally. The
printed metrics of a kind are those of weights fitted on all others (leave one out): they estimate
the quality on a new kind. With `--report` nothing is fitted: the shipped weights are evaluated on
articles that were used neither for training nor for fitting.
"""

import argparse
import dataclasses
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from tqdm import tqdm

from qa.answer.ranking.evidence import Floats
from qa.answer.ranking.features import (
    FEATURES,
    WAYS,
    Candidates,
    Way,
    list_answerable,
    list_features,
    list_right,
    list_subject,
)
from qa.answer.ranking.ranker import WEIGHTS_FILE, Logistic, Ranker, confidence_features, is_sure
from qa.answer.thresholds import POSSIBLY, THRESHOLD
from qa.evaluation.data_sets import Part
from qa.evaluation.metrics import auroc, calibration_error, chance_calibration_error
from qa.reader import identify_reader
from qa.reader.onnx import OnnxReader
from qa.training.examples import Example, QuestionKind, collect_examples

RIGHT_SHARES: dict[QuestionKind, float] = {"answered": 1.0, "people": 0.0, "absent": 0.0}
"""Weight of each kind of question within a set, for the probability that the first candidate is
right."""
CALIBRATED_SHARES: dict[QuestionKind, float] = {"answered": 0.7, "people": 0.3, "absent": 0.0}
"""The same for the calibration: about as often as people ask them of articles on the subject."""
SUBJECT_SHARES: dict[QuestionKind, float] = {"answered": 0.45, "people": 0.1, "absent": 0.45}
"""The same for the probability that the articles are on the subject."""
UNANSWERABLE_SHARE = 0.5
"""Weight of people's unanswerable questions, for the probability that the articles answer; half of
the rest is that of the answered questions of the same sets."""
ONLY_ORDERED = frozenset({"timeqa", "qmsum"})
"""Sets whose questions ask for one of many years, or for a summary: used to fit the order, but not
confidence, since people seldom ask such questions."""
PENALTY = 0.003
"""Of the ridge regressions of the three probabilities; chosen by the printed table. The
calibration, of one feature, needs none to speak of."""


class Ranked(NamedTuple):
    """One question after ranking: the features of confidence, and whether the first is right."""

    example: Example
    features: dict[str, float]
    is_right: bool


def fit_order(examples: Sequence[Example], way: Way, *, penalty: float = 1e-3) -> dict[str, float]:
    """Weights of the order, by conditional logit: they maximise the softmax share of the right
    sentences among each question's candidates. Returns all, the fixed ones included.
    """
    fixed = {
        feature.name: feature.fixed for feature in list_features(way) if feature.fixed is not None
    }
    names = [feature.name for feature in list_features(way)]
    mixed = [e for e in examples if e.right.any() and not e.right.all()]
    sizes = Counter(e.data_set for e in mixed)
    tables = [
        (stack(e.candidates, names), e.right, 1 / sizes[e.data_set] / len(sizes)) for e in mixed
    ]
    free = np.array([name not in fixed for name in names], dtype=np.float64)

    def loss(weights: Floats) -> tuple[float, Floats]:
        total, gradient = penalty * float(weights @ weights), 2 * penalty * weights
        for table, right, part in tables:
            scores = table @ weights
            everything, gold = np.logaddexp.reduce(scores), np.logaddexp.reduce(scores[right])
            total += part * (everything - gold)
            expected = np.exp(scores - everything) @ table
            gradient = gradient + part * (expected - np.exp(scores[right] - gold) @ table[right])
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
    """Logistic regression with a ridge penalty on standardised features, of rows weighted by
    `counts`.
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
    """Features of candidates as a matrix, float64 (n, features)."""
    return np.column_stack([candidates.features[name] for name in names])


def rank_examples(examples: Sequence[Example], ranker: Ranker) -> list[Ranked]:
    """Rank each question's candidates, and compute the features of confidence."""
    ranked = []
    for example in examples:
        scores = ranker.score(example.candidates)
        features = confidence_features(example.candidates, scores)
        is_right = bool(len(scores) and example.right[int(np.argmax(scores))])
        ranked.append(Ranked(example, features, is_right))
    return ranked


def fit_ranker(examples: Sequence[Example], way: Way, *, penalty: float = PENALTY) -> Ranker:
    """Fit the order, then the three probabilities on the first candidates of that order, then their
    calibration.
    """
    order = fit_order(examples, way)
    plain = Logistic({}, 0.0)
    examples = [example for example in examples if example.data_set not in ONLY_ORDERED]
    ranked = rank_examples(examples, Ranker(order, plain, plain, plain))
    rows = [row.features for row in ranked]
    kinds = [row.example.kind for row in ranked]
    is_right = [row.is_right for row in ranked]
    fixed = {feature.name for feature in FEATURES if feature.fixed_in_confidence is not None}

    def fit(labels: Sequence[bool], names: Sequence[str], counts: Sequence[float]) -> Logistic:
        fitted = [name for name in names if name not in fixed]
        return fit_logistic(rows, labels, fitted, counts, penalty=penalty)

    ranker = Ranker(
        order,
        fit(is_right, list_right(way), weigh_examples(examples, RIGHT_SHARES)),
        fit([kind == "answered" for kind in kinds], list_answerable(way), weigh_people(examples)),
        fit(
            [kind != "absent" for kind in kinds],
            list_subject(way),
            weigh_examples(examples, SUBJECT_SHARES),
        ),
    )
    # Adds the fixed weights.
    ranker = Ranker.from_json(ranker.to_json(), way)
    log_odds = [{"log_odds": ranker.answer_log_odds(row)} for row in rows]
    counts = weigh_examples(examples, CALIBRATED_SHARES)
    calibration = fit_logistic(log_odds, is_right, ["log_odds"], counts, penalty=1e-4)
    return dataclasses.replace(ranker, calibration=calibration)


def weigh_people(examples: Sequence[Example]) -> list[float]:
    """Weights of examples for the probability that the articles answer: people's unanswerable
    questions, each counted alike, have `UNANSWERABLE_SHARE`; of answered questions, those of the
    same sets have as much as those of all other sets, and each set counts alike.
    """
    sizes = Counter((example.data_set, example.kind) for example in examples)
    people = {name for name, kind in sizes if kind == "people"}
    total = sum(size for (_, kind), size in sizes.items() if kind == "people")
    answered = {name for name, kind in sizes if kind == "answered"}

    def weigh(example: Example) -> float:
        name, kind = example.data_set, example.kind
        if kind == "absent":
            return 0.0
        if kind == "people":
            return UNANSWERABLE_SHARE / total
        alike = answered & people if name in people else answered - people
        return (1 - UNANSWERABLE_SHARE) / 2 / len(alike) / sizes[name, kind]

    return [weigh(example) for example in examples]


def weigh_examples(
    examples: Sequence[Example], shares: Mapping[QuestionKind, float]
) -> list[float]:
    """Weights of examples: each set counts equally, and within it kinds count by their shares."""
    sizes = Counter((example.data_set, example.kind) for example in examples)
    totals = {
        name: sum(share for kind, share in shares.items() if sizes[name, kind]) for name, _ in sizes
    }
    return [shares[e.kind] / sizes[e.data_set, e.kind] / totals[e.data_set] for e in examples]


class Judged(NamedTuple):
    """Questions of one set with the confidence of their answers; n rows."""

    questions: list[str]
    kinds: NDArray[np.str_]
    is_right: NDArray[np.bool_]
    confidence: Floats


def judge(examples: Sequence[Example], ranker: Ranker) -> Judged:
    """Rank examples of one set, and compute their confidence."""
    ranked = rank_examples(examples, ranker)
    return Judged(
        [example.question for example in examples],
        np.array([example.kind for example in examples]),
        np.array([row.is_right for row in ranked], dtype=np.bool_),
        np.array([ranker.judge(row.features) for row in ranked]),
    )


def leave_one_out(examples: Sequence[Example], way: Way, *, penalty: float) -> dict[str, Judged]:
    """Data set -> its examples with the confidence by weights fitted on all other sets."""
    names = dict.fromkeys(example.data_set for example in examples)
    judged = {}
    for name in names:
        kept = [example for example in examples if example.data_set == name]
        others = [example for example in examples if example.data_set != name]
        judged[name] = judge(kept, fit_ranker(others, way, penalty=penalty))
    return judged


_COLUMNS = (
    "first quote right",
    "of these presented",
    "of these answered",
    "answered right",
    "absent presented",
    "people's presented",
    "people's answered",
    "AUROC",
    "calibration error",
    "by chance",
)


def describe(judged: dict[str, Judged]) -> str:
    """The metrics of each set, as a Markdown table."""
    lines = [f"| set | {' | '.join(_COLUMNS)} |", f"|---|{'--:|' * len(_COLUMNS)}"]
    lines += [f"| {name} | {_describe_set(rows)} |" for name, rows in judged.items()]
    return "\n".join(lines)


def _describe_set(rows: Judged) -> str:
    _, kinds, right, confidence = rows
    answerable, absent, people = (kinds == kind for kind in ("answered", "absent", "people"))
    shown, sure = confidence >= POSSIBLY, confidence >= THRESHOLD
    asked = ~absent
    columns = (
        _share(right[answerable]),
        _share(shown[answerable & right]),
        _share(sure[answerable & right]),
        _share(right[sure & asked]),
        _share(shown[absent]),
        _share(shown[people]),
        _share(sure[people]),
        f"{auroc(confidence[asked], answerable[asked]):.2f}" if people.any() else "",
        f"{calibration_error(confidence[asked], right[asked]):.2f}",
        f"{chance_calibration_error(confidence[asked]):.2f}",
    )
    return " | ".join(columns)


_TYPES = {
    "who": r"\bwho(?:m|se)?\b",
    "when": r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|time)\b",
    "where": r"\bwhere\b|\b(?:what|which) (?:country|city|place|town|state)\b",
    "how many": r"\bhow (?:many|much|old|long|far|tall|big|large|often)\b|\bwhat percent",
    "why": r"\bwhy\b|\bwhat (?:is|was|led|caused).* (?:reason|cause)\b",
    "how": r"\bhow\b",
    "yes or no": r"^(?:is|are|was|were|do|does|did|can|could|has|have|had|will|would|should)\b",
    "what about": r"\bwhat\b.*\babout\W*$",
    "what, which": r"\b(?:what|which)\b",
}
"""What a question asks for: the first pattern that matches."""


def describe_types(judged: dict[str, Judged]) -> str:
    """Metrics of answerable questions of all sets by what they ask for, as a Markdown table."""
    found: dict[str, list[tuple[bool, bool]]] = {name: [] for name in (*_TYPES, "other")}
    for questions, kinds, right, confidence in judged.values():
        for n in np.flatnonzero(kinds == "answered"):
            asked = (k for k, form in _TYPES.items() if re.search(form, questions[n], re.I))
            found[next(asked, "other")].append((right[n], confidence[n] >= POSSIBLY))
    lines = ["| asks | questions | first quote right | of these presented |", "|---|--:|--:|--:|"]
    for name, pairs in found.items():
        flags = np.array(pairs, dtype=np.bool_).reshape(-1, 2)
        shown = flags[flags[:, 0], 1]
        lines.append(f"| {name} | {len(flags)} | {_share(flags[:, 0])} | {_share(shown)} |")
    return "\n".join(lines)


def _share(flags: NDArray[np.bool_]) -> str:
    return f"{flags.mean():.2f}" if len(flags) else ""


def mean_right(judged: Iterable[Judged]) -> float:
    """The share of first quotes that are right, of answered questions, averaged over the sets."""
    return float(np.mean([rows.is_right[rows.kinds == "answered"].mean() for rows in judged]))


def measure_loss(judged: Iterable[Judged]) -> float:
    """Mean logarithmic loss of the sets' confidences."""
    losses = []
    for _, _, right, confidence in judged:
        bounded = np.clip(confidence, 1e-4, 1 - 1e-4)
        losses.append(-np.log(np.where(right, bounded, 1 - bounded)).mean())
    return float(np.mean(losses))


def main() -> None:
    """Fit the weights of all ways of reading, print metrics, and write ranker.json; or report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="folder with the data sets")
    parser.add_argument(
        "--work", type=Path, required=True, help="for indexes and examples; used again if there"
    )
    parser.add_argument("--reader", type=Path, required=True, help="folder of the exported reader")
    parser.add_argument("--count", type=int, default=150, help="questions of each set and kind")
    parser.add_argument("--report", action="store_true", help="fit nothing, report")
    parser.add_argument(
        "--read-all", action="store_true", help="report on all passages read, whatever their score"
    )
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parents[1] / "answer" / "ranking" / WEIGHTS_FILE
    )
    args = parser.parse_args()
    reader = OnnxReader.from_folder(args.reader)
    part: Part = "report" if args.report else "choose"
    name = f"{part}-all" if args.read_all else part
    examples = collect_examples(
        args.source,
        args.work / name,
        reader,
        count=args.count,
        part=part,
        read_all=args.read_all,
        # Weights are fitted on all that is worth reading: how much is read depends on them.
        enough=is_sure if args.report and not args.read_all else None,
    )
    if args.report:
        way: Way = "with the reader"
        names = dict.fromkeys(example.data_set for example in examples)
        judged = {
            name: judge([e for e in examples if e.data_set == name], Ranker.load(way))
            for name in names
        }
        tqdm.write(f"{describe(judged)}\n\n{describe_types(judged)}")
        tqdm.write(f"\nmean of the sets' first quotes right: {mean_right(judged.values()):.4f}")
        return
    # Without a reader every passage counts.
    unread = collect_examples(args.source, args.work / f"{part}-unread", None, count=args.count)
    shipped: dict[str, Any] = {"reader": identify_reader(args.reader)}
    for way in WAYS:
        of_way = unread if way == "without a reader" else examples
        judged = leave_one_out(of_way, way, penalty=PENALTY)
        tqdm.write(f"\n{way}, loss {measure_loss(judged.values()):.4f}\n\n{describe(judged)}")
        tqdm.write(describe_types(judged))
        ranker = fit_ranker(of_way, way)
        shipped[way] = ranker.to_json()
        if way == "with the reader":
            closely = [row.features["read_closely"] for row in rank_examples(of_way, ranker)]
            tqdm.write(f"of the first candidates, read again: {np.mean(closely):.4f}")
    args.out.write_text(json.dumps(shipped, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
