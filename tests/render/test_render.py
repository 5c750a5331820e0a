import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from qa import render
from qa.answer.thresholds import POSSIBLY
from qa.places import BlockRow, Layout, LineRow, Origin, SectionRow
from qa.render.data import cite, quote_to_json
from qa.render.words import speaking
from qa.types import Answer, Article, Hit, Passage, Quote, Sentence, Span, Status
from tests.strategies import ANY_TEXT

HOSTILE = (
    "*stars* _lines_ **bold** `code` # head\n\n- item\n1. first\n> quoted\n    indented\n---\n"
    "<script>alert(1)</script> <img src=x onerror=alert(2)> <b>bold</b> &amp; &lt;\n"
    "$$x^2$$ ${alert(3)} {{constructor}} {% raw %} [link](https://example.org) ![x](y) "
    "http://example.org "
    "www.a.org @me\n"
    "| a | b |\n\u202eright to left\u202c \x1b[31mred\x1b[0m tab\there 'single' \"double\" \ue000"
)


def make_article(text: str, **known: str) -> Article:
    return Article(
        id=known.pop("id", "a.txt"),
        title=known.pop("title", "A title"),
        text=text,
        sha256="0" * 64,
        **known,
    )


def make_answer(
    text: str, span: Span, answer: Span | None = None, status: Status = "answered", **known: str
) -> Answer:
    article = make_article(text, **known)
    quotes = (Quote(article, *span, paragraph=3, score=0.8, answer=answer),)
    passage = Passage(article, 0, len(text), (Sentence(0, len(text), 1),))
    is_answered = status == "answered"
    return Answer(
        question="What <now>?",
        searched="What <now>?",
        status=status,
        confidence=0.8,
        quotes=quotes if is_answered else (),
        nearest=() if is_answered else quotes,
        hits=(Hit(passage, 1.25),),
        generation=7,
        seconds={"encode": 0.0104, "search": 0.002, "read": 0.21},
    )


class Shown(HTMLParser):
    """What a browser would show of a piece of HTML, and what is in it."""

    def __init__(self, html: str, only: str = ""):
        super().__init__(convert_charrefs=True)
        self.only, self.depth = only, 0
        self.text, self.tags, self.attributes = "", [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "input" and (self.depth or self.only in dict(attrs).get("class", "").split()):
            self.depth += 1

    def handle_endtag(self, tag):
        self.depth = max(0, self.depth - 1)

    def handle_data(self, data):
        if self.depth or not self.only:
            self.text += data


@st.composite
def texts_with_quotes(draw):
    text = draw(ANY_TEXT.filter(lambda text: len(text) > 2))
    start, end = sorted(
        draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=2, unique=True))
    )
    inner = sorted(draw(st.lists(st.integers(start, end), min_size=2, max_size=2)))
    return text, Span(start, end), Span(*inner)


# -- JSON ------------------------------------------------------------------------------------------


def test_json_has_the_agreed_schema():
    text = "One. The meeting was about weapons: missiles. Three."
    answer = make_answer(
        text, Span(5, 45), Span(27, 34), id="dir/a.txt", author="Ann", language="en"
    )
    assert render.answer_to_json(answer) == {
        "question": "What <now>?",
        "searched": "What <now>?",
        "status": "answered",
        "confidence": 0.8,
        "quotes": [
            {
                "text": "The meeting was about weapons: missiles.",
                "start": 5,
                "end": 45,
                "prefix": "One. ",
                "suffix": " Three.",
                "answer": {"text": "weapons", "start": 27, "end": 34},
                "score": 0.8,
                "paragraph": 3,
                "article": {
                    "id": "dir/a.txt",
                    "title": "A title",
                    "author": "Ann",
                    "date": None,
                    "url": None,
                    "language": "en",
                    "sha256": "0" * 64,
                },
            }
        ],
        "seconds": {"encode": 0.0104, "search": 0.002, "read": 0.21},
        "generation": 7,
    }


@pytest.mark.parametrize("status", ["unanswered", "off_topic"])
def test_json_of_silence_offers_the_nearest_and_no_quotes(status):
    value = render.answer_to_json(make_answer("Some words.", Span(0, 11), status=status))
    assert (value["quotes"], [quote["text"] for quote in value["nearest"]]) == ([], ["Some words."])


def test_json_of_hits_has_the_agreed_schema():
    answer = make_answer("Some words.", Span(0, 11))
    assert render.hits_to_json("words", answer.hits) == {
        "query": "words",
        "hits": [
            {
                "text": "Some words.",
                "start": 0,
                "end": 11,
                "score": 1.25,
                "paragraph": 1,
                "article": render.article_to_json(answer.quotes[0].article),
            }
        ],
    }


