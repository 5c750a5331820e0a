"""Hits -> candidates: every sentence of the passages read, with the features by which it is ranked.

Each feature is declared once, below: its meaning, its computation, whether its weight is fitted or
fixed, and which probabilities use it. The ranker and `qa.training.fit` read only these
declarations. To add a feature, declare it and run the fit, which writes its weight to ranker.json.

Similarities, which can only be compared within a question, become z-scores over its candidates;
log-odds and yes-or-no features are used as they are.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from qa.answer.ranking.close import CLOSE_FEATURES, CloseReader
from qa.answer.ranking.evidence import Evidence, Floats, clip_scores
from qa.answer.ranking.question_types import asks_author, asks_topic, holds_topic, names_other_code
from qa.answer.retriever import Retrieved, zscores
from qa.types import Hit, Reader, Reading, Sentence, SentenceReading

Way: TypeAlias = Literal["without a reader", "with the reader", "with another reader"]
"""How passages were read: without a reader, with one whose scores are calibrated log-odds, or with
one whose scores can only be compared within a question. Each way has its features and weights."""

WAYS: tuple[Way, ...] = ("without a reader", "with the reader", "with another reader")
WITH_THE_READER: tuple[Way, ...] = ("with the reader",)
WITH_ANOTHER: tuple[Way, ...] = ("with another reader",)
NOT_THE_READER: tuple[Way, ...] = ("without a reader", "with another reader")
"""For features that are left out beside calibrated log-odds: there their weights only reflected
which articles were fitted on."""

_NEGATES = re.compile(r"\b(?:not|never|nor|neither|cannot)\b|n[’']t\b", re.I)
_ASKS = re.compile(r"[?؟？][\s”’\"'»」』）)\]]*$")


@dataclass(frozen=True, slots=True)
class Feature:
    """A number computed for each candidate; candidates are ordered by a weighted sum of these."""

    name: str
    meaning: str
    compute: Callable[[Evidence], Floats]
    """-> float64 (n,), one value for each candidate."""
    ways: tuple[Way, ...] = WAYS
    """The ways of reading in which it is used."""
    fixed: float | None = None
    """Its weight in the order, in log-odds; None where the weight is fitted."""
    why_fixed: str = ""
    right: tuple[Way, ...] = ()
    """The ways in which the probability that the first candidate is right uses its value."""
    answerable: tuple[Way, ...] = ()
    """The same for the probability that the articles answer."""
    subject: tuple[Way, ...] = ()
    """The same for the probability that they are on the subject."""
    fixed_in_confidence: float | None = None
    """Its weight in all three; None where these are fitted."""


@dataclass(frozen=True, slots=True)
class QuestionFeature:
    """A number computed for a question and its passages as a whole."""

    name: str
    meaning: str
    compute: Callable[[Evidence], float]
    right: tuple[Way, ...] = ()
    answerable: tuple[Way, ...] = ()
    subject: tuple[Way, ...] = WAYS


@dataclass(frozen=True, slots=True)
class RankFeature:
    """A number computed from the candidates' scores: how the first one compares with the others.
    Confidence uses it.
    """

    name: str
    meaning: str
    compute: Callable[[Floats], float]
    """From the candidates' scores, float64 (n,) with n at least 1."""


READ_AT_LEAST, READ_FROM_SHARE = 4, 0.4
"""A passage is worth reading if it is one of the first so many, or has at least this share of the
best one's score. On articles to choose on, first quotes stayed as right as with all."""
READ_FIRST, READ_MORE = 3, 2
"""So many are read first, and so many more at a time where these are not enough."""
_RARE = "encyclopedias, on whose questions weights are fitted, have hardly any"

