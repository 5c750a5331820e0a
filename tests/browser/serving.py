"""What browser tests and screenshots share: a port, a browser, a question."""

import shutil
import socket

from playwright.sync_api import Page, expect

CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


def find_chromium() -> str | None:
    """Debian's Chromium, or whatever stands in for it; one without windows takes half the time."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def ask(page: Page, question: str) -> None:
    """Ask by keyboard and wait for what comes of it."""
    before = page.locator("#chat .qa-how, #chat .qa-problem").count()
    page.fill("#question textarea", question)
    page.keyboard.press("Enter")
    expect(page.locator("#chat .qa-how, #chat .qa-problem")).to_have_count(
        before + 1, timeout=30_000
    )
