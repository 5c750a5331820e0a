import pytest

from qa.answer.ranking.question_types import (
    asks_topic,
    find_type,
    holds_topic,
    holds_type,
    names_other_code,
)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When was the bridge closed?", "date"),
        ("In which year did the fund run out?", "date"),
        ("How many members were present?", "number"),
        ("Who took the chair?", "name"),
        ("Where did they meet?", "name"),
        ("What was the meeting about?", None),
        ("Why did the pier sink?", None),
        ("متى شيد المبنى؟", "date"),
    ],
)
def test_the_question_word_says_what_is_asked_for(question: str, kind: str | None):
    assert find_type(question) == kind


def test_a_date_is_a_year_a_month_or_a_day():
    assert holds_type("It closed in 1931.", "date", "When did it close?")
    assert holds_type("It closed one Tuesday.", "date", "When did it close?")
    assert not holds_type("It closed after the flood.", "date", "When did it close?")


def test_what_the_question_names_already_does_not_count():
    question = "Who did Thorne meet in 1931?"
    assert not holds_type("That year, Thorne went away.", "name", question)
    assert holds_type("That year, Thorne met Gale.", "name", question)
    assert not holds_type("It was in 1931 that they met.", "date", question)


def test_a_sentence_s_first_word_is_no_name_by_its_capital_alone():
    assert not holds_type("Everyone went home.", "name", "Who went home?")


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("What was the meeting about?", True),
        ("what were the talks about", True),
        ("What was the purpose of the visit?", True),
        ("ما موضوع الاجتماع؟", True),
        ("What is the article about?", False),
        ("What does the report say about ferries?", False),
        ("Where was the meeting held?", False),
    ],
)
def test_what_something_was_about_is_asked_in_few_ways(question: str, asks: bool):
    assert asks_topic(question) == asks


def test_a_sentence_that_tells_a_topic_speaks_of_an_agenda_an_aim_or_of_discussing():
    assert holds_topic("They came to discuss the harbour.")
    assert holds_topic("The agenda had one point.")
    assert holds_topic("ناقش المجتمعون الميناء.")
    assert holds_topic("The evening was about the harbour.")
    assert not holds_topic("Mr. Orme asked again about the harbour.")
    assert not holds_topic("There were about 30 people.")
    assert not holds_topic("They met at noon.")


@pytest.mark.parametrize(
    ("sentence", "question", "names"),
    [
        ("If the display shows E7, the flue is blocked.", "What does E4 mean?", True),
        ("If the display shows e4, open the valve.", "What does E4 mean?", False),
        ("The X2-18 weighs 31 kg.", "How heavy is the X2-24?", True),
        ("The X2-24 weighs 36 kg, the X2-18 31 kg.", "How heavy is the X2-24?", False),
        ("It weighs 31 kg.", "How heavy is the X2-24?", False),
        ("The 1st of the 1990s' E7 came at 10am.", "When was the 19th century?", False),
    ],
)
def test_a_sentence_on_another_code_is_told(sentence: str, question: str, names: bool):
    assert names_other_code(sentence, question) is names
