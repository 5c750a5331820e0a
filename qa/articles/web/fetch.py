"""Addresses (http, https) -> the bytes there; addresses of the local network are refused.

The host of each redirect is resolved once, *all* of its IP addresses must be public, and the
connection goes to the address that was checked (a second lookup might give another one: DNS
rebinding). Size is limited after unpacking; the time limit covers the whole transfer.
"""

import http.client
import ipaddress
import re
import socket
import ssl
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from threading import Timer
from time import monotonic
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit
from urllib.robotparser import RobotFileParser

from qa.errors import FetchError

MAX_BYTES = 16 * 2**20
MAX_SECONDS = 30.0
MAX_REDIRECTS = 5
MAX_URL_CHARS = 4000
WEB_PORTS = frozenset((80, 443))
AGENT = "article-qa"
_KEPT_HEADERS = ("content-type", "etag", "last-modified", "content-language", "date")
_REFUSED_NETWORKS = tuple(
    ipaddress.ip_network(network)
    # Python 3.11's `is_global` counts these as public, but NAT64, 6to4 and Teredo can lead to local
    # addresses.
    for network in (
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "192.88.99.0/24",
        "fec0::/10",
    )
)
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was at an address."""

    url: str
    """The address that was asked for."""
    final_url: str
    """Where redirects led."""
    data: bytes = field(repr=False)
    headers: Mapping[str, str]
    """Those in `_KEPT_HEADERS`: type, language, version."""
    fetched: str
    """When: ISO 8601, UTC."""
    is_unchanged: bool = False
    """Whether the server says that nothing changed (304); `data` is then empty."""

    @property
    def sha256(self) -> str:
        """Of `data`, in hexadecimal."""
        return sha256(self.data).hexdigest()

    @property
    def charset(self) -> str | None:
        """The encoding that the server names."""
        match = re.search(
            r"charset=[\"']?([\w-]+)", self.headers.get("content-type", ""), re.IGNORECASE
        )
        return match[1] if match else None


def is_public(address: _Address) -> bool:
    """Whether an IP address is on the public internet, in any notation."""
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return is_public(mapped)
    if (
        address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or not address.is_global
    ):
        return False
    return not any(
        address in network for network in _REFUSED_NETWORKS if network.version == address.version
    )


@dataclass(slots=True)
class Fetcher:
    """Fetches within limits; tests with a local server allow more addresses and ports."""

    is_allowed: Callable[[_Address], bool] = is_public
    ports: frozenset[int] = WEB_PORTS
    max_bytes: int = MAX_BYTES
    max_seconds: float = MAX_SECONDS
    _robots: dict[str, RobotFileParser] = field(default_factory=dict)

    def fetch(self, url: str, *, before: Mapping[str, str] | None = None) -> Fetched:
        """Fetch one address; `before` are the headers of an earlier copy, for a conditional
        request.

        Raises:
            FetchError: it is not allowed, not there, too large or too slow.
        """
        deadline = monotonic() + self.max_seconds
        asked = current = check_url(url, self.ports)
        for _ in range(MAX_REDIRECTS + 1):
            response_headers, status, body = self._get(current, before or {}, deadline)
            if status in (301, 302, 303, 307, 308):
                current = self._follow(current, response_headers.get("location", ""))
                continue
            kept = {
                name: response_headers[name] for name in _KEPT_HEADERS if name in response_headers
            }
            now = datetime.now(UTC).isoformat(timespec="seconds")
            if status == 304 and before:
                return Fetched(asked, current, b"", kept, now, is_unchanged=True)
            if status != 200:
                raise FetchError(
                    f"{url}: the server answers {status}: check the address in a browser"
                )
            if not body:
                raise FetchError(f"{url}: the server sends nothing")
            return Fetched(asked, current, body, kept, now)
        raise FetchError(
            f"{url}: leads from address to address (more than {MAX_REDIRECTS} redirects)"
        )

    def may_crawl(self, url: str) -> bool:
        """Whether the site's robots.txt allows this address; a site without one allows all."""
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        if site not in self._robots:
            parser = RobotFileParser()
            try:
                parser.parse(
                    self.fetch(f"{site}/robots.txt").data.decode("utf-8", "replace").splitlines()
                )
            except FetchError:
                parser.parse([])
            self._robots[site] = parser
        return self._robots[site].can_fetch(AGENT, url)

    def _follow(self, current: str, location: str) -> str:
        target = check_url(urljoin(current, location), self.ports)
        if current.startswith("https:") and target.startswith("http:"):
            raise FetchError(
                f"{current}: leads from https to http ({target}), which anybody between could "
                "have done"
            )
        return target

    def _get(
        self, url: str, before: Mapping[str, str], deadline: float
    ) -> tuple[dict[str, str], int, bytes]:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        left = deadline - monotonic()
        if left <= 0:
            raise FetchError(f"{url}: takes more than {self.max_seconds:.0f} s")
        address = self._resolve(host, port, url)
        late: list[bool] = []
        try:
            with closing(socket.create_connection((address, port), timeout=left)) as plain:
                wrapped = _wrap(plain, host) if parts.scheme == "https" else plain
                # A server that sends a byte a second never meets the socket's own limit.
                timer = Timer(max(0.1, deadline - monotonic()), _shut, (wrapped, late))
                timer.daemon = True
                timer.start()
                try:
                    with closing(wrapped):
                        answer = self._exchange(wrapped, parts, before, url)
                    if late:  # the body seems to end where the connection was shut
                        raise TimeoutError
                    return answer
                finally:
                    timer.cancel()
        except (OSError, http.client.HTTPException, ValueError) as error:
            if late or isinstance(error, TimeoutError):
                raise FetchError(f"{url}: takes more than {self.max_seconds:.0f} s") from error
            raise FetchError(
                f"{url}: cannot be fetched ({str(error) or type(error).__name__})"
            ) from error

    def _resolve(self, host: str, port: int, url: str) -> str:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise FetchError(
                f"{url}: there is no such host, or no connection to the internet"
            ) from error
        addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
        for address in addresses:
            if not self.is_allowed(ipaddress.ip_address(address)):
                raise FetchError(
                    f"{url}: leads to {address}, which is not on the open internet: it is not "
                    "fetched"
                )
        if not addresses:
            raise FetchError(f"{url}: there is no such host")
        return addresses[0]

    def _exchange(
        self, sock: socket.socket, parts: SplitResult, before: Mapping[str, str], url: str
    ) -> tuple[dict[str, str], int, bytes]:
        connection = http.client.HTTPConnection(parts.hostname or "")
        connection.sock = sock
        headers = {
            "Host": parts.netloc,
            "User-Agent": AGENT,
            "Accept-Encoding": "gzip",
            "Accept": "text/html,application/xhtml+xml,application/pdf,*/*;q=0.5",
            "Connection": "close",
        }
        if "etag" in before:
            headers["If-None-Match"] = before["etag"]
        if "last-modified" in before:
            headers["If-Modified-Since"] = before["last-modified"]
        target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request("GET", target, headers=headers)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        body = b""
        if response.status == 200:
            body = self._read_body(
                response, found.get("content-encoding", "identity").lower().strip(), url
            )
        return found, response.status, body

    def _read_body(self, response: http.client.HTTPResponse, encoding: str, url: str) -> bytes:
        if encoding not in ("identity", "", "gzip", "x-gzip", "deflate"):
            raise FetchError(f"{url}: is packed in a way that was not asked for ({encoding[:40]})")
        unpack = (
            None
            if encoding in ("identity", "")
            else zlib.decompressobj(47 if "gzip" in encoding else 15)
        )
        pieces: list[bytes] = []
        size = received = 0
        while piece := response.read(2**16):
            received += len(piece)
            if received > self.max_bytes:
                self._refuse_size(url)
            while piece:
                if unpack is None:
                    out, piece = piece, b""
                else:
                    try:
                        out = unpack.decompress(piece, 2**20)
                    except zlib.error as error:
                        raise FetchError(f"{url}: is packed wrongly ({error})") from error
                    piece = unpack.unconsumed_tail
                size += len(out)
                if size > self.max_bytes:
                    self._refuse_size(url)
                pieces.append(out)
        stated = response.headers.get("Content-Length", "")
        is_short = stated.isdecimal() and received < int(stated)
        if is_short or (unpack is not None and not unpack.eof):
            raise FetchError(f"{url}: was cut off on its way: try again")
        return b"".join(pieces)

    def _refuse_size(self, url: str) -> None:
        raise FetchError(
            f"{url}: is larger than {self.max_bytes // 2**20} MiB: fetch it yourself and add "
            "the file"
        )


