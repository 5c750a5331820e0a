"""The layout that qa/README.md describes is the layout there is."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

ROOMS = sorted(path.parent for path in (ROOT / "qa").rglob("__init__.py"))[1:]
MODULES = sorted((ROOT / "qa").rglob("*.py"))
CODE = {".py", ".js", ".css", ".html", ".toml"}
LONGEST_FILE, LONGEST_LINE, MOST_MODULES, MOST_OUTSIDE = 500, 100, 10, 4


def list_code() -> list[Path]:
    """The project's own code, as git knows it or, in an unpacked archive, as it lies there."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\n")
    paths = [ROOT / name for name in listed if name] or [*MODULES, *(ROOT / "tests").rglob("*.py")]
    return sorted(path for path in paths if path.suffix in CODE and path.is_file())


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_design_names_the_rooms_that_there_are():
    design = (ROOT / "qa/README.md").read_text(encoding="utf-8")
    drawn = re.search(r"## Rooms\n\n```\n(.*?)^```", design, re.M | re.S)
    assert drawn is not None
    named = set(re.findall(r"^([\w.]+/?)  ", drawn[1], re.M))
    rooms = {f"{path.parent.name}/" for path in (ROOT / "qa").glob("*/__init__.py")}
    modules = {path.name for path in (ROOT / "qa").glob("*.py") if not path.name.startswith("__")}
    assert named == rooms | modules


def test_few_modules_are_outside_a_room():
    outside = {path.name for path in (ROOT / "qa").glob("*.py")}
    assert len(outside - {"types.py", "errors.py", "__init__.py", "__main__.py"}) <= MOST_OUTSIDE


@pytest.mark.parametrize("room", ROOMS, ids=name)
def test_a_room_has_ten_modules_at_most_and_says_what_goes_in_and_out(room: Path):
    modules = [path for path in room.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MOST_MODULES
    told = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8"))) or ""
    flat = " ".join(told.split())
    assert re.search(r"\bIn: .+\bOut: .+\bMay import: \w", flat), flat


@pytest.mark.parametrize("path", list_code(), ids=name)
def test_no_file_and_no_line_is_long(path: Path):
    text = re.sub(r"  # type: ignore\[.*", "", path.read_text(encoding="utf-8"))
    lines = text.splitlines()
    assert [n for n, line in enumerate(lines, 1) if len(line) > LONGEST_LINE] == []
    assert len(lines) <= LONGEST_FILE


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_module_begins_with_what_it_is_for(path: Path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_every_place_that_the_design_names_exists():
    """In the table of steps: files, folders beside the file named before, and what is in a file."""
    design = (ROOT / "qa/README.md").read_text(encoding="utf-8")
    steps = re.search(r"\| step \| where \|\n\|---\|---\|\n(.*?)\n\n", design, re.S)
    assert steps is not None
    named = 0
    for step in steps[1].splitlines():
        file = ROOT / "qa/README.md"
        for word in re.findall(r"`([\w./]+)`", step.split("|")[2]):
            places = [ROOT / "qa" / word, file.parent / word, ROOT / word]
            if "." in word or "/" in word:
                [file, *_] = [path for path in places if path.exists()] or [Path(word)]
                assert file.exists(), word
            else:
                assert re.search(rf"^\s*(?:def |class )?{word}\b", file.read_text("utf-8"), re.M), (
                    word
                )
            named += 1
    assert named > 30
    tests = re.findall(r"`(tests/[\w./]+)`", design)
    assert [name for name in tests if not (ROOT / name).exists()] == []
