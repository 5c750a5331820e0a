"""A file of saved answers -> a verdict on each quote, or the turns of a conversation to continue.

The file may have been written by anybody, so each of its fields is checked as it is read.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeAlias

from qa.errors import DiskError, SavedError, show_name
from qa.index.index import DEFAULT_INDEX
from qa.index.locate import open_articles
from qa.types import CONTEXT_CHARS, Article, Quote, Span, Turn

MAX_SAVED_BYTES = 64 * 2**20
MAX_OFFSET = 2**53
"""Larger integers are not exact in JSON."""

Standing: TypeAlias = Literal[
    "ok", "moved", "read by another version", "source changed", "not found"
]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one quote is still in its article."""

    status: Standing
    article_id: str
    text: str
    start: int
    """The offset that the file gives for it."""
    found: int | None
    """The offset at which it was found, or None."""
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """The verdict as a JSON value."""
        return {
            "status": self.status,
            "article": self.article_id,
            "text": self.text,
            "start": self.start,
            "found": self.found,
            "note": self.note,
        }

    def to_line(self) -> str:
        """The verdict as one line of text."""
        short = " ".join(self.text.split())
        short = short if len(short) <= 60 else f"{short[:57]}…"
        return f"{self.status:<24}{self.article_id}: “{short}”" + (
            f" ({self.note})" if self.note else ""
        )


def verify(path: str | Path, folder: str | Path = DEFAULT_INDEX) -> list[Verdict]:
    """Check all quotes in a file against the articles in the index in `folder`, which may be a URI;
    loads no model.

    The file holds what `qa ask --json` or `qa chat --json` printed, or a conversation saved from
    the page.

    Raises:
        SavedError: it holds something else.
        IndexMissing: there is no index.
    """
    quotes = [
        quote
        for answer in read_answers(Path(path))
        for first in (*answer.quotes, *answer.nearest)
        for quote in (first, *first.also_in)
    ]
    with closing(open_articles(folder)) as articles:
        hashes = articles.text_hashes()
        renamed = {text_hash: article_id for article_id, text_hash in hashes.items()}

        def find_article(article_id: str, text_hash: str) -> Article | None:
            return articles.get_article(article_id) or articles.get_article(
                renamed.get(text_hash, article_id)
            )

        return [verify_quote(quote, find_article) for quote in quotes]


def verify_quote(
    quote: "SavedQuote", find_article: Callable[[str, str], Article | None]
) -> Verdict:
    """Check one quote; `find_article` takes an id and the sha256 by which a renamed article may be
    known.
    """
    start = quote.start

    def judge(status: Standing, found: int | None, *notes: str) -> Verdict:
        return Verdict(
            status, quote.article_id, quote.text, start, found, ", ".join(filter(None, notes))
        )

    article = find_article(quote.article_id, quote.sha256)
    if article is None:
        return judge("not found", None, "the article is not in the index")
    is_same = article.sha256 == quote.sha256
    other_reader = _other_reader(quote, article)
    renamed = "" if article.id == quote.article_id else f"the article is now {article.id}"
    places = list(_find_all(article.text, quote.text))
    if is_same:
        best = start if start in places else next(iter(places), None)
    else:
        best = max(
            places,
            key=lambda n: (_count_context(article.text, quote, n), -abs(n - start)),
            default=None,
        )
    if best is None:
        lacks = (
            "the article never had these words" if is_same else "the article lacks these words now"
        )
        if not is_same and other_reader:
            return judge("read by another version", None, renamed, other_reader, lacks)
        return judge("not found" if is_same else "source changed", None, renamed, lacks)
    if not (quote.has_its_answer(start) or quote.has_its_answer(best)):
        return judge(
            "not found",
            None,
            renamed,
            "the words that answer are not where they are said to be in the quote",
        )
    if best != start:
        status: Standing = "moved" if is_same or not other_reader else "read by another version"
        return judge(status, best, renamed, other_reader, f"from {start} to {best}")
    end = start + len(quote.text)
    if quote.end != end:
        return judge("moved", best, renamed, f"it ends at {end}, not at {quote.end}")
    if is_same and not renamed and (differences := _other_source(quote, article)):
        return judge("source changed", best, differences)
    return judge("ok", best, renamed, "" if is_same else "the article has changed elsewhere")


