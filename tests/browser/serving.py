"""What browser tests and screenshots share: a port, a browser, a question."""

import json
import shutil
import socket
from typing import Any
from urllib.request import Request, urlopen

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


def ask_without_browser(address: str, question: str) -> dict[str, Any]:
    """The answer that the page's own call gives over HTTP."""
    where = f"{address}gradio_api/call/page_ask"
    data = json.dumps({"data": [json.dumps({"question": question})]}).encode()
    asked = Request(where, data, {"content-type": "application/json"})
    with urlopen(asked, timeout=120) as reply:
        event = json.load(reply)["event_id"]
    with urlopen(f"{where}/{event}", timeout=120) as reply:
        told = reply.read().decode()
    assert "event: complete" in told, told[:300]
    [reply_text] = json.loads(told.split("data: ", 1)[1].split("\n")[0])
    answer: dict[str, Any] = json.loads(reply_text)["answer"]
    return answer