def test_copies_in_other_articles_are_named():
    article, other = make_article("Same."), make_article("Same.", id="b.txt", title="Other")
    quote = Quote(article, 0, 5, 1, 0.9, also_in=(Quote(other, 0, 5, 2, 0.9),))
    assert [copy["article"]["id"] for copy in quote_to_json(quote)["also_in"]] == ["b.txt"]


@pytest.mark.parametrize(
    ("score", "word"),
    [
        (0.6, "likely answer"),
        (0.599, "possible answer"),
        (0.25, "possible answer"),
        (0.249, "weak match"),
        (0, "weak match"),
    ],
)
def test_scores_have_words(score, word):
    assert render.strength(score) == word


def test_annotations_select_the_quote_and_within_it_the_answer():
    text = "One. The meeting was about weapons: missiles. Three."
    value = render.answer_to_annotations(make_answer(text, Span(5, 45), Span(27, 34), id="a b.txt"))
    (annotation,) = value["first"]["items"]
    exact, position = annotation["target"]["selector"]
    assert annotation["target"]["source"]["id"] == "urn:article:a%20b.txt"
    assert exact == {
        "type": "TextQuoteSelector",
        "exact": text[5:45],
        "prefix": "One. ",
        "suffix": " Three.",
    }
    assert (position["start"], position["end"]) == (5, 45)
    quoted = text[position["start"] : position["end"]]
    assert quoted[position["refinedBy"]["start"] : position["refinedBy"]["end"]] == "weapons"


# -- text ------------------------------------------------------------------------------------------


def test_text_has_the_quote_and_its_source():
    answer = make_answer(
        "The meeting was about weapons.", Span(0, 30), Span(22, 29), author="Ann", date="2024-01-02"
    )
    assert render.answer_to_text(answer) == (
        "“The meeting was about weapons.”\n"
        "  A title, Ann, 2024-01-02, paragraph 3 (likely answer, 0.80)"
    )


def test_text_is_coloured_only_when_asked():
    answer = make_answer("The meeting was about weapons.", Span(0, 30), Span(22, 29))
    assert "\x1b" not in render.answer_to_text(answer)
    assert "about \x1b[1mweapons\x1b[0m." in render.answer_to_text(answer, color=True)


def test_text_of_silence_says_which_silence_it_is():
    shown = {
        s: render.answer_to_text(make_answer("Some words.", Span(0, 11), status=s))
        for s in ("unanswered", "off_topic")
    }
    assert shown["unanswered"].startswith(
        "The articles speak of this, but do not answer the question.\n\nNearest to it:"
    )
    assert shown["off_topic"].startswith("The articles do not speak of this.")


@given(texts_with_quotes())
def test_an_article_cannot_command_a_terminal(case):
    text, span, inner = case
    answer = make_answer(text, span, inner, title=text)
    shown = render.answer_to_text(answer) + render.hits_to_text(answer.hits)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)


# -- HTML ------------------------------------------------------------------------------------------


@given(ANY_TEXT)
def test_escaped_html_shows_exactly_the_text(text):
    # A parser, like a browser, shows NUL and a few other characters as something else, escaped or
    # not.
    text = re.sub(r"[\x00-\x08\x0b-\x0d\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]", "", text)
    escaped = render.escape_html(text)
    assert Shown(f'<p title="{escaped}">{escaped}</p>').text == text
    assert not set("<>\"'`{}$\n\t\r") & set(escaped)


@given(texts_with_quotes())
def test_cards_show_the_quote_word_for_word_with_nothing_of_its_own(case):
    text, span, inner = case
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", " ", text)
    answer = make_answer(text, span, inner, title=text, author=text)
    shown = Shown(render.answer_to_html(answer), only="qa-words")
    assert shown.text == text[span.start : span.end]
    assert set(shown.tags) <= {
        "div", "blockquote", "strong", "p", "bdi", "span", "button", "details", "summary", "dl",
        "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "b",
    }  # fmt: skip
    assert {name for name, _ in shown.attributes} <= {"class", "id", "dir", "title"}


def test_hostile_text_stands_in_a_card_as_it_is():
    answer = make_answer(HOSTILE, Span(0, len(HOSTILE)), Span(2, 7), title=HOSTILE)
    html = render.answer_to_html(answer)
    assert Shown(html, only="qa-words").text == HOSTILE
    assert "\n" not in html
    assert "\t" not in html
    assert Shown(html, only="qa-cite").text == cite(render.answer_to_json(answer)["quotes"][0])