def _other_reader(quote: "SavedQuote", article: Article) -> str:
    """A note if the same file was read by another reader or version then; otherwise empty."""
    now = article.origin
    if now is None or quote.file_sha256 != now.sha256 or quote.reader in ("", now.reader):
        return ""
    return f"the file is the same; it was read by {quote.reader}, and is by {now.reader}"


def _other_source(quote: "SavedQuote", article: Article) -> str:
    """A note on title, author, date or url where quote and index differ; otherwise empty."""
    pairs = ((name, said, getattr(article, name)) for name, said in quote.source.items())
    return ", ".join(
        f"the {name} is {now!r}, not {said!r}" for name, said, now in pairs if said != now
    )


def _find_all(text: str, words: str) -> Iterator[int]:
    place = text.find(words) if words else -1
    while place >= 0:
        yield place
        place = text.find(words, place + 1)


def _count_context(text: str, quote: "SavedQuote", start: int) -> int:
    """How many characters of context, before and after, are those of the saved quote."""
    before = text[max(0, start - CONTEXT_CHARS) : start]
    end = start + len(quote.text)
    after = text[end : end + CONTEXT_CHARS]
    return _common(before[::-1], quote.prefix[::-1]) + _common(after, quote.suffix)


def _common(one: str, other: str) -> int:
    return next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


# -- reading the file ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SavedWords:
    """The answering words, and the offsets in the article that the file gives for them."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SavedQuote:
    """A quote as the file has it; types are checked, contents are not."""

    text: str
    start: int
    end: int
    prefix: str
    suffix: str
    answer: SavedWords | None
    paragraph: int
    score: float
    article_id: str
    sha256: str
    source: Mapping[str, str | None]
    """Title, author, date and url, those that the file has."""
    file_sha256: str
    """sha256 of the file that the article was read from; empty for plain text."""
    reader: str
    """Name and version of what read that file."""
    also_in: "tuple[SavedQuote, ...]"

    def has_its_answer(self, start: int) -> bool:
        """Whether the answering words are at their offsets, if the quote begins at `start`."""
        if self.answer is None:
            return True
        first, last = self.answer.start - start, self.answer.end - start
        return 0 <= first < last <= len(self.text) and self.text[first:last] == self.answer.text


@dataclass(frozen=True, slots=True)
class SavedAnswer:
    """An answer as the file has it."""

    question: str
    searched: str
    status: str
    quotes: tuple[SavedQuote, ...]
    nearest: tuple[SavedQuote, ...]

    def to_turn(self, get_article: Callable[[str], Article | None]) -> Turn:
        """The turn that this answer ends, as `Turn.from_answer` makes it; quotes that are not at
        their offsets in the articles are left out.
        """
        saved = self.quotes if self.status == "answered" else ()
        quotes = tuple(filter(None, (_to_quote(quote, get_article) for quote in saved)))
        return Turn(self.question, self.searched, quotes)


def _to_quote(saved: SavedQuote, get_article: Callable[[str], Article | None]) -> Quote | None:
    article = get_article(saved.article_id)
    if article is None or article.sha256 != saved.sha256 or not saved.has_its_answer(saved.start):
        return None
    if not saved.text or article.text[saved.start : saved.end] != saved.text:
        return None
    answer = Span(saved.answer.start, saved.answer.end) if saved.answer else None
    return Quote(article, saved.start, saved.end, saved.paragraph, saved.score, answer)


def read_answers(path: Path) -> list[SavedAnswer]:
    """The answers in a file: one, an array, one a line, or a conversation saved from the page;
    oldest first.

    Raises:
        SavedError: it holds something else, or none.
        DiskError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SAVED_BYTES + 1)
    except OSError as error:
        raise DiskError.explain(error, path) from error
    name = show_name(str(path))
    if len(data) > MAX_SAVED_BYTES:
        raise SavedError(f"{name} is too large (at most {MAX_SAVED_BYTES // 2**20} MiB): split it")
    try:
        return [parse_answer(value) for value in _parse(data)]
    except (ValueError, RecursionError) as error:
        raise SavedError(
            f"{name} cannot be read as JSON ({error}): save what `qa ask --json` prints"
        ) from None
    except SavedError as error:
        raise SavedError(
            f"{name} does not hold answers as `qa ask --json` prints them ({error})"
        ) from None


