"""Candidates -> their order, and the confidence that the first one answers.

Confidence (`Ranker.judge`) is a product of two logistic regressions, which are fitted on different
questions: that the articles are on the subject, and that the first candidate answers a question on
it. All are linear in the features of `qa.answer.features`. `python -m qa.training.fit` fits the
weights and writes them to ranker.json, by way of reading and name of feature; fixed weights, with
the reasons, are in the features' declarations.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Self

import numpy as np

from qa.answer.evidence import Floats
from qa.answer.features import FEATURES, RANK_FEATURES, Candidates, Way, list_features
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
    answered: Logistic
    """Probability that the first candidate answers, given that the articles are on the subject."""
    on_subject: Logistic
    """Probability that the articles are on the subject."""

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
        answered, on_subject = fitted["answered"], fitted["on_subject"]
        return cls(
            order,
            Logistic({**answered["weights"], **fixed}, answered["bias"]),
            Logistic({**on_subject["weights"], **fixed}, on_subject["bias"]),
        )

    def to_json(self) -> dict[str, Any]:
        """The fitted weights, without the fixed ones."""
        fixed = {f.name for f in FEATURES if f.fixed is not None}
        fixed_in_confidence = {f.name for f in FEATURES if f.fixed_in_confidence is not None}
        return {
            "order": {
                name: round(weight, 5) for name, weight in self.weights.items() if name not in fixed
            },
            "answered": _logistic_to_json(self.answered, without=fixed_in_confidence),
            "on_subject": _logistic_to_json(self.on_subject, without=fixed_in_confidence),
        }

    def judge(self, features: Mapping[str, float]) -> float:
        """Confidence: the probability that the first candidate answers."""
        return self.answered(features) * self.on_subject(features)

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
    if not len(scores):
        return dict.fromkeys((*names, *candidates.features, *candidates.question_features), 0.0)
    best = int(np.argmax(scores))
    ranked = {feature.name: feature.compute(scores) for feature in RANK_FEATURES}
    first = {name: float(values[best]) for name, values in candidates.features.items()}
    return ranked | first | candidates.question_features


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
        files("qa.answer").joinpath(WEIGHTS_FILE).read_text(encoding="utf-8")
    )
    return shipped
