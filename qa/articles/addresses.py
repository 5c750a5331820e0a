"""Addresses and feeds -> files in the articles folder, and a record of where each came from."""

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from qa.articles.folder import check_readable, keep_copy, place_file, write_whole
from qa.articles.read import SUFFIXES
from qa.articles.web.feeds import read_links
from qa.articles.web.fetch import Fetched, Fetcher, check_url
from qa.articles.web.register import Register, Source, changing
from qa.errors import ArticleError, FetchError, explaining
from qa.types import Progress

_TYPES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/epub+zip": ".epub",
}
"""Media type in a server's answer -> suffix of the file."""


class Placed(NamedTuple):
    """The result of adding an address."""

    id: str
    change: Literal["added", "changed", "unchanged"]


@dataclass(slots=True)
class FeedReport:
    """The result of adding a feed's entries; ids of articles."""

    added: list[str] = field(default_factory=list)
    errors: list[ArticleError] = field(default_factory=list)
    known: int = 0
    """Number of entries that had been fetched before."""


def add_address(
    folder: Path,
    url: str,
    *,
    removed: Path | None = None,
    fetcher: Fetcher | None = None,
    password: str | None = None,
) -> Placed:
    """Fetch a URL and write what is there, unchanged, into the articles folder.

    If it was added before, it is only fetched if it has changed; then its file is replaced, and the
    old one kept in `removed`, if that is given.

    Raises:
        FetchError: it cannot be fetched.
        ArticleError: it is no usable article, or the same is there already.
        DiskError: it cannot be written.
    """
    fetcher = fetcher or Fetcher()
    known = Register.load(folder).find(check_url(url, fetcher.ports))
    if known and not (folder / known[0]).is_file():
        known = None
    fetched = fetcher.fetch(url, before=known[1].headers if known else None)
    if known and (fetched.is_unchanged or fetched.sha256 == known[1].sha256):
        return Placed(known[0], "unchanged")
    if known:
        check_readable(Path(known[0]), fetched.data, password=password)
        with explaining(folder / known[0]):
            if removed:
                keep_copy(folder, known[0], removed)
            write_whole(folder / known[0], fetched.data)
        article_id = known[0]
    else:
        article_id = place_file(folder, _name_fetched(fetched), fetched.data, password=password)
    with changing(folder) as register:
        register.files = {
            key: source
            for key, source in register.files.items()
            if source.url != fetched.url or (folder / key).is_file()
        }
        register.files[article_id] = Source.of(fetched)
    return Placed(article_id, "changed" if known else "added")


def add_feed(
    folder: Path,
    url: str,
    *,
    fetcher: Fetcher | None = None,
    progress: Progress | None = None,
) -> FeedReport:
    """Fetch a feed, and write the articles that its entries link to into the articles folder.

    Entries that were fetched once are not fetched again, even if they were removed; those that a
    site's robots.txt disallows are reported as errors.

    Raises:
        FetchError: the feed cannot be fetched, or is none.
        ExtraMissing: what reads feeds is not installed.
        DiskError: the articles folder cannot be written.
    """
    fetcher = fetcher or Fetcher()
    asked = check_url(url, fetcher.ports)
    register = Register.load(folder)
    before = register.feeds.get(asked)
    report = FeedReport()
    fetched = fetcher.fetch(url, before=before.headers if before else None)
    if fetched.is_unchanged:
        return report
    links = read_links(fetched, fetcher.ports)
    is_whole = True
    for done, link in enumerate(links):
        if progress:
            progress(done, len(links), "fetching")
        if register.find(link):
            report.known += 1
            continue
        if not fetcher.may_crawl(link):
            reason = "the site's robots.txt asks programs to leave it out: save it yourself"
            report.errors.append(name_address(link, FetchError(f"{link}: {reason}")))
            continue
        try:
            report.added.append(add_address(folder, link, fetcher=fetcher).id)
        except ArticleError as error:
            report.errors.append(error)
        except FetchError as error:
            is_whole = False
            report.errors.append(name_address(link, error))
    if is_whole:  # else the next time the feed is fetched again, and what failed is tried again
        with changing(folder) as register:
            register.feeds[asked] = Source.of(fetched)
    return report


def name_address(url: str, error: Exception) -> ArticleError:
    """The error of an address as an ArticleError."""
    named = url.partition("://")[2] or url or "(no address)"
    return ArticleError(Path(named), str(error).removeprefix(f"{url}: "))


def _name_fetched(fetched: Fetched) -> str:
    parts = urlsplit(fetched.final_url)
    name = unquote(PurePosixPath(parts.path).name) or parts.hostname or "page"
    suffix = _TYPES.get(fetched.headers.get("content-type", "").partition(";")[0].strip().lower())
    if suffix and Path(name).suffix.lower() not in SUFFIXES:
        name += suffix
    return name
