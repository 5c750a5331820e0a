"""A few kills of processes that build, and ask of, shared tables; many are killed by hand."""

import sys
from pathlib import Path

import pytest

from tests.faults.shared import run

pytest.importorskip("lancedb")


@pytest.mark.skipif(sys.platform == "win32", reason="no process is killed like that there")
def test_tables_stay_whole_whoever_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from qa.index.lance import build, index, publishing

    # What `make_small` changes in this process is put back at the end.
    monkeypatch.setattr(build, "COMMIT_PASSAGES", build.COMMIT_PASSAGES)
    monkeypatch.setattr(index, "EXACT_UP_TO", index.EXACT_UP_TO)
    names = ("UNINDEXED_UP_TO", "FRAGMENTS_UP_TO", "EXACT_UP_TO", "KEPT_SECONDS", "MARGIN_SECONDS")
    for name in names:
        monkeypatch.setattr(publishing, name, getattr(publishing, name))
    victims = ("builder", "one of two builders", "reader")
    trials = run(tmp_path, 7, kills=3, victims=victims)
    assert sum(count for (victim, _), count in trials.ended.items() if victim != "nobody") == 3
    assert trials.asked > 0
