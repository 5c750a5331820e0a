"""Questions -> what the conversation shows, step by step, and files of it to keep."""

import json
import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from qa.errors import QAError
from qa.page.service import Service
from qa.render import (
    answer_to_html,
    answer_to_json,
    conversation_to_json,
    conversation_to_markdown,
    escape_html,
)
from qa.render.data import AnswerJson

_LOG = logging.getLogger(__name__)
MAX_TURNS = 200
"""Older turns leave the screen; a conversation that long has long been saved or is not wanted."""


class Exchange(NamedTuple):
    """A question and what came of it."""

    number: int
    question: str
    shown: str
    """HTML of the answer, so that it is made once."""
    answer: AnswerJson | None = None
    """None while it is being looked for, and where the question could not be asked."""


def ask(
    service: Service, question: str, before: Sequence[Exchange], *, alone: bool = False
) -> Iterator[list[Exchange]]:
    """The conversation as it goes on: first the question, then the passages found, then the answer.

    With `alone`, the question is taken as it is written, whatever was asked before.
    """
    if not question.strip():
        return
    kept = list(before)[-MAX_TURNS + 1 :]
    turn = Exchange(kept[-1].number + 1 if kept else 1, question, _wait("Searching …"))
    yield [*kept, turn]
    try:
        found = service.find(question, () if alone else _answers(before))
        titles = list(dict.fromkeys(hit.passage.article.title for hit in found.hits))
        yield [*kept, turn._replace(shown=_wait("Reading " + _name(titles) + " …"))]
        answer = service.answerer.read(found)
        holdings = [article.title for article in service.list_articles()][:6]
        shown = answer_to_html(answer, key=str(turn.number), holdings=holdings)
        yield [*kept, turn._replace(shown=shown, answer=answer_to_json(answer))]
    except QAError as error:
        yield [*kept, turn._replace(shown=_problem(str(error)))]
    except Exception as error:
        # Raised on, it would cover the whole conversation.
        _LOG.exception("a question could not be answered")
        yield [
            *kept,
            turn._replace(
                shown=_problem(f"something went wrong ({error}): the terminal tells more")
            ),
        ]


def to_messages(turns: Sequence[Exchange]) -> list[dict[str, Any]]:
    """Turns as the chat component takes them."""
    messages = []
    for turn in turns:
        asked = (
            f'<div class="qa-question" id="turn-{turn.number}" '
            f'dir="auto">{escape_html(turn.question)}</div>'
        )
        messages += [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": turn.shown},
        ]
    return messages


def save_as_markdown(turns: Sequence[Exchange]) -> str:
    """The conversation as a Markdown file."""
    return conversation_to_markdown(_answers(turns), saved=_now())


def save_as_json(turns: Sequence[Exchange]) -> str:
    """The conversation as a JSON file."""
    return (
        json.dumps(
            conversation_to_json(_answers(turns), saved=_now()), ensure_ascii=False, indent=2
        )
        + "\n"
    )


def _answers(turns: Sequence[Exchange]) -> list[AnswerJson]:
    return [turn.answer for turn in turns if turn.answer]


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _wait(text: str) -> str:
    return f'<div class="qa-answer qa-wait"><p dir="auto">{escape_html(text)}</p></div>'


def _problem(text: str) -> str:
    return (
        '<div class="qa-answer qa-problem" '
        f'role="alert">{escape_html(text[:1].upper() + text[1:])}</div>'
    )


def _name(titles: Sequence[str]) -> str:
    if len(titles) > 3:
        return f"{', '.join(titles[:2])} and {len(titles) - 2} more"
    return ", ".join(titles)
