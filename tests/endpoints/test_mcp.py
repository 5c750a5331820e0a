"""`qa mcp` as an assistant starts it, asked by the protocol's official client."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qa.endpoints.mcp import INSTRUCTIONS
from qa.types import Status
from tests.conftest import ROOT, SAMPLES
from tests.endpoints.assistant import check_conversation, hold_conversation, talk_over_stdio


def test_an_assistant_asks_over_standard_streams(sample_index: Path, tmp_path: Path):
    arguments = ["mcp", "--index", str(sample_index), "--articles", str(SAMPLES)]
    told = talk_over_stdio(arguments, hold_conversation, tmp_path / "log")
    check_conversation(told)
    quote = told.answer.structuredContent["quotes"][0]
    place = f"#char={quote['start']},{quote['end']}"
    assert quote["link"] == (SAMPLES / "the-damascus-meeting.txt").as_uri() + place
    assert "Traceback" not in (tmp_path / "log").read_text("utf-8")


def test_the_configuration_in_the_design_is_one_that_starts_it(
    tmp_path: Path, sample_index: Path, monkeypatch: pytest.MonkeyPatch
):
    design = (ROOT / "qa/README.md").read_text("utf-8")
    (block,) = re.findall(r"^```json\n(.*?)^```", design, re.M | re.S)
    started = json.loads(block)["mcpServers"]["articles"]
    assert started["command"] == "qa"
    shutil.copytree(sample_index, tmp_path / "index")
    shutil.copytree(SAMPLES, tmp_path / "index/articles")
    monkeypatch.chdir(tmp_path)
    check_conversation(talk_over_stdio(started["args"], hold_conversation, tmp_path / "log"))


def test_only_the_protocol_is_written_to_standard_output(sample_index: Path):
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    program = (
        "import sys, os; from qa.endpoints import mcp; make = mcp.make_server\n"
        "def chatty(endpoints):\n"
        "    os.write(1, b'before'); return make(endpoints)\n"
        "mcp.make_server = chatty\n"
        "sys.argv = ['qa', 'mcp', '--no-reader', '--index', sys.argv[1]]\n"
        "from qa.cli import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(sample_index)],
        input=json.dumps(message) + "\n",
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["result"]["serverInfo"]["name"] == "article-qa"
    assert "before" in done.stderr


def test_a_missing_index_is_told_before_anything_else(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "qa", "mcp", "--index", str(tmp_path / "none")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "qa build" in done.stderr


def test_without_the_extra_it_is_told_how_to_install_it(sample_index: Path):
    program = (
        "import sys; sys.modules['mcp'] = None\n"
        "sys.argv = ['qa', 'mcp', '--index', sys.argv[1]]\n"
        "from qa.cli import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(sample_index)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "pip install 'article-qa[mcp]'" in done.stderr


@pytest.mark.parametrize("status", Status.__args__)  # type: ignore[attr-defined]
def test_the_instructions_say_what_each_status_means(status: str):
    assert re.search(rf"^- {status}: \w+", INSTRUCTIONS, re.M)
