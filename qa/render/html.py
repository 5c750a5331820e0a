"""Answers and passages -> HTML cards for a chat bubble.

Gradio rewrites the HTML twice: a sanitizer removes `data-*` and `aria-*` attributes, and a cleaner
expands tabs and strips common indentation. So what a button refers to is JSON in a hidden element
beside it, and escaped text contains no literal line breaks and tabs.
"""

import json
from collections import Counter
from collections.abc import Sequence
from unicodedata import bidirectional

from qa.answer.thresholds import LIKELY, POSSIBLY
from qa.render.data import (
    HitJson,
    QuoteJson,
    answer_to_json,
    cite,
    hit_to_json,
    name_copies,
    split_notice,
    strength,
)
from qa.render.words import say
from qa.types import NONE_CHOSEN, PRESENTED, SILENT, Answer, Hit

# Braces, dollars and backquotes as well: then no template engine between here and the screen finds
# anything to fill in.
_ESCAPES = str.maketrans({char: f"&#{ord(char)};" for char in "&<>\"'`{}$\n\r\t"})
MOST_NEAREST = 3
"""Articles named where none is about the question."""
GROUP = 3
"""So many quotes from one article stand together under its title."""


def escape_html(text: str) -> str:
    """Text as HTML that shows exactly that text, inside an element or a quoted attribute."""
    return text.translate(_ESCAPES)


def answer_to_html(answer: Answer, *, key: str = "0") -> str:
    """An answer as cards; `key` makes ids on the page unique."""
    value = answer_to_json(answer)
    lead = f"{_leaning(answer)}{notice_to_html(answer.notice)}"
    if answer.status not in SILENT:
        is_answer = answer.status in PRESENTED
        head = ""
        if answer.status == "possibly":
            head = _verdict(
                say("Possibly answered in your articles"),
                say("These sentences may answer the question; see whether they do."),
            )
        cards = _cards(value["quotes"], key, is_answer=is_answer)
        how = _how(answer, key) if is_answer else ""
        return f'<div class="qa-answer qa-{answer.status}">{lead}{head}{cards}{how}</div>'
    cards = _cards(value.get("nearest", []), key, is_answer=False)
    if answer.notice == NONE_CHOSEN:
        body = ""
    elif answer.status == "unanswered":
        body = _verdict(
            say("Not answered in your articles"),
            say("They come near the subject, but no sentence answers the question."),
        )
        body += f'<p class="qa-lead">{say("Closest sentences")}</p>{cards}' if cards else ""
        body += _advice([] if cards else answer.hits)
    else:
        body = _verdict(say("Not in your articles"), say("Nothing in them seems to be about this."))
        body += _advice(answer.hits)
        summary = say("Closest sentences, probably on something else")
        body += (
            f'<details class="qa-near"><summary>{summary}</summary>{cards}</details>'
            if cards
            else ""
        )
    return (
        f'<div class="qa-answer qa-silent qa-{answer.status}">{lead}{body}{_how(answer, key)}</div>'
    )


def _verdict(head: str, note: str) -> str:
    return f'<p class="qa-verdict"><strong>{head}</strong></p><p class="qa-note">{note}</p>'


def _advice(hits: Sequence[Hit]) -> str:
    """What can be done where the articles are silent; the articles that come nearest are buttons
    that open them.
    """
    first = {hit.passage.article.id: hit for hit in reversed(hits)}
    order = list(dict.fromkeys(hit.passage.article.id for hit in hits))[:MOST_NEAREST]
    nearest = "".join(
        f'<li><button class="qa-open" dir="auto">{escape_html(hit.passage.article.title)}</button>'
        f'<span class="qa-hidden qa-ref">{reference(hit_to_json(hit))}</span></li>'
        for hit in (first[article_id] for article_id in order)
    )
    rows = [say("Ask in other words, or see whether names are spelled as in the articles.")]
    if nearest:
        told = say("Look into the articles that come nearest:")
        rows.append(f'{told}<ul class="qa-holdings">{nearest}</ul>')
    rows.append(
        f'<button class="qa-plain qa-to-articles">{say("See all articles, or add some")}</button>'
    )
    return f'<ul class="qa-advice">{"".join(f"<li>{row}</li>" for row in rows)}</ul>'


