"""Questions with gold answers -> figures: how often the right passage, sentence and words are found, and how honestly.

A data set is a folder with `articles.jsonl` (`id`, `title`, `text`) and `questions.jsonl` (`id`, `article_id`,
`question`, `answers` with `text` and `start`, `answerable`). The articles are written to files and indexed as a user's
would be, all in one index. A question of a conversation has `history`, too: the turns before as `question` and
`rationale`, the words of the article that answered; and perhaps a `rewrite` that can be understood without them.
"""

import json
import re
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qa.answerer import Answerer
from qa.build import build
from qa.errors import QAError
from qa.followup import resolve
from qa.index import Index
from qa.reader import BUNDLED
from qa.retriever import Retriever
from qa.types import Answer, Article, Passage, Progress, Quote, Reader, Sentence, Span, Turn

RECALL_AT = (1, 5, 10)
QUOTE_AT = (1, 3)
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class GoldQuestion(NamedTuple):
    """A question, and where its answers stand: in `article_id`, at any of `spans`; no spans if it has none."""

    id: str
    article_id: str
    question: str
    spans: tuple[Span, ...]
    texts: tuple[str, ...] = ()
    """The gold answers' words."""
    history: tuple[tuple[str, str], ...] = ()
    """The turns before, oldest first: question, and the words of the article that answered it."""
    rewrite: str = ""
    """The question as it would be asked without them; empty if nobody has written that."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one question."""

    gold: GoldQuestion
    answer: Answer
    passage_rank: int | None
    """Place of the first right passage among the hits, from 0."""
    quote_rank: int | None
    """Place of the first right quote among those shown or offered, from 0."""
    exact: float
    """Exact match of the first quote's answering words with a gold answer, 0 or 1 (SQuAD's definition)."""
    f1: float
    """Their best overlap with a gold answer in words, 0 to 1 (SQuAD's definition)."""


@dataclass(slots=True)
class Report:
    """The figures of one data set; shares are between 0 and 1, times in milliseconds."""

    dataset: str
    articles: int
    passages: int
    questions: int
    answerable: int
    figures: dict[str, float] = field(default_factory=dict)
    reliability: list[dict[str, float]] = field(default_factory=list)
    """How many first quotes are right of those about equally sure; see `measure_reliability`."""
    milliseconds: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Stage -> (median, 95th percentile)."""
    turns: list[dict[str, float]] = field(default_factory=list)
    """quote@1 turn by turn where there is history: with it, without it, and with a rewrite; see `compare_turns`."""

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return asdict(self)

    def to_table(self) -> str:
        """All of it as lines of text."""
        lines = [
            f"{self.dataset}: {self.articles:,} articles, {self.passages:,} passages, "
            f"{self.questions:,} questions, {self.answerable:,} of them answerable"
        ]
        lines += [f"  {name:<28}{value:.3f}" for name, value in self.figures.items()]
        lines += [
            f"  confidence {row['from']:.1f} to {row['to']:.1f}: {row['confidence']:.3f} on average, "
            f"{row['right']:.3f} of {row['questions']:.0f} right"
            for row in self.reliability
        ]
        lines += [f"  {stage:<28}{p50:.0f} ms, p95 {p95:.0f} ms" for stage, (p50, p95) in self.milliseconds.items()]
        lines += ["  quote@1, " + ", ".join(f"{name} {value:.3g}" for name, value in row.items()) for row in self.turns]
        return "\n".join(lines)


def evaluate(
    dataset: Path,
    *,
    work: Path | None = None,
    reader: Reader | str | None = BUNDLED,
    sample: int | None = None,
    progress: Progress | None = None,
) -> tuple[Report, list[Outcome]]:
    """Index a data set's articles and ask its questions.

    Args:
        dataset: folder with articles.jsonl and questions.jsonl.
        work: keeps the index for another time; a temporary folder, unless given.
        reader: as `Answerer` takes it.
        sample: ask only so many questions, drawn the same way each time.
        progress: called as the work goes on.

    Raises:
        QAError: the data set cannot be read, or no article of it can be indexed.
    """
    if work is None:
        with TemporaryDirectory(prefix="qa-eval-") as folder:
            return evaluate(dataset, work=Path(folder), reader=reader, sample=sample, progress=progress)
    (work / "articles").mkdir(parents=True, exist_ok=True)
    places = write_articles(dataset, work / "articles")
    questions = sample_questions(read_questions(dataset, places), sample)
    if not questions:
        raise QAError(f"{dataset / 'questions.jsonl'} holds no question")
    built = build(work / "articles", work / "index", progress=progress)
    index = Index.open(work / "index")
    try:
        answerer = Answerer(Retriever(index), reader=reader)
        outcomes = list(ask_all(answerer, questions, progress=progress))
        turns = compare_turns(answerer, outcomes, progress=progress)
    finally:
        index.close()
    report = Report(dataset.name, len(places), built.passages, len(outcomes), sum(bool(o.gold.spans) for o in outcomes))
    report.figures = measure(outcomes)
    report.reliability = measure_reliability(*_confidences(outcomes))
    report.milliseconds = time_stages(outcomes)
    report.turns = turns
    return report, outcomes


def write_articles(dataset: Path, folder: Path) -> dict[str, tuple[str, int]]:
    """Write a data set's articles as files; gives gold article id -> (article id, offset of its text in the file)."""
    places = {}
    for number, row in enumerate(_read_jsonl(dataset / "articles.jsonl", "id", "text")):
        header = f"---\ntitle: {json.dumps(row.get('title') or str(row['id']))}\n---\n"
        name = f"{number:05}.txt"
        content = header + row["text"]
        path = folder / name
        if not path.is_file() or path.read_bytes() != content.encode():
            path.write_text(content, encoding="utf-8", newline="")
        places[str(row["id"])] = (name, len(header))
    return places


