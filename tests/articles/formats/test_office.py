from pathlib import Path

import pytest

from qa.articles.formats.common.contents import FormatError
from qa.articles.formats.docx import read_docx
from qa.articles.formats.odt import read_odt
from qa.articles.read import read_article
from tests.articles.formats.made import (
    make_docx,
    make_epub,
    make_odt,
    make_zip,
    word_paragraph,
)


def test_word_text_without_what_is_deleted_hidden_or_a_field():
    body = word_paragraph(
        "Ducks ",
        "<w:del><w:r><w:delText>sink</w:delText><w:t>sink</w:t></w:r></w:del>",
        "<w:ins><w:r><w:t>swim</w:t></w:r></w:ins>",
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>secretly</w:t></w:r>",
        "<w:r><w:instrText>PAGE</w:instrText></w:r>",
        ".",
    )
    assert read_docx(make_docx(body)).text == "Ducks swim."


def test_word_headings_make_sections_and_notes_come_last():
    body = (
        word_paragraph("Birds", style="Heading1")
        + word_paragraph("Ducks", style="Heading2")
        + word_paragraph("They swim.")
        + "<w:tbl><w:tr><w:tc>"
        + word_paragraph("Norway")
        + "</w:tc><w:tc>"
        + word_paragraph("Oslo")
        + "</w:tc></w:tr></w:tbl>"
    )
    note = f'<w:footnote w:id="2">{word_paragraph("Not all.")}</w:footnote>'
    contents = read_docx(
        make_docx(
            body,
            footnotes=note,
            core="<dc:title>Of Birds</dc:title><dc:creator>Ann Lee</dc:creator>"
            "<t:created>2024-03-09T10:00:00Z</t:created>",
        )
    )
    assert contents.text == "Birds\n\nDucks\n\nThey swim.\n\nNorway\tOslo\n\nNot all."
    start = contents.text.index("They")
    assert contents.layout.find_place(start, start + 4).section == ("Birds", "Ducks")
    assert (
        contents.layout.find_place(len(contents.text) - 2, len(contents.text)).part
        == "word/footnotes.xml"
    )
    assert (contents.title, contents.author, contents.date) == ("Of Birds", "Ann Lee", None)


def test_an_open_document_with_spaces_notes_and_a_table():
    body = (
        '<text:h text:outline-level="1">Birds</text:h><text:p>Ducks<text:s '
        'text:c="3"/>swim<text:note><text:note-citation>1'
        "</text:note-citation><text:note-body><text:p>Not "
        "all.</text:p></text:note-body></text:note> far.</text:p>"
        "<table:table><table:table-row><table:table-cell><text:p>Norway</text:p></table:table-cell>"
        "<table:table-cell><text:p>Oslo</text:p></table:table-cell></table:table-row></table:table>"
    )
    contents = read_odt(
        make_odt(
            body,
            meta="<dc:title>Of Birds</dc:title><meta:initial-creator>Ann</meta:initial-creator>",
        )
    )
    assert contents.text == "Birds\n\nDucks swim far.\n\nNot all.\n\nNorway\tOslo"
    assert (contents.title, contents.author) == ("Of Birds", "Ann")


BODY = "The harbour at Ostrey reopened on Monday after the storm. Ships came in before noon."
HEADED = (
    word_paragraph("Harbour Reopens", style="Heading1")
    + word_paragraph("By Kim Yun, 3 April 2019")
    + word_paragraph(BODY)
    + word_paragraph("What comes next", style="Heading2")
    + word_paragraph(BODY)
)


def read(folder: Path, name: str, data: bytes) -> tuple[str, str | None, str | None]:
    """Title, author and date of the article in a file."""
    (folder / name).write_bytes(data)
    article = read_article(folder / name)
    return article.title, article.author, article.date


def test_what_a_word_text_says_at_its_head_comes_before_its_properties(tmp_path: Path):
    created = "<t:created>2024-03-09T10:00:00Z</t:created>"
    expected = ("Harbour Reopens", "Kim Yun", "2019-04-03")
    assert read(tmp_path, "a.docx", make_docx(HEADED, core=created)) == expected
    owner = f"<dc:title>Template</dc:title><dc:creator>Ann Lee</dc:creator>{created}"
    assert read(tmp_path, "b.docx", make_docx(HEADED, core=owner)) == expected


