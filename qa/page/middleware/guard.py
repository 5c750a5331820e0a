"""What may reach the server, and what a browser may do with what it gets.

Article text is escaped wherever it is shown. As a second defence, headers forbid the page to load
anything from elsewhere, to send anything elsewhere, and to be embedded anywhere.
"""

import asyncio
import ipaddress
import logging
import re
from base64 import b64encode
from collections import deque
from collections.abc import Sequence
from secrets import compare_digest
from time import monotonic
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 24 * 2**20
"""Of one request, in bytes; an article has at most 16 MiB."""
MAX_UPLOAD = 256 * 2**20
"""Of all files that are dropped together, in bytes."""
LOGIN_FAILURES, LOGIN_SECONDS = 5, 60.0
"""So many wrong passwords from one address within so many seconds; then it has to wait."""
MAX_ADDRESSES = 10_000
"""Whose wrong passwords are remembered at once."""
CHUNK_SECONDS, BODY_SECONDS = 20.0, 600.0
"""A request's body may pause so long, and take so long in all."""
HEAD_SECONDS = 20.0
"""A request's head has to be there after so long."""
_LOG = logging.getLogger(__name__)
_HOST = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[^\s,:/@\[\]]+))(?::\d{1,5})?")

# Gradio's own front end needs inline scripts and styles and compiles templates; everything else is
# closed.
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
    """Checks host, origin, size and rate before a request goes on, and adds the headers to every
    reply.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Sequence[str],
        auth: tuple[str, str] | None = None,
        *,
        read_only: bool = False,
    ) -> None:
        self.app = app
        self.auth = auth
        self.read_only = read_only
        self.hosts = {host.lower() for host in hosts}
        self._failures: dict[str, deque[float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or refuse it."""
        if scope["type"] != "http":
            # Nothing here speaks websockets; "lifespan" is the server's own.
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        client = _network(scope["client"][0] if scope.get("client") else "")
        authorization = Headers(scope=scope).get("authorization", "")
        # Gradio asks for user and password everywhere but where assistants call.
        is_tool = self.auth is not None and scope["path"].startswith("/gradio_api/mcp")
        is_login = scope["method"] == "POST" and scope["path"].rstrip("/").endswith("/login")
        # Who gives no password has not guessed a wrong one.
        is_guess = is_login or (is_tool and authorization != "")
        reply = _with_headers(send)
        refusal = self._refuse(scope, client if is_guess else None)
        if refusal:
            await PlainTextResponse(refusal[1], refusal[0])(scope, receive, reply)
            return
        if is_login:
            reply = self._count_failures(client, reply)
        if is_tool and not self._is_allowed(authorization):
            if authorization:
                self._recent(client).append(monotonic())
            asked = {"www-authenticate": 'Basic realm="article-qa"'}
            await PlainTextResponse("User and password, please.", 401, asked)(scope, receive, reply)
            return
        await self._pass_on(scope, receive, reply)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give a request to the page; one that it cannot make sense of is the caller's mistake, and
        no traceback.
        """
        has_begun = False

        async def noting(message: Message) -> None:
            nonlocal has_begun
            has_begun = has_begun or message["type"] == "http.response.start"
            await send(message)

        body = _Body(receive, _limit(scope))
        try:
            await self.app(self._without_forged_names(scope), body.receive, noting)
        except Exception as error:
            if body.is_cut_off:
                _LOG.info("the body of a request for %s did not come", scope["path"])
            else:
                _LOG.warning("a request for %r failed: %r", scope["path"], error)
            if not has_begun:
                told = (
                    ("The body did not come.", 408)
                    if body.is_cut_off
                    else ("The page cannot read this request.", 400)
                )
                await PlainTextResponse(*told)(scope, receive, send)

    def _without_forged_names(self, scope: Scope) -> Scope:
        """Names under which a proxy says that it was called count only if the server answers to
        them.
        """
        kept = []
        for name, value in scope["headers"]:
            first = value.decode("latin-1").partition(",")[0].strip()
            is_forged = (name == b"x-forwarded-host" and not self._knows(host_of(first))) or (
                name == b"x-forwarded-proto" and first not in ("http", "https")
            )
            if not is_forged:
                kept.append((name, value))
        return {**scope, "headers": kept}

    def _refuse(self, scope: Scope, login_from: str | None) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host = host_of(headers.get("host", ""))
        if not self._knows(host):
            return (
                400,
                "This server does not answer to that name. Start it with --allow-host to add one.",
            )
        if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            origin = headers.get("origin")
            if origin is not None and origin.partition("://")[2].lower() != headers["host"].lower():
                return 403, "Requests from other sites are refused."
            if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
                return 403, "Requests from other sites are refused."
        length = headers.get("content-length", "0")
        if self.read_only and scope["path"].rstrip("/").endswith("/upload"):
            return 403, "This page is read-only."
        if not length.isdecimal() or len(length) > 15 or int(length) > _limit(scope):
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
        if len(self._failures) > MAX_ADDRESSES:
            since = monotonic() - LOGIN_SECONDS
            self._failures = {
                name: times
                for name, times in self._failures.items()
                if times and times[-1] >= since
            }
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
    """The name or address in a Host header, without its port; empty where it is none."""
    match = _HOST.fullmatch(header)
    return (match["address"] or match["name"]).lower() if match else ""


def _network(client: str) -> str:
    """Whose wrong passwords count together: an address, or the network of 2 ** 64 that one
    subscriber has.
    """
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    return (
        client
        if address.version == 4
        else str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    )


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


def limit_heads(protocol: type[asyncio.Protocol]) -> type[asyncio.Protocol]:
    """One of uvicorn's protocols, as one that closes connections whose next request's head does not
    come; by itself it waits without end for the rest of one that has begun.
    """

    class Timed(protocol):  # type: ignore[misc, valid-type]
        cycle: Any
        transport: asyncio.Transport
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self._start()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._timer is None and not self._is_at_work():
                self._start()

        def connection_lost(self, exc: Exception | None) -> None:
            if self._timer:
                self._timer.cancel()
            super().connection_lost(exc)

        def _is_at_work(self) -> bool:
            return self.cycle is not None and not self.cycle.response_complete

        def _start(self) -> None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(HEAD_SECONDS, self._look, self.cycle)

        def _look(self, cycle: object) -> None:
            self._timer = None
            if self._is_at_work() or self.transport.is_closing():
                return
            if self.cycle is cycle:
                self.transport.close()
            else:
                self._start()

    return Timed


class _Body:
    """The body of a request, that neither grows beyond a limit nor stays away."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._left = limit
        self._until = monotonic() + BODY_SECONDS
        self._is_complete = False
        self.is_cut_off = False

    async def receive(self) -> Message:
        """The next part; that the caller has gone where there is too much, or nothing comes."""
        if self._is_complete:  # what is waited for now is that the caller goes
            return await self._receive()
        try:
            async with asyncio.timeout(max(0.0, min(CHUNK_SECONDS, self._until - monotonic()))):
                message = await self._receive()
        except TimeoutError:
            self.is_cut_off = True
            return {"type": "http.disconnect"}
        self._is_complete = message["type"] != "http.request" or not message.get("more_body", False)
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.is_cut_off = True
            return {"type": "http.disconnect"}
        return message