def _parse(data: bytes) -> list[object]:
    text = data.decode("utf-8-sig")
    try:
        saved = json.loads(text)
    except ValueError:  # one answer a line, as `qa chat --json` prints them
        saved = [json.loads(line) for line in text.split("\n") if line.strip()]
    if isinstance(saved, dict) and "answers" in saved:
        saved = saved["answers"]
    answers = saved if isinstance(saved, list) else [saved]
    if not answers:
        raise SavedError("it holds no answers")
    return answers


def parse_answer(value: object) -> SavedAnswer:
    """An answer from its JSON value.

    Raises:
        SavedError: something in it is missing or of the wrong kind.
    """
    fields = _Fields(value, "an answer")
    question = fields.text("question")
    return SavedAnswer(
        question,
        fields.text("searched", question),
        fields.text("status", "answered"),
        tuple(_parse_quote(quote) for quote in fields.items("quotes")),
        tuple(_parse_quote(quote) for quote in fields.items("nearest", ())),
    )


def _parse_quote(value: object, *, is_copy: bool = False) -> SavedQuote:
    fields = _Fields(value, "a quote")
    article = _Fields(fields.get("article"), "a quote's article")
    origin = _Fields(article.get("origin", {}), "an article's origin")
    words = fields.get("answer", None)
    return SavedQuote(
        text=fields.text("text"),
        start=fields.offset("start"),
        end=fields.offset("end"),
        prefix=fields.text("prefix", ""),
        suffix=fields.text("suffix", ""),
        answer=None if words is None else _parse_words(words),
        paragraph=fields.offset("paragraph", 1),
        score=fields.number("score", 0.0),
        article_id=article.text("id"),
        sha256=article.text("sha256"),
        source={
            name: article.maybe_text(name)
            for name in ("title", "author", "date", "url")
            if article.has(name)
        },
        file_sha256=origin.text("sha256", ""),
        reader=origin.text("reader", ""),
        also_in=()
        if is_copy
        else tuple(_parse_quote(copy, is_copy=True) for copy in fields.items("also_in", ())),
    )


def _parse_words(value: object) -> SavedWords:
    fields = _Fields(value, "a quote's answer")
    return SavedWords(fields.text("text"), fields.offset("start"), fields.offset("end"))


class _Fields:
    """Reads the fields of a JSON object with checks; a missing one gives its default, or raises a
    SavedError if it has none.
    """

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, dict):
            raise SavedError(f"{what} is expected where {_show(value)} is")
        self._value = value
        self._what = what

    def has(self, name: str) -> bool:
        return name in self._value

    def get(self, name: str, default: object = ...) -> object:
        value = self._value.get(name, default)
        if value is ...:
            raise SavedError(f"{self._what} lacks {name!r}")
        return value

    def text(self, name: str, default: object = ...) -> str:
        value = self.get(name, default)
        is_text = (
            isinstance(value, str) and value.encode("utf-8", "replace").decode() == value
        )  # no half characters
        return value if is_text else self._refuse(name, value)  # type: ignore[return-value]

    def maybe_text(self, name: str) -> str | None:
        return None if self.get(name) is None else self.text(name)

    def offset(self, name: str, default: object = ...) -> int:
        value = self.get(name, default)
        return (
            value if type(value) is int and 0 <= value <= MAX_OFFSET else self._refuse(name, value)
        )

    def number(self, name: str, default: object = ...) -> float:
        value = self.get(name, default)
        # By type, not isinstance: a bool is no number here.
        if (type(value) is int or type(value) is float) and abs(value) <= MAX_OFFSET:
            return float(value)
        return self._refuse(name, value)

    def items(self, name: str, default: object = ...) -> Sequence[object]:
        value = self.get(name, default)
        return value if isinstance(value, (list, tuple)) else self._refuse(name, value)

    def _refuse(self, name: str, value: object) -> NoReturn:
        raise SavedError(f"{self._what} has {_show(value)} as its {name!r}")


def _show(value: object) -> str:
    return ascii(value)[:40]
