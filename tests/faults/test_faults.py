"""A short series of kills and failing writes, with a seed that is printed; the long one is
`tests.faults.harm`."""

import os
import random
from pathlib import Path

from tests.faults.harm import run

SEED = int(os.environ.get("QA_FAULT_SEED", random.randrange(10**6)))


def test_after_a_kill_the_index_is_whole_and_the_next_build_ends_where_a_fresh_one_does(
    tmp_path: Path,
):
    print(f"QA_FAULT_SEED={SEED}")
    outcome = run(tmp_path, SEED, kills=4, writes=0)
    assert outcome.old.total() + outcome.new.total() == 4


def test_after_a_failing_write_the_index_is_whole_and_the_next_build_ends_where_a_fresh_one_does(
    tmp_path: Path,
):
    print(f"QA_FAULT_SEED={SEED}")
    outcome = run(tmp_path, SEED, kills=0, writes=4)
    assert outcome.old.total() + outcome.new.total() == 4
