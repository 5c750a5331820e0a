"""Hits -> candidates: every sentence of the passages read, with the figures that tell whether it answers.

What is comparable only within one question (similarities) becomes a z-score over its candidates; what means the same in
every question (log-odds, yes or no) stays as it is.
"""

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qa.answer.question_types import asked_kind, asks_author, asks_topic, holds_kind, holds_topic
from qa.answer.retriever import Scored, zscores
from qa.types import Hit, Reader, Reading, Sentence, SentenceReading

Figures = NDArray[np.float64]

HYBRID: tuple[str, ...] = (
    "cosine",  # of question and sentence, z-score
    "bm25",  # of the question's words in the sentence, z-score
    "passage",  # the score of its passage
    "heading",  # a title, byline or section heading
    "asks",  # itself a question
    "negates",  # says what is not so, which the question does not ask
    "byline",  # the question asks who wrote the article, and this line above its text names the author
    "topic_held",  # the question asks what something was about, and the sentence speaks of an agenda, an aim
    "kind_held",  # the question asks for a date, number or name, and the sentence holds one
    "kind_missing",  # ... and it does not
    "words",  # logarithm of its length in words, z-score
    "cosine_near",  # the better of those before and after it in its passage: "it" may mean what they name
    "bm25_near",
)
READ: tuple[str, ...] = (
    "sentence",  # the reader's log-odds that the sentence answers
    "span",  # score of the best words in it
    "silence",  # log-odds that its passage does not answer
    "sentence_share",  # logarithm of the sentence's share among all candidates
    "span_share",  # the same of its best words
)
READ_WITHIN: tuple[str, ...] = ("span_z", "span_within")
"""For readers whose scores compare only within a question."""

MOST_DEVIATIONS = 2.0
_NEGATES = re.compile(r"\b(?:not|never|nor|neither|cannot)\b|n[’']t\b", re.I)
_ASKS = re.compile(r"[?؟？][\s”’\"'»」』）)\]]*$")


SUBJECT: tuple[str, ...] = (
    "cosine_best",  # of question and passage, the best
    "cosine_sentence",  # of question and sentence, the best
    "cover_best",  # share of the question's words in one passage, the best
    "cover_all",  # share of the question's words in all passages read
)


class Candidates(NamedTuple):
    """The sentences of a question's hits and what is known of each, row by row."""

    hits: list[Hit]
    sentences: list[Sentence]
    readings: list[SentenceReading] | None
    figures: dict[str, Figures]
    """By name, float64 (n,) each; `columns` says which of them this way of reading is ranked by."""
    columns: tuple[str, ...]
    subject: dict[str, float]
    """What is known of the question as a whole: see `SUBJECT`."""


def gather_candidates(found: Scored, question: str, reader: Reader | None) -> Candidates:
    """All sentences of the hits, in the order of hits and text."""
    passages = [hit.passage for hit in found.hits]
    pairs = [(hit, sentence) for hit in found.hits for sentence in hit.passage.sentences]
    texts = [(hit.passage.article.language, hit.passage.article.text[s.start : s.end]) for hit, s in pairs]
    cosines = np.asarray(found.index.sentence_vectors(passages) @ found.query, dtype=np.float64)
    kind = asked_kind(question)
    is_negated = bool(_NEGATES.search(question))
    is_author_asked, is_topic_asked = asks_author(question), asks_topic(question)
    held = [
        kind is not None and sentence.kind == "body" and holds_kind(text, kind, question)
        for (_, sentence), (_, text) in zip(pairs, texts, strict=True)
    ]
    bm25 = found.index.words.score_texts(question, texts)
    scores = {"cosine": _limit(zscores(cosines)), "bm25": _limit(zscores(bm25))}
    lengths = [len(passage.sentences) for passage in passages]
    covers = found.index.words.cover(question, [(p.article.language, f"{p.article.title}\n{p.text}") for p in passages])
    figures = {
        **scores,
        **{f"{name}_near": _best_neighbours(values, lengths) for name, values in scores.items()},
        "passage": np.array([hit.score for hit, _ in pairs]),
        "heading": np.array([sentence.kind == "heading" for _, sentence in pairs], dtype=np.float64),
        "negates": np.array([not is_negated and bool(_NEGATES.search(text)) for _, text in texts], dtype=np.float64),
        "byline": np.array(
            [is_author_asked and _is_byline(hit, sentence) for hit, sentence in pairs], dtype=np.float64
        ),
        "topic_held": np.array([is_topic_asked and holds_topic(text) for _, text in texts], dtype=np.float64),
        "asks": np.array([bool(_ASKS.search(text)) for _, text in texts], dtype=np.float64),
        "kind_held": np.array(held, dtype=np.float64),
        "kind_missing": np.array([kind is not None and not h for h in held], dtype=np.float64),
        "words": zscores(np.log([1.0 + len(text.split()) for _, text in texts])),
    }
    readings: list[SentenceReading] | None = None
    columns = HYBRID
    if reader is not None:
        by_passage = reader.read(question, passages)
        readings = [sentence for reading in by_passage for sentence in reading.sentences]
        figures |= _reading_figures(by_passage, readings)
        columns = HYBRID + (READ if reader.scores_sentences else READ_WITHIN)
    return Candidates(
        [hit for hit, _ in pairs],
        [sentence for _, sentence in pairs],
        readings,
        figures,
        columns,
        _subject_figures(found, question, cosines, covers),
    )


