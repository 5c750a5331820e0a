"""Quotes and hits -> flat metadata for documents of other libraries."""

from collections.abc import Iterator, Mapping
from typing import Any

from qa.errors import ExtraMissing
from qa.render.data import HitJson, QuoteJson, hit_to_json, quote_to_json
from qa.types import PRESENTED, Answer, Hit, Quote

_LEFT_OUT = {"text", "also_in"}
READABLE = ("title", "author", "date", "page", "section")
"""Metadata that a language model is shown; the rest is for programs."""


def describe(found: Quote | Hit) -> dict[str, Any]:
    """Properties of a quote or hit without its text, as plain values: those of its article, offsets
    in the article's text, score; `answer_start` and `answer_end` if a reader found the answering
    words; page and section if the file has them.
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
    """An id for a quote or hit: the article's, with the range of characters as in RFC 5147."""
    return f"{metadata['id']}#char={metadata['start']},{metadata['end']}"


def shown_quotes(answer: Answer) -> tuple[Quote, ...]:
    """The quotes shown as an answer; none if the question is not answered, or was no question."""
    return answer.quotes if answer.status in PRESENTED else ()


def extra_missing(extra: str) -> ExtraMissing:
    """The error for a library that is not installed."""
    return ExtraMissing(f"{extra} is not installed: run `pip install 'article-qa[{extra}]'`")
