"""A program outside this project sees the public names with their types."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import qa
from tests.conftest import ROOT, SAMPLES

OUTSIDE = ROOT / "tests" / "outside"


def used_names(path: Path) -> set[str]:
    """Names that are used outside import statements, attributes among them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(tree)
        if isinstance(node, (ast.Name, ast.Attribute))
    }


def test_it_uses_every_public_name():
    assert set(qa.__all__) - used_names(OUTSIDE / "program.py") == set()


def test_it_uses_every_class_and_function_of_the_adapters():
    public = set()
    for path in (ROOT / "qa" / "adapters").glob("*.py"):
        if path.stem in ("langchain", "llama_index", "haystack", "tables"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            defined = [n for n in tree.body if isinstance(n, (ast.ClassDef, ast.FunctionDef))]
            public |= {node.name for node in defined if not node.name.startswith("_")}
    assert public - used_names(OUTSIDE / "with_libraries.py") == set()


@pytest.mark.timeout(900)
def test_its_types_are_right_where_it_is_and_wrong_where_it_says_so(tmp_path: Path):
    project = shutil.copytree(OUTSIDE, tmp_path / "outside")
    wrong = (project / "program.py").read_text("utf-8").count("# type: ignore")
    assert wrong >= 8
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--follow-imports=silent"),
            *("--cache-dir", str(tmp_path / "cache"), "program.py", "with_libraries.py"),
        ],
        cwd=project,
        env={**os.environ, "MYPYPATH": str(ROOT), "PYTHONPATH": ""},
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert re.search(r"no issues found in 2 source files", checked.stdout)


def test_it_does_what_its_types_say(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, OUTSIDE / "program.py", SAMPLES, tmp_path / "index"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    first, *_, error, _version = done.stdout.splitlines()
    assert first.startswith("The participants, the officials said, had come")
    assert error == "QuestionError"
