"""DOCX (Word) -> its text: what is inserted but not what is deleted, with notes, text boxes and
tables.
"""

import re
from collections.abc import Iterator
from typing import Any

from qa.articles.formats.archive import Archive
from qa.articles.formats.contents import (
    Contents,
    FormatError,
    TextWriter,
    join_names,
    stated,
    stated_date,
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
    body = next((child for child in archive.read_xml(main) if _name(child) == "body"), None)
    for words, kind, level, anchor in _walk(body if body is not None else (), levels):
        writer.add(words, kind=kind, level=level, anchor=anchor)
    for part, tag in _NOTES:
        if part in archive:
            writer.begin_part(part)
            for note in archive.read_xml(part):
                if _name(note) == tag and _get(note, "type") in (None, "normal"):
                    for words, kind, _, _ in _walk(note, {}):
                        writer.add(words, kind=kind, anchor=_get(note, "id") or "")
    if not writer.blocks:
        raise FormatError("holds no words: write something in it or remove it")
    core = archive.read_xml("docProps/core.xml") if "docProps/core.xml" in archive else ()
    about = {_name(child): child.text for child in core}
    return writer.finish(
        title=stated(about.get("title")),
        author=join_names((about.get("creator") or "").split(";")),
        date=stated_date(about.get("created")),
    )


def _find_main(archive: Archive) -> str:
    if "_rels/.rels" in archive:
        for relation in archive.read_xml("_rels/.rels"):
            if str(relation.get("Type")).endswith("/officeDocument"):
                return str(relation.get("Target")).lstrip("/")
    return MAIN


def _name(element: Any) -> str:  # noqa: ANN401
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _get(element: Any, name: str) -> str | None:  # noqa: ANN401
    """An attribute, whatever its namespace: strict and transitional files differ in it."""
    return next(
        (str(value) for key, value in element.attrib.items() if key.rpartition("}")[2] == name),
        None,
    )


def _read_styles(archive: Archive) -> dict[str, int]:
    """Id of a style -> level of the heading that it makes, if it makes one."""
    if "word/styles.xml" not in archive:
        return {}
    levels: dict[str, int] = {}
    based_on: dict[str, str] = {}
    for style in archive.read_xml("word/styles.xml"):
        identity = _get(style, "styleId")
        if _name(style) != "style" or identity is None:
            continue
        for child in style.iter():
            value = _get(child, "val") or ""
            if _name(child) == "name" and (match := re.fullmatch(r"(?i)heading (\d)", value)):
                levels[identity] = int(match[1])
            elif _name(child) == "name" and value.lower() == "title":
                levels[identity] = 1
            elif _name(child) == "outlineLvl" and value.isdigit() and int(value) < 9:
                levels.setdefault(identity, int(value) + 1)
            elif _name(child) == "basedOn":
                based_on[identity] = value
    for identity in based_on:
        above, steps = identity, 0
        while above not in levels and above in based_on and steps < 20:
            above, steps = based_on[above], steps + 1
        if above in levels:
            levels.setdefault(identity, levels[above])
    return levels


def _walk(body: Any, levels: dict[str, int]) -> Iterator[tuple[str, int, int, str]]:  # noqa: ANN401
    """(words, kind, level, anchor) of each paragraph and each row of a table."""
    waiting = list(reversed(list(body)))
    while waiting:
        element = waiting.pop()
        name = _name(element)
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


def _rows(table: Any, levels: dict[str, int]) -> Iterator[tuple[str, int, int, str]]:  # noqa: ANN401
    is_single = all(
        sum(_name(cell) == "tc" for cell in row) <= 1 for row in table if _name(row) == "tr"
    )
    for row in table:
        if _name(row) != "tr":
            continue
        cells = []
        for cell in row.iter():
            if _name(cell) == "tc" and _nearest(cell, "tr") is row:
                if is_single:  # a frame about a text
                    yield from _walk(cell, levels)
                else:
                    cells.append(
                        " ".join(" ".join(words.split()) for words, _, _, _ in _walk(cell, levels))
                    )
        if any(cells):
            yield "\t".join(cells), ROW, 0, ""


def _nearest(element: Any, name: str) -> Any:  # noqa: ANN401
    return next((above for above in element.iterancestors() if _name(above) == name), None)


def _texts(paragraph: Any, boxes: list[Any]) -> Iterator[str]:  # noqa: ANN401
    """What a paragraph's runs say; text boxes within are set aside."""
    waiting = list(reversed(list(paragraph)))
    while waiting:
        element = waiting.pop()
        name = _name(element)
        if name == "txbxContent":
            boxes.extend(element)
        elif name == "t":
            yield element.text or ""
        elif name in ("tab", "ptab"):
            yield " "
        elif name in ("br", "cr"):
            yield "\n" if _get(element, "type") in (None, "textWrapping") else " "
        elif name == "noBreakHyphen":
            yield "‑"
        elif name == "sym":
            yield ""
        elif name and name not in _SKIPPED and not (name == "r" and _is_hidden(element)):
            waiting.extend(reversed(list(element)))


def _is_hidden(run: Any) -> bool:  # noqa: ANN401
    properties = next((child for child in run if _name(child) == "rPr"), ())
    return any(
        _name(one) in ("vanish", "webHidden") and _get(one, "val") not in ("0", "false", "off")
        for one in properties
    )


def _heading_level(paragraph: Any, levels: dict[str, int]) -> int:  # noqa: ANN401
    properties = next((child for child in paragraph if _name(child) == "pPr"), ())
    level = 0
    for one in properties:
        value = _get(one, "val") or ""
        if _name(one) == "pStyle":
            level = level or levels.get(value, 0)
        elif _name(one) == "outlineLvl" and value.isdigit() and int(value) < 9:
            level = int(value) + 1
    return level


def _anchor(paragraph: Any) -> str:  # noqa: ANN401
    mark = next((one for one in paragraph if _name(one) == "bookmarkStart"), None)
    return (_get(mark, "name") or "") if mark is not None else ""
