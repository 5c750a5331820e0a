"""The parts of the page that are HTML of our own: header, examples, source, articles, progress."""

import re
from base64 import b64encode
from collections.abc import Sequence
from typing import NamedTuple

from qa.articles.blocks import split_blocks
from qa.page.service import BuildState, Drawn
from qa.render import Mark, direction, escape_html, source_to_html
from qa.render.source import WINDOW_CHARS, reference_to, widen
from qa.types import Article, Span

ARTICLES_HEAD = (
    '<div class="qa-panel-head"><h2 tabindex="-1">Articles</h2>'
    '<button class="qa-plain qa-toggle-off">Close</button></div>'
)
MAX_ZOOM = 3
"""Widths of the panel that the picture of a page may have."""
CONVERSATION = (
    '<div class="bubble-wrap"><div class="message-wrap" role="log" aria-label="Conversation">'
    "</div></div>"
)
MOST_LISTED = 200
"""Articles in the list at once; the search finds the others."""
FEWEST_HEADINGS, MOST_HEADINGS = 3, 200
"""So many beside the title make a table of contents worth having, and so many are listed."""


def header(count: int) -> str:
    """The name of the page and what it is over."""
    held = "No articles yet" if not count else "1 article" if count == 1 else f"{count:,} articles"
    return (
        '<header class="qa-header"><div><h1>Ask your articles</h1>'
        "<p>Answers in their own words. Nothing leaves this machine.</p></div>"
        '<button class="qa-history">Conversations</button>'
        '<button class="qa-toggle" aria-expanded="false" '
        f'aria-controls="articles">{held}</button></header>'
    )


def composer(most_chars: int, passages: int) -> str:
    """The line to write a question in, and what can be done with the conversation above it."""
    tools = (
        ("choose-where", "Which articles?", ""),
        ("anew", "New conversation", " qa-later"),
        ("save-markdown", "Save as Markdown", " qa-later"),
        ("save-json", "Save as JSON", " qa-later"),
    )
    buttons = "".join(
        f'<button type="button" id="{name}" class="qa-tool{more}">{label}</button>'
        for name, label, more in tools
    )
    return (
        '<div id="where" role="group" aria-label="Articles that are asked" hidden></div>'
        '<p id="composer-note" role="status" hidden></p>'
        '<form id="question"><div class="input-container">'
        '<textarea rows="1" aria-label="Your question" placeholder="Ask a question" '
        f'data-most="{most_chars}" data-passages="{passages}"></textarea>'
        '<button type="button" id="stop-asking" hidden>Stop</button>'
        '<button class="submit-button">Ask</button></div></form>'
        f'<div id="tools">{buttons}</div>'
    )


def welcome(questions: Sequence[str] | None, *, has_articles: bool) -> str:
    """What an empty conversation shows: questions that this index answers; None while they are
    looked for.
    """
    if not has_articles:
        return (
            '<div class="qa-welcome"><h2>No articles yet</h2>'
            "<p>Press “No articles yet” at the top and add some: PDF, web pages, Word, text, or "
            "pasted text.</p></div>"
        )
    if questions is None:
        waiting = '<li><span class="qa-example qa-waiting"></span></li>' * 3
        rest = f'<p>For example</p><ul aria-hidden="true">{waiting}</ul>'
    else:
        buttons = (
            f'<button class="qa-example" dir="auto">{escape_html(question)}</button>'
            for question in questions
        )
        rest = "".join(f"<li>{button}</li>" for button in buttons)
        rest = f"<p>For example</p><ul>{rest}</ul>" if rest else ""
    return f'<div class="qa-welcome"><h2>What would you like to know?</h2>{rest}</div>'


def source(
    article: Article,
    marks: Sequence[Mark],
    *,
    current: int = 0,
    window: Span | None = None,
    notice: str = "",
    page: str = "",
    search: "WordSearch | None" = None,
) -> str:
    """An article beside the chat, around its current mark; `page` is what `page_picture` made."""
    text, shown = source_to_html(article, marks, current=current, window=window)
    mark = marks[current] if current < len(marks) else None
    place = article.find_place(mark.start, mark.end) if mark else None
    where = str(place) if place else None
    facts = [part for part in (article.author, article.date, article.id, where) if part]
    meta = ' <span class="qa-dot">·</span> '.join(
        f"<bdi>{escape_html(part)}</bdi>" for part in facts
    )
    lang = f' lang="{escape_html(article.language)}"' if article.language else ""
    earlier = later = ""
    if shown.start > article.body_start:
        wider = widen(article, shown, before=WINDOW_CHARS)
        earlier = _more(article, marks, current, wider, "Show what comes before", "qa-earlier")
    if shown.end < len(article.text):
        wider = widen(article, shown, after=WINDOW_CHARS)
        later = _more(article, marks, current, wider, "Show what follows", "qa-later")
    told = f'<p class="qa-notice" role="status">{escape_html(notice)}</p>' if notice else ""
    return (
        '<section class="qa-source" aria-labelledby="source-title"><div class="qa-source-head">'
        f'<div><h2 id="source-title" dir="auto">{escape_html(article.title)}</h2>'
        f'<p class="qa-meta" dir="{direction(article.title)}">{meta}{_original(article)}</p></div>'
        '<div class="qa-source-tools">'
        f'<button class="qa-ask-this" value="{escape_html(article.id)}">Ask this article</button>'
        '<button class="qa-link" title="Copy a link to this place">Copy link</button>'
        '<button class="qa-print">Print</button>'
        '<button class="qa-close" title="Close the article (Esc)">Close</button></div></div>'
        f"{told}{_reading_tools(article, marks, search)}{page}"
        '<div class="qa-scroll" tabindex="0" role="region" aria-label="Text of the '
        f'article">{earlier}'
        f'<div class="qa-text"{lang}>{text}</div>{later}</div></section>'
    )


