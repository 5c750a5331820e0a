import json
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest
from click.testing import CliRunner

from qa import Answerer, QuestionError, Retriever, answer_to_json
from qa.answer.retriever import map_side_by_side
from qa.cli import main
from qa.encoder.onnx import OnnxEncoder
from tests.conftest import ROOT

LINES = (ROOT / "tests/data/sample-questions.jsonl").read_text(encoding="utf-8").splitlines()
QUESTIONS = [json.loads(line)["question"] for line in LINES[::4]]


@pytest.fixture(scope="module")
def retriever(sample_index: Path, encoder: OnnxEncoder) -> Retriever:
    return Retriever.load(sample_index, encoder=encoder)


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    path = tmp_path / "questions.txt"
    path.write_text("\r\n\n".join(QUESTIONS) + "\n", encoding="utf-8")
    return path


def run(*words: str | Path) -> str:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.stdout


def untimed(line: str) -> dict[str, object]:
    return {**json.loads(line), "seconds": None}


def test_many_questions_get_the_answers_of_each_byte_for_byte(retriever: Retriever):
    answerer = Answerer(retriever)
    questions = [*QUESTIONS[:3], "Thanks", "What is the boiling point of tungsten?"]
    told: list[tuple[int, int, str]] = []
    many = answerer.answer_many(questions, progress=lambda *step: told.append(step))
    for question, answer in zip(questions, many, strict=True):
        one, of_many = (
            json.dumps({**answer_to_json(each), "seconds": {}})
            for each in (answerer.answer(question), answer)
        )
        assert of_many == one
    assert told == [(n, 5, "asking") for n in range(1, 6)]


def test_many_queries_get_the_passages_of_each(retriever: Retriever):
    many = list(retriever.retrieve_many(QUESTIONS, 3))
    assert many == [retriever.retrieve(question, 3) for question in QUESTIONS]


def test_a_question_without_words_is_refused_in_its_turn(retriever: Retriever):
    answers = Answerer(retriever, reader=None).answer_many([QUESTIONS[0], "?!", QUESTIONS[1]])
    assert next(answers).question == QUESTIONS[0]
    with pytest.raises(QuestionError, match="has no words"):
        next(answers)


def test_no_more_is_begun_than_is_asked_for():
    begun: list[int] = []
    results = map_side_by_side(lambda n: begun.append(n) or n, range(10_000), what="counting")
    assert [next(results), next(results)] == [0, 1]
    sleep(0.1)
    assert len(begun) < 100
    results.close()  # type: ignore[attr-defined]
    assert list(map_side_by_side(lambda n: n, [], what="counting")) == []


def test_each_question_of_a_file_gets_a_line(sample_index: Path, asked: Path, retriever: Retriever):
    printed = run("ask", "--jsonl", asked, "--index", sample_index, "--no-reader")
    answerer = Answerer(retriever, reader=None)
    assert [untimed(line) for line in printed.splitlines()] == [
        {**answer_to_json(answerer.answer(question)), "seconds": None} for question in QUESTIONS
    ]


def test_each_query_of_a_file_gets_a_line(sample_index: Path, asked: Path, tmp_path: Path):
    output = tmp_path / "passages.jsonl"
    run("search", "--jsonl", asked, "--index", sample_index, "-k", "2", "--output", output)
    values = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert [value["query"] for value in values] == QUESTIONS
    assert {len(value["hits"]) for value in values} == {2}


def test_what_was_stopped_goes_on_where_it_was(sample_index: Path, asked: Path, tmp_path: Path):
    output, whole = tmp_path / "answers.jsonl", tmp_path / "whole.jsonl"
    words = ["ask", "--jsonl", asked, "--index", sample_index, "--no-reader", "--output"]
    run(*words, whole)
    lines = whole.read_bytes().splitlines(keepends=True)
    output.write_bytes(b"".join(lines[:5]) + lines[5][:40])
    run(*words, output)
    now = output.read_bytes().splitlines(keepends=True)
    assert now[:5] == lines[:5]
    assert [untimed(line.decode()) for line in now] == [untimed(line.decode()) for line in lines]
    run(*words, output)  # all is there
    assert output.read_bytes() == b"".join(now)


def test_a_killed_run_leaves_what_the_next_one_completes(
    sample_index: Path, asked: Path, tmp_path: Path
):
    asked.write_text("\n".join(QUESTIONS * 30), encoding="utf-8")
    output = tmp_path / "passages.jsonl"
    words = ["search", "--jsonl", asked, "--index", sample_index, "--output", output]
    program = subprocess.Popen([sys.executable, "-m", "qa", *map(str, words)], cwd=ROOT)
    until = monotonic() + 60
    while monotonic() < until and not (output.exists() and output.stat().st_size):
        sleep(0.02)
    program.kill()
    program.wait()
    kept = output.read_bytes()
    kept = kept[: kept.rfind(b"\n") + 1]
    assert 0 < kept.count(b"\n") < 30 * len(QUESTIONS)
    run(*words)
    now = output.read_bytes()
    assert now.startswith(kept)
    assert [json.loads(line)["query"] for line in now.splitlines()] == QUESTIONS * 30


def test_an_output_of_other_questions_is_not_touched(
    sample_index: Path, asked: Path, tmp_path: Path
):
    output = tmp_path / "answers.jsonl"
    output.write_text('{"question": "Another?"}\n', encoding="utf-8")
    words = ["ask", "--jsonl", asked, "--output", output, "--index", sample_index, "--no-reader"]
    result = CliRunner().invoke(main, list(map(str, words)))
    assert result.exit_code == 1
    assert "answers.jsonl, line 1, is no answer to question 1" in result.output
    assert output.read_text(encoding="utf-8") == '{"question": "Another?"}\n'


@pytest.mark.parametrize("command", ["ask", "search"])
def test_a_line_without_words_is_named_before_anything_is_asked(
    command: str, sample_index: Path, asked: Path
):
    asked.write_text("Who?\n\n?!\n", encoding="utf-8")
    words = [command, "--jsonl", str(asked), "--index", str(sample_index)]
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "questions.txt, line 3, has no words: take it out" in result.stderr


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "either one question or --jsonl FILE"),
        (["Who?", "--jsonl", "FILE"], "either one question or --jsonl FILE"),
        (["Who?", "--output", "x"], "--output goes with --jsonl"),
    ],
)
def test_what_does_not_go_together_is_bad_usage(words: list[str], complaint: str, asked: Path):
    for command in ("ask", "search"):
        given = [str(asked) if word == "FILE" else word for word in words]
        result = CliRunner().invoke(main, [command, *given])
        assert result.exit_code == 2
        assert complaint in result.output


def test_the_schema_is_printed():
    schema = json.loads(run("schema", "search"))
    assert schema["$id"].startswith("urn:article-qa:search:")
    assert json.loads(run("schema"))["$ref"] == "#/$defs/Answer"


def test_questions_come_as_lines_of_json_too(sample_index: Path, tmp_path: Path):
    path = tmp_path / "q.jsonl"
    path.write_text('{"question": "When should the chain be replaced?", "id": 7}\n')
    result = CliRunner().invoke(main, ["ask", "--index", str(sample_index), "--jsonl", str(path)])
    assert json.loads(result.stdout)["question"] == "When should the chain be replaced?"
    path.write_text('Who?\n{"query": "When?"}\n')
    result = CliRunner().invoke(main, ["ask", "--index", str(sample_index), "--jsonl", str(path)])
    assert result.exit_code == 1
    assert 'line 2, is no JSON object with a "question"' in result.stderr
