"""Saved answers -> whether each of their quotes still stands in its article, word for word and where."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from qa.errors import IndexMissing, QAError
from qa.index.store import STORE_FILE, Store
from qa.types import CONTEXT_CHARS, Article

Status: TypeAlias = Literal["ok", "moved", "source changed", "not found"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one quote."""

    status: Status
    article_id: str
    text: str
    start: int
    """Where the quote is said to stand."""
    found: int | None
    """Where it does, if anywhere."""
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """The same as a JSON value."""
        return {
            "status": self.status,
            "article": self.article_id,
            "text": self.text,
            "start": self.start,
            "found": self.found,
            "note": self.note,
        }

    def to_line(self) -> str:
        """The same in one line for a person."""
        short = " ".join(self.text.split())
        short = short if len(short) <= 60 else f"{short[:57]}…"
        return f"{self.status:<16}{self.article_id}: “{short}”" + (f" ({self.note})" if self.note else "")


def verify_file(path: Path, folder: Path) -> list[Verdict]:
    """Check all quotes in a file against the articles in the index in `folder`; loads no model.

    The file holds what `qa ask --json` or `qa chat --json` printed, or a conversation saved from the page.

    Raises:
        QAError: it holds something else.
        IndexMissing: there is no index.
    """
    quotes = list(_read_quotes(path))
    if not (folder / STORE_FILE).is_file():
        raise IndexMissing(f"there is no index in {folder}: run `qa build` (with --index and --articles if needed)")
    store = Store.open_snapshot(folder / STORE_FILE)
    try:
        renamed = {text_hash: article_id for article_id, text_hash in store.text_hashes().items()}

        def find_article(article_id: str, text_hash: str) -> Article | None:
            return store.get_article(article_id) or store.get_article(renamed.get(text_hash, article_id))

        return [verify_quote(quote, find_article) for quote in quotes]
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise QAError(f"{path} does not hold answers as `qa ask --json` prints them ({error!r})") from None
    finally:
        store.close()


def verify_quote(quote: Mapping[str, Any], find_article: Callable[[str, str], Article | None]) -> Verdict:
    """Check one quote; `find_article` takes an id and the sha256 by which a renamed article may be known."""
    source = quote["article"]
    source_id, source_hash = str(source["id"]), str(source["sha256"])
    text, start = str(quote["text"]), int(quote["start"])
    article = find_article(source_id, source_hash)
    if article is None:
        return Verdict("not found", source_id, text, start, None, "the article is not in the index")
    notes = [] if article.id == source_id else [f"the article is now {article.id}"]
    is_same = article.sha256 == source_hash
    places = list(_find_all(article.text, text))
    if is_same:
        best = start if start in places and _has_answer(article.text, quote) else None
        best = next((place for place in places if place != start), None) if best is None else best
    else:
        best = max(places, key=lambda n: (_count_context(article.text, quote, n), -abs(n - start)), default=None)
    if best == start:
        if not is_same:
            notes.append("the article has changed elsewhere")
        return Verdict("ok", source_id, text, start, start, ", ".join(notes))
    if best is not None:
        notes.append(f"from {start} to {best}")
        return Verdict("moved", source_id, text, start, best, ", ".join(notes))
    if is_same:
        return Verdict("not found", source_id, text, start, None, "the article never had these words")
    return Verdict("source changed", source_id, text, start, None, "the article lacks these words now")


def _read_quotes(path: Path) -> Iterator[Mapping[str, Any]]:
    for answer in _read_answers(path):
        try:
            for quote in [*answer["quotes"], *answer.get("nearest", ())]:
                yield quote
                yield from quote.get("also_in", ())
        except (KeyError, TypeError, AttributeError) as error:
            raise QAError(f"{path} does not hold answers as `qa ask --json` prints them ({error!r})") from None


def _read_answers(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8")
        try:
            saved = json.loads(text)
        except ValueError:  # one answer a line, as `qa chat --json` prints them
            saved = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError, RecursionError) as error:
        raise QAError(f"{path} cannot be read as JSON ({error}): save what `qa ask --json` prints") from None
    if isinstance(saved, dict):
        saved = saved.get("answers", [saved])
    return saved if isinstance(saved, list) else [saved]


def _has_answer(text: str, quote: Mapping[str, Any]) -> bool:
    """Whether the answering words, where there are any, are what stands in their place."""
    answer = quote.get("answer")
    return not answer or text[answer["start"] : answer["end"]] == answer["text"]


def _find_all(text: str, words: str) -> Iterator[int]:
    place = text.find(words) if words else -1
    while place >= 0:
        yield place
        place = text.find(words, place + 1)


def _count_context(text: str, quote: Mapping[str, Any], start: int) -> int:
    """How many characters before and after are those that stood there."""
    before = text[max(0, start - CONTEXT_CHARS) : start]
    end = start + len(quote["text"])
    after = text[end : end + CONTEXT_CHARS]
    return _common(before[::-1], quote["prefix"][::-1]) + _common(after, quote["suffix"])


def _common(one: str, other: str) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
