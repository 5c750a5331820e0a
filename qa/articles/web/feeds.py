"""A feed's address (RSS, Atom) -> the addresses of its entries."""

import io
import re
from urllib.parse import urljoin

from qa.articles.web.fetch import WEB_PORTS, Fetched, check_url
from qa.errors import ExtraMissing, FetchError

MAX_ENTRIES = 200
"""Limit for a feed, of which the newest are taken; a news site's feed has some fifty."""


def read_links(fetched: Fetched, ports: frozenset[int] = WEB_PORTS) -> list[str]:
    """Addresses of a feed's entries, in its order (usually the newest first), each once.

    Raises:
        FetchError: it is not a feed.
        ExtraMissing: the extra `feeds` is not installed.
    """
    try:
        import feedparser
    except ImportError as error:
        raise ExtraMissing(
            "feeds are read by an extra: install it with `pip install 'article-qa[feeds]'`"
        ) from error

    if re.search(rb"<!ENTITY", fetched.data):
        raise FetchError(f"{fetched.url}: declares entities, as no feed does and attackers do")
    # feedparser takes minutes for a file of endless entries: it gets the first ones alone.
    starts = [m.start() for m in re.finditer(rb"<(?:\w+:)?(?:item|entry)[\s>]", fetched.data)]
    data = fetched.data[: starts[MAX_ENTRIES]] if len(starts) > MAX_ENTRIES else fetched.data
    feed = feedparser.parse(io.BytesIO(data), resolve_relative_uris=False)
    if not starts or not feed.entries:
        raise FetchError(f"{fetched.url}: is no feed (RSS or Atom), or an empty one")
    links: dict[str, None] = {}
    for entry in feed.entries:
        if link := str(entry.get("link") or "").strip():
            try:
                links[check_url(urljoin(fetched.final_url, link), ports)] = None
            except FetchError:
                continue
    if not links:
        raise FetchError(f"{fetched.url}: its entries link nowhere: save the feed, and add it")
    return list(links)
