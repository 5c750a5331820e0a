"""What is no question: how it is known, and what is offered instead."""

from pathlib import Path

import pytest

from qa import Answerer, Retriever
from qa.answer.requests.recognise import Request, read_request
from qa.encoder.onnx import OnnxEncoder
from qa.index.build import build
from qa.index.interface import Where
from qa.types import NONE_CHOSEN, Turn
from tests.conftest import SAMPLES


@pytest.fixture(scope="module")
def answerer(sample_index: Path, encoder: OnnxEncoder) -> Answerer:
    return Answerer(Retriever.load(sample_index, encoder=encoder))


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("Hello!", Request("greeting")),
        ("good morning", Request("greeting")),
        ("مرحبا", Request("greeting")),
        ("Thanks a lot", Request("thanks")),
        ("ok, thank you!", Request("thanks")),
        ("What can you do?", Request("help")),
        ("Which articles do you have?", Request("articles")),
        ("list all the documents", Request("articles")),
        ("Summarise the article", Request("summary")),
        ("Can you summarize it?", Request("summary")),
        ("What is this article about?", Request("summary")),
        ("TL;DR", Request("summary")),
        ("What is the main idea?", Request("summary")),
        ("What's the author's opinion?", Request("summary")),
        ("What does the author argue?", Request("summary")),
        ("What is the title of the article?", Request("title")),
        ("What’s the headline?", Request("title")),
        ("What is this column called?", Request("title")),
        ("ما عنوان المقال؟", Request("title")),
        ("When was the article published?", Request("date")),
        ("متى نشر المقال؟", Request("date")),
        (
            "Give me a summary of the Damascus meeting",
            Request("summary", ("the Damascus meeting",)),
        ),
        ("Key sentences of Ostrey Bay", Request("summary", ("Ostrey Bay",))),
        ("Compare kelp with eelgrass.", Request("comparison", ("kelp", "eelgrass"))),
    ],
)
def test_what_is_no_question_is_known_as_what_it_is(text: str, request_: Request):
    assert read_request(text) == request_


@pytest.mark.parametrize(
    "text",
    [
        "What was the meeting about?",
        "Who said thanks to the committee?",
        "What are the main points of contact of a bicycle saddle and rider?",
        "How do the two bridges compare?",
        "Which articles of the treaty were broken?",
        "What did the article say about Hello magazine?",
        "Who can summarise the debate?",
        "eelgrass",
        "What is the key to the chapel?",
        "How does this work on wet roads?",
        "What is the title of the report?",
        "What was the headline of the newspaper?",
        "What is it called?",
        "When was the report published?",
        "What does the author say about owls?",
        "What does the author argue with his brother about?",
        "What is the main argument of the mayor?",
    ],
)
def test_questions_stay_questions(text: str):
    assert read_request(text) is None


def test_thanks_are_not_searched_for(answerer: Answerer):
    answer = answerer.answer("Thanks!")
    assert answer.status == "no_question"
    assert answer.notice == "You are welcome. Ask whenever there is something else to find."
    assert (answer.quotes, answer.nearest, answer.hits) == ((), (), ())


def test_as_written_everything_is_searched_for(answerer: Answerer):
    assert answerer.answer("Thanks!", as_written=True).hits != ()


def test_the_articles_are_listed_by_their_titles(answerer: Answerer):
    lead, *names = answerer.answer("Which articles do you have?").notice.split("\n")
    assert lead == "These are the articles:"
    assert "- The Damascus meeting" in names
    assert len(names) == len(list(SAMPLES.glob("*.*")))


def test_a_named_article_is_shown_by_its_key_sentences_word_for_word(answerer: Answerer):
    answer = answerer.answer("Summarise the meadow under Ostrey Bay")
    assert answer.status == "no_question"
    assert "most central sentences of “The Meadow under Ostrey Bay”" in answer.notice
    starts = [quote.start for quote in answer.quotes]
    assert len(starts) == 5 and starts == sorted(starts)
    text = (SAMPLES / "the-meadow-under-ostrey-bay.md").read_text(encoding="utf-8")
    assert [text[quote.start : quote.end] == quote.text for quote in answer.quotes] == [True] * 5
    assert min(len(quote.text.split()) for quote in answer.quotes) > 5


def test_without_a_name_the_article_quoted_last_is_meant(answerer: Answerer):
    asked = answerer.answer("How many hectares does the eelgrass cover?")
    assert asked.status == "answered"
    answer = answerer.answer("Summarise it", [Turn.from_answer(asked)])
    assert {quote.article.title for quote in answer.quotes} == {"The Meadow under Ostrey Bay"}


def test_without_a_name_or_a_quote_before_a_name_is_asked_for(answerer: Answerer):
    answer = answerer.answer("Summarise the article")
    assert answer.quotes == ()
    assert answer.notice.startswith("Several articles could be meant.")
    assert "- An Hour for the Bicycle" in answer.notice
    unknown = answerer.answer("Summarise the Treaty of Utrecht")
    assert unknown.notice.startswith("No article has that title.")


def test_the_only_article_needs_no_name(tmp_path: Path, encoder: OnnxEncoder):
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "owls.txt").write_text(
        "Owls\n\nA barn owl hears a vole move under snow from the top of a tall oak. "
        "It flies without any sound because its feathers break the air into small eddies. Why?\n"
    )
    build(tmp_path / "articles", tmp_path / "index", encoder=encoder)
    answerer = Answerer(Retriever.load(tmp_path / "index", encoder=encoder))
    answer = answerer.answer("What is the article about?")
    assert [quote.text.split()[0] for quote in answer.quotes] == ["A", "It"]