def test_a_card_leads_to_its_quote_and_the_others_of_the_article():
    answer = make_answer("One. Two. Three.", Span(5, 9), Span(5, 8), id="x/<y>.txt")
    assert json.loads(
        Shown(render.answer_to_html(answer), only="qa-card").text.split("Copy")[1].split("“")[0]
    ) == {
        "article": "x/<y>.txt",
        "start": 5,
        "end": 9,
        "sha256": "0" * 64,
        "marks": [[5, 9, 5, 8]],
    }


def test_silence_looks_unlike_an_answer_and_says_what_there_is():
    unanswered = render.answer_to_html(make_answer("Some words.", Span(0, 11), status="unanswered"))
    off_topic = render.answer_to_html(
        make_answer("Some words.", Span(0, 11), status="off_topic", title="<Bees>")
    )
    assert "Not answered in your articles" in Shown(unanswered).text
    assert "Some words." in Shown(unanswered, only="qa-words").text
    assert "Not in your articles" in Shown(off_topic).text
    assert Shown(off_topic, only="qa-holdings").text.startswith('<Bees>{"article": "a.txt"')
    assert "Ask in other words" in Shown(off_topic, only="qa-advice").text
    for html in (unanswered, off_topic):
        assert "qa-strength" not in html
        assert "qa-silent" in html


def make_quotes(counts: dict[str, int]) -> Answer:
    """An answer with so many quotes from each article."""
    answer = make_answer("Some words.", Span(0, 11))
    quotes = tuple(
        Quote(make_article("Some words. " * 9, id=name, title=name), 12 * n, 12 * n + 11, 1, 0.8)
        for name, count in counts.items()
        for n in range(count)
    )
    return replace(answer, quotes=quotes)


def test_three_quotes_from_one_article_stand_together_under_its_title():
    grouped = Shown(render.answer_to_html(make_quotes({"Bees": 3, "Wasps": 2})), only="qa-group")
    assert grouped.text.startswith("3 quotes from Bees")
    assert "Wasps" not in grouped.text
    assert "qa-group" not in render.answer_to_html(make_quotes({"Bees": 2, "Wasps": 2}))


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (0.9, "likely answer: this sentence probably answers the question"),
        (POSSIBLY, "possible answer: this sentence may answer the question"),
        (0.01, "weak match: on the subject, and probably no answer to the question"),
    ],
)
def test_a_card_says_in_words_how_strong_its_quote_is(score, words):
    answer = make_answer("Some words.", Span(0, 11))
    answer = replace(answer, quotes=(replace(answer.quotes[0], score=score),))
    assert Shown(render.answer_to_html(answer), only="qa-strength").text == words


def test_words_are_said_in_the_language_that_is_spoken():
    answer = make_answer("Some words.", Span(0, 11))
    with speaking({"Copy": "Kopieren", "paragraph {number}": "Absatz {number}"}):
        shown = Shown(render.answer_to_html(answer)).text
    assert "Kopieren" in shown
    assert "Absatz 3" in shown
    assert "Kopieren" not in render.answer_to_html(answer)


@pytest.mark.parametrize(
    ("text", "found"),
    [("(1) abc", "ltr"), ("«متى", "rtl"), ("12 שלום a", "rtl"), ("12", "ltr"), ("", "ltr")],
)
def test_direction_is_that_of_the_first_letter(text, found):
    assert render.direction(text) == found


# -- Markdown --------------------------------------------------------------------------------------


def read_markdown(markdown: str) -> Shown:
    return Shown(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))


def squeeze(text: str) -> str:
    return " ".join(text.replace("\xa0", " ").split())


@given(ANY_TEXT)
def test_escaped_markdown_reads_as_the_text(text):
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", " ", text)
    shown = read_markdown(render.escape_markdown(text))
    assert squeeze(shown.text) == squeeze(text)
    assert set(shown.tags) <= {"p", "br"}  # two spaces end a line


@given(texts_with_quotes())
def test_markdown_quotes_word_for_word(case):
    text, span, inner = case
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", " ", text)
    markdown = render.answer_to_markdown(make_answer(text, span, inner, title="T"))
    shown = read_markdown(markdown.rpartition("\n\n— ")[0])
    assert squeeze(shown.text) in (squeeze(text[span.start : span.end]),)
    assert set(shown.tags) <= {"blockquote", "p", "strong", "b", "br"}


def test_markdown_has_the_answer_bold_and_the_source():
    answer = make_answer(
        "It was about weapons.",
        Span(0, 21),
        Span(13, 20),
        author="Ann",
        url="https://example.org/a_b",
    )
    assert render.answer_to_markdown(answer) == (
        "> It was about **weapons**.\n\n— A title, Ann, paragraph 3 (likely answer, 0.80), "
        "<https://example.org/a_b>\n"
    )


# -- a conversation to keep ------------------------------------------------------------------------