def read_questions(dataset: Path, places: dict[str, tuple[str, int]]) -> list[GoldQuestion]:
    """The questions of a data set, their offsets moved to where `write_articles` put the texts."""
    questions = []
    for row in _read_jsonl(dataset / "questions.jsonl", "id", "article_id", "question"):
        if str(row["article_id"]) not in places:
            raise QAError(f"{dataset / 'questions.jsonl'}: question {row['id']} names no article of articles.jsonl")
        name, shift = places[str(row["article_id"])]
        answers = row.get("answers", ()) if row.get("answerable", True) else ()
        spans = [
            Span(start + shift, start + shift + len(answer["text"]))
            for answer in answers
            for start in (answer["start"], *answer.get("other_starts", ()))
        ]
        texts = tuple(answer["text"] for answer in answers)
        history = tuple((turn["question"], turn.get("rationale") or "") for turn in row.get("history", ()))
        rewrite = row.get("rewrite") or ""
        questions.append(GoldQuestion(str(row["id"]), name, row["question"], tuple(spans), texts, history, rewrite))
    return questions


def sample_questions(questions: Sequence[GoldQuestion], most: int | None, *, seed: int = 0) -> list[GoldQuestion]:
    """At most `most` questions, drawn the same way each time."""
    if most is None or most >= len(questions):
        return list(questions)
    return Random(seed).sample(list(questions), most)


def ask_all(
    answerer: Answerer, questions: Sequence[GoldQuestion], *, progress: Progress | None = None
) -> Iterator[Outcome]:
    """Ask every question, after the turns before it if there are any, and compare what comes with the gold."""
    for done, gold in enumerate(questions):
        if progress:
            progress(done, len(questions), "asking")
        article = answerer.retriever.index.get_article(gold.article_id) if gold.history else None
        answer = answerer.answer(gold.question, read_turns(gold, article) if article else ())
        quotes = answer.quotes or answer.nearest
        span = quotes[0].answer if quotes else None
        words = quotes[0].article.text[span.start : span.end] if span else ""
        yield Outcome(
            gold,
            answer,
            _first(is_right(gold, hit.passage.article.id, hit.passage) for hit in answer.hits),
            _first(any(is_right(gold, q.article.id, q) for q in (quote, *quote.also_in)) for quote in quotes),
            exact=max((exact_match(words, text) for text in gold.texts), default=0.0),
            f1=max((overlap_f1(words, text) for text in gold.texts), default=0.0),
        )


