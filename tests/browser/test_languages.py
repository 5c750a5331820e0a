"""The page in the browser's language."""

import pytest
from playwright.sync_api import expect

from tests.browser.serving import ask

QUESTION = "What was the meeting about?"
SENTENCE = "The participants, the officials said, had come to discuss a covert programme"


@pytest.mark.parametrize(
    ("locale", "ask_words", "held", "show", "refused"),
    [
        ("de-AT", "Fragen", "5 Artikel", "Im Artikel zeigen", "Nicht in Ihren Artikeln"),
        ("fr", "Demander", "5 articles", "Voir dans l’article", "Pas dans vos articles"),
        ("es-MX", "Preguntar", "5 artículos", "Ver en el artículo", "No está en sus artículos"),
        ("ar", "اسأل", "5 مقالات", "اعرض في المقال", "ليس في مقالاتك"),
        ("it", "Ask", "5 articles", "Show in article", "Not in your articles"),
    ],
)
def test_the_page_speaks_the_browsers_language(visit, locale, ask_words, held, show, refused):
    page = visit(locale=locale, held=held)
    expect(page.locator(".submit-button")).to_have_text(ask_words)
    ask(page, QUESTION)
    expect(page.locator(".qa-words").first).to_contain_text(SENTENCE)
    expect(page.locator(".qa-show").first).to_have_text(show)
    ask(page, "What is the boiling point of tungsten?")
    expect(page.locator(".qa-verdict")).to_have_text(refused)


def test_german_has_no_english_left(visit):
    page = visit(locale="de", held="Artikel")
    ask(page, QUESTION)
    page.locator(".qa-show").first.click()
    expect(page.locator("#hit")).to_be_focused()
    page.locator(".qa-toggle").click()
    names = page.evaluate(
        "[...document.querySelectorAll('button, summary, label, [placeholder]')]"
        ".filter((one) => !one.closest('.qa-list, .qa-welcome') && !one.matches('.qa-title'))"
        ".map((one) => one.placeholder || one.textContent.trim()).filter(Boolean)"
    )
    english = {"Close", "Ask", "Copy", "Print", "Articles", "Conversations", "Stop", "Title"}
    assert not english & set(names), names
    expect(page.get_by_placeholder("Einen Artikel suchen")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_arabic_is_mirrored_whole(visit, width):
    page = visit(locale="ar", held="مقال", width=width)
    ask(page, "لماذا أُغلقت المكتبة؟")
    ask(page, QUESTION)
    assert page.evaluate("[document.documentElement.dir, document.documentElement.lang]") == [
        "rtl",
        "ar",
    ]

    def middle(selector: str) -> float:
        box = page.locator(selector).first.bounding_box()
        return (box["x"] + box["width"] / 2) / width

    assert middle(".qa-toggle") < 0.5 < middle(".qa-header h1")
    assert middle(".submit-button") < 0.5
    for question in page.locator(".qa-question").all():
        box, room = question.bounding_box(), page.locator("#chat .message-wrap").bounding_box()
        assert box["x"] + box["width"] / 2 < room["x"] + room["width"] / 2
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if width > 1088:
        page.locator(".qa-show").first.click()
        expect(page.locator("#hit")).to_be_focused()
        assert middle("#source") < 0.5 < middle("#chat")


def test_a_question_that_leans_is_told_in_the_browsers_language(visit):
    page = visit(locale="de", held="Artikel")
    ask(page, QUESTION)
    ask(page, "And where was it held?")
    expect(page.locator(".qa-leaning")).to_contain_text("Gesucht wurde")
