"""Where a person wants to read (a click, an address) -> the article beside the chat, at that
place.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count
from typing import Any

from qa.page import html
from qa.page.service import Service
from qa.render import Mark
from qa.render.words import say
from qa.types import Article, Span

MAX_MARKS = 100
MAX_FIND_CHARS = 200
_numbers = count(1)
CHANGED = "This article has changed since it was quoted; the marked place may not be the right one."


def find_place(service: Service, wanted: Mapping[str, Any]) -> str:
    """HTML of the article that a button refers to; see `qa.render.source.reference_to` for what it
    says.
    """
    article = service.get_article(str(wanted.get("article", "")))
    if article is None:
        return _anew(
            html.no_source(
                say("This article is no longer in the index. It may have been removed or renamed.")
            )
        )
    words = wanted.get("find")
    if isinstance(words, str) and words.strip():
        return _anew(_find_words(article, words.strip(), wanted.get("number")))
    marks, current = _read_marks(article, wanted)
    window = _read_span(article, wanted.get("window"))
    changed = wanted.get("sha256") not in (None, article.sha256)
    return _anew(
        html.source(
            article,
            marks,
            current=current,
            window=window,
            notice=say(CHANGED) if changed else "",
            page=_draw_page(service, article, marks, current, wanted),
        )
    )


def _draw_page(
    service: Service,
    article: Article,
    marks: Sequence[Mark],
    current: int,
    wanted: Mapping[str, Any],
) -> str:
    """The page of a PDF on which the current mark stands, or the one that was leafed to."""
    if current >= len(marks):
        return ""
    mark = Span(marks[current].start, marks[current].end)
    place = article.find_place(*mark)
    if place is None or place.page is None:
        return ""
    page, zoom = wanted.get("page", place.page), wanted.get("zoom", 1)
    if type(page) is not int or type(zoom) is not int or not 1 <= zoom <= html.MAX_ZOOM:
        return ""
    drawn = service.draw_page(article, mark, page=page, width=900 * zoom)
    return html.page_picture(article, marks, current, drawn, zoom=zoom) if drawn else ""


def _find_words(article: Article, words: str, number: object) -> str:
    """The article at one of the places where words stand, capitals aside; those around it are
    marked, too.
    """
    places = [
        Mark(*match.span())
        for match in re.compile(re.escape(words[:MAX_FIND_CHARS]), re.IGNORECASE).finditer(
            article.text, article.body_start
        )
    ]
    at = number % len(places) if places and type(number) is int else 0
    first = max(0, at - MAX_MARKS // 2)
    shown = places[first : first + MAX_MARKS]
    search = html.WordSearch(words, at, len(places))
    return html.source(article, shown, current=at - first, search=search)


def find_in_address(service: Service, query: Mapping[str, str]) -> str:
    """The same for `?article=...&start=...&end=...`; nothing for an address without an article."""
    if "article" not in query:
        return ""
    wanted: dict[str, Any] = {"article": query["article"]}
    with suppress(ValueError):
        wanted |= {name: int(query[name]) for name in ("start", "end") if name in query}
    return find_place(service, wanted)


def _read_marks(article: Article, wanted: Mapping[str, Any]) -> tuple[list[Mark], int]:
    """The marks, and which of them is meant; whatever is out of the article is left out."""
    found = wanted.get("marks")
    spans = [
        _read_mark(article, value)
        for value in (found if isinstance(found, list) else [])[:MAX_MARKS]
    ]
    marks = sorted({mark for mark in spans if mark})
    place = _read_span(article, [wanted.get("start"), wanted.get("end")])
    if place is None:
        return marks, len(marks)
    current = next((n for n, mark in enumerate(marks) if (mark.start, mark.end) == place), None)
    if current is None:
        return [*marks, Mark(*place)], len(marks)
    return marks, current


def _read_mark(article: Article, value: object) -> Mark | None:
    values = value if isinstance(value, list) else []
    quote, answer = _read_span(article, values[:2]), _read_span(article, values[2:4])
    return Mark(*quote, *(answer or ())) if quote else None


def _read_span(article: Article, value: object) -> Span | None:
    if (
        not isinstance(value, Sequence)
        or len(value) != 2
        or not all(type(edge) is int for edge in value)
    ):
        return None
    start, end = value
    return Span(start, end) if article.body_start <= start < end <= len(article.text) else None


def _anew(html: str) -> str:
    """The same HTML, but never twice the same value: a page is only told of values that change."""
    return f"{html}<!-- {next(_numbers)} -->"
