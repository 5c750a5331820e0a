"""The values that every room shares, and the protocols that encoders and readers implement.

Offsets are half-open `str` indices into `Article.text`, from the splitter to the screen: text is
shown by slicing it, and nothing is searched for again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from qa.places import Origin, Place

Vectors: TypeAlias = NDArray[np.float32]
"""float32 (n, dim), unit rows."""

Kind: TypeAlias = Literal["body", "heading"]
"""What a sentence is: running text, or a heading above it (title, byline, section heading)."""

Status: TypeAlias = Literal["answered", "possibly", "unanswered", "off_topic", "no_question"]
"""Whether the articles answer the question, or may; if not, whether they are at least on its
subject; "no_question" where none was asked, as with "Thanks" and "Summarise it"."""
PRESENTED: tuple[Status, ...] = ("answered", "possibly")
"""Statuses with which quotes are shown as the answer."""
SILENT: tuple[Status, ...] = ("unanswered", "off_topic")
"""Statuses without an answer, where `Answer.nearest` has the closest sentences."""
NONE_CHOSEN = "None of the articles is among those that you chose to ask."
"""`Answer.notice` where the conditions on the articles admit none."""

CONTEXT_CHARS = 32
"""Length of a quote's prefix and suffix, in characters, as W3C Web Annotation text-quote selectors
use them."""


class Span(NamedTuple):
    """A half-open range of characters, `text[start:end]`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Article:
    """One article: its text, which of plain text is the file's (line ends and byte-order mark
    aside), and of other formats what their reader takes from the file; and what is known about it.
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
    copies: tuple[str, ...] = field(default=(), compare=False)
    """Ids of further files with the same text, which is indexed once; an index of a folder knows
    them.
    """

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
    """A value that is shown as a card in a notebook and as text in a terminal.

    `qa.render.notebook` sets the functions that do it, so that types do not depend on rendering.
    """

    __slots__ = ()
    _html: ClassVar[Callable[[Any], str] | None] = None
    _text: ClassVar[Callable[[Any], str] | None] = None

    @staticmethod
    def show_by(*, html: Callable[[Any], str], text: Callable[[Any], str]) -> None:
        """Set the functions that turn a value into HTML and into text."""
        Shown._html, Shown._text = staticmethod(html), staticmethod(text)

    def __str__(self) -> str:
        return Shown._text(self) if Shown._text else repr(self)

    def _repr_html_(self) -> str | None:
        """Called by Jupyter."""
        return Shown._html(self) if Shown._html else None

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Called by IPython."""
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

    def overlaps(self, other: "Quote") -> bool:
        """Whether both have characters of the same article in common."""
        return (
            self.article.id == other.article.id
            and self.start < other.end
            and other.start < self.end
        )

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
    """The result of a question: quotes, or that the articles do not answer it."""

    question: str
    searched: str
    """The question as it was searched for: completed from earlier turns, spelling corrected."""
    status: Status
    confidence: float
    """Estimated probability, 0 to 1, that the first quote answers the question."""
    quotes: tuple[Quote, ...]
    """Best first; empty if `status` is "unanswered" or "off_topic". If it is "no_question", what
    can be offered instead: key sentences in their order, or one quote for each side compared."""
    nearest: tuple[Quote, ...]
    """The closest sentences, where there are no quotes; not shown as an answer."""
    hits: tuple[Hit, ...]
    """The passages that were read, best first."""
    generation: int
    """Which build of the index answered."""
    seconds: dict[str, float] = field(compare=False)
    """Time spent by stage."""
    notice: str = ""
    """A sentence to show above the quotes, such as that they are in another language; then, where
    it introduces a list, one line for each item, beginning with "- "."""


class Turn(NamedTuple):
    """A question that was asked before, and what came of it."""

    question: str
    searched: str
    """See `Answer.searched`; the question itself where nothing was added."""
    quotes: tuple[Quote, ...]
    """Best first; none where it was not answered."""

    @classmethod
    def from_answer(cls, answer: Answer) -> Self:
        """The turn that an answer ends. It keeps quotes that answered, or that were offered for a
        request, but not those that possibly answered: later questions are completed from them.
        """
        quotes = answer.quotes if answer.status in ("answered", "no_question") else ()
        return cls(answer.question, answer.searched, quotes)


class SentenceReading(NamedTuple):
    """A reader's scores for one sentence of a passage."""

    score: float
    """Log-odds that the sentence answers."""
    answer: Span
    """The words that answer best, in the article; they may run into the next sentence."""
    answer_score: float
    """The score of those words; comparable within one question only."""


class Reading(NamedTuple):
    """A reader's scores for one passage."""

    sentences: tuple[SentenceReading, ...]
    """One for each of the passage's sentences."""
    silence: float
    """Log-odds that the passage does not answer."""


Progress: TypeAlias = Callable[[int, int, str], None]
"""Called with how many units are done, of how many, and what is being done."""


def no_progress(done: int, total: int, what: str, /) -> None:
    """A `Progress` that shows nothing."""


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
    """An encoder that makes vectors of a text and of its parts in one pass over the whole text."""

    def encode_parts(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]], /
    ) -> list[Vectors]:
        """For each text float32 (1 + parts, dim), unit rows: its own vector, then those of the
        parts at its spans.

        A part's vector is the mean of its tokens' hidden states, which depend on the whole text.
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
        """One reading a passage, in order. A passage may be a part of one of the index."""
