"""How light and how quiet the page is; its times are measured by tests/benchmarks/page.py."""

from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import expect

from tests.browser.serving import ask_without_browser

QUESTION = "What was the meeting about?"
PEOPLE = 20
MAX_WEIGHT, IDLE_MS = 500_000, 18_000
BUBBLE = """() => {
  const area = document.querySelector("#question textarea");
  const count = document.querySelectorAll(".qa-question").length;
  area.value = "Who went there?";
  area.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  return new Promise((done) => requestAnimationFrame(() => done(
    document.querySelectorAll(".qa-question").length - count)));
}"""


def test_a_question_is_on_the_screen_in_the_next_frame(visit):
    page = visit()
    for number in range(2):
        assert page.evaluate(BUBBLE) == 1
        expect(page.locator(".qa-how")).to_have_count(number + 1)


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
    assert len(asked) <= 2, asked


def test_twenty_people_ask_at_once(site):
    with ThreadPoolExecutor(PEOPLE) as people:
        answers = list(
            people.map(ask_without_browser, [site.address] * PEOPLE, [QUESTION] * PEOPLE)
        )
    assert len({answer["quotes"][0]["text"] for answer in answers}) == 1
