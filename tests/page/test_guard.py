"""What reaches the page: passwords are not guessed, names not forged, bodies not waited for,
failures not shown."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from qa.page.middleware.guard import LOGIN_FAILURES, Guard

Result = TypeVar("Result")


@pytest.fixture
def tools() -> TestClient:
    """Where assistants call, with the login beside."""

    async def call(request: Request) -> Response:
        return PlainTextResponse("tools")

    async def login(request: Request) -> Response:
        return PlainTextResponse("", 200 if await request.body() == b"right" else 400)

    routes = [
        Route("/gradio_api/mcp/", call, methods=["POST"]),
        Route("/login", login, methods=["POST"]),
    ]
    app = Starlette(
        routes=routes, middleware=[Middleware(Guard, hosts=["localhost"], auth=("ann", "sécret"))]
    )
    return TestClient(app, base_url="http://localhost")


def test_an_assistant_without_a_password_locks_nobody_out(tools: TestClient):
    assert {tools.post("/gradio_api/mcp/").status_code for _ in range(20)} == {401}
    assert tools.post("/login", content=b"right").status_code == 200


def test_an_assistant_with_wrong_passwords_is_slowed_down(tools: TestClient):
    told = [tools.post("/gradio_api/mcp/", auth=("ann", str(n))).status_code for n in range(15)]
    assert told == [401] * LOGIN_FAILURES + [429] * (15 - LOGIN_FAILURES)


def call_from(guard: Guard, address: str, **headers: str) -> int:
    """Status of a wrong password from an address."""

    async def talk() -> int:
        messages = [{"type": "http.request", "body": b"wrong", "more_body": False}]
        told: list[int] = []

        async def receive() -> dict[str, Any]:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                told.append(message["status"])

        named = [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ]
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/login",
            "headers": [(b"host", b"localhost"), *named],
            "client": (address, 1),
            "query_string": b"",
        }
        await guard(scope, receive, send)
        return told[0]

    return run_alone(talk())


def run_alone(talk: Coroutine[Any, Any, Result]) -> Result:
    """In a thread of its own: the browser's tests leave an event loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, talk).result()


async def refuse(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("", 400)(scope, receive, send)


def test_neither_headers_nor_a_network_of_addresses_make_another_caller():
    guard = Guard(refuse, ["localhost"], ("ann", "secret"))
    assert [call_from(guard, "203.0.113.9", x_forwarded_for=f"10.0.0.{n}") for n in range(15)] == [
        400
    ] * 5 + [429] * 10
    assert [call_from(guard, f"2001:db8:1:2:{n}::1") for n in range(15)] == [400] * 5 + [429] * 10
    assert call_from(guard, "203.0.113.10") == 400
    assert call_from(guard, "2001:db8:1:3::1") == 400


def test_the_number_of_addresses_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch):
    now = 0.0
    monkeypatch.setattr("qa.page.middleware.guard.monotonic", lambda: now)
    monkeypatch.setattr("qa.page.middleware.guard.MAX_ADDRESSES", 20)
    guard = Guard(refuse, ["localhost"])
    for n in range(100):
        now += 10
        call_from(guard, f"203.0.113.{n}")
    assert len(guard._failures) <= 21


def test_names_that_the_server_does_not_answer_to_are_not_passed_on():
    async def tell(request: Request) -> Response:
        return PlainTextResponse(
            ",".join(sorted(name for name in request.headers if name.startswith("x-")))
        )

    app = Starlette(
        routes=[Route("/", tell)],
        middleware=[Middleware(Guard, hosts=["localhost", "name.example"])],
    )
    client = TestClient(app, base_url="http://localhost")
    both = {"x-forwarded-host": "name.example", "x-forwarded-proto": "https"}
    assert client.get("/", headers=both).text == "x-forwarded-host,x-forwarded-proto"
    assert (
        client.get(
            "/", headers={"x-forwarded-host": "evil.example", "x-forwarded-proto": "gopher"}
        ).text
        == ""
    )


def test_a_request_that_breaks_the_page_is_refused_without_a_traceback():
    async def fail(request: Request) -> Response:
        raise KeyError(await request.body())

    app = Starlette(
        routes=[Route("/", fail, methods=["POST"])],
        middleware=[Middleware(Guard, hosts=["localhost"])],
    )
    assert TestClient(app, base_url="http://localhost").post("/", content=b"{").status_code == 400


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qa.page.middleware.guard.CHUNK_SECONDS", 0.05)

    async def read(scope: Any, receive: Any, send: Any) -> None:
        await Request(scope, receive).body()

    async def talk() -> list[int]:
        told: list[int] = []

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(30)
            return {}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                told.append(message["status"])

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "headers": [(b"host", b"localhost")],
            "client": None,
        }
        await Guard(read, ["localhost"])(scope, receive, send)
        return told

    assert run_alone(talk()) == [408]


def test_a_read_only_page_takes_no_files():
    app = Starlette(
        routes=[
            Route(
                "/gradio_api/upload", lambda request: PlainTextResponse("taken"), methods=["POST"]
            )
        ],
        middleware=[Middleware(Guard, hosts=["localhost"], read_only=True)],
    )
    assert (
        TestClient(app, base_url="http://localhost").post("/gradio_api/upload").status_code == 403
    )