def _cards(quotes: Sequence[QuoteJson], key: str, *, is_answer: bool) -> str:
    """Quotes in their order; those of an article that many come from stand together, where its
    first one stands.
    """
    counts = Counter(quote["article"]["id"] for quote in quotes)
    groups: dict[str, list[str]] = {}
    for number, quote in enumerate(quotes):
        article = quote["article"]["id"]
        is_grouped = counts[article] >= GROUP
        card = _card(quote, quotes, f"{key}-{number}", is_answer=is_answer, is_grouped=is_grouped)
        groups.setdefault(article if is_grouped else f"/{number}", []).append(card)
    titles = {quote["article"]["id"]: quote["article"]["title"] for quote in quotes}
    return "".join(
        _group(titles[name], cards) if len(cards) >= GROUP else "".join(cards)
        for name, cards in groups.items()
    )


def _group(title: str, cards: Sequence[str]) -> str:
    shown = f'<bdi class="qa-title">{escape_html(title)}</bdi>'
    told = say("{count} quotes from {title}", count=len(cards), title=shown)
    return f'<div class="qa-group"><p class="qa-group-head">{told}</p>{"".join(cards)}</div>'


def notice_to_html(notice: str) -> str:
    """The notice above the quotes, with its list; empty if there is none."""
    if not notice:
        return ""
    lead, names = split_notice(notice)
    listed = "".join(f'<li dir="auto">{escape_html(name)}</li>' for name in names)
    return f'<p class="qa-note qa-notice" dir="auto">{escape_html(lead)}</p>' + (
        f'<ul class="qa-holdings">{listed}</ul>' if listed else ""
    )


def _leaning(answer: Answer) -> str:
    """The words searched for, if they were completed from earlier questions."""
    if answer.searched == " ".join(answer.question.split()):
        return ""
    return (
        f'<p class="qa-note qa-leaning">{say("Searched for")} '
        f"<bdi>{escape_html(answer.searched)}</bdi>"
        f'<button class="qa-plain qa-alone">{say("Ask as written")}</button>'
        f'<span class="qa-hidden qa-asked">{escape_html(answer.question)}</span></p>'
    )


def hits_to_html(hits: Sequence[Hit], *, key: str = "0") -> str:
    """Passages in a table: score, place, first words."""
    rows = "".join(_hit_row(hit_to_json(hit), f"{key}-p{n}") for n, hit in enumerate(hits))
    head = f"<tr><th>{say('Score')}</th><th>{say('Passage')}</th></tr>"
    return f'<table class="qa-hits"><thead>{head}</thead><tbody>{rows}</tbody></table>'


def direction(text: str) -> str:
    """Text direction, "rtl" or "ltr", by the first letter that has one (`dir="auto"` would not look
    into `bdi`).
    """
    kinds = (bidirectional(char) for char in text)
    return (
        "rtl" if next((kind for kind in kinds if kind in ("L", "R", "AL")), "L") != "L" else "ltr"
    )


def mark_words(text: str, start: int, end: int) -> str:
    """Escaped text with `[start, end)` in bold."""
    if not start < end:
        return escape_html(text)
    bold = f"<strong>{escape_html(text[start:end])}</strong>"
    return escape_html(text[:start]) + bold + escape_html(text[end:])


def meta_line(value: QuoteJson | HitJson, *, opens: bool = False, titled: bool = True) -> str:
    """Title, author, date and place, each kept apart from the direction of its neighbours; with
    `opens`, the title is a button.
    """
    article = value["article"]
    title = escape_html(article["title"])
    parts = []
    if titled:
        parts.append(
            f'<button class="qa-open qa-title"><bdi>{title}</bdi></button>'
            if opens
            else f'<bdi class="qa-title">{title}</bdi>'
        )
    parts += [
        f"<bdi>{escape_html(part)}</bdi>" for part in (article["author"], article["date"]) if part
    ]
    place = value.get("place", {}).get("text")
    told = (
        f"<bdi>{escape_html(place)}</bdi>"
        if place
        else say("paragraph {number}", number=value["paragraph"])
    )
    parts.append(f"<span>{told}</span>")
    return '<span class="qa-dot"> · </span>'.join(parts)


