"""DOCX (Word) -> `Contents`: text with notes, text boxes and tables; of tracked changes what is
inserted, not what is deleted.
"""

import re
from collections.abc import Iterator
from typing import Any

from qa.articles.formats.common.archive import Archive, get_attribute, local_name
from qa.articles.formats.common.contents import (
    Contents,
    FormatError,
    TextWriter,
    join_names,
    stated,
)
from qa.places import BODY, HEADING, ROW

MAIN = "word/document.xml"
_SKIPPED = frozenset(
    ("del", "moveFrom", "instrText", "delText", "Fallback", "rPr", "pPr", "sectPr", "tblPr", "trPr")
)
_NOTES = (("word/footnotes.xml", "footnote"), ("word/endnotes.xml", "endnote"))


def read_docx(data: bytes) -> Contents:
    """Read a Word file of 2007 or later.

    Raises:
        FormatError: it is damaged, encrypted or empty.
    """
    archive = Archive(data)
    main = MAIN if MAIN in archive else _find_main(archive)
    levels = _read_styles(archive)
    writer = TextWriter()
    writer.begin_part(main)
    body = next((child for child in archive.read_xml(main) if local_name(child) == "body"), None)
    for words, kind, level, anchor in _walk(body if body is not None else (), levels):
        writer.add(words, kind=kind, level=level, anchor=anchor)
    for part, tag in _NOTES:
        if part in archive:
            writer.begin_part(part)
            for note in archive.read_xml(part):
                if local_name(note) == tag and get_attribute(note, "type") in (None, "normal"):
                    for words, kind, _, _ in _walk(note, {}):
                        writer.add(words, kind=kind, anchor=get_attribute(note, "id") or "")
    if not writer.blocks:
        raise FormatError("holds no words: write something in it or remove it")
    core = archive.read_xml("docProps/core.xml") if "docProps/core.xml" in archive else ()
    about = {local_name(child): child.text for child in core}
    # "created" is no date of publication, but of the file or of the template it was made from.
    return writer.finish(
        title=stated(about.get("title")),
        author=join_names((about.get("creator") or "").split(";")),
    )


def _find_main(archive: Archive) -> str:
    """Name of the part that holds the text."""
    if "_rels/.rels" in archive:
        for relation in archive.read_xml("_rels/.rels"):
            if str(relation.get("Type")).endswith("/officeDocument"):
                return str(relation.get("Target")).lstrip("/")
    return MAIN


def _read_styles(archive: Archive) -> dict[str, int]:
    """Id of a style -> level of the heading that it makes, if it makes one."""
    if "word/styles.xml" not in archive:
        return {}
    levels: dict[str, int] = {}
    based_on: dict[str, str] = {}
    for style in archive.read_xml("word/styles.xml"):
        identity = get_attribute(style, "styleId")
        if local_name(style) != "style" or identity is None:
            continue
        for child in style.iter():
            value = get_attribute(child, "val") or ""
            if local_name(child) == "name" and (match := re.fullmatch(r"(?i)heading (\d)", value)):
                levels[identity] = int(match[1])
            elif local_name(child) == "name" and value.lower() == "title":
                levels[identity] = 1
            elif local_name(child) == "outlineLvl" and value.isdigit() and int(value) < 9:
                levels.setdefault(identity, int(value) + 1)
            elif local_name(child) == "basedOn":
                based_on[identity] = value
    for identity in based_on:
        above, steps = identity, 0
        while above not in levels and above in based_on and steps < 20:
            above, steps = based_on[above], steps + 1
        if above in levels:
            levels.setdefault(identity, levels[above])
    return levels


def _walk(body: Any, levels: dict[str, int]) -> Iterator[tuple[str, int, int, str]]:
    """(words, kind, level, anchor) of each paragraph and each row of a table."""
    waiting = list(reversed(list(body)))
    while waiting:
        element = waiting.pop()
        name = local_name(element)
        if name == "p":
            boxes: list[Any] = []
            words = "".join(_texts(element, boxes))
            level = _heading_level(element, levels)
            yield words, HEADING if level else BODY, level, _anchor(element)
            waiting.extend(reversed(boxes))
        elif name == "tbl":
            yield from _rows(element, levels)
        elif name and name not in _SKIPPED:
            waiting.extend(reversed(list(element)))


def _rows(
    table: Any,
    levels: dict[str, int],
) -> Iterator[tuple[str, int, int, str]]:
    """The rows of a table as `_walk` gives them, a tab between two cells; where each row has one
    cell, it is a frame, and its paragraphs are given instead.
    """
    is_single = all(
        sum(local_name(cell) == "tc" for cell in row) <= 1
        for row in table
        if local_name(row) == "tr"
    )
    for row in table:
        if local_name(row) != "tr":
            continue
        cells = []
        for cell in row.iter():
            if local_name(cell) == "tc" and _nearest(cell, "tr") is row:
                if is_single:  # a frame about a text
                    yield from _walk(cell, levels)
                else:
                    cells.append(
                        " ".join(" ".join(words.split()) for words, _, _, _ in _walk(cell, levels))
                    )
        if any(cells):
            yield "\t".join(cells), ROW, 0, ""


def _nearest(element: Any, name: str) -> Any:
    """The innermost element of this name around another, or None."""
    return next((above for above in element.iterancestors() if local_name(above) == name), None)


def _texts(paragraph: Any, boxes: list[Any]) -> Iterator[str]:
    """What a paragraph's runs say; text boxes within are set aside."""
    waiting = list(reversed(list(paragraph)))
    while waiting:
        element = waiting.pop()
        name = local_name(element)
        if name == "txbxContent":
            boxes.extend(element)
        elif name == "t":
            yield element.text or ""
        elif name in ("tab", "ptab"):
            yield " "
        elif name in ("br", "cr"):
            yield "\n" if get_attribute(element, "type") in (None, "textWrapping") else " "
        elif name == "noBreakHyphen":
            yield "‑"
        elif name == "sym":
            yield ""
        elif name and name not in _SKIPPED and not (name == "r" and _is_hidden(element)):
            waiting.extend(reversed(list(element)))


def _is_hidden(run: Any) -> bool:
    properties = next((child for child in run if local_name(child) == "rPr"), ())
    return any(
        local_name(one) in ("vanish", "webHidden")
        and get_attribute(one, "val") not in ("0", "false", "off")
        for one in properties
    )


def _heading_level(paragraph: Any, levels: dict[str, int]) -> int:
    """1 to 9; 0 of what is no heading."""
    properties = next((child for child in paragraph if local_name(child) == "pPr"), ())
    level = 0
    for one in properties:
        value = get_attribute(one, "val") or ""
        if local_name(one) == "pStyle":
            level = level or levels.get(value, 0)
        elif local_name(one) == "outlineLvl" and value.isdigit() and int(value) < 9:
            level = int(value) + 1
    return level


def _anchor(paragraph: Any) -> str:
    """Name of the first bookmark in a paragraph, or empty."""
    mark = next((one for one in paragraph if local_name(one) == "bookmarkStart"), None)
    return (get_attribute(mark, "name") or "") if mark is not None else ""
