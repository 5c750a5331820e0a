import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import is_in_view
from tests.browser.serving import ask

QUESTION = "What was the meeting about?"
SENTENCE = (
    "The participants, the officials said, had come to discuss a covert programme, directed by "
    "Iran's Islamic Revolutionary Guard Corps (IRGC), to build missiles of high precision."
)
SIZES = {"phone": (390, 844), "desktop": (1280, 860)}


@pytest.mark.parametrize("size", SIZES)
def test_a_question_is_answered_with_a_sentence_and_one_click_shows_where_it_stands(visit, size):
    width, height = SIZES[size]
    page = visit(width=width, height=height)
    ask(page, QUESTION)
    card = page.locator(".qa-card").first
    expect(card.locator(".qa-words")).to_have_text(SENTENCE)
    expect(card.locator(".qa-meta")).to_have_text(
        "The Damascus meeting · Helen Marsh · paragraph 4"
    )
    assert is_in_view(page, ".qa-question", "#chat .bubble-wrap")
    card.get_by_role("button", name="Show in article").click()
    expect(page.locator("#hit")).to_be_visible()
    assert (
        page.evaluate(
            "[...document.querySelectorAll('.qa-current')].map(mark => mark.textContent).join('')"
        )
        == SENTENCE
    )
    assert is_in_view(page, "#hit", ".qa-scroll")
    assert page.evaluate("document.activeElement.id") == "hit"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.locator("#question textarea")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".qa-source")).not_to_be_visible()
    assert page.evaluate("document.activeElement.className").startswith("qa-open")


def test_clicking_the_words_opens_the_article_too_and_again_after_closing(visit):
    page = visit()
    ask(page, QUESTION)
    for _ in range(2):
        page.locator(".qa-words").first.click()
        expect(page.locator("#hit")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator(".qa-source")).not_to_be_visible()


def test_everything_works_by_keyboard(visit):
    page = visit()
    expect(page.locator("#question textarea")).to_be_focused()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".qa-how")).to_have_count(1)
    for _ in range(60):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.textContent") == "Show in article":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#hit")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".qa-source")).not_to_be_visible()
    assert page.evaluate("document.activeElement.textContent") == "Show in article"


def test_arabic_is_asked_answered_and_shown_from_right_to_left(visit):
    page = visit()
    ask(page, "متى شُيّد المبنى؟")
    words = page.locator(".qa-words").first
    expect(words).to_contain_text("شُيّد المبنى عام 1874")
    assert words.evaluate("words => getComputedStyle(words).direction") == "rtl"
    page.get_by_role("button", name="Show in article").first.click()
    expect(page.locator("#hit")).to_be_focused()
    assert (
        page.locator("#hit").evaluate("mark => getComputedStyle(mark.parentElement).direction")
        == "rtl"
    )


def test_what_the_articles_do_not_answer_looks_unlike_an_answer(visit):
    page = visit()
    ask(page, "What is the boiling point of tungsten?")
    silent = page.locator(".qa-silent")
    expect(silent).to_have_count(1)
    expect(silent.locator("strong").first).to_have_text(
        re.compile("Not (answered )?in your articles")
    )
    expect(silent).to_contain_text(re.compile("Those that come nearest|Closest sentences"))
    assert page.locator(".qa-strength").count() == 0


def test_how_it_was_found_tells_passages_scores_and_times(visit):
    page = visit()
    ask(page, QUESTION)
    page.get_by_text("How this was found").click()
    how = page.locator(".qa-how")
    for fact in (QUESTION, "encode", "generation 1", "10 considered", "likely from 0.60"):
        expect(how).to_contain_text(fact)
    assert how.locator("tbody tr").count() == 10
    how.locator(".qa-passage").first.click()
    expect(page.locator("#hit")).to_be_focused()


def test_copy_gives_the_quote_with_its_citation(visit):
    page = visit()
    ask(page, QUESTION)
    page.locator(".qa-card").first.get_by_role("button", name="Copy").click()
    expect(page.locator(".qa-copy").first).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"“{SENTENCE}”\n— The Damascus meeting, Helen Marsh, paragraph 4"


def test_an_empty_page_offers_questions_that_the_index_answers(visit):
    page = visit()
    example = page.locator("button.qa-example", has_text="Where did the meeting take place?")
    expect(example).to_be_visible()
    example.click()
    expect(page.locator(".qa-words").first).to_have_text(
        "The meeting took place in a basement underneath an apartment block in Kafr Sousse, a "
        "quarter of Damascus."
    )
    expect(page.locator("#welcome")).not_to_be_visible()
    page.get_by_role("button", name="New conversation").click()
    expect(example).to_be_visible()
    expect(page.locator(".qa-card")).to_have_count(0)


def test_a_problem_is_told_where_the_answer_would_be(visit):
    page = visit()
    ask(page, "??!")
    expect(page.locator(".qa-problem")).to_contain_text("The question has no words")


