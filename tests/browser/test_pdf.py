"""A quote from a PDF: the page as printed stands beside the text, with the quote boxed on it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from playwright.sync_api import Page, expect

from tests.articles.formats.made import column, make_pdf
from tests.browser.conftest import Site
from tests.browser.serving import ask

FIRST = ["The ferry of Oriel", "", "The ferry of Oriel is drawn by a chain across the river."]
SECOND = ["The keeper", "", "The keeper of the ferry is Dorrit Vane, who was hired in 1911."]
BOOK = make_pdf(
    [column(FIRST), column(SECOND)],
    outline=[("The ferry", 0), ("The keeper", 1)],
    first_label=7,
    title="The Oriel Book",
)


@pytest.fixture(scope="module")
def library(start_site: Callable[..., AbstractContextManager[Site]]) -> Iterator[Site]:
    with start_site({"oriel.pdf": BOOK}) as site:
        yield site


def open_quote(visit: Callable[..., Page], library: Site, **options: object) -> Page:
    page = visit(at=library, **options)
    ask(page, "Who is the keeper of the ferry?")
    card = page.locator(".qa-card").first
    expect(card.locator(".qa-words")).to_contain_text("The keeper of the ferry is Dorrit Vane")
    expect(card.locator(".qa-meta")).to_contain_text("p. 2 (printed 8), The keeper")
    card.get_by_role("button", name="Show in article").click()
    return page


@pytest.mark.parametrize(("width", "height"), [(1280, 860), (390, 844)], ids=["desktop", "phone"])
def test_the_page_is_shown_with_the_quote_boxed(
    visit: Callable[..., Page], library: Site, width: int, height: int
):
    page = open_quote(visit, library, width=width, height=height)
    sheet = page.locator(".qa-page-sheet")
    expect(sheet.locator("img")).to_be_visible()
    expect(page.locator(".qa-page-tools")).to_contain_text("Page 2 (printed 8) of 2")
    box, picture = sheet.locator(".qa-box").first.bounding_box(), sheet.bounding_box()
    assert box and picture
    # The quote is the third line of the page: its box lies where that line is printed.
    top = (box["y"] - picture["y"]) / picture["height"]
    assert (842 - (740 - 24) - 12) / 842 < top < (842 - (740 - 24) + 2) / 842
    assert 70 / 595 - 0.01 < (box["x"] - picture["x"]) / picture["width"] < 75 / 595
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_one_can_turn_to_the_page_before(visit: Callable[..., Page], library: Site):
    page = open_quote(visit, library)
    expect(page.locator(".qa-page-sheet .qa-box")).not_to_have_count(0)
    page.get_by_role("button", name="Previous page").click()
    expect(page.locator(".qa-page-tools")).to_contain_text("Page 1 (printed 7) of 2")
    expect(page.locator(".qa-page-sheet .qa-box")).to_have_count(0)
