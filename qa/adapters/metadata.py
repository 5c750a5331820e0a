"""Quotes and hits -> flat metadata, as documents of other libraries carry it."""

from collections.abc import Iterator, Mapping
from typing import Any

from qa.errors import ExtraMissing
from qa.render.data import HitJson, QuoteJson, hit_to_json, quote_to_json
from qa.types import PRESENTED, Answer, Hit, Quote

_LEFT_OUT = {"text", "also_in"}
READABLE = ("title", "author", "date", "page", "section")
"""What a language model may be told of a source; the rest is for programs."""


def describe(found: Quote | Hit) -> dict[str, Any]:
    """What is known of a quote or a hit, without its text, as plain values by name: those of its
    article, offsets in the article's text, score; `answer_start` and `answer_end` where a reader
    found the words that answer, and page and section where the file has them.
    """
    value = quote_to_json(found) if isinstance(found, Quote) else hit_to_json(found)
    return dict(_flatten(value))


def _flatten(value: QuoteJson | HitJson) -> Iterator[tuple[str, Any]]:
    for name, part in value.items():
        if name == "answer":
            yield "answer_start", part["start"] if isinstance(part, Mapping) else None
            yield "answer_end", part["end"] if isinstance(part, Mapping) else None
        elif isinstance(part, Mapping):  # the article, and the place in a file with pages
            yield from part.items()
        elif name not in _LEFT_OUT:
            yield name, part


def identify(metadata: Mapping[str, Any]) -> str:
    """An id of its own for each place: the article's, and its characters as RFC 5147 counts
    them.
    """
    return f"{metadata['id']}#char={metadata['start']},{metadata['end']}"


def shown_quotes(answer: Answer) -> tuple[Quote, ...]:
    """The quotes that are given as the answer: none where the articles do not answer, or where
    nothing was asked of them.
    """
    return answer.quotes if answer.status in PRESENTED else ()


def extra_missing(extra: str) -> ExtraMissing:
    """That a library is not installed, and how it is."""
    return ExtraMissing(f"{extra} is not installed: run `pip install 'article-qa[{extra}]'`")
