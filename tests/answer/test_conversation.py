"""Whole conversations: questions that depend on those before, changes of subject, and returns."""

import shutil
from pathlib import Path

import pytest

from qa import Answerer, Retriever
from qa.encoder.onnx import OnnxEncoder
from qa.index.build import build
from qa.types import Turn
from tests.conftest import SHARED

# Question, words of the quote that answers it (among the first two), whether it leans on what came
# before.
OVER_THE_SAMPLES = [
    ("What was the meeting about?", "had come to discuss a covert programme", False),
    ("Where was it held?", "in a basement underneath an apartment block", True),
    ("And who took part?", "Iranian and Syrian experts in military technology", True),
    ("When should the chain of a bicycle be replaced?", "when the gauge shows 0.75 % wear", False),
    ("And the disc brake pads?", "less than 1 mm of friction material", True),
    ("Who was killed in the strike on Damascus?", "left an army engineer dead", False),
    ("And in 2008?", "Imad Mughniyeh", True),
]
OVER_THE_COLUMN = [
    ("Where was the meeting held?", "Kafr Sousse", False),
    ("Who attended it?", "Hezbollah", True),
    ("Which news agency reported on the raid?", "Reuters published an exclusive report", False),
    ("Who was assassinated in Kafr Sousse in 2008?", "Imad Mughniyeh", False),
    ("By whom?", "The Israelis assassinated", True),
    ("What would saving Syria require?", "a miracle", False),
]


def hold_conversation(answerer: Answerer, lines: list[tuple[str, str, bool]]) -> list[str]:
    """What went wrong, line by line."""
    wrong, turns = [], []
    for question, words, leans in lines:
        answer = answerer.answer(question, turns)
        turns.append(Turn.from_answer(answer))
        quotes = (answer.quotes or answer.nearest)[:2]
        if not any(words in quote.text for quote in quotes):
            wrong.append(f"{question}: {[quote.text for quote in quotes]}")
        if (answer.searched != question) != leans:
            wrong.append(f"{question}: searched {answer.searched!r}")
    return wrong


def test_a_conversation_over_the_sample_articles(sample_index: Path, encoder: OnnxEncoder):
    answerer = Answerer(Retriever.load(sample_index, encoder=encoder))
    assert hold_conversation(answerer, OVER_THE_SAMPLES) == []


def test_another_subject_is_not_mixed_with_the_last(sample_index: Path, encoder: OnnxEncoder):
    answerer = Answerer(Retriever.load(sample_index, encoder=encoder))
    turn = Turn.from_answer(answerer.answer("When was the bridge at Hallowmere opened?"))
    assert turn.quotes
    for question in ("What is a submodule?", "What is eelgrass?", "What was the meeting about?"):
        answer = answerer.answer(question, [turn])
        alone = answerer.answer(question)
        assert answer.searched == question
        assert (answer.quotes, answer.nearest) == (alone.quotes, alone.nearest)


def test_a_conversation_over_a_newspaper_column(tmp_path: Path, encoder: OnnxEncoder):
    source = SHARED / "article" / "the-damascus-meeting.txt"
    if not source.is_file():
        pytest.skip(f"needs the column in {source}")
    (tmp_path / "articles").mkdir()
    shutil.copy(source, tmp_path / "articles")
    build(tmp_path / "articles", tmp_path / "index", encoder=encoder)
    answerer = Answerer(Retriever.load(tmp_path / "index", encoder=encoder))
    assert hold_conversation(answerer, OVER_THE_COLUMN) == []


def test_the_same_question_as_written_forgets_what_came_before(
    sample_index: Path, encoder: OnnxEncoder
):
    answerer = Answerer(Retriever.load(sample_index, encoder=encoder))
    turns = [Turn.from_answer(answerer.answer("What was the meeting about?"))]
    assert (
        answerer.answer("Where was it held?", turns, as_written=True).searched
        == "Where was it held?"
    )
