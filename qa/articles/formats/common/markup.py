"""Parsed HTML -> blocks, in the order in which a browser shows them; what web pages, EPUB, mail and
feeds share.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any, NamedTuple

from qa.articles.formats.common.contents import FormatError, TextWriter, clean
from qa.places import BODY, CODE, HEADING, ROW

MAX_NODES = 1_000_000
MAX_ATTRIBUTES = 2000
LONGEST_CELL = 400
"""Characters; a table with longer cells of several paragraphs is there for the layout of the page.
"""

_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details dialog dir div dl dt "
    "fieldset figcaption figure"
    " footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol p pre "
    "section summary table tbody"
    " td tfoot th thead tr ul".split()
)
_SKIPPED = frozenset(
    "audio button canvas datalist embed head iframe input map math noembed noframes noscript "
    "object option picture"
    " script select style svg template textarea title video".split()
)
_DIVISIONS = frozenset(
    "appendix chapter part preface sect1 sect2 sect3 sect4 sect5 section".split()
)
_ASIDES = frozenset("admonition caution important note sidebar tip warning".split())
_WORDLESS = frozenset("head noscript script style template".split())
_PRE = frozenset(("pre", "listing", "xmp", "plaintext"))


class Markup(NamedTuple):
    """One block of a page."""

    words: str
    kind: int
    level: int
    """1 to 6 for headings."""
    anchor: str


def parse_html(data: bytes | str, *, encoding: str | None = None) -> Any:
    """The root element.

    lxml cuts silently what is nested deeper than 256 or is larger than its limits; such a page is
    read by Python's own parser, which knows no limit, into the same kind of tree.

    Raises:
        FormatError: there are no elements, or too many.
    """
    from lxml import etree

    _check_size(data)
    parser = etree.HTMLParser(
        encoding=encoding, remove_comments=True, remove_pis=True, no_network=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError, AssertionError):
        root = None
    if root is None or any(
        "RESOURCE_LIMIT" in entry.type_name
        or "limit" in entry.message.lower()
        or "depth" in entry.message.lower()
        for entry in parser.error_log
    ):
        text = data if isinstance(data, str) else data.decode(encoding or "utf-8", "replace")
        root = _parse_flat(text)
    if root is None:
        raise FormatError("holds no web page that can be read: save it again from the browser")
    return root


def _check_size(page: bytes | str) -> None:
    """Raise a FormatError for what parsers take minutes over: millions of elements, thousands of
    attributes in one.
    """
    data = page.encode("utf-8", "replace") if isinstance(page, str) else page
    if data.count(b"<") > 2 * MAX_NODES:
        raise FormatError(f"has more than {MAX_NODES:,} elements: it is no page that people read")
    for tag in re.finditer(rb"<[A-Za-z][^<>]{20000,}", data):
        if tag[0].count(b"=") > MAX_ATTRIBUTES:
            raise FormatError(
                f"has an element of more than {MAX_ATTRIBUTES:,} attributes: it is harmful"
            )


def _parse_flat(text: str) -> Any:
    """A tree of two levels, with each block below the root, of a page nested too deep for lxml."""
    from lxml import etree

    parser = _FlatParser()
    parser.feed(text)
    parser.close()
    parser.end_block()
    root = etree.Element("html")
    body = etree.SubElement(root, "body")
    for tag, words in parser.blocks:
        etree.SubElement(body, tag).text = words
    return root if len(body) else None


class _FlatParser(HTMLParser):
    """Collects a page's blocks as (tag, words), in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[tuple[str, str]] = []
        self._pieces: list[str] = []
        self._tag = "p"
        self._skipped = 0

    def end_block(self) -> None:
        words = clean("".join(self._pieces).replace("\n", " "))
        self._pieces.clear()
        if words:
            self.blocks.append((self._tag, words))
        self._tag = "p"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _WORDLESS:
            self._skipped += 1
        elif tag in _BLOCKS:
            self.end_block()
            self._tag = tag if re.fullmatch("h[1-6]|li|p", tag) else "p"

    def handle_endtag(self, tag: str) -> None:
        if tag in _WORDLESS:
            self._skipped = max(0, self._skipped - 1)
        elif tag in _BLOCKS:
            self.end_block()

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self._pieces.append(data)


