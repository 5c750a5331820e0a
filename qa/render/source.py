"""Article -> HTML of the part around a place, with quotes marked: the page's source panel.

The text on the page is the article's, character for character: blocks are wrapped in elements and
the white space between them is kept, so what a browser selects and copies is what the file holds.
Long articles are shown in windows.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from qa.articles.blocks import Block, find_blocks
from qa.places import CODE, ROW
from qa.render.html import escape_html
from qa.types import Article, Span

WINDOW_BLOCKS = 40
"""Paragraphs shown on each side of the place; 5,000 at once take a browser seconds."""
WINDOW_CHARS = 20_000
"""The same in characters, for articles with endless lines."""
_PRINTED = {CODE: " qa-code", ROW: " qa-row"}
"""Kinds of blocks whose lines and columns mean something."""
LONGEST_WORD = 200
"""How far to look for the end of a word at the edge of a window, in characters."""


class Mark(NamedTuple):
    """A quote to mark, and the words in it that answer (an empty range where there are none)."""

    start: int
    end: int
    answer_start: int = 0
    answer_end: int = 0


def source_to_html(
    article: Article, marks: Sequence[Mark] = (), *, current: int = 0, window: Span | None = None
) -> tuple[str, Span]:
    """HTML of an article's window, and that window.

    Args:
        article: what to show.
        marks: quotes in it.
        current: number of the mark that the person asked for; it gets the id "hit".
        window: characters to show at least; chosen around the current mark unless given.
    """
    blocks = find_blocks(article)
    focus = marks[current] if current < len(marks) else Mark(article.body_start, article.body_start)
    shown = window or choose_window(article, blocks, focus)
    pieces = "".join(_blocks_to_html(article, blocks, shown, marks, focus))
    return pieces, shown


def reference_to(
    article: Article,
    place: Mark | None,
    marks: Sequence[Mark],
    *,
    window: Span | None = None,
    **more: int,
) -> str:
    """Where a button leads, as escaped JSON; to the beginning of the article where no place is
    given.
    """
    value: dict[str, object] = {
        "article": article.id,
        "sha256": article.sha256,
        "marks": [list(mark) for mark in marks],
    }
    if place:
        value |= {"start": place.start, "end": place.end}
    if window:
        value["window"] = list(window)
    value |= more
    return escape_html(json.dumps(value))


def choose_window(article: Article, blocks: Sequence[Block], focus: Mark) -> Span:
    """Characters to show around a mark: whole blocks, unless a block alone is too long."""
    if not blocks:
        return Span(article.body_start, len(article.text))
    at = max(0, bisect_right(blocks, focus.start, key=lambda block: block.start) - 1)
    until = bisect_left(blocks, max(focus.end, focus.start + 1), key=lambda block: block.end)
    first, last = max(0, at - WINDOW_BLOCKS), min(len(blocks) - 1, until + WINDOW_BLOCKS)
    start = blocks[first].start if first else article.body_start
    end = blocks[last].end if last < len(blocks) - 1 else len(article.text)
    return widen(
        article, Span(max(start, focus.start - WINDOW_CHARS), min(end, focus.end + WINDOW_CHARS))
    )


def widen(article: Article, window: Span, *, before: int = 0, after: int = 0) -> Span:
    """A window moved outwards by so many characters and to the next break between words, within the
    article's body.
    """
    text = article.text
    start = farthest = max(article.body_start, window.start - before)
    while (
        start > max(article.body_start, farthest - LONGEST_WORD) and not text[start - 1].isspace()
    ):
        start -= 1
    end = farthest = min(len(text), window.end + after)
    while end < min(len(text), farthest + LONGEST_WORD) and not text[end].isspace():
        end += 1
    return Span(start, end)


def _blocks_to_html(
    article: Article, blocks: Sequence[Block], window: Span, marks: Sequence[Mark], focus: Mark
) -> Iterator[str]:
    text = article.text
    rows = article.origin.layout.blocks if article.origin else ()
    as_printed = {row.start: _PRINTED[row.kind] for row in rows if row.kind in _PRINTED}
    at = window.start
    first = bisect_right(blocks, window.start, key=lambda block: block.end)
    for block in blocks[first:]:
        if block.start >= window.end:
            break
        start, end = max(block.start, window.start), min(block.end, window.end)
        yield escape_html(text[at:start])
        # A block of several lines was wrapped by hand: it flows; all else stands as it is.
        form = as_printed.get(block.start) or (" qa-flow" if "\n" in text[start:end] else "")
        yield f'<p class="qa-{block.kind}{form}" dir="auto">'
        yield "".join(_marked(text, Span(start, end), marks, focus))
        yield "</p>"
        at = end
    yield escape_html(text[at : window.end])


def _marked(text: str, span: Span, marks: Sequence[Mark], focus: Mark) -> Iterator[str]:
    edges = {edge for mark in marks for edge in mark[:2] if span.start < edge < span.end}
    for start, end in pairwise(sorted({*span, *edges})):
        over = [mark for mark in marks if mark.start <= start and end <= mark.end]
        if not over:
            yield escape_html(text[start:end])
            continue
        name = ' id="hit" tabindex="-1"' if start == focus.start else ""
        words = "".join(_bold(text, Span(start, end), over))
        yield f'<mark class="{"qa-current" if focus in over else "qa-other"}"{name}>{words}</mark>'


def _bold(text: str, span: Span, marks: Sequence[Mark]) -> Iterator[str]:
    edges = {edge for mark in marks for edge in mark[2:] if span.start < edge < span.end}
    for start, end in pairwise(sorted({*span, *edges})):
        words = escape_html(text[start:end])
        is_answer = any(mark.answer_start <= start and end <= mark.answer_end for mark in marks)
        yield f"<strong>{words}</strong>" if is_answer else words
