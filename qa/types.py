"""The values that flow from files to the screen, and the protocols that models meet.

Offsets are half-open `str` indices into `Article.text`, from the splitter to the screen; whatever
shows text slices it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]
"""float32 (n, dim), unit rows."""

Kind: TypeAlias = Literal["body", "heading"]
"""What a sentence is: running text, or a line that announces it (title, byline, section
heading)."""

Status: TypeAlias = Literal["answered", "unanswered", "off_topic"]
"""Whether the articles answer; if not, whether they at least speak of the subject."""

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


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved passage; a higher score is better, and scores compare only within one
    question.
    """

    passage: Passage
    score: float


@dataclass(frozen=True, slots=True)
class Quote:
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
    def prefix(self) -> str:
        """Up to 32 characters before the quote."""
        return self.article.text[max(0, self.start - CONTEXT_CHARS) : self.start]

    @property
    def suffix(self) -> str:
        """Up to 32 characters after the quote."""
        return self.article.text[self.end : self.end + CONTEXT_CHARS]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the articles say to a question: quotes, or an honest nothing."""

    question: str
    searched: str
    """The words that were really searched for."""
    status: Status
    confidence: float
    """Estimated probability, 0 to 1, that the first quote answers the question."""
    quotes: tuple[Quote, ...]
    """Best first; empty unless `status` is "answered"."""
    nearest: tuple[Quote, ...]
    """When not answered: what comes closest, offered as such."""
    hits: tuple[Hit, ...]
    """The passages that were read, best first."""
    generation: int
    """Which build of the index answered."""
    seconds: dict[str, float] = field(compare=False)
    """Time spent by stage."""


class Turn(NamedTuple):
    """A question that was asked before, and what came of it."""

    question: str
    searched: str
    """What was really searched for; the question itself where it stood alone."""
    quotes: tuple[Quote, ...]
    """Best first; none where it was not answered."""

    @classmethod
    def from_answer(cls, answer: Answer) -> Self:
        """The turn that an answer ends."""
        return cls(answer.question, answer.searched, answer.quotes)


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