def _limit(scores: Figures) -> Figures:
    """In a small collection the one passage on the subject stands out by far more than in those fitted on."""
    return np.clip(scores, -MOST_DEVIATIONS, MOST_DEVIATIONS)


def _is_byline(hit: Hit, sentence: Sentence) -> bool:
    article = hit.passage.article
    line = article.text[sentence.start : sentence.end].casefold()
    return sentence.kind == "heading" and article.author is not None and article.author.casefold() in line


def _best_neighbours(scores: Figures, lengths: list[int]) -> Figures:
    """Of each sentence, the better score of those beside it in its passage; `lengths` are those of the passages."""
    ends = np.cumsum(lengths)
    starts = ends - lengths
    best = np.full(len(scores), -np.inf)
    for start, end in zip(starts, ends, strict=True):
        best[start + 1 : end] = scores[start : end - 1]
        best[start : end - 1] = np.maximum(best[start : end - 1], scores[start + 1 : end])
    # Alone in its passage: as good as the average sentence.
    return np.where(np.isneginf(best), 0.0, best)


def _reading_figures(readings: list[Reading], sentences: list[SentenceReading]) -> dict[str, Figures]:
    spans = np.array([sentence.answer_score for sentence in sentences])
    scores = np.array([sentence.score for sentence in sentences])
    silence = np.array([reading.silence for reading in readings for _ in reading.sentences])
    return {
        "sentence": np.clip(scores, -8.0, 8.0),
        "span": np.clip(spans, -16.0, 16.0),
        "silence": np.clip(silence, -8.0, 8.0),
        "sentence_share": _log_shares(scores, none=True),
        "span_share": _log_shares(spans, none=True),
        "span_z": zscores(spans),
        "span_within": _log_shares(spans, none=False),
    }


def _log_shares(scores: Figures, *, none: bool) -> Figures:
    """Logarithm of each score's share of the softmax, at least -10; `none` adds "no answer" at 0 as an option."""
    if not len(scores):
        return scores
    options = np.append(scores, 0.0) if none else scores
    shares: Figures = np.maximum(scores - np.logaddexp.reduce(options), -10.0)
    return shares


def _subject_figures(found: Scored, question: str, cosines: Figures, covers: list[float]) -> dict[str, float]:
    together: dict[str | None, list[str]] = {}
    for hit in found.hits:
        together.setdefault(hit.passage.article.language, []).extend((hit.passage.article.title, hit.passage.text))
    everything = [(language, "\n".join(texts)) for language, texts in together.items()]
    return {
        "cosine_best": max(found.cosines, default=0.0),
        "cosine_sentence": float(cosines.max()) if len(cosines) else 0.0,
        "cover_best": max(covers, default=0.0),
        "cover_all": max(found.index.words.cover(question, everything), default=0.0),
    }
