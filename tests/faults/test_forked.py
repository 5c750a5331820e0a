"""A process that was forked is told to open the index itself, and does not hang."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qa.index.build import build
from tests.conftest import ROOT
from tests.faults.harm import write_articles
from tests.standin import HashEncoder


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked on this system")
def test_a_forked_child_is_told_to_open_the_index_and_can_read_and_encode(tmp_path: Path):
    write_articles(tmp_path / "articles", 3, seed=1)
    build(tmp_path / "articles", tmp_path / "index", encoder=HashEncoder())
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.forked", str(tmp_path / "index")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "open it in each process of its own" in done.stdout
