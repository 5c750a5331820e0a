"""JSON values -> answers, passages and articles as JSON: the calls for other programs.

The page's API and the Model Context Protocol offer these methods under their names, with their
docstrings as descriptions; `qa.endpoints.describe` makes schemas of their signatures.
"""

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Annotated, NamedTuple, NotRequired, Self, TypeAlias, TypedDict
from urllib.parse import urlencode

from qa.answer.answerer import Answerer
from qa.errors import ArticlesMissing, SettingError
from qa.events import report
from qa.index.interface import Where
from qa.render.data import (
    AnswerJson,
    ArticleJson,
    CopyJson,
    HitJson,
    QuoteJson,
    SearchJson,
    answer_to_json,
    article_to_json,
    hits_to_json,
    link_to,
)
from qa.types import Answer, Article, Turn

MAX_QUESTION_CHARS = 1000
MAX_CHARS = 20_000
"""Characters of an article in one reply."""
MAX_PASSAGES = 50
MAX_QUOTES = 10
MAX_LISTED = 1000
MAX_HISTORY = 10
MAX_NAMES = 100
"""Values of a condition (articles, authors, languages) in one call."""
TURNS_KEPT = 256
"""Number of earlier questions whose answers are cached."""


class Bounds(NamedTuple):
    """Bounds of a number, of the length of a text, or of the number of items in a list."""

    least: int
    most: int


Question: TypeAlias = Annotated[str, Bounds(1, MAX_QUESTION_CHARS)]
Text: TypeAlias = Annotated[str | None, Bounds(0, MAX_QUESTION_CHARS)]
Names: TypeAlias = Annotated[list[str] | None, Bounds(0, MAX_NAMES)]


class ListJson(TypedDict):
    """Some of the articles, in order of their ids."""

    articles: list[ArticleJson]
    next: str | None
    """What to give as `after` for those that follow; null if none do."""


class TextJson(TypedDict):
    """A part of an article's text; offsets as quotes have them."""

    article: ArticleJson
    text: str
    start: int
    end: int
    total: int
    """Length of the whole text."""
    next: int | None
    """What to give as `start` for what follows; null at the end of the article."""
    link: NotRequired[str]


Linked: TypeAlias = QuoteJson | CopyJson | HitJson
MakeLink: TypeAlias = Callable[[Linked], str | None]
"""Makes the address at which a browser shows a quote or passage in its article, or None."""


