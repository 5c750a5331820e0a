"""What reaches a terminal: nothing foreign commands it, and a stream that fails is told in a
line."""

import ast
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import qa.cli
from qa.cli import main
from qa.cli.shell import report_errors
from qa.errors import DiskError
from qa.index.build import build
from tests.conftest import ROOT
from tests.standin import HashEncoder

EVIL = "\x1b]0;owned\x07\x1b[31m\x9b2J\u202egnihton\u2066\r\n\tok\u2028\x7f\u061c"
COMMANDING = {
    *map(chr, range(0x20)),
    *map(chr, range(0x7F, 0xA0)),
    *"\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066",
}
COMMANDING -= {"\n", "\t"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of an article that has evil things to say in whatever is printed of it."""
    folder = tmp_path_factory.mktemp("evil")
    (folder / "articles").mkdir()
    said = json.dumps(EVIL)
    front = f"---\ntitle: {said}\nauthor: {said}\nurl: {said}\ndate: {said}\n---\n"
    (folder / "articles/evil.md").write_text(
        f"{front}The bridge {EVIL} was opened in 1931.\n", newline=""
    )
    (folder / "articles/bad\x1b[2J\nok.md").write_text("Words.")
    (folder / "articles/yaml.md").write_text(f"---\ntitle: a\n{EVIL}: [\n---\nWords.")
    build(folder / "articles", folder / "index", encoder=HashEncoder())
    return folder


def run(folder: Path, *args: str) -> Result:
    env = {"QA_INDEX": str(folder / "index"), "QA_ARTICLES": str(folder / "articles")}
    return CliRunner().invoke(main, args, env=env)


def save(folder: Path) -> Path:
    source = {"id": EVIL, "sha256": EVIL, "title": EVIL}
    quote = {"text": EVIL, "start": 0, "end": 3, "article": source, "answer": None}
    (folder / "saved.json").write_text(json.dumps({"question": EVIL, "quotes": [quote]}))
    return folder / "saved.json"


@pytest.mark.parametrize(
    "args",
    [
        ("list",),
        ("list", "--json"),
        ("info",),
        ("remove", EVIL.replace("\0", "")),
        ("verify", "SAVED"),
        ("verify", "SAVED", "--json"),
        ("add", "articles/none", "NAMED"),
        ("ask", "Who?", "--history", "NAMED"),
    ],
)
def test_nothing_foreign_commands_a_terminal_or_forges_a_line(folder: Path, args: tuple[str, ...]):
    named = folder / "named\x1b[2J\nok  .json"
    named.write_text("no JSON")
    result = run(
        folder, *[{"SAVED": str(save(folder)), "NAMED": str(named)}.get(arg, arg) for arg in args]
    )
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert not COMMANDING & set(result.output)
    assert not [line for line in result.output.splitlines() if line.startswith("ok")]


def test_json_says_the_same_with_its_signs_by_number(folder: Path):
    (article,) = json.loads(run(folder, "list", "--json").stdout)["articles"]
    assert article["author"] == " ".join(EVIL.split())


def test_only_the_shell_writes(tmp_path: Path):
    for path in Path(qa.cli.__file__).parent.glob("*.py"):
        calls = [
            node.func
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call)
        ]
        echoes = [
            call
            for call in calls
            if isinstance(call, ast.Attribute) and call.attr in ("echo", "secho")
        ]
        assert len(echoes) == (1 if path.name == "shell.py" else 0), path


def start(folder: Path, command: str) -> "subprocess.Popen[str]":
    env = {**os.environ, "PYTHONPATH": str(ROOT), "QA_INDEX": str(folder / "index")}
    command = f"exec '{sys.executable}' -m qa {command}"
    return subprocess.Popen(
        ["sh", "-c", command], stderr=subprocess.PIPE, text=True, env=env, stdout=subprocess.PIPE
    )


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("list >&-", "Error: standard output is closed"),
        ("list --json >/dev/full", "Error: standard output: No space left on device"),
        ("list >&- 2>&-", ""),
        ("list <&-", ""),
        ("remove none.txt 2>/dev/full", ""),
    ],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_stream_that_fails_is_told_in_a_line(folder: Path, command: str, said: str):
    process = start(folder, command)
    _, errors = process.communicate()
    assert errors.startswith(said)
    assert (len(errors.splitlines()), process.returncode) == (
        1 if said else 0,
        0 if "<" in command else 1,
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_ctrl_c_is_never_answered_with_a_traceback(folder: Path):
    for n in range(6):
        process = start(folder, "list")
        time.sleep(0.03 + 0.06 * n)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
        # Before Ctrl-C is taken care of, which is before the command is imported, Python has one.
        assert str(ROOT / "qa" / "cli") not in errors
        assert process.returncode in (0, 1, 130, -signal.SIGINT)


def test_ctrl_c_is_told_though_it_stopped_what_was_loading(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    @report_errors
    def stopped() -> None:
        monkeypatch.setitem(sys.modules, "qa.render", None)  # cannot be imported any more
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        stopped()
    assert ended.value.code == 130
    assert capsys.readouterr().err.startswith("stopped; what was done is kept")


def test_a_conversation_without_a_standard_input_ends_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert qa.cli._read_line("? ") is None


def test_a_failing_input_is_told(monkeypatch: pytest.MonkeyPatch):
    class Failing:
        def isatty(self) -> bool:
            return False

        def readline(self) -> str:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(sys, "stdin", Failing())
    with pytest.raises(DiskError, match="standard input: Input/output error"):
        qa.cli._read_line("? ")
