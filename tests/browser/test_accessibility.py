import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.articles.formats.made import make_locked_pdf
from tests.browser.serving import ask


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for rule in found
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1000, 1366])
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
    page.get_by_text("Add articles").click()
    page.locator(".qa-add-more").get_by_text("Paste a text").click()
    assert violations(page) == [], "in the articles panel"
    page.keyboard.press("Escape")
    page.locator(".qa-help").click()
    expect(page.locator(".qa-about")).to_contain_text("generation")
    assert violations(page) == [], "in the help"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Conversations").click()
    assert violations(page) == [], "in the list of conversations"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Which articles?").click()
    assert violations(page) == [], "while choosing articles"


@pytest.mark.parametrize("width", [390, 1366])
def test_axe_finds_nothing_from_right_to_left(visit, width):
    page = visit(width=width, locale="ar", held="مقال")
    ask(page, "لماذا أُغلقت المكتبة؟")
    assert violations(page) == [], "after an answer"
    page.locator(".qa-show").first.click()
    expect(page.locator("#hit")).to_be_focused()
    assert violations(page) == [], "with the source open"
    page.keyboard.press("Escape")
    page.locator(".qa-toggle").click()
    assert violations(page) == [], "in the articles panel"


def test_axe_finds_nothing_in_what_becomes_of_files(visit, make_site, tmp_path):
    site = make_site({"bees.txt": "On bees\n\nBees like clover."})
    (tmp_path / "varn.txt").write_text("The lighthouse of Varn was built in 1851.")
    (tmp_path / "broken.txt").write_bytes(b"\0\1" * 99)
    (tmp_path / "locked.pdf").write_bytes(make_locked_pdf("Bees like clover.", "honey"))
    page = visit(at=site)
    names = ("varn.txt", "broken.txt", "locked.pdf")
    page.set_input_files(".qa-files", [tmp_path / name for name in names])
    expect(page.locator(".qa-row-ready")).to_have_count(1)
    assert violations(page) == []


def test_messages_are_not_read_out_as_markup(visit):
    page = visit()
    ask(page, "What was the meeting about?")
    assert page.locator("#chat [aria-label*='<']").count() == 0
    expect(page.get_by_role("log")).to_contain_text("had come to discuss a covert programme")
