"""A server on this machine plays the hostile ones."""

import gzip
import ipaddress
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from qa.articles.web.fetch import Fetcher, check_url, is_public
from qa.errors import FetchError

PAGE = b"<html><p>Ducks swim.</p></html>"


class _Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, *_):
        pass

    def do_GET(self):
        getattr(
            self,
            "serve_" + self.path.strip("/").split("?")[0].replace(".", "_"),
            self.serve_missing,
        )()

    def send(self, body, status=200, **headers):
        self.send_response(status)
        for name, value in {
            "Content-Type": "text/html; charset=utf-8",
            "ETag": '"1"',
            **headers,
        }.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def serve_page(self):
        if self.headers.get("If-None-Match") == '"1"':
            self.send(b"", 304)
        else:
            self.send(PAGE)

    def serve_missing(self):
        self.send(b"gone", 404)

    def serve_empty(self):
        self.send(b"")

    def serve_packed(self):
        self.send(gzip.compress(PAGE), Content_Encoding="gzip")

    def serve_bomb(self):
        self.send(gzip.compress(b"\0" * (40 * 2**20)), Content_Encoding="gzip")

    def serve_short(self):
        self.send(PAGE, Content_Length="1000")

    def serve_half(self):
        self.send(gzip.compress(PAGE)[:-12], Content_Encoding="gzip")

    def serve_odd(self):
        self.send(PAGE, Content_Encoding="br")

    def serve_loop(self):
        self.send(b"", 302, Location="/loop")

    def serve_once(self):
        self.send(b"", 301, Location="/page#part")

    def serve_inside(self):
        self.send(b"", 302, Location=f"http://127.0.0.2:{self.server.server_address[1]}/page")

    def serve_file(self):
        self.send(b"", 302, Location="file:///etc/passwd")

    def serve_endless(self):
        self.send(b"")
        try:
            while True:
                self.wfile.write(b"x" * 2**16)
        except OSError:
            pass

    def serve_slow(self):
        self.send(b"")
        try:
            for _ in range(200):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            pass

    def serve_robots_txt(self):
        self.send(b"User-agent: *\nDisallow: /private\n", Content_Type="text/plain")


@pytest.fixture(scope="module")
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetcher(site):
    here = ipaddress.ip_address("127.0.0.1")
    port = int(site.rpartition(":")[2])
    return Fetcher(
        is_allowed=lambda address: address == here, ports=frozenset((port,)), max_seconds=1.5
    )


def test_a_page_is_fetched_with_headers_and_address(site, fetcher):
    got = fetcher.fetch(f"{site}/once")
    assert (got.data, got.final_url, got.charset) == (PAGE, f"{site}/page", "utf-8")
    assert got.headers["etag"] == '"1"'
    assert fetcher.fetch(f"{site}/packed").data == PAGE


def test_an_unchanged_page_is_not_fetched_again(site, fetcher):
    first = fetcher.fetch(f"{site}/page")
    again = fetcher.fetch(f"{site}/page", before=first.headers)
    assert (again.is_unchanged, again.data) == (True, b"")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing", "answers 404"),
        ("empty", "sends nothing"),
        ("bomb", "larger than 16 MiB"),
        ("endless", "larger than 16 MiB|more than 2 s"),
        ("slow", "takes more than"),
        ("short", "cut off"),
        ("half", "cut off"),
        ("odd", "not asked for"),
        ("loop", "address to address"),
        ("inside", "127.0.0.2, which is not on the open internet"),
        ("file", "not an address on the web"),
    ],
)
def test_what_a_hostile_server_does_is_refused_by_name(site, fetcher, path, reason):
    started = time.monotonic()
    with pytest.raises(FetchError, match=reason):
        fetcher.fetch(f"{site}/{path}")
    assert time.monotonic() - started < 6


def test_robots_are_asked_before_a_feeds_links_are_followed(site, fetcher):
    assert fetcher.may_crawl(f"{site}/page")
    assert not fetcher.may_crawl(f"{site}/private/page")


@pytest.mark.parametrize(
    "address",
    "127.0.0.1 10.1.2.3 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 240.0.0.1 ::1 "
    "fe80::1 fd00::1 ff0e::1"
    " ::ffff:127.0.0.1 64:ff9b::7f00:1 2002:7f00:1:: 2001:0:7f00:1::".split(),
)
def test_addresses_inside_are_not_public_however_they_are_written(address):
    assert not is_public(ipaddress.ip_address(address))


def test_addresses_outside_are_public():
    assert is_public(ipaddress.ip_address("8.8.8.8"))
    assert is_public(ipaddress.ip_address("2606:4700::1111"))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "http://user:word@example.org/",
        "http://example.org:8080/",
        "http:///x",
        "file:///etc/passwd",
        "http://exa mple.org/",
        "http://example.org/\r\nHost: x",
        "javascript:alert(1)",
        "http://[::1",
        "",
    ],
)
def test_what_is_no_plain_address_on_the_web_is_refused(url):
    with pytest.raises(FetchError):
        check_url(url)


@pytest.mark.parametrize(
    "url",
    ["http://localhost/", "http://2130706433/", "http://0x7f.1/", "http://[::ffff:127.0.0.1]/"],
)
def test_names_of_this_machine_are_not_fetched_from(url):
    with pytest.raises(FetchError, match="not on the open internet"):
        Fetcher().fetch(url)


def test_an_address_is_asked_for_in_ascii():
    assert (
        check_url("https://exämple.org/Ünder?q=é#part")
        == "https://xn--exmple-cua.org/%C3%9Cnder?q=%C3%A9"
    )
