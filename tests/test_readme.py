"""What the README shows is what happens."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from qa import Answerer, Retriever, cli
from tests.conftest import ROOT, SAMPLES

README = (ROOT / "README.md").read_text(encoding="utf-8")


DESIGN = (ROOT / "qa/README.md").read_text(encoding="utf-8")


def find_blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def test_the_two_commands_are_there():
    start, test = find_blocks("sh")[0], find_blocks("sh")[-1]
    assert start.strip().endswith(".venv/bin/python app.py")
    assert test.strip().endswith(".venv/bin/python -m pytest")
    assert "<!-- the test command -->\n```sh\n" + test in README


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as after a clone, as far as the examples need it, and the working directory."""
    shutil.copytree(SAMPLES, tmp_path / "index/articles")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_shell_examples_print_what_is_shown(samples: Path):
    (session,) = find_blocks("console")
    commands = re.split(r"^\$ ", session, flags=re.M)[1:]
    assert len(commands) >= 5
    for example in commands:
        line, _, shown = example.partition("\n")
        words = shlex.split(line)
        redirect = Path(words.pop()) if ">" in words else None
        words = [word for word in words if word != ">"]
        assert words[0] == "qa"
        result = CliRunner().invoke(cli.main, words[1:])
        assert result.exit_code == 0, (line, result.output)
        if redirect:
            redirect.write_text(result.stdout, encoding="utf-8")
        elif shown.endswith("...\n"):
            assert result.stdout.startswith(shown.removesuffix("...\n")), line
        else:
            assert result.stdout == shown, line


def test_the_python_example_prints_what_is_shown(samples: Path, capsys: pytest.CaptureFixture[str]):
    exec(compile(find_blocks("python")[0], "README.md", "exec"), {})
    assert capsys.readouterr().out == find_blocks("text")[0]


def test_the_examples_for_programs_print_what_is_shown(
    sample_index: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("HAYSTACK_TELEMETRY_ENABLED", "False")
    examples, shown = find_blocks("python", DESIGN), find_blocks("text", DESIGN)
    assert len(examples) == len(shown) == 4
    names = {"answerer": Answerer(Retriever.load(sample_index))}
    for example, text in zip(examples, shown, strict=True):
        assert len(example.splitlines()) <= 5
        exec(compile(example, "qa/README.md", "exec"), names)
        assert capsys.readouterr().out == text


def test_the_readme_fits_two_screens():
    assert len(README.splitlines()) <= 130


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


@pytest.mark.parametrize("name", sorted(cli.main.commands))
def test_every_help_text_shows_an_example_on_a_line_of_its_own(name: str):
    shown = CliRunner().invoke(cli.main, [name, "--help"]).stdout
    assert "\\b" not in shown
    assert re.search(rf"^  Examples?:\n    (?:QA_\w+=\S+ )?qa {name}\b", shown, re.M), shown
