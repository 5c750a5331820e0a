import itertools
import random

from qa.training.corpus.questions import (
    ask_about,
    ask_whether,
    collect_pool,
    exchange_names,
    find_parts,
    negate,
    rewrite_question,
    swap_opposite,
    swap_part,
    swap_word,
)
from tests.training.conftest import QUESTIONS


def test_the_parts_of_a_question_are_its_names_years_and_numbers() -> None:
    parts = find_parts("In what part of New York City did 3,500 people live in 1820?")
    assert [(kind, match.group()) for kind, match in parts] == [
        ("name", "New York City"),
        ("year", "1820"),
        ("number", "3,500"),
    ]


def test_a_swap_replaces_one_part_by_another_of_its_kind() -> None:
    question = "When did Ada Byron leave London?"
    pool = collect_pool(
        [("a", question), ("a", "Who met Charles Babbage?"), ("b", "Where is Turin?")]
    )
    swaps = {swap_part(question, "a", pool=pool, rng=random.Random(seed)) for seed in range(60)}
    assert swaps == {
        "When did Charles Babbage leave London?",
        "When did Turin leave London?",
        "When did Ada Byron leave Charles Babbage?",
        "When did Ada Byron leave Turin?",
    }


def test_a_question_without_names_or_numbers_has_nothing_to_swap() -> None:
    assert swap_part("why do birds sing?", "a", pool=collect_pool([]), rng=random.Random(0)) is None


def test_one_word_is_turned_into_its_opposite() -> None:
    assert swap_opposite("Who was the youngest king?", rng=random.Random(1)) in {
        "Who was the oldest king?",
        "Who was the youngest queen?",
    }
    assert swap_opposite("Who sang?", rng=random.Random(1)) is None


def test_the_first_auxiliary_is_negated() -> None:
    assert negate("What did he say he was?") == "What didn't he say he was?"
    assert negate("Name a river.") is None


def test_every_rewrite_differs_from_its_question() -> None:
    pool = collect_pool((name, question) for name, question, _ in QUESTIONS)
    for (name, question, _), seed in itertools.product(QUESTIONS, range(20)):
        rewrite = rewrite_question(question, name, pool=pool, rng=random.Random(seed))
        assert rewrite is None or rewrite != question


def test_whether_something_happened_is_asked_of_a_question_for_its_time() -> None:
    asked = {
        ask_whether("When did the mill burn down?", ["1911"], rng=random.Random(seed))
        for seed in range(20)
    }
    assert asked == {"Did the mill burn down?", "Did the mill burn down in 1911?"}
    assert ask_whether("Who was the first engineer?", ["Ida Brandt"], rng=random.Random(0)) == (
        "Was Ida Brandt the first engineer?"
    )
    assert ask_whether("How many arches fell?", ["two"], rng=random.Random(0)) is None


def test_a_sentence_that_says_what_a_meeting_was_for_is_asked_what_it_was_about() -> None:
    sentence = (
        "The council met in June to discuss the bridge over the Aster, but nothing came of it."
    )
    made = ask_about(sentence, rng=random.Random(1))
    assert made is not None
    assert sentence[made.start : made.end] == "the bridge over the Aster"
    assert ask_about("Salmon came back in 1987.", rng=random.Random(1)) is None


def test_a_word_is_swapped_for_one_of_its_part_of_speech_from_the_passage() -> None:
    swapped = {
        swap_word("Who removed the weir?", "The bridge was built.", rng=random.Random(seed))
        for seed in range(20)
    }
    assert swapped == {"Who removed the bridge?", "Who built the weir?"}
    assert exchange_names("When did Ida Brandt meet Maria Lindt?", rng=random.Random(0)) == (
        "When did Maria Lindt meet Ida Brandt?"
    )
