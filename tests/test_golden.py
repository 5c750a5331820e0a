import json
from pathlib import Path
from typing import Any

import pytest

from tests.golden_answers import GOLDEN, answer_all

TOLERANCE = 0.02
"""Of scores: the int8 models round a little differently on other processors."""


def test_the_sample_articles_are_answered_as_before(sample_index: Path):
    before = json.loads(GOLDEN.read_text(encoding="utf-8"))
    now = list(answer_all(sample_index))
    assert len(now) == len(before) > 90
    for answer, golden in zip(now, before, strict=True):
        assert mask_scores(answer) == mask_scores(golden)
        assert find_scores(answer) == pytest.approx(find_scores(golden), abs=TOLERANCE)


def mask_scores(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without scores, and without the words in sentences that are not presented as an
    answer: which of two spans is the better may then depend on how a processor rounds.
    """
    masked: dict[str, Any] = json.loads(
        json.dumps(answer), parse_float=lambda digits: "a score", parse_constant=lambda name: name
    )
    for quote in masked.get("nearest", []):
        quote.pop("answer", None)
    return masked


def find_scores(answer: dict[str, Any]) -> list[float]:
    """The confidence and all quotes' scores, in their order."""
    scores: list[float] = []
    json.loads(json.dumps(answer), parse_float=lambda digits: scores.append(float(digits)))
    return scores
