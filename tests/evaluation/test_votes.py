"""Votes on quotes -> a data set that can be evaluated."""

from pathlib import Path

from qa.evaluation.data_sets import read_questions, write_articles
from qa.evaluation.votes import write_votes
from qa.types import Article, Span

BEES = Article("bees.txt", "Bees", "Bees like clover. Wasps do not.", "1" * 64)
KNOWN = {BEES.id: BEES}
VOTE = {
    "question": "What do bees like?",
    "article": "bees.txt",
    "sha256": BEES.sha256,
    "start": 10,
    "end": 16,
    "right": True,
}


def read(folder: Path, *votes: object) -> list[tuple[str, tuple[str, ...]]]:
    questions, articles = write_votes(votes, KNOWN.get)
    (folder / "questions.jsonl").write_text(questions)
    (folder / "articles.jsonl").write_text(articles)
    places = write_articles(folder, folder)
    found = read_questions(folder, places)
    for question in found:
        text = (folder / question.article_id).read_text()
        assert tuple(text[span.start : span.end] for span in question.spans) == question.texts
        assert all(isinstance(span, Span) for span in question.spans)
    return [(question.question, question.texts) for question in found]


def test_a_right_quote_is_gold_at_its_place(tmp_path: Path):
    assert read(tmp_path, VOTE) == [("What do bees like?", ("clover",))]


def test_a_right_refusal_is_a_question_without_an_answer(tmp_path: Path):
    vote = {"question": "Who was king?", "silent": "bees.txt", "right": True}
    assert read(tmp_path, vote) == [("Who was king?", ())]


def test_what_is_wrong_or_has_changed_or_makes_no_sense_is_left_out(tmp_path: Path):
    wrong = [
        {**VOTE, "right": False},
        {**VOTE, "sha256": "2" * 64},
        {**VOTE, "start": 10, "end": 1000},
        {**VOTE, "article": "none.txt"},
        {**VOTE, "question": 3},
        "vote",
        None,
    ]
    assert write_votes(wrong, KNOWN.get) == ("", "")
