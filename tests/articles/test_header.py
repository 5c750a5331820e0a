import pytest
from hypothesis import example, given

from qa.articles.blocks import split_blocks
from qa.articles.header import Header, read_header
from tests.strategies import ANY_TEXT

BODY = """

Some reported the news of the raid in Damascus on Sunday. The strike hit a meeting of military
experts, officials said, that was held in the basement of a building in the city.

The second paragraph has more to say about it. It ends here.
"""
ARABIC_BODY = """

قال مسؤولون إن الغارة استهدفت اجتماعا بين خبراء عسكريين في دمشق يوم الأحد الماضي.
وقد عقد الاجتماع في قبو مبنى سكني.
"""


def header(lines: str, body: str = BODY, language: str = "en", stem: str = "") -> Header:
    text = lines + body
    return read_header(text, split_blocks(text), language=language, stem=stem)


@pytest.mark.parametrize(
    ("lines", "title", "author", "day"),
    [
        # Author, role, title, as newspapers' sites copy.
        (
            "Tariq Example\nSaudi journalist and former editor-in-chief\n\nThe Damascus Meeting",
            "The Damascus Meeting",
            "Tariq Example",
            None,
        ),
        (
            "The Damascus meeting\nBy Helen Marsh, staff analyst",
            "The Damascus meeting",
            "Helen Marsh",
            None,
        ),
        (
            "THE DAMASCUS MEETING\n\nBY HELEN MARSH\n\nFebruary 22, 2023",
            "THE DAMASCUS MEETING",
            "HELEN MARSH",
            "2023-02-22",
        ),
        ("By Helen Marsh\nThe Damascus meeting", "The Damascus meeting", "Helen Marsh", None),
        (
            "# The *Damascus* [Meeting](https://example.org) {#top}\n\n*By Helen Marsh and Tom "
            "Lee | 22 Feb 2023*",
            "The Damascus Meeting",
            "Helen Marsh, Tom Lee",
            "2023-02-22",
        ),
        (
            "The Damascus Meeting\n====================\n\nHelen Marsh",
            "The Damascus Meeting",
            "Helen Marsh",
            None,
        ),
        (
            "![logo](logo.png)\n<!-- draft -->\n# The meeting\n\n## What happened",
            "The meeting",
            None,
            None,
        ),
        (
            "OPINION\nDamascus Meeting\nTariq Example\nFeb. 22, 2023 10:30 am GMT",
            "Damascus Meeting",
            "Tariq Example",
            "2023-02-22",
        ),
        (
            "Title: The Damascus Meeting\nAuthor: Helen Marsh\nDate: 2023-02-22\nSource: "
            "https://example.org",
            "The Damascus Meeting",
            "Helen Marsh",
            "2023-02-22",
        ),
        (
            "The Damascus Meeting\nA raid and what it tells\nBy Reuters\nBEIRUT\n5 min read",
            "The Damascus Meeting",
            "Reuters",
            None,
        ),
        ("Helen Marsh\n\nThe Damascus Meeting", "The Damascus Meeting", "Helen Marsh", None),
        ("Damascus Meeting\nWhat the raid on Sunday tells us", "Damascus Meeting", None, None),
        ("Tuesday, 13 January 1931\nIs Iran next?", "Is Iran next?", None, "1931-01-13"),
        ("By the Rivers of Babylon", "By the Rivers of Babylon", None, None),
        ("12 mars 2023\nLe raid de Damas", "Le raid de Damas", None, "2023-03-12"),
        ("12 maaliskuuta 2023\nDamaskoksen isku", "Damaskoksen isku", None, None),
        (
            "Damascus, a Meeting\nBy J. R. O’Brien-Smith, Ann Ray & Tom Lee for Reuters",
            "Damascus, a Meeting",
            "J. R. O’Brien-Smith, Ann Ray, Tom Lee",
            None,
        ),
    ],
)
def test_title_author_and_date_are_read_in_many_layouts(lines, title, author, day):
    assert header(lines) == Header(title, author, day)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            "اجتماع دمشق السري\nبقلم: طارق الحميد\n22 فبراير 2023",
            Header("اجتماع دمشق السري", "طارق الحميد", "2023-02-22"),
        ),
        ("طارق الحميد\nكاتب وصحافي سعودي\n\nاجتماع دمشق", Header("اجتماع دمشق", "طارق الحميد")),
        ("كتب جديدة في المكتبة", Header("كتب جديدة في المكتبة")),
        ("رأي\nاجتماع دمشق السري\nماذا جرى هناك", Header("اجتماع دمشق السري")),
    ],
)
def test_arabic_headers_are_read(lines, expected):
    assert header(lines, ARABIC_BODY, "ar") == expected


