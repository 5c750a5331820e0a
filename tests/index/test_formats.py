"""Files that are not plain text, from the folder to a quote with its page."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from qa.articles import formats
from qa.articles.folder import place_file
from qa.errors import ArticleLocked
from qa.index.build import build
from qa.index.doctor import examine
from qa.index.index import Index, list_articles
from qa.index.store import STORE_FILE, Store
from qa.index.store.tables import connect
from qa.render.data import quote_to_json
from qa.saved import verify
from qa.types import Quote
from tests.articles.formats.made import column, make_docx, make_locked_pdf, make_pdf, word_paragraph
from tests.standin import HashEncoder

PAGES = [
    [(72, 760, 16, "Of Ducks"), *column(["Ducks swim on lakes and ponds."])],
    [(72, 760, 16, "Of Geese"), *column(["Geese fly south in winter."])],
]
BIRDS = make_pdf(PAGES, outline=[("Of Ducks", 0), ("Of Geese", 1)], first_label=7, title="Birds")


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "birds.pdf").write_bytes(BIRDS)
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


def quote_geese(index: Path) -> Quote:
    (article,) = list_articles(index)
    start = article.text.index("Geese fly")
    return Quote(article, start, start + 26, paragraph=2, score=0.9)


def use_reader(monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    """As if the reader of PDF were of another version."""
    form = replace(formats.BY_NAME["PDF"], version=version)
    monkeypatch.setitem(formats.BY_NAME, "PDF", form)


def test_a_quote_from_a_pdf_has_page_label_and_section(articles, index):
    build(articles, index, encoder=HashEncoder())
    quote = quote_geese(index)
    assert quote.text == "Geese fly south in winter."
    assert (quote.place.page, quote.place.label, quote.place.section) == (2, "8", ("Of Geese",))
    saved = quote_to_json(quote)
    assert saved["place"]["text"] == "p. 2 (printed 8), Of Geese"
    assert saved["article"]["origin"]["format"] == "PDF"


def test_headings_of_a_file_are_headings_of_its_passages(articles, index):
    build(articles, index, encoder=HashEncoder())
    opened = Index.open(index, encoder=HashEncoder())
    with closing(opened.store) as store:
        passages = [passage for _, passage in store.iterate_passages()]
    kinds = [
        (passage.article.text[s.start : s.end], s.kind)
        for passage in passages
        for s in passage.sentences
    ]
    assert ("Of Geese", "heading") in kinds
    assert ("Geese fly south in winter.", "body") in kinds


def test_what_cannot_be_read_is_left_out_with_a_remedy_and_the_rest_is_built(articles, index):
    (articles / "scan.pdf").write_bytes(make_pdf([[]]))
    (articles / "torn.docx").write_bytes(make_docx(word_paragraph("Torn."))[:-60])
    (articles / "locked.pdf").write_bytes(make_locked_pdf("Swans glide.", "sesame"))
    (articles / "wrong.docx").write_bytes(make_pdf([column(["Cranes dance."])]))
    report = build(articles, index, encoder=HashEncoder())
    assert report.added == ("birds.pdf", "wrong.docx")
    assert {error.path.name: error.reason.partition(":")[0] for error in report.errors} == {
        "scan.pdf": "is scanned",
        "torn.docx": "is a damaged or incomplete archive",
        "locked.pdf": "is encrypted",
    }
    (warning,) = report.warnings
    assert (warning.path.name, warning.reason) == (
        "wrong.docx",
        "is named .docx, but is PDF, and was read as that",
    )
    report = build(articles, index, encoder=HashEncoder(), password="sesame")
    assert report.added == ("locked.pdf",)
    assert b"sesame" not in (index / STORE_FILE).read_bytes()


def test_a_folded_copy_of_an_encrypted_file_is_kept_without_its_password(articles, index):
    locked = make_locked_pdf("Swans mate for life.", "sesame")
    (articles / "locked.pdf").write_bytes(locked)
    build(articles, index, encoder=HashEncoder(), password="sesame")
    (articles / "copy.pdf").write_bytes(locked)
    report = build(articles, index, encoder=HashEncoder(), password="sesame")
    assert report.folded == (("locked.pdf", "copy.pdf"),)
    report = build(articles, index, encoder=HashEncoder())
    assert (report.errors, report.folded) == ((), (("locked.pdf", "copy.pdf"),))
    (articles / "copy.pdf").unlink()
    report = build(articles, index, encoder=HashEncoder())
    assert (report.errors, report.added, report.removed) == ((), ("locked.pdf",), ("copy.pdf",))
    texts = {article.id: article.text for article in list_articles(index)}
    assert "Swans mate for life." in texts["locked.pdf"]
    assert build(articles, index, encoder=HashEncoder()).unchanged == ("birds.pdf", "locked.pdf")


def test_a_file_is_read_once_and_again_when_its_reader_is_another(articles, index, monkeypatch):
    build(articles, index, encoder=HashEncoder())
    assert build(articles, index, encoder=HashEncoder()).unchanged == ("birds.pdf",)
    use_reader(monkeypatch, 2)
    report = build(articles, index, encoder=HashEncoder())
    assert report.changed == ("birds.pdf",)
    assert "read again, by another version of its reader (pdf 1, " in report.warnings[0].reason
    assert build(articles, index, encoder=HashEncoder()).unchanged == ("birds.pdf",)


def test_a_repair_blames_no_reader(articles, index):
    build(articles, index, encoder=HashEncoder())
    with closing(sqlite3.connect(index / STORE_FILE)) as store, store:
        store.execute("delete from meta where key = 'splitter'")
    report = build(articles, index, encoder=HashEncoder())
    assert (report.changed, report.warnings) == (("birds.pdf",), ())


def test_verify_tells_another_reader_from_another_file(articles, index, tmp_path):
    build(articles, index, encoder=HashEncoder())
    value = quote_to_json(quote_geese(index))
    value["article"] |= {"sha256": "0" * 64}
    value["article"]["origin"]["reader"] = "pdf 0, pypdfium2 4"
    value["start"], value["end"] = value["start"] - 3, value["end"] - 3
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps({"question": "?", "quotes": [value]}))
    (verdict,) = verify(saved, index)
    assert verdict.status == "read by another version"
    assert "was read by pdf 0, pypdfium2 4, and is by pdf 1, " in verdict.note
    value["article"]["origin"]["sha256"] = "1" * 64
    value["text"] = "Geese stay."
    saved.write_text(json.dumps({"question": "?", "quotes": [value]}))
    assert verify(saved, index)[0].status == "source changed"


def test_a_store_made_before_there_were_places_is_read_and_given_them(articles, index):
    (articles / "plain.txt").write_text("The lamp at Varn was lit by Ada Cole.\n")
    (articles / "birds.pdf").unlink()
    build(articles, index, encoder=HashEncoder())
    with closing(connect(index / STORE_FILE)) as connection:
        connection.executescript("drop table places; delete from tables where name = 'places'")
    assert [article.origin for article in list_articles(index)] == [None]
    with closing(Store.open_snapshot(index / STORE_FILE)) as store:
        assert store.find_damage() == []
    (articles / "birds.pdf").write_bytes(BIRDS)
    build(articles, index, encoder=HashEncoder())
    assert [article.origin is None for article in list_articles(index)] == [False, True]


def test_places_that_were_altered_are_noticed(articles, index):
    build(articles, index, encoder=HashEncoder())
    with closing(connect(index / STORE_FILE)) as connection:
        connection.execute("update places set reader = 'another'")
    findings = {finding.check: finding for finding in examine(index, articles)}
    assert not findings["store"].is_ok
    assert "birds.pdf in the table places" in findings["store"].detail


def test_a_locked_file_is_added_with_its_password(tmp_path):
    data = make_locked_pdf("Swans glide.", "sesame")
    with pytest.raises(ArticleLocked):
        place_file(tmp_path, "swans.pdf", data)
    assert place_file(tmp_path, "swans.pdf", data, password="sesame") == "swans.pdf"
    assert (tmp_path / "swans.pdf").read_bytes() == data
