"""The protocol of an index that is searched, and `Where`: conditions on the articles searched.

Implemented by `qa.index.index` (in a folder) and `qa.index.lance.index` (at a URI).
"""

import calendar
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

from qa.errors import SettingError
from qa.types import Article, Encoder, Passage, Span, Vectors

_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?![\d-])|(?![\d-]))|(?![\d-]))", re.ASCII)


@dataclass(frozen=True, slots=True)
class Where:
    """Which articles are searched: those that meet all conditions; empty ones do not count.

    Raises:
        SettingError: `since` or `until` is not a date, one of `languages` no code, or a plain text
            is given for several names.
    """

    article_ids: tuple[str, ...] | None = None
    """Only these, or those that these are copies of; with an empty tuple, none."""
    authors: tuple[str, ...] = ()
    """By one of these, alone or with others: the words of one stand next to each other in the
    author's, ignoring case."""
    since: str | None = None
    """ISO 8601: the first day, month or year that counts. Articles without a date are then left
    out."""
    until: str | None = None
    """The last day, month or year that counts."""
    languages: tuple[str, ...] = ()
    """In one of these, ISO 639-1, ignoring case."""
    title: str = ""
    """Words that the title must have, in any order, ignoring case."""

    def __post_init__(self) -> None:
        for name in ("article_ids", "authors", "languages"):
            value: object = getattr(self, name)
            if isinstance(value, str):  # whose letters would be taken for names
                raise SettingError(
                    f"{name} is the text {value[:40]!r}: give a tuple or list, such as "
                    f"{name}=({value[:40]!r},)"
                )
        codes = tuple(one.strip().lower().partition("-")[0] for one in self.languages)
        for language, code in zip(self.languages, codes, strict=True):
            if not re.fullmatch(r"[a-z]{2,3}", code):
                raise SettingError(
                    f"{language[:40]!r} is no code of a language: give its ISO 639-1 code, such as "
                    "'en' or 'ar'"
                )
        object.__setattr__(self, "languages", codes)
        for name, date in (("since", self.since), ("until", self.until)):
            given: object = date
            if given is not None and not (isinstance(given, str) and read_days(given)):
                raise SettingError(
                    f"{name} is {date!r}: write a day, month or year, such as 1931-05-02, 1931-05 "
                    "or 1931"
                )

    @property
    def days(self) -> Span | None:
        """First and last day, both included, as numbers such as 19310502; None if any date will
        do.
        """
        if self.since is None and self.until is None:
            return None
        first, last = read_days(self.since or ""), read_days(self.until or "")
        return Span(first.start if first else 0, last.end if last else 99991231)

    def admits(self, article: Article) -> bool:
        """Whether an article meets all conditions; the id of a copy stands for the article."""
        return any(
            self.admits_row(
                article_id, article.title, article.author, article.date, article.language
            )
            for article_id in (article.id, *article.copies)
        )

    def admits_row(
        self,
        article_id: str,
        title: str,
        author: str | None,
        date: str | None,
        language: str | None,
    ) -> bool:
        """Whether an article with these properties meets all conditions."""
        if self.article_ids is not None and article_id not in self.article_ids:
            return False
        if self.authors and not any(names_author(name, author or "") for name in self.authors):
            return False
        if self.languages and language not in self.languages:
            return False
        if self.days is not None:
            # A month or a year counts if any of its days does.
            dated = read_days(date or "")
            if dated is None or dated.start > self.days.end or dated.end < self.days.start:
                return False
        return not self.title or set(fold_words(self.title)) <= set(fold_words(title))


EVERYWHERE = Where()


def read_days(date: str) -> Span | None:
    """First and last day of an ISO 8601 day, month or year, as numbers such as 19310502; None if
    `date` is anything else.
    """
    found = _DATE.match(date)
    if found is None:
        return None
    year, month, day = found.groups()
    if month and not 1 <= int(month) <= 12:
        return None
    if day and not 1 <= int(day) <= calendar.monthrange(int(year), int(month))[1]:
        return None
    return Span(
        int(f"{year}{month or '01'}{day or '01'}"), int(f"{year}{month or '12'}{day or '31'}")
    )


def fold(text: str) -> str:
    """A text such that others equal it that differ only in case, white space or composition."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def fold_words(text: str) -> list[str]:
    """The words of a text, folded."""
    return re.findall(r"\w+", fold(text))


def names_author(name: str, author: str) -> bool:
    """Whether the words of a name stand next to each other in an author, as "Ada Cole" does in
    "Dr. Ada Cole and Ben O'Hara"; a name without words is nobody's.
    """
    words = fold_words(name)
    return bool(words) and f" {' '.join(words)} " in f" {' '.join(fold_words(author))} "


class Frequencies(NamedTuple):
    """Document frequencies of a query's words."""

    passages: int
    """How many passages the index has."""
    holding: Mapping[tuple[str, str], int]
    """(field, word as analysed for it) -> how many passages have it."""


class SearchIndex(Protocol):
    """One generation of an index, open for searching; later builds do not change it.

    Passages have ids, which are valid within one generation. Methods that read raise
    IndexUnreachable if the index is on other storage that does not answer.
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
        """The encoder that its vectors were made with."""

    def __len__(self) -> int:
        """How many passages there are."""

    @property
    def is_current(self) -> bool:
        """Whether no later build has been published."""

    def reopen(self) -> Self:
        """The newest generation of the same index, with the encoder that is loaded already."""

    def close(self) -> None:
        """Close its files; it cannot be searched any more."""

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

        Document frequencies are those of all passages, also with `where`. `among` restricts the
        search to passages with these ids.
        """

    def count_words(self, query: str, /) -> Frequencies:
        """Document frequencies of the query's words."""

    def find_alike(self, word: str, /, k: int, *, letters: int) -> list[int]:
        """Ids of at most `k` passages with a word within an edit distance of `letters` (1 or 2) of
        this one; swapping two neighbours counts as one edit.
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
