"""What stands under a question, and what can be done with it."""

import json
import re
import time
from pathlib import Path

from playwright.sync_api import expect

from qa.evaluation.data_sets import read_questions, write_articles
from tests.browser.serving import ask

QUESTION = "What was the meeting about?"
ANSWER = "a covert programme"
OTHER = "When was the new pier finished?"
SILENT = "What is the boiling point of tungsten?"


def test_a_refusal_says_what_can_be_done_and_its_articles_open(visit):
    page = visit()
    ask(page, SILENT)
    advice = page.locator(".qa-advice")
    expect(advice).to_contain_text("Ask in other words")
    expect(advice).to_contain_text("Look into the articles that come nearest")
    name = advice.locator(".qa-open").first
    title = name.inner_text()
    name.click()
    expect(page.locator("#source-title")).to_have_text(title)
    page.keyboard.press("Escape")
    advice.get_by_role("button", name="See all articles, or add some").click()
    expect(page.locator("#articles h2")).to_be_focused()


def test_a_refusal_among_some_articles_offers_to_ask_all(visit):
    page = visit("?in=an-hour-for-the-bicycle.md")
    ask(page, "To whom was the contract given?")
    page.get_by_role("button", name="Ask in all articles").click()
    expect(page.locator(".qa-question")).to_have_count(2)
    expect(page.locator(".qa-turn").last.locator(".qa-words").first).to_contain_text("contract")


def test_a_choice_that_leaves_no_article_says_so(visit):
    page = visit("?author=Nobody")
    ask(page, QUESTION)
    expect(page.locator(".qa-reply")).to_contain_text("Asked only in some of the articles.")
    expect(page.get_by_role("button", name="Ask in all articles")).to_be_visible()


def test_a_card_says_what_its_strength_means_and_its_title_opens_the_article(visit):
    page = visit()
    ask(page, QUESTION)
    card = page.locator(".qa-card").first
    expect(card.locator(".qa-strength")).to_have_text(
        re.compile("likely answer: this sentence probably answers the question")
    )
    card.get_by_role("button", name="The Damascus meeting").click()
    expect(page.locator("#hit")).to_be_focused()
    expect(card).to_have_class(re.compile("qa-shown"))


def test_the_whole_answer_is_copied(visit):
    page = visit()
    ask(page, QUESTION)
    page.get_by_role("button", name="Copy the answer").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(QUESTION + "\n\n“The participants, the officials said")
    assert "The Damascus meeting" in copied


def test_votes_are_kept_and_saved_as_questions_with_gold_answers(visit, tmp_path: Path):
    page = visit()
    ask(page, QUESTION)
    up = page.get_by_role("button", name="This answers it", exact=True).first
    up.click()
    expect(up).to_have_attribute("aria-pressed", "true")
    ask(page, SILENT)
    page.get_by_role("button", name="Right: the articles do not answer it").click()
    page.reload()
    expect(up).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Conversations").click()
    files = {}
    page.on("download", lambda file: files.update({file.suggested_filename: file}))
    page.get_by_role("button", name="Save votes as questions.jsonl").click()
    for _ in range(50):
        page.wait_for_timeout(100)
        if len(files) == 2:
            break
    for name, file in files.items():
        file.save_as(tmp_path / name)
    found = read_questions(tmp_path, write_articles(tmp_path, tmp_path))
    assert [(one.question, one.texts) for one in found] == [(QUESTION, (ANSWER,)), (SILENT, ())]
    page.get_by_role("button", name="Close").click()
    up.click()
    expect(up).to_have_attribute("aria-pressed", "false")


def test_an_answer_is_followed_by_questions_that_its_article_answers(visit):
    page = visit()
    ask(page, QUESTION)
    follow = page.locator(".qa-following .qa-example")
    expect(follow.first).to_be_visible()
    question = follow.first.inner_text()
    assert question != QUESTION
    follow.first.click()
    expect(page.locator(".qa-question").last).to_have_text(question)
    expect(page.locator(".qa-turn").last.locator(".qa-words").first).to_be_visible()


def test_an_open_article_offers_questions_that_it_answers(visit):
    page = visit("?article=the-damascus-meeting.txt")
    page.get_by_text("Questions that it answers").click()
    offered = page.locator(".qa-examples-here .qa-example")
    expect(offered.first).to_be_visible()
    offered.first.click()
    expect(page.locator(".qa-words").first).to_be_visible()


