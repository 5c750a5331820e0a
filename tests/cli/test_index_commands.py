"""The commands that keep an index in order, with the real encoder."""

import json
import re
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qa.cli import main
from tests.conftest import SAMPLES


@pytest.fixture
def run(sample_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`qa` on a copy of the samples and their index."""
    shutil.copytree(sample_index, tmp_path / "index")
    shutil.copytree(SAMPLES, tmp_path / "articles")
    monkeypatch.setenv("QA_INDEX", str(tmp_path / "index"))
    monkeypatch.setenv("QA_ARTICLES", str(tmp_path / "articles"))

    def invoke(*args: str | Path) -> Result:
        return CliRunner().invoke(main, [str(arg) for arg in args])

    return invoke


def test_an_article_is_added_found_removed_and_kept_aside(run, tmp_path: Path):
    new = tmp_path / "varn.txt"
    new.write_text(
        "The lighthouse of Varn\n\nThe lighthouse of Varn was lit in 1851 by Ada Cole.\n"
    )
    added = json.loads(run("add", new, "--json").stdout)
    assert (added["added"], len(added["unchanged"])) == (["varn.txt"], 5)
    assert "lit in 1851" in run("search", "Who lit the lighthouse of Varn?", "-k", "1").stdout
    assert run("remove", "varn.txt", "no-such.txt").exit_code == 1
    assert (tmp_path / "articles/varn.txt").exists()
    removed = run("remove", "varn.txt")
    assert removed.exit_code == 0
    assert "1 removed, 5 unchanged" in removed.stdout
    assert (tmp_path / "index/removed/varn.txt").exists()
    assert "varn" not in run("list").stdout


def test_adding_names_what_cannot_be_read_and_exits_1(run, tmp_path: Path):
    (tmp_path / "empty.txt").write_text("")
    result = run("add", tmp_path / "empty.txt")
    assert result.exit_code == 1
    assert "empty.txt: is empty" in result.stderr


def test_the_doctor_is_content_with_a_fresh_index_and_says_what_to_do_with_a_damaged_one(
    run, tmp_path: Path
):
    result = run("doctor")
    assert (result.exit_code, "WRONG" in result.stdout) == (0, False)
    (tmp_path / "index/generations/1/vectors.faiss").write_bytes(b"")
    result = run("doctor")
    assert result.exit_code == 1
    assert "WRONG files" in result.stdout
    assert "run `qa build`" in result.stdout
    assert run("build").exit_code == 0
    findings = json.loads(run("doctor", "--json").stdout)["findings"]
    assert [finding["check"] for finding in findings if not finding["ok"]] == []


def test_info_prints_counts_and_models(run):
    described = json.loads(run("info", "--json").stdout)
    assert (described["articles"], described["generation"]) == (5, 1)
    assert (described["encoder"], described["dimension"]) == ("all-MiniLM-L6-v2", 384)
    assert "generation          1\n" in run("info").stdout


def test_saved_answers_are_verified(run, tmp_path: Path):
    saved = tmp_path / "saved.json"
    saved.write_text(
        run("ask", "What was the meeting about?", "--json", "--no-reader").stdout, encoding="utf-8"
    )
    result = run("verify", saved)
    assert result.exit_code == 0
    assert re.match(r"ok +the-damascus-meeting\.txt: “", result.stdout)
    article = tmp_path / "articles/the-damascus-meeting.txt"
    first = json.loads(saved.read_text(encoding="utf-8"))["quotes"][0]["text"]
    article.write_text(
        article.read_text(encoding="utf-8").replace(first, "Bicycles."), encoding="utf-8"
    )
    run("build")
    result = run("verify", saved, "--json")
    assert result.exit_code == 1
    assert "source changed" in {quote["status"] for quote in json.loads(result.stdout)["quotes"]}


def test_watching_builds_again_when_an_article_comes(run, tmp_path: Path):
    command = [sys.executable, "-m", "qa", "build", "--watch"]
    # What runs the tests in the background may ignore Ctrl-C, and its children would, too.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    watching = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed
    )
    assert watching.stdout is not None
    try:
        assert "0 added" in watching.stdout.readline()
        (tmp_path / "articles/varn.txt").write_text("The lighthouse of Varn was lit in 1851.\n")
        assert "1 added, 0 changed, 0 removed, 5 unchanged" in watching.stdout.readline()
    finally:
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate(timeout=60)
    assert watching.returncode == 130
    assert "stopped" in said


def test_an_address_on_this_machine_is_not_fetched(run, tmp_path: Path):
    result = run("add", "http://127.0.0.1/page.html")
    assert result.exit_code == 1
    assert "127.0.0.1, which is not on the open internet: it is not fetched" in result.stderr
    assert not (tmp_path / "articles/page.html").exists()


def test_folders_and_archives_are_added_whole_and_copies_are_folded(run, tmp_path: Path):
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "varn.txt").write_text("The lighthouse of Varn was lit in 1851 by Ada Cole.\n")
    (reports / "ledger.xlsx").write_bytes(b"no article")
    archive = shutil.make_archive(str(tmp_path / "press"), "zip", reports)
    result = run("add", reports, archive)
    assert result.exit_code == 1
    assert result.stdout.startswith("1 added, 0 changed, 0 removed, 5 unchanged;")
    folded, *left_out = result.stderr.splitlines()
    assert folded == "folded: reports/varn.txt has the same text as press/varn.txt"
    assert [line.partition("ledger.xlsx: ")[2][:25] for line in left_out] == (
        ["not a kind of article tha"] * 2
    )
    answer = json.loads(run("ask", "Who lit the lighthouse of Varn?", "--json").stdout)
    quote = (answer.get("quotes") or answer["nearest"])[0]
    assert quote["article"]["id"] == "press/varn.txt"
    assert [other["article"]["id"] for other in quote["also_in"]] == ["reports/varn.txt"]
    (tmp_path / "saved.json").write_text(json.dumps(answer))
    verified = run("verify", tmp_path / "saved.json")
    assert (verified.exit_code, verified.stdout.count("ok  ")) == (
        0,
        len(verified.stdout.splitlines()),
    )


def test_nothing_to_add_is_said(run):
    result = run("add")
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: there is nothing to add: name files, folders, addresses or --feed\n",
    )


def test_feeds_that_cannot_be_fetched_do_not_stop_a_build_and_offline_asks_for_none(
    run, tmp_path: Path
):
    (tmp_path / "articles/feeds.txt").write_text("# ours\nhttp://127.0.0.1/rss\n")
    result = run("build")
    assert result.exit_code == 1
    assert result.stdout.startswith("0 added, 0 changed, 0 removed, 5 unchanged;")
    assert "left out: 127.0.0.1/rss: leads to 127.0.0.1, which is not on the open" in result.stderr
    offline = run("build", "--offline")
    assert (offline.exit_code, offline.stderr) == (0, "")


def test_what_is_there_already_is_a_note(run, tmp_path: Path):
    (tmp_path / "bees.txt").write_text("On bees\n\nThe hive was opened on 3 May 1990.\n")
    assert run("add", str(tmp_path / "bees.txt")).exit_code == 0
    again = run("add", str(tmp_path / "bees.txt"))
    assert again.exit_code == 0
    assert "note: " in again.stderr
    assert "is among the articles already, as bees.txt" in again.stderr
