import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from qa.articles.web.fetch import Fetched, Fetcher
from qa.index.build import build
from tests.articles.formats.made import make_locked_pdf
from tests.browser.serving import ask

QUESTION = "When was the lighthouse of Varn built?"
TEXT = "The lighthouse of Varn was built in 1851 by the engineer Tomas Reyl."
DROP = """([files]) => {
  const transfer = new DataTransfer();
  for (const [name, text] of files) transfer.items.add(new File([text], name));
  const told = { dataTransfer: transfer, bubbles: true, cancelable: true };
  const target = document.querySelector(".qa-header h1");
  target.dispatchEvent(new DragEvent("dragover", told));
  const veiled = document.body.classList.contains("qa-dropping");
  target.dispatchEvent(new DragEvent("drop", told));
  return veiled;
}"""


@pytest.fixture
def own(make_site):
    return make_site(
        {"bees.txt": "On bees\n\nThe hive was opened on 3 May 1990. Bees like clover."}
    )


def manage(page: Page) -> None:
    page.locator(".qa-toggle").click()
    expect(page.locator("#articles h2")).to_be_focused()


def open_paste(page: Page):
    """The form for a text, in the panel of articles."""
    manage(page)
    page.get_by_text("Add articles").click()
    page.locator("summary", has_text="Paste a text").last.click()
    return page.locator(".qa-add-text").last


def row(page: Page, name: str):
    return page.locator(".qa-row", has=page.locator(".qa-row-name", has_text=name))


def test_files_are_added_by_dropping_them_anywhere_and_say_what_becomes_of_each(visit, own):
    page = visit(at=own)
    ask(page, QUESTION)
    expect(page.locator(".qa-silent")).to_have_count(1)
    files = [["varn.txt", f"The lighthouse of Varn\n\n{TEXT}\n"], ["broken.txt", "\0\1\2" * 99]]
    assert page.evaluate(DROP, [files])
    expect(row(page, "varn.txt")).to_contain_text("Added, and can be asked.")
    expect(row(page, "broken.txt")).to_contain_text(
        "looks binary (control characters): save it as plain text in UTF-8"
    )
    expect(page.locator(".qa-toggle")).to_have_text("2 articles")
    row(page, "varn.txt").get_by_role("button", name=QUESTION).click()
    expect(page.locator(".qa-words").last).to_have_text(TEXT)
    page.reload()
    expect(page.locator(".qa-row")).to_have_count(2)
    page.get_by_role("button", name="Dismiss: varn.txt").click()
    page.get_by_role("button", name="Dismiss: broken.txt").click()
    expect(page.locator("#added")).to_be_hidden()


def test_a_removal_can_be_undone(visit, own):
    page = visit(at=own)
    manage(page)
    page.get_by_role("button", name="Remove On bees").click()
    expect(row(page, "On bees")).to_contain_text("Removed.")
    expect(page.locator(".qa-toggle")).to_have_text("No articles yet")
    assert list(own.service.articles_folder.iterdir()) == []
    row(page, "On bees").get_by_role("button", name="Undo").click()
    expect(row(page, "On bees")).to_contain_text("Back again.")
    expect(page.locator(".qa-name")).to_have_text(["On bees"])
    assert [path.name for path in own.service.articles_folder.iterdir()] == ["bees.txt"]


def test_a_double_click_removes_or_adds_once(visit, own):
    page = visit(at=own)
    form = open_paste(page)
    form.locator("input").fill("Varn")
    form.locator("textarea").fill(TEXT)
    form.get_by_role("button", name="Add").dblclick()
    expect(row(page, "Varn")).to_contain_text("Added, and can be asked.")
    expect(page.locator(".qa-row")).to_have_count(1)
    page.get_by_role("button", name="Remove On bees").dblclick()
    expect(row(page, "On bees")).to_contain_text("Removed.")
    row(page, "On bees").get_by_role("button", name="Undo").dblclick()
    expect(row(page, "On bees")).to_contain_text("Back again.")
    expect(page.locator(".qa-row-failed")).to_have_count(0)
    expect(page.locator(".qa-toggle")).to_have_text("2 articles")


