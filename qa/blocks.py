"""Text -> blocks: the headings, paragraphs and list items that a person sees in a plain-text or Markdown file.

Both the title heuristics (`articles`) and the splitter (`passages`) read the layout from here, so that they cannot
disagree about what is a heading.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from qa.types import Kind, Span

_ATX_HEADING = re.compile(r"[ ]{0,3}#{1,6}[ \t]+(?=\S)")
_LIST_MARKER = re.compile(r"[ \t]*(?:[-*+•‣–]|\d{1,3}[.)])[ \t]+(?=\S)")
_QUOTE_MARKER = re.compile(r"[ ]{0,3}(?:>[ ]?)+(?=\S)")
_FENCE = re.compile(r"[ ]{0,3}(?:```|~~~)")
_SETEXT_UNDERLINE = re.compile(r"[ ]{0,3}(?:=+|-{2,})[ \t]*")
_TERMINATED = re.compile(r"[.!?…。！？؟۔;؛,،][\"'”’»)\]*_]*$")

WRAP_WIDTHS = range(40, 121)
"""Line widths at which people and programs break lines by hand; a longer line is a whole paragraph."""
LONGEST_BROKEN_WORD = 15
LEAST_FULL_LINES = 0.25
"""Share of lines that end within a long word of the margin in a text that was wrapped there."""
MAX_HEADING_WORDS = 14
MAX_HEADING_CHARS = 100
MAX_HEADING_RUN = 4
"""More short lines than this in a row are verse, an address or a table, not headings."""


class Block(NamedTuple):
    """A piece of layout: `[start, end)` with its marker (`# `, `- `), `[text_start, text_end)` without."""

    start: int
    end: int
    text_start: int
    text_end: int
    kind: Kind

    @property
    def is_empty(self) -> bool:
        """Whether the block is only decoration: a rule, a fence, an underline."""
        return self.text_start == self.text_end


class _Line(NamedTuple):
    start: int
    end: int
    marker_end: int
    after_blank: bool
    standalone: bool
    kind: Kind
    is_item: bool = False


def split_blocks(text: str, start: int = 0) -> list[Block]:
    """Split `text[start:]` into blocks, in order; between them stands nothing but white space."""
    lines = list(_classify_lines(text, start))
    blocks = [_block(text, group) for group in _join_wrapped_lines(text, lines)]
    return _demote_runs(_mark_unterminated_lines(text, blocks))


def _split_lines(text: str, start: int) -> Iterator[Span]:
    # Only "\n": str.splitlines would also break at U+2028, form feeds and others that stand inside sentences.
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield Span(start, end)
        start = end + 1


def _classify_lines(text: str, start: int) -> Iterator[_Line]:
    after_blank, fenced = True, False
    for line_start, line_end in _split_lines(text, start):
        line = text[line_start:line_end]
        stripped = line.strip()
        if not stripped:
            after_blank = True
            continue
        first = line_start + len(line) - len(line.lstrip())
        last = line_start + len(line.rstrip())
        if _FENCE.match(line):
            fenced = not fenced
            yield _Line(first, last, last, after_blank, True, "body")
        elif fenced:
            yield _Line(first, last, first, after_blank, True, "body")
        elif not any(char.isalnum() for char in stripped):
            underlined = _SETEXT_UNDERLINE.fullmatch(line) is not None and not after_blank
            yield _Line(first, last, last, after_blank, True, "heading" if underlined else "body")
        elif match := _ATX_HEADING.match(line):
            yield _Line(first, last, line_start + match.end(), after_blank, True, "heading")
        elif match := _LIST_MARKER.match(line):
            yield _Line(first, last, line_start + match.end(), after_blank, False, "body", is_item=True)
        elif match := _QUOTE_MARKER.match(line):
            yield _Line(first, last, line_start + match.end(), after_blank, True, "body")
        else:
            yield _Line(first, last, first, after_blank, stripped.startswith("|"), "body")
        after_blank = False


def _join_wrapped_lines(text: str, lines: list[_Line]) -> Iterator[list[_Line]]:
    """Group the lines that an editor broke at its margin; a break made on purpose begins a new group."""
    margin = _find_margin([line.end - line.start for line in lines])
    group: list[_Line] = []
    for line in lines:
        if group and not (margin is not None and _is_wrapped(text, group[-1], line, margin)):
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def _find_margin(lengths: list[int]) -> int | None:
    """Where the lines of a text were broken by hand, if they were: many of them end shortly before it."""
    if not lengths:
        return None
    margin = sorted(lengths)[min(len(lengths) - 1, len(lengths) * 98 // 100)]
    near = sum(margin - LONGEST_BROKEN_WORD < length <= margin for length in lengths)
    return margin if margin in WRAP_WIDTHS and near >= 2 and near >= len(lengths) * LEAST_FULL_LINES else None


def _is_wrapped(text: str, previous: _Line, line: _Line, margin: int) -> bool:
    """Whether the break before `line` is only the margin: its first word would not have fitted above."""
    if line.after_blank or line.standalone or previous.standalone or line.is_item:
        return False
    first_word = text[line.start : line.end].split(maxsplit=1)[0]
    return (previous.end - previous.start) + 1 + len(first_word) > margin - 1


def _block(text: str, lines: list[_Line]) -> Block:
    first, last = lines[0], lines[-1]
    text_end = last.end
    if first.kind == "heading":
        # A closing run of # belongs to Markdown, not to the heading.
        text_end = first.marker_end + len(text[first.marker_end : last.end].rstrip("#").rstrip()) or last.end
    return Block(first.start, last.end, first.marker_end, max(first.marker_end, text_end), first.kind)


def _mark_unterminated_lines(text: str, blocks: list[Block]) -> list[Block]:
    """Make headings of short lines that do not end like a sentence and have something below them."""
    marked = []
    for position, block in enumerate(blocks):
        following = blocks[position + 1] if position + 1 < len(blocks) else None
        underlined = following is not None and following.is_empty and following.kind == "heading"
        announces = following is not None and block.start == block.text_start and _looks_like_heading(text, block)
        is_heading = block.kind == "heading" or underlined or announces
        marked.append(block._replace(kind="heading") if is_heading and not block.is_empty else block)
    return marked


def _looks_like_heading(text: str, block: Block) -> bool:
    line = text[block.text_start : block.text_end]
    if "\n" in line or line.startswith("|") or len(line) > MAX_HEADING_CHARS:
        return False
    return len(line.split()) <= MAX_HEADING_WORDS and not _TERMINATED.search(line)


def _demote_runs(blocks: list[Block]) -> list[Block]:
    """Make body again of long runs of short lines without a marker."""
    result = list(blocks)
    run: list[int] = []
    for position, block in enumerate([*blocks, None]):
        if block is not None and block.kind == "heading" and block.start == block.text_start:
            run.append(position)
            continue
        if len(run) > MAX_HEADING_RUN:
            for index in run:
                result[index] = result[index]._replace(kind="body")
        run = []
    return result