def test_a_saved_conversation_has_all_it_takes_to_find_every_quote():
    answers = [
        render.answer_to_json(make_answer(HOSTILE, Span(0, 40), Span(2, 7))),
        render.answer_to_json(make_answer("Some words.", Span(0, 11), status="off_topic")),
    ]
    value = render.conversation_to_json(answers, saved="2026-01-02T03:04:05+00:00")
    assert json.loads(json.dumps(value))["answers"] == answers
    (annotation,) = value["annotations"]
    assert annotation["target"]["selector"][0]["exact"] == HOSTILE[:40]
    markdown = render.conversation_to_markdown(answers, saved="2026-01-02")
    assert markdown.count("\n## What \\<now\\>?\n") == 2
    assert f"[0, 40) sha256 `{'0' * 64}`" in markdown
    assert "script" not in read_markdown(markdown).tags


# -- the source beside the chat --------------------------------------------------------------------


@given(texts_with_quotes())
def test_the_source_shows_the_text_as_it_stands(case):
    text, span, inner = case
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", " ", text)
    html, window = render.source_to_html(make_article(text), [render.Mark(*span, *inner)])
    assert Shown(html).text == text[window.start : window.end]
    assert window.start <= span.start
    assert window.end >= span.end
    assert html.count('id="hit"') <= 1


def test_every_quote_of_an_article_is_marked_and_the_wanted_one_named():
    text = "One two.\n\nThree four. Five six.\n\nSeven."
    marks = [render.Mark(0, 8, 4, 7), render.Mark(22, 31)]
    html, _ = render.source_to_html(make_article(text), marks, current=1)
    assert '<mark class="qa-other">One <strong>two</strong>.</mark>' in html
    assert '<mark class="qa-current" id="hit" tabindex="-1">Five six.</mark>' in html


def test_a_mark_may_run_over_paragraphs():
    text = "One two.\n\nThree four."
    html, _ = render.source_to_html(make_article(text), [render.Mark(4, 15)])
    assert re.findall(r'<mark class="qa-current"(.*?)>(.*?)</mark>', html) == [
        (' id="hit" tabindex="-1"', "two."),
        ("", "Three"),
    ]


def test_long_articles_are_windowed_around_the_mark():
    text = "\n\n".join(f"Paragraph {n} says a little." for n in range(5000))
    start = text.index("Paragraph 2500 ")
    html, window = render.source_to_html(make_article(text), [render.Mark(start, start + 14)])
    assert html.count("<p ") == 81
    assert Shown(html).text == text[window.start : window.end]


def test_endless_lines_are_windowed_too():
    text = "word " * 200_000
    html, window = render.source_to_html(make_article(text), [render.Mark(500_000, 500_004)])
    assert window.end - window.start < 41_000
    assert Shown(html).text == text[window.start : window.end]
    assert text[window.start - 1].isspace()


def test_front_matter_is_left_out_of_the_source():
    text = "---\ntitle: A\n---\nBody."
    html, window = render.source_to_html(Article("a", "A", text, "0", body_start=17))
    assert (Shown(html).text, window) == ("Body.", Span(17, 22))


def test_page_label_and_section_are_told_wherever_a_quote_is_shown():
    text = "Geese fly south in winter."
    layout = Layout(
        blocks=(BlockRow(0, 26, section=1),),
        sections=(SectionRow("Birds", -1), SectionRow("Geese", 0)),
        lines=(LineRow(0, 26, 1, 40, 26),),
        labels=("i", "ii"),
    )
    origin = Origin("PDF", "pdf 1", "0" * 64, layout.pack())
    article = replace(make_article(text, url="https://example.org/b.pdf"), origin=origin)
    answer = replace(
        make_answer(text, Span(0, 26)), quotes=(Quote(article, 0, 26, paragraph=3, score=0.8),)
    )
    place = "p. 2 (printed ii), Birds > Geese"
    assert f"A title, {place} (" in render.answer_to_text(answer)
    assert "p. 2 (printed ii), Birds \\> Geese" in render.answer_to_markdown(answer)
    assert "<https://example.org/b.pdf#page=2>" in render.answer_to_markdown(answer)
    quote = render.answer_to_json(answer)["quotes"][0]
    assert quote["place"] == {
        "text": place,
        "page": 2,
        "label": "ii",
        "section": ["Birds", "Geese"],
    }
    assert cite(quote).endswith(f"{place}, https://example.org/b.pdf#page=2")
    (item,) = render.answer_to_annotations(answer)["first"]["items"]
    assert item["target"]["selector"][2] == {
        "type": "FragmentSelector",
        "conformsTo": "http://tools.ietf.org/rfc/rfc3778",
        "value": "page=2",
    }