def check_url(url: str, ports: frozenset[int] = WEB_PORTS) -> str:
    """A URL as it is requested: without fragment, in ASCII.

    Raises:
        FetchError: it is no address on the web, or one with a user or an unusual port.
    """
    url = url.strip()
    shown = url if len(url) <= 200 else f"{url[:200]}…"
    if len(url) > MAX_URL_CHARS or any(char <= " " or char == "\x7f" for char in url):
        raise FetchError(
            f"{shown!r} is not an address: it is too long, or has spaces or control characters"
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise FetchError(f"{shown} is not an address ({error})") from error
    if parts.scheme not in ("http", "https") or not host:
        raise FetchError(
            f"{shown} is not an address on the web: it must begin with http:// or https://"
        )
    if parts.username is not None or parts.password is not None:
        raise FetchError(f"{parts.scheme}://…@{host} names a user: give the address without")
    if port is not None and port not in ports:
        raise FetchError(f"{shown} names port {port}: only 80 and 443 are fetched from")
    try:
        ascii_host = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError as error:
        raise FetchError(f"{shown} has no host that could be ({error})") from error
    netloc = f"[{ascii_host}]" if ":" in ascii_host else ascii_host
    netloc += f":{port}" if port is not None else ""
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]")
    return urlunsplit((parts.scheme, netloc, path or "/", query, ""))


def _wrap(plain: socket.socket, host: str) -> ssl.SSLSocket:
    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)


def _shut(sock: socket.socket, late: list[bool]) -> None:
    late.append(True)
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
