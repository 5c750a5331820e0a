"""Question -> answer: the sentences of the retrieved passages that say it best, or an honest nothing."""

from collections.abc import Sequence
from time import perf_counter
from typing import NamedTuple

import numpy as np

from qa.errors import QAError
from qa.retriever import Retriever, Scored, zscores
from qa.types import Answer, Passage, Quote, Sentence, Status

PASSAGES_READ = 10
PASSAGE_WEIGHT = 0.7
"""Share of its passage's score that a sentence gets."""
HEADING_PENALTY = 2.0
"""Standard deviations taken off a heading: short and on topic, it is near every question and answers few."""
MAX_QUOTES = 3
QUOTE_MARGIN = 3.0
"""A further quote may score this many standard deviations less than the best."""


class _Candidate(NamedTuple):
    passage: Passage
    sentence: Sentence
    score: float


class Answerer:
    """Answers questions with quotes from a retriever's articles."""

    def __init__(self, retriever: Retriever, *, max_quotes: int = MAX_QUOTES, passages_read: int = PASSAGES_READ) -> None:
        self.retriever = retriever
        self.max_quotes = max_quotes
        self.passages_read = passages_read

    def answer(self, question: str) -> Answer:
        """Answer a question.

        Raises:
            QAError: the question is empty.
        """
        searched = " ".join(question.split())
        if not any(char.isalnum() for char in searched):
            raise QAError("the question has no words: ask something like \"What was the meeting about?\"")
        found = self.retriever.search(searched, self.passages_read)
        started = perf_counter()
        candidates = _score_sentences(found, searched)
        quotes = tuple(_quote(candidate) for candidate in _select(candidates, self.max_quotes))
        seconds = {**found.seconds, "read": perf_counter() - started}
        confidence, status = _judge(found)
        return Answer(
            question=question,
            searched=searched,
            status=status,
            confidence=confidence,
            quotes=quotes if status == "answered" else (),
            nearest=() if status == "answered" else quotes,
            generation=found.index.generation,
            seconds=seconds,
        )


def _score_sentences(found: Scored, question: str) -> list[_Candidate]:
    """All sentences of the hits, best first; ties in the order of hits and text."""
    pairs = [(hit, sentence) for hit in found.hits for sentence in hit.passage.sentences]
    if not pairs:
        return []
    cosines = found.index.sentence_vectors([hit.passage for hit in found.hits]) @ found.query
    texts = [(h.passage.article.language, h.passage.article.text[s.start : s.end]) for h, s in pairs]
    bm25 = found.index.words.score_texts(question, texts)
    passage_scores = np.array([hit.score for hit, _ in pairs])
    headings = np.array([sentence.kind == "heading" for _, sentence in pairs])
    totals = zscores(cosines) + zscores(bm25) + PASSAGE_WEIGHT * passage_scores - HEADING_PENALTY * headings
    order = np.argsort(-totals, kind="stable")
    return [_Candidate(pairs[n][0].passage, pairs[n][1], float(totals[n])) for n in order]


def _select(candidates: Sequence[_Candidate], most: int) -> list[_Candidate]:
    if not candidates:
        return []
    least = candidates[0].score - QUOTE_MARGIN
    return [candidate for candidate in candidates[:most] if candidate.score >= least]


def _quote(candidate: _Candidate) -> Quote:
    sentence = candidate.sentence
    return Quote(
        candidate.passage.article, sentence.start, sentence.end, sentence.paragraph, round(candidate.score, 4)
    )


def _judge(found: Scored) -> tuple[float, Status]:
    return 0.5, ("answered" if found.hits else "off_topic")
