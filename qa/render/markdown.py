"""Answers -> Markdown, with the articles' words escaped so that they are shown as they are."""

import re
from itertools import islice

from qa.render.data import (
    AnswerJson,
    AnswerWordsJson,
    QuoteJson,
    answer_to_json,
    describe_source,
    link_to,
    split_notice,
    strength,
)
from qa.render.text import POSSIBLE, SILENCE, one_line, show_bidi
from qa.types import NONE_CHOSEN, SILENT, Answer, Status

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~$!^]")
_LINE_START = re.compile(r"^([-+=:]|\d+(?=[.)]))", re.MULTILINE)
_LEADING_SPACE = re.compile(r"^[ \t]+", re.MULTILINE)
# GitHub links bare addresses and mentions; an entity in the middle is shown as the character and
# links nothing.
_LINKS = {"://": "&#58;//", "www.": "www&#46;", "@": "&#64;"}


def answer_to_markdown(answer: Answer) -> str:
    """An answer as Markdown: block quotes, the answering words bold, each with its source."""
    return answer_json_to_markdown(answer_to_json(answer))


def answer_json_to_markdown(answer: AnswerJson, *, provenance: bool = False) -> str:
    """The same from its JSON; with `provenance`, each quote's offsets and its article's sha256
    too.
    """
    status, nearest = answer["status"], answer.get("nearest", [])
    parts = [_notice(answer["notice"])] if "notice" in answer else []
    if answer.get("notice") == NONE_CHOSEN:
        pass
    elif status in SILENT:
        parts += [SILENCE[status], *(["Nearest to it:"] if nearest else [])]
    elif status == "possibly":
        parts.append(POSSIBLE)
    quotes = nearest if status in SILENT else answer["quotes"]
    parts += [_quote(quote, provenance, status) for quote in quotes]
    return "\n\n".join(parts) + "\n"


def escape_markdown(text: str) -> str:
    """Text for the inside of a Markdown paragraph; line breaks are kept."""
    # A number at the start of a line gets its backslash behind it: "1\\." is no list, "\\1." would
    # show a backslash.
    text = _SPECIAL.sub(r"\\\g<0>", show_bidi(text).replace("&", "&amp;"))
    for plain, escaped in _LINKS.items():
        text = text.replace(plain, escaped)
    text = _LEADING_SPACE.sub(lambda match: "&nbsp;" * len(match[0]), text)
    return _LINE_START.sub(
        lambda match: match[0] + "\\" if match[0].isdigit() else "\\" + match[0], text
    )


def _notice(notice: str) -> str:
    lead, names = split_notice(notice)
    listed = "".join(f"\n- {escape_markdown(name)}" for name in names)
    return escape_markdown(lead) + ("\n" + listed if listed else "")


def _quote(quote: QuoteJson, provenance: bool, status: Status) -> str:
    lines = _with_bold_answer(quote["text"], quote["start"], quote["answer"]).split("\n")
    # A backslash at the end of a line is a line break; a blank line begins another paragraph of the
    # same quote.
    joined = [
        f"> {line}\\" if line.strip() and following.strip() else f"> {line}".rstrip()
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
    ]
    source = f"— {escape_markdown(describe_source(quote))}"
    if status != "no_question":
        source += f" ({strength(quote['score'])}, {quote['score']:.2f})"
    article = quote["article"]
    if url := link_to(quote):
        source += f", <{url}>" if re.fullmatch(r"https?://[^\s<>]+", url) else ""
    if provenance:
        source += (
            f"  \n`{_code(article['id'])}` [{quote['start']}, {quote['end']}) sha256 "
            f"`{article['sha256']}`"
        )
    return "\n".join(joined) + "\n\n" + source


def _with_bold_answer(text: str, offset: int, answer: AnswerWordsJson | None) -> str:
    if not answer:
        return escape_markdown(text)
    start, end = answer["start"] - offset, min(answer["end"] - offset, len(text))
    words = text[start:end]
    # Asterisks beside punctuation or a space may not count as bold.
    plain = words[:1].isalnum() and words[-1:].isalnum() and "\n\n" not in words
    opening, closing = ("**", "**") if plain else ("<b>", "</b>")
    # Escaped in one piece, since only so is a start of line known as one; two characters that the
    # text has not stand for the marks meanwhile.
    first, last = islice((char for char in map(chr, range(0xE000, 0xF900)) if char not in text), 2)
    escaped = escape_markdown(text[:start] + first + words + last + text[end:])
    return escaped.replace(first, opening).replace(last, closing)


def _code(text: str) -> str:
    return one_line(text).replace("`", "'")