FEATURES: tuple[Feature, ...] = (
    Feature(
        "cosine",
        "similarity of question and sentence, z-score",
        lambda evidence: evidence.cosine_zscores,
        right=NOT_THE_READER,
    ),
    Feature(
        "bm25",
        "BM25 of the question's words in the sentence, z-score",
        lambda evidence: evidence.bm25_zscores,
        right=NOT_THE_READER,
    ),
    Feature(
        "passage",
        "the score of its passage",
        lambda evidence: np.array([hit.score for hit, _ in evidence.pairs]),
        right=NOT_THE_READER,
    ),
    Feature(
        "cover",
        "share of the question's words, by rarity, in its passage and title",
        lambda evidence: evidence.covers,
        right=WAYS,
        subject=WAYS,
    ),
    Feature(
        "heading",
        "it is a title, byline or section heading",
        lambda evidence: _flags(sentence.kind == "heading" for _, sentence in evidence.pairs),
        fixed=-2.0,
        why_fixed=f"headings resemble every question on their text; {_RARE}",
        right=WAYS,
    ),
    Feature(
        "asks",
        "it is itself a question",
        lambda evidence: _flags(_ASKS.search(text) for _, text in evidence.texts),
        fixed=-5.0,
        why_fixed=f"a rhetorical question is near every question of its wording; {_RARE}",
    ),
    Feature(
        "negates",
        "it negates something, and the question does not",
        lambda evidence: _flags(
            not _NEGATES.search(evidence.question) and _NEGATES.search(text)
            for _, text in evidence.texts
        ),
        fixed=-1.5,
        why_fixed=f"a denial has all the words of what it denies; {_RARE}",
    ),
    Feature(
        "byline",
        "the question asks who wrote the article, and this line above its text names the author",
        lambda evidence: _flags(
            asks_author(evidence.question) and _is_byline(hit, sentence)
            for hit, sentence in evidence.pairs
        ),
        fixed=8.0,
        why_fixed="encyclopedias have no bylines to fit on; such a line always answers",
        right=WAYS,
        fixed_in_confidence=8.0,
    ),
    Feature(
        "topic_held",
        "the question asks what something was about, and the sentence names an agenda or aim",
        lambda evidence: _flags(
            asks_topic(evidence.question) and holds_topic(text) for _, text in evidence.texts
        ),
        fixed=2.5,
        why_fixed="few questions on encyclopedias ask what a meeting was about",
    ),
    Feature(
        "topic_denied",
        "the question asks what something was about, and the sentence says what it was not",
        lambda evidence: _flags(
            asks_topic(evidence.question) and _NEGATES.search(text) for _, text in evidence.texts
        ),
        fixed=-2.5,
        why_fixed="few questions on encyclopedias ask what a meeting was about",
    ),
    Feature(
        "code_other",
        "the question names a code, such as E4 or X2-24, and the sentence only others",
        lambda evidence: _flags(
            names_other_code(text, evidence.question) for _, text in evidence.texts
        ),
        fixed=-3.0,
        why_fixed="the reader hardly tells codes apart, and encyclopedias have few of them",
    ),
    Feature(
        "type_held",
        "the question asks for a date, number or name, and the sentence holds one",
        lambda evidence: _flags(evidence.holds_type),
    ),
    Feature(
        "type_missing",
        "the question asks for a date, number or name, and the sentence holds none",
        lambda evidence: _flags(
            evidence.question_type is not None and not holds for holds in evidence.holds_type
        ),
        right=WAYS,
    ),
    Feature(
        "words",
        "logarithm of its length in words, z-score",
        lambda evidence: zscores(np.log([1.0 + len(text.split()) for _, text in evidence.texts])),
    ),
    Feature(
        "cosine_near",
        "the better `cosine` of the sentences before and after it in its passage, to which its "
        "pronouns may refer",
        lambda evidence: evidence.near(evidence.cosine_zscores),
    ),
    Feature(
        "bm25_near",
        "the better `bm25` of the sentences before and after it in its passage",
        lambda evidence: evidence.near(evidence.bm25_zscores),
    ),
    Feature(
        "sentence",
        "the reader's log-odds that it answers",
        lambda evidence: clip_scores(evidence.sentence_scores, "sentence"),
        ways=WITH_THE_READER,
        right=WITH_THE_READER,
        answerable=WITH_THE_READER,
    ),
    Feature(
        "span",
        "the reader's score of the best words in it",
        lambda evidence: clip_scores(evidence.span_scores, "span"),
        ways=WITH_THE_READER,
        right=WITH_THE_READER,
        answerable=WITH_THE_READER,
    ),
    Feature(
        "silence",
        "the reader's log-odds that its passage does not answer",
        lambda evidence: clip_scores(
            [reading.silence for reading in evidence.readings or () for _ in reading.sentences],
            "silence",
        ),
        ways=WITH_THE_READER,
        right=WITH_THE_READER,
        answerable=WITH_THE_READER,
        subject=WITH_THE_READER,
    ),
    Feature(
        "sentence_share",
        "logarithm of the share of `sentence` among all candidates and “no answer”",
        lambda evidence: _log_shares(evidence.sentence_scores, none=True),
        ways=WITH_THE_READER,
        right=WITH_THE_READER,
    ),
    Feature(
        "span_share",
        "logarithm of the share of `span` among all candidates and “no answer”",
        lambda evidence: _log_shares(evidence.span_scores, none=True),
        ways=WITH_THE_READER,
        right=WITH_THE_READER,
    ),
    Feature(
        "span_z",
        "the reader's score of the best words in it, z-score",
        lambda evidence: zscores(evidence.span_scores),
        ways=WITH_ANOTHER,
    ),
    Feature(
        "span_within",
        "logarithm of the share of that score among all candidates",
        lambda evidence: _log_shares(evidence.span_scores, none=False),
        ways=WITH_ANOTHER,
    ),
)
QUESTION_FEATURES: tuple[QuestionFeature, ...] = (
    QuestionFeature(
        "cosine_best",
        "similarity of question and passage, the best",
        lambda evidence: max(evidence.found.cosines, default=0.0),
        right=WAYS,
        answerable=NOT_THE_READER,
    ),
    QuestionFeature(
        "cosine_sentence",
        "similarity of question and sentence, the best",
        lambda evidence: float(evidence.cosines.max()) if len(evidence.cosines) else 0.0,
        right=NOT_THE_READER,
        answerable=NOT_THE_READER,
    ),
    QuestionFeature(
        "cover_best",
        "share of the question's words in one passage and its title, the best",
        lambda evidence: evidence.cover(evidence.passage_texts),
        right=NOT_THE_READER,
        answerable=NOT_THE_READER,
    ),
    QuestionFeature(
        "cover_all",
        "share of the question's words in all passages of one language together",
        lambda evidence: evidence.cover(evidence.joined_texts),
        right=WAYS,
    ),
    QuestionFeature(
        "size",
        "logarithm of how many passages the index has, at most that of a thousand: among few, the "
        "best is less similar to any question",
        lambda evidence: math.log(min(1000, max(1, len(evidence.found.index)))),
    ),
)
RANK_FEATURES: tuple[RankFeature, ...] = (
    RankFeature(
        "share",
        "the first candidate's share of the softmax over all scores",
        lambda scores: float(np.exp(scores.max() - np.logaddexp.reduce(scores))),
    ),
    RankFeature(
        "lead",
        "how far the first candidate is ahead of the second, in log-odds, at most 5",
        lambda scores: _lead(scores),
    ),
)


