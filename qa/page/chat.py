"""What the conversation in the browser asks of the server: an answer to show and to keep, and a
file of all of them.

The browser sends the answers before along with each question, so the server keeps nothing.
"""

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import gradio as gr
from gradio.events import api

from qa.errors import QAError, SettingError
from qa.page.service import Service, read_where
from qa.render import (
    answer_to_html,
    answer_to_json,
    conversation_to_json,
    conversation_to_markdown,
    escape_html,
)
from qa.saved import parse_answer

_LOG = logging.getLogger(__name__)
MAX_BEFORE = 20
"""Of the answers sent along, so many of the last are looked at."""


def add_chat_endpoints(service: Service) -> None:
    """Add the two endpoints to the page that is being made; both take and return one JSON text."""

    def page_ask(request: str) -> str:
        return json.dumps(ask(service, _parse(request)), ensure_ascii=False)

    def page_save(request: str) -> str:
        try:
            return json.dumps({"text": save(_parse(request))}, ensure_ascii=False)
        except QAError as error:
            raise gr.Error(str(error), print_exception=False) from None

    options: dict[str, Any] = {"api_visibility": "undocumented", "concurrency_id": "ask"}
    for function in (page_ask, page_save):
        api(function, api_name=function.__name__, concurrency_limit=8, **options)


def ask(service: Service, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """HTML of what comes of a question, and the answer to keep (None where it could not be
    asked).
    """
    try:
        answer = service.ask(
            str(wanted.get("question", "")),
            _list(wanted.get("before"))[-MAX_BEFORE:],
            where=read_where(wanted.get("where") or {}),
            as_written=bool(wanted.get("alone")),
        )
        shown = answer_to_html(answer, key=str(int(wanted.get("number", 0))))
        return {"shown": shown, "answer": answer_to_json(answer)}
    except QAError as error:
        return {"shown": _problem(str(error)), "answer": None}
    except Exception as error:
        _LOG.exception("a question could not be answered")
        told = f"something went wrong ({error}): the terminal tells more"
        return {"shown": _problem(told), "answer": None}


def save(wanted: Mapping[str, Any]) -> str:
    """The conversation as a file's text, JSON or Markdown."""
    answers = _list(wanted.get("answers"))
    for value in answers:
        parse_answer(value)  # complains about what is none
    if wanted.get("kind") == "markdown":
        return conversation_to_markdown(answers, saved=_now())
    value = conversation_to_json(answers, saved=_now())
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _parse(request: str) -> Mapping[str, Any]:
    try:
        value = json.loads(request)
    except (TypeError, ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise SettingError("the page sent something that is no request: reload it")
    return value


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _problem(text: str) -> str:
    return (
        '<div class="qa-answer qa-problem" '
        f'role="alert">{escape_html(text[:1].upper() + text[1:])}</div>'
    )
