import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from qa import Answerer, QAError, Retriever
from qa.answer.answerer import MAX_QUOTES, select_quotes
from qa.answer.ranking.features import READ_FIRST, Candidates
from qa.answer.thresholds import SURE
from qa.encoder.onnx import OnnxEncoder
from qa.index.build import build
from qa.render import answer_to_json
from qa.saved import parse_answer
from qa.types import Article, Hit, Passage, Sentence, SentenceReading, Span, Turn
from tests.conftest import ROOT

LINES = (ROOT / "tests/data/sample-questions.jsonl").read_text(encoding="utf-8").splitlines()
QUESTIONS = [json.loads(line) for line in LINES]


@pytest.fixture(scope="module")
def answerer(sample_index: Path, encoder: OnnxEncoder) -> Answerer:
    return Answerer(Retriever.load(sample_index, encoder=encoder))


def make_article(article_id: str, text: str) -> Article:
    return Article(article_id, article_id, text, "0" * 64)


def make_candidates(
    *articles: Article, readings: list[SentenceReading] | None = None
) -> Candidates:
    """One candidate a sentence, which ends with its full stop."""
    hits, sentences = [], []
    for article in articles:
        spans, start = [], 0
        while (stop := article.text.find(".", start)) >= 0:
            spans.append(Sentence(start, stop + 1, 1))
            start = stop + 2
        passage = Passage(article, 0, len(article.text), tuple(spans))
        hits += [Hit(passage, 1.0)] * len(spans)
        sentences += spans
    return Candidates(hits, sentences, readings, "with the reader", {}, {})


# The reader knows English; two of these are Arabic.
MISSED = {
    "Who attended the meeting?",
    "لماذا أُغلقت المكتبة؟",
    "ما أوقات عمل المكتبة؟",
}


def test_the_first_quote_answers_all_sample_questions_but_these(answerer: Answerer):
    missed = set()
    for question in QUESTIONS:
        if question["quotes"]:
            answer = answerer.answer(question["question"])
            first = (answer.quotes or answer.nearest)[0]
            if (first.article.id, first.text) not in {
                (question["article_id"], text) for text in question["quotes"]
            }:
                missed.add(question["question"])
    assert missed == MISSED


def test_the_meeting_was_about_missiles(answerer: Answerer):
    answer = answerer.answer("What was the meeting about?")
    assert answer.status == "answered"
    first = answer.quotes[0]
    assert first.article.id == "the-damascus-meeting.txt"
    assert first.text.startswith("The participants, the officials said, had come")
    assert first.answer is not None
    assert first.start <= first.answer.start < first.answer.end <= first.end


def test_every_quote_is_found_at_its_place(answerer: Answerer):
    for question in QUESTIONS:
        answer = answerer.answer(question["question"])
        assert answer.quotes or answer.nearest
        for quote in (*answer.quotes, *answer.nearest):
            text = answerer.retriever.index.get_article(quote.article.id).text
            assert text[quote.start : quote.end] == quote.text
            assert quote.text == quote.text.strip() != ""
            assert text[: quote.start].endswith(quote.prefix)
            assert text[quote.end :].startswith(quote.suffix)


def test_what_no_article_speaks_of_is_off_topic(answerer: Answerer):
    answer = answerer.answer("What is the boiling point of tungsten?")
    assert (answer.status, answer.quotes) == ("off_topic", ())
    assert answer.confidence < 0.2
    assert answer.nearest != ()


def test_the_same_question_gets_the_same_answer_byte_for_byte(
    sample_index: Path, encoder: OnnxEncoder
):
    answers = []
    for _ in range(2):
        fresh = Answerer(Retriever.load(sample_index, encoder=encoder))
        value = answer_to_json(fresh.answer("Where was the meeting held?"))
        answers.append(json.dumps({key: part for key, part in value.items() if key != "seconds"}))
    assert answers[0] == answers[1]


def test_white_space_in_a_question_does_not_matter(answerer: Answerer):
    plain, spaced = (
        answerer.answer("Where was it held?"),
        answerer.answer("  Where\nwas it   held? "),
    )
    assert plain.quotes == spaced.quotes
    assert spaced.searched == "Where was it held?"


@pytest.mark.parametrize("question", ["", "  \n", "?!", "…"])
def test_a_question_without_words_is_refused(answerer: Answerer, question: str):
    with pytest.raises(QAError, match="has no words"):
        answerer.answer(question)


def test_between_the_two_bounds_an_answer_is_possible_and_its_quotes_are_shown(
    sample_index: Path, encoder: OnnxEncoder
):
    retriever = Retriever.load(sample_index, encoder=encoder)
    question = "What was the meeting about?"
    usual = Answerer(retriever).answer(question)
    unsure = Answerer(retriever, threshold=1.0, possibly=0.01).answer(question)
    assert (usual.status, unsure.status) == ("answered", "possibly")
    assert unsure.quotes == usual.quotes
    assert unsure.nearest == ()
    with pytest.raises(
        QAError, match=r"possibly is 0\.7: it is a probability, at most the threshold, 0\.6"
    ):
        Answerer(retriever, possibly=0.7)


def test_later_questions_lean_on_quotes_that_answered_not_on_possible_ones(
    sample_index: Path, encoder: OnnxEncoder
):
    retriever = Retriever.load(sample_index, encoder=encoder)
    question = "What was the meeting about?"
    sure = Answerer(retriever).answer(question)
    unsure = Answerer(retriever, threshold=1.0, possibly=0.01).answer(question)
    assert Turn.from_answer(sure).quotes == sure.quotes != ()
    assert Turn.from_answer(unsure).quotes == ()
    saved = [parse_answer(answer_to_json(answer)) for answer in (sure, unsure)]
    turns = [answer.to_turn(retriever.index.get_article) for answer in saved]
    assert [len(turn.quotes) for turn in turns] == [len(sure.quotes), 0]


