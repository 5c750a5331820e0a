"""Answers and passages -> text for a terminal."""

import re
from collections.abc import Sequence

from qa.render.data import describe_source, hit_to_json, name_copies, quote_to_json, strength
from qa.types import NONE_CHOSEN, SILENT, Answer, Hit, Quote, Status

POSSIBLE = "The articles may answer this; see whether they do:"
SILENCE = {
    "unanswered": "The articles speak of this, but do not answer the question.",
    "off_topic": "The articles do not speak of this.",
}
# Of the controls, a lone surrogate is one too: it has no bytes to be written as.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_BREAK = re.compile(r"[\t\n\u2028\u2029]")
_BIDI = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_OVERRIDE = re.compile(r"[\u202d\u202e]")
_CLOSES = {
    **dict.fromkeys("\u202a\u202b\u202d\u202e", "\u202c"),
    **dict.fromkeys("\u2066\u2067\u2068", "\u2069"),
}
"""What opens -> what closes it."""
_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
_INDENT = "  "


def answer_to_text(answer: Answer, *, color: bool = False) -> str:
    """An answer for a terminal; with `color`, the answering words are bold and the sources dim."""
    lines = []
    if answer.searched != " ".join(answer.question.split()):
        lines.append(_dim(f"searched: {printable(answer.searched)}", color))
    if answer.notice:
        lines.append(printable(answer.notice))
    if answer.status not in SILENT:
        lines += [POSSIBLE] if answer.status == "possibly" else []
        return "\n\n".join(
            [*lines, *(_quote(quote, color, answer.status) for quote in answer.quotes)]
        )
    if answer.notice == NONE_CHOSEN:
        return "\n\n".join(lines)
    lines.append(SILENCE[answer.status])
    if answer.nearest:
        lines += [
            "Nearest to it:",
            *(_quote(quote, color, answer.status) for quote in answer.nearest),
        ]
    return "\n\n".join(lines)


def hits_to_text(hits: Sequence[Hit], *, color: bool = False) -> str:
    """Passages for a terminal, best first."""
    blocks = []
    for hit in hits:
        source = printable(describe_source(hit_to_json(hit)))
        blocks.append(
            f"{_dim(f'{source} ({hit.score:.2f})', color)}\n{_indent(printable(hit.passage.text))}"
        )
    return "\n\n".join(blocks) if blocks else "No passage matches."


def printable(text: str) -> str:
    """Text with control characters shown as symbols, so that it cannot control a terminal; line
    breaks and tabs are kept.
    """
    return show_bidi(_CONTROL.sub(lambda match: _picture(ord(match[0])), text))


def one_line(text: str) -> str:
    """`printable`, with line breaks and tabs as symbols too, so that it stays one line or cell."""
    return _BREAK.sub(lambda match: _picture(ord(match[0])), printable(text))


def show_bidi(text: str) -> str:
    """Text with characters that override its direction shown by their code, so that its order on
    the screen is that of its letters.

    Embeddings and isolates are shown, too, if a line does not close them: they would affect what
    follows.
    """
    if not _BIDI.search(text):
        return text
    return "".join(_show_bidi_line(line) for line in text.splitlines(keepends=True))


def _show_bidi_line(line: str) -> str:
    opened: list[str] = []
    is_balanced = True
    for match in _BIDI.finditer(line):
        if match[0] in _CLOSES:
            opened.append(_CLOSES[match[0]])
        elif not opened or opened.pop() != match[0]:
            is_balanced = False
    is_harmless = is_balanced and not opened and not _OVERRIDE.search(line)
    return line if is_harmless else _BIDI.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def _picture(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _quote(quote: Quote, color: bool, status: Status) -> str:
    text = quote.article.text
    start, end = quote.answer or (quote.end, quote.end)
    words = printable(text[start:end])
    if color and words:
        words = f"{_BOLD}{words}{_PLAIN}"
    sentence = printable(text[quote.start : start]) + words + printable(text[end : quote.end])
    value = quote_to_json(quote)
    source = printable(describe_source(value))
    copies = "".join(f"; also in {printable(name)}" for name in name_copies(value))
    strong = "" if status == "no_question" else f" ({strength(quote.score)}, {quote.score:.2f})"
    return f"“{sentence}”\n{_dim(f'{_INDENT}{source}{strong}{copies}', color)}"


def _dim(text: str, color: bool) -> str:
    return f"{_DIM}{text}{_PLAIN}" if color else text


def _indent(text: str) -> str:
    return "\n".join(_INDENT + line if line.strip() else line for line in text.split("\n"))
