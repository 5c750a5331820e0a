"""ODT (LibreOffice) -> its text with notes, lists and tables, without what changes deleted."""

from collections.abc import Iterator
from typing import Any

from qa.articles.formats.archive import Archive
from qa.articles.formats.contents import Contents, FormatError, TextWriter, stated, stated_date
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
    body = next((one for one in archive.read_xml("content.xml") if _name(one) == "body"), ())
    writer = TextWriter()
    writer.begin_part("content.xml")
    for words, kind, level, anchor in _walk(body):
        writer.add(words, kind=kind, level=level, anchor=anchor)
    if not writer.blocks:
        raise FormatError("holds no words: write something in it or remove it")
    about: dict[str, str] = {}
    if "meta.xml" in archive:
        about = {_name(one): one.text or "" for one in archive.read_xml("meta.xml").iter()}
    return writer.finish(
        title=stated(about.get("title")),
        author=stated(about.get("initial-creator") or about.get("creator")),
        date=stated_date(about.get("creation-date") or about.get("date")),
        language=stated(about.get("language")),
    )


def _name(element: Any) -> str:  # noqa: ANN401
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _get(element: Any, name: str) -> str | None:  # noqa: ANN401
    return next(
        (str(value) for key, value in element.attrib.items() if key.rpartition("}")[2] == name),
        None,
    )


def _walk(body: Any) -> Iterator[tuple[str, int, int, str]]:  # noqa: ANN401
    waiting = list(reversed(list(body)))
    while waiting:
        element = waiting.pop()
        name = _name(element)
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


def _level(heading: Any) -> int:  # noqa: ANN401
    value = _get(heading, "outline-level") or "1"
    return min(9, int(value)) if value.isdigit() and int(value) else 1


def _anchor(element: Any) -> str:  # noqa: ANN401
    mark = next((one for one in element if _name(one) in ("bookmark", "bookmark-start")), None)
    return (_get(mark, "name") or "") if mark is not None else ""


def _rows(table: Any) -> Iterator[tuple[str, int, int, str]]:  # noqa: ANN401
    for row in table.iter("{*}table-row"):
        if next((above for above in row.iterancestors("{*}table")), None) is not table:
            continue
        cells = [
            " ".join(" ".join(words.split()) for words, _, _, _ in _walk(cell))
            for cell in row
            if _name(cell) in ("table-cell", "covered-table-cell")
        ]
        if any(cells):
            yield "\t".join(cells), ROW, 0, ""


def _texts(paragraph: Any, aside: list[Any]) -> Iterator[str]:  # noqa: ANN401
    """What a paragraph says; notes and frames within are set aside, to follow it."""
    yield paragraph.text or ""
    waiting: list[Any] = list(reversed(list(paragraph)))
    while waiting:
        element = waiting.pop()
        if isinstance(element, str):
            yield element
            continue
        name = _name(element)
        waiting.append(element.tail or "")
        if name == "note":
            aside.extend(one for one in element if _name(one) == "note-body")
        elif name in ("text-box", "table"):
            aside.append(element)
        elif name == "s":
            yield " " * min(
                100, int(_get(element, "c") or "1") if (_get(element, "c") or "1").isdigit() else 1
            )
        elif name == "tab":
            yield " "
        elif name == "line-break":
            yield "\n"
        elif name and name not in _SKIPPED:
            waiting.extend(reversed(list(element)))
            if name not in ("frame", "image", "object"):
                yield element.text or ""
