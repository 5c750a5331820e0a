"""EPUB -> `Contents`: the chapters of a book in their order, each a part of its own."""

import posixpath
from typing import Any
from urllib.parse import unquote

from qa.articles.formats.common.archive import Archive
from qa.articles.formats.common.contents import (
    Contents,
    FormatError,
    TextWriter,
    join_names,
    stated,
    stated_date,
)
from qa.articles.formats.common.markup import parse_html, walk_blocks, write_blocks
from qa.articles.formats.html import decode_html, without_declaration

_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")


def read_epub(data: bytes) -> Contents:
    """Read a book without copy protection.

    Raises:
        FormatError: it is damaged, protected or empty.
    """
    archive = Archive(data)
    if (
        "META-INF/encryption.xml" in archive
        and b"obfuscation" not in archive.read("META-INF/encryption.xml").lower()
    ):
        raise FormatError("is protected against copying: it cannot be read here")
    container = archive.read_xml("META-INF/container.xml")
    package = next((str(one.get("full-path")) for one in container.iter("{*}rootfile")), "")
    root = archive.read_xml(package)
    writer = TextWriter()
    notes = []
    for name in _reading_order(root, posixpath.dirname(package)):
        if name not in archive:
            notes.append(f"its chapter {name} is missing")
            continue
        writer.begin_part(name)
        try:
            page = parse_html(without_declaration(decode_html(archive.read(name))))
        except FormatError as error:
            if "holds no web page" not in str(error):
                raise
            continue
        write_blocks(writer, walk_blocks(page))
    if not writer.blocks:
        raise FormatError("holds no words: it may be a book of pictures")
    return writer.finish(
        title=next((title for one in root.iter("{*}title") if (title := stated(one.text))), None),
        author=join_names(one.text for one in root.iter("{*}creator")),
        date=_publication_date(root),
        language=next((stated(one.text) for one in root.iter("{*}language")), None),
        notes=tuple(notes),
    )


def _publication_date(root: Any) -> str | None:
    """The first date that is not the moment when the file was made, which converters write where
    they know no other.
    """
    made = {one.text for one in root.iter("{*}meta") if one.get("property") == "dcterms:modified"}
    days = (
        stated_date(one.text)
        for one in root.iter("{*}date")
        if one.text not in made
        and one.get("{http://www.idpf.org/2007/opf}event") not in ("modification", "creation")
    )
    return next(filter(None, days), None)


def _reading_order(root: Any, folder: str) -> list[str]:
    """Names of the chapters; the table of contents is left out, since it repeats their headings."""
    items = {one.get("id"): one for one in root.iter("{*}item")}
    found = []
    for reference in root.iter("{*}itemref"):
        item = items.get(reference.get("idref"))
        if (
            item is None
            or item.get("media-type") not in _PAGES
            or "nav" in (item.get("properties") or "").split()
        ):
            continue
        found.append(posixpath.normpath(posixpath.join(folder, unquote(str(item.get("href"))))))
    return list(dict.fromkeys(found))
