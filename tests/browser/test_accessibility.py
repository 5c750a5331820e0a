import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.serving import ask


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for rule in found
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing(visit, dark, width):
    page = visit(width=width, dark=dark)
    expect(page.locator("button.qa-example").first).to_be_visible()
    assert violations(page) == [], "empty page"
    ask(page, "What was the meeting about?")
    page.get_by_text("How this was found").click()
    assert violations(page) == [], "after an answer"
    ask(page, "What is the boiling point of tungsten?")
    assert violations(page) == [], "after no answer"
    page.locator("#chat .qa-open:visible").first.click()
    expect(page.locator("#hit")).to_be_focused()
    assert violations(page) == [], "with the source open"
    page.keyboard.press("Escape")
    page.locator(".qa-toggle").click()
    page.get_by_role("button", name="Add articles").click()
    assert violations(page) == [], "in the articles panel"
    page.locator(".qa-remove").first.click()
    assert violations(page) == [], "before removing"


def test_messages_are_not_read_out_as_markup(visit):
    page = visit()
    ask(page, "What was the meeting about?")
    assert page.locator("#chat [aria-label*='<']").count() == 0
    expect(page.get_by_role("log")).to_contain_text("had come to discuss a covert programme")