def test_the_next_text_may_be_written_while_one_is_added(visit, own):
    page = visit(at=own)
    form = open_paste(page)
    form.locator("textarea").fill(TEXT)
    form.get_by_role("button", name="Add").click()
    form.locator("textarea").fill("The harbour of Varn is")
    expect(row(page, "Pasted text")).to_contain_text("Added, and can be asked.")
    expect(page.locator(".qa-toggle")).to_have_text("2 articles")
    expect(form.locator("textarea")).to_have_value("The harbour of Varn is")


def test_a_ticked_article_looks_ticked(visit, own):
    page = visit(at=own)
    manage(page)
    tick = page.get_by_label("Ask only: On bees")
    page.mouse.move(0, 0)
    before = tick.screenshot()
    tick.check()
    page.mouse.move(0, 0)
    page.locator("#articles h2").evaluate("heading => heading.focus()")
    assert tick.screenshot() != before


def test_a_locked_pdf_asks_for_its_password_in_its_row(visit, own, tmp_path: Path):
    (tmp_path / "locked.pdf").write_bytes(make_locked_pdf("Wasps like plums most.", "honey"))
    page = visit(at=own)
    manage(page)
    page.get_by_text("Add articles").click()
    page.set_input_files(".qa-files", [tmp_path / "locked.pdf"])
    for password in ("sugar", "honey"):
        field = page.get_by_label("Password of locked.pdf")
        field.fill(password)
        field.press("Enter")
        if password == "sugar":
            expect(row(page, "locked.pdf")).to_have_class(re.compile("qa-row-locked"))
    expect(row(page, "locked.pdf")).to_contain_text("Added, and can be asked.")
    ask(page, "What do wasps like most?")
    expect(page.locator(".qa-words").last).to_have_text("Wasps like plums most.")


def test_the_empty_page_is_the_place_to_add(visit, make_site):
    page = visit(at=make_site({}), held="No articles yet", width=390, height=844)
    expect(page.locator(".qa-welcome")).to_contain_text("Drop files anywhere, or")
    page.locator(".qa-welcome").get_by_text("Paste a text").click()
    page.locator(".qa-welcome").get_by_label("Title").fill("Varn & <b>its</b> light")
    page.locator(".qa-welcome").get_by_label("The text").fill(TEXT)
    page.locator(".qa-welcome .qa-add-text button").click()
    expect(page.locator(".qa-toggle")).to_have_text("1 article")
    expect(row(page, "Varn & <b>its</b> light")).to_contain_text("Added, and can be asked.")
    page.get_by_role("button", name=QUESTION).first.click()
    expect(page.locator(".qa-words").last).to_have_text(TEXT)


def test_a_folder_is_added_without_what_is_no_article(visit, own, tmp_path: Path):
    (tmp_path / "papers" / "old").mkdir(parents=True)
    (tmp_path / "papers" / "varn.md").write_text(f"# Varn\n\n{TEXT}\n")
    (tmp_path / "papers" / "old" / "oak.txt").write_text("The oak was felled in 1871.")
    (tmp_path / "papers" / "song.mp3").write_bytes(b"la la")
    page = visit(at=own)
    manage(page)
    page.get_by_text("Add articles").click()
    page.set_input_files(".qa-folder", tmp_path / "papers")
    expect(page.locator(".qa-row-ready")).to_have_count(2)
    expect(page.locator(".qa-row-note")).to_contain_text("1 files left out")
    expect(page.locator(".qa-toggle")).to_have_text("3 articles")
    assert (own.service.articles_folder / "papers" / "old" / "oak.txt").is_file()


def test_what_is_at_an_address_is_added(visit, own, monkeypatch):
    def fetch(self: Fetcher, url: str, **known: object) -> Fetched:
        return Fetched(url, url, TEXT.encode(), {"content-type": "text/plain"}, "2026-01-01")

    monkeypatch.setattr(Fetcher, "fetch", fetch)
    monkeypatch.setattr(own.service, "may_fetch", True)
    page = visit(at=own)
    assert page.get_by_label("From an address").count() == 0  # as the page was made without
    said = page.evaluate("qa.server.call('page_add', { address: 'https://example.org/varn' })")
    assert said == {"id": "varn.txt"}


