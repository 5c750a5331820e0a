import pytest

from qa.articles.formats.common.contents import FormatError
from qa.articles.formats.docx import read_docx
from qa.articles.formats.odt import read_odt
from tests.articles.formats.made import make_docx, make_odt, make_zip, word_paragraph


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
    assert (contents.title, contents.author, contents.date) == ("Of Birds", "Ann Lee", "2024-03-09")


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


def test_xml_that_declares_entities_is_refused():
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    with pytest.raises(FormatError, match="declares entities"):
        read_docx(make_zip({"[Content_Types].xml": "<Types/>", "word/document.xml": laughs}))


def test_a_zip_bomb_is_counted_as_it_unpacks():
    with pytest.raises(FormatError, match="unpacks to more than 64 MiB"):
        read_docx(
            make_zip({"[Content_Types].xml": "<Types/>", "word/document.xml": b"0" * (65 * 2**20)})
        )
