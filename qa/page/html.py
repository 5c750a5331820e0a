"""The parts of the page that are HTML of our own: header, examples, source, articles, progress."""

import re
from base64 import b64encode
from collections.abc import Sequence
from typing import NamedTuple

from qa.articles.blocks import split_blocks
from qa.page.service import SUFFIXES, Drawn
from qa.render import Mark, direction, escape_html, source_to_html
from qa.render.source import WINDOW_CHARS, reference_to, widen
from qa.render.words import say
from qa.types import Article, Span

MAX_ZOOM = 3
"""Widths of the panel that the picture of a page may have."""
MOST_LISTED = 200
"""Articles in the list at once; the search finds the others."""
FEWEST_HEADINGS, MOST_HEADINGS = 3, 200
"""So many beside the title make a table of contents worth having, and so many are listed."""


def articles_head() -> str:
    """Above the list of articles."""
    return (
        f'<div class="qa-panel-head"><h2 tabindex="-1">{say("Articles")}</h2>'
        f'<button class="qa-plain qa-toggle-off">{say("Close")}</button></div>'
    )


def conversation() -> str:
    """Where questions and answers will stand."""
    return (
        '<div class="bubble-wrap"><div class="message-wrap" role="log" '
        f'aria-label="{say("Conversation")}"></div></div>'
    )


def header(count: int) -> str:
    """The name of the page and what it is over."""
    return (
        f'<header class="qa-header"><div><h1>{say("Ask your articles")}</h1>'
        f"<p>{say('Answers in their own words. Nothing leaves this machine.')}</p></div>"
        f'<button class="qa-help" title="{say("Keys, and what this is")}">?</button>'
        f'<button class="qa-history">{say("Conversations")}</button>'
        '<button class="qa-toggle" aria-expanded="false" '
        f'aria-controls="articles">{_held(count)}</button></header>'
    )


def _held(count: int) -> str:
    if not count:
        return say("No articles yet")
    return say("1 article") if count == 1 else say("{count} articles", count=f"{count:,}")


def composer(most_chars: int, passages: int) -> str:
    """The line to write a question in, and what can be done with the conversation above it."""
    tools = (
        ("choose-where", say("Which articles?"), ""),
        ("anew", say("New conversation"), " qa-later"),
        ("save-markdown", say("Save as Markdown"), " qa-later"),
        ("save-json", say("Save as JSON"), " qa-later"),
    )
    buttons = "".join(
        f'<button type="button" id="{name}" class="qa-tool{more}">{label}</button>'
        for name, label, more in tools
    )
    return (
        '<div id="added" aria-live="polite" hidden></div>'
        f'<div id="where" role="group" aria-label="{say("Articles that are asked")}" hidden></div>'
        '<p id="composer-note" role="status" hidden></p>'
        '<form id="question"><div class="input-container">'
        f'<textarea rows="1" aria-label="{say("Your question")}" '
        f'placeholder="{say("Ask a question")}" dir="auto" '
        f'data-most="{most_chars}" data-passages="{passages}"></textarea>'
        '<button type="button" id="stop-asking" hidden>'
        f"{say('Stop')}</button>"
        f'<button class="submit-button">{say("Ask")}</button></div></form>'
        f'<div id="tools">{buttons}</div>'
    )


def welcome(
    questions: Sequence[str] | None,
    *,
    has_articles: bool,
    may_add: bool = False,
    may_fetch: bool = False,
) -> str:
    """What an empty conversation shows: questions that this index answers (None while they are
    looked for), or the place to add articles.
    """
    if not has_articles:
        told = say("This page is read-only: whoever runs it can add some.")
        return (
            f'<div class="qa-welcome"><h2>{say("No articles yet")}</h2>'
            + (adding(may_fetch=may_fetch, key="first") if may_add else f"<p>{told}</p>")
            + "</div>"
        )
    if questions is None:
        waiting = '<li><span class="qa-example qa-waiting"></span></li>' * 3
        rest = f'<p>{say("For example")}</p><ul aria-hidden="true">{waiting}</ul>'
    else:
        buttons = (
            f'<button class="qa-example" dir="auto">{escape_html(question)}</button>'
            for question in questions
        )
        rest = "".join(f"<li>{button}</li>" for button in buttons)
        rest = f"<p>{say('For example')}</p><ul>{rest}</ul>" if rest else ""
    return f'<div class="qa-welcome"><h2>{say("What would you like to know?")}</h2>{rest}</div>'