def read_turns(gold: GoldQuestion, article: Article) -> list[Turn]:
    """The turns before a question, with the quotes that would have answered them."""
    turns: list[Turn] = []
    for question, words in gold.history:
        # Data sets give the words alone; where they stand more than once, the first place is as good a guess as any.
        start = article.text.find(words) if words else -1
        quotes = (Quote(article, start, start + len(words), 1, 1.0),) if start >= 0 else ()
        turns.append(Turn(question, resolve(question, turns).searched, quotes))
    return turns


def compare_turns(
    answerer: Answerer, outcomes: Sequence[Outcome], *, progress: Progress | None = None
) -> list[dict[str, float]]:
    """Ask what has history once more without it, and as rewritten: quote@1 by number of turns before, then of all."""
    asked = [outcome for outcome in outcomes if outcome.gold.history and outcome.gold.spans]
    ways = {"with history": asked}
    if asked:
        alone = [outcome.gold._replace(history=()) for outcome in asked]
        ways["without"] = list(ask_all(answerer, alone, progress=progress))
    if asked and all(outcome.gold.rewrite for outcome in asked):
        rewritten = [gold._replace(question=gold.rewrite) for gold in alone]
        ways["rewritten"] = list(ask_all(answerer, rewritten, progress=progress))
    rows = []
    for count in [*sorted({len(outcome.gold.history) for outcome in asked}), None]:
        chosen = [n for n, outcome in enumerate(asked) if count in (None, len(outcome.gold.history))]
        row: dict[str, float] = {} if count is None else {"turns before": count}
        row["questions"] = len(chosen)
        rows.append(row | {way: _share(_within(found[n].quote_rank, 1) for n in chosen) for way, found in ways.items()})
    return rows if asked else []


def is_right(gold: GoldQuestion, article_id: str, place: Span | Sentence | Passage | Quote) -> bool:
    """Whether a place in an article holds a gold answer, or lies within one that is several sentences long."""
    return article_id == gold.article_id and any(
        (place.start <= span.start and span.end <= place.end) or (span.start <= place.start and place.end <= span.end)
        for span in gold.spans
    )


