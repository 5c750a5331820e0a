"""Addresses and feeds become articles: fetched once, asked for news, noted with where they are
from. A server on this machine plays the web."""

import ipaddress
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from qa.articles.addresses import add_address, add_feed
from qa.articles.folder import move_out
from qa.articles.read import read_article
from qa.articles.scan import find_files, list_feeds
from qa.articles.web.fetch import Fetcher
from qa.articles.web.register import REGISTER_FILE, Register
from qa.errors import ArticleError, FetchError, QAError

PAGE = "<html><title>{title}</title><p>{words} The report was read to the whole council.</p></html>"
FEED = '<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>{items}</channel></rss>'


class Site(ThreadingHTTPServer):
    """Pages by their paths, each with a version; it remembers what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages: dict[str, tuple[str, str]] = {}
        self.asked: list[str] = []
        self.address = f"http://127.0.0.1:{self.server_address[1]}"

    def put(self, path: str, body: str, kind: str = "text/html") -> None:
        self.pages[path] = (body, kind)

    def put_feed(self, *paths: str) -> None:
        items = "".join(f"<item><link>{self.address}{path}</link></item>" for path in paths)
        self.put("/rss", FEED.format(items=items), "application/rss+xml")


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        body, kind = self.server.pages.get(self.path, ("", ""))
        version = f'"{hash(body)}"'
        if not body:
            self.send_error(404)
        elif self.headers.get("If-None-Match") == version:
            self.send_response(304)
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("ETag", version)
            self.end_headers()
            self.wfile.write(body.encode())


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetcher(site: Site) -> Fetcher:
    here = ipaddress.ip_address("127.0.0.1")
    port = site.server_address[1]
    return Fetcher(
        is_allowed=lambda address: address == here, ports=frozenset((port,)), max_seconds=5
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "articles"


def names(folder: Path) -> list[str]:
    return [path.name for path in find_files(folder)]


def test_a_page_becomes_an_article_cited_by_its_address(site: Site, fetcher: Fetcher, folder: Path):
    site.put("/ducks", PAGE.format(title="Ducks", words="Ducks swim in the moat."))
    assert add_address(folder, f"{site.address}/ducks", fetcher=fetcher) == ("ducks.html", "added")
    article = read_article(folder / "ducks.html", folder)
    assert "Ducks swim in the moat." in article.text
    assert article.url == f"{site.address}/ducks"
    source = Register.load(folder).files["ducks.html"]
    assert (source.url, source.headers["content-type"]) == (f"{site.address}/ducks", "text/html")
    assert source.sha256 == article.origin.sha256 and source.fetched.endswith("+00:00")


def test_an_address_added_again_is_asked_only_for_what_has_changed(
    site: Site, fetcher: Fetcher, folder: Path, tmp_path: Path
):
    url = f"{site.address}/ducks"
    site.put("/ducks", PAGE.format(title="Ducks", words="There are nine ducks."))
    add_address(folder, url, fetcher=fetcher)
    assert add_address(folder, url, fetcher=fetcher) == ("ducks.html", "unchanged")
    site.put("/ducks", PAGE.format(title="Ducks", words="There are ten ducks."))
    removed = tmp_path / "removed"
    again = add_address(folder, url, removed=removed, fetcher=fetcher)
    assert again == ("ducks.html", "changed")
    assert "ten ducks" in read_article(folder / "ducks.html", folder).text
    assert "nine ducks" in (removed / "ducks.html").read_text()
    assert names(folder) == ["ducks.html"]


def test_an_article_that_was_removed_is_fetched_anew_when_it_is_asked_for(
    site: Site, fetcher: Fetcher, folder: Path, tmp_path: Path
):
    site.put("/ducks", PAGE.format(title="Ducks", words="There are nine ducks."))
    add_address(folder, f"{site.address}/ducks", fetcher=fetcher)
    move_out(folder, "ducks.html", tmp_path / "removed")
    assert add_address(folder, f"{site.address}/ducks", fetcher=fetcher).change == "added"
    assert names(folder) == ["ducks.html"]


def test_a_file_changed_by_hand_is_not_cited_by_the_address(
    site: Site, fetcher: Fetcher, folder: Path
):
    site.put("/ducks", PAGE.format(title="Ducks", words="There are nine ducks."))
    add_address(folder, f"{site.address}/ducks", fetcher=fetcher)
    (folder / "ducks.html").write_text(PAGE.format(title="Ducks", words="There are no ducks."))
    assert read_article(folder / "ducks.html", folder).url is None


def test_what_cannot_be_fetched_or_read_leaves_nothing(site: Site, fetcher: Fetcher, folder: Path):
    site.put("/empty.txt", "  ", "text/plain")
    with pytest.raises(FetchError, match="404"):
        add_address(folder, f"{site.address}/missing", fetcher=fetcher)
    with pytest.raises(ArticleError, match="is empty"):
        add_address(folder, f"{site.address}/empty.txt", fetcher=fetcher)
    assert not folder.exists() or names(folder) == []


def test_entries_of_a_feed_are_fetched_once_each(site: Site, fetcher: Fetcher, folder: Path):
    for name in ("one", "two", "three"):
        site.put(f"/{name}", PAGE.format(title=name.title(), words=f"This is piece {name}."))
    site.put_feed("/one", "/two", "/gone")
    report = add_feed(folder, f"{site.address}/rss", fetcher=fetcher)
    assert report.added == ["one.html", "two.html"]
    assert ["404" in str(error) for error in report.errors] == [True]
    site.put("/gone", PAGE.format(title="Gone", words="This is back."))
    report = add_feed(folder, f"{site.address}/rss", fetcher=fetcher)
    assert (report.added, report.known, report.errors) == (["gone.html"], 2, [])
    site.asked.clear()
    report = add_feed(folder, f"{site.address}/rss", fetcher=fetcher)
    assert (report.added, report.known, site.asked) == ([], 0, ["/rss"])
    move_out(folder, "two.html", folder.parent / "removed")
    site.put_feed("/three", "/one", "/two", "/gone")
    report = add_feed(folder, f"{site.address}/rss", fetcher=fetcher)
    assert (report.added, report.known) == (["three.html"], 3)


def test_what_robots_txt_closes_is_left_out_and_said(site: Site, fetcher: Fetcher, folder: Path):
    site.put("/robots.txt", "User-agent: *\nDisallow: /private\n", "text/plain")
    site.put("/private", PAGE.format(title="P", words="Not for programs."))
    site.put_feed("/private")
    report = add_feed(folder, f"{site.address}/rss", fetcher=fetcher)
    assert report.added == [] and "robots.txt" in str(report.errors[0])
    assert "/private" not in site.asked


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<html><p>No feed at all.</p></html>", "is no feed"),
        (FEED.format(items="<item><title>No link</title></item>"), "link nowhere"),
        (FEED.format(items="<item><link>file:///etc/passwd</link></item>"), "link nowhere"),
        ('<!DOCTYPE x [<!ENTITY a "b">]>' + FEED.format(items=""), "declares entities"),
    ],
)
def test_what_is_no_feed_is_refused_by_name(
    site: Site, fetcher: Fetcher, folder: Path, body: str, message: str
):
    site.put("/rss", body, "application/rss+xml")
    with pytest.raises(FetchError, match=message):
        add_feed(folder, f"{site.address}/rss", fetcher=fetcher)


def test_feeds_are_listed_in_a_file_that_is_no_article(folder: Path):
    folder.mkdir()
    (folder / "feeds.txt").write_text(
        "# news\nhttps://example.org/rss\n\n  https://b.example/x#a # ours\n"
    )
    (folder / "a.txt").write_text("Words.")
    assert list_feeds(folder) == ["https://example.org/rss", "https://b.example/x#a"]
    assert names(folder) == ["a.txt"]


def test_a_damaged_register_is_named_and_harms_no_article(folder: Path):
    folder.mkdir()
    (folder / "a.txt").write_text("Words that stay.")
    source = '{"url": "u", "final_url": ["x"], "fetched": "f", "sha256": "s", "headers": {}}'
    for text in (
        '{"files": 3}',
        "[" * 100_000,
        f'{{"files": {{"a.txt": {source}}}, "feeds": {{}}}}',
    ):
        (folder / REGISTER_FILE).write_text(text)
        assert read_article(folder / "a.txt", folder).url is None
        with pytest.raises(QAError, match="move it away"):
            Register.load(folder)
