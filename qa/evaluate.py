"""Questions with gold answers -> figures: how often the right passage, sentence and words are found, and how honestly.

A data set is a folder with `articles.jsonl` (`id`, `title`, `text`) and `questions.jsonl` (`id`, `article_id`,
`question`, `answers` with `text` and `start`, `answerable`). The articles are written to files and indexed as a user's
would be, all in one index.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

from qa.answerer import Answerer
from qa.errors import QAError
from qa.types import Answer, Passage, Progress, Quote, Span

RECALL_AT = (1, 5, 10)
QUOTE_AT = (1, 3)


class GoldQuestion(NamedTuple):
    """A question, and where its answers stand: in `article_id`, at any of `spans`; no spans if it has none."""

    id: str
    article_id: str
    question: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one question."""

    gold: GoldQuestion
    answer: Answer
    passage_rank: int | None
    """Place of the first right passage among the hits, from 0."""
    quote_rank: int | None
    """Place of the first right quote among those shown or offered, from 0."""


@dataclass(slots=True)
class Report:
    """The figures of one data set; shares are between 0 and 1, times in milliseconds."""

    questions: int = 0
    answerable: int = 0
    figures: dict[str, float] = field(default_factory=dict)
    milliseconds: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Stage -> (median, 95th percentile)."""


def write_articles(dataset: Path, folder: Path) -> dict[str, tuple[str, int]]:
    """Write a data set's articles as files; gives gold article id -> (article id, offset of its text in the file)."""
    places = {}
    for number, row in enumerate(_read_jsonl(dataset / "articles.jsonl")):
        header = f"---\ntitle: {json.dumps(row['title'] or row['id'])}\n---\n"
        name = f"{number:05}.txt"
        (folder / name).write_text(header + row["text"], encoding="utf-8", newline="")
        places[str(row["id"])] = (name, len(header))
    return places


def read_questions(dataset: Path, places: dict[str, tuple[str, int]]) -> list[GoldQuestion]:
    """The questions of a data set, their offsets moved to where `write_articles` put the texts."""
    questions = []
    for row in _read_jsonl(dataset / "questions.jsonl"):
        if str(row["article_id"]) not in places:
            raise QAError(f"{dataset / 'questions.jsonl'}: question {row['id']} names no article of articles.jsonl")
        name, shift = places[str(row["article_id"])]
        spans = []
        for answer in row.get("answers", ()):
            for start in (answer["start"], *answer.get("other_starts", ())):
                spans.append(Span(start + shift, start + shift + len(answer["text"])))
        is_answerable = row.get("answerable", bool(spans))
        questions.append(GoldQuestion(str(row["id"]), name, row["question"], tuple(spans) if is_answerable else ()))
    return questions


def sample_questions(questions: Sequence[GoldQuestion], most: int | None, *, seed: int = 0) -> list[GoldQuestion]:
    """At most `most` questions, drawn the same way each time."""
    if most is None or most >= len(questions):
        return list(questions)
    return Random(seed).sample(list(questions), most)


def ask_all(
    answerer: Answerer, questions: Sequence[GoldQuestion], *, passages: int = 10, progress: Progress | None = None
) -> Iterator[Outcome]:
    """Ask every question and compare what comes with the gold."""
    for done, gold in enumerate(questions):
        if progress:
            progress(done, len(questions), "asking")
        answer = answerer.answer(gold.question)
        hits = answerer.retriever.retrieve(answer.searched, passages)
        yield Outcome(
            gold,
            answer,
            _first(is_right(gold, hit.passage) for hit in hits),
            _first(is_right(gold, quote) for quote in answer.quotes or answer.nearest),
        )


def is_right(gold: GoldQuestion, found: Passage | Quote) -> bool:
    """Whether a passage or quote holds a gold answer, or lies within one that is several sentences long."""
    if found.article.id != gold.article_id:
        return False
    return any(
        (found.start <= span.start and span.end <= found.end) or (span.start <= found.start and found.end <= span.end)
        for span in gold.spans
    )


def summarise(outcomes: Sequence[Outcome]) -> Report:
    """The figures over all questions."""
    answerable = [outcome for outcome in outcomes if outcome.gold.spans]
    report = Report(len(outcomes), len(answerable))
    for k in RECALL_AT:
        report.figures[f"passage recall@{k}"] = _share(answerable, lambda o, k=k: _within(o.passage_rank, k))
    for k in QUOTE_AT:
        report.figures[f"quote@{k}"] = _share(answerable, lambda o, k=k: _within(o.quote_rank, k))
    confidences = np.array([outcome.answer.confidence for outcome in outcomes])
    right = np.array([_within(outcome.quote_rank, 1) for outcome in outcomes])
    if len(answerable) < len(outcomes):
        report.figures["AUROC answerable"] = auroc(confidences, np.array([bool(o.gold.spans) for o in outcomes]))
        report.figures["answered, of answerable"] = _share(answerable, lambda o: o.answer.status == "answered")
        others = [outcome for outcome in outcomes if not outcome.gold.spans]
        report.figures["answered, of unanswerable"] = _share(others, lambda o: o.answer.status == "answered")
    report.figures["calibration error"] = calibration_error(confidences, right)
    stages = {stage: [o.answer.seconds[stage] * 1000 for o in outcomes] for stage in outcomes[0].answer.seconds}
    stages["all"] = [sum(o.answer.seconds.values()) * 1000 for o in outcomes]
    report.milliseconds = {
        stage: (float(np.percentile(times, 50)), float(np.percentile(times, 95))) for stage, times in stages.items()
    }
    return report


def auroc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Probability that a positive scores above a negative, ties counting half (Hanley & McNeil 1982)."""
    positives, negatives = np.sort(scores[labels]), np.sort(scores[~labels])
    if not len(positives) or not len(negatives):
        return float("nan")
    below = np.searchsorted(negatives, positives, side="left")
    ties = np.searchsorted(negatives, positives, side="right") - below
    return float((below + ties / 2).sum() / (len(positives) * len(negatives)))


def calibration_error(confidences: np.ndarray, right: np.ndarray, *, bins: int = 10) -> float:
    """Expected calibration error: mean gap of confidence and accuracy over equal bins (Naeini et al. 2015)."""
    places = np.minimum((confidences * bins).astype(int), bins - 1)
    gaps = [
        abs(confidences[places == place].mean() - right[places == place].mean()) * (places == place).mean()
        for place in range(bins)
        if (places == place).any()
    ]
    return float(sum(gaps))


def _within(rank: int | None, k: int) -> bool:
    return rank is not None and rank < k


def _first(flags: Iterator[bool]) -> int | None:
    return next((place for place, flag in enumerate(flags) if flag), None)


def _share(outcomes: Sequence[Outcome], is_so: Callable[[Outcome], bool]) -> float:
    return sum(map(is_so, outcomes)) / len(outcomes) if outcomes else float("nan")


def _read_jsonl(path: Path) -> Iterator[Any]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        yield json.loads(line)
                    except ValueError as error:
                        raise QAError(f"{path}, line {number}: not JSON ({error})") from error
    except OSError as error:
        raise QAError(f"{path} cannot be read ({error.strerror}): a data set has it beside the other .jsonl") from error
