import pytest

from qa.kinds import asked_kind, holds_kind


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
    assert asked_kind(question) == kind


def test_a_date_is_a_year_a_month_or_a_day():
    assert holds_kind("It closed in 1931.", "date", "When did it close?")
    assert holds_kind("It closed one Tuesday.", "date", "When did it close?")
    assert not holds_kind("It closed after the flood.", "date", "When did it close?")


def test_what_the_question_names_already_does_not_count():
    question = "Who did Thorne meet in 1931?"
    assert not holds_kind("That year, Thorne went away.", "name", question)
    assert holds_kind("That year, Thorne met Gale.", "name", question)
    assert not holds_kind("It was in 1931 that they met.", "date", question)


def test_a_sentence_s_first_word_is_no_name_by_its_capital_alone():
    assert not holds_kind("Everyone went home.", "name", "Who went home?")
