import numpy as np
import pytest
import torch

from qa.training.loss import Gold, measure_losses, shared_loss
from qa.training.model import Scores


def test_the_shared_loss_is_the_likelihood_of_any_gold_option_against_all_and_none() -> None:
    rng = np.random.default_rng(5)
    scores = rng.normal(size=(5, 6))
    allowed = rng.random((5, 6)) < 0.7
    gold = allowed & (rng.random((5, 6)) < 0.3)
    gold[3] = False
    group = np.array([0, 0, 1, 2, 2])
    expected = 0.0
    for number in range(3):
        rows = group == number
        everything = 1 + np.exp(scores[rows][allowed[rows]]).sum()
        right = np.exp(scores[rows][gold[rows]]).sum() if gold[rows].any() else 1.0
        expected -= np.log(right / everything)
    measured = shared_loss(*(torch.from_numpy(part) for part in (scores, allowed, gold, group)))
    assert float(measured.sum()) == pytest.approx(expected, rel=1e-6)


def test_a_question_weighs_the_same_whatever_its_number_of_passages() -> None:
    """All scores 0, one sentence of two tokens a passage, no answer anywhere: every loss is known
    in closed form."""
    for passages in (1, 2, 5):
        gold = Gold(
            passage=torch.ones(passages, 2, dtype=torch.bool),
            start=torch.zeros(passages, 2, dtype=torch.bool),
            end=torch.zeros(passages, 2, dtype=torch.bool),
            sentences=torch.full((passages, 1, 2), 0.5),
            sentence=torch.zeros(passages, 1, dtype=torch.bool),
            has_words=torch.ones(passages, dtype=torch.bool),
            group=torch.zeros(passages, dtype=torch.int64),
        )
        zeros = torch.zeros(passages, 2)
        losses = measure_losses(Scores(zeros, zeros, zeros, torch.zeros(passages)), gold)
        span = 0.5 * np.log(1 + 2 * passages) + 0.5 * np.log(3)
        sentence = 0.5 * np.log(1 + passages) + 0.5 * np.log(2)
        assert [float(part) for part in losses] == pytest.approx(
            [span + sentence + 0.5 * np.log(2), span, sentence, np.log(2)], rel=1e-5
        )