class Candidates(NamedTuple):
    """The sentences of a question's hits with their features; n rows, in the order of the text."""

    hits: list[Hit]
    sentences: list[Sentence]
    readings: list[SentenceReading] | None
    way: Way
    features: dict[str, Floats]
    """Name -> float64 (n,): those of `list_features(way)`, with a reader those of all ways."""
    question_features: dict[str, float]
    """Name -> value: those of `QUESTION_FEATURES`."""
    close: Callable[[int], dict[str, float]] | None = None
    """Candidate -> name -> value of `CLOSE_FEATURES`; None without the reader."""


Enough: TypeAlias = Callable[[Candidates], bool]
"""Whether what has been read so far answers, so that reading can end."""


def list_features(way: Way) -> tuple[Feature, ...]:
    """The features that candidates are ordered by in a way of reading."""
    return tuple(feature for feature in FEATURES if way in feature.ways)


def list_right(way: Way) -> tuple[str, ...]:
    """Names of the features from which the probability that the first candidate is right is
    computed in a way of reading.
    """
    return (
        *(feature.name for feature in RANK_FEATURES),
        *(feature.name for feature in FEATURES if way in feature.right),
        *(feature.name for feature in QUESTION_FEATURES if way in feature.right),
    )


def list_answerable(way: Way) -> tuple[str, ...]:
    """The same for the probability that the articles answer."""
    return (
        *(feature.name for feature in FEATURES if way in feature.answerable),
        *(feature.name for feature in CLOSE_FEATURES if way in WITH_THE_READER),
        *(feature.name for feature in QUESTION_FEATURES if way in feature.answerable),
    )