def _original(article: Article) -> str:
    """A link to the page on the web that an article was saved from."""
    if not article.url or not re.match(r"https?://", article.url):
        return ""
    address = escape_html(article.url)
    return (
        f' <a class="qa-original" href="{address}" target="_blank" rel="noopener noreferrer">'
        "Open the original</a>"
    )


def page_picture(
    article: Article, marks: Sequence[Mark], current: int, drawn: Drawn, *, zoom: int
) -> str:
    """A page of a PDF as a picture, boxes drawn about the current mark."""
    label = f" (printed {drawn.label})" if drawn.label not in ("", str(drawn.page)) else ""
    told = f"Page {drawn.page}{escape_html(label)} of {drawn.pages}"

    def button(name: str, page: int, to: int, is_there: bool) -> str:
        reference = reference_to(article, marks[current], marks, page=page, zoom=to)
        off = "" if is_there else " disabled"
        return (
            f'<span><button class="qa-open"{off}>{name}</button>'
            f'<span class="qa-hidden qa-ref">{reference}</span></span>'
        )

    boxes = "".join(
        f'<span class="qa-box" style="left:{left:.3%};top:{top:.3%};width:{right - left:.3%};'
        f'height:{bottom - top:.3%}"></span>'
        for left, top, right, bottom in drawn.boxes
    )
    data = b64encode(drawn.picture).decode("ascii")
    return (
        '<div class="qa-page"><div class="qa-page-tools">'
        + button("Previous page", drawn.page - 1, zoom, drawn.page > 1)
        + f"<span>{told}</span>"
        + button("Next page", drawn.page + 1, zoom, drawn.page < drawn.pages)
        + button("Larger", drawn.page, zoom + 1, zoom < MAX_ZOOM)
        + button("Smaller", drawn.page, zoom - 1, zoom > 1)
        + '</div><div class="qa-page-view" tabindex="0" role="region" aria-label="Page as printed">'
        f'<div class="qa-page-sheet" style="width:{100 * zoom}%;'
        f'aspect-ratio:{drawn.shape:.5f}"><img alt="{told}" '
        f'src="data:image/png;base64,{data}">{boxes}</div></div></div>'
    )


class WordSearch(NamedTuple):
    """Words looked for in an article."""

    words: str
    number: int
    """Which of the places is shown, from 0."""
    total: int


def _reading_tools(article: Article, marks: Sequence[Mark], search: WordSearch | None) -> str:
    words = found = ""
    if search:
        words = escape_html(search.words)
        count = f"{search.number + 1} of {search.total:,}" if search.total else "Not found"
        found = (
            f'<span class="qa-count" role="status">{count}</span>'
            f'<button class="qa-find-previous" value="{search.number}" '
            'aria-label="Previous place">↑</button>'
            f'<button class="qa-find-next" value="{search.number}" data-words="{words}" '
            'aria-label="Next place">↓</button>'
        )
    here = reference_to(article, None, [] if search else marks)
    return (
        '<div class="qa-reading-tools"><div class="qa-find" role="search">'
        '<input type="search" aria-label="Find in this article" placeholder="Find in this '
        f'article" value="{words}">{found}<span class="qa-hidden qa-ref">{here}</span></div>'
        '<div class="qa-steps" hidden><button class="qa-previous" aria-label="Previous quote">'
        '←</button><span class="qa-count" role="status"></span><button class="qa-next" '
        f'aria-label="Next quote">→</button></div></div>{_contents(article)}'
    )


def _contents(article: Article) -> str:
    """The headings of a long article, each a button that leads there."""
    headings = [
        block for block in split_blocks(article.text, article.body_start) if block.kind == "heading"
    ][1 : MOST_HEADINGS + 1]
    if len(headings) < FEWEST_HEADINGS:
        return ""
    rows = "".join(
        '<li><button class="qa-open qa-heading-link" dir="auto">'
        f"{escape_html(article.text[block.start : block.end].lstrip('# '))}</button>"
        '<span class="qa-hidden qa-ref">'
        f"{reference_to(article, Mark(block.start, block.end), [])}</span></li>"
        for block in headings
    )
    return f'<details class="qa-contents"><summary>Contents</summary><ul>{rows}</ul></details>'


