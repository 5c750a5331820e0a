"""Hits -> what features are computed from: the question's words and type, similarities, readings.

Each piece is computed when a feature first asks for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qa.answer.ranking.question_types import QuestionType, find_type, holds_type
from qa.answer.retriever import Retrieved, zscores
from qa.index.interface import Frequencies
from qa.index.words import cover, score_texts
from qa.types import Hit, Reading, Sentence, SentenceReading

Floats: TypeAlias = NDArray[np.float64]

MAX_DEVIATIONS = 2.0
"""Z-scores are clipped to this: in a small index, the one passage on the subject differs from the
others by far more than in the indexes that weights were fitted on."""


ScoreKind: TypeAlias = Literal["sentence", "span", "silence"]
_HIGHEST: Mapping[ScoreKind, float] = {"sentence": 8.0, "span": 16.0, "silence": 8.0}
"""Beyond odds of 1 to 3,000, the reader's scores say no more; that of a span is the sum of two."""


def clip_scores(scores: ArrayLike, kind: ScoreKind) -> Floats:
    """A kind of the reader's scores within their bounds, float64 of the same shape."""
    return np.clip(np.asarray(scores, dtype=np.float64), -_HIGHEST[kind], _HIGHEST[kind])


@dataclass(frozen=True)
class Evidence:
    """A question, its hits and their readings; features are computed from this.

    Candidates are all sentences of the hits, n in number, in the order of hits and text.
    """

    question: str
    found: Retrieved
    readings: tuple[Reading, ...] | None
    """One for each passage; None without a reader."""

    @cached_property
    def pairs(self) -> list[tuple[Hit, Sentence]]:
        """The candidates: each sentence with its hit."""
        return [(hit, sentence) for hit in self.found.hits for sentence in hit.passage.sentences]

    @cached_property
    def texts(self) -> list[tuple[str | None, str]]:
        """Language and words of each candidate."""
        return [
            (hit.passage.article.language, hit.passage.article.text[s.start : s.end])
            for hit, s in self.pairs
        ]

    @cached_property
    def cosines(self) -> Floats:
        """float64 (n,): similarity of the question and each candidate."""
        passages = [hit.passage for hit in self.found.hits]
        return np.asarray(
            self.found.index.sentence_vectors(passages) @ self.found.query, dtype=np.float64
        )

    @cached_property
    def cosine_zscores(self) -> Floats:
        """float64 (n,), within `MAX_DEVIATIONS`."""
        return _clip(zscores(self.cosines))

    @cached_property
    def common(self) -> Frequencies:
        """Document frequencies of the question's words."""
        return self.found.index.count_words(self.question)

    @cached_property
    def bm25_zscores(self) -> Floats:
        """float64 (n,), within `MAX_DEVIATIONS`."""
        return _clip(zscores(score_texts(self.common, self.question, self.texts)))

    @cached_property
    def question_type(self) -> QuestionType | None:
        """The type of thing that the question asks for, or None."""
        return find_type(self.question)

    @cached_property
    def holds_type(self) -> list[bool]:
        """Whether each candidate is running text that has a thing of that type."""
        asked = self.question_type
        return [
            asked is not None and sentence.kind == "body" and holds_type(text, asked, self.question)
            for (_, sentence), (_, text) in zip(self.pairs, self.texts, strict=True)
        ]

    @cached_property
    def sentence_readings(self) -> list[SentenceReading]:
        """The reader's scores, one for each candidate."""
        return [sentence for reading in self.readings or () for sentence in reading.sentences]

    @cached_property
    def sentence_scores(self) -> Floats:
        """float64 (n,): the reader's log-odds of each candidate."""
        return np.array([reading.score for reading in self.sentence_readings])

    @cached_property
    def span_scores(self) -> Floats:
        """float64 (n,): the reader's score of the best words in each candidate."""
        return np.array([reading.answer_score for reading in self.sentence_readings])

    @cached_property
    def passage_texts(self) -> list[tuple[str | None, str]]:
        """Language and text, with the title, of each passage."""
        passages = [hit.passage for hit in self.found.hits]
        return [
            (passage.article.language, f"{passage.article.title}\n{passage.text}")
            for passage in passages
        ]

    @cached_property
    def joined_texts(self) -> list[tuple[str | None, str]]:
        """Language and text of all passages of a language together, with their titles."""
        together: dict[str | None, list[str]] = {}
        for language, text in self.passage_texts:
            together.setdefault(language, []).append(text)
        return [(language, "\n".join(texts)) for language, texts in together.items()]

    @cached_property
    def covers(self) -> Floats:
        """float64 (n,): IDF-weighted share of the question's words that the candidate's passage and
        title have.
        """
        return self._spread(cover(self.common, self.question, self.passage_texts))

    def _spread(self, values: Sequence[float]) -> Floats:
        """float64 (n,): values of passages, repeated for each of their candidates."""
        lengths = [len(hit.passage.sentences) for hit in self.found.hits]
        return np.repeat(np.asarray(values, dtype=np.float64), lengths)

    def near(self, scores: Floats) -> Floats:
        """float64 (n,): for each candidate, the better score of its neighbours in the passage."""
        return _best_neighbours(scores, [len(hit.passage.sentences) for hit in self.found.hits])

    def cover(self, texts: list[tuple[str | None, str]]) -> float:
        """The largest IDF-weighted share of the question's words that one of the texts has."""
        return max(cover(self.common, self.question, texts), default=0.0)


def _clip(scores: Floats) -> Floats:
    """Z-scores clipped to `MAX_DEVIATIONS`."""
    return np.clip(scores, -MAX_DEVIATIONS, MAX_DEVIATIONS)


def _best_neighbours(scores: Floats, lengths: list[int]) -> Floats:
    """float64 (n,): for each sentence, the better score of its neighbours in the passage; `lengths`
    are the passages' numbers of sentences.
    """
    ends = np.cumsum(lengths)
    starts = ends - lengths
    best = np.full(len(scores), -np.inf)
    for start, end in zip(starts, ends, strict=True):
        best[start + 1 : end] = scores[start : end - 1]
        best[start : end - 1] = np.maximum(best[start : end - 1], scores[start + 1 : end])
    # Alone in its passage: as good as the average sentence.
    return np.where(np.isneginf(best), 0.0, best)
