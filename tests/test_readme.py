"""What the README shows is what happens."""

import json
import re
import shutil
from pathlib import Path

import pytest

from qa import cli
from tests.conftest import ROOT, SAMPLES

README = (ROOT / "README.md").read_text(encoding="utf-8")


def find_blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def test_the_two_commands_are_there():
    start, test = find_blocks("sh")[0], find_blocks("sh")[-1]
    assert start.strip().endswith(".venv/bin/python app.py")
    assert test.strip().endswith(".venv/bin/python -m pytest")
    assert "<!-- the test command -->\n```sh\n" + test in README


def test_the_python_example_runs(
    sample_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    shutil.copytree(sample_index, tmp_path / "index")
    monkeypatch.chdir(tmp_path)
    exec(compile(find_blocks("python")[0], "README.md", "exec"), {})
    assert "The meeting was about weapons" in capsys.readouterr().out


def test_every_command_is_in_the_readme_and_every_command_in_the_readme_exists():
    named = set(re.findall(r"^\$ qa ([a-z]+)", README, re.M)) | set(
        re.findall(r"`qa ([a-z]+)[^`]*`", README)
    )
    assert named == set(cli.main.commands)


def test_the_samples_are_articles_with_questions():
    lines = (ROOT / "tests/data/sample-questions.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["article_id"] for line in lines} == {
        path.name for path in SAMPLES.iterdir()
    }
