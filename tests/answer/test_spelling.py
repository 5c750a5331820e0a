"""Misspelt words are corrected from the articles; names that they lack are left alone."""

from pathlib import Path

import pytest

from qa import Answerer, Retriever
from qa.answer.spelling import correct_spelling
from qa.encoder.onnx import OnnxEncoder
from qa.index.build import build
from qa.index.words import count_changes


@pytest.fixture(scope="module")
def retriever(sample_index: Path, encoder: OnnxEncoder) -> Retriever:
    return Retriever.load(sample_index, encoder=encoder)


@pytest.mark.parametrize(
    ("asked", "searched"),
    [
        ("Who was at the meetng?", "Who was at the meeting?"),
        ("Where does eelgras grow?", "Where does eelgrass grow?"),
        ("What did the comitee decide?", "What did the committee decide?"),
        ("Who was assasinated in 2008?", "Who was assassinated in 2008?"),
        ("Where is Damscus?", "Where is Damascus?"),
    ],
)
def test_a_misspelt_word_is_corrected(retriever: Retriever, asked: str, searched: str):
    assert correct_spelling(retriever.index, asked) == searched


@pytest.mark.parametrize(
    "question",
    [
        "Who attended the meeting?",
        "What is the capital of France?",
        "What is the boiling point of tungsten?",
        "Who is Marshal Petrov?",
        "How many people live in Vologda?",
        "When was NATOO founded?",
        "من حضر الاجتماع؟",
    ],
)
def test_words_that_are_right_or_lacking_stay(retriever: Retriever, question: str):
    assert correct_spelling(retriever.index, question) == question


def test_the_correction_is_told_and_can_be_taken_off(retriever: Retriever):
    answerer = Answerer(retriever)
    answer = answerer.answer("Where does eelgras grow?")
    assert answer.question == "Where does eelgras grow?"
    assert answer.searched == "Where does eelgrass grow?"
    written = answerer.answer("Where does eelgras grow?", as_written=True)
    assert written.searched == "Where does eelgras grow?"


@pytest.mark.parametrize(
    ("one", "other", "changes"),
    [("", "", 0), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "ab", 1), ("kitten", "sitting", 3)],
)
def test_changes_are_counted_with_swaps_as_one(one: str, other: str, changes: int):
    assert count_changes(one, other) == count_changes(other, one) == changes


def test_an_inflected_word_of_another_language_stays(tmp_path: Path, encoder: OnnxEncoder):
    (tmp_path / "a").mkdir()
    text = "Der Rat\n\nDie Mitglieder stimmen heute im Rathaus von Oberau über den Windpark ab.\n"
    (tmp_path / "a" / "rat.txt").write_text(text)
    build(tmp_path / "a", tmp_path / "x", encoder=encoder)
    index = Retriever.load(tmp_path / "x", encoder=encoder).index
    assert correct_spelling(index, "Wie stimmte der Rat ab?") == "Wie stimmte der Rat ab?"
    assert correct_spelling(index, "Wo ist das Rahtaus?") == "Wo ist das Rathaus?"