class Endpoints:
    """The calls, as methods; the answerer is loaded at the first call."""

    def __init__(self, load: Callable[[], Answerer], *, link: MakeLink = link_to) -> None:
        self._load = load
        self._link = link
        self._turns: OrderedDict[tuple[object, ...], Turn] = OrderedDict()
        self._lock = Lock()

    def with_links(self, link: MakeLink) -> Self:
        """The same calls with other links."""
        other = copy.copy(self)
        other._link = link
        return other

    def ask(
        self,
        question: Question,
        history: Annotated[list[str] | None, Bounds(0, MAX_HISTORY)] = None,
        quotes: Annotated[int, Bounds(1, MAX_QUOTES)] = 3,
        articles: Names = None,
        authors: Names = None,
        since: Text = None,
        until: Text = None,
        languages: Names = None,
        title: Text = None,
    ) -> AnswerJson:
        """Answer a question with word-for-word quotes from the articles, or say that they do not
        answer it.

        `status` is "answered"; "possibly", if the quotes may answer; "unanswered" or "off_topic",
        with the closest sentences as `nearest`; or "no_question", where `notice` says what there
        is.

        Args:
            question: a question in plain words.
            history: the questions asked before, oldest first, if this one leans on them ("And
                where was it held?").
            quotes: at most so many quotes.
            articles: only in the articles with these ids.
            authors: only in articles by one of these.
            since: only in articles of this day, month or year (1931-05-02, 1931-05, 1931) or later.
            until: only in articles of this day, month or year, or earlier.
            languages: only in articles in one of these (ISO 639-1, such as en, ar).
            title: only in articles whose title holds these words.
        """
        where = self._where(articles, authors, since, until, languages, title)
        answerer = self._load().with_quotes(quotes)
        turns = self._recall(answerer, history or [], where)
        answer = answerer.answer(question, turns, where=where)
        self._keep(answerer, [*(history or []), question], where, answer)
        return self._link_answer(answer_to_json(answer))

    def search(
        self,
        query: Question,
        k: Annotated[int, Bounds(1, MAX_PASSAGES)] = 10,
        articles: Names = None,
        authors: Names = None,
        since: Text = None,
        until: Text = None,
        languages: Names = None,
        title: Text = None,
    ) -> SearchJson:
        """Find the passages of the articles that match any words best.

        Args:
            query: what to look for.
            k: how many passages.
            articles: only in the articles with these ids.
            authors: only in articles by one of these.
            since: only in articles of this day, month or year (1931-05-02, 1931-05, 1931) or later.
            until: only in articles of this day, month or year, or earlier.
            languages: only in articles in one of these (ISO 639-1, such as en, ar).
            title: only in articles whose title holds these words.
        """
        where = self._where(articles, authors, since, until, languages, title)
        started = perf_counter()
        hits = self._load().retriever.retrieve(query, k, where=where)
        spent = round(perf_counter() - started, 4)
        report("searched", passages=len(hits), seconds={"search": spent})
        found = hits_to_json(query, hits)
        self._add_links(found["hits"])
        return found

    def list_articles(
        self,
        after: Text = None,
        limit: Annotated[int, Bounds(1, MAX_LISTED)] = 100,
        authors: Names = None,
        since: Text = None,
        until: Text = None,
        languages: Names = None,
        title: Text = None,
    ) -> ListJson:
        """List articles in order of their ids: id, title, author, date, url, language, sha256 of
        the text.

        Args:
            after: go on after the article with this id; `next` of the reply before.
            limit: at most so many.
            authors: only those by one of these.
            since: only those of this day, month or year (1931-05-02, 1931-05, 1931) or later.
            until: only those of this day, month or year, or earlier.
            languages: only those in one of these (ISO 639-1, such as en, ar).
            title: only those whose title holds these words.
        """
        where = self._where(None, authors, since, until, languages, title)
        listed = filter(where.admits, self._load().retriever.index.list_articles(after=after or ""))
        found = [article_to_json(article) for article in islice(listed, limit + 1)]
        more = found[limit - 1]["id"] if len(found) > limit else None
        return ListJson(articles=found[:limit], next=more)

    def read_article(
        self,
        id: str,
        start: Annotated[int, Bounds(0, 2**53)] = 0,
        length: Annotated[int, Bounds(1, MAX_CHARS)] = MAX_CHARS,
    ) -> TextJson:
        """Read on in an article, part by part.

        Args:
            id: as `list_articles` and quotes name the article.
            start: the first character: `next` of the part before, or where a quote starts.
            length: at most so many characters.
        """
        article = self._get_article(id)
        total = len(article.text)
        if start > total:
            raise SettingError(f"start is {start}: the article ends at {total}")
        end = min(start + length, total)
        part = TextJson(
            article=article_to_json(article),
            text=article.text[start:end],
            start=start,
            end=end,
            total=total,
            next=end if end < total else None,
        )
        place = HitJson(
            text=part["text"],
            start=start,
            end=end,
            score=0.0,
            paragraph=1,
            article=part["article"],
        )
        if link := self._link(place):
            part["link"] = link
        return part

    def _get_article(self, article_id: str) -> Article:
        article = self._load().retriever.index.get_article(article_id)
        if article is None:
            raise ArticlesMissing(f"there is no article {article_id!r}: see list_articles")
        return article

    def _where(
        self,
        articles: list[str] | None,
        authors: list[str] | None,
        since: str | None,
        until: str | None,
        languages: list[str] | None,
        title: str | None,
    ) -> Where:
        """The conditions as a `Where`; an unknown article raises an ArticlesMissing."""
        ids = tuple(self._get_article(article_id).id for article_id in articles or ())
        return Where(
            ids or None,
            tuple(authors or ()),
            since or None,
            until or None,
            tuple(languages or ()),
            title or "",
        )

    def _recall(self, answerer: Answerer, history: list[str], where: Where) -> list[Turn]:
        """The turns of earlier questions, each answered with those before it."""
        turns: list[Turn] = []
        for asked, question in enumerate(history, start=1):
            turn = self._turns.get(_name_turn(answerer, history[:asked], where))
            if turn is None:
                answer = answerer.answer(question, turns, where=where)
                turn = self._keep(answerer, history[:asked], where, answer)
            turns.append(turn)
        return turns

    def _keep(self, answerer: Answerer, questions: list[str], where: Where, answer: Answer) -> Turn:
        turn = Turn.from_answer(answer)
        with self._lock:
            self._turns[_name_turn(answerer, questions, where)] = turn
            while len(self._turns) > TURNS_KEPT:
                self._turns.popitem(last=False)
        return turn

    def _link_answer(self, answer: AnswerJson) -> AnswerJson:
        for quote in (*answer["quotes"], *answer.get("nearest", ())):
            self._add_links([quote, *quote.get("also_in", ())])
        return answer

    def _add_links(self, places: Iterable[Linked]) -> None:
        for place in places:
            if link := self._link(place):
                place["link"] = link


NAMES = ("ask", "search", "list_articles", "read_article")


def _name_turn(answerer: Answerer, questions: list[str], where: Where) -> tuple[object, ...]:
    return answerer.retriever.index.build_id, answerer.max_quotes, tuple(questions), where


def link_to_page(base: str) -> MakeLink:
    """Links to a page that is served at an address, which shows the place marked in its article."""

    def link(place: Linked) -> str:
        span = {"start": place["start"], "end": place["end"]}
        return f"{base}?{urlencode({'article': place['article']['id'], **span})}"

    return link


def link_to_files(folder: Path) -> MakeLink:
    """Links to the addresses that articles have of their own, or else to their files in a folder:
    to the page of a PDF, to characters (RFC 5147) of others.
    """

    def link(place: Linked) -> str | None:
        path = folder.resolve() / place["article"]["id"]
        if (url := link_to(place)) or not path.is_file():
            return url
        page = place.get("place", {}).get("page")
        if page is not None:
            return f"{path.as_uri()}#page={page}"
        of_text = "origin" not in place["article"]
        return path.as_uri() + (f"#char={place['start']},{place['end']}" if of_text else "")

    return link
