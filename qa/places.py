"""Where each part of an article's text is in the file it was read from: page, heading, chapter.

An `Article` keeps these rows packed (JSON in zlib), as the store does, and unpacks them on demand.
"""

import json
import zlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, Self

BODY, HEADING, CODE, ROW = range(4)
"""Kinds of blocks: a paragraph, a heading, lines of code, a line of a table."""


class BlockRow(NamedTuple):
    """One block of the text, `text[start:end]`."""

    start: int
    end: int
    kind: int = BODY
    section: int = -1
    """Number of the section it stands in; -1 for none."""
    part: int = -1
    """Number of the file within an archive; -1 for none."""
    anchor: str = ""
    """The nearest id before it."""
    marker: int = 0
    """Characters of a bullet or number at its start."""


class LineRow(NamedTuple):
    """Characters of a PDF's page: `text[start:start + length]` are its `chars` characters from
    `first`.
    """

    start: int
    length: int
    page: int
    """Counted from 0."""
    first: int
    chars: int


class SectionRow(NamedTuple):
    """A heading, and the number of the section above it (-1 for none)."""

    title: str
    parent: int


class PageRange(NamedTuple):
    """Characters on a page of a PDF, as PDFium counts them."""

    page: int
    """Counted from 1."""
    first: int
    chars: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a quote is in its file, in the terms by which a person looks it up."""

    page: int | None = None
    """Counted from 1."""
    label: str = ""
    """The page number printed on it, where that differs."""
    last_page: int | None = None
    """The page on which the quote ends, where that is another one."""
    section: tuple[str, ...] = ()
    """Headings above it, the highest first."""
    part: str = ""
    """File within an archive."""
    anchor: str = ""
    """The nearest id in that file."""

    def __str__(self) -> str:
        """As in "p. 32 (printed 23), Simple Example > Step 4"; empty where nothing is known."""
        pieces = []
        if self.page is not None:
            pages = (
                f"p. {self.page}" if self.last_page is None else f"pp. {self.page}–{self.last_page}"
            )
            pieces.append(f"{pages} (printed {self.label})" if self.label else pages)
        if self.section:
            pieces.append(" > ".join(self.section))
        return ", ".join(pieces)


@dataclass(frozen=True, slots=True)
class Origin:
    """The file that an article was read from, and where in it each part of the text stands."""

    format: str
    """What the file is, as "PDF"."""
    reader: str
    """Name and version of the reader; another version may produce another text."""
    sha256: str
    """Of the file's bytes."""
    packed: bytes = field(repr=False)
    notes: tuple[str, ...] = ()
    """Warnings about the file: pages that were not read, a misleading name."""

    @property
    def layout(self) -> "Layout":
        """The rows, unpacked."""
        return _unpack(self.packed)


@dataclass(frozen=True, slots=True)
class Layout:
    """Rows in order of their places in the text."""

    blocks: tuple[BlockRow, ...]
    sections: tuple[SectionRow, ...] = ()
    parts: tuple[str, ...] = ()
    lines: tuple[LineRow, ...] = ()
    labels: tuple[str, ...] = ()
    """The page numbers printed in a PDF, one a page."""

    def pack(self) -> bytes:
        """The rows as they are stored."""
        value = [self.blocks, self.sections, self.parts, self.lines, self.labels]
        return zlib.compress(
            json.dumps(value, separators=(",", ":")).encode("utf-8", "surrogatepass"), 6
        )

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Read what `pack` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            blocks, sections, parts, lines, labels = json.loads(zlib.decompress(packed))
            return cls(
                tuple(BlockRow(*row) for row in blocks),
                tuple(SectionRow(*row) for row in sections),
                tuple(parts),
                tuple(LineRow(*row) for row in lines),
                tuple(labels),
            )
        except (zlib.error, TypeError, ValueError) as error:
            raise ValueError(f"these are no places of a text ({error})") from error

    @property
    def pages(self) -> int:
        """How many pages there are; 0 in what has none."""
        return len(self.labels)

    def find_block(self, at: int) -> BlockRow | None:
        """The block that holds a character, or else the one before it."""
        number = bisect_right(self.blocks, at, key=lambda block: block.start) - 1
        return self.blocks[number] if number >= 0 else None

    def find_place(self, start: int, end: int) -> Place:
        """Page, section and part of `text[start:end]`."""
        block = self.find_block(start)
        ranges = self.find_characters(start, end)
        page = ranges[0].page if ranges else None
        label = self.labels[page - 1] if page is not None and page <= len(self.labels) else ""
        return Place(
            page=page,
            label=label if label != str(page) else "",
            last_page=ranges[-1].page if ranges and ranges[-1].page != page else None,
            section=self._path(block.section) if block else (),
            part=self.parts[block.part] if block and 0 <= block.part < len(self.parts) else "",
            anchor=block.anchor if block else "",
        )

    def find_characters(self, start: int, end: int) -> list[PageRange]:
        """The characters of a PDF's pages that `text[start:end]` came from, line by line."""
        found = []
        number = max(0, bisect_right(self.lines, start, key=lambda line: line.start) - 1)
        for line in self.lines[number:]:
            if line.start >= end:
                break
            first, last = max(start, line.start), min(end, line.start + line.length)
            if first >= last:
                continue
            # Letters of the text and characters of the page go side by side, but for ligatures,
            # which count as one.
            if line.length == line.chars:
                found.append(
                    PageRange(line.page + 1, line.first + first - line.start, last - first)
                )
            else:
                found.append(PageRange(line.page + 1, line.first, line.chars))
        return found

    def find_on_page(self, page: int) -> tuple[int, int] | None:
        """Start and end of the text of a page, counted from 1; None where it has none."""
        here = [line for line in self.lines if line.page == page - 1]
        return (here[0].start, here[-1].start + here[-1].length) if here else None

    def _path(self, section: int) -> tuple[str, ...]:
        titles: list[str] = []
        while 0 <= section < len(self.sections) and len(titles) < 20:
            title, section = self.sections[section]
            titles.append(title)
        return tuple(reversed(titles))


@lru_cache(maxsize=64)
def _unpack(packed: bytes) -> Layout:
    return Layout.unpack(packed)


def merge_ranges(ranges: Sequence[PageRange], page: int) -> list[tuple[int, int]]:
    """(first, count) of the ranges on one page."""
    return [(one.first, one.chars) for one in ranges if one.page == page]
