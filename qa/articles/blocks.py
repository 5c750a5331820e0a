"""Plain text or Markdown -> blocks: headings, paragraphs, list items, with their offsets.

Titles (`header`) and passages (`passages`) are both found in these blocks, so that they agree on
what is a heading.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from qa.articles.dates import parse_date
from qa.places import HEADING
from qa.types import Article, Kind, Span

_ATX_HEADING = re.compile(r"[ ]{0,3}#{1,6}[ \t]+(?=\S)")
_ATX_CLOSE = re.compile(r"[ \t]+#+$")
_LIST_MARKER = re.compile(r"[ \t]*(?:[-*+•‣–]|\d{1,3}[.)])[ \t]+(?=\S)")
_DOTTED_DAY = re.compile(r"[ \t]*\d{1,2}\.[ \t]")
_QUOTE_MARKER = re.compile(r"[ ]{0,3}(?:>[ ]?)+(?=\S)")
# Exactly three tildes: a longer row is a horizontal rule in plain text, where Markdown would take
# the text between two rules for code.
_FENCE = re.compile(r"[ ]{0,3}(?P<marks>`{3,}|~{3}(?!~))(?P<language>[^`]*)")
_SETEXT_UNDERLINE = re.compile(r"[ ]{0,3}(?:=+|-{2,})[ \t]*")
_TERMINATED = re.compile(r"[.!?…。！？｡؟۔।;؛；,،，、][\"'”’“»«)\]」』）*_]*$")
_EXCLAIMED = re.compile(r"[!?！？؟][\"'”’“»«)\]」』）*_]*$")
_COLUMNS = re.compile(r"\S(?:\t| {3,})\s*\S")

WRAP_WIDTHS = range(40, 121)
"""Line widths, in characters, at which text is wrapped; a longer line is a whole paragraph."""
LONGEST_BROKEN_WORD = 15
"""A wrapped line may end this many characters before the margin, if a long word follows."""
LEAST_FULL_LINES = 0.5
"""Share of continued lines that end near the margin, in a text that was wrapped there."""
LEAST_SMALL_STARTS = 0.25
"""Share of small letters among the first letters of continuation lines; German has the fewest."""
MAX_HEADING_WORDS = 14
MAX_HEADING_CHARS = 100
MAX_HEADING_RUN = 4
"""More short lines than this in a row are verse, an address or a table, not headings."""
MAX_HEADER_RUN = 6
"""The same at the beginning of a text: title, subtitle, byline, role, place, date."""

MAX_HEADER_LINES = 2 * MAX_HEADER_RUN
"""In so many lines, empty ones included, a line may be the article's date."""


class Block(NamedTuple):
    """One block: `text[start:end]` with its marker (`# `, `- `), `text[text_start:text_end]`
    without it.
    """

    start: int
    end: int
    text_start: int
    text_end: int
    kind: Kind

    @property
    def is_empty(self) -> bool:
        """Whether it has no words: a horizontal rule, a code fence, an underline."""
        return self.text_start == self.text_end

    @property
    def is_marked(self) -> bool:
        """Whether it begins with a marker."""
        return self.start != self.text_start


class _Line(NamedTuple):
    start: int
    end: int
    marker_end: int
    width: int
    """From the left edge of the page to the end of the text, indentation included."""
    after_blank: bool
    standalone: bool = True
    kind: Kind = "body"
    is_item: bool = False
    is_code: bool = False


def find_blocks(article: Article) -> list[Block]:
    """The blocks of an article: by its file's layout (PDF, HTML, ...), or found in plain text."""
    if article.origin is None:
        return split_blocks(article.text, article.body_start)
    return [
        Block(
            row.start,
            row.end,
            row.start + row.marker,
            row.end,
            "heading" if row.kind == HEADING else "body",
        )
        for row in article.origin.layout.blocks
    ]


def split_blocks(text: str, start: int = 0) -> list[Block]:
    """Split `text[start:]` into blocks, in order, with nothing but white space between them."""
    lines = list(_classify_lines(text, start))
    groups = list(_join_wrapped_lines(text, lines))
    return _demote_runs(_mark_headings(text, groups))