def adding(*, may_fetch: bool, key: str) -> str:
    """Where articles are added: files, a folder, an address, a text; `key` makes its ids unique."""
    kinds = ",".join([*SUFFIXES, ".zip"])
    address = (
        f'<form class="qa-add-address"><label for="address-{key}">{say("From an address")}</label>'
        f'<div><input id="address-{key}" type="url" name="address" placeholder="https://…" '
        f'required dir="ltr"><button>{say("Add")}</button></div></form>'
    )
    return (
        f'<div class="qa-adding"><div class="qa-drop"><p>{say("Drop files anywhere, or")}</p><div>'
        f'<button class="qa-choose-files">{say("Choose files")}</button>'
        f'<button class="qa-choose-folder">{say("Choose a folder")}</button></div>'
        f'<p class="qa-meta">{say("PDF, web pages, Word, OpenDocument, EPUB, mail, text")}</p>'
        f'<input type="file" class="qa-files" multiple hidden accept="{kinds}">'
        '<input type="file" class="qa-folder" webkitdirectory hidden></div>'
        + (address if may_fetch else "")
        + f'<details><summary>{say("Paste a text")}</summary><form class="qa-add-text">'
        f'<label for="paste-title-{key}">{say("Title")}</label>'
        f'<input id="paste-title-{key}" name="title" maxlength="200" dir="auto">'
        f'<label for="paste-text-{key}">{say("The text")}</label>'
        f'<textarea id="paste-text-{key}" name="text" rows="5" required dir="auto"></textarea>'
        f"<button>{say('Add')}</button></form></details></div>"
    )


def add_more(*, may_fetch: bool) -> str:
    """The same above the list of articles, folded away."""
    return (
        f'<details class="qa-add-more"><summary>{say("Add articles")}</summary>'
        + adding(may_fetch=may_fetch, key="more")
        + f'</details><button class="qa-plain qa-rebuild">{say("Update index")}</button>'
    )


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
        earlier = _more(article, marks, current, wider, say("Show what comes before"), "qa-earlier")
    if shown.end < len(article.text):
        wider = widen(article, shown, after=WINDOW_CHARS)
        later = _more(article, marks, current, wider, say("Show what follows"), "qa-later")
    told = f'<p class="qa-notice" role="status">{escape_html(notice)}</p>' if notice else ""
    return (
        '<section class="qa-source" aria-labelledby="source-title"><div class="qa-source-head">'
        f'<div><h2 id="source-title" dir="auto">{escape_html(article.title)}</h2>'
        f'<p class="qa-meta" dir="{direction(article.title)}">{meta}{_original(article)}</p></div>'
        '<div class="qa-source-tools">'
        f'<button class="qa-ask-this" value="{escape_html(article.id)}">'
        f"{say('Ask this article')}</button>"
        f'<button class="qa-link" title="{say("Copy a link to this place")}">'
        f"{say('Copy link')}</button>"
        f'<button class="qa-print">{say("Print")}</button>'
        f'<button class="qa-close" title="{say("Close the article (Esc)")}">{say("Close")}'
        "</button></div></div>"
        f"{told}{_reading_tools(article, marks, search)}{page}"
        '<div class="qa-examples-here" hidden></div>'
        '<div class="qa-scroll" tabindex="0" role="region" '
        f'aria-label="{say("Text of the article")}">{earlier}'
        f'<div class="qa-text"{lang}>{text}</div>{later}</div></section>'
    )


