"""What an index offers to those who search it: `SearchIndex`, and `Where`, which articles count.

A folder's index (`qa.index.index`) and a shared one (`qa.index.lance.index`) both meet it.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

from qa.errors import QAError
from qa.types import Article, Encoder, Passage, Span, Vectors

_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?![\d-])|(?![\d-]))|(?![\d-]))", re.ASCII)


@dataclass(frozen=True, slots=True)
class Where:
    """Which articles are searched: those that meet every condition; one that is left empty asks
    nothing.

    Raises:
        QAError: `since` or `until` is no date.
    """

    article_ids: tuple[str, ...] | None = None
    """One of these; an empty tuple leaves none."""
    authors: tuple[str, ...] = ()
    """By one of these, capitals aside."""
    since: str | None = None
    """ISO 8601: the first day, month or year that counts. An article without a date is then left
    out."""
    until: str | None = None
    """The last day, month or year that counts."""
    languages: tuple[str, ...] = ()
    """In one of these, ISO 639-1."""
    title: str = ""
    """Words that the title holds, in any order, capitals aside."""

    def __post_init__(self) -> None:
        for name, date in (("since", self.since), ("until", self.until)):
            if date is not None and read_days(date) is None:
                raise QAError(
                    f"{name} is {date!r}: write a day, month or year, such as 1931-05-02, 1931-05 "
                    "or 1931"
                )

    @property
    def days(self) -> Span | None:
        """First and last day asked for, both included, as numbers such as 19310502; None where any
        will do.
        """
        if self.since is None and self.until is None:
            return None
        first, last = read_days(self.since or ""), read_days(self.until or "")
        return Span(first.start if first else 0, last.end if last else 99991231)

    def admits(self, article: Article) -> bool:
        """Whether an article meets all conditions."""
        return self.admits_row(
            article.id, article.title, article.author, article.date, article.language
        )

    def admits_row(
        self,
        article_id: str,
        title: str,
        author: str | None,
        date: str | None,
        language: str | None,
    ) -> bool:
        """The same for what is known of an article, without its text."""
        if self.article_ids is not None and article_id not in self.article_ids:
            return False
        if self.authors and fold(author or "") not in map(fold, self.authors):
            return False
        if self.languages and language not in self.languages:
            return False
        if self.days is not None:
            # A date that names a month or a year alone counts if any of its days would.
            dated = read_days(date or "")
            if dated is None or dated.start > self.days.end or dated.end < self.days.start:
                return False
        return not self.title or set(fold_words(self.title)) <= set(fold_words(title))


EVERYWHERE = Where()


def read_days(date: str) -> Span | None:
    """First and last day, as numbers such as 19310502, of an ISO 8601 day, month or year; None of
    anything else.
    """
    found = _DATE.match(date)
    if found is None:
        return None
    year, month, day = found.groups()
    return Span(
        int(f"{year}{month or '01'}{day or '01'}"), int(f"{year}{month or '12'}{day or '31'}")
    )


def fold(text: str) -> str:
    """One form of text that differs in capitals, white space or composed characters alone."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def fold_words(text: str) -> list[str]:
    """The words of a text, folded."""
    return re.findall(r"\w+", fold(text))


class Frequencies(NamedTuple):
    """How common the words of a query are among an index's passages."""

    passages: int
    """How many there are."""
    holding: Mapping[tuple[str, str], int]
    """(field, word as analysed for it) -> how many passages hold it, for all words in all fields
    there are."""


class SearchIndex(Protocol):
    """One generation of an index, open for searching, wherever it is kept; later builds do not
    change it.

    Passages go by ids, which mean something in one generation alone. Whatever is kept elsewhere may
    raise IndexUnreachable from each method that reads.
    """

    @property
    def location(self) -> str:
        """The folder or URI under which it is opened."""

    @property
    def generation(self) -> int:
        """Number of builds that changed this index."""

    @property
    def build_id(self) -> str:
        """Identity of the build that is open."""

    @property
    def encoder(self) -> Encoder:
        """By which its vectors were made."""

    def __len__(self) -> int:
        """How many passages there are."""

    @property
    def is_current(self) -> bool:
        """Whether no later build has been published."""

    def reopen(self) -> Self:
        """The newest generation of the same index, with the encoder that is loaded already."""

    def close(self) -> None:
        """Let go of its files; whoever still holds it cannot search any more."""

    def search_vectors(
        self, query: Vectors, /, k: int, *, where: Where = EVERYWHERE
    ) -> list[tuple[int, float]]:
        """(passage id, cosine) of the `k` nearest to one query, float32 (dim,): best first, ties
        by id.
        """

    def search_words(
        self,
        query: str,
        /,
        k: int,
        *,
        where: Where = EVERYWHERE,
        among: Sequence[int] | None = None,
    ) -> list[tuple[int, float]]:
        """(passage id, BM25) of the best `k` that share a word with the query: best first, ties by
        id.

        How rare a word is, is counted over all passages, whatever `where` leaves. `among` scores
        only those with these ids.
        """

    def count_words(self, query: str, /) -> Frequencies:
        """How common the query's words are."""

    def find_alike(self, word: str, /, k: int, *, letters: int) -> list[int]:
        """Ids of at most `k` passages that hold a word which differs from this one in at most so
        many letters (1 or 2), added, dropped, replaced or swapped.
        """

    def passage_vectors(self, passage_ids: Sequence[int], /) -> dict[int, Vectors]:
        """Passage id -> its vector, float32 (dim,)."""

    def sentence_vectors(self, passages: Sequence[Passage], /) -> Vectors:
        """Vectors of all sentences of the passages in order, float32 (n, dim), unit rows."""

    def get_passages(self, passage_ids: Sequence[int], /) -> dict[int, Passage]:
        """Passage id -> passage; one that is missing raises IndexDamaged."""

    def get_places(self, passage_ids: Sequence[int], /) -> dict[int, tuple[str, Span]]:
        """Passage id -> article id and place in it."""

    def find_nearby(self, article_id: str, place: Span, most: int) -> list[int]:
        """Ids of the passages of an article that begin nearest to where a place begins."""

    def get_article(self, article_id: str, /) -> Article | None:
        """One article, whole."""

    def list_articles(self, *, after: str = "", limit: int | None = None) -> Iterator[Article]:
        """Articles in order of their ids: all, or at most so many that come after an id."""
