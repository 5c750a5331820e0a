from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from qa.index.build import build
from tests.browser.serving import ask

QUESTION = "When was the lighthouse of Varn built?"
TEXT = "The lighthouse of Varn was built in 1851 by the engineer Tomas Reyl."


@pytest.fixture
def own(make_site):
    return make_site(
        {"bees.txt": "On bees\n\nThe hive was opened on 3 May 1990. Bees like clover."}
    )


def manage(page: Page) -> None:
    page.locator(".qa-toggle").click()
    expect(page.locator("#articles h2")).to_be_focused()


def test_files_are_added_answered_from_and_removed(visit, own, tmp_path: Path):
    (tmp_path / "varn.txt").write_text(f"The lighthouse of Varn\n\nBy Edda Kroll\n\n{TEXT}\n")
    (tmp_path / "broken.txt").write_bytes(b"\x00\x01\x02" * 100)
    page = visit(at=own)
    ask(page, QUESTION)
    expect(page.locator(".qa-silent")).to_have_count(1)
    manage(page)
    page.get_by_role("button", name="Add articles").click()
    page.set_input_files("#files input", [tmp_path / "varn.txt", tmp_path / "broken.txt"])
    expect(page.locator("#files")).to_contain_text("varn")
    page.get_by_role("button", name="Add to my articles").click()
    expect(page.locator(".qa-message")).to_contain_text("Added varn.txt.")
    expect(page.locator(".qa-errors")).to_contain_text("broken.txt: looks binary")
    expect(page.locator(".qa-toggle")).to_have_text("2 articles")
    expect(page.locator(".qa-name")).to_have_text(["On bees", "The lighthouse of Varn"])
    assert (own.service.articles_folder / "varn.txt").read_text().endswith(TEXT + "\n")
    ask(page, QUESTION)
    expect(page.locator(".qa-words").last).to_have_text(TEXT)

    page.get_by_role("button", name="Remove The lighthouse of Varn").click()
    dialog = page.get_by_role("dialog", name="Remove this article?")
    expect(dialog).to_contain_text("The lighthouse of Varn")
    dialog.get_by_role("button", name="Keep").click()
    expect(page.locator(".qa-name")).to_have_count(2)
    page.get_by_role("button", name="Remove The lighthouse of Varn").click()
    dialog.get_by_role("button", name="Remove").click()
    expect(page.locator(".qa-name")).to_have_text(["On bees"])
    expect(page.locator(".qa-message")).to_contain_text("1 removed")
    assert [path.name for path in own.service.articles_folder.iterdir()] == ["bees.txt"]
    page.locator("#chat .qa-open:visible").last.click()
    expect(page.locator(".qa-source")).to_contain_text("no longer in the index")


def test_pasted_text_is_added_and_found_in_the_list(visit, own):
    page = visit(at=own, width=390, height=844)
    manage(page)
    page.get_by_role("button", name="Add articles").click()
    page.get_by_label("its title").fill("Varn & <b>its</b> light")
    page.get_by_label("The text").fill(TEXT)
    page.get_by_role("button", name="Add to my articles").click()
    expect(page.locator(".qa-message")).to_contain_text("1 added")
    expect(page.get_by_label("The text")).to_have_value("")
    page.get_by_label("Find an article").fill("light varn")
    expect(page.locator(".qa-name")).to_have_text(["Varn & <b>its</b> light"])
    expect(page.locator(".qa-count")).to_have_text("1 of 2 articles")
    page.locator(".qa-name").click()
    expect(page.locator(".qa-text")).to_contain_text(TEXT)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_questions_are_answered_while_the_index_is_built_and_the_build_can_be_stopped(
    visit, own, monkeypatch
):
    from threading import Event

    reached, go_on = Event(), Event()

    def slow_build(articles, folder, *, progress, **options):
        for done in range(1, 400):
            progress(done, 400, "encoding")
            reached.set()
            go_on.wait(0.05)
        return build(articles, folder, progress=progress, **options)

    monkeypatch.setattr("qa.page.service.build_index", slow_build)
    page = visit(at=own)
    manage(page)
    page.get_by_role("button", name="Update index").click()
    assert reached.wait(10)
    progress = page.locator(".qa-progress")
    expect(progress).to_contain_text("of 400")
    expect(progress).to_contain_text("a second")
    expect(progress).to_contain_text("left")
    before = float(progress.locator("progress").get_attribute("value"))
    ask(page, "When was the hive opened?")
    expect(page.locator(".qa-words").first).to_have_text("The hive was opened on 3 May 1990.")
    assert float(progress.locator("progress").get_attribute("value")) > before
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".qa-message")).to_contain_text("stopped; the index is as it was")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)


def test_other_tabs_and_other_processes_changes_are_seen(visit, own, encoder):
    pages = [visit(at=own), visit(at=own)]
    (own.service.articles_folder / "varn.md").write_text(f"# Varn\n\n{TEXT}\n")
    build(own.service.articles_folder, own.service.index_folder, encoder=encoder)
    for page in pages:
        expect(page.locator(".qa-toggle")).to_have_text("2 articles", timeout=30_000)
    manage(pages[0])
    expect(pages[0].locator(".qa-name")).to_have_text(["On bees", "Varn"])


def test_read_only_hides_all_that_changes(visit, make_site):
    site = make_site({"bees.txt": "On bees\n\nThe hive was opened on 3 May 1990."}, read_only=True)
    page = visit(at=site)
    manage(page)
    expect(page.locator(".qa-name")).to_have_text(["On bees"])
    for name in ("Add articles", "Update index", "Remove"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
