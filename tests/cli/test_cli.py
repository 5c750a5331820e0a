import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qa.cli import main

COLUMNS = {"question", "searched", "status", "confidence", "quotes", "seconds", "generation"}


@pytest.fixture
def run(sample_index: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("QA_INDEX", str(sample_index))

    def invoke(*args: str) -> Result:
        return CliRunner().invoke(main, args)

    return invoke


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom qa.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'faiss', 'gradio', 'sentence_transformers', 'transformers', "
        "'onnxruntime', 'numpy'}\n"
        "sys.exit(','.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Ask questions of your articles" in done.stdout


def test_ask_prints_the_quote_and_where_it_stands(run):
    result = run("ask", "What was the meeting about?")
    assert result.exit_code == 0
    assert "“The participants, the officials said, had come" in result.stdout
    assert "The Damascus meeting, Helen Marsh, paragraph 4" in result.stdout


def test_ask_json_has_the_documented_form(run):
    value = json.loads(run("ask", "What was the meeting about?", "--json").stdout)
    assert set(value) == COLUMNS
    assert value["status"] == "answered"
    quote = value["quotes"][0]
    assert set(quote) == {
        "text", "start", "end", "prefix", "suffix", "answer", "score", "paragraph", "article",
    }  # fmt: skip
    assert set(quote["answer"]) == {"text", "start", "end"}
    assert set(quote["article"]) == {"id", "title", "author", "date", "url", "language", "sha256"}
    assert set(value["seconds"]) == {"encode", "search", "read"}
    assert quote["end"] - quote["start"] == len(quote["text"])


def test_no_answer_is_a_result_and_exits_0(run):
    result = run("ask", "What is the boiling point of tungsten?", "--json")
    assert result.exit_code == 0
    value = json.loads(result.stdout)
    assert set(value) == COLUMNS | {"nearest"}
    assert (value["status"], value["quotes"]) == ("off_topic", [])


def test_no_reader_gives_quotes_without_answering_words(run):
    value = json.loads(
        run(
            "ask", "Where was the meeting held?", "--json", "--no-reader", "--threshold", "0"
        ).stdout
    )
    assert [quote["answer"] for quote in value["quotes"]] == [None] * len(value["quotes"])
    assert value["quotes"]


def test_search_gives_passages(run):
    value = json.loads(run("search", "eelgrass", "-k", "2", "--json").stdout)
    assert (value["query"], len(value["hits"])) == ("eelgrass", 2)
    assert value["hits"][0]["article"]["id"] == "the-meadow-under-ostrey-bay.md"
    assert "The Meadow under Ostrey Bay" in run("search", "eelgrass").stdout


def test_search_and_ask_keep_to_the_articles_chosen(run):
    for command in ("search", "ask"):
        result = run(command, "meeting", "--json", "--in", "an-hour-for-the-bicycle.md")
        value = json.loads(result.stdout)
        places = value.get("hits", []) + value.get("quotes", []) + value.get("nearest", [])
        assert {place["article"]["id"] for place in places} == {"an-hour-for-the-bicycle.md"}
    assert json.loads(run("search", "meeting", "--json", "--author", "Nobody").stdout)["hits"] == []
    assert "since is 'soon'" in run("search", "meeting", "--since", "soon").stderr


def test_list_names_all_articles(run):
    assert [line.split("\t")[0] for line in run("list").stdout.splitlines()] == [
        "an-hour-for-the-bicycle.md",
        "hallowmere-bridge-minutes-1931.txt",
        "maktabat-al-rayhan.txt",
        "the-damascus-meeting.txt",
        "the-meadow-under-ostrey-bay.md",
    ]
    assert len(json.loads(run("list", "--json").stdout)["articles"]) == 5


@pytest.mark.parametrize(
    "args", [["ask"], ["ask", "x", "--quotes", "0"], ["nonsense"], ["ask", "x", "--no-such-flag"]]
)
def test_bad_usage_exits_2(run, args: list[str]):
    assert run(*args).exit_code == 2


@pytest.mark.parametrize("command", [["ask", "x"], ["search", "x"], ["list"]])
def test_a_missing_index_is_one_clear_line_and_exits_1(run, tmp_path: Path, command: list[str]):
    result = run(*command, "--index", str(tmp_path / "none"))
    assert result.exit_code == 1
    assert result.stderr.startswith(
        f"Error: there is no index in {tmp_path / 'none'}: run `qa build`"
    )
    assert len(result.stderr.splitlines()) == 1


def test_build_indexes_the_good_names_the_bad_and_exits_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("QA_INDEX", str(tmp_path / "index"))
    monkeypatch.setenv("QA_ARTICLES", str(tmp_path / "articles"))
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "good.txt").write_text("The mill grinds rye.")
    (tmp_path / "articles" / "empty.txt").write_text("")
    (tmp_path / "articles" / "noise.txt").write_bytes(b"\x00\x01\x02" * 50)
    result = CliRunner().invoke(main, ["build", "--json"])
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert (report["added"], report["passages"]) == (["good.txt"], 1)
    assert sorted(Path(error["file"]).name for error in report["errors"]) == [
        "empty.txt",
        "noise.txt",
    ]
    assert "empty.txt" in result.stderr and "noise.txt" in result.stderr
    again = CliRunner().invoke(main, ["build"])
    assert "0 added, 0 changed, 0 removed, 1 unchanged" in again.stdout


