"""How fast, how light and how quiet the page is."""

import json
from concurrent.futures import ThreadPoolExecutor
from statistics import median, quantiles
from urllib.request import Request, urlopen

from playwright.sync_api import expect

from tests.browser.serving import ask

QUESTION = "What was the meeting about?"
PEOPLE = 20
MAX_BUBBLE_MS, MAX_MARK_MS, MAX_WEIGHT, IDLE_MS = 50, 100, 500_000, 32_000
BUBBLE = """() => {
  const area = document.querySelector("#question textarea");
  const count = document.querySelectorAll(".qa-question").length;
  area.value = "Who went there?";
  const started = performance.now();
  area.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  return new Promise((done) => requestAnimationFrame(() => done([
    document.querySelectorAll(".qa-question").length - count, performance.now() - started])));
}"""
MARK = """() => new Promise((done) => {
  const started = performance.now();
  new MutationObserver((_, watcher) => {
    if (!document.querySelector("#hit")) return;
    watcher.disconnect();
    requestAnimationFrame(() => done(performance.now() - started));
  }).observe(document, { subtree: true, childList: true });
  document.querySelector(".qa-show").click();
})"""


def test_a_question_is_on_the_screen_within_fifty_milliseconds(visit):
    page = visit()
    took = []
    for number in range(5):
        added, milliseconds = page.evaluate(BUBBLE)
        assert added == 1
        took.append(milliseconds)
        expect(page.locator(".qa-how")).to_have_count(number + 1)
    assert median(took) <= MAX_BUBBLE_MS, took


def test_a_quote_is_marked_within_a_tenth_of_a_second_of_the_click(visit):
    page = visit()
    ask(page, QUESTION)
    took = []
    for _ in range(7):
        took.append(page.evaluate(MARK))
        page.keyboard.press("Escape")
        page.evaluate("document.querySelector('#hit')?.remove()")
    # Where others share the machine, the slower ones tell of them.
    assert quantiles(took, n=4)[0] <= MAX_MARK_MS, took


def test_the_page_weighs_little(visit):
    page = visit()
    expect(page.locator("button.qa-example").first).to_be_visible()
    sizes = page.evaluate(
        "[...performance.getEntriesByType('navigation'), "
        "...performance.getEntriesByType('resource')].map((one) => [one.name, one.transferSize])"
    )
    weight = sum(size for _, size in sizes)
    assert weight <= MAX_WEIGHT, (weight, sorted(sizes, key=lambda one: -one[1])[:8])


def test_an_idle_page_asks_the_server_little(visit):
    page = visit()
    expect(page.locator("button.qa-example").first).to_be_visible()
    page.wait_for_timeout(3000)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(IDLE_MS)
    assert len(asked) <= IDLE_MS / 15_000 + 1, asked


def test_twenty_people_ask_at_once(site):
    def call(number: int) -> str:
        where = f"{site.address}gradio_api/call/page_ask"
        value = json.dumps({"question": QUESTION, "number": number})
        data = json.dumps({"data": [value]}).encode()
        asked = Request(where, data, {"content-type": "application/json"})
        with urlopen(asked, timeout=120) as reply:
            event = json.load(reply)["event_id"]
        with urlopen(f"{where}/{event}", timeout=120) as reply:
            told = reply.read().decode()
        assert "event: complete" in told, told[:300]
        answer = json.loads(json.loads(told.split("data: ", 1)[1].split("\n")[0])[0])["answer"]
        return answer["quotes"][0]["text"]

    with ThreadPoolExecutor(PEOPLE) as people:
        found = set(people.map(call, range(PEOPLE)))
    assert len(found) == 1
