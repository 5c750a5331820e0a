"""The values that flow from files to the screen, and the protocols that models meet.

Offsets are half-open `str` indices into `Article.text`, from the splitter to the screen; whatever
shows text slices it.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from qa.errors import QAError
from qa.places import Origin, Place

Vectors: TypeAlias = NDArray[np.float32]
"""float32 (n, dim), unit rows."""

Kind: TypeAlias = Literal["body", "heading"]
"""What a sentence is: running text, or a line that announces it (title, byline, section
heading)."""

Status: TypeAlias = Literal["answered", "possibly", "unanswered", "off_topic", "no_question"]
"""Whether the articles answer, or may; if not, whether they at least speak of the subject; or that
nothing was asked of them, as with "Thanks" and "Summarise it"."""
PRESENTED: tuple[Status, ...] = ("answered", "possibly")
"""Where quotes are shown as the answer."""
SILENT: tuple[Status, ...] = ("unanswered", "off_topic")
"""Where there is no answer, and `Answer.nearest` has what comes closest."""

_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?![\d-])|(?![\d-]))|(?![\d-]))", re.ASCII)

CONTEXT_CHARS = 32
"""Length of a quote's prefix and suffix, in characters, as W3C Web Annotation text-quote selectors
use them."""


class Span(NamedTuple):
    """A half-open range of characters, `text[start:end]`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Article:
    """One article: the text exactly as read (line ends and byte-order mark aside), and what is
    known about it.
    """

    id: str
    """Path below the articles folder, with forward slashes."""
    title: str
    text: str = field(repr=False)
    sha256: str
    """Of `text` in UTF-8, in hexadecimal."""
    author: str | None = None
    date: str | None = None
    """ISO 8601 where it could be read as such."""
    url: str | None = None
    language: str | None = None
    """ISO 639-1 code."""
    body_start: int = 0
    """Where the text begins after any front matter."""
    origin: Origin | None = field(default=None, repr=False)
    """The file that it was read from, where that is more than the text itself."""

    def find_place(self, start: int, end: int) -> Place | None:
        """Where `text[start:end]` stands in that file; None of plain text."""
        return self.origin.layout.find_place(start, end) if self.origin else None


@dataclass(frozen=True, slots=True)
class Sentence:
    """The place of one sentence (or heading) in its article."""

    start: int
    end: int
    paragraph: int
    """Counted from 1; a heading has the number of the paragraph below it."""
    kind: Kind = "body"


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of whole sentences of one article: what is encoded, indexed and retrieved."""

    article: Article
    start: int
    end: int
    sentences: tuple[Sentence, ...]

    @property
    def text(self) -> str:
        """The passage's words, sliced from its article."""
        return self.article.text[self.start : self.end]

    @property
    def paragraph(self) -> int:
        """Number of the paragraph in which the passage begins."""
        return self.sentences[0].paragraph


class Shown:
    """A value that shows itself as a card in a notebook and as text in a terminal, once
    `qa.render.notebook` has said how: these values know nothing of rendering.
    """

    __slots__ = ()
    _html: ClassVar[Callable[[Any], str] | None] = None
    _text: ClassVar[Callable[[Any], str] | None] = None

    @staticmethod
    def show_by(*, html: Callable[[Any], str], text: Callable[[Any], str]) -> None:
        """Say how."""
        Shown._html, Shown._text = staticmethod(html), staticmethod(text)

    def __str__(self) -> str:
        return Shown._text(self) if Shown._text else repr(self)

    def _repr_html_(self) -> str | None:
        """As Jupyter asks for it."""
        return Shown._html(self) if Shown._html else None

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """As IPython asks for it."""
        printer.text(str(self))


@dataclass(frozen=True, slots=True)
class Hit(Shown):
    """A retrieved passage; a higher score is better, and scores compare only within one
    question.
    """

    passage: Passage
    score: float