def _card(
    quote: QuoteJson,
    quotes: Sequence[QuoteJson],
    key: str,
    *,
    is_answer: bool = True,
    is_grouped: bool = False,
) -> str:
    answer = quote["answer"] if is_answer else None
    start, end = (
        (answer["start"] - quote["start"], answer["end"] - quote["start"]) if answer else (0, 0)
    )
    also = ", ".join(f"<bdi>{escape_html(name)}</bdi>" for name in name_copies(quote))
    meta = meta_line(quote, opens=True, titled=not is_grouped)
    return (
        '<div class="qa-card">'
        '<blockquote class="qa-words" '
        f'dir="auto">{mark_words(quote["text"], start, end)}</blockquote>'
        f'<p class="qa-meta" dir="{direction(quote["text"])}">{meta}</p>'
        + (f'<p class="qa-also">{say("Also in")} {also}</p>' if also else "")
        + (_strength(quote["score"]) if is_answer else "")
        + '<div class="qa-actions">'
        + f'<button class="qa-open qa-show" id="open-{key}">{say("Show in article")}</button>'
        + f'<button class="qa-copy" id="copy-{key}">{say("Copy")}</button></div>'
        + f'<span class="qa-hidden qa-ref">{reference(quote, quotes)}</span>'
        + f'<span class="qa-hidden qa-cite">{escape_html(cite(quote))}</span></div>'
    )


def _strength(score: float) -> str:
    """How strong a quote is, and what that means, in words on the card."""
    word = strength(score)
    told = {
        "likely answer": (say("likely answer"), say("this sentence probably answers the question")),
        "possible answer": (say("possible answer"), say("this sentence may answer the question")),
        "weak match": (
            say("weak match"),
            say("on the subject, and probably no answer to the question"),
        ),
    }[word]
    return (
        f'<p class="qa-strength qa-{word.partition(" ")[0]}" title="{score:.2f}">'
        f"<span><b>{told[0]}</b>: {told[1]}</span></p>"
    )


def reference(place: QuoteJson | HitJson, quotes: Sequence[QuoteJson] = ()) -> str:
    """Where a button leads, as escaped JSON: article, offsets, and all quotes of that article to
    mark.
    """
    article = place["article"]
    marks = [
        [
            quote["start"],
            quote["end"],
            *((quote["answer"]["start"], quote["answer"]["end"]) if quote["answer"] else ()),
        ]
        for quote in quotes
        if quote["article"]["id"] == article["id"]
    ]
    value = {
        "article": article["id"],
        "start": place["start"],
        "end": place["end"],
        "sha256": article["sha256"],
    }
    return escape_html(json.dumps({**value, "marks": marks}))


def _how(answer: Answer, key: str) -> str:
    stages = " · ".join(
        f"{escape_html(stage)} {1000 * seconds:.0f} ms" for stage, seconds in answer.seconds.items()
    )
    confidence = f"{answer.confidence:.2f}"
    if answer.quotes:
        scores = ", ".join(f"{quote.score:.2f}" for quote in answer.quotes)
        told = say(
            "quotes {scores}; likely from {likely}, possible from {possible}",
            scores=scores,
            likely=f"{LIKELY:.2f}",
            possible=f"{POSSIBLY:.2f}",
        )
        confidence += f" ({told})"
    facts = [
        (say("Searched for"), f'<bdi class="qa-searched">{escape_html(answer.searched)}</bdi>'),
        (say("Confidence"), confidence),
        (say("Time"), stages),
        (say("Index"), say("generation {number}", number=answer.generation)),
        (say("Passages"), say("{count} considered", count=len(answer.hits))),
    ]
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
    return (
        f'<details class="qa-how"><summary>{say("How this was found")}</summary><dl>{rows}</dl>'
        f"{hits_to_html(answer.hits, key=key)}</details>"
    )


def _hit_row(hit: HitJson, key: str) -> str:
    words = " ".join(hit["text"][:400].split())
    start = words if len(words) <= 140 else words[:140].rsplit(" ", 1)[0] + " …"
    return (
        f'<tr class="qa-hit"><td>{hit["score"]:.2f}</td><td>'
        f'<p class="qa-meta" dir="{direction(start)}">{meta_line(hit)}</p>'
        f'<button class="qa-open qa-passage" id="open-{key}" '
        f'dir="auto">{escape_html(start)}</button>'
        f'<span class="qa-hidden qa-ref">{reference(hit)}</span></td></tr>'
    )
