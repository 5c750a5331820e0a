"""ODT (LibreOffice) -> `Contents`: text with notes, lists and tables, without what tracked changes
deleted.
"""

from collections.abc import Iterator
from typing import Any

from qa.articles.formats.common.archive import Archive, get_attribute, local_name
from qa.articles.formats.common.contents import Contents, FormatError, TextWriter, stated
from qa.places import BODY, HEADING, ROW

_SKIPPED = frozenset(
    (
        "tracked-changes",
        "annotation",
        "annotation-end",
        "forms",
        "sequence-decls",
        "variable-decls",
        "user-field-decls",
        "table-of-content",
        "alphabetical-index",
        "desc",
        "title",
        "event-listeners",
        "binary-data",
        "bibliography",
        "illustration-index",
        "table-index",
        "user-index",
        "object-index",
    )
)


def read_odt(data: bytes) -> Contents:
    """Read a text of LibreOffice or another program that writes OpenDocument.

    Raises:
        FormatError: it is damaged, encrypted or empty.
    """
    archive = Archive(data)
    if "META-INF/manifest.xml" in archive and b"encryption-data" in archive.read(
        "META-INF/manifest.xml"
    ):
        raise FormatError("is encrypted: save a copy without a password")
    body = next((one for one in archive.read_xml("content.xml") if local_name(one) == "body"), ())
    writer = TextWriter()
    writer.begin_part("content.xml")
    for words, kind, level, anchor in _walk(body):
        writer.add(words, kind=kind, level=level, anchor=anchor)
    if not writer.blocks:
        raise FormatError("holds no words: write something in it or remove it")
    about: dict[str, str] = {}
    if "meta.xml" in archive:
        about = {local_name(one): one.text or "" for one in archive.read_xml("meta.xml").iter()}
    # "creation-date" and "date" say when the file was made and saved, not when it was published.
    return writer.finish(
        title=stated(about.get("title")),
        author=stated(about.get("initial-creator") or about.get("creator")),
        language=stated(about.get("language")),
    )


def _walk(body: Any) -> Iterator[tuple[str, int, int, str]]:
    """(words, kind, level, anchor) of each paragraph and each row of a table."""
    waiting = list(reversed(list(body)))
    while waiting:
        element = waiting.pop()
        name = local_name(element)
        if name in ("p", "h"):
            aside: list[Any] = []
            words = "".join(_texts(element, aside))
            level = _level(element) if name == "h" else 0
            yield words, HEADING if level else BODY, level, _anchor(element)
            waiting.extend(reversed(aside))
        elif name == "table":
            yield from _rows(element)
        elif name and name not in _SKIPPED:
            waiting.extend(reversed(list(element)))


def _level(heading: Any) -> int:
    """1 to 9."""
    value = get_attribute(heading, "outline-level") or "1"
    return min(9, int(value)) if value.isdigit() and int(value) else 1


def _anchor(element: Any) -> str:
    """Name of the first bookmark in a paragraph, or empty."""
    mark = next((one for one in element if local_name(one) in ("bookmark", "bookmark-start")), None)
    return (get_attribute(mark, "name") or "") if mark is not None else ""


def _rows(table: Any) -> Iterator[tuple[str, int, int, str]]:
    for row in table.iter("{*}table-row"):
        if next((above for above in row.iterancestors("{*}table")), None) is not table:
            continue
        cells = [
            " ".join(" ".join(words.split()) for words, _, _, _ in _walk(cell))
            for cell in row
            if local_name(cell) in ("table-cell", "covered-table-cell")
        ]
        if any(cells):
            yield "\t".join(cells), ROW, 0, ""


def _texts(paragraph: Any, aside: list[Any]) -> Iterator[str]:
    """What a paragraph says; notes and frames within are set aside, to follow it."""
    yield paragraph.text or ""
    waiting: list[Any] = list(reversed(list(paragraph)))
    while waiting:
        element = waiting.pop()
        if isinstance(element, str):
            yield element
            continue
        name = local_name(element)
        waiting.append(element.tail or "")
        if name == "note":
            aside.extend(one for one in element if local_name(one) == "note-body")
        elif name in ("text-box", "table"):
            aside.append(element)
        elif name == "s":
            count = get_attribute(element, "c") or "1"
            yield " " * min(100, int(count) if count.isdigit() else 1)
        elif name == "tab":
            yield " "
        elif name == "line-break":
            yield "\n"
        elif name and name not in _SKIPPED:
            waiting.extend(reversed(list(element)))
            if name not in ("frame", "image", "object"):
                yield element.text or ""