def test_a_word_text_without_a_header_has_its_properties_but_no_day(tmp_path: Path):
    core = (
        "<dc:title>Of Ships</dc:title><dc:creator>{}</dc:creator>"
        "<t:created>2024-03-09T10:00:00Z</t:created>"
    )
    body = word_paragraph(BODY)
    assert read(tmp_path, "a.docx", make_docx(body, core=core.format("Ann Lee"))) == (
        "Of Ships",
        "Ann Lee",
        None,
    )
    nobody = make_docx(body, core=core.format("Microsoft Office User"))
    assert read(tmp_path, "b.docx", nobody) == ("Of Ships", None, None)
    assert read(tmp_path, "the-harbour.docx", make_docx(body)) == ("The harbour", None, None)


def test_the_first_of_several_chapters_is_no_better_title_than_the_stated_one(tmp_path: Path):
    body = "".join(
        word_paragraph(words, style=style)
        for words, style in (("Ships", "Heading1"), (BODY, ""), ("Docks", "Heading1"), (BODY, ""))
    )
    stated = make_docx(body, core="<dc:title>The Harbour</dc:title>")
    assert read(tmp_path, "a.docx", stated)[0] == "The Harbour"
    assert read(tmp_path, "b.docx", make_docx(body))[0] == "Ships"


def test_a_line_break_does_not_end_a_title(tmp_path: Path):
    body = word_paragraph(
        "Harbour", "<w:r><w:br/></w:r>", "Reopens", style="Heading1"
    ) + word_paragraph(BODY)
    assert read(tmp_path, "a.docx", make_docx(body))[0] == "Harbour Reopens"


def test_what_an_open_document_says_at_its_head_comes_before_its_properties(tmp_path: Path):
    body = (
        '<text:p text:style-name="Title">Puerto abierto</text:p>'
        "<text:p>Por Luis Pardo | 4 de mayo de 2021</text:p>"
        "<text:p>El puerto de la ciudad abrió el lunes después de la tormenta.</text:p>"
    )
    meta = (
        "<meta:initial-creator>Ann</meta:initial-creator>"
        "<meta:creation-date>2024-03-09T10:00:00Z</meta:creation-date>"
        "<dc:date>2024-03-10T10:00:00Z</dc:date>"
    )
    expected = ("Puerto abierto", "Luis Pardo", "2021-05-04")
    assert read(tmp_path, "a.odt", make_odt(body, meta=meta)) == expected
    plain = make_odt(f"<text:p>{BODY}</text:p>", meta=meta)
    assert read(tmp_path, "b.odt", plain) == ("B", "Ann", None)


def test_an_rtf_text_is_described_by_its_head_and_not_by_the_day_it_was_made(tmp_path: Path):
    pytest.importorskip("striprtf")
    info = r"{\info{\author Ann Lee}{\creatim\yr2024\mo3\dy9}}"
    head = r"{\pard Harbour Reopens\par}{\pard By Kim Yun\par}{\pard 3 April 2019\par}"
    body = rf"{{\pard {BODY}\par}}"
    headed = rf"{{\rtf1\ansi{info}{head}{body}}}".encode()
    assert read(tmp_path, "a.rtf", headed) == ("Harbour Reopens", "Kim Yun", "2019-04-03")
    plain = rf"{{\rtf1\ansi{info}{body}}}".encode()
    assert read(tmp_path, "b.rtf", plain) == ("B", "Ann Lee", None)


def test_a_book_is_described_by_its_record_and_dated_by_its_head(tmp_path: Path):
    page = f"<h1>Harbour Reopens</h1><p>By Kim Yun, 3 April 2019</p><p>{BODY}</p>"
    made = "2026-11-25T18:49:10Z"
    record = f"<dc:date>{made}</dc:date>"
    saved = f'{record}<meta property="dcterms:modified">{made}</meta>'
    bare = make_epub({"a.xhtml": page}, title="", creator="", dates=record)
    assert read(tmp_path, "a.epub", bare) == ("Harbour Reopens", "Kim Yun", "2019-04-03")
    full = make_epub({"a.xhtml": page}, title="Storms", creator="Ann Lee", dates=record)
    assert read(tmp_path, "b.epub", full) == ("Storms", "Ann Lee", "2019-04-03")
    text = {"a.xhtml": f"<p>{BODY}</p>"}
    assert read(tmp_path, "c.epub", make_epub(text, dates=record))[2] == "2026-11-25"
    assert read(tmp_path, "d.epub", make_epub(text, dates=saved))[2] is None


def test_xml_that_declares_entities_is_refused():
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    with pytest.raises(FormatError, match="declares entities"):
        read_docx(make_zip({"[Content_Types].xml": "<Types/>", "word/document.xml": laughs}))


def test_a_zip_bomb_is_counted_as_it_unpacks():
    with pytest.raises(FormatError, match="unpacks to more than 64 MiB"):
        read_docx(
            make_zip({"[Content_Types].xml": "<Types/>", "word/document.xml": b"0" * (65 * 2**20)})
        )
