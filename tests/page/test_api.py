"""The page's endpoints, as other programs call them."""

import asyncio
import json
import socket
import statistics
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from qa.cli import main
from qa.page import make_page
from qa.page.middleware.sessions import MAX_CALLS
from qa.page.service import Service
from tests.browser.serving import free_port
from tests.conftest import SAMPLES

QUESTIONS = (
    "What was the meeting about?",
    "Where was the meeting held?",
    "When was the new pier finished?",
    "To whom was the contract given?",
    "What is the boiling point of tungsten?",
    "متى شُيّد المبنى؟",
)


@pytest.fixture(scope="module")
def page(sample_index: Path) -> Any:
    service = Service(SAMPLES, sample_index, read_only=True)
    service.prepare()
    return make_page(service, mcp=True)


@pytest.fixture(scope="module")
def address(page: Any) -> Iterator[str]:
    from qa.page.launch import launch

    yield launch(
        page, host="127.0.0.1", port=free_port(), open_browser=False, block=False, mcp=True
    )
    page.close()


@pytest.fixture(scope="module")
def call(address: str):
    from gradio_client import Client

    client = Client(address, verbose=False, httpx_kwargs={"timeout": 60})
    yield client.predict
    client.close()


def without_times(value: dict[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in value.items() if name != "seconds"}


def test_the_endpoints_give_the_same_json_as_the_command_line(call, sample_index: Path):
    for question in QUESTIONS:
        shell = CliRunner().invoke(main, ["ask", question, "--json", "--index", str(sample_index)])
        assert without_times(call(question, api_name="/ask")) == without_times(
            json.loads(shell.stdout)
        )
    shell = CliRunner().invoke(
        main, ["search", "missiles", "-k", "3", "--json", "--index", str(sample_index)]
    )
    assert call("missiles", 3, api_name="/search") == json.loads(shell.stdout)
    shell = CliRunner().invoke(main, ["list", "--json", "--index", str(sample_index)])
    listed = call(api_name="/list_articles")["articles"]
    assert sorted(listed, key=lambda article: article["id"]) == json.loads(shell.stdout)["articles"]


def test_any_program_can_ask_over_http(address: str):
    started = httpx.post(f"{address}gradio_api/call/ask", json={"data": [QUESTIONS[0]]})
    told = httpx.get(f"{address}gradio_api/call/ask/{started.json()['event_id']}", timeout=60).text
    assert told.startswith("event: complete\ndata: ")
    (answer,) = json.loads(told.partition("data: ")[2])
    assert answer["quotes"][0]["text"].startswith("The participants, the officials said, had come")


def test_an_article_is_read_in_parts(call):
    text = (SAMPLES / "the-damascus-meeting.txt").read_text("utf-8")
    part = call("the-damascus-meeting.txt", 100, 200, api_name="/read_article")
    assert (part["text"], part["start"], part["end"], part["length"]) == (
        text[100:200],
        100,
        200,
        len(text),
    )
    rest = call("the-damascus-meeting.txt", 1000, 10**9, api_name="/read_article")
    assert rest["text"] == text[1000:]


@pytest.mark.parametrize(
    ("arguments", "endpoint", "message"),
    [
        (["???"], "/ask", "the question has no words"),
        (["x" * 1001], "/ask", "ask with at most 1000"),
        (["words", 51], "/search", "choose 1 to 50"),
        (["../../etc/passwd", 0, 10], "/read_article", "there is no article"),
    ],
)
def test_bad_arguments_are_told(call, arguments: list[Any], endpoint: str, message: str):
    with pytest.raises(Exception, match=message):
        call(*arguments, api_name=endpoint)


@pytest.mark.parametrize("data", [[], None, [1, 2, 3, 4, 5, 6], [{"a": []}]])
def test_values_too_few_or_of_other_kinds_are_told_without_a_traceback(
    address: str, capfd: pytest.CaptureFixture[str], data: Any
):
    for name in ("ask", "search", "read_article"):
        started = httpx.post(f"{address}gradio_api/call/{name}", json={"data": data}, timeout=60)
        if started.status_code == 200:
            event = started.json()["event_id"]
            told = httpx.get(f"{address}gradio_api/call/{name}/{event}", timeout=60).text
            assert told.startswith("event: error"), told
        else:
            assert started.status_code in (400, 422)
    captured = capfd.readouterr()
    assert "Traceback" not in captured.out + captured.err


def test_what_is_kept_of_calls_is_bounded(address: str, page: Any, call: Any):
    person = call("words that find nothing", 1, api_name="/search")
    assert person["query"] == "words that find nothing"
    for _ in range(MAX_CALLS + 20):
        started = httpx.post(f"{address}gradio_api/call/list_articles", json={"data": []})
        event = started.json()["event_id"]
        httpx.get(f"{address}gradio_api/call/list_articles/{event}", timeout=60)
    assert len(page.state_holder.session_data) <= MAX_CALLS + 3
    assert len(page.state_holder.time_last_used) <= MAX_CALLS + 3
    assert len(page._queue.pending_event_ids_session) <= 3
    assert len(page._queue.pending_messages_per_session) <= 3
    assert len(page._queue.event_analytics) <= 1


def test_a_head_that_does_not_come_is_not_waited_for(address: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qa.page.middleware.guard.HEAD_SECONDS", 0.2)
    port = int(address.rstrip("/").rpartition(":")[2])
    whole = b"GET /config HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for sent in (b"", b"POST / HTTP/1.1\r\nHost: loc", whole):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(sent)
            received = b""
            while piece := connection.recv(2**16):
                received += piece
                if sent == whole and received.endswith((b"}", b"0\r\n\r\n")):
                    connection.sendall(b"GET /config HT")  # and no more
            assert received.startswith(b"HTTP/1.1 200") == (sent == whole)


def test_ten_people_ask_at_once(address: str):
    def ask(question: str) -> tuple[float, dict[str, Any]]:
        started = perf_counter()
        event = httpx.post(
            f"{address}gradio_api/call/ask", json={"data": [question]}, timeout=60
        ).json()["event_id"]
        told = httpx.get(f"{address}gradio_api/call/ask/{event}", timeout=120).text
        assert told.startswith("event: complete"), told
        return perf_counter() - started, json.loads(told.partition("data: ")[2])[0]

    alone = {question: without_times(ask(question)[1]) for question in QUESTIONS}
    asked = [QUESTIONS[n % len(QUESTIONS)] for n in range(20)]
    with ThreadPoolExecutor(10) as people:
        replies = list(people.map(ask, asked))
    seconds = sorted(waited for waited, _ in replies)
    print(
        f"\n20 questions by 10 people: median {statistics.median(seconds):.2f} s, p95 "
        f"{seconds[18]:.2f} s"
    )
    for question, (_, answer) in zip(asked, replies, strict=True):
        assert without_times(answer) == alone[question]


def test_assistants_get_json_over_the_model_context_protocol(address: str):
    mcp = pytest.importorskip("mcp", reason="needs the extra: pip install 'article-qa[mcp]'")
    from mcp.client.streamable_http import streamable_http_client

    async def talk() -> tuple[list[str], Any, Any, Any]:
        async with (
            streamable_http_client(f"{address}gradio_api/mcp/") as (reading, writing, _),
            mcp.ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            names = [tool.name for tool in (await session.list_tools()).tools]
            answer = await session.call_tool("ask", {"question": QUESTIONS[0]})
            text = await session.call_tool(
                "read_article", {"article_id": "the-damascus-meeting.txt", "end": 20}
            )
            wrong = await session.call_tool("ask", {"question": "?"})
            return (
                names,
                json.loads(answer.content[0].text),
                json.loads(text.content[0].text),
                wrong,
            )

    # In a thread of its own: the browser's tests leave an event loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        names, answer, text, wrong = thread.submit(lambda: asyncio.run(talk())).result()
    assert names == ["ask", "search", "list_articles", "read_article"]
    assert answer["quotes"][0]["text"].startswith("The participants, the officials said, had come")
    assert text["text"] == "The Damascus meeting"
    assert wrong.isError
    assert "the question has no words" in wrong.content[0].text
