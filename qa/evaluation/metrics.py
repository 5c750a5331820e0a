"""Outcomes of questions -> metrics: recall of passages and quotes, exact match, calibration."""

import re
import string
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qa.errors import ExtraMissing
from qa.evaluation.data_sets import GoldQuestion
from qa.types import PRESENTED, Answer

RECALL_AT = (1, 5, 10)
QUOTE_AT = (1, 3)
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one gold question, and how it compares."""

    gold: GoldQuestion
    answer: Answer
    passage_rank: int | None
    """Rank of the first right passage among the hits, counted from 0."""
    quote_rank: int | None
    """Rank of the first right quote among quotes or nearest sentences, counted from 0."""
    exact: float
    """Exact match of the first quote's answering words with a gold answer, 0 or 1 (SQuAD's
    definition)."""
    f1: float
    """Their best overlap with a gold answer in words, 0 to 1 (SQuAD's definition)."""


def measure(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Name -> metric over all questions; "presented" is answered or possibly answered."""
    answerable = [outcome for outcome in outcomes if outcome.gold.spans]
    others = [outcome for outcome in outcomes if not outcome.gold.spans]
    metrics = {
        f"passage recall@{k}": share(is_within(o.passage_rank, k) for o in answerable)
        for k in RECALL_AT
    }
    metrics |= {
        f"quote@{k}": share(is_within(o.quote_rank, k) for o in answerable) for k in QUOTE_AT
    }
    if any(quote.answer for o in answerable for quote in (o.answer.quotes or o.answer.nearest)[:1]):
        metrics["answer exact match"] = float(np.mean([o.exact for o in answerable]))
        metrics["answer F1"] = float(np.mean([o.f1 for o in answerable]))
    confidences, right = judge_first_quotes(outcomes)
    for name, statuses in (("answered", ("answered",)), ("presented", PRESENTED)):
        shown = [outcome for outcome in outcomes if outcome.answer.status in statuses]
        metrics[f"{name}, of answerable"] = share(o.answer.status in statuses for o in answerable)
        metrics[f"{name}, of right"] = share(
            o.answer.status in statuses for o in answerable if o.quote_rank == 0
        )
        metrics[f"right, of {name}"] = share(o.quote_rank == 0 for o in shown)
        if others:
            metrics[f"{name}, of unanswerable"] = share(o.answer.status in statuses for o in others)
    if others:
        metrics["AUROC answerable"] = auroc(
            confidences, np.array([bool(o.gold.spans) for o in outcomes])
        )
    metrics["calibration error"] = calibration_error(confidences, right)
    return metrics


def time_stages(outcomes: Sequence[Outcome]) -> dict[str, tuple[float, float]]:
    """Median and 95th percentile of each stage, and of all together, in milliseconds."""
    stages = {
        stage: [o.answer.seconds[stage] for o in outcomes] for stage in outcomes[0].answer.seconds
    }
    stages["all"] = [sum(o.answer.seconds.values()) for o in outcomes]
    return {
        stage: (1000 * float(np.percentile(times, 50)), 1000 * float(np.percentile(times, 95)))
        for stage, times in stages.items()
    }


def auroc(scores: Floats, labels: Flags) -> float:
    """Probability that a positive scores above a negative, ties counting half (Hanley & McNeil
    1982).
    """
    positives, negatives = np.sort(scores[labels]), np.sort(scores[~labels])
    if not len(positives) or not len(negatives):
        return float("nan")
    below = np.searchsorted(negatives, positives, side="left")
    ties = np.searchsorted(negatives, positives, side="right") - below
    return float((below + ties / 2).sum() / (len(positives) * len(negatives)))


def measure_reliability(
    confidences: Floats, right: Flags, *, bins: int = 10
) -> list[dict[str, float]]:
    """Equal bins of confidence: bounds, number of questions, mean confidence, share right (DeGroot
    & Fienberg 1983).
    """
    places = np.minimum((confidences * bins).astype(int), bins - 1)
    return [
        {
            "from": place / bins,
            "to": (place + 1) / bins,
            "questions": int((places == place).sum()),
            "confidence": float(confidences[places == place].mean()),
            "right": float(right[places == place].mean()),
        }
        for place in range(bins)
        if (places == place).any()
    ]


def calibration_error(confidences: Floats, right: Flags, *, bins: int = 10) -> float:
    """Expected calibration error: mean gap of confidence and accuracy over equal bins (Naeini et
    al. 2015).
    """
    rows = measure_reliability(confidences, right, bins=bins)
    gaps = [abs(row["confidence"] - row["right"]) * row["questions"] for row in rows]
    return float(sum(gaps)) / max(1, len(confidences))


def chance_calibration_error(confidences: Floats, *, rounds: int = 200) -> float:
    """The calibration error that so many questions have on average by chance where their
    confidences are exactly the probabilities of being right.
    """
    rng = np.random.default_rng(0)
    drawn = (rng.random(len(confidences)) < confidences for _ in range(rounds))
    return float(np.mean([calibration_error(confidences, right) for right in drawn]))


def risk_coverage(confidences: Floats, right: Flags) -> tuple[Floats, Floats]:
    """Share of questions answered, and of those answers that are wrong, as the threshold falls;
    float64 (n,) each.
    """
    order = np.argsort(-confidences, kind="stable")
    answered = np.arange(1, len(order) + 1)
    return answered / len(order), np.cumsum(~right[order]) / answered


def plot_risk_coverage(outcomes: Sequence[Outcome], path: Path) -> None:
    """Draw `risk_coverage` into an image file.

    Raises:
        ExtraMissing: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ExtraMissing("drawing needs matplotlib: pip install 'article-qa[plot]'") from None
    coverage, risk = risk_coverage(*judge_first_quotes(outcomes))
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.add_subplot(
        xlabel="share of questions answered", ylabel="share of those with a wrong first quote"
    )
    axes.plot(coverage, risk)
    axes.set(xlim=(0, 1), ylim=(0, None))
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=150)


def exact_match(words: str, gold: str) -> float:
    """1 if both are the same but for case, punctuation and articles (Rajpurkar et al. 2016)."""
    return float(_normalise(words) == _normalise(gold))


def overlap_f1(words: str, gold: str) -> float:
    """Harmonic mean of precision and recall in words, normalised the same way."""
    found, wanted = _normalise(words).split(), _normalise(gold).split()
    common = sum((Counter(found) & Counter(wanted)).values())
    return 2 * common / (len(found) + len(wanted)) if common else 0.0


def _normalise(text: str) -> str:
    bare = "".join(char for char in text.lower() if char not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def judge_first_quotes(outcomes: Sequence[Outcome]) -> tuple[Floats, Flags]:
    """Confidence of each answer, and whether its first quote is right, (n,) each."""
    right = [is_within(outcome.quote_rank, 1) for outcome in outcomes]
    return np.array([outcome.answer.confidence for outcome in outcomes]), np.array(
        right, dtype=np.bool_
    )


def is_within(rank: int | None, k: int) -> bool:
    """Whether a rank, counted from 0, is among the first `k`."""
    return rank is not None and rank < k


def find_first(flags: Iterable[bool]) -> int | None:
    """Rank of the first true flag, counted from 0."""
    return next((place for place, flag in enumerate(flags) if flag), None)


def share(flags: Iterable[bool]) -> float:
    """Share of flags that are true; NaN if there are none."""
    listed = list(flags)
    return sum(listed) / len(listed) if listed else float("nan")
