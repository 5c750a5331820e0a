import hashlib
import json
import math
from importlib.resources import files

import numpy as np
import pytest

from qa.answer.ranking.features import (
    FEATURES,
    RANK_FEATURES,
    WAYS,
    Candidates,
    Way,
    list_answerable,
    list_features,
    list_right,
    list_subject,
)
from qa.answer.ranking.ranker import WEIGHTS_FILE, Logistic, Ranker, confidence_features
from qa.reader import identify_reader
from qa.reader.onnx import WEIGHTS

SHIPPED = json.loads(files("qa.answer.ranking").joinpath(WEIGHTS_FILE).read_text(encoding="utf-8"))


def test_there_are_weights_for_each_way_of_reading():
    assert tuple(SHIPPED) == ("reader", *WAYS)


def test_the_weights_were_fitted_with_the_reader_that_is_shipped():
    weights = WEIGHTS / "model.onnx"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert SHIPPED["reader"] == identify_reader() == f"minilm-l6-reader {digest[:12]}"


@pytest.mark.parametrize("way", WAYS)
def test_exactly_what_is_declared_as_fitted_has_a_fitted_weight(way: Way):
    row = SHIPPED[way]
    fixed_in_confidence = {
        feature.name for feature in FEATURES if feature.fixed_in_confidence is not None
    }
    assert set(row["order"]) == {
        feature.name for feature in list_features(way) if feature.fixed is None
    }
    assert set(row["right"]["weights"]) == set(list_right(way)) - fixed_in_confidence
    assert set(row["answerable"]["weights"]) == set(list_answerable(way))
    assert set(row["on_subject"]["weights"]) == set(list_subject(way))


@pytest.mark.parametrize("way", WAYS)
def test_fixed_weights_join_the_fitted_ones_when_read_and_are_left_out_when_written(way: Way):
    ranker = Ranker.load(way)
    assert list(ranker.weights) == [feature.name for feature in list_features(way)]
    assert (ranker.weights["heading"], ranker.right.weights["byline"]) == (-2.0, 8.0)
    assert ranker.to_json() == SHIPPED[way]


def test_candidates_are_scored_by_the_sum_of_weighted_features():
    ranker = Ranker({"a": 2.0, "b": -1.0}, *[Logistic({}, 0.0)] * 3)
    features = {
        "b": np.array([3.0, 0.0]),
        "a": np.array([1.0, 5.0]),
        "unused": np.array([9.0, 9.0]),
    }
    assert ranker.score(Candidates([], [], None, "without a reader", features, {})).tolist() == [
        -1.0,
        10.0,
    ]


def test_a_logistic_is_what_its_formula_says():
    logistic = Logistic({"a": 2.0, "b": -1.0}, 0.5)
    assert logistic({"a": 1.0, "b": 3.0, "unused": 9.0}) == pytest.approx(1 / (1 + math.exp(0.5)))
    assert logistic({"a": 1e9, "b": 0.0}) == pytest.approx(1.0)


def test_confidence_is_the_calibrated_product_of_right_and_answerable_on_the_subject():
    right, answerable, on_subject = (Logistic({name: 1.0}, 0.0) for name in ("a", "b", "c"))
    ranker = Ranker({}, right, answerable, on_subject, Logistic({"log_odds": 2.0}, 0.5))
    features = {"a": math.log(3), "b": math.log(4), "c": 0.0}  # .75, .8, .5
    share = 0.75 * 0.8
    assert ranker.answer_log_odds(features) == pytest.approx(math.log(share / (1 - share)))
    expected = 0.5 / (1 + math.exp(-2 * math.log(share / (1 - share)) - 0.5))
    assert ranker.judge(features) == pytest.approx(expected)
    certain = {"a": 40.0, "b": 40.0, "c": 40.0}
    assert ranker.judge(certain) == pytest.approx(1.0)


def test_the_lead_and_share_of_the_first_candidate_tell_how_sure_it_is():
    features = {"cosine": np.array([0.0, 2.0, 1.0])}
    candidates = Candidates([], [], None, "without a reader", features, {"cosine_best": 0.6})
    found = confidence_features(candidates, np.array([0.0, 2.0, 1.0]))
    assert found["lead"] == pytest.approx(1.0)
    assert found["share"] == pytest.approx(math.e**2 / (1 + math.e + math.e**2))
    assert (found["cosine"], found["cosine_best"]) == (2.0, 0.6)


def test_one_candidate_alone_leads_by_all_that_counts_and_none_leads_by_nothing():
    alone = Candidates(
        [], [], None, "without a reader", {"cosine": np.array([1.5])}, {"cosine_best": 0.6}
    )
    assert confidence_features(alone, np.array([0.3])) == {
        "share": 1.0, "lead": 5.0, "cosine": 1.5, "cosine_best": 0.6
    }  # fmt: skip
    none = Candidates(
        [], [], None, "without a reader", {"cosine": np.array([])}, {"cosine_best": 0.0}
    )
    assert set(confidence_features(none, np.array([])).values()) == {0.0}
    assert {feature.name for feature in RANK_FEATURES} == {"share", "lead"}
