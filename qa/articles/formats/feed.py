"""A feed (RSS, Atom) as it was fetched -> `Contents`: its entries, each under its title."""

import io
import re
from collections.abc import Mapping
from typing import Any

from qa.articles.formats.common.contents import (
    Contents,
    FormatError,
    TextWriter,
    stated,
    stated_date,
)
from qa.articles.formats.common.markup import parse_html, walk_blocks, write_blocks
from qa.places import HEADING

MAX_ENTRIES = 2000
"""feedparser takes three quarters of a millisecond for each."""


def read_feed(data: bytes) -> Contents:
    """Read a feed with the texts that are in it.

    Raises:
        FormatError: it is no feed, or holds no or far too many entries.
    """
    import feedparser

    count = len(re.findall(rb"<(?:\w+:)?(?:item|entry)[\s>]", data))
    if count > MAX_ENTRIES:
        raise FormatError(
            f"has {count:,} entries (at most {MAX_ENTRIES:,}): it is no feed, or must be split"
        )
    if re.search(rb"<!ENTITY", data):
        raise FormatError("declares entities, as no feed does and attackers do: it is not read")
    feed = feedparser.parse(io.BytesIO(data), resolve_relative_uris=False)
    writer = TextWriter()
    for entry in feed.entries:
        _write_entry(writer, entry)
    if not writer.blocks:
        raise FormatError("holds no entries with text: follow its links with `qa add --feed`")
    about = feed.feed
    return writer.finish(
        title=stated(about.get("title")),
        author=stated(about.get("author")),
        date=stated_date(about.get("updated")),
        url=stated(about.get("link")),
        language=stated(about.get("language")),
    )


def _write_entry(writer: TextWriter, entry: Mapping[str, Any]) -> None:
    writer.begin_part(str(entry.get("link") or entry.get("id") or ""))
    title = stated(_plain(str(entry.get("title") or "")))
    if title:
        writer.add(title, kind=HEADING, level=1)
    contents = entry.get("content") or (
        [entry["summary_detail"]] if entry.get("summary_detail") else []
    )
    for content in contents:
        value = str(content.get("value") or "")
        if "<" in value and "html" in str(content.get("type", "html")):
            write_blocks(
                writer, [block._replace(level=0) for block in walk_blocks(parse_html(value))]
            )
        else:
            for paragraph in re.split(r"\n\s*\n", value):
                writer.add(paragraph)


def _plain(value: str) -> str:
    return re.sub(r"<[^<>]{1,200}>", "", value)
