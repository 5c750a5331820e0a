import pytest

from qa.articles.formats.common.contents import FormatError
from qa.articles.formats.common.markup import Markup, parse_html, walk_blocks
from qa.articles.formats.epub import read_epub
from qa.articles.formats.html import read_html, select_blocks
from qa.articles.formats.mail import read_mail, read_mbox, read_mhtml
from qa.places import BODY, CODE, HEADING, ROW
from tests.articles.formats.made import make_epub

PARAGRAPH = (
    "Ducks swim on lakes and ponds all over the world, and they feed on plants, insects and small "
    "fish there."
)


def words(page: str) -> list[str]:
    return [block.words for block in walk_blocks(parse_html(page))]


def test_blocks_come_in_order_with_their_kinds():
    page = (
        "<h2 id=a>Ducks</h2><p>They <b>swim</b>.</p><pre>one\n two</pre><ul><li>oats<li>peas</ul>"
    )
    found = list(walk_blocks(parse_html(page)))
    assert [(block.words, block.kind) for block in found] == [
        ("Ducks", HEADING),
        ("They swim.", BODY),
        ("one\n two", CODE),
        ("oats", BODY),
        ("peas", BODY),
    ]
    assert {block.anchor for block in found} == {"a"}


def test_only_br_breaks_a_line():
    assert words("<p>one\ntwo<br>three</p>") == ["one two\nthree"]


def test_scripts_hidden_parts_and_comments_are_no_words():
    assert words(
        "<p>seen</p><script>x()</script><p hidden>no</p><p style='display: none'>no</p><!-- no "
        "--><p>too</p>"
    ) == ["seen", "too"]


def test_rows_of_a_table_are_lines_with_tabs():
    found = list(
        walk_blocks(parse_html("<table><tr><th>Land<th>City<tr><td>Norway<td>Oslo</table>"))
    )
    assert [(block.words, block.kind) for block in found] == [
        ("Land\tCity", ROW),
        ("Norway\tOslo", ROW),
    ]


def test_a_page_nested_beyond_the_parsers_limit_is_read_whole():
    page = "<div>" * 5000 + "<p>deep</p>" + "</div>" * 5000 + "<p>after</p>"
    assert words(page) == ["deep", "after"]


def test_the_article_is_taken_and_the_menu_left():
    menu = "".join(f"<li><a href=/{n}>Menu {n}</a></li>" for n in range(20))
    page = (
        "<html lang=en><head><title>Ducks - Site</title><meta name=author content='Ann "
        f"Lee'></head><body><nav><ul>{menu}</ul></nav>"
        f"<article><h1>Ducks</h1><p>{PARAGRAPH}</p><p>Their feet have webs between the toes, "
        f"with which they row. {PARAGRAPH}</p></article>"
        "<footer><p>Share this: all rights reserved</p></footer></body></html>"
    )
    contents = read_html(page.encode(), url="https://example.org/ducks")
    assert PARAGRAPH in contents.text
    assert "Menu 3" not in contents.text
    assert "Share this" not in contents.text
    assert (contents.author, contents.url) == ("Ann Lee", "https://example.org/ducks")


def test_words_that_stand_twice_are_taken_between_their_neighbours():
    blocks = [
        Markup(text, BODY, 0, "")
        for text in ("Home", "Ducks swim far.", "Home", "Geese fly far.", "Home")
    ]
    assert select_blocks(blocks, "Ducks swim far. Home Geese fly far.") == blocks[1:4]


def test_the_encoding_a_page_names_is_used():
    page = f"<meta charset=windows-1252><p>Œuvres, “père” – {PARAGRAPH}</p>".encode("cp1252")
    assert "Œuvres, “père” –" in read_html(page).text


def test_chapters_of_a_book_are_named_and_its_impossible_date_is_not():
    section = (
        '<div class="section"><h1 id="s1">Feet</h1><div class="tip"><h3>Tip</h3><p>Look.</p></div>'
        "<p>They row.</p></div>"
    )
    data = make_epub(
        {
            "one.xhtml": "<h1>Lakes</h1><p>Water.</p>",
            "two.xhtml": f'<div class="chapter"><h1>Ducks</h1>{section}</div>',
        }
    )
    contents = read_epub(data)
    start = contents.text.index("They row")
    place = contents.layout.find_place(start, start + 4)
    assert (place.part, place.anchor, place.section) == ("OPS/two.xhtml", "s1", ("Ducks", "Feet"))
    assert (contents.title, contents.author, contents.date) == ("A Book", "Ann Lee", None)


def test_a_message_has_subject_sender_day_and_its_attachments_are_named():
    data = (
        b"From: Ann Lee <ann@example.org>\r\nTo: b@example.org\r\nSubject: "
        b"=?utf-8?q?D=C3=BCcks?=\r\n"
        b"Date: Sat, 09 Mar 2024 10:00:00 +0100\r\nContent-Type: multipart/mixed; "
        b"boundary=x\r\n\r\n"
        b"--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nThey swim.\r\n\r\nThey fly.\r\n"
        b"--x\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nnot this\r\n--x--\r\n"
    )
    contents = read_mail(data)
    assert contents.text == "They swim.\n\nThey fly."
    assert (contents.title, contents.author, contents.date) == ("Dücks", "Ann Lee", "2024-03-09")
    assert contents.notes == ("1 attachment(s) not read: save them as files of their own",)


def test_each_message_of_a_mailbox_stands_under_its_subject():
    one = (
        "From a@b Sat Mar  9 10:00:00 2024\nFrom: a@example.org\nSubject: {0}\n\n{0} swim.\n"
        ">From here on.\n\n"
    )
    contents = read_mbox((one.format("Ducks") + one.format("Geese")).encode())
    start = contents.text.index("Geese swim")
    assert contents.layout.find_place(start, start + 5).section == ("Geese",)
    assert "\nFrom here on." in contents.text


def test_a_page_saved_in_one_file_keeps_its_address():
    data = (
        b"Snapshot-Content-Location: https://example.org/ducks\r\nSubject: "
        b"Ducks\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/related; boundary="x"\r\n\r\n--x\r\nContent-Type: text/html; '
        b"charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n<html><body><p>"
        + PARAGRAPH.encode()
        + b" D=C3=BCcks.</p></body></html>\r\n--x--\r\n"
    )
    contents = read_mhtml(data)
    assert contents.url == "https://example.org/ducks"
    assert contents.text == f"{PARAGRAPH} Dücks."


def test_headers_longer_than_mail_has_are_refused_before_they_are_parsed():
    with pytest.raises(FormatError, match="headers too long"):
        read_mail(b"Subject: " + b"\r\n ".join([b"=?utf-8?q?a?="] * 100_000) + b"\r\n\r\ntext")
