"""A few random inputs at every boundary; `QA_FUZZ=1000` makes it the long run."""

import os

import pytest

from tests.faults.fuzz import BOUNDARIES, run

INPUTS = int(os.environ.get("QA_FUZZ", "30"))


@pytest.mark.parametrize("name", list(BOUNDARIES))
def test_whatever_comes_in_there_is_an_answer_or_an_error_of_our_own(name: str):
    run(name, INPUTS)
