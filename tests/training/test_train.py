import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from qa.training.corpus.arrays import Corpus
from qa.training.groups import Mix, make_batch, make_group
from qa.training.model import ReaderModel
from qa.training.train import (
    Plan,
    Position,
    Run,
    cut_batches,
    draw_batches,
    learning_rate,
    score_pairs,
    train,
)


def test_batches_are_sorted_by_length_and_hold_every_group_once(corpus: Corpus) -> None:
    groups = [
        make_group(corpus, Mix(), number, rng=np.random.default_rng(number)) for number in range(7)
    ]
    batches = cut_batches(groups, pairs=4)
    longest = [
        max(len(p.question) + p.last - p.first for p in group)
        for batch in batches
        for group in batch
    ]
    assert longest == sorted(longest)
    assert sorted(id(group) for batch in batches for group in batch) == sorted(map(id, groups))
    assert len(batches) > 1
    assert {sum(map(len, batch)) for batch in batches[:-1]} <= {4, 5}


def test_the_learning_rate_rises_and_falls_with_the_clock() -> None:
    plan = Plan(seconds=100, peak=1e-3, warm_up=0.1)
    rates = [learning_rate(progress, plan) for progress in (0, 0.05, 0.1, 0.55, 1, 1.2)]
    assert rates == pytest.approx([0, 0.0005, 0.001, 0.0005, 0, 0])


def test_batches_drawn_from_a_position_are_those_that_would_have_come(corpus: Corpus) -> None:
    plan = Plan(seconds=1, pairs=4, pool=5)
    drawn = list(itertools.islice(draw_batches(corpus, plan, Position()), 12))
    for place in (0, 3, 7):
        again = list(itertools.islice(draw_batches(corpus, plan, drawn[place][0]), 4))
        assert repr(again) == repr(drawn[place + 1 : place + 5])


class _Seconds:
    """A clock on which everything takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(
    corpus: Corpus, tiny_model: Path, tmp_path: Path
) -> None:
    plan = Plan(
        seconds=9, peak=1e-2, pairs=4, pool=5, frozen_layers=1, log_steps=3, dev_seconds=1e9
    )
    whole = Run(corpus, plan, tiny_model)
    assert train(whole, tmp_path / "whole", clock=_Seconds())
    first = Run(corpus, plan, tiny_model)
    checks = iter(range(100))
    assert not train(
        first, tmp_path / "parts", clock=_Seconds(), is_stopped=lambda: next(checks) == 4
    )
    second = Run(corpus, plan, tiny_model)
    second.restore(tmp_path / "parts")
    assert (second.steps, second.seconds) == (4, 4.0)
    assert train(second, tmp_path / "parts", clock=_Seconds())
    assert (second.steps, second.pairs, second.position) == (
        whole.steps,
        whole.pairs,
        whole.position,
    )
    assert second.steps == 9
    start = ReaderModel.load(tiny_model).state_dict()
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, second.model.state_dict()[name]), name
        assert torch.equal(whole.averaged.state_dict()[name], second.averaged.state_dict()[name]), (
            name
        )
        frozen = name.startswith(("bert.embeddings", "bert.encoder.layer.0."))
        # A softmax ignores what it adds to every option alike: the key's bias, and a score that
        # [CLS] has as well.
        idle = name.endswith("key.bias") or name == "qa_outputs.bias"
        assert idle or torch.equal(weight, start[name]) == frozen, name


@pytest.mark.parametrize("bfloat16", [False, True])
def test_a_run_learns_its_questions_and_logs_the_way(
    corpus: Corpus, tiny_model: Path, tmp_path: Path, bfloat16: bool
) -> None:
    plan = Plan(
        seconds=30,
        peak=2e-2,
        pairs=8,
        pool=12,
        frozen_layers=0,
        bfloat16=bfloat16,
        log_steps=10,
        dev_seconds=1e9,
    )
    train(Run(corpus, plan, tiny_model), tmp_path, clock=_Seconds())
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["steps"] for line in lines] == [10, 20, 30]
    assert lines[-1]["loss"] < 0.8 * lines[0]["loss"]


def test_pairs_are_scored_in_their_order(corpus: Corpus, tiny_model: Path) -> None:
    model = ReaderModel.load(tiny_model)
    groups = [
        make_group(corpus, Mix(absent=0), number, rng=np.random.default_rng(number))
        for number in range(7)
    ]
    pairs = [pair for group in groups for pair in group] * 3
    scores = score_pairs(model, corpus, pairs)
    assert [score.null for score in scores[:14]] == pytest.approx(
        [score.null for score in scores[14:28]], abs=1e-5
    )
    for pair, score in zip(pairs, scores, strict=True):
        batch = make_batch(corpus, [[pair]])
        with torch.inference_mode():
            alone = model(*(torch.from_numpy(part) for part in batch[:3]))
        assert score.null == pytest.approx(float(alone.null), abs=1e-5)
        assert score.sentences == pytest.approx(
            (batch.sentences[0] @ alone.sentence[0].numpy()), abs=1e-5
        )
        assert score.gold.any() == bool(pair.spans)