def test_keys_write_recall_and_help(visit):
    page = visit()
    ask(page, QUESTION)
    ask(page, OTHER)
    page.locator(".qa-header h1").click()
    page.keyboard.press("/")
    area = page.locator("#question textarea")
    expect(area).to_be_focused()
    for key, words in (("ArrowUp", OTHER), ("ArrowUp", QUESTION), ("ArrowDown", OTHER)):
        page.keyboard.press(key)
        expect(area).to_have_value(words)
    page.keyboard.press("ArrowDown")
    expect(area).to_have_value("")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    help_box = page.get_by_role("dialog", name="Ask your articles")
    expect(help_box).to_contain_text("Bring back the questions before")
    expect(help_box.locator(".qa-about")).to_contain_text("minilm")
    expect(help_box.locator(".qa-about")).to_contain_text("Nothing leaves this machine")
    page.keyboard.press("Escape")
    expect(help_box).to_have_count(0)


def test_the_open_article_follows_the_newest_answer_and_typing_goes_on(visit):
    page = visit()
    ask(page, QUESTION)
    page.get_by_role("button", name="Show in article").first.click()
    expect(page.locator("#hit")).to_be_focused()
    ask(page, OTHER)
    expect(page.locator("#source-title")).not_to_have_text("The Damascus meeting")
    expect(page.locator("#hit")).to_contain_text("pier")
    expect(page.locator("#question textarea")).to_be_focused()


def test_quotes_of_an_answer_are_gone_through_and_all_are_marked(visit, make_site):
    words = ("The oak was planted in 1801.", "The oak was felled in 1871.")
    filler = "Nobody remembers much else about the village green these days. " * 3
    site = make_site({"oak.txt": f"The oak\n\n{words[0]}\n\n{filler}\n\n{words[1]}\n"})
    page = visit(at=site)
    ask(page, "What happened to the oak?")
    count = page.locator(".qa-card").count()
    assert count >= 2
    page.get_by_role("button", name="Show in article").first.click()
    expect(page.locator(".qa-steps .qa-count")).to_have_text(f"Quote 1 of {count}")
    first = page.locator(".qa-current").inner_text()
    assert page.locator(".qa-other").count() >= 1
    page.keyboard.press("n")
    expect(page.locator(".qa-steps .qa-count")).to_have_text(f"Quote 2 of {count}")
    assert page.locator(".qa-current").inner_text() != first
    page.keyboard.press("p")
    expect(page.locator(".qa-current")).to_have_text(first)


def test_contents_of_a_long_article_lead_to_its_headings(visit, make_site):
    parts = "\n\n".join(f"## Part {n}\n\n" + "It rained all day. " * 40 for n in range(1, 8))
    page = visit("?article=rain.md", at=make_site({"rain.md": f"# Rain\n\n{parts}\n"}))
    page.get_by_text("Contents").click()
    page.get_by_role("button", name="Part 6", exact=True).click()
    expect(page.locator("#hit")).to_contain_text("Part 6")
    expect(page.locator("#hit")).to_be_in_viewport()


def test_print_shows_the_article_alone(visit):
    page = visit("?article=the-damascus-meeting.txt")
    page.emulate_media(media="print")
    expect(page.locator(".qa-text")).to_be_visible()
    for hidden in ("#talk", ".qa-source-tools", ".qa-reading-tools"):
        expect(page.locator(hidden)).to_be_hidden()


def test_a_conversation_is_saved_with_what_is_kept(visit):
    page = visit()
    ask(page, QUESTION)
    kept = page.evaluate("Object.values(localStorage).filter((one) => one.includes('turns'))[0]")
    assert json.loads(kept)["turns"][0]["answer"]["quotes"][0]["answer"]["text"] == ANSWER


def test_a_question_too_long_is_not_cut_but_told(visit):
    page = visit()
    page.fill("#question textarea", "x" * 1001)
    page.keyboard.press("Enter")
    expect(page.locator("#composer-note")).to_have_text(
        "The question has 1,001 characters: ask with at most 1,000."
    )
    expect(page.locator("#question textarea")).to_have_value("x" * 1001)
    expect(page.locator(".qa-question")).to_have_count(0)


