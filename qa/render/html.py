"""Answers and passages -> HTML cards for a chat bubble.

Gradio rewrites the HTML twice: a sanitizer removes `data-*` and `aria-*` attributes, and a cleaner
expands tabs and strips common indentation. So what a button refers to is JSON in a hidden element
beside it, and escaped text contains no literal line breaks and tabs.
"""

import json
from collections.abc import Sequence
from unicodedata import bidirectional

from qa.answer.thresholds import LIKELY, POSSIBLY
from qa.render.data import (
    HitJson,
    QuoteJson,
    answer_to_json,
    cite,
    hit_to_json,
    split_notice,
    strength,
)
from qa.types import PRESENTED, SILENT, Answer, Hit

# Braces, dollars and backquotes as well: then no template engine between here and the screen finds
# anything to fill in.
_ESCAPES = str.maketrans({char: f"&#{ord(char)};" for char in "&<>\"'`{}$\n\r\t"})
_EXPLAIN = {
    "likely answer": "This sentence probably answers the question",
    "possible answer": "This sentence may answer the question",
    "weak match": "This sentence is on the subject and probably does not answer the question",
}
MOST_NEAREST = 3
"""Articles named where none is about the question."""
_POSSIBLY = (
    '<p class="qa-verdict"><strong>Possibly answered in your articles</strong></p>'
    '<p class="qa-note">These sentences may answer the question; see whether they do.</p>'
)


def escape_html(text: str) -> str:
    """Text as HTML that shows exactly that text, inside an element or a quoted attribute."""
    return text.translate(_ESCAPES)


def answer_to_html(answer: Answer, *, key: str = "0", holdings: Sequence[str] = ()) -> str:
    """An answer as cards; `key` makes ids on the page unique, `holdings` are titles to name when
    there is no answer.
    """
    value = answer_to_json(answer)
    if answer.status not in SILENT:
        head = _POSSIBLY if answer.status == "possibly" else ""
        cards = "".join(
            _card(quote, value["quotes"], f"{key}-{n}", is_answer=answer.status in PRESENTED)
            for n, quote in enumerate(value["quotes"])
        )
        how = _how(answer, key) if answer.status in PRESENTED else ""
        shown = f"{_leaning(answer)}{notice_to_html(answer.notice)}{head}{cards}{how}"
        return f'<div class="qa-answer qa-{answer.status}">{shown}</div>'
    nearest = value.get("nearest", [])
    if answer.status == "unanswered":
        head = "Not answered in your articles"
        note = "They come near the subject, but no sentence answers the question."
        lead = "Closest sentences"
    else:
        head, note = "Not in your articles", "Nothing in them seems to be about this."
        lead = "Closest sentences, probably on something else"
    cards = "".join(
        _card(quote, nearest, f"{key}-{n}", is_answer=False) for n, quote in enumerate(nearest)
    )
    body = f'<p class="qa-verdict"><strong>{head}</strong></p><p class="qa-note">{note}</p>'
    if cards and answer.status == "unanswered":
        body += f'<p class="qa-lead">{lead}</p>{cards}'
    else:
        body += _holdings(holdings) or _nearest_articles(answer.hits)
        body += (
            f'<details class="qa-near"><summary>{lead}</summary>{cards}</details>' if cards else ""
        )
    return (
        '<div class="qa-answer qa-silent '
        f'qa-{answer.status}">{_leaning(answer)}{notice_to_html(answer.notice)}{body}'
        f"{_how(answer, key)}</div>"
    )


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
        f'<p class="qa-note qa-leaning">Searched for <bdi>{escape_html(answer.searched)}</bdi>'
        '<button class="qa-plain qa-alone">Ask as written</button>'
        f'<span class="qa-hidden qa-asked">{escape_html(answer.question)}</span></p>'
    )


def hits_to_html(hits: Sequence[Hit], *, key: str = "0") -> str:
    """Passages in a table: score, place, first words."""
    rows = "".join(_hit_row(hit_to_json(hit), f"{key}-p{n}") for n, hit in enumerate(hits))
    head = "<tr><th>Score</th><th>Passage</th></tr>"
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


