"""Blocks of a file -> `Contents`: its text, and where each part of the text is in the file.

Every reader writes through a `TextWriter`, so that all texts are laid out alike: a blank line
between two blocks, rows of a table as lines with a tab between two cells.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from qa.places import BODY, CODE, HEADING, ROW, BlockRow, Layout, LineRow, SectionRow

MAX_TEXT_CHARS = 20_000_000
"""Limit of a text; the Bible has 4.5 million characters."""
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufeff\ufffe\uffff]")
_SPACE = re.compile(r"[ \t\n\r\f]+")
_TO_SPACE = str.maketrans(
    {"\r": " ", "\x0b": " ", "\x0c": " ", "\x85": " ", "\u2028": " ", "\u2029": " "}
)


class FormatError(Exception):
    """A file cannot be read; the message says why, and what to do."""


class PasswordNeeded(FormatError):
    """A file is encrypted, and no password, or a wrong one, was given."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The text of a file, its layout, and what the file states about itself."""

    text: str
    blocks: tuple[BlockRow, ...]
    sections: tuple[SectionRow, ...] = ()
    parts: tuple[str, ...] = ()
    lines: tuple[LineRow, ...] = ()
    labels: tuple[str, ...] = ()
    """The page numbers printed in a PDF, one a page."""
    title: str | None = None
    author: str | None = None
    date: str | None = None
    url: str | None = None
    language: str | None = None
    """As the file states it, which is often wrong."""
    notes: tuple[str, ...] = ()
    """Warnings about the file: pages that were not read, a misleading name."""

    @property
    def layout(self) -> Layout:
        """Where each part of the text is in the file."""
        return Layout(self.blocks, self.sections, self.parts, self.lines, self.labels)

    def to_json(self) -> dict[str, Any]:
        """All fields as a JSON value."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Read what `to_json` returned.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        made: dict[str, Any] = {
            **value,
            "blocks": tuple(BlockRow(*row) for row in value["blocks"]),
            "sections": tuple(SectionRow(*row) for row in value["sections"]),
            "lines": tuple(LineRow(*row) for row in value["lines"]),
            **{name: tuple(map(str, value[name])) for name in ("parts", "labels", "notes")},
        }
        return cls(**made)


@dataclass(slots=True)
class TextWriter:
    """Collects blocks in order: their text, and the rows that say where each comes from."""

    pieces: list[str] = field(default_factory=list)
    length: int = 0
    blocks: list[BlockRow] = field(default_factory=list)
    sections: list[SectionRow] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    lines: list[LineRow] = field(default_factory=list)
    _open: list[tuple[int, int]] = field(default_factory=list)
    """(level, section) of the headings that the next block stands under."""

    def begin_part(self, name: str) -> None:
        """Continue with another file of an archive; open sections are closed."""
        self.parts.append(name)
        self._open.clear()

    def open_section(self, title: str, level: int) -> None:
        """Put the blocks that follow under this heading (1 is the highest level)."""
        while self._open and self._open[-1][0] >= level:
            self._open.pop()
        self.sections.append(SectionRow(title, self._open[-1][1] if self._open else -1))
        self._open.append((level, len(self.sections) - 1))

    def add(self, words: str, *, kind: int = BODY, level: int = 0, anchor: str = "") -> int | None:
        r"""Write one block, and for a heading of some level open its section; returns where the
        block begins.

        White space is as a browser shows it: a run is one space, but line breaks stay in code and
        where `\n` is given on purpose. Nothing is written, and None returned, where there are no
        words.
        """
        words = clean(words, keep_lines=kind == CODE, keep_tabs=kind == ROW)
        if not words:
            return None
        if level and kind == HEADING:
            self.open_section(" ".join(words.split()), level)
        return self.add_exact(words, kind=kind, anchor=anchor)

    def add_exact(self, words: str, *, kind: int = BODY, anchor: str = "", marker: int = 0) -> int:
        """Write one block unchanged; `marker` is the length of a bullet or number at its start.
        Returns where it begins.
        """
        if self.length + len(words) > MAX_TEXT_CHARS:
            raise FormatError(f"has more than {MAX_TEXT_CHARS:,} characters of text: split it")
        if self.blocks:
            gap = "\n" if kind == ROW and self.blocks[-1].kind == ROW else "\n\n"
            self.pieces.append(gap)
            self.length += len(gap)
        start = self.length
        self.pieces.append(words)
        self.length += len(words)
        section = self._open[-1][1] if self._open else -1
        self.blocks.append(
            BlockRow(start, self.length, kind, section, len(self.parts) - 1, anchor, marker)
        )
        return start

    def finish(self, **stated: Any) -> Contents:
        """All that was written; `stated` are the other fields of `Contents`."""
        return Contents(
            text="".join(self.pieces),
            blocks=tuple(self.blocks),
            sections=tuple(self.sections),
            parts=tuple(self.parts),
            lines=tuple(self.lines),
            **stated,
        )


def clean(words: str, *, keep_lines: bool = False, keep_tabs: bool = False) -> str:
    r"""Text without control characters and lone surrogates, with runs of white space as one space;
    `\n` stays a line break.
    """
    words = _UNFIT.sub("", words.replace("\r\n", "\n").translate(_TO_SPACE))
    if keep_lines:
        lines = [line.rstrip() for line in words.split("\n")]
        while lines and not lines[0]:
            del lines[0]
        while lines and not lines[-1]:
            lines.pop()
        # A blank line would end the block for a reader of the text alone.
        return "\n".join(line or " " for line in lines).rstrip()
    if keep_tabs:
        return "\t".join(_SPACE.sub(" ", cell).strip(" ") for cell in words.split("\t")).rstrip(
            "\t"
        )
    lines = [_SPACE.sub(" ", line).strip(" ") for line in words.split("\n")]
    return "\n".join(filter(None, lines))


def stated(value: str | None) -> str | None:
    """A stated title, author or the like as one line; None where it has no letters or digits."""
    words = " ".join(clean(value or "").split())
    return words if any(char.isalnum() for char in words) else None


def stated_date(value: str | None) -> str | None:
    """The ISO 8601 date of a time in the form of ISO 8601 or PDF; None of years before 1401 or
    after 2199, which programs write for "unknown".
    """
    match = re.match(r"\s*(?:D:)?(\d{4})-?(\d{2})?-?(\d{2})?", value or "")
    if not match or not 1400 < int(match[1]) < 2200:
        return None
    return "-".join(part for part in match.groups() if part)


def join_names(names: Iterable[str | None]) -> str | None:
    """Names as one line."""
    return ", ".join(dict.fromkeys(filter(None, map(stated, names)))) or None
