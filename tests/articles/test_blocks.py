from textwrap import fill

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.articles.blocks import split_blocks
from tests.strategies import ANY_TEXT

PROSE = (
    "The bridge was closed in the autumn of that year, when the surveyor found that its middle "
    "pier had sunk by more "
    "than three inches. No cart, lorry or omnibus was to cross it until the pier had been made "
    "safe again, and the "
    "committee agreed to that without a vote. The market, which had been held on the far side "
    "since the old days, "
    "moved to the square in front of the church. It has stayed there ever since, and few remember "
    "why."
)


def outline(text: str, start: int = 0) -> list[tuple[str, str]]:
    """(kind, text without marker) of every block; decoration is marked "-"."""
    return [
        ("-" if b.is_empty else b.kind[0], text[b.text_start : b.text_end])
        for b in split_blocks(text, start)
    ]


@given(ANY_TEXT)
def test_between_blocks_stands_nothing_but_white_space(text):
    position = 0
    for block in split_blocks(text):
        assert position <= block.start <= block.text_start <= block.text_end <= block.end
        assert block.start < block.end
        assert not text[position : block.start].strip()
        position = block.end
    assert not text[position:].strip()


@given(ANY_TEXT, st.integers(0, 20))
def test_blocks_from_an_offset_are_those_of_the_rest_moved_by_it(text, start):
    start = min(start, len(text))
    moved = [(*(n + start for n in block[:4]), block.kind) for block in split_blocks(text[start:])]
    assert [tuple(block) for block in split_blocks(text, start)] == moved


def test_markdown_is_read_as_a_person_sees_it():
    text = (
        "# The bridge #\n\nIt was closed.\n\n## In C#\n\n- one cart\n- two\n\n1. first\n2) "
        "second\n\n> He said so.\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\nA heading\n=========\n\nThe end.\n"
    )
    assert outline(text) == [
        ("h", "The bridge"),
        ("b", "It was closed."),
        ("h", "In C#"),
        ("b", "one cart"),
        ("b", "two"),
        ("b", "first"),
        ("b", "second"),
        ("b", "He said so."),
        ("b", "| a | b |"),
        ("-", ""),
        ("b", "| 1 | 2 |"),
        ("h", "A heading"),
        ("-", ""),
        ("b", "The end."),
    ]


def test_lines_of_code_are_no_headings_and_their_brackets_no_text():
    text = "Run this.\n\n```python\nx = 1\n# a comment\n}\n```\n\nIt prints nothing."
    assert outline(text) == [
        ("b", "Run this."),
        ("-", ""),
        ("b", "x = 1"),
        ("b", "# a comment"),
        ("-", ""),
        ("-", ""),
        ("b", "It prints nothing."),
    ]


@pytest.mark.parametrize("fence", ["```", "```js", "~~~~~~~~~~"])
def test_a_fence_that_nothing_closes_makes_no_code(fence):
    assert outline(f"Start here.\n\n{fence}\n\nMoney\n\nThere was none.")[-2:] == [
        ("h", "Money"),
        ("b", "There was none."),
    ]


def test_rows_of_tildes_are_rules_and_what_stands_between_them_is_text():
    text = f"~~~~~~~~\n\nMoney\n\n{fill(PROSE, 72)}\n\n~~~~~~~~\n"
    assert [kind for kind, _ in outline(text)] == ["-", "h", "b", "-"]


@pytest.mark.parametrize("width", [45, 60, 72, 80, 100, 118])
def test_a_paragraph_broken_at_a_margin_is_one_block(width):
    first = fill(PROSE, width)
    second = fill(PROSE[:200].rstrip() + ".", width, initial_indent="- ", subsequent_indent="  ")
    text = f"The bridge\n\n{first}\n\nMoney\n\n{second}\n- short item\n"
    assert [(kind, block[:9]) for kind, block in outline(text)] == [
        ("h", "The bridg"),
        ("b", "The bridg"),
        ("h", "Money"),
        ("b", "The bridg"),
        ("b", "short ite"),
    ]


