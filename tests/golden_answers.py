"""Write tests/data/answers-golden.json: what is answered to the questions on the sample articles.

    python -m tests.golden_answers

A change that should not change answers is tested against it (`tests/test_golden.py`). Where one
does, and is meant to, write the file again and read the difference.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qa import Answerer, Retriever, Turn, answer_to_json, build, load_reader
from tests.conftest import ROOT, SAMPLES

GOLDEN = ROOT / "tests/data/answers-golden.json"
QUESTIONS = ROOT / "tests/data/sample-questions.jsonl"
CONVERSATIONS = (
    ("What was the meeting about?", "Where was it held?", "Who attended it?", "Why?"),
    ("Who leads the restoration project?", "What does she lead?", "How many volunteers has it?"),
    ("When was the bridge opened again?", "By whom?", "What about the pier?"),
)
"""Each question is asked with those before it."""
OTHERS = (
    "Who is the president of France?",
    "What is the boiling point of mercury?",
    "What was the meating abuot?",
    "Thanks!",
    "Which articles do you have?",
    "Summarise the Damascus meeting",
    "Compare the meadow and the bridge",
)
"""Off the subject, misspelt, or no question at all."""


def answer_all(index: Path) -> Iterator[dict[str, Any]]:
    """The answers, as `qa ask --json` prints them: without times, an article as its id."""
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    alone = [json.loads(line)["question"] for line in lines] + list(OTHERS)
    retriever = Retriever.load(index)
    for reader in (load_reader(), None):
        answerer = Answerer(retriever, reader=reader)
        for questions in [(question,) for question in alone] + list(CONVERSATIONS):
            turns: list[Turn] = []
            for question in questions:
                answer = answerer.answer(question, turns)
                yield {
                    "reader": reader is not None,
                    "after": [turn.question for turn in turns],
                    **_shorten(json.loads(json.dumps(answer_to_json(answer)))),
                }
                turns.append(Turn.from_answer(answer))


def _shorten(answer: dict[str, Any]) -> dict[str, Any]:
    del answer["seconds"]
    for quote in answer["quotes"] + answer.get("nearest", []):
        for copy in [quote, *quote.get("also_in", [])]:
            copy["article"] = copy["article"]["id"]
    return answer


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        build(SAMPLES, folder)
        answers = list(answer_all(Path(folder)))
    lines = (json.dumps(answer, ensure_ascii=False) for answer in answers)
    GOLDEN.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
