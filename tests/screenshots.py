"""Take the README's screenshots: `python -m tests.screenshots [FOLDER]`; look at them before they
are committed.

The page is served from the sample articles, so that anybody gets the same pictures.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from qa.page import make_page
from qa.page.service import Service
from tests.browser.serving import CHROMIUM_ARGUMENTS, ask, find_chromium, free_port

ROOT = Path(__file__).parents[1]
FOLDER = Path(__file__).parent / "screenshots"
DESKTOP, PHONE = (1280, 800), (390, 844)


class Shot(NamedTuple):
    """A picture: its size, its colours, and what is done before it is taken."""

    size: tuple[int, int]
    is_dark: bool
    act: Callable[[Page], None]
    locale: str = "en"


def _open_first(page: Page) -> None:
    page.locator(".qa-show").first.click()
    expect(page.locator("#hit")).to_be_focused()


def show_answer(page: Page) -> None:
    ask(page, "What was the meeting about?")
    _open_first(page)


def show_dark(page: Page) -> None:
    ask(page, "How many aircraft took part in the raid?")
    page.get_by_text("How this was found").click()


def show_arabic(page: Page) -> None:
    ask(page, "لماذا أُغلقت المكتبة؟")
    _open_first(page)


def show_phone(page: Page) -> None:
    ask(page, "To whom was the contract given?")


def show_articles(page: Page) -> None:
    ask(page, "When was the new pier finished?")
    page.locator(".qa-toggle").click()
    page.get_by_text("Add articles").click()


SHOTS = {
    "answer": Shot(DESKTOP, False, show_answer),
    "dark": Shot(DESKTOP, True, show_dark),
    "arabic": Shot(DESKTOP, False, show_arabic, "ar"),
    "articles": Shot(DESKTOP, False, show_articles),
    "phone": Shot(PHONE, False, show_phone),
    "phone-source": Shot(PHONE, False, show_answer),
}


def take(browser: Browser, address: str, name: str, shot: Shot, folder: Path) -> None:
    width, height = shot.size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=2 if shot.size == PHONE else 1.5,
        color_scheme="dark" if shot.is_dark else "light",
        reduced_motion="reduce",
        locale=shot.locale,
    )
    page = context.new_page()
    page.goto(address)
    expect(page.locator("button.qa-example").first).to_be_visible(timeout=60_000)
    shot.act(page)
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    # 256 colours are plenty for a page of text, and a quarter of the bytes.
    with Image.open(BytesIO(page.screenshot())) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
            folder / f"{name}.png", optimize=True
        )
    context.close()


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        articles = Path(scratch, "articles")
        shutil.copytree(ROOT / "index" / "articles", articles)
        service = Service(articles, Path(scratch, "index"))
        service.prepare()
        page = make_page(service)
        from qa.page.launch import launch

        address = launch(page, host="127.0.0.1", port=free_port(), open_browser=False, block=False)
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS
        )
        for name, shot in SHOTS.items():
            take(browser, address, name, shot, folder)
        browser.close()
        page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
