"""A web page -> its article, without menus, advertisements and comments.

Trafilatura finds out which text is the article, its title, author and date; the words are taken
from the page's own tree, since what Trafilatura prints differs from it in one paragraph of fifty.
"""

import re
from bisect import bisect_left
from typing import Any

from qa.articles.formats.common.contents import (
    Contents,
    FormatError,
    TextWriter,
    stated,
    stated_date,
)
from qa.articles.formats.common.markup import Markup, parse_html, walk_blocks, write_blocks
from qa.places import HEADING

LEAST_SHARE = 0.02
"""Of a page's text; where less is selected, all of it is taken."""
MAX_PLACES = 8
"""Places at which words that stand several times are tried."""

_CHARSET = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w-]+)|<\?xml[^>]{0,100}encoding=["']([\w-]+)""",
    re.I,
)


def read_html(data: bytes, *, encoding: str | None = None, url: str | None = None) -> Contents:
    """Read a page, as a server sends it or a browser saves it.

    Raises:
        FormatError: there are no words in it.
    """
    text = decode_html(data, encoding)
    root = parse_html(without_declaration(text))
    language = stated(root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang"))
    everything = list(walk_blocks(root))
    if not everything:
        raise FormatError(
            "holds no words: pages that scripts fill must be saved from the browser after they "
            "are shown"
        )
    chosen, about = _extract(text, url)
    blocks = select_blocks(everything, chosen)
    writer = TextWriter()
    write_blocks(writer, blocks)
    title = stated(about.get("title")) or stated(
        root.findtext(".//{*}title") or root.findtext(".//title")
    )
    return writer.finish(
        title=title or next((block.words for block in blocks if block.kind == HEADING), None),
        author=stated((about.get("author") or "").replace("; ", ", ")),
        date=stated_date(about.get("date")),
        url=url or stated(about.get("url")),
        language=language,
    )


def decode_html(data: bytes, encoding: str | None = None) -> str:
    """Bytes -> text, in the encoding of the byte-order mark, or else that which the server or the
    page names, or else UTF-8, or else a guess.
    """
    for mark, announced in (
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
    ):
        if data.startswith(mark):
            return data[len(mark) :].decode(announced, "replace")
    match = _CHARSET.search(data[:4096])
    named = (match[1] or match[2]).decode() if match else None
    for name in (encoding, named, "utf-8"):
        if not name:
            continue
        # Pages that say latin-1 mean its extension by Windows, as browsers know (WHATWG Encoding).
        is_latin = re.fullmatch(r"(?i)iso-?8859-?1|latin-?1|us-ascii", name) is not None
        try:
            return data.decode("cp1252" if is_latin else name)
        except (UnicodeDecodeError, LookupError):
            continue
    from charset_normalizer import from_bytes

    best = from_bytes(data[:200_000]).best()
    return data.decode(best.encoding if best else "utf-8", "replace")


def without_declaration(text: str) -> str:
    """The page without `<?xml encoding=…?>`, which lxml refuses in text that is decoded already."""
    return re.sub(r"^\s*<\?xml[^>]*\?>", "", text)


def _extract(text: str, url: str | None) -> tuple[str, dict[str, Any]]:
    """What Trafilatura selects, as text, and what it finds out about the page."""
    import logging

    from trafilatura import bare_extraction

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    logging.getLogger("htmldate").setLevel(logging.CRITICAL)
    try:
        found = bare_extraction(
            without_declaration(text),
            url=url,
            include_comments=False,
            include_tables=True,
            with_metadata=True,
            fast=True,  # without second opinions: as good on the pages measured, a quarter faster
        )
    except Exception:  # of any kind: whatever a page does to it, the page can still be read whole
        return "", {}
    if found is None:
        return "", {}
    about = {name: getattr(found, name, None) for name in ("title", "author", "date", "url")}
    return getattr(found, "text", None) or "", about


def select_blocks(everything: list[Markup], chosen: str) -> list[Markup]:
    """The blocks of a page whose words are among the chosen ones, in the order of both.

    Words that stand several times on a page (a menu's, a heading's) are taken where they fit
    between their neighbours: the heaviest run of blocks whose places in the chosen text go up.
    """
    kept = _letters(chosen)
    pairs: list[tuple[int, int, int]] = []  # number of the block, place in the chosen text, weight
    for number, block in enumerate(everything):
        key = _letters(block.words)
        if not key:
            continue
        at = kept.find(key)
        tried = 0
        while at >= 0 and tried < MAX_PLACES:
            pairs.append((number, at, len(key)))
            at = kept.find(key, at + 1)
            tried += 1
    taken = _heaviest_run(pairs)
    blocks = [everything[number] for number in taken]
    share = sum(len(block.words) for block in blocks) / max(
        1, sum(len(block.words) for block in everything)
    )
    return blocks if share >= LEAST_SHARE else everything


def _letters(text: str) -> str:
    """Its letters and digits alone, capitals aside."""
    return re.sub(r"[\W_]+", "", text.casefold())


def _heaviest_run(pairs: list[tuple[int, int, int]]) -> list[int]:
    """Numbers of blocks, each once, at places that do not overlap and go up, with the greatest sum
    of weights.
    """
    # Ends of runs: places at which they end, going up together with their weights.
    ends: list[int] = []
    best: list[tuple[int, int]] = []  # (weight, number in `links`)
    links: list[tuple[int, int]] = []  # (block, link before)
    group: list[tuple[int, int, int]] = []
    for pair in [*sorted(pairs), (-1, 0, 0)]:
        if group and pair[0] != group[0][0]:
            found = []
            for number, place, weight in group:
                at = bisect_left(ends, place + 1) - 1
                before = best[at] if at >= 0 else (0, -1)
                found.append((place + weight, before[0] + weight, number, before[1]))
            for end, weight, number, before_link in found:
                at = bisect_left(ends, end + 1)
                if at and best[at - 1][0] >= weight:
                    continue
                links.append((number, before_link))
                stop = at
                while stop < len(best) and best[stop][0] <= weight:
                    stop += 1
                first = at - 1 if at and ends[at - 1] == end else at
                ends[first:stop] = [end]
                best[first:stop] = [(weight, len(links) - 1)]
            group = []
        group.append(pair)
    taken = []
    link = best[-1][1] if best else -1
    while link >= 0:
        taken.append(links[link][0])
        link = links[link][1]
    return taken[::-1]