def test_a_number_at_the_start_of_a_broken_line_is_no_list():
    prose = PROSE.replace("again, and", "again, as told on page 3. It was Monday, and")
    text = next(text for width in range(45, 118) if "\n3. It" in (text := fill(prose, width)))
    assert outline(text) == [("b", text)]


def test_a_long_line_among_broken_ones_does_not_join_the_next():
    address = "https://example.org/" + "x" * 150
    text = f"{fill(PROSE, 72)}\n\n{PROSE}\n{PROSE}\n\n{address}\n{fill(PROSE, 72)}"
    assert [len(block) for _, block in outline(text)] == [
        len(PROSE),
        len(PROSE),
        len(PROSE),
        len(address),
        len(PROSE),
    ]


def test_paragraphs_on_one_line_each_stay_apart():
    text = "\n".join([PROSE, PROSE[:113], PROSE[:60] + ".", PROSE])
    assert len(split_blocks(text)) == 4


def test_lines_of_title_and_byline_stay_apart_above_unbroken_text():
    text = (
        "Minutes of the Bridge Committee, Hallowmere, 1931\nKept by the Town Clerk\n\nMeeting of "
        f"Tuesday\n\n{PROSE}"
    )
    assert [kind for kind, _ in outline(text)] == ["h", "h", "h", "b"]


def test_broken_chinese_lines_join_and_whole_ones_do_not():
    line = (
        "会议昨天在大马士革举行专家们讨论了新的计划但是没有达成协议"
        "市长说下个月再谈桥梁的事情大家都同意他的看法"
    )
    joined = f"{line}\n{line}\n{line}。"
    assert outline(joined) == [("b", joined)]
    assert len(outline(f"{line}。\n{line[:30]}。\n{line}。")) == 3


def test_verse_is_no_run_of_headings():
    verse = (
        "The rain has gone\nThe road is long\nMy coat is torn\nMy boots are strong\nThe hill is "
        "steep\n\nSo we go on."
    )
    assert {kind for kind, _ in outline(f"A first paragraph.\n\n{verse}")} == {"b"}


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        ("Is the bridge safe?", "h"),
        ("What a bridge!", "h"),
        ("The bridge is safe.", "b"),
        ("The bridge,", "b"),
        (
            "The bridge was closed in the autumn of that year, when the surveyor found that its "
            "pier sank",
            "b",
        ),
        ("Cart\tTwo shillings", "b"),
        ("هل الجسر آمن؟", "h"),
        ("桥安全吗？", "h"),
    ],
)
def test_a_first_line_is_a_title_when_it_does_not_end_like_a_sentence(first, kind):
    assert outline(f"{first}\n\n{PROSE}")[0] == (kind, first)


def test_only_above_the_text_may_a_heading_ask():
    assert outline("13 January 1931\nIs the bridge safe?\n\nIt is.")[1] == (
        "h",
        "Is the bridge safe?",
    )
    assert outline("It was late.\n\nWhy?\n\nNobody knew.")[1] == ("b", "Why?")


def test_a_short_line_that_goes_on_below_is_no_heading():
    assert outline("It was late.\n\nThe bridge\nwas closed.") == [
        ("b", "It was late."),
        ("b", "The bridge"),
        ("b", "was closed."),
    ]


def test_dashes_below_a_sentence_are_a_rule():
    assert outline("The bridge was closed.\n---\nIt is open.") == [
        ("b", "The bridge was closed."),
        ("-", ""),
        ("b", "It is open."),
    ]


def test_the_last_line_announces_nothing():
    assert outline("It was late.\n\nThe Town Clerk") == [
        ("b", "It was late."),
        ("b", "The Town Clerk"),
    ]


def test_only_line_feeds_end_a_line():
    text = "One\u2028two\x0cthree\x85four is one line."
    assert outline(text) == [("b", text)]
