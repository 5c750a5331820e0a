"""Answers and passages -> text for a terminal."""

import re
from collections.abc import Sequence

from qa.render.data import describe_source, hit_to_json, quote_to_json, strength
from qa.types import Answer, Hit, Quote

SILENCE = {
    "unanswered": "The articles speak of this, but do not answer the question.",
    "off_topic": "The articles do not speak of this.",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
_INDENT = "  "


def answer_to_text(answer: Answer, *, color: bool = False) -> str:
    """An answer for a terminal; with `color`, the answering words are bold and the sources dim."""
    lines = []
    if answer.searched != " ".join(answer.question.split()):
        lines.append(_dim(f"searched: {printable(answer.searched)}", color))
    if answer.status == "answered":
        return "\n\n".join([*lines, *(_quote(quote, color) for quote in answer.quotes)])
    lines.append(SILENCE[answer.status])
    if answer.nearest:
        lines += ["Nearest to it:", *(_quote(quote, color) for quote in answer.nearest)]
    return "\n\n".join(lines)


def hits_to_text(hits: Sequence[Hit], *, color: bool = False) -> str:
    """Passages for a terminal, best first."""
    blocks = []
    for hit in hits:
        source = printable(describe_source(hit_to_json(hit)))
        blocks.append(f"{_dim(f'{source} ({hit.score:.2f})', color)}\n{_indent(printable(hit.passage.text))}")
    return "\n\n".join(blocks) if blocks else "No passage matches."


def printable(text: str) -> str:
    """Control characters as pictures of themselves, so that an article cannot command a terminal."""
    return _CONTROL.sub(lambda match: _picture(ord(match[0])), text)


def _picture(code: int) -> str:
    return chr(0x2400 + code) if code < 0x20 else f"\\x{code:02x}"


def _quote(quote: Quote, color: bool) -> str:
    text = quote.article.text
    start, end = quote.answer or (quote.end, quote.end)
    words = printable(text[start:end])
    if color and words:
        words = f"{_BOLD}{words}{_PLAIN}"
    sentence = printable(text[quote.start : start]) + words + printable(text[end : quote.end])
    source = printable(describe_source(quote_to_json(quote)))
    copies = "".join(f"; also in {printable(copy.article.title)}" for copy in quote.also_in)
    return f"“{sentence}”\n{_dim(_INDENT + f'{source} ({strength(quote.score)}, {quote.score:.2f}){copies}', color)}"


def _dim(text: str, color: bool) -> str:
    return f"{_DIM}{text}{_PLAIN}" if color else text


def _indent(text: str) -> str:
    return "\n".join(_INDENT + line if line.strip() else line for line in text.split("\n"))