@pytest.mark.parametrize(
    ("lines", "language", "expected"),
    [
        ("Von der Brücke\nVon Max Müller", "de", Header("Von der Brücke", "Max Müller")),
        (
            "Le pont est fermé\nPar Jean Dupont et Anne de la Tour",
            "fr",
            Header("Le pont est fermé", "Jean Dupont, Anne de la Tour"),
        ),
        (
            "Rat lehnt Windpark ab\nVon Petra Lang\n12. März 2023",
            "de",
            Header("Rat lehnt Windpark ab", "Petra Lang", "2023-03-12"),
        ),
        (
            "Rat lehnt Windpark ab\nVon Petra Lang, 12. März 2023",
            "de",
            Header("Rat lehnt Windpark ab", "Petra Lang", "2023-03-12"),
        ),
        (
            "El puente está cerrado\nPor Luis Pardo | 4 de mayo de 2021",
            "es",
            Header("El puente está cerrado", "Luis Pardo", "2021-05-04"),
        ),
        (
            "Le pont est fermé\nPar Jean Dupont, le 1er juin 2020",
            "fr",
            Header("Le pont est fermé", "Jean Dupont", "2020-06-01"),
        ),
        (
            "A ponte está fechada\nPor Rui Costa\n1 de março de 2019",
            "pt",
            Header("A ponte está fechada", "Rui Costa", "2019-03-01"),
        ),
        (
            "Il ponte è chiuso\nDi Marco Rossi\n1º giugno 2018",
            "it",
            Header("Il ponte è chiuso", "Marco Rossi", "2018-06-01"),
        ),
    ],
)
def test_bylines_of_the_articles_own_language_are_read(lines, language, expected):
    assert header(lines, language=language) == expected


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "DAMASCUS (Reuters) - The first paragraph follows the place. It goes on.",
        "Introduction",
        "1984",
        "https://example.org/the-meeting",
        "# " + "word " * 60,
        "# " + "a@" * 9000,
        "Roses are red\nViolets are blue\nSugar is sweet\nAnd so are you\n\nRoses are "
        "dead\nViolets gone\nSugar bitter",
    ],
)
def test_no_title_is_better_than_a_wrong_one(lines):
    assert header(lines) == Header()


def test_a_role_without_a_title_leaves_the_title_open():
    assert header("Tariq Example\nSaudi journalist and writer") == Header(None, "Tariq Example")


def test_the_line_that_the_file_is_named_after_is_the_title():
    lines = "Tariq Example\nAsharq Example\nThe Damascus Meeting"
    assert header(lines).title == "Asharq Example"
    assert header(lines, stem="The damascus meeting") == Header(
        "The Damascus Meeting", "Tariq Example"
    )


def test_a_name_that_the_text_speaks_of_is_its_title():
    assert (
        header(
            "Tariq Example\nWhat he wrote", "\n\nTariq Example was born in 1966. He wrote."
        ).title
        == "Tariq Example"
    )


@given(ANY_TEXT)
@example("¹\n\n# ")
@example("Title: ²\n\nText.")
def test_any_text_has_a_title_with_words_or_none(text):
    title = header(text, "").title
    assert title is None or any(char.isalpha() for char in title)
