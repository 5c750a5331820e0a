"""The server is killed, a page is reloaded or left: nothing that was written or read is lost."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect

from qa.index.build import build
from tests.browser.conftest import Site
from tests.browser.serving import ask, free_port
from tests.browser.test_articles import DROP

QUESTION = "When was the hive opened?"
SENTENCE = "The hive was opened on 3 May 1990."
TYPED = "And who opened"


class Server:
    """`qa serve` in a process of its own, to be killed and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        command = [sys.executable, "-m", "qa", "serve", "--port", str(self.port), "--no-open"]
        folders = ["--articles", str(self.folder / "articles"), "--index", str(self.folder / "x")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*command, *folders], stdout=log, stderr=log)
        for _ in range(600):
            try:
                with urlopen(self.address, timeout=5):
                    return
            except (URLError, ConnectionError, TimeoutError):
                assert self.process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.1)
        raise AssertionError("the server does not start")

    def signal(self, number: int) -> None:
        assert self.process
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        assert self.process
        self.process.wait(10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, encoder: object) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("killed")
    (folder / "articles").mkdir()
    (folder / "articles" / "bees.txt").write_text(f"On bees\n\n{SENTENCE} Bees like clover.")
    build(folder / "articles", folder / "x", encoder=encoder)
    server = Server(folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def page(visit, server: Server) -> Page:
    return visit(at=Site(server.address, None), may_lose=True)


def test_killed_in_the_middle_of_an_answer(page: Page, server: Server):
    ask(page, "What do bees like?")
    server.signal(signal.SIGSTOP)  # so that it is asked for certain, and not answered
    page.fill("#question textarea", QUESTION)
    page.keyboard.press("Enter")
    page.keyboard.type(TYPED)
    expect(page.locator(".qa-wait")).to_contain_text("Reading")
    server.kill()
    expect(page.locator(".qa-wait")).to_have_text("Connecting again …", timeout=30_000)
    server.start()
    expect(page.locator(".qa-turn").last.locator(".qa-words").first).to_have_text(
        SENTENCE, timeout=60_000
    )
    expect(page.locator(".qa-question")).to_have_text(["What do bees like?", QUESTION])
    expect(page.locator("#question textarea")).to_have_value(TYPED)


def test_killed_in_the_middle_of_typing(page: Page, server: Server):
    ask(page, QUESTION)
    page.locator("#question textarea").press_sequentially(TYPED[:7])
    server.kill()
    page.locator("#question textarea").press_sequentially(TYPED[7:])
    page.keyboard.press("Enter")
    expect(page.locator(".qa-question").last).to_have_text(TYPED)
    expect(page.locator("#composer-note")).to_contain_text("Connecting again", timeout=30_000)
    page.locator("#question textarea").press_sequentially("the third")
    server.start()
    expect(page.locator(".qa-turn").last.locator(".qa-how")).to_have_count(1, timeout=60_000)
    expect(page.locator(".qa-question")).to_have_text([QUESTION, TYPED])
    expect(page.locator("#question textarea")).to_have_value("the third")
    expect(page.locator(".qa-words").first).to_have_text(SENTENCE)


def test_killed_in_the_middle_of_a_build(page: Page, server: Server):
    ask(page, QUESTION)
    words = "The {0}th mill of Orrin was built in {1}. It ground oats for the {0}th parish. "
    files = [[f"mill-{n}.txt", f"Mill {n}\n\n" + words.format(n, 1700 + n) * 60] for n in range(6)]
    page.evaluate(DROP, [files])
    expect(page.locator(".qa-row-building")).to_have_count(1, timeout=60_000)
    server.kill()
    page.wait_for_timeout(1500)
    server.start()
    expect(page.locator(".qa-row-ready")).to_have_count(6, timeout=90_000)
    expect(page.locator(".qa-toggle")).to_have_text("7 articles", timeout=30_000)
    expect(page.locator(".qa-words").first).to_have_text(SENTENCE)


def test_back_forward_and_reload_lose_nothing(page: Page):
    ask(page, QUESTION)
    page.get_by_role("button", name="Show in article").first.click()
    expect(page.locator("#hit")).to_be_focused()
    page.fill("#question textarea", TYPED)
    for go in (page.go_back, page.go_forward, page.reload, page.go_back, page.reload):
        go()
        expect(page.locator(".qa-words").first).to_have_text(SENTENCE)
        expect(page.locator("#question textarea")).to_have_value(TYPED)
    expect(page.locator("body")).not_to_have_class(re.compile("qa-reading"))


def test_leaving_the_page_and_coming_back_loses_nothing(page: Page, server: Server):
    ask(page, QUESTION)
    page.fill("#question textarea", TYPED)
    page.goto("about:blank")
    page.go_back()
    expect(page.locator(".qa-words").first).to_have_text(SENTENCE)
    expect(page.locator("#question textarea")).to_have_value(TYPED)
    page.goto(server.address)
    expect(page.locator(".qa-words").first).to_have_text(SENTENCE)
