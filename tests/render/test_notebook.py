import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa import Answer, Answerer, Hit, Quote, Retriever
from qa.encoder.onnx import OnnxEncoder
from qa.render import escape_html
from qa.types import Article, Passage, Sentence, Span


class Parsed(HTMLParser):
    """The words that a browser would show, and the names of elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: set[str] = set()
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        if self.names[-1] != "style":
            self.words += data


def show(value: Answer | Hit | Quote) -> Parsed:
    html = value._repr_html_()
    assert html is not None
    return Parsed(html)


def make_quote(text: str, title: str = "T") -> Quote:
    return Quote(Article("a", title, text, "0" * 64), 0, len(text), 1, 0.9)


@pytest.fixture(scope="module")
def answerer(sample_index: Path, encoder: OnnxEncoder) -> Answerer:
    return Answerer(Retriever.load(sample_index, encoder=encoder))


def test_an_answer_shows_its_quotes_as_cards_with_the_answering_words_bold(answerer: Answerer):
    answer = answerer.answer("What was the meeting about?")
    html = answer._repr_html_() or ""
    assert html.count('class="qa-card"') == len(answer.quotes)
    first = answer.quotes[0]
    assert first.answer is not None
    words = first.article.text[first.answer.start : first.answer.end]
    assert f"<strong>{escape_html(words)}</strong>" in html
    assert show(answer).words.startswith(answer.quotes[0].text)
    assert "The Damascus meeting · Helen Marsh · paragraph 4 · likely answer" in show(answer).words


def test_silence_is_shown_with_what_comes_closest(answerer: Answerer):
    answer = answerer.answer("What is the boiling point of tungsten?")
    shown = show(answer)
    assert shown.words.startswith("Not in your articlesClosest sentences")
    assert answer.nearest[0].text in shown.words
    assert "strong" not in re.sub(r"^strong", "", " ".join(shown.names[3:]))


def test_a_notice_is_shown(answerer: Answerer):
    assert "The Damascus meeting" in show(answerer.answer("Which articles do you have?")).words


def test_a_passage_is_shown_whole():
    article = Article("a", "Rain", "It rained.\n\nIt shone.", "0" * 64)
    hit = Hit(Passage(article, 0, 21, (Sentence(0, 10, 1), Sentence(12, 21, 2))), 1.0)
    assert show(hit).words == "It rained.\n\nIt shone.Rain · paragraph 1"
    assert str(hit) == "Rain, paragraph 1 (1.00)\n  It rained.\n\n  It shone."


@given(st.text(min_size=1), st.text())
def test_nothing_in_an_article_is_interpreted(text: str, title: str):
    hostile = f"<script>alert(1)</script>{text}<img src=x onerror=alert(1)>"
    shown = show(make_quote(hostile, f"</style>{title}"))
    assert set(shown.names) <= {"div", "style", "blockquote", "p", "bdi", "span"}
    assert shown.attributes <= {"class", "dir"}
    expected = f"{hostile}</style>{title} · paragraph 1 · likely answer"
    assert shown.words == expected


def test_without_html_they_show_as_text(answerer: Answerer):
    answer = answerer.answer("What was the meeting about?")
    assert str(answer).startswith(f"“{answer.quotes[0].text}”")
    quote = make_quote("It rained.", "Rain")
    assert str(quote) == f"{quote}" == "“It rained.”\n— Rain, paragraph 1"
    assert repr(quote).startswith("Quote(article=")

    class Printer:
        told = ""

        def text(self, words: str) -> None:
            self.told += words

    printer = Printer()
    quote._repr_pretty_(printer, cycle=False)
    assert printer.told == str(quote)


def test_words_that_answer_are_marked_within_the_quote():
    article = Article("a", "T", "Then it rained.", "0" * 64)
    quote = Quote(article, 5, 15, 1, 0.9, Span(8, 14))
    assert "it <strong>rained</strong>." in (quote._repr_html_() or "")