def walk_blocks(root: Any, *, hidden: bool = False) -> Iterator[Markup]:
    """The blocks below an element, with `hidden` also those that the page does not show.

    There is no recursion, since pages may be nested deeper than Python's stack.
    """
    pieces: list[str] = []
    anchor = ""
    kinds: list[tuple[int, int]] = [(BODY, 0)]
    waiting: list[tuple[Any, bool]] = [(root, False)]
    depth = asides = 0

    def flush() -> Iterator[Markup]:
        kind, level = kinds[-1]
        words = clean("".join(pieces), keep_lines=kind == CODE)
        pieces.clear()
        if words:
            # DocBook writes <h1> for sections at any depth; a heading over a box beside the text
            # opens no section.
            yield Markup(words, kind, max(level, depth) if level and not asides else 0, anchor)

    while waiting:
        element, is_end = waiting.pop()
        tag = _name(element)
        if is_end:
            if tag in _BLOCKS or tag in _PRE:
                yield from flush()
                if tag in _PRE or _level(tag):
                    kinds.pop()
                depth -= _is_division(tag, element)
                asides -= _is_aside(tag, element)
            pieces.append(_inline(element.tail, kinds[-1][0]))
            continue
        if not tag or tag in _SKIPPED or (not hidden and _is_hidden(element)):
            pieces.append(_inline(element.tail, kinds[-1][0]) if element is not root else "")
            continue
        if tag in _BLOCKS or tag in _PRE:
            yield from flush()
            if element is not root:
                depth += _is_division(tag, element)
                asides += _is_aside(tag, element)
        anchor = element.get("id") or (element.get("name") if tag == "a" else None) or anchor
        if tag == "table" and _is_data(element):
            for row in element.iter("{*}tr"):
                words = "\t".join(
                    " ".join("".join(_texts(cell)).split()) for cell in row if _is_cell(cell)
                )
                if words.strip():
                    yield Markup(clean(words, keep_tabs=True), ROW, 0, row.get("id") or anchor)
            pieces.append(_inline(element.tail, kinds[-1][0]) if element is not root else "")
            continue
        if tag == "br":
            pieces.append("\n")
        if tag in _PRE:
            kinds.append((CODE, 0))
        elif _level(tag):
            kinds.append((HEADING, _level(tag)))
        pieces.append(_inline(element.text, kinds[-1][0]))
        if element is not root:
            waiting.append((element, True))
        waiting.extend((child, False) for child in reversed(element))
    yield from flush()


def write_blocks(writer: TextWriter, blocks: Iterator[Markup] | list[Markup]) -> None:
    """Put blocks into a text."""
    for block in blocks:
        writer.add(block.words, kind=block.kind, level=block.level, anchor=block.anchor)


def _name(element: Any) -> str:
    """Name of an element without its namespace, in small letters; empty for comments."""
    return _without_namespace(element.tag) if isinstance(element.tag, str) else ""


@lru_cache(maxsize=4096)
def _without_namespace(tag: str) -> str:
    return tag.rpartition("}")[2].lower()


def _inline(text: str | None, kind: int) -> str:
    if not text:
        return ""
    # Only <br> breaks a line; those of the source do not.
    return text if kind == CODE else text.replace("\n", " ").replace("\r", " ")


def _level(tag: str) -> int:
    """Level of a heading by its tag, 1 to 6; 0 of other tags."""
    return int(tag[1]) if len(tag) == 2 and tag[0] == "h" and tag[1] in "123456" else 0


def _is_division(tag: str, element: Any) -> bool:
    return tag == "section" or (
        tag == "div" and not _DIVISIONS.isdisjoint((element.get("class") or "").split())
    )


def _is_aside(tag: str, element: Any) -> bool:
    return tag == "aside" or (
        tag == "div" and not _ASIDES.isdisjoint((element.get("class") or "").split())
    )


def _is_hidden(element: Any) -> bool:
    style = element.get("style")
    if style and re.search(r"display\s*:\s*none|visibility\s*:\s*hidden", style, re.IGNORECASE):
        return True
    return element.get("hidden") is not None or element.get("aria-hidden") == "true"


def _is_cell(element: Any) -> bool:
    return _name(element) in ("td", "th")


def _texts(element: Any) -> Iterator[str]:
    for node in element.iter():
        tag = _name(node)
        if tag and tag not in _SKIPPED:
            if tag in ("br", "p", "div", "li"):
                yield " "
            yield node.text or ""
        if node is not element:
            yield node.tail or ""


def _is_data(table: Any) -> bool:
    """Whether a table holds data: none within it, and no cell that is a text of its own."""
    if next((inner for inner in table.iter("{*}table") if inner is not table), None) is not None:
        return False
    for cell in table.iter("{*}td", "{*}th"):
        if len(cell) and sum(map(len, cell.itertext())) > LONGEST_CELL:
            return False
        if next(cell.iter("{*}pre", "{*}h1", "{*}h2", "{*}h3"), None) is not None:
            return False
    return True
