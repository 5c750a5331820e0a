import math

import numpy as np
import pytest

from qa.answer.features import HYBRID, READ, READ_WITHIN, SUBJECT, Candidates
from qa.answer.ranker import Logistic, Ranker, confidence_figures


@pytest.mark.parametrize("columns", [HYBRID, HYBRID + READ, HYBRID + READ_WITHIN])
def test_there_are_weights_for_each_way_of_reading(columns: tuple[str, ...]):
    ranker = Ranker.load(columns)
    assert ranker.columns == columns
    assert len(ranker.weights) == len(columns)
    assert set(SUBJECT) <= set(ranker.on_subject.names)


def test_a_logistic_is_what_its_formula_says_and_survives_json():
    logistic = Logistic(("a", "b"), (2.0, -1.0), 0.5)
    assert logistic({"a": 1.0, "b": 3.0, "unused": 9.0}) == pytest.approx(1 / (1 + math.exp(0.5)))
    assert Logistic.from_json(logistic.to_json()) == logistic
    assert logistic({"a": 1e9, "b": 0.0}) == pytest.approx(1.0)


def test_the_lead_and_share_of_the_first_candidate_tell_how_sure_it_is():
    figures = {"cosine": np.array([0.0, 2.0, 1.0])}
    candidates = Candidates([], [], None, figures, ("cosine",), {"cosine_best": 0.6})
    found = confidence_figures(candidates, np.array([0.0, 2.0, 1.0]), ("cosine",))
    assert found["lead"] == pytest.approx(1.0)
    assert found["share"] == pytest.approx(math.e**2 / (1 + math.e + math.e**2))
    assert (found["cosine"], found["cosine_best"]) == (2.0, 0.6)
