"""The first candidate, read again with less text around it -> features of confidence.

In a long passage the reader overlooks a name or a word of the question that nothing answers; in
three sentences, it overlooks fewer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from qa.answer.ranking.evidence import ScoreKind, clip_scores
from qa.types import Hit, Passage, Reader, Reading


class CloseReading(NamedTuple):
    """A candidate read again, with the sentences before and after it only."""

    reading: Reading
    place: int
    """The number of the candidate among the sentences read."""


@dataclass(frozen=True, slots=True)
class CloseFeature:
    """A number computed for the first candidate by reading it again. The probability that the
    articles answer uses it where passages are read with the reader.
    """

    name: str
    meaning: str
    compute: Callable[[CloseReading], float]
    whole: ScoreKind
    """The feature that has the same score of the whole passage."""


CLOSE_FEATURES: tuple[CloseFeature, ...] = (
    CloseFeature(
        "sentence_near",
        "`sentence`, read with its neighbours only",
        lambda close: close.reading.sentences[close.place].score,
        whole="sentence",
    ),
    CloseFeature(
        "span_near",
        "`span`, read with its neighbours only",
        lambda close: close.reading.sentences[close.place].answer_score,
        whole="span",
    ),
    CloseFeature(
        "silence_near",
        "`silence`, of the sentence and its neighbours only",
        lambda close: close.reading.silence,
        whole="silence",
    ),
)


class CloseReader:
    """Reads candidates of one question again, each once at most; for one thread."""

    def __init__(
        self, question: str, hits: Sequence[Hit], reader: Reader, readings: Sequence[Reading]
    ) -> None:
        """`readings` are those of the first hits as a whole; more may be appended later."""
        self._question, self._reader, self._readings = question, reader, readings
        self._places = [
            (number, hit.passage, place)
            for number, hit in enumerate(hits)
            for place in range(len(hit.passage.sentences))
        ]
        self._features: dict[int, dict[str, float]] = {}

    def __call__(self, number: int) -> dict[str, float]:
        """Name -> value of `CLOSE_FEATURES` for a candidate, counted from 0, whose passage has been
        read.
        """
        if number not in self._features:
            close = self._read(*self._places[number])
            self._features[number] = {
                feature.name: float(clip_scores(feature.compute(close), feature.whole))
                for feature in CLOSE_FEATURES
            }
        return self._features[number]

    def _read(self, hit: int, passage: Passage, place: int) -> CloseReading:
        first = max(0, place - 1)
        sentences = passage.sentences[first : place + 2]
        if sentences == passage.sentences:
            return CloseReading(self._readings[hit], place)
        part = Passage(passage.article, sentences[0].start, sentences[-1].end, sentences)
        [reading] = self._reader.read(self._question, [part])
        return CloseReading(reading, place - first)
