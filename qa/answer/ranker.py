"""Candidates -> an order, and the probabilities that the first one answers and that the subject is there at all.

All three are linear in the figures of `qa.answer.features`; `python -m qa.training.fit` finds the weights on training
questions and writes them to ranker.json, one set for each way of reading.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Self

import numpy as np

from qa.answer.features import Candidates, Figures

WEIGHTS_FILE = "ranker.json"


@dataclass(frozen=True, slots=True)
class Logistic:
    """Logistic regression over named figures."""

    names: tuple[str, ...]
    weights: tuple[float, ...]
    bias: float

    def __call__(self, figures: Mapping[str, float]) -> float:
        """Probability between 0 and 1."""
        total = self.bias + sum(weight * figures[name] for name, weight in zip(self.names, self.weights, strict=True))
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """Read what `to_json` gives."""
        return cls(tuple(row["weights"]), tuple(row["weights"].values()), row["bias"])

    def to_json(self) -> dict[str, Any]:
        """Weights by name, and the bias."""
        return {"weights": dict(zip(self.names, self.weights, strict=True)), "bias": self.bias}


@dataclass(frozen=True, slots=True)
class Ranker:
    """Weights for one set of columns."""

    columns: tuple[str, ...]
    weights: tuple[float, ...]
    answered: Logistic
    """Probability that the first candidate answers."""
    on_subject: Logistic
    """Probability that the articles speak of the question's subject."""

    @classmethod
    def load(cls, columns: Sequence[str]) -> Self:
        """The shipped weights for these columns."""
        row = next(row for row in _shipped().values() if tuple(row["order"]) == tuple(columns))
        return cls(
            tuple(columns),
            tuple(row["order"].values()),
            Logistic.from_json(row["answered"]),
            Logistic.from_json(row["on_subject"]),
        )

    def score(self, candidates: Candidates) -> Figures:
        """float64 (n,): higher is better; differences are log-odds between two candidates of one question."""
        stacked = np.column_stack([candidates.figures[name] for name in self.columns])
        scores: Figures = stacked @ np.array(self.weights)
        return scores


def confidence_figures(candidates: Candidates, scores: Figures, columns: Sequence[str]) -> dict[str, float]:
    """What tells whether the first candidate answers: its lead, and what is known of it and of the question."""
    if not len(scores):
        return dict.fromkeys(("share", "lead", *columns, *candidates.subject), 0.0)
    best = int(np.argmax(scores))
    others = np.delete(scores, best)
    share = math.exp(scores[best] - np.logaddexp.reduce(scores))
    figures = {"share": share, "lead": min(5.0, float(scores[best] - others.max())) if len(others) else 5.0}
    figures |= {name: float(candidates.figures[name][best]) for name in columns}
    return figures | candidates.subject


@cache
def _shipped() -> dict[str, Any]:
    shipped: dict[str, Any] = json.loads(files("qa.answer").joinpath(WEIGHTS_FILE).read_text(encoding="utf-8"))
    return shipped
