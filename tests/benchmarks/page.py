"""The page in a browser: how soon it shows what was asked and clicked, and how quiet it is.

    python -m tests.benchmarks.page

The sample articles, served from this process to Debian's Chromium, so times include both.
"""

import argparse
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter

from playwright.sync_api import Page, expect, sync_playwright

from qa.index.build import build
from qa.page import make_page
from qa.page.launch import launch
from qa.page.service import Service
from tests.browser.serving import (
    CHROMIUM_ARGUMENTS,
    ask,
    ask_without_browser,
    find_chromium,
    free_port,
)
from tests.conftest import SAMPLES

QUESTION = "What was the meeting about?"
TIMES = 9
PEOPLE = 20
_BUBBLE = """() => {
  const area = document.querySelector("#question textarea");
  area.value = "Who went there?";
  const started = performance.now();
  area.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  return new Promise((done) =>
    requestAnimationFrame(() => done(performance.now() - started)));
}"""
_MARK = """() => new Promise((done) => {
  const started = performance.now();
  new MutationObserver((_, watcher) => {
    if (!document.querySelector("#hit")) return;
    watcher.disconnect();
    requestAnimationFrame(() => done(performance.now() - started));
  }).observe(document, { subtree: true, childList: true });
  document.querySelector(".qa-show").click();
})"""
_SIZES = """[...performance.getEntriesByType('navigation'),
  ...performance.getEntriesByType('resource')].map((one) => one.transferSize)"""


def measure_page(page: Page, address: str, idle_seconds: int) -> list[tuple[str, str]]:
    """What one visitor sees: (what, figure)."""
    started = perf_counter()
    page.goto(address)
    expect(page.locator("button.qa-example").first).to_be_visible()
    ready = perf_counter() - started
    weight = sum(page.evaluate(_SIZES))
    requests: list[str] = []
    page.wait_for_timeout(3000)
    page.on("request", lambda request: requests.append(request.url))
    page.wait_for_timeout(1000 * idle_seconds)
    idle = len(requests)
    bubbles = []
    for number in range(TIMES):
        bubbles.append(page.evaluate(_BUBBLE))
        expect(page.locator(".qa-how")).to_have_count(number + 1)
    ask(page, QUESTION)
    marks = []
    for _ in range(TIMES):
        marks.append(page.evaluate(_MARK))
        page.keyboard.press("Escape")
        page.evaluate("document.querySelector('#hit')?.remove()")
    return [
        ("page ready, s", f"{ready:.2f}"),
        ("bytes of the first visit", f"{weight:,}"),
        (f"requests in {idle_seconds} idle seconds", str(idle)),
        ("a question on the screen, ms, median and most", _spread(bubbles)),
        ("a quote marked after the click, ms, median and most", _spread(marks)),
    ]


def _spread(values: list[float]) -> str:
    return f"{median(values):.0f}, {max(values):.0f}"


def measure_crowd(address: str) -> tuple[str, str]:
    """Twenty who ask at once, without a browser."""

    def call(_: int) -> float:
        started = perf_counter()
        ask_without_browser(address, QUESTION)
        return 1000 * (perf_counter() - started)

    with ThreadPoolExecutor(PEOPLE) as people:
        return f"{PEOPLE} ask at once, ms, median and most", _spread(
            list(people.map(call, range(PEOPLE)))
        )


def main() -> None:
    """Serve the samples, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--idle", type=int, default=60, help="seconds to watch an idle page")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        build(SAMPLES, Path(scratch, "index"))
        service = Service(SAMPLES, Path(scratch, "index"), read_only=True)
        service.prepare()
        served = make_page(service)
        address = launch(
            served, host="127.0.0.1", port=free_port(), open_browser=False, block=False
        )
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS
        )
        rows = measure_page(browser.new_page(), address, args.idle)
        rows.append(measure_crowd(address))
        browser.close()
        served.close()
    print("| | |\n|---|--:|")
    for name, figure in rows:
        print(f"| {name} | {figure} |")


if __name__ == "__main__":
    main()
