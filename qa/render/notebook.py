"""Answers, quotes and passages -> HTML cards in a notebook, or text in a terminal.

Cards look like the page's, without its buttons and scripts. Importing this module sets how
`Answer`, `Quote` and `Hit` are shown.
"""

from collections.abc import Sequence
from typing import Any

from qa.render.data import (
    QuoteJson,
    answer_to_json,
    cite,
    hit_to_json,
    name_copies,
    quote_to_json,
    strength,
)
from qa.render.html import direction, escape_html, mark_words, meta_line, notice_to_html
from qa.render.text import answer_to_text, hits_to_text, printable
from qa.types import NONE_CHOSEN, PRESENTED, SILENT, Answer, Hit, Quote, Shown

_STYLE = (
    "<style>"
    ".qa-notebook{max-width:46rem;display:grid;gap:.6rem;font-size:14px;line-height:1.5}"
    ".qa-notebook p,.qa-notebook blockquote,.qa-notebook ul{margin:0;padding:0;border:0}"
    ".qa-notebook .qa-card{border:1px solid #8884;border-radius:12px;padding:.8rem 1rem}"
    ".qa-notebook .qa-words{font:400 1.15em/1.5 Charter,Georgia,'Noto Serif',serif;"
    "white-space:pre-wrap;overflow-wrap:anywhere;color:inherit}"
    ".qa-notebook .qa-words strong{background:linear-gradient(transparent 62%,#e8b90066 62%)}"
    ".qa-notebook .qa-meta,.qa-notebook .qa-also,.qa-notebook .qa-note{opacity:.75}"
    ".qa-notebook .qa-meta{margin-top:.5rem}"
    "</style>"
)
_VERDICTS = {
    "possibly": "Possibly answered in your articles",
    "unanswered": "Not answered in your articles",
    "off_topic": "Not in your articles",
}


def answer_to_cards(answer: Answer) -> str:
    """An answer as HTML for a notebook: its quotes, or that there are none and the closest
    sentences.
    """
    value = answer_to_json(answer)
    quotes = value.get("nearest", []) if answer.status in SILENT else value["quotes"]
    verdict = None if answer.notice == NONE_CHOSEN else _VERDICTS.get(answer.status)
    head = f'<p class="qa-verdict"><strong>{verdict}</strong></p>' if verdict else ""
    lead = '<p class="qa-note">Closest sentences</p>' if answer.status in SILENT and quotes else ""
    is_answer = answer.status in PRESENTED
    cards = [_card(quote, is_answer=is_answer) for quote in quotes]
    return _wrap([notice_to_html(answer.notice), head, lead, *cards])


def quote_to_card(quote: Quote) -> str:
    """A quote as HTML for a notebook."""
    return _wrap([_card(quote_to_json(quote), is_answer=True)])


def hit_to_card(hit: Hit) -> str:
    """A passage as HTML for a notebook."""
    value = hit_to_json(hit)
    return _wrap([_frame(value["text"], escape_html(value["text"]), meta_line(value), "")])


def _card(quote: QuoteJson, *, is_answer: bool) -> str:
    words = quote["answer"] if is_answer else None
    start, end = (
        (words["start"] - quote["start"], words["end"] - quote["start"]) if words else (0, 0)
    )
    strong = f'<span class="qa-dot"> · </span><span>{strength(quote["score"])}</span>'
    titles = ", ".join(f"<bdi>{escape_html(name)}</bdi>" for name in name_copies(quote))
    return _frame(
        quote["text"],
        mark_words(quote["text"], start, end),
        meta_line(quote) + (strong if is_answer else ""),
        f'<p class="qa-also">Also in {titles}</p>' if titles else "",
    )


def _frame(text: str, words: str, meta: str, also: str) -> str:
    return (
        f'<div class="qa-card"><blockquote class="qa-words" dir="auto">{words}</blockquote>'
        f'<p class="qa-meta" dir="{direction(text)}">{meta}</p>{also}</div>'
    )


def _wrap(parts: Sequence[str]) -> str:
    return f'<div class="qa-notebook">{_STYLE}{"".join(parts)}</div>'


def _to_html(value: Any) -> str:
    if isinstance(value, Answer):
        return answer_to_cards(value)
    return quote_to_card(value) if isinstance(value, Quote) else hit_to_card(value)


def _to_text(value: Any) -> str:
    if isinstance(value, Answer):
        return answer_to_text(value)
    return (
        printable(cite(quote_to_json(value))) if isinstance(value, Quote) else hits_to_text([value])
    )


Shown.show_by(html=_to_html, text=_to_text)