def test_other_scripts_are_printed_even_where_the_console_claims_ascii(sample_index: Path):
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "QA_INDEX": str(sample_index)}
    done = subprocess.run(
        [sys.executable, "-m", "qa", "list"], capture_output=True, check=False, env=env
    )
    assert done.returncode == 0
    assert "مكتبة الريحان" in done.stdout.decode("utf-8")


def test_chat_understands_a_question_by_those_before(run):
    lines = ["What was the meeting about?", "Where was it held?", "/new", "", "/quit"]
    result = CliRunner().invoke(main, ["chat", "--json"], input="\n".join(lines) + "\n")
    assert result.exit_code == 0
    first, second = [json.loads(line) for line in result.stdout.splitlines()]
    assert first["searched"] == "What was the meeting about?"
    assert second["searched"].startswith("Where was it held? (")
    assert "meeting" in second["searched"]
    assert "Kafr Sousse" in second["quotes"][0]["text"]


def test_a_saved_answer_is_history_for_the_next_question(run, tmp_path: Path):
    saved = tmp_path / "first.json"
    saved.write_text(run("ask", "Where was the meeting held?", "--json").stdout, encoding="utf-8")
    args = ("ask", "Who attended it?", "--history", str(saved), "--json")
    assert json.loads(run(*args).stdout)["searched"].startswith("Who attended it? (")
    assert json.loads(run(*args, "--as-written").stdout)["searched"] == "Who attended it?"
    saved.write_text('{"question": "Who?"}')
    result = run(*args)
    assert result.exit_code == 1
    assert "does not hold answers as `qa ask --json` prints them" in result.stderr


@pytest.mark.parametrize(
    "chosen",
    [("--author", "Jane"), ("--language", "JA"), ("--since", "2022", "--until", "2020")],
)
def test_conditions_that_no_article_meets_are_told(run, chosen: tuple[str, ...]):
    told = "None of the articles is among those that you chose to ask.\n"
    for command in ("ask", "search"):
        result = run(command, "What was the meeting about?", *chosen)
        assert (result.exit_code, result.stdout) == (0, told)
    value = json.loads(run("ask", "What was the meeting about?", "--json", *chosen).stdout)
    assert (value["status"], value["notice"]) == ("off_topic", told.strip())


def test_an_article_that_is_not_in_the_index_is_an_error(run):
    for command in ("ask", "search"):
        result = run(command, "What was the meeting about?", "--in", "nothere.txt")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "there is no article 'nothere.txt' in the index: `qa list`" in result.stderr


@pytest.mark.parametrize("word", ["quit", "exit", "/quit"])
def test_chat_ends_with_a_word(run, word: str):
    result = CliRunner().invoke(main, ["chat", "--json"], input=f"{word}\nWho is Marsh?\n")
    assert (result.exit_code, result.stdout) == (0, "")


def test_a_language_is_given_by_its_code(run):
    result = run("ask", "What was the meeting about?", "--language", "English")
    assert result.exit_code == 2
    assert "'English' is no code of a language" in result.stderr
    assert (
        "covert programme" in run("ask", "What was the meeting about?", "--language", "EN").stdout
    )


def test_chat_says_which_commands_there_are(run):
    result = CliRunner().invoke(main, ["chat"], input="/bogus now\n/quit\n")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "there is no /bogus: /new, /plain QUESTION and /quit are what there is" in result.stderr


def test_a_value_that_is_not_allowed_is_bad_usage(run):
    result = run("ask", "When?", "--since", "yesterday")
    assert result.exit_code == 2
    assert "since is 'yesterday': write a day, month or year" in result.stderr
