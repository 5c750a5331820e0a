"""A server to send anything to: the page's endpoints over a small index, with a stand-in encoder
and no reader."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path

import httpx

from qa.answer.answerer import Answerer
from qa.page import chat, make_page
from qa.page.launch import launch
from qa.page.service import Service
from tests.browser.serving import free_port

PAGE_ENDPOINTS = tuple(chat.ENDPOINTS)
"""What the page itself calls, each with one JSON text."""
ENDPOINTS = ("ask", "search", "read_article", "list_articles", *PAGE_ENDPOINTS)
NAMES = "question before where alone number answers kind votes articles asked name data address id"
"""Of values that the page sends."""


@cache
def start_server(articles: Path, index: Path, answerer: Answerer) -> str:
    """Serve an index until this process ends; returns the address."""
    service = Service(articles, index, read_only=True)
    service._answerer = answerer
    page = make_page(service)
    return launch(page, host="127.0.0.1", port=free_port(), open_browser=False, block=False)


def call(address: str, endpoint: str, body: bytes) -> None:
    """Send any body to an endpoint: an answer or an error comes back, and no traceback is told or
    logged."""
    log = io.StringIO()
    with redirect_stderr(log), redirect_stdout(log):
        started = httpx.post(
            f"{address}gradio_api/call/{endpoint}",
            content=body,
            headers={"content-type": "application/json"},
            timeout=30,
        )
        assert started.status_code < 500, (started.status_code, body)
        told = started.text
        if started.status_code == 200:
            event = started.json()["event_id"]
            told = httpx.get(f"{address}gradio_api/call/{endpoint}/{event}", timeout=30).text
            assert told.startswith(("event: complete", "event: error")), told
    assert "Traceback" not in told + log.getvalue(), (body, log.getvalue()[-2000:])


def as_body(values: object) -> bytes:
    """Values as an endpoint expects them, whatever they are."""
    return json.dumps({"data": values}).encode()
