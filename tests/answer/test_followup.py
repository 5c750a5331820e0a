import pytest

from qa.answer.followup import find_dependence, resolve
from qa.types import Article, Quote, Span, Turn

TEXT = "The meeting was held in Kafr Sousse. Imad Mughniyeh was killed there in 2008."
ARTICLE = Article("a.txt", "A", TEXT, "0" * 64)
HELD = Turn(
    "Where was the meeting held?",
    "Where was the meeting held?",
    (Quote(ARTICLE, 0, 36, 1, 0.9, Span(24, 35)),),
)


@pytest.mark.parametrize(
    "question",
    [
        "Who attended it?",
        "Who was killed there?",
        "Why?",
        "And in 2008?",
        "What about the drones?",
        "How many?",
        "Were they armed?",
        "Where?",
        "What happened after that?",
        "ومن هو؟",
    ],
)
def test_half_sentences_and_pointing_words_lean_on_what_came_before(question: str):
    assert find_dependence(question, [HELD]) == "clearly"


@pytest.mark.parametrize(
    "question",
    [
        "What did the meeting decide?",
        "What is a submodule?",
        "What is another name for the plan?",
        "What did the emperor do when he heard of it?",
    ],
)
def test_wording_may_leave_open_whether_a_question_leans_on_what_came_before(question: str):
    assert find_dependence(question, [HELD]) == "perhaps"
    assert resolve(question, [HELD]).dependence == "perhaps"
    assert resolve(question, [HELD]).context is not None


@pytest.mark.parametrize(
    "question",
    [
        "What does eelgrass need to grow?",
        "When did Napoleon lose his crown?",
        "How many hectares of eelgrass cover the bay floor?",
        "Who was the first president of France?",
        "How often should a bicycle chain be replaced?",
        "What time is it in Damascus?",
    ],
)
def test_a_question_that_stands_alone_does_not(question: str):
    assert find_dependence(question, [HELD]) == "no"
    assert resolve(question, [HELD]).searched == question
    assert resolve(question, [HELD]).context is None


def test_what_was_asked_and_answered_is_taken_over_and_shown():
    resolved = resolve("Who was killed there?", [HELD])
    assert resolved.searched == "Who was killed there? (Kafr Sousse, meeting, held)"


def test_words_travel_on_through_a_chain_of_turns():
    second = Turn("Who was killed there?", resolve("Who was killed there?", [HELD]).searched, ())
    assert "Sousse" in resolve("And why?", [HELD, second]).searched


def test_passages_near_the_last_quote_are_preferred():
    context = resolve("Who was killed there?", [HELD]).context
    assert context is not None
    beside, far = (
        context.score_place("a.txt", Span(37, 77)),
        context.score_place("a.txt", Span(9000, 9100)),
    )
    assert beside > far > context.score_place("b.txt", Span(0, 9)) == 0.0


def test_older_turns_weigh_less():
    other = Article("b.txt", "B", TEXT, "0" * 64)
    later = Turn("What is it?", "What is it?", (Quote(other, 0, 36, 1, 0.9),))
    context = resolve("And then?", [HELD, later]).context
    assert context is not None
    assert context.score_place("b.txt", Span(0, 36)) == pytest.approx(
        2 * context.score_place("a.txt", Span(0, 36))
    )


def test_without_turns_nothing_changes():
    assert resolve("Who attended it?", []).searched == "Who attended it?"


@pytest.mark.parametrize(
    ("asked", "words"),
    [("متى شُيّد المبنى؟", "المبنى, متى, شُيّد"), ("Where is the cafe\u0301?", "cafe\u0301")],
)
def test_words_with_vowel_signs_or_accents_of_their_own_are_taken_over_whole(
    asked: str, words: str
):
    assert resolve("And why?", [Turn(asked, asked, ())]).searched == f"And why? ({words})"
