"""What the browser asks of the server by itself: an answer to show and to keep, files of the
conversation, examples, changes to the articles.

The browser sends the answers before along with each question, so the server keeps nothing.
"""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import gradio as gr
from gradio.events import api

from qa.errors import QAError, SettingError
from qa.evaluation.votes import write_votes
from qa.page.adding import CHANGES
from qa.page.service import Service, read_where
from qa.page.words import speaking_to
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
MAX_EXAMPLES = 3


def add_chat_endpoints(service: Service) -> None:
    """Add the endpoints to the page that is being made; each takes and returns one JSON text."""
    for name, function in ENDPOINTS.items():
        limit, group = (1, "examples") if name == "page_examples" else (8, "ask")
        api(
            _endpoint(service, name, function),
            api_name=name,
            api_visibility="undocumented",
            concurrency_limit=limit,
            concurrency_id=group,
        )


def _endpoint(
    service: Service, name: str, work: Callable[[Service, Mapping[str, Any]], dict[str, Any]]
) -> Callable[..., str]:
    def endpoint(request: str, http: gr.Request) -> str:
        try:
            with speaking_to(http.headers):
                return json.dumps(work(service, _parse(request)), ensure_ascii=False)
        except QAError as error:
            raise gr.Error(str(error), print_exception=False) from None

    endpoint.__name__ = name
    return endpoint


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


def save(service: Service, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The conversation as a file's text, JSON or Markdown."""
    answers = _list(wanted.get("answers"))
    for value in answers:
        parse_answer(value)  # complains about what is none
    if wanted.get("kind") == "markdown":
        return {"text": conversation_to_markdown(answers, saved=_now())}
    value = conversation_to_json(answers, saved=_now())
    return {"text": json.dumps(value, ensure_ascii=False, indent=2) + "\n"}


def save_votes(service: Service, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Votes as the two files of a data set."""
    questions, articles = write_votes(_list(wanted.get("votes")), service.get_article)
    return {"questions": questions, "articles": articles}


def find_examples(service: Service, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Questions that some articles answer, without those asked already."""
    ids = [str(one) for one in _list(wanted.get("articles"))][:MAX_EXAMPLES]
    asked = [str(one) for one in _list(wanted.get("asked"))]
    return {"questions": service.suggest(ids, but=asked)[:MAX_EXAMPLES]}


def describe_all(service: Service, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What there is: articles, index, models."""
    return service.describe()


ENDPOINTS: dict[str, Callable[[Service, Mapping[str, Any]], dict[str, Any]]] = {
    "page_ask": ask,
    "page_save": save,
    "page_votes": save_votes,
    "page_examples": find_examples,
    "page_about": describe_all,
    **CHANGES,
}


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
