import pytest

from qa.articles.formats.common.contents import FormatError
from qa.articles.formats.pdf.read import read_pdf
from qa.places import HEADING, ROW
from tests.articles.formats.made import column, make_pdf


def test_lines_become_paragraphs_and_keep_their_page():
    data = make_pdf(
        [
            column(["The first paragraph goes on for more", "than one line of the page."]),
            column(["Second page."]),
        ]
    )
    contents = read_pdf(data)
    assert (
        contents.text
        == "The first paragraph goes on for more than one line of the page.\n\nSecond page."
    )
    start = contents.text.index("than one")
    assert contents.layout.find_place(start, start + 8).page == 1
    assert contents.layout.find_characters(start, start + 8)[0].chars == 8
    assert contents.layout.find_place(len(contents.text) - 3, len(contents.text)).page == 2


def test_a_wide_gap_divides_paragraphs():
    lines = column(["One paragraph stands here alone"]) + column(
        ["and another one further below"], top=700
    )
    assert (
        read_pdf(make_pdf([lines])).text
        == "One paragraph stands here alone\n\nand another one further below"
    )


def test_running_heads_and_page_numbers_are_left_out():
    pages = [
        [
            (72, 800, 9, "Annals of Ducks"),
            *column([f"Text of page {n} about ducks", "and the lakes on which they swim."]),
            (300, 40, 9, str(n)),
        ]
        for n in range(1, 6)
    ]
    contents = read_pdf(make_pdf(pages))
    assert "Annals" not in contents.text
    assert contents.text.split("\n\n") == [
        f"Text of page {n} about ducks and the lakes on which they swim." for n in range(1, 6)
    ]


def test_a_first_line_that_repeats_right_above_the_text_stays():
    pages = [
        column(["Tip", f"Feed duck number {n} with oats", "and not with bread."], top=790)
        for n in range(1, 6)
    ]
    assert read_pdf(make_pdf(pages)).text.count("Tip") == 5


def test_the_second_column_follows_the_first():
    left = column(["The left column of this page", "is read down to its foot before"], x=50)
    right = column(["the right one is begun, as", "a person would do it."], x=320)
    text = read_pdf(make_pdf([left + right])).text
    assert (
        text == "The left column of this page is read down to its foot before the right one is "
        "begun, as a person would do it."
    )


def test_a_hyphen_at_a_line_end_goes_where_the_document_knows_the_word():
    lines = [
        "The asynchronous call comes back asyn-",
        "chronous to the well-",
        "known place, a well-known one.",
    ]
    assert "back asynchronous to the well-known place" in read_pdf(make_pdf([column(lines)])).text


def test_a_table_is_lines_whose_cells_a_tab_divides():
    rows = [
        (72.0, 700.0 - 14 * n, 10.0, left)
        for n, left in enumerate(("Country", "Finland", "Norway"))
    ]
    cells = [
        (300.0, y, 10.0, right)
        for (_, y, _, _), right in zip(rows, ("Capital", "Helsinki", "Oslo"), strict=True)
    ]
    contents = read_pdf(make_pdf([[one for pair in zip(rows, cells, strict=True) for one in pair]]))
    assert contents.text == "Country\tCapital\nFinland\tHelsinki\nNorway\tOslo"
    assert {block.kind for block in contents.blocks} == {ROW}


def test_the_outline_names_the_sections_and_labels_are_kept():
    pages = [
        [(72, 760, 16, "Of Ducks"), *column(["Ducks swim on lakes and ponds."])],
        [(72, 760, 16, "Of Geese"), *column(["Geese fly south in winter."])],
    ]
    contents = read_pdf(
        make_pdf(pages, outline=[("Of Ducks", 0), ("Of Geese", 1)], first_label=7, title="Birds")
    )
    start = contents.text.index("Geese fly")
    place = contents.layout.find_place(start, start + 5)
    assert str(place) == "p. 2 (printed 8), Of Geese"
    assert (contents.title, contents.date) == ("Birds", "2024-03-09")
    assert [contents.text[b.start : b.end] for b in contents.blocks if b.kind == HEADING] == [
        "Of Ducks",
        "Of Geese",
    ]


def test_a_page_without_letters_is_called_scanned():
    with pytest.raises(FormatError, match="scanned: its 1 page"):
        read_pdf(make_pdf([[]]))


def test_a_file_cut_short_is_called_damaged():
    data = make_pdf([column(["Some words"])])
    with pytest.raises(FormatError, match="damaged or cut short"):
        read_pdf(data[: len(data) // 3])