def meta_line(value: QuoteJson | HitJson) -> str:
    """Title, author, date and place, each with its own text direction."""
    article = value["article"]
    parts = [f'<bdi class="qa-title">{escape_html(article["title"])}</bdi>']
    parts += [
        f"<bdi>{escape_html(part)}</bdi>" for part in (article["author"], article["date"]) if part
    ]
    place = value.get("place", {}).get("text")
    place_html = f"<bdi>{escape_html(place)}</bdi>" if place else f"paragraph {value['paragraph']}"
    parts.append(f"<span>{place_html}</span>")
    return '<span class="qa-dot"> · </span>'.join(parts)


def _card(
    quote: QuoteJson, quotes: Sequence[QuoteJson], key: str, *, is_answer: bool = True
) -> str:
    answer = quote["answer"] if is_answer else None
    start, end = (
        (answer["start"] - quote["start"], answer["end"] - quote["start"]) if answer else (0, 0)
    )
    word = strength(quote["score"])
    name = f"qa-strength qa-{word.partition(' ')[0]}"
    badge = f'<span class="{name}" title="{_EXPLAIN[word]} ({quote["score"]:.2f})">{word}</span>'
    copies = [copy["article"]["title"] for copy in quote.get("also_in", [])]
    also = ", ".join(f"<bdi>{escape_html(title)}</bdi>" for title in copies)
    return (
        '<div class="qa-card">'
        '<blockquote class="qa-words" '
        f'dir="auto">{mark_words(quote["text"], start, end)}</blockquote>'
        f'<p class="qa-meta" dir="{direction(quote["text"])}">{meta_line(quote)}</p>'
        + (f'<p class="qa-also">Also in {also}</p>' if also else "")
        + '<div class="qa-actions">'
        + (badge if is_answer else "")
        + f'<button class="qa-open" id="open-{key}">Show in article</button>'
        + f'<button class="qa-copy" id="copy-{key}">Copy</button></div>'
        + f'<span class="qa-hidden qa-ref">{reference(quote, quotes)}</span>'
        + f'<span class="qa-hidden qa-cite">{escape_html(cite(quote))}</span></div>'
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


def _holdings(titles: Sequence[str]) -> str:
    if not titles:
        return ""
    names = "".join(f'<li dir="auto">{escape_html(title)}</li>' for title in titles)
    return f'<p class="qa-lead">Your articles are about</p><ul class="qa-holdings">{names}</ul>'


def _nearest_articles(hits: Sequence[Hit]) -> str:
    """The closest articles, each a button that opens it, and other suggestions."""
    first = {hit.passage.article.id: hit for hit in reversed(hits)}
    order = dict.fromkeys(hit.passage.article.id for hit in hits)
    rows = "".join(
        f'<li><button class="qa-open" dir="auto">{escape_html(hit.passage.article.title)}</button>'
        f'<span class="qa-hidden qa-ref">{reference(hit_to_json(hit))}</span></li>'
        for hit in [first[article_id] for article_id in order][:MOST_NEAREST]
    )
    if not rows:
        return '<p class="qa-lead">No article was asked: the choice of articles leaves none.</p>'
    return (
        '<p class="qa-lead">Ask in other words, or see whether names are spelled as in the '
        f'articles. Those that come nearest:</p><ul class="qa-holdings">{rows}</ul>'
    )


def _how(answer: Answer, key: str) -> str:
    stages = " · ".join(
        f"{escape_html(stage)} {1000 * seconds:.0f} ms" for stage, seconds in answer.seconds.items()
    )
    confidence = f"{answer.confidence:.2f}"
    if answer.quotes:
        scores = ", ".join(f"{quote.score:.2f}" for quote in answer.quotes)
        confidence += f" (quotes {scores}; likely from {LIKELY:.2f}, possible from {POSSIBLY:.2f})"
    facts = [
        ("Searched for", f'<bdi class="qa-searched">{escape_html(answer.searched)}</bdi>'),
        ("Confidence", confidence),
        ("Time", stages),
        ("Index", f"generation {answer.generation}"),
        ("Passages", f"{len(answer.hits)} considered"),
    ]
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
    return (
        f'<details class="qa-how"><summary>How this was found</summary><dl>{rows}</dl>'
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