def measure(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """The figures over all questions, by name."""
    answerable = [outcome for outcome in outcomes if outcome.gold.spans]
    others = [outcome for outcome in outcomes if not outcome.gold.spans]
    figures = {f"passage recall@{k}": _share(_within(o.passage_rank, k) for o in answerable) for k in RECALL_AT}
    figures |= {f"quote@{k}": _share(_within(o.quote_rank, k) for o in answerable) for k in QUOTE_AT}
    if any(quote.answer for o in answerable for quote in (o.answer.quotes or o.answer.nearest)[:1]):
        figures["answer exact match"] = float(np.mean([o.exact for o in answerable]))
        figures["answer F1"] = float(np.mean([o.f1 for o in answerable]))
    confidences, right = _confidences(outcomes)
    figures["answered, of answerable"] = _share(o.answer.status == "answered" for o in answerable)
    if others:
        figures["answered, of unanswerable"] = _share(o.answer.status == "answered" for o in others)
        figures["AUROC answerable"] = auroc(confidences, np.array([bool(o.gold.spans) for o in outcomes]))
    figures["calibration error"] = calibration_error(confidences, right)
    return figures


def time_stages(outcomes: Sequence[Outcome]) -> dict[str, tuple[float, float]]:
    """Median and 95th percentile of each stage, and of all together, in milliseconds."""
    stages = {stage: [o.answer.seconds[stage] for o in outcomes] for stage in outcomes[0].answer.seconds}
    stages["all"] = [sum(o.answer.seconds.values()) for o in outcomes]
    return {
        stage: (1000 * float(np.percentile(times, 50)), 1000 * float(np.percentile(times, 95)))
        for stage, times in stages.items()
    }


def auroc(scores: Floats, labels: Flags) -> float:
    """Probability that a positive scores above a negative, ties counting half (Hanley & McNeil 1982)."""
    positives, negatives = np.sort(scores[labels]), np.sort(scores[~labels])
    if not len(positives) or not len(negatives):
        return float("nan")
    below = np.searchsorted(negatives, positives, side="left")
    ties = np.searchsorted(negatives, positives, side="right") - below
    return float((below + ties / 2).sum() / (len(positives) * len(negatives)))


def measure_reliability(confidences: Floats, right: Flags, *, bins: int = 10) -> list[dict[str, float]]:
    """Equal bins of confidence: bounds, number of questions, mean confidence, share right (DeGroot & Fienberg 1983)."""
    places = np.minimum((confidences * bins).astype(int), bins - 1)
    return [
        {
            "from": place / bins,
            "to": (place + 1) / bins,
            "questions": int((places == place).sum()),
            "confidence": float(confidences[places == place].mean()),
            "right": float(right[places == place].mean()),
        }
        for place in range(bins)
        if (places == place).any()
    ]


def calibration_error(confidences: Floats, right: Flags, *, bins: int = 10) -> float:
    """Expected calibration error: mean gap of confidence and accuracy over equal bins (Naeini et al. 2015)."""
    rows = measure_reliability(confidences, right, bins=bins)
    gaps = [abs(row["confidence"] - row["right"]) * row["questions"] for row in rows]
    return float(sum(gaps)) / max(1, len(confidences))


def risk_coverage(confidences: Floats, right: Flags) -> tuple[Floats, Floats]:
    """Share of questions answered, and of those answers that are wrong, as the threshold falls; float64 (n,) each."""
    order = np.argsort(-confidences, kind="stable")
    answered = np.arange(1, len(order) + 1)
    return answered / len(order), np.cumsum(~right[order]) / answered


def plot_risk_coverage(outcomes: Sequence[Outcome], path: Path) -> None:
    """Draw `risk_coverage` into an image file.

    Raises:
        QAError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise QAError("drawing needs matplotlib: pip install 'article-qa[plot]'") from None
    coverage, risk = risk_coverage(*_confidences(outcomes))
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="share of questions answered", ylabel="share of those with a wrong first quote")
    axes.plot(coverage, risk)
    axes.set(xlim=(0, 1), ylim=(0, None))
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=150)


def exact_match(words: str, gold: str) -> float:
    """1 if both are the same but for case, punctuation and articles (Rajpurkar et al. 2016)."""
    return float(_normalise(words) == _normalise(gold))


def overlap_f1(words: str, gold: str) -> float:
    """Harmonic mean of precision and recall in words, normalised the same way."""
    found, wanted = _normalise(words).split(), _normalise(gold).split()
    common = sum((Counter(found) & Counter(wanted)).values())
    return 2 * common / (len(found) + len(wanted)) if common else 0.0


def _normalise(text: str) -> str:
    bare = "".join(char for char in text.lower() if char not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def _confidences(outcomes: Sequence[Outcome]) -> tuple[Floats, Flags]:
    """How sure each first quote is, and whether it is right."""
    right = [_within(outcome.quote_rank, 1) for outcome in outcomes]
    return np.array([outcome.answer.confidence for outcome in outcomes]), np.array(right, dtype=np.bool_)


def _within(rank: int | None, k: int) -> bool:
    return rank is not None and rank < k


def _first(flags: Iterable[bool]) -> int | None:
    return next((place for place, flag in enumerate(flags) if flag), None)


def _share(flags: Iterable[bool]) -> float:
    listed = list(flags)
    return sum(listed) / len(listed) if listed else float("nan")


def _read_jsonl(path: Path, *needed: str) -> Iterator[Any]:
    """The rows of a file, each with all that is needed."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        row = json.loads(line)
                    except ValueError as error:
                        raise QAError(f"{path}, line {number}: not JSON ({error})") from error
                    missing = [name for name in needed if not isinstance(row, dict) or name not in row]
                    if missing:
                        raise QAError(f"{path}, line {number}: lacks {', '.join(missing)}")
                    yield row
    except OSError as error:
        raise QAError(f"{path} cannot be read ({error.strerror}): a data set has it beside the other .jsonl") from error
