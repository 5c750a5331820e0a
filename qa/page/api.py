"""Endpoints for other programs: ask, search, list, read; the same JSON as on the command line.

They serve `gradio_client`, curl and, with `--mcp`, assistants that speak the Model Context
Protocol.
"""

import json
import logging
from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Literal, TypedDict, TypeVar

import gradio as gr
from gradio.events import api

from qa.errors import ArticlesMissing, QAError, SettingError
from qa.page.service import Service
from qa.render import answer_to_json, article_to_json, hits_to_json
from qa.render.data import AnswerJson, ArticleJson, SearchJson

MAX_CHARS = 20_000
"""Of an article in one reply."""
_LOG = logging.getLogger(__name__)
T = TypeVar("T")


class ListJson(TypedDict):
    """All articles."""

    articles: list[ArticleJson]


class TextJson(TypedDict):
    """A part of an article's text; offsets as quotes have them."""

    article: ArticleJson
    text: str
    start: int
    end: int
    length: int


def add_endpoints(service: Service, *, mcp: bool = False) -> None:
    """Add the endpoints to the page that is being made; with `mcp`, also as tools that return JSON
    as text.
    """

    def ask(question: str) -> AnswerJson:
        """Answer a question with word-for-word quotes from the articles, or say that they do not
        answer it.

        Its `status` is "answered"; "possibly", if the quotes may answer; "unanswered" or
        "off_topic"; or "no_question", where the articles cannot be asked that: `notice` says so.

        Args:
            question: a question in plain words.
        """
        return _try(lambda: answer_to_json(service.ask(_text("question", question))))

    def search(query: str, k: int = 10) -> SearchJson:
        """Find the passages of the articles that match any words best.

        Args:
            query: what to look for.
            k: how many passages, 1 to 50.
        """
        return _try(
            lambda: hits_to_json(query, service.search(_text("query", query), _number("k", k)))
        )

    def list_articles() -> ListJson:
        """List all articles: id, title, author, date, url, language, sha256 of the text."""
        return _try(
            lambda: ListJson(
                articles=[article_to_json(article) for article in service.list_articles()]
            )
        )

    def read_article(article_id: str, start: int = 0, end: int = MAX_CHARS) -> TextJson:
        """Read an article's text, at most 20,000 characters at once.

        Args:
            article_id: as `list_articles` and quotes name it.
            start: first character.
            end: the character after the last.
        """
        return _try(
            lambda: _read(
                service,
                _text("article_id", article_id),
                _number("start", start),
                _number("end", end),
            )
        )

    # Gradio shows every documented endpoint to the protocol, and dictionaries there as Python
    # writes them.
    visibility: Literal["public", "undocumented"] = "undocumented" if mcp else "public"
    for function in (ask, search, list_articles, read_article):
        api(
            function,
            api_name=function.__name__,
            api_visibility=visibility,
            concurrency_limit=8,
            concurrency_id="ask",
        )
        if mcp:
            api(_as_text(function), api_name=f"{function.__name__}_as_text", queue=False)


def _as_text(function: Callable[..., object]) -> Callable[..., str]:
    """The same endpoint, returning its JSON as text."""

    @wraps(function)
    def tool(*args: object) -> str:
        return json.dumps(function(*args), ensure_ascii=False)

    tool.__signature__ = signature(function).replace(return_annotation=str)  # type: ignore[attr-defined]
    tool.__annotations__ = {**function.__annotations__, "return": str}
    del tool.__wrapped__
    return tool


def _read(service: Service, article_id: str, start: int, end: int) -> TextJson:
    article = service.get_article(_text("article_id", article_id))
    if article is None:
        raise ArticlesMissing(f"there is no article {article_id!r}: see list_articles")
    start = min(max(0, _number("start", start)), len(article.text))
    end = max(start, min(_number("end", end), len(article.text), start + MAX_CHARS))
    return TextJson(
        article=article_to_json(article),
        text=article.text[start:end],
        start=start,
        end=end,
        length=len(article.text),
    )


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise SettingError(f"{name} is {ascii(value)[:40]}: give a text")
    return value


def _number(name: str, value: object) -> int:
    is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if not is_whole or isinstance(value, bool) or abs(value) > 2**53:  # type: ignore[arg-type]
        raise SettingError(f"{name} is {ascii(value)[:40]}: give a whole number")
    return int(value)  # type: ignore[call-overload, no-any-return]


def _try(work: Callable[[], T]) -> T:
    """Do the work of an endpoint; whatever goes wrong is told in words, and never as Python
    would.
    """
    try:
        return work()
    except QAError as error:
        raise gr.Error(str(error), print_exception=False) from None
    except Exception as error:
        _LOG.warning("a request could not be answered: %r", error)
        raise gr.Error(
            "something went wrong: the server's terminal tells more", print_exception=False
        ) from None
