"""Readers in other processes ask without pause while an index changes; `QA_READERS=8 QA_SECONDS=60`
is the long run."""

import json
import os
import subprocess
import sys
from pathlib import Path

from qa.index.build import build
from tests.conftest import ROOT
from tests.faults.harm import write_articles
from tests.standin import HashEncoder

READERS = int(os.environ.get("QA_READERS", "3"))
SECONDS = float(os.environ.get("QA_SECONDS", "4"))


def change(articles: Path, count: int) -> None:
    for name in ("left", "right"):
        (articles / f"{name}.txt").write_text(
            f"The {name} tower\n\nThe keeper of the {name} tower changed the count: the count is "
            f"{count}.\n"
        )
    # Articles come and go beside.
    extra = articles / f"extra-{count % 5}.txt"
    extra.unlink() if extra.exists() else extra.write_text(
        f"An extra article, number {count}, comes and goes.\n"
    )


def test_readers_are_never_blocked_and_never_see_two_generations_at_once(tmp_path: Path):
    articles, index = tmp_path / "articles", tmp_path / "index"
    write_articles(articles, 10, seed=3)
    change(articles, 0)
    build(articles, index, encoder=HashEncoder())
    command = [sys.executable, "-m", "tests.faults.reader", str(index), str(SECONDS)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    readers = [
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=env
        )
        for _ in range(READERS)
    ]
    builds = 0
    while any(reader.poll() is None for reader in readers):
        builds += 1
        change(articles, builds)
        assert len(build(articles, index, encoder=HashEncoder()).changed) == 2
    answers = [reader.communicate() for reader in readers]
    assert [
        (reader.returncode, errors) for reader, (_, errors) in zip(readers, answers, strict=True)
    ] == ([(0, "")] * READERS)
    seen = [json.loads(said.splitlines()[-1]) for said, _ in answers]
    print(f"{builds} builds beside {READERS} readers: {seen}")
    assert [one["mixed"] for one in seen] == [0] * READERS
    assert min(one["questions"] for one in seen) > 0
    assert max(one["generations"] for one in seen) > 1
