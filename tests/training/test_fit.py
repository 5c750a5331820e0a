"""Order and confidence, fitted on examples whose truth is known."""

import dataclasses

import numpy as np
import pytest

from qa.answer.ranking.features import FEATURES, QUESTION_FEATURES, Candidates
from qa.answer.ranking.ranker import Logistic
from qa.training.examples import Example, QuestionKind
from qa.training.fit import (
    describe,
    describe_types,
    fit_logistic,
    fit_order,
    fit_ranker,
    judge,
    leave_one_out,
    measure_loss,
    weigh_examples,
    weigh_people,
)

NEVER = {feature.name for feature in FEATURES if feature.fixed is not None}


def make_examples(name: str, count: int, *, by: str, seed: int, kind: QuestionKind = "answered"):
    """Questions of six candidates each, of which that is right which has most of feature `by`."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        features = {
            feature.name: np.zeros(6) if feature.name in NEVER else rng.normal(size=6)
            for feature in FEATURES
        }
        right = np.zeros(6, dtype=np.bool_)
        if kind == "answered":
            right[int(np.argmax(features[by]))] = True
        known = {feature.name: float(rng.normal()) for feature in QUESTION_FEATURES}
        known["cosine_best"] += 3.0 * (kind == "answered")
        candidates = Candidates([], [], None, "without a reader", features, known)
        yield Example(name, False, kind, "Who was it?", candidates, right)


def make_sets() -> list[Example]:
    return [
        example
        for n, name in enumerate(("news", "tales", "posts"))
        for kind, count in (("answered", 60), ("absent", 30))
        for example in make_examples(name, count, by="bm25", seed=7 * n + count, kind=kind)
    ]


def test_order_learns_the_feature_that_tells():
    order = fit_order(list(make_examples("a", 80, by="cosine", seed=1)), "without a reader")
    assert order["cosine"] > 5 * abs(order["bm25"])
    assert order["heading"] == -2.0  # fixed


def test_a_small_set_counts_as_much_as_a_large_one():
    large = list(make_examples("large", 200, by="cosine", seed=1))
    small = list(make_examples("small", 20, by="bm25", seed=2))
    order = fit_order(large + small, "without a reader")
    assert order["bm25"] == pytest.approx(order["cosine"], rel=0.4)
    alone = fit_order(large, "without a reader")
    assert alone["cosine"] > 5 * abs(alone["bm25"])


def test_probabilities_are_those_of_the_rows():
    rows = [{"x": float(n % 2)} for n in range(400)]
    labels = [n % 2 == 1 if n % 8 else n % 2 == 0 for n in range(400)]
    fitted = fit_logistic(rows, labels, ["x"], [1.0] * 400, penalty=1e-6)
    for value in (0.0, 1.0):
        share = np.mean([y for row, y in zip(rows, labels, strict=True) if row["x"] == value])
        assert fitted({"x": value}) == pytest.approx(share, abs=0.01)


def test_each_kind_of_question_has_its_share_in_each_set():
    examples = [
        *make_examples("a", 30, by="bm25", seed=1),
        *make_examples("a", 3, by="bm25", seed=2, kind="absent"),
        *make_examples("b", 5, by="bm25", seed=3),
    ]
    weights = weigh_examples(examples, {"answered": 0.7, "people": 0.2, "absent": 0.1})
    assert sum(weights[:30]) == pytest.approx(0.7 / 0.8)
    assert sum(weights[30:33]) == pytest.approx(0.1 / 0.8)
    assert sum(weights[33:]) == pytest.approx(1.0)


def test_people_who_ask_in_vain_weigh_half_and_their_sets_as_much_as_all_others():
    examples = [
        example
        for name, kind, count in (
            ("wiki", "answered", 2),
            ("wiki", "people", 5),
            ("news", "answered", 4),
            ("tales", "answered", 1),
            ("tales", "absent", 3),
        )
        for example in make_examples(name, count, by="bm25", seed=1, kind=kind)
    ]
    weights = weigh_people(examples)
    expected = [0.125] * 2 + [0.1] * 5 + [0.03125] * 4 + [0.125] + [0.0] * 3
    assert weights == pytest.approx(expected)


def test_confidence_is_the_share_of_first_candidates_that_are_right():
    noisy = [
        example._replace(right=example.right if n % 3 else np.roll(example.right, 1))
        for n, example in enumerate(make_examples("news", 300, by="bm25", seed=2))
    ]
    asked = list(noisy)
    for example in make_examples("news", 100, by="bm25", seed=3, kind="people"):
        known = dict(example.candidates.question_features)
        known["cosine_best"] += 3.0  # as near as what is answered
        candidates = example.candidates._replace(question_features=known)
        asked.append(example._replace(candidates=candidates))
    ranker = fit_ranker(asked, "without a reader")
    judged = judge(asked, ranker)
    right = judged.is_right[judged.kinds == "answered"].mean()
    counts = np.where(judged.kinds == "people", 0.3 / 100, 0.7 / 300)
    assert counts @ judged.confidence == pytest.approx(0.7 * right, abs=0.03)
    bare = dataclasses.replace(ranker, calibration=Logistic({"log_odds": 1.0}, 0.0))
    assert counts @ judge(asked, bare).confidence < 0.7 * right - 0.05


def test_a_fitted_ranker_finds_what_is_right_and_knows_what_is_absent():
    examples = make_sets()
    ranker = fit_ranker(examples, "without a reader")
    judged = judge(examples, ranker)
    answered = judged.kinds == "answered"
    assert judged.is_right[answered].mean() > 0.9
    assert judged.confidence[answered].mean() > judged.confidence[~answered].mean() + 0.4
    assert isinstance(ranker.on_subject, Logistic)


def test_each_set_is_judged_by_weights_that_have_not_seen_it():
    odd = list(make_examples("plays", 60, by="cosine", seed=9))
    judged = leave_one_out([*make_sets(), *odd], "without a reader", penalty=0.02)
    assert judged["news"].is_right[judged["news"].kinds == "answered"].mean() > 0.6
    # Where the truth is another, weights fitted elsewhere are mostly wrong.
    assert judged["plays"].is_right.mean() < 0.4
    assert judge(odd, fit_ranker(odd, "without a reader")).is_right.mean() > 0.9
    assert measure_loss([judged["plays"]]) > measure_loss([judged["news"]])


def test_the_table_has_a_row_for_each_set():
    examples = make_sets()
    ranker = fit_ranker(examples, "without a reader")
    judged = {"news": judge([e for e in examples if e.data_set == "news"], ranker)}
    head, rule, row = describe(judged).split("\n")
    assert head.count("|") == rule.count("|") == row.count("|")
    assert row.startswith("| news | ")
    share = judged["news"].is_right[judged["news"].kinds == "answered"].mean()
    assert row.split(" | ")[1] == f"{share:.2f}"
    assert f"| who | 60 | {share:.2f} |" in describe_types(judged)