def test_an_address_of_an_article_that_is_gone_says_so_and_is_left_by_closing(visit):
    page = visit("?article=gone.txt")
    told = page.locator(".qa-no-source")
    expect(told).to_contain_text("This article is no longer in the index")
    assert float(told.evaluate("one => parseFloat(getComputedStyle(one).paddingLeft)")) >= 12
    page.get_by_role("button", name="Close").click()
    assert "gone.txt" not in page.url


def test_twice_the_size_leaves_room_to_read(visit):
    page = visit(width=683, height=384)
    ask(page, QUESTION)
    room = page.locator("#chat .bubble-wrap").bounding_box()
    assert room["height"] >= 384 / 2
    expect(page.locator(".qa-words").first).to_be_in_viewport(ratio=0.9)
    expect(page.locator("#question textarea")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_forced_colours_show_the_strength_and_the_button(visit):
    page = visit(forced_colors="active")
    ask(page, QUESTION)
    bar = "getComputedStyle(document.querySelector('.qa-strength'), '::before')"
    assert page.evaluate(f"{bar}.borderTopWidth") == "1px"
    assert page.evaluate(f"{bar}.backgroundColor") != "rgba(0, 0, 0, 0)"
    button = "getComputedStyle(document.querySelector('.submit-button'))"
    assert page.evaluate(f"{button}.borderTopStyle") == "solid"


def test_examples_stay_while_new_ones_are_looked_for(visit, make_site, monkeypatch):
    site = make_site({"bees.txt": "On bees\n\nThe hive was opened on 3 May 1990."})
    page = visit(at=site)
    expect(page.locator("button.qa-example")).to_have_text(["When was the hive opened?"])
    monkeypatch.setattr(site.service, "_try_examples", lambda: (time.sleep(6), iter(()))[1])
    site.service.add_text("Varn", "Varn has a lighthouse.")
    page.locator(".qa-toggle").click()
    page.get_by_role("button", name="Update index").click()
    expect(page.locator(".qa-toggle")).to_have_text("2 articles")
    expect(page.locator("button.qa-example")).to_have_text(["When was the hive opened?"])


def test_articles_are_chosen_by_author_and_the_address_keeps_it(visit):
    page = visit()
    page.get_by_role("button", name="Which articles?").click()
    dialog = page.get_by_role("dialog", name="Which articles?")
    dialog.get_by_label("Author").fill("helen marsh")
    dialog.get_by_label("Words in the title").fill("damascus")
    page.keyboard.press("Enter")
    expect(page.locator(".qa-chip bdi")).to_have_text(["by helen marsh", "titled damascus"])
    page.reload()
    expect(page.locator(".qa-chip")).to_have_count(2)
    ask(page, QUESTION)
    expect(page.locator(".qa-words").first).to_contain_text("covert programme")
    page.locator(".qa-chip").last.click()
    expect(page.locator(".qa-chip bdi")).to_have_text(["by helen marsh"])
    page.get_by_role("button", name="Which articles?").click()
    dialog.get_by_label("From", exact=True).fill("soon")
    page.keyboard.press("Enter")
    ask(page, QUESTION)
    expect(page.locator(".qa-problem")).to_contain_text("Since is 'soon'")


def test_what_the_dialog_says_holds_from_the_press_of_its_button_on(visit):
    page = visit()
    opener = page.get_by_role("button", name="Which articles?")
    opener.click()
    page.get_by_role("dialog", name="Which articles?").get_by_label("Author").fill("helen marsh")
    pressed = "document.querySelector('dialog [value=ask]').click(); return qa.chosen.current();"
    assert page.evaluate(f"() => {{ {pressed} }}") == {"authors": ["helen marsh"]}
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("#question textarea")).to_be_focused()
    opener.click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(opener).to_be_focused()


def test_ticked_articles_are_chips_with_their_titles_in_a_link_too(visit):
    page = visit("?in=the-damascus-meeting.txt")
    expect(page.locator(".qa-chip bdi")).to_have_text("The Damascus meeting")
    page.locator(".qa-toggle").click()
    tick = page.get_by_label("Ask only: The Meadow under Ostrey Bay")
    tick.check()
    expect(page.locator(".qa-chip")).to_have_count(2)
    page.get_by_label("Ask only: The Damascus meeting").uncheck()
    expect(page.locator(".qa-chip bdi")).to_have_text("The Meadow under Ostrey Bay")
    expect(tick).to_be_checked()