def test_older_answers_stay_as_they_are_while_new_ones_come(visit):
    page = visit()
    ask(page, QUESTION)
    page.get_by_text("How this was found").click()
    ask(page, "To whom was the contract given?")
    expect(page.locator(".qa-how[open]")).to_have_count(1)
    expect(page.locator(".qa-question").nth(1)).to_be_in_viewport()
    expect(page.locator(".qa-question").nth(0)).not_to_be_in_viewport()


def test_a_question_that_leans_on_the_last_says_what_was_searched_and_can_be_asked_as_written(
    visit,
):
    page = visit()
    ask(page, QUESTION)
    ask(page, "Where was it held?")
    expect(page.locator(".qa-leaning bdi")).to_contain_text("meeting")
    expect(page.locator(".qa-answer").nth(1).locator(".qa-words").first).to_contain_text(
        "Kafr Sousse"
    )
    page.get_by_role("button", name="Ask as written").click()
    expect(page.locator(".qa-how")).to_have_count(3)
    expect(page.locator(".qa-question").last).to_have_text("Where was it held?")
    expect(page.locator(".qa-leaning")).to_have_count(1)


def test_a_stable_link_opens_the_article_at_the_quote(visit, site):
    page = visit()
    ask(page, QUESTION)
    page.get_by_role("button", name="Show in article").first.click()
    expect(page.locator("#hit")).to_be_focused()
    link = page.url
    text = site.service.get_article("the-damascus-meeting.txt").text
    start = text.index(SENTENCE)
    place = f"article=the-damascus-meeting.txt&start={start}&end={start + len(SENTENCE)}"
    assert link == f"{site.address}?{place}"
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator(".qa-link")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == link
    page.reload()
    expect(page.locator("#hit")).to_have_text(SENTENCE)
    assert is_in_view(page, "#hit", ".qa-scroll")
    page.get_by_role("button", name="Close").click()
    assert page.url == site.address


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("?article=none.txt&start=1&end=2", "This article is no longer in the index"),
        ("?article=the-damascus-meeting.txt&start=5&end=999999", "Some news outlets told"),
        ("?article=the-damascus-meeting.txt&start=x", "Some news outlets told"),
        ("?article=" + quote("../../etc/passwd"), "This article is no longer in the index"),
    ],
)
def test_a_link_to_what_is_not_there_says_so_or_opens_the_article(visit, address, shown):
    expect(visit(address).locator(".qa-source")).to_contain_text(shown)


def test_a_conversation_is_saved_with_all_its_provenance(visit, site, tmp_path: Path):
    page = visit()
    ask(page, QUESTION)
    ask(page, "What is the boiling point of tungsten?")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as JSON").click()
    assert saved.value.suggested_filename == "conversation.json"
    saved.value.save_as(tmp_path / "conversation.json")
    value = json.loads((tmp_path / "conversation.json").read_text("utf-8"))
    assert [answer["status"] == "answered" for answer in value["answers"]] == [True, False]
    for answer in value["answers"]:
        for found in answer["quotes"]:
            article = site.service.get_article(found["article"]["id"])
            assert article.sha256 == found["article"]["sha256"]
            assert article.text[found["start"] : found["end"]] == found["text"]
    assert len(value["annotations"]) == len(value["answers"][0]["quotes"])
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as Markdown").click()
    saved.value.save_as(tmp_path / "conversation.md")
    assert "the officials said, had come" in (tmp_path / "conversation.md").read_text("utf-8")


def test_a_reload_shows_the_conversation_and_what_was_typed(visit):
    page = visit()
    ask(page, QUESTION)
    page.fill("#question textarea", "And where")
    page.reload()
    expect(page.locator(".qa-words").first).to_have_text(SENTENCE)
    expect(page.locator("#question textarea")).to_have_value("And where")
    expect(page.locator(".qa-question")).to_have_count(1)


def test_conversations_are_listed_reopened_deleted_and_forgotten(visit):
    page = visit()
    ask(page, QUESTION)
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".qa-welcome")).to_be_visible()
    ask(page, "To whom was the contract given?")
    page.get_by_role("button", name="Conversations").click()
    names = page.locator(".qa-kept-name")
    expect(names).to_have_text(["To whom was the contract given?", QUESTION])
    names.last.click()
    expect(page.locator(".qa-question")).to_have_text(QUESTION)
    expect(page.locator(".qa-words").first).to_have_text(SENTENCE)
    page.get_by_role("button", name="Conversations").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name=f"Export {QUESTION}").click()
    assert json.loads(saved.value.path().read_text("utf-8"))["answers"][0]["question"] == QUESTION
    page.get_by_role("button", name=f"Delete {QUESTION}").click()
    expect(names).to_have_text(["To whom was the contract given?"])
    page.get_by_role("button", name="Forget all").click()
    page.get_by_role("button", name="Really forget all?").click()
    expect(names).to_have_count(0)
    assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('qa.'))") == []


def test_back_closes_the_article_and_forward_opens_it_again(visit):
    page = visit(width=390, height=844)
    ask(page, QUESTION)
    page.get_by_role("button", name="Show in article").first.click()
    expect(page.locator("#hit")).to_be_focused()
    page.go_back()
    expect(page.locator(".qa-source")).not_to_be_visible()
    expect(page.locator(".qa-words").first).to_have_text(SENTENCE)
    page.go_forward()
    expect(page.locator("#hit")).to_have_text(SENTENCE)