def test_the_title_is_quoted_where_it_stands_in_the_article(tmp_path: Path, encoder: OnnxEncoder):
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "owls.txt").write_text(
        "Owls of the North\n\nThey hear voles under the snow. Owls of the North sleep by day.\n"
    )
    build(tmp_path / "articles", tmp_path / "index", encoder=encoder)
    answerer = Answerer(Retriever.load(tmp_path / "index", encoder=encoder))
    answer = answerer.answer("What is the title of the article?")
    assert answer.status == "no_question"
    assert answer.notice == "The title is “Owls of the North”."
    assert [(quote.start, quote.end) for quote in answer.quotes] == [(0, 17)]
    dated = answerer.answer("When was the article written?")
    assert dated.notice == "“Owls of the North” has no date that this program can read."


def test_a_date_that_only_a_sentence_tells_is_quoted(tmp_path: Path, encoder: OnnxEncoder):
    (tmp_path / "articles").mkdir()
    told = "This article was first published in March 1987."
    (tmp_path / "articles" / "owls.txt").write_text(f"Owls\n\nThey hear voles. {told}\n")
    build(tmp_path / "articles", tmp_path / "index", encoder=encoder)
    answerer = Answerer(Retriever.load(tmp_path / "index", encoder=encoder))
    answer = answerer.answer("When was the article published?")
    assert answer.notice == "“Owls” has no date that this program can read."
    assert [quote.text for quote in answer.quotes][:1] == [told]


def test_a_title_or_date_is_that_of_the_article_quoted_last(answerer: Answerer):
    assert answerer.answer("What is the title?").notice.startswith(
        "Several articles could be meant:\n- "
    )
    asked = answerer.answer("How many hectares does the eelgrass cover?")
    answer = answerer.answer("What is the title?", [Turn.from_answer(asked)])
    assert answer.notice == "The title is “The Meadow under Ostrey Bay”."
    answer = answerer.answer("When was the article published?", [Turn.from_answer(asked)])
    assert answer.notice == "“The Meadow under Ostrey Bay” is dated 2024-10-17."


def test_a_comparison_gets_a_quote_for_each_side(answerer: Answerer):
    answer = answerer.answer("Compare eelgrass with the bicycle chain")
    assert [quote.article.id for quote in answer.quotes] == [
        "the-meadow-under-ostrey-bay.md",
        "an-hour-for-the-bicycle.md",
    ]
    assert answer.notice.startswith("This program does not compare.")


def test_requests_stay_within_the_articles_that_were_chosen(answerer: Answerer):
    bicycle = Where(article_ids=("an-hour-for-the-bicycle.md",))
    listed = answerer.answer("Which articles do you have?", where=bicycle)
    assert listed.notice == "These are the articles:\n- An Hour for the Bicycle"
    compared = answerer.answer("Compare eelgrass with the bicycle chain", where=bicycle)
    assert {quote.article.id for quote in compared.quotes} == {"an-hour-for-the-bicycle.md"}
    named = answerer.answer("Summarise the meadow under Ostrey Bay", where=bicycle)
    assert (named.quotes, named.notice.split(".")[0]) == ((), "No article has that title")
    only = answerer.answer("Summarise the article", where=bicycle)
    assert [quote.article.title for quote in only.quotes] == ["An Hour for the Bicycle"] * 5
    nothing = answerer.answer("List the articles", where=Where(article_ids=("nothere.txt",)))
    assert nothing.notice == "None of the articles is among those that you chose to ask."


def test_words_of_a_request_are_not_searched_for_again(answerer: Answerer):
    turns = [Turn.from_answer(answerer.answer("How many hectares does the eelgrass cover?"))]
    turns.append(Turn.from_answer(answerer.answer("Thanks a lot!", turns)))
    asked = answerer.answer("And when was it mapped?", turns)
    assert "eelgrass" in asked.searched and "Thanks" not in asked.searched
    shown = Turn.from_answer(answerer.answer("Summarise the meadow under Ostrey Bay"))
    assert {quote.article.title for quote in shown.quotes} == {"The Meadow under Ostrey Bay"}
    after = answerer.answer("Who keeps it?", [shown])
    assert "Summarise" not in after.searched
    assert after.hits[0].passage.article.title == "The Meadow under Ostrey Bay"


def test_sides_of_a_comparison_do_not_share_a_sentence(answerer: Answerer):
    bicycle = Where(article_ids=("an-hour-for-the-bicycle.md",))
    answer = answerer.answer("Compare the bicycle hour with the hour for bicycles", where=bicycle)
    assert len({quote.start for quote in answer.quotes}) == len(answer.quotes) == 2
    one = answerer.with_quotes(1).answer(
        "Compare the bicycle hour with the hour for bicycles", where=bicycle
    )
    assert [quote.start for quote in one.quotes] == [quote.start for quote in answer.quotes]


def test_what_the_chosen_articles_lack_is_not_said_of_all(answerer: Answerer):
    bicycle = Where(article_ids=("an-hour-for-the-bicycle.md",))
    answer = answerer.answer("Compare the bicycle hour with the Treaty of Utrecht", where=bicycle)
    assert answer.notice.endswith("The chosen articles do not speak of “the Treaty of Utrecht”.")
    nothing = answerer.answer("Compare eelgrass with kelp", where=Where(authors=("Nobody",)))
    assert (nothing.notice, nothing.quotes) == (NONE_CHOSEN, ())


def test_a_misspelt_request_is_one(answerer: Answerer):
    answer = answerer.answer("Comapre eelgrass with the bicycle chain")
    assert answer.status == "no_question"
    assert len(answer.quotes) == 2