def no_source(message: str) -> str:
    """The source panel when there is nothing to show."""
    return (
        '<section class="qa-source" aria-label="Article"><div class="qa-source-head">'
        '<div><h2>Not found</h2></div><div class="qa-source-tools"><button '
        'class="qa-close">Close</button></div></div>'
        f'<p class="qa-notice" role="status">{escape_html(message)}</p></section>'
    )


def _more(
    article: Article, marks: Sequence[Mark], current: int, window: Span, label: str, name: str
) -> str:
    place = marks[current] if current < len(marks) else Mark(article.body_start, article.body_start)
    reference = reference_to(article, place, marks, window=window)
    return (
        f'<div class="qa-more"><button class="qa-open {name}">{label}</button>'
        f'<span class="qa-hidden qa-ref">{reference}</span></div>'
    )


def article_list(articles: Sequence[Article], query: str = "", *, read_only: bool) -> str:
    """The articles whose title, author or file name holds all words of the query."""
    words = query.casefold().split()
    found = [article for article in articles if _matches(article, words)]
    rows = "".join(_row(article, read_only) for article in found[:MOST_LISTED])
    count = f"{len(found):,} of {len(articles):,}" if words else f"{len(articles):,}"
    more = (
        f"<p>{len(found) - MOST_LISTED:,} more: search to find them.</p>"
        if len(found) > MOST_LISTED
        else ""
    )
    noun = "article" if len(articles) == 1 else "articles"
    return (
        f'<div class="qa-list"><p class="qa-count" role="status">{count} '
        f"{noun}</p><ul>{rows}</ul>{more}</div>"
    )


def _matches(article: Article, words: Sequence[str]) -> bool:
    text = " ".join(part for part in (article.title, article.author, article.id) if part).casefold()
    return all(word in text for word in words)


def _row(article: Article, read_only: bool) -> str:
    meta = " · ".join(
        f"<bdi>{escape_html(part)}</bdi>" for part in (article.author, article.date) if part
    )
    title, name = escape_html(article.title), escape_html(article.id)
    remove = (
        f'<button class="qa-remove" title="Remove {name}">Remove<span class="qa-unseen"> '
        f"{title}</span></button>"
    )
    return (
        f'<li><input type="checkbox" class="qa-tick" value="{name}" '
        f'aria-label="Ask only: {title}">'
        f'<div><button class="qa-open qa-name" dir="auto" title="{name}">{title}</button>'
        f'<span class="qa-hidden qa-ref">{reference_to(article, None, ())}</span>'
        '<p class="qa-meta" '
        f'dir="{direction(article.title)}">{meta}</p></div>{"" if read_only else remove}</li>'
    )


def progress(state: BuildState) -> str:
    """A build that runs: what it does, how far it is, how fast, how long it will take."""
    share = state.done / state.total if state.total else 0.0
    what, _, name = state.what.partition(": ")
    facts = [f"{state.done:,} of {state.total:,}"] if state.total else []
    if name:
        facts.append(f'<bdi class="qa-file">{escape_html(name)}</bdi>')
    if state.rate >= 1:
        facts.append(f"{state.rate:,.0f} a second")
    if state.seconds_left is not None:
        facts.append(f"{_duration(state.seconds_left)} left")
    return (
        f'<div class="qa-progress"><p><strong>{escape_html(what.capitalize())}</strong> '
        f"{' · '.join(facts)}</p>"
        f'<progress max="1" value="{share:.3f}" aria-label="Progress of the '
        f'build">{share:.0%}</progress></div>'
    )


def outcome(state: BuildState, notes: Sequence[str] = (), errors: Sequence[str] = ()) -> str:
    """What a build, and what was done before it, came to."""
    notes, errors = list(notes), list(errors)
    if state.report:
        report = state.report
        counts = [("added", report.added), ("changed", report.changed), ("removed", report.removed)]
        parts = [f"{len(ids):,} {name}" for name, ids in counts if ids]
        notes.append(", ".join(parts).capitalize() + "." if parts else "Everything is up to date.")
        errors += [str(error) for error in report.errors]
        notes += [str(warning) for warning in report.warnings]
    if state.error:
        errors.append(state.error)
    return message(notes, errors)


def message(notes: Sequence[str] = (), errors: Sequence[str] = ()) -> str:
    """Notes and errors, in the articles panel."""
    said = "".join(f'<p class="qa-note" dir="auto">{escape_html(note)}</p>' for note in notes)
    wrong = "".join(f'<li dir="auto">{escape_html(error)}</li>' for error in dict.fromkeys(errors))
    if wrong:
        said += (
            '<div class="qa-errors" role="alert"><p>Not everything could be '
            f"used:</p><ul>{wrong}</ul></div>"
        )
    return f'<div class="qa-message" role="status">{said}</div>' if said else ""


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
