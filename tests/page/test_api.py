"""The page's endpoints, as other programs call them."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from qa.cli import main
from qa.page import make_page
from qa.page.launch import LOOK_SECONDS, launch
from qa.page.middleware.sessions import MAX_CALLS
from qa.page.service import Service
from tests.browser.serving import free_port
from tests.conftest import SAMPLES
from tests.endpoints.assistant import check_conversation, hold_conversation, talk_over_http

ACCEPTED = {
    "accept": "application/json, text/event-stream",
    "content-type": "application/json",
}
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
    return make_page(service)


@pytest.fixture(scope="module")
def address(page: Any) -> Iterator[str]:
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
    return {name: part for name, part in unlinked(value).items() if name != "seconds"}


def unlinked(value: Any) -> Any:
    """The same without links, which the command line does not give."""
    if isinstance(value, dict):
        return {name: unlinked(part) for name, part in value.items() if name != "link"}
    return [unlinked(part) for part in value] if isinstance(value, list) else value


def test_the_endpoints_give_the_same_json_as_the_command_line(call, sample_index: Path):
    for question in QUESTIONS:
        shell = CliRunner().invoke(main, ["ask", question, "--json", "--index", str(sample_index)])
        assert without_times(call(question, api_name="/ask")) == without_times(
            json.loads(shell.stdout)
        )
    shell = CliRunner().invoke(
        main, ["search", "missiles", "-k", "3", "--json", "--index", str(sample_index)]
    )
    assert unlinked(call("missiles", 3, api_name="/search")) == json.loads(shell.stdout)
    shell = CliRunner().invoke(main, ["list", "--json", "--index", str(sample_index)])
    listed = call(api_name="/list_articles")
    assert listed == {**json.loads(shell.stdout), "next": None}


def test_any_program_can_ask_over_http(address: str):
    started = httpx.post(f"{address}gradio_api/call/ask", json={"data": [QUESTIONS[0]]})
    told = httpx.get(f"{address}gradio_api/call/ask/{started.json()['event_id']}", timeout=60).text
    assert told.startswith("event: complete\ndata: ")
    (answer,) = json.loads(told.partition("data: ")[2])
    assert answer["quotes"][0]["text"].startswith("The participants, the officials said, had come")


def test_an_article_is_read_part_by_part(call):
    text = (SAMPLES / "the-damascus-meeting.txt").read_text("utf-8")
    part = call("the-damascus-meeting.txt", 100, 200, api_name="/read_article")
    assert part["text"] == text[100:300]
    assert (part["start"], part["end"], part["next"]) == (100, 300, 300)
    rest = call("the-damascus-meeting.txt", part["next"], api_name="/read_article")
    assert rest["text"] == text[300:]
    assert (rest["total"], rest["next"]) == (len(text), None)


def test_a_question_keeps_to_the_articles_asked_for_and_leans_on_those_before(call):
    only = call(QUESTIONS[0], articles=["an-hour-for-the-bicycle.md"], api_name="/ask")
    assert {q["article"]["id"] for q in only.get("nearest", only["quotes"])} <= {
        "an-hour-for-the-bicycle.md"
    }
    later = call("And where was it held?", history=[QUESTIONS[0]], api_name="/ask")
    assert later["quotes"][0]["answer"]["text"].startswith("a basement underneath")


def test_links_lead_to_the_marked_place_on_the_page(call, address: str):
    answer = call(QUESTIONS[0], api_name="/ask")
    quote = answer["quotes"][0]
    assert quote["link"] == (
        f"{address}?article=the-damascus-meeting.txt&start={quote['start']}&end={quote['end']}"
    )
    assert httpx.get(quote["link"]).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "endpoint", "message"),
    [
        (["???"], "/ask", "the question has no words"),
        (["x" * 1001], "/ask", "question has 1001 characters: choose 1 to 1000"),
        (["words", 51], "/search", "choose 1 to 50"),
        (["../../etc/passwd", 0, 10], "/read_article", "there is no article"),
        (["the-damascus-meeting.txt", 158_000], "/read_article", "the article ends at 3050"),
        (["a", None, 3, ["no.txt"]], "/ask", "there is no article 'no.txt'"),
        (["a", None, 3, None, None, "soon"], "/ask", "write a day, month or year"),
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


def test_an_idle_server_seldom_looks_whether_somebody_asks(address: str, page: Any):
    assert (page._queue.sleep_when_free, page._queue.progress_update_sleep_when_free) == (
        LOOK_SECONDS,
        LOOK_SECONDS,
    )


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
    def ask(question: str) -> dict[str, Any]:
        event = httpx.post(
            f"{address}gradio_api/call/ask", json={"data": [question]}, timeout=60
        ).json()["event_id"]
        told = httpx.get(f"{address}gradio_api/call/ask/{event}", timeout=120).text
        assert told.startswith("event: complete"), told
        answer: dict[str, Any] = json.loads(told.partition("data: ")[2])[0]
        return without_times(answer)

    alone = {question: ask(question) for question in QUESTIONS}
    asked = [QUESTIONS[n % len(QUESTIONS)] for n in range(20)]
    with ThreadPoolExecutor(10) as people:
        for question, answer in zip(asked, people.map(ask, asked), strict=True):
            assert answer == alone[question]


def test_assistants_get_the_same_over_the_model_context_protocol(address: str, call: Any):
    told = talk_over_http(f"{address}gradio_api/mcp/", hold_conversation)
    check_conversation(told)
    own = call(QUESTIONS[0], api_name="/ask")
    assert without_times(told.answer.structuredContent) == without_times(own)
    assert told.answer.structuredContent["quotes"][0]["link"] == own["quotes"][0]["link"]


def test_nothing_is_kept_or_streamed_to_assistants(address: str):
    with httpx.Client(base_url=address, timeout=10) as client:
        assert client.get("gradio_api/mcp/").status_code == 405
        assert client.delete("gradio_api/mcp").status_code == 405
        told = client.post("gradio_api/mcp/", content=b"{", headers=ACCEPTED)
        assert told.status_code == 400
        assert told.headers["x-frame-options"] == "DENY"
        elsewhere = {**ACCEPTED, "origin": "http://elsewhere.example"}
        assert client.post("gradio_api/mcp/", json={}, headers=elsewhere).status_code == 403