def _original(article: Article) -> str:
    """A link to the page on the web that an article was saved from."""
    if not article.url or not re.match(r"https?://", article.url):
        return ""
    address = escape_html(article.url)
    return (
        f' <a class="qa-original" href="{address}" target="_blank" rel="noopener noreferrer">'
        f"{say('Open the original')}</a>"
    )


def page_picture(
    article: Article, marks: Sequence[Mark], current: int, drawn: Drawn, *, zoom: int
) -> str:
    """A page of a PDF as a picture, boxes drawn about the current mark."""
    number = str(drawn.page)
    if drawn.label not in ("", number):
        number += f" ({say('printed {label}', label=escape_html(drawn.label))})"
    told = say("Page {page} of {pages}", page=number, pages=drawn.pages)

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
        + button(say("Previous page"), drawn.page - 1, zoom, drawn.page > 1)
        + f"<span>{told}</span>"
        + button(say("Next page"), drawn.page + 1, zoom, drawn.page < drawn.pages)
        + button(say("Larger"), drawn.page, zoom + 1, zoom < MAX_ZOOM)
        + button(say("Smaller"), drawn.page, zoom - 1, zoom > 1)
        + '</div><div class="qa-page-view" tabindex="0" role="region" '
        f'aria-label="{say("Page as printed")}">'
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
        count = say("Not found")
        if search.total:
            count = say("{number} of {all}", number=search.number + 1, all=f"{search.total:,}")
        found = (
            f'<span class="qa-count" role="status">{count}</span>'
            f'<button class="qa-find-previous" value="{search.number}" '
            f'aria-label="{say("Previous place")}">↑</button>'
            f'<button class="qa-find-next" value="{search.number}" data-words="{words}" '
            f'aria-label="{say("Next place")}">↓</button>'
        )
    here = reference_to(article, None, [] if search else marks)
    return (
        '<div class="qa-reading-tools"><div class="qa-find" role="search">'
        f'<input type="search" aria-label="{say("Find in this article")}" '
        f'placeholder="{say("Find in this article")}" value="{words}">'
        f'{found}<span class="qa-hidden qa-ref">{here}</span></div>'
        '<div class="qa-steps" hidden><button class="qa-previous" '
        f'aria-label="{say("Previous quote")}">←</button>'
        '<span class="qa-count" role="status"></span>'
        f'<button class="qa-next" aria-label="{say("Next quote")}">→</button></div></div>'
        + _contents(article)
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
    return (
        f'<details class="qa-contents"><summary>{say("Contents")}</summary>'
        f"<ul>{rows}</ul></details>"
    )


def no_source(message: str) -> str:
    """The source panel when there is nothing to show."""
    return (
        f'<section class="qa-source" aria-label="{say("Article")}"><div class="qa-source-head">'
        f"<div><h2>{say('Not found')}</h2></div>"
        f'<div class="qa-source-tools"><button class="qa-close">{say("Close")}</button></div></div>'
        f'<p class="qa-notice qa-no-source" role="status">{escape_html(message)}</p></section>'
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
    count = _held(len(articles))
    if words:
        count = say("{count} of {all} articles", count=f"{len(found):,}", all=f"{len(articles):,}")
    left = len(found) - MOST_LISTED
    more = f"<p>{say('{count} more: search to find them.', count=f'{left:,}')}</p>"
    return (
        f'<div class="qa-list"><p class="qa-count" role="status">{count}</p>'
        f"<ul>{rows}</ul>{more if left > 0 else ''}</div>"
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
        f'<button class="qa-remove" value="{name}">{say("Remove")}'
        f'<span class="qa-unseen"> {title}</span></button>'
    )
    return (
        f'<li><input type="checkbox" class="qa-tick" value="{name}" '
        f'aria-label="{say("Ask only: {title}", title=title)}">'
        f'<div><button class="qa-open qa-name" dir="auto" title="{name}">{title}</button>'
        f'<span class="qa-hidden qa-ref">{reference_to(article, None, ())}</span>'
        '<p class="qa-meta" '
        f'dir="{direction(article.title)}">{meta}</p></div>{"" if read_only else remove}</li>'
    )
