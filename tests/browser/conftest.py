"""The page, served for real, in Debian's Chromium."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

from qa.encoder.onnx import OnnxEncoder
from qa.index.build import build
from qa.page import make_page
from qa.page.service import Service
from tests.browser.serving import CHROMIUM_ARGUMENTS, find_chromium, free_port
from tests.conftest import SAMPLES

expect.set_options(timeout=15_000)


class Site(NamedTuple):
    """A page that is being served."""

    address: str
    service: Service


def serve(service: Service, **options: object) -> tuple[str, Callable[[], None]]:
    """Serve a page from a thread; returns its address and what ends it."""
    page = make_page(service)
    from qa.page.launch import launch

    address = launch(
        page, host="127.0.0.1", port=free_port(), open_browser=False, block=False, **options
    )
    return address, page.close


@pytest.fixture(scope="session")
def start_site(
    tmp_path_factory: pytest.TempPathFactory, encoder: OnnxEncoder
) -> Callable[..., AbstractContextManager[Site]]:
    """Serve articles of one's own (name -> text), in a `with` block."""

    @contextmanager
    def start(
        articles: dict[str, str | bytes], *, read_only: bool = False, **options: object
    ) -> Iterator[Site]:
        folder = tmp_path_factory.mktemp("site")
        (folder / "articles").mkdir()
        for name, text in articles.items():
            (folder / "articles" / name).write_bytes(
                text.encode() if isinstance(text, str) else text
            )
        service = Service(folder / "articles", folder / "index", read_only=read_only)
        if articles:
            build(folder / "articles", folder / "index", encoder=encoder)
            service.prepare()
        address, end = serve(service, **options)
        yield Site(address, service)
        end()

    return start


@pytest.fixture
def make_site(
    start_site: Callable[..., AbstractContextManager[Site]],
) -> Iterator[Callable[..., Site]]:
    """Serve articles of one's own until the test ends."""
    with ExitStack() as sites:
        yield lambda *args, **options: sites.enter_context(start_site(*args, **options))


@pytest.fixture(scope="session")
def site(start_site: Callable[..., AbstractContextManager[Site]]) -> Iterator[Site]:
    """The sample articles; tests that add some remove them again."""
    with start_site({path.name: path.read_bytes() for path in SAMPLES.iterdir()}) as site:
        yield site


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        message = "no Chromium on this machine: run `apt-get install chromium-headless-shell`"
        if os.environ.get("QA_REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(
    chromium: Browser, site: Site, make_site: Callable[..., Site]
) -> Iterator[Callable[..., Page]]:
    """Open the page; at the end of the test no error may have happened and no request have gone
    elsewhere. Pages are closed before their sites (`make_site`) are."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def open_page(
        address: str = "",
        *,
        at: Site = site,
        width: int = 1280,
        height: int = 860,
        dark: bool = False,
        held: str = r"\d articles?",
        may_lose: bool = False,
        **options: object,
    ) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            permissions=["clipboard-read", "clipboard-write"],
            **options,
        )
        contexts.append(context)

        def check(route: Route) -> None:
            if route.request.url.startswith(at.address):
                route.continue_()
            else:
                wrong.append(f"request to {route.request.url}")
                route.abort()

        context.route(lambda url: url.startswith("http"), check)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on(
            "console",
            lambda said: (
                wrong.append(f"console: {said.text}")
                if said.type == "error" and not may_lose
                else None
            ),
        )
        page.on(
            "response",
            lambda reply: (
                wrong.append(f"{reply.status} {reply.url}") if reply.status >= 400 else None
            ),
        )
        page.goto(at.address.rstrip("/") + "/" + address)
        expect(page.locator("#question textarea")).to_be_visible()
        expect(page.locator(".qa-toggle")).to_contain_text(re.compile(held))
        expect(page.locator("body")).to_have_class(re.compile("qa-empty"))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def is_in_view(page: Page, selector: str, room: str) -> bool:
    """Whether an element is within the visible part of `room`."""
    return page.evaluate(
        "([one, room]) => { const a = document.querySelector(one).getBoundingClientRect();"
        " const b = document.querySelector(room).getBoundingClientRect();"
        " return a.top >= b.top - 1 && a.bottom <= b.bottom + 1 && a.bottom <= innerHeight && "
        "a.top >= 0; }",
        [selector, room],
    )
