"""Candidates -> their order, and the confidence that the first one answers.

Confidence (`Ranker.judge`) comes from three logistic regressions, each fitted on the questions that
tell: that the articles are on the subject, that they answer a question on it, and that the first
candidate is right where they do. All are linear in the features of `features.py` and `close.py`.
`python -m qa.training.fit` fits the weights and writes them to ranker.json, by way of reading and
name of feature, with the reader that they belong to; fixed weights, with the reasons, are in the
features' declarations.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Self

import numpy as np

from qa.answer.ranking.close import CLOSE_FEATURES
from qa.answer.ranking.evidence import Floats
from qa.answer.ranking.features import (
    FEATURES,
    RANK_FEATURES,
    Candidates,
    Way,
    list_features,
)
from qa.answer.thresholds import SURE

WEIGHTS_FILE = "ranker.json"


@dataclass(frozen=True, slots=True)
class Logistic:
    """Logistic regression over named features."""

    weights: Mapping[str, float]
    bias: float

    def __call__(self, features: Mapping[str, float]) -> float:
        """Probability between 0 and 1."""
        log_odds = self.bias + sum(weight * features[name] for name, weight in self.weights.items())
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, log_odds))))


@dataclass(frozen=True, slots=True)
class Ranker:
    """The weights for one way of reading."""

    weights: Mapping[str, float]
    """Weights of the features by which candidates are ordered, in log-odds."""
    right: Logistic
    """Probability that the first candidate is right, given that the articles answer."""
    answerable: Logistic
    """Probability that the articles answer, given that they are on the subject."""
    on_subject: Logistic
    """Probability that they are on the subject."""
    calibration: Logistic = Logistic({"log_odds": 1.0}, 0.0)
    """Log-odds of `right` times `answerable` -> the share of first candidates that are right."""

    @classmethod
    def load(cls, way: Way) -> Self:
        """The shipped weights for a way of reading."""
        return cls.from_json(_read_shipped()[way], way)

    @classmethod
    def from_json(cls, fitted: Mapping[str, Any], way: Way) -> Self:
        """A ranker of fitted weights, as `to_json` gives them, and of the fixed weights."""
        features = list_features(way)
        order = {f.name: fitted["order"][f.name] if f.fixed is None else f.fixed for f in features}
        fixed = {
            f.name: f.fixed_in_confidence for f in FEATURES if f.fixed_in_confidence is not None
        }
        right, answerable, on_subject = (
            Logistic({**fitted[name]["weights"], **fixed}, fitted[name]["bias"])
            for name in ("right", "answerable", "on_subject")
        )
        return cls(order, right, answerable, on_subject, Logistic(**fitted["calibration"]))

    def to_json(self) -> dict[str, Any]:
        """The fitted weights, without the fixed ones."""
        fixed = {f.name for f in FEATURES if f.fixed is not None}
        fixed_in_confidence = {f.name for f in FEATURES if f.fixed_in_confidence is not None}
        return {
            "order": {
                name: round(weight, 5) for name, weight in self.weights.items() if name not in fixed
            },
            "right": _logistic_to_json(self.right, without=fixed_in_confidence),
            "answerable": _logistic_to_json(self.answerable, without=fixed_in_confidence),
            "on_subject": _logistic_to_json(self.on_subject, without=fixed_in_confidence),
            "calibration": _logistic_to_json(self.calibration, without=set()),
        }

    def judge(self, features: Mapping[str, float]) -> float:
        """Confidence: the probability that the first candidate answers."""
        both = {"log_odds": self.answer_log_odds(features)}
        return self.calibration(both) * self.on_subject(features)

    def answer_log_odds(self, features: Mapping[str, float]) -> float:
        """Log-odds of `right` times `answerable`, not calibrated yet."""
        share = min(max(self.right(features) * self.answerable(features), 1e-6), 1 - 1e-6)
        return math.log(share / (1 - share))

    def score(self, candidates: Candidates) -> Floats:
        """float64 (n,): higher is better; differences are log-odds between two candidates of one
        question.
        """
        stacked = np.column_stack([candidates.features[name] for name in self.weights])
        scores: Floats = stacked @ np.array(list(self.weights.values()))
        return scores


def confidence_features(candidates: Candidates, scores: Floats) -> dict[str, float]:
    """Name -> value of the features from which probabilities are computed: how the first candidate
    compares with the others, its own features, and those of the question.
    """
    names = [feature.name for feature in RANK_FEATURES]
    names += [feature.name for feature in CLOSE_FEATURES]
    if not len(scores):
        return dict.fromkeys((*names, *candidates.features, *candidates.question_features), 0.0)
    best = int(np.argmax(scores))
    ranked = {feature.name: feature.compute(scores) for feature in RANK_FEATURES}
    first = {name: float(values[best]) for name, values in candidates.features.items()}
    close = candidates.close(best) if candidates.close else {}
    return ranked | first | close | candidates.question_features


def is_sure(candidates: Candidates) -> bool:
    """Whether confidence in the first candidate is so high that no further passages need be read;
    never with another reader, for which this was not measured.
    """
    if candidates.way != "with the reader":
        return False
    ranker = Ranker.load(candidates.way)
    features = confidence_features(candidates, ranker.score(candidates))
    return ranker.judge(features) >= SURE


def _logistic_to_json(logistic: Logistic, *, without: set[str]) -> dict[str, Any]:
    return {
        "weights": {k: v for k, v in logistic.weights.items() if k not in without},
        "bias": logistic.bias,
    }


@cache
def _read_shipped() -> dict[str, Any]:
    shipped: dict[str, Any] = json.loads(
        files("qa.answer.ranking").joinpath(WEIGHTS_FILE).read_text(encoding="utf-8")
    )
    return shipped
