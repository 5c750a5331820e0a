"""What may reach the server, and what a browser may do with what it gets.

Article text is escaped wherever it is shown; this is the second line: even a page that went wrong could load nothing
from elsewhere, send nothing elsewhere, and be embedded nowhere.
"""

import ipaddress
from base64 import b64encode
from collections import deque
from collections.abc import Sequence
from secrets import compare_digest
from time import monotonic

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 24 * 2**20
"""Of one request, in bytes; an article has at most 16 MiB."""
MAX_UPLOAD = 256 * 2**20
"""Of all files that are dropped together, in bytes."""
LOGIN_FAILURES, LOGIN_SECONDS = 5, 60.0
"""So many wrong passwords from one address within so many seconds; then it has to wait."""

# Gradio's own front end needs inline scripts and styles and compiles templates; everything else is closed.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self' blob:",
        "form-action 'self'",
        "base-uri 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Guard:
    """Checks host, origin, size and rate before a request goes on, and adds the headers to every reply."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str], auth: tuple[str, str] | None = None) -> None:
        self.app = app
        self.auth = auth
        self.hosts = {host.lower() for host in hosts}
        self._failures: dict[str, deque[float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or refuse it."""
        if scope["type"] != "http":
            # Nothing here speaks websockets; "lifespan" is the server's own.
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        client = scope["client"][0] if scope.get("client") else ""
        # Gradio asks for user and password everywhere but where assistants call.
        is_tool = self.auth is not None and scope["path"].startswith("/gradio_api/mcp")
        is_login = is_tool or (scope["method"] == "POST" and scope["path"].rstrip("/").endswith("/login"))
        refusal = self._refuse(scope, client if is_login else None)
        reply = _with_headers(send)
        if refusal:
            await PlainTextResponse(refusal[1], refusal[0])(scope, receive, reply)
            return
        if is_login:
            reply = self._count_failures(client, reply)
        if is_tool and not self._is_allowed(Headers(scope=scope).get("authorization", "")):
            asked = {"www-authenticate": 'Basic realm="article-qa"'}
            await PlainTextResponse("User and password, please.", 401, asked)(scope, receive, reply)
            return
        await self.app(scope, _at_most(_limit(scope), receive), reply)

    def _refuse(self, scope: Scope, login_from: str | None) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host = host_of(headers.get("host", ""))
        if not self._knows(host):
            return 400, "This server does not answer to that name. Start it with --allow-host to add one."
        if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            origin = headers.get("origin")
            if origin is not None and origin.partition("://")[2].lower() != headers["host"].lower():
                return 403, "Requests from other sites are refused."
            if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
                return 403, "Requests from other sites are refused."
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > _limit(scope):
            return 413, f"Too large: at most {_limit(scope) // 2**20} MiB at once."
        if login_from is not None and len(self._recent(login_from)) >= LOGIN_FAILURES:
            return 429, f"Too many wrong passwords: wait {LOGIN_SECONDS:.0f} seconds."
        return None

    def _knows(self, host: str) -> bool:
        # An address in figures cannot be made to point here by somebody else's name server.
        return host in self.hosts or _is_address(host)

    def _is_allowed(self, authorization: str) -> bool:
        expected = "Basic " + b64encode(":".join(self.auth or ()).encode()).decode()
        return compare_digest(authorization.encode(), expected.encode())

    def _recent(self, client: str) -> deque[float]:
        failures = self._failures.setdefault(client, deque(maxlen=LOGIN_FAILURES))
        while failures and failures[0] < monotonic() - LOGIN_SECONDS:
            failures.popleft()
        return failures

    def _count_failures(self, client: str, send: Send) -> Send:
        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (400, 401):
                self._recent(client).append(monotonic())
            await send(message)

        return counting


def _limit(scope: Scope) -> int:
    return MAX_UPLOAD if scope["path"].endswith("/upload") else MAX_BODY


def host_of(header: str) -> str:
    """The name or address in a Host header, without its port."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.rpartition(":")[0].lower() if header.count(":") == 1 else header.lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _with_headers(send: Send) -> Send:
    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return adding


def _at_most(limit: int, receive: Receive) -> Receive:
    """Stop reading a body that does not say its length and does not end."""
    taken = 0

    async def counting() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return {"type": "http.disconnect"} if taken > limit else message

    return counting