def test_the_list_is_searched_and_opens_what_it_finds(visit, own):
    (own.service.articles_folder / "v.txt").write_text(f"Varn & <b>its</b> light\n\n{TEXT}")
    page = visit(at=own, width=390, height=844)
    manage(page)
    page.get_by_role("button", name="Update index").click()
    expect(page.locator(".qa-toggle")).to_have_text("2 articles")
    page.get_by_label("Find an article").fill("light varn")
    expect(page.locator(".qa-name")).to_have_text(["Varn & <b>its</b> light"])
    expect(page.locator(".qa-list .qa-count")).to_have_text("1 of 2 articles")
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
    progress = page.locator(".qa-row-building")
    expect(progress).to_contain_text("of 400")
    expect(progress).to_contain_text("a second")
    expect(progress).to_contain_text("left")
    before = float(progress.locator("progress").get_attribute("value"))
    ask(page, "When was the hive opened?")
    expect(page.locator(".qa-words").first).to_have_text("The hive was opened on 3 May 1990.")
    page.wait_for_function(
        "(before) => document.querySelector('.qa-row progress').value > before", arg=before
    )
    stop = page.locator("#stop-build")
    stop.focus()
    before = float(progress.locator("progress").get_attribute("value"))
    page.wait_for_function(
        "(before) => document.querySelector('.qa-row progress').value > before", arg=before
    )
    expect(stop).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".qa-row-stopped")).to_contain_text("stopped; the index is as it was")
    expect(page.get_by_role("button", name="Go on")).to_be_visible()


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
    expect(page.get_by_text("Add articles")).to_have_count(0)


def test_many_files_share_a_row_and_only_those_that_fail_have_their_own(visit, own):
    page = visit(at=own)
    files = [[f"note-{n}.txt", f"Note {n} tells of mill number {n}."] for n in range(20)]
    page.evaluate(DROP, [[*files, ["broken.txt", "\0\1\2" * 99]]])
    expect(row(page, "21 files")).to_contain_text("Added, and can be asked.", timeout=30_000)
    expect(row(page, "broken.txt")).to_contain_text("looks binary")
    expect(page.locator(".qa-row")).to_have_count(2)
    expect(page.locator(".qa-toggle")).to_have_text("21 articles")


def test_what_is_there_already_is_said_and_is_no_error(visit, own):
    page = visit(at=own)
    text = (own.service.articles_folder / "bees.txt").read_text()
    page.evaluate(DROP, [[["bees.txt", text]]])
    expect(page.locator(".qa-row-note")).to_contain_text("is among the articles already")
    expect(page.locator(".qa-row-failed")).to_have_count(0)


def test_errors_are_kept_as_a_file_and_dismissed_together(visit, own):
    page = visit(at=own)
    page.evaluate(DROP, [[["one.txt", "\0\1\2" * 99], ["two.txt", ""]]])
    expect(page.locator(".qa-row-failed")).to_have_count(2)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save the 2 errors as a file").click()
    lines = Path(saved.value.path()).read_text().splitlines()
    assert saved.value.suggested_filename == "errors.txt"
    assert [line.partition(": ")[0] for line in lines] == ["one.txt", "two.txt"]
    assert "looks binary" in lines[0] and "is empty" in lines[1]
    page.get_by_role("button", name="Dismiss them all").click()
    expect(page.locator(".qa-row-failed")).to_have_count(0)


def test_a_file_with_the_text_of_another_is_a_note_and_no_error(visit, own):
    page = visit(at=own)
    text = (own.service.articles_folder / "bees.txt").read_text()
    page.evaluate(DROP, [[["other-bees.txt", text]]])
    note = page.locator(".qa-row-note", has_text="has the same text as")
    expect(note).to_contain_text("other-bees.txt: has the same text as bees.txt", timeout=30_000)
    expect(page.locator(".qa-row-failed")).to_have_count(0)