def _split_lines(text: str, start: int) -> Iterator[Span]:
    # Only "\n": str.splitlines would also break at U+2028, form feeds and others that stand inside
    # sentences.
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield Span(start, end)
        start = end + 1


def _classify_lines(text: str, start: int) -> Iterator[_Line]:
    lines = list(_split_lines(text, start))
    fences = _find_fences(text, lines)
    after_blank = fenced = False
    for number, (line_start, line_end) in enumerate(lines):
        line = text[line_start:line_end]
        if not line.strip():
            after_blank = True
            continue
        first = line_start + len(line) - len(line.lstrip())
        last = line_start + len(line.rstrip())
        plain = _Line(first, last, first, last - line_start, after_blank or number == 0)
        if number in fences:
            fenced = not fenced
            yield plain._replace(marker_end=last)
        elif fenced:
            yield _classify_code(line, plain)
        elif number < MAX_HEADER_LINES and _DOTTED_DAY.match(line) and parse_date(line):
            yield plain  # "12. März 2023" is no item of a list
        else:
            yield _classify_line(line, line_start, plain)
        after_blank = False


def _classify_code(line: str, plain: _Line) -> _Line:
    return plain._replace(marker_end=plain.start if _has_words(line) else plain.end, is_code=True)


def _classify_line(line: str, line_start: int, plain: _Line) -> _Line:
    if not _has_words(line):
        is_underline = _SETEXT_UNDERLINE.fullmatch(line) is not None and not plain.after_blank
        return plain._replace(marker_end=plain.end, kind="heading" if is_underline else "body")
    if match := _ATX_HEADING.match(line):
        return plain._replace(marker_end=line_start + match.end(), kind="heading")
    if match := _LIST_MARKER.match(line):
        return plain._replace(marker_end=line_start + match.end(), standalone=False, is_item=True)
    if match := _QUOTE_MARKER.match(line):
        return plain._replace(marker_end=line_start + match.end())
    return plain._replace(standalone=line.lstrip().startswith("|"))


def _has_words(line: str) -> bool:
    return any(char.isalnum() for char in line)


def _find_fences(text: str, lines: list[Span]) -> set[int]:
    """Numbers of the lines that open and close code; an unclosed fence is not counted."""
    fences: set[int] = set()
    opened: list[tuple[int, str]] = []
    for number, (start, end) in enumerate(lines):
        match = _FENCE.fullmatch(text, start, end)
        if match is None:
            continue
        marks, is_bare = match["marks"], not match["language"].strip()
        if opened and is_bare and marks.startswith(opened[0][1]):
            fences |= {opened[0][0], number}
            opened.clear()
        elif not opened:
            opened.append((number, marks))
    return fences