def test_the_question_is_shown_at_once_typing_stays_and_the_next_question_waits(visit):
    page = visit()
    page.route("**/call/page_ask", lambda route: (page.wait_for_timeout(300), route.continue_()))
    page.fill("#question textarea", QUESTION)
    waited = page.evaluate(
        """() => {
          const area = document.querySelector("#question textarea");
          const started = performance.now();
          area.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
          const shown = document.querySelector(".qa-question").getBoundingClientRect().height > 0;
          return [shown, performance.now() - started];
        }"""
    )
    assert waited[0]
    assert waited[1] < 50
    expect(page.locator(".qa-wait")).to_have_text("Reading up to 10 passages …")
    page.fill("#question textarea", "To whom was the contract given?")
    page.keyboard.press("Enter")
    page.fill("#question textarea", "typed meanwhile")
    expect(page.locator(".qa-how")).to_have_count(2)
    expect(page.locator(".qa-question")).to_have_text([QUESTION, "To whom was the contract given?"])
    expect(page.locator("#question textarea")).to_have_value("typed meanwhile")


def test_stop_stops_and_the_question_can_be_asked_again(visit):
    page = visit()
    held = []
    page.route("**/call/page_ask", lambda route: held.append(route))
    page.fill("#question textarea", QUESTION)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".qa-problem")).to_contain_text("Stopped before it was answered.")
    page.unroute("**/call/page_ask")
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator(".qa-words").first).to_have_text(SENTENCE)
    expect(page.locator(".qa-question")).to_have_count(1)


def test_just_one_article_is_asked_and_the_address_keeps_it(visit):
    page = visit("?in=an-hour-for-the-bicycle.md")
    ask(page, QUESTION)
    expect(page.locator(".qa-only")).to_have_count(1)
    assert SENTENCE not in page.locator(".qa-reply").inner_text()
    page.get_by_role("button", name="Take away").click()
    assert "in=" not in page.url
    ask(page, QUESTION)
    expect(page.locator(".qa-words", has_text=SENTENCE)).to_have_count(1)
    page.locator(".qa-words", has_text=SENTENCE).click()
    page.get_by_role("button", name="Ask this article").click()
    expect(page.locator(".qa-chip bdi")).to_have_text("The Damascus meeting")
    assert "in=the-damascus-meeting.txt" in page.url


def test_what_was_chosen_beside_an_open_article_stays_when_it_is_closed(visit):
    page = visit()
    ask(page, QUESTION)
    page.get_by_role("button", name="Show in article").first.dblclick()
    page.get_by_role("button", name="Ask this article").click()
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".qa-source")).not_to_be_visible()
    expect(page.locator(".qa-chip bdi")).to_have_text("The Damascus meeting")
    assert "in=the-damascus-meeting.txt" in page.url
    assert "article=" not in page.url
    page.get_by_role("button", name="Show in article").first.click()
    page.get_by_role("button", name="Take away").click()
    page.go_back()
    expect(page.locator(".qa-source")).not_to_be_visible()
    expect(page.locator(".qa-chip")).to_have_count(0)
    assert "in=" not in page.url


def test_on_a_phone_ask_this_article_leads_to_the_question(visit):
    page = visit(width=390, height=844)
    ask(page, QUESTION)
    page.get_by_role("button", name="Show in article").first.click()
    page.get_by_role("button", name="Ask this article").click()
    expect(page.locator(".qa-source")).not_to_be_visible()
    expect(page.locator("#question textarea")).to_be_focused()
    expect(page.locator(".qa-chip bdi")).to_have_text("The Damascus meeting")


def test_an_article_that_is_closed_before_it_comes_stays_closed(visit):
    page = visit()
    ask(page, QUESTION)
    page.get_by_role("button", name="Show in article").first.click()
    page.keyboard.press("Escape")
    page.fill("#question textarea", "What else")
    page.wait_for_timeout(1500)
    expect(page.locator(".qa-source")).not_to_be_visible()
    expect(page.locator("#question textarea")).to_be_focused()
    assert "article=" not in page.url


def test_words_are_found_in_the_article(visit):
    page = visit("?article=the-damascus-meeting.txt")
    field = page.get_by_label("Find in this article")
    field.fill("MEETING")
    field.press("Enter")
    expect(page.locator(".qa-find .qa-count")).to_have_text(re.compile("^1 of "))
    expect(page.locator("#hit")).to_have_text(re.compile("^meeting$", re.IGNORECASE))
    field.press("Enter")
    expect(page.locator(".qa-find .qa-count")).to_have_text(re.compile("^2 of "))
    expect(field).to_be_focused()
    field.fill("mee")
    field.press("Enter")
    # Before what was asked for is there:
    field.evaluate(
        "field => { field.value += 'tings';"
        " field.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    expect(page.locator(".qa-find .qa-count")).to_have_text(re.compile("^1 of "))
    expect(field).to_have_value("meetings")