def list_subject(way: Way) -> tuple[str, ...]:
    """The same for the probability that the articles are on the subject."""
    return (
        *(feature.name for feature in QUESTION_FEATURES if way in feature.subject),
        *(feature.name for feature in FEATURES if way in feature.subject),
    )


def gather_candidates(
    found: Retrieved,
    question: str,
    reader: Reader | None,
    *,
    read_all: bool = False,
    enough: Enough | None = None,
) -> Candidates:
    """The sentences of the hits that are read, in the order of hits and text, with their features;
    without a reader those of all hits.

    Args:
        found: the hits, best first.
        question: what they are read for.
        reader: reads them.
        read_all: read all hits, not just those that are worth it.
        enough: asked after each step; by default all that is worth it is read.
    """
    unread = Evidence(question, found, None)
    # What does not depend on the reader is computed once.
    features = {f.name: f.compute(unread) for f in list_features("without a reader")}
    candidates = Candidates(
        [hit for hit, _ in unread.pairs],
        [sentence for _, sentence in unread.pairs],
        None,
        choose_way(reader),
        features,
        {feature.name: feature.compute(unread) for feature in QUESTION_FEATURES},
    )
    if reader is None:
        return candidates
    passages = [hit.passage for hit in found.hits]
    most = len(passages) if read_all else count_worth_reading(found.hits)
    readings: list[Reading] = []
    if candidates.way in WITH_THE_READER:
        close = CloseReader(question, found.hits, reader, readings)
        candidates = candidates._replace(close=close)
    until = READ_FIRST if enough else most
    while True:
        readings += reader.read(question, passages[len(readings) : min(until, most)])
        read = _add_readings(candidates, Evidence(question, found, tuple(readings)))
        if until >= most or (enough and enough(read)):
            return read
        until += READ_MORE


def _add_readings(candidates: Candidates, evidence: Evidence) -> Candidates:
    """The candidates of the passages that have been read, with the reader's features."""
    count = len(evidence.sentence_readings)
    features = {name: values[:count] for name, values in candidates.features.items()}
    of_reader = [feature for feature in FEATURES if feature.name not in features]
    return candidates._replace(
        hits=candidates.hits[:count],
        sentences=candidates.sentences[:count],
        readings=evidence.sentence_readings,
        features=features | {feature.name: feature.compute(evidence) for feature in of_reader},
    )


def count_worth_reading(hits: Sequence[Hit]) -> int:
    """How many of the hits, best first, a reader reads: at least `READ_AT_LEAST`, and of the others
    those whose score is not far below the best one's.
    """
    least = READ_FROM_SHARE * hits[0].score if hits else 0.0
    return sum(number < READ_AT_LEAST or hit.score >= least for number, hit in enumerate(hits))


def choose_way(reader: Reader | None) -> Way:
    """The way of reading with a reader, or without."""
    if reader is None:
        return "without a reader"
    return "with the reader" if reader.scores_sentences else "with another reader"


def _flags(values: Iterable[object]) -> Floats:
    """float64 (n,): 1 for true values, else 0."""
    return np.array([bool(value) for value in values], dtype=np.float64)


def _is_byline(hit: Hit, sentence: Sentence) -> bool:
    article = hit.passage.article
    line = article.text[sentence.start : sentence.end].casefold()
    return (
        sentence.kind == "heading"
        and article.author is not None
        and all(name in line for name in article.author.casefold().split(", "))
    )


def _lead(scores: Floats) -> float:
    if len(scores) < 2:
        return 5.0
    second, first = np.sort(scores)[-2:]
    return min(5.0, float(first - second))


def _log_shares(scores: Floats, *, none: bool) -> Floats:
    """Log-softmax of the scores, float64 (n,), at least -10; with `none`, "no answer" is one more
    option, with score 0.
    """
    if not len(scores):
        return scores
    options = np.append(scores, 0.0) if none else scores
    shares: Floats = np.maximum(scores - np.logaddexp.reduce(options), -10.0)
    return shares