def _join_wrapped_lines(text: str, lines: list[_Line]) -> Iterator[list[_Line]]:
    """Group lines that were wrapped at a margin; any other line break begins a new group."""
    margin = _find_margin(text, lines)
    group: list[_Line] = []
    for line in lines:
        if group and not (margin is not None and _is_wrapped(text, group, line, margin)):
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def _find_margin(text: str, lines: list[_Line]) -> int | None:
    """The width, in characters, at which a text was wrapped; None if it was not.

    In wrapped text most continued lines end shortly before the margin, and many continuation lines
    begin in the middle of a sentence, unlike those of verse or of a title.
    """
    broken = [
        (above, below)
        for above, below in pairwise(lines)
        if not (below.after_blank or above.standalone or below.standalone or below.is_item)
        and above.width < WRAP_WIDTHS.stop
    ]
    if not broken:
        return None
    widths = sorted(above.width for above, _ in broken)
    margin = widths[min(len(widths) - 1, len(widths) * 98 // 100)]
    near = sum(margin - LONGEST_BROKEN_WORD < width <= margin for width in widths)
    starts = [text[below.start] for _, below in broken]
    small, capital = sum(char.islower() for char in starts), sum(char.isupper() for char in starts)
    is_wrapped = (
        near >= max(2, len(widths) * LEAST_FULL_LINES)
        and small >= (small + capital) * LEAST_SMALL_STARTS
    )
    return margin if margin in WRAP_WIDTHS and is_wrapped else None


def _is_wrapped(text: str, group: list[_Line], line: _Line, margin: int) -> bool:
    """Whether `line` continues the group: its first word had no room on the line above."""
    previous = group[-1]
    if (
        line.after_blank
        or line.standalone
        or previous.standalone
        or previous.width >= WRAP_WIDTHS.stop
    ):
        return False
    is_open = not _ends_sentence(text, previous)
    if line.is_item and (group[0].is_item or not is_open):
        return False
    room = margin - 1 - previous.width
    return room <= _first_word_length(text, line) or (is_open and text[line.start].islower())


def _ends_sentence(text: str, line: _Line) -> bool:
    end = text[max(line.start, line.end - 10) : line.end]
    return end.endswith((":", "：")) or _TERMINATED.search(end) is not None


def _first_word_length(text: str, line: _Line) -> int:
    word = text[line.start : line.end].split(maxsplit=1)[0]
    # Chinese, Japanese and Korean lines may be broken after any character.
    return 1 if word[0] >= "\u2e80" else len(word)


def _block(text: str, lines: list[_Line]) -> Block:
    first, last = lines[0], lines[-1]
    text_end = last.end
    if first.kind == "heading" and first.marker_end < last.end:
        # A closing run of # belongs to Markdown, not to the heading.
        text_end -= len(text[first.marker_end : last.end]) - len(
            _ATX_CLOSE.sub("", text[first.marker_end : last.end])
        )
    return Block(first.start, last.end, first.marker_end, text_end, first.kind)


def _mark_headings(text: str, groups: list[list[_Line]]) -> list[Block]:
    """Blocks, with those marked as headings that are underlined, or short, not ended like a
    sentence and followed by text.
    """
    blocks = [_block(text, group) for group in groups]
    marked = []
    on_top = True  # of the text, above its first paragraph
    for position, block in enumerate(blocks):
        is_heading = position + 1 < len(blocks) and (
            _is_underlined(text, block, blocks[position + 1], groups[position][0])
            or _announces(
                text, block, blocks[position + 1], groups[position : position + 2], on_top=on_top
            )
        )
        marked.append(block._replace(kind="heading") if is_heading else block)
        on_top = (
            on_top
            and (block.is_empty or marked[-1].kind == "heading")
            and position < MAX_HEADER_RUN
        )
    return marked


def _is_underlined(text: str, block: Block, below: Block, line: _Line) -> bool:
    if (
        not (below.is_empty and below.kind == "heading")
        or block.is_empty
        or block.is_marked
        or line.is_code
    ):
        return False
    # Dashes below a whole sentence are rather a rule.
    is_rule = (
        text[below.start] == "-"
        and _TERMINATED.search(text[block.text_start : block.text_end]) is not None
    )
    return _is_short(text, block) and not is_rule


def _announces(
    text: str, block: Block, below: Block, groups: Sequence[list[_Line]], *, on_top: bool
) -> bool:
    """Whether an unmarked line looks like the heading of what follows it; `groups` are the lines of
    both.
    """
    line, next_line = groups[0][0], groups[1][0]
    if block.is_empty or block.is_marked or line.is_code or not _is_short(text, block):
        return False
    words = text[block.text_start : block.text_end]
    if words.startswith("|") or _COLUMNS.search(words):
        return False
    if not next_line.after_blank and text[below.text_start : below.text_start + 1].islower():
        return False
    if _EXCLAIMED.search(words):  # only a title asks or exclaims
        return on_top and (next_line.after_blank or not _ends_sentence(text, next_line))
    return not _TERMINATED.search(words)


def _is_short(text: str, block: Block) -> bool:
    words = text[block.text_start : block.text_end]
    return (
        "\n" not in words
        and len(words) <= MAX_HEADING_CHARS
        and len(words.split()) <= MAX_HEADING_WORDS
    )


def _demote_runs(blocks: list[Block]) -> list[Block]:
    """Turn long runs of unmarked headings (verse, addresses, tables) back into body."""
    result = list(blocks)
    run: list[int] = []
    for position, block in enumerate([*blocks, None]):
        if block is not None and block.kind == "heading" and not block.is_marked:
            run.append(position)
            continue
        if run and len(run) > (MAX_HEADING_RUN if run[0] else MAX_HEADER_RUN):
            for index in run:
                result[index] = result[index]._replace(kind="body")
        run = []
    return result