def test_an_unreachable_threshold_turns_quotes_into_nearest(
    sample_index: Path, encoder: OnnxEncoder
):
    strict = Answerer(Retriever.load(sample_index, encoder=encoder), threshold=1.0, possibly=1.0)
    answer = strict.answer("What was the meeting about?")
    assert (answer.status, answer.quotes) == ("unanswered", ())
    assert answer.nearest[0].text.startswith("The participants, the officials said")


def test_without_a_reader_quotes_have_no_answer_span(sample_index: Path, encoder: OnnxEncoder):
    answer = Answerer(Retriever.load(sample_index, encoder=encoder), reader=None).answer(
        "Where was the meeting held?"
    )
    [quote] = answer.quotes
    assert quote.text.startswith("The meeting took place in a basement")
    assert quote.answer is None


def test_repeated_sentences_of_one_article_stay_apart():
    candidates = make_candidates(make_article("a", "It rained. It shone. It rained."))
    quotes = select_quotes(candidates, np.array([2.0, 0.0, 2.0]), 0.9, most=3)
    assert [(quote.start, quote.end) for quote in quotes] == [(0, 10), (21, 31), (11, 20)]
    assert [quote.score for quote in quotes] == [
        0.9,
        0.9,
        pytest.approx(0.9 * np.exp(-2), abs=1e-4),
    ]


def test_copies_in_other_articles_are_folded():
    candidates = make_candidates(
        make_article("a", "It rained. It shone."), make_article("b", "It “rained”.")
    )
    quotes = select_quotes(candidates, np.array([2.0, 0.0, 1.0]), 0.9, most=3)
    assert [quote.text for quote in quotes] == ["It rained.", "It shone."]
    assert [(copy.article.id, copy.text) for copy in quotes[0].also_in] == [("b", "It “rained”.")]


def test_an_answer_that_runs_on_takes_the_next_sentence_along():
    readings = [SentenceReading(1.0, Span(3, 19), 2.0), SentenceReading(0.0, Span(11, 19), 0.0)]
    candidates = make_candidates(make_article("a", "It rained. It shone."), readings=readings)
    [quote] = select_quotes(candidates, np.array([1.0, 0.5]), 0.9, most=3)
    assert (quote.text, quote.answer) == ("It rained. It shone.", Span(3, 19))


def test_an_index_without_articles_answers_nothing(tmp_path: Path, encoder: OnnxEncoder):
    (tmp_path / "articles").mkdir()
    build(tmp_path / "articles", tmp_path / "index", encoder=encoder)
    answer = Answerer(Retriever.load(tmp_path / "index", encoder=encoder)).answer("Who?")
    assert (answer.status, answer.confidence, answer.quotes, answer.nearest) == (
        "off_topic",
        0.0,
        (),
        (),
    )


def test_a_heading_is_no_further_quote(tmp_path: Path, encoder: OnnxEncoder):
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles/insulin.md").write_text(
        "Insulin\n\nInsulin is a hormone that lowers the sugar in the blood.\n\n## Insulin\n\n"
        "It was first isolated in 1921 by Banting and Best in Toronto.\n\n## What insulin does\n\n"
        "Cells take up glucose when it is there.\n"
    )
    build(tmp_path / "articles", tmp_path / "index", encoder=encoder)
    answer = Answerer(Retriever.load(tmp_path / "index", encoder=encoder)).answer("insulin")
    assert [quote.text.split()[0] for quote in answer.quotes[:2]] == ["Insulin", "It"]
    assert answer.quotes[0].text.endswith("in the blood.")
    assert not {"Insulin", "What insulin does"} & {quote.text for quote in answer.quotes}


def test_one_who_wants_more_quotes_has_more_passages_read(
    sample_index: Path, encoder: OnnxEncoder, monkeypatch: pytest.MonkeyPatch
):
    read: list[Sequence[Passage]] = []
    answerer = Answerer(Retriever.load(sample_index, encoder=encoder))
    reader = answerer.reader
    assert reader is not None
    plain = reader.read
    monkeypatch.setattr(
        reader, "read", lambda question, some: read.append(some) or plain(question, some)
    )
    question = "To whom was the contract given?"
    answer = answerer.answer(question)
    assert answer.confidence >= SURE
    passages = [hit.passage for hit in answer.hits]
    # What is not a passage of the index is the first candidate, read again.
    assert [part for parts in read for part in parts if part in passages] == passages[:READ_FIRST]
    read.clear()
    more = answerer.with_quotes(MAX_QUOTES + 1).answer(question)
    assert more.status == "answered"
    assert len([part for parts in read for part in parts if part in passages]) > READ_FIRST


def test_one_question_is_not_taken_for_many(sample_index: Path, encoder: OnnxEncoder):
    answerer = Answerer(Retriever.load(sample_index, encoder=encoder))
    with pytest.raises(QAError, match="give a list of them"):
        next(iter(answerer.answer_many("abc")))


def test_a_byline_of_two_answers_who_wrote_the_article(tmp_path: Path, encoder: OnnxEncoder):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "us.txt").write_text(
        "The harbour\nBy Sue Black and Tim White\n\nThe harbour of Varn was dredged in May.\n"
    )
    build(tmp_path / "a", tmp_path / "x", encoder=encoder)
    answer = Answerer(Retriever.load(tmp_path / "x", encoder=encoder)).answer(
        "Who wrote the article?"
    )
    assert (answer.status, answer.quotes[0].text) == ("answered", "By Sue Black and Tim White")
