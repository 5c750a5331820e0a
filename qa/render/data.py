"""Answers and passages -> JSON values, in the schema that commands, page and programs share."""

from collections.abc import Sequence
from typing import Literal, NotRequired, TypeAlias, TypedDict, cast
from urllib.parse import quote as percent_encode

from qa.answer.thresholds import LIKELY, POSSIBLY
from qa.places import Place
from qa.types import SILENT, Answer, Article, Hit, Quote, Status

Strength: TypeAlias = Literal["likely answer", "possible answer", "weak match"]


class PlaceJson(TypedDict, total=False):
    """Where words are in the file that the article was read from; only known fields."""

    text: str
    """For a person: "p. 32 (printed 23), Simple Example > Step 4"."""
    page: int
    """Counted from 1."""
    last_page: int
    label: str
    section: list[str]
    part: str
    """The file within an archive."""
    anchor: str
    """The nearest id in it."""


class OriginJson(TypedDict):
    """The file that an article was read from, and its reader."""

    format: str
    reader: str
    sha256: str


class ArticleJson(TypedDict):
    """An article without its text."""

    id: str
    title: str
    author: str | None
    date: str | None
    url: str | None
    language: str | None
    sha256: str
    origin: NotRequired[OriginJson]


class AnswerWordsJson(TypedDict):
    """The answering words within a quote; offsets are those in the article."""

    text: str
    start: int
    end: int


class CopyJson(TypedDict):
    """A quote with everything that is needed to find it again and verify it."""

    text: str
    start: int
    end: int
    prefix: str
    suffix: str
    answer: AnswerWordsJson | None
    score: float
    paragraph: int
    article: ArticleJson
    place: NotRequired[PlaceJson]
    link: NotRequired[str]
    """Where a browser shows it; only from endpoints."""


class QuoteJson(CopyJson):
    """A quote, with its copies in other articles."""

    also_in: NotRequired[list[CopyJson]]


class AnswerJson(TypedDict):
    """What `qa ask --json` prints and the endpoint `/ask` returns."""

    question: str
    searched: str
    status: Status
    confidence: float
    quotes: list[QuoteJson]
    nearest: NotRequired[list[QuoteJson]]
    notice: NotRequired[str]
    seconds: dict[str, float]
    generation: int


class HitJson(TypedDict):
    """A retrieved passage."""

    text: str
    start: int
    end: int
    score: float
    paragraph: int
    article: ArticleJson
    place: NotRequired[PlaceJson]
    link: NotRequired[str]


class SearchJson(TypedDict):
    """What `qa search --json` prints and the endpoint `/search` returns."""

    query: str
    hits: list[HitJson]


def answer_to_json(answer: Answer) -> AnswerJson:
    """An answer as a JSON value; `nearest` and `notice` only if it has them."""
    value: AnswerJson = {
        "question": answer.question,
        "searched": answer.searched,
        "status": answer.status,
        "confidence": round(answer.confidence, 4),
        "quotes": [quote_to_json(quote) for quote in answer.quotes],
        "seconds": {stage: round(seconds, 4) for stage, seconds in answer.seconds.items()},
        "generation": answer.generation,
    }
    if answer.notice:
        value["notice"] = answer.notice
    if answer.status in SILENT:
        value["nearest"] = [quote_to_json(quote) for quote in answer.nearest]
    return value


def quote_to_json(quote: Quote) -> QuoteJson:
    """A quote as a JSON value; `also_in` only if other articles have the same sentence."""
    answer = quote.answer
    value: QuoteJson = {
        "text": quote.text,
        "start": quote.start,
        "end": quote.end,
        "prefix": quote.prefix,
        "suffix": quote.suffix,
        "answer": answer
        and {
            "text": quote.article.text[answer.start : answer.end],
            "start": answer.start,
            "end": answer.end,
        },
        "score": round(quote.score, 4),
        "paragraph": quote.paragraph,
        "article": article_to_json(quote.article),
    }
    if place := place_to_json(quote.place):
        value["place"] = place
    if quote.also_in:
        value["also_in"] = [quote_to_json(copy) for copy in quote.also_in]
    return value


def hits_to_json(query: str, hits: Sequence[Hit]) -> SearchJson:
    """Passages found for a query as a JSON value."""
    return {"query": query, "hits": [hit_to_json(hit) for hit in hits]}


def hit_to_json(hit: Hit) -> HitJson:
    """A passage as a JSON value."""
    passage = hit.passage
    value: HitJson = {
        "text": passage.text,
        "start": passage.start,
        "end": passage.end,
        "score": round(hit.score, 4),
        "paragraph": passage.paragraph,
        "article": article_to_json(passage.article),
    }
    if place := place_to_json(passage.article.find_place(passage.start, passage.end)):
        value["place"] = place
    return value


def place_to_json(place: Place | None) -> PlaceJson | None:
    """A place as a JSON value with its known fields; None if there are none."""
    if place is None:
        return None
    value = {
        "text": str(place),
        "page": place.page,
        "last_page": place.last_page,
        "label": place.label,
        "section": list(place.section),
        "part": place.part,
        "anchor": place.anchor,
    }
    known = {name: what for name, what in value.items() if what not in (None, "", [])}
    return cast(PlaceJson, known) if known else None


def article_to_json(article: Article) -> ArticleJson:
    """An article without its text, as a JSON value."""
    value: ArticleJson = {
        "id": article.id,
        "title": article.title,
        "author": article.author,
        "date": article.date,
        "url": article.url,
        "language": article.language,
        "sha256": article.sha256,
    }
    if origin := article.origin:
        value["origin"] = {
            "format": origin.format,
            "reader": origin.reader,
            "sha256": origin.sha256,
        }
    return value


def strength(score: float) -> Strength:
    """A score, 0 to 1, as "likely answer", "possible answer" or "weak match"."""
    if score >= LIKELY:
        return "likely answer"
    return "possible answer" if score >= POSSIBLY else "weak match"


def split_notice(notice: str) -> tuple[str, list[str]]:
    """The sentence of a notice, and the items listed below it."""
    lead, *lines = notice.split("\n")
    return lead, [line.removeprefix("- ") for line in lines]


def name_copies(quote: QuoteJson) -> list[str]:
    """The other articles with the same sentence: titles, or ids where a title names several."""
    copies = [copy["article"] for copy in quote.get("also_in", [])]
    titles = [quote["article"]["title"], *(article["title"] for article in copies)]
    return [
        article["title"] if titles.count(article["title"]) == 1 else article["id"]
        for article in copies
    ]


def describe_source(quote: QuoteJson | HitJson) -> str:
    """Title, author, date and place on one line; the place is page and section if the file has
    them, or else the paragraph.
    """
    article = quote["article"]
    place = quote.get("place", {}).get("text")
    parts = [
        article["title"],
        article["author"],
        article["date"],
        place or f"paragraph {quote['paragraph']}",
    ]
    return ", ".join(part for part in parts if part)


def link_to(quote: CopyJson | HitJson) -> str | None:
    """The article's URL, with page (RFC 8118) or nearest id as fragment; None without a URL."""
    url, place = quote["article"]["url"], quote.get("place", {})
    if not url or "#" in url:
        return url
    if "page" in place:
        return f"{url}#page={place['page']}"
    is_page = "anchor" in place and quote["article"].get("origin", {}).get("format") == "web page"
    return f"{url}#{percent_encode(place['anchor'])}" if is_page else url


def cite(quote: QuoteJson) -> str:
    """A quote with its citation, as plain text to paste elsewhere."""
    url = link_to(quote)
    return f"“{quote['text']}”\n— {describe_source(quote)}" + (f", {url}" if url else "")
