"""A short series of damage to the store, with a seed that is printed; see `tests.faults.tamper`."""

import os
import random
from pathlib import Path

from tests.faults.tamper import TAMPERS, run

SEED = int(os.environ.get("QA_FAULT_SEED", random.randrange(10**6)))


def test_damage_is_named_never_cited_and_mended_by_a_build(tmp_path: Path):
    print(f"QA_FAULT_SEED={SEED}")
    assert sum(run(tmp_path, SEED, len(TAMPERS)).values()) == 3 * len(TAMPERS)
