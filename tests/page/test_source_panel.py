"""The page of a PDF beside the chat, from the file to the HTML."""

import json
import re
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import pytest

from qa.articles.read import read_article
from qa.page.service import Service
from qa.page.source_panel import find_place
from qa.types import Article
from tests.articles.formats.made import column, make_pdf

PAGES = [column(["Ducks swim on lakes and ponds."]), column(["Geese fly south in winter."])]


@pytest.fixture
def shelf(tmp_path: Path) -> tuple[Service, Article]:
    """What the source panel asks of a service over one PDF, and that PDF."""
    (tmp_path / "birds.pdf").write_bytes(make_pdf(PAGES))
    article = read_article(tmp_path / "birds.pdf")
    index = SimpleNamespace(get_article=lambda article_id: article)
    service = Service(tmp_path, tmp_path / "index")
    service._answerer = SimpleNamespace(retriever=SimpleNamespace(index=index))
    return service, article


def show(shelf: tuple[Service, Article], **wanted: int) -> str:
    service, article = shelf
    start = article.text.index("Geese fly")
    place = {"article": "birds.pdf", "start": start, "end": start + 9}
    return find_place(service, {**place, **wanted})


def test_the_page_of_a_quote_is_drawn_with_its_box(shelf):
    shown = show(shelf)
    assert "Page 2 of 2" in shown
    assert "data:image/png;base64," in shown
    (left,) = re.findall(r'class="qa-box" style="left:([\d.]+)%', shown)
    assert float(left) == pytest.approx(100 * 72 / 595, abs=0.5)


def test_the_page_before_has_no_box_of_the_quote(shelf):
    page = show(shelf).partition('class="qa-page"')[2]
    references = re.findall(r'qa-ref">(.*?)</span>', page)
    before = json.loads(unescape(references[0]))
    assert before["page"] == 1
    shown = show(shelf, page=1)
    assert "Page 1 of 2" in shown
    assert "qa-box" not in shown


@pytest.mark.parametrize("wanted", [{"page": 3}, {"page": "1"}, {"zoom": 99}, {"page": True}])
def test_what_a_page_cannot_be_is_not_drawn(shelf, wanted):
    assert "qa-page" not in show(shelf, **wanted)


def test_a_file_that_is_another_now_is_not_drawn(shelf):
    (shelf[0].articles_folder / "birds.pdf").write_bytes(make_pdf(PAGES[:1]))
    assert "qa-page" not in show(shelf)
    assert "Geese fly" in show(shelf)