@dataclass(frozen=True, slots=True)
class Quote(Shown):
    """Words of an article with their exact place. It has no text of its own: it slices its
    article.
    """

    article: Article
    start: int
    end: int
    paragraph: int
    score: float
    answer: Span | None = None
    """The words within the quote that answer, where a reader has found them."""
    also_in: tuple["Quote", ...] = ()
    """The same sentence in other articles, as copies of a wire report have it."""

    @property
    def text(self) -> str:
        """The quoted words."""
        return self.article.text[self.start : self.end]

    @property
    def place(self) -> Place | None:
        """Page and section in the file that the article was read from, if it has such."""
        return self.article.find_place(self.start, self.end)

    @property
    def prefix(self) -> str:
        """Up to 32 characters before the quote."""
        return self.article.text[max(0, self.start - CONTEXT_CHARS) : self.start]

    @property
    def suffix(self) -> str:
        """Up to 32 characters after the quote."""
        return self.article.text[self.end : self.end + CONTEXT_CHARS]


@dataclass(frozen=True, slots=True)
class Answer(Shown):
    """What the articles say to a question: quotes, or an honest nothing."""

    question: str
    searched: str
    """The words that were really searched for."""
    status: Status
    confidence: float
    """Estimated probability, 0 to 1, that the first quote answers the question."""
    quotes: tuple[Quote, ...]
    """Best first; empty if `status` is "unanswered" or "off_topic". If it is "no_question", what
    can be offered instead: key sentences in their order, or one quote for each side compared."""
    nearest: tuple[Quote, ...]
    """Where there are no quotes: what comes closest, offered as such."""
    hits: tuple[Hit, ...]
    """The passages that were read, best first."""
    generation: int
    """Which build of the index answered."""
    seconds: dict[str, float] = field(compare=False)
    """Time spent by stage."""
    notice: str = ""
    """Something to say above the quotes, such as that they are in another language; names in a
    list stand on lines of their own that begin with "- "."""


class Turn(NamedTuple):
    """A question that was asked before, and what came of it."""

    question: str
    searched: str
    """What was really searched for; the question itself where it stood alone."""
    quotes: tuple[Quote, ...]
    """Best first; none where it was not answered."""

    @classmethod
    def from_answer(cls, answer: Answer) -> Self:
        """The turn that an answer ends. Later questions lean on quotes that answered, or that a
        request was met with, and not on those that possibly answered.
        """
        quotes = answer.quotes if answer.status in ("answered", "no_question") else ()
        return cls(answer.question, answer.searched, quotes)


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


class SentenceReading(NamedTuple):
    """What a reader makes of one sentence of a passage."""

    score: float
    """Log-odds that the sentence answers."""
    answer: Span
    """The words that answer best, in the article; they may run into the next sentence."""
    answer_score: float
    """Of those words; comparable within one question."""


class Reading(NamedTuple):
    """What a reader makes of one passage."""

    sentences: tuple[SentenceReading, ...]
    """One for each of the passage's sentences."""
    silence: float
    """Log-odds that the passage does not answer."""


Progress: TypeAlias = Callable[[int, int, str], None]
"""Called with how many units are done, of how many, and what is being done."""


class Encoder(Protocol):
    """Turns texts into unit vectors whose inner product is their similarity."""

    @property
    def name(self) -> str:
        """How a person names this encoder."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same text may get another vector."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    @property
    def max_tokens(self) -> int:
        """Length beyond which a text is cut, in tokens, special tokens included."""

    def count_tokens(self, texts: Sequence[str], /) -> list[int]:
        """Number of tokens of each text, without special tokens."""

    def encode_passages(self, texts: Sequence[str], /) -> Vectors:
        """float32 (n, dim), unit rows, for texts that are searched in."""

    def encode_queries(self, texts: Sequence[str], /) -> Vectors:
        """float32 (n, dim), unit rows, for texts that are searched for."""


@runtime_checkable
class ContextEncoder(Encoder, Protocol):
    """An encoder that gives the vectors of a text's parts out of the one pass over all of it."""

    def encode_parts(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]], /
    ) -> list[Vectors]:
        """For each text float32 (1 + parts, dim), unit rows: its own vector, then those of the
        parts at its spans.

        A part's vector is the mean of its tokens' states, which know of the words around it.
        """


class Reader(Protocol):
    """Reads passages for the sentences and words that answer a question."""

    @property
    def name(self) -> str:
        """How a person names this reader."""

    @property
    def scores_sentences(self) -> bool:
        """Whether scores are log-odds fitted for the purpose; if not, they compare only within one
        question.
        """

    def read(self, question: str, passages: Sequence[Passage], /) -> list[Reading]:
        """One reading a passage, in order."""


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
