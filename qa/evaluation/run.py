"""A data set -> a report: its articles are indexed, all in one index, and its questions asked."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from math import isnan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from qa.answer.answerer import Answerer
from qa.answer.retriever import Retriever
from qa.errors import DataSetError
from qa.evaluation.data_sets import (
    GoldQuestion,
    Part,
    is_right,
    part_of,
    read_questions,
    read_turns,
    sample_questions,
    write_articles,
)
from qa.evaluation.metrics import (
    Outcome,
    exact_match,
    find_first,
    is_within,
    judge_first_quotes,
    measure,
    measure_reliability,
    overlap_f1,
    share,
    time_stages,
)
from qa.index.build import build
from qa.index.index import Index
from qa.reader import BUNDLED
from qa.types import Progress, Reader


@dataclass(slots=True)
class Report:
    """Metrics of one data set; shares are between 0 and 1, times in milliseconds."""

    dataset: str
    articles: int
    passages: int
    questions: int
    answerable: int
    figures: dict[str, float] = field(default_factory=dict)
    """Name -> metric; see `measure`."""
    reliability: list[dict[str, float]] = field(default_factory=list)
    """Share of right first quotes by confidence; see `measure_reliability`."""
    milliseconds: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Stage -> (median, 95th percentile)."""
    turns: list[dict[str, float]] = field(default_factory=list)
    """quote@1 turn by turn where there is history: with it, without it, and with a rewrite; see
    `compare_turns`."""

    def to_json(self) -> dict[str, Any]:
        """The report as a JSON value; null stands for a share of no questions."""
        values: dict[str, Any] = _without_nan(asdict(self))
        return values

    def to_table(self) -> str:
        """The report as lines of text."""
        lines = [
            f"{self.dataset}: {self.articles:,} articles, {self.passages:,} passages, "
            f"{self.questions:,} questions, {self.answerable:,} of them answerable"
        ]
        lines += [f"  {name:<28}{value:.3f}" for name, value in self.figures.items()]
        lines += [
            f"  confidence {row['from']:.1f} to {row['to']:.1f}: {row['confidence']:.3f} on "
            "average, "
            f"{row['right']:.3f} of {row['questions']:.0f} right"
            for row in self.reliability
        ]
        lines += [
            f"  {stage:<28}{p50:.0f} ms, p95 {p95:.0f} ms"
            for stage, (p50, p95) in self.milliseconds.items()
        ]
        lines += [
            "  quote@1, " + ", ".join(f"{name} {value:.3g}" for name, value in row.items())
            for row in self.turns
        ]
        return "\n".join(lines)


def _without_nan(value: Any) -> Any:
    """The value with None for each NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {name: _without_nan(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and isnan(value) else value


def evaluate(
    dataset: Path,
    *,
    work: Path | None = None,
    reader: Reader | str | None = BUNDLED,
    sample: int | None = None,
    part: Part | None = None,
    progress: Progress | None = None,
) -> tuple[Report, list[Outcome]]:
    """Index a data set's articles and ask its questions.

    Args:
        dataset: folder or file in one of the forms that `qa.evaluation.data_sets` reads.
        work: folder in which the index is kept; by default a temporary one.
        reader: see `Answerer`.
        sample: number of questions to ask, drawn with a fixed seed; by default all.
        part: only ask questions on the articles of this part; see `part_of`.
        progress: called as the work goes on.

    Raises:
        DataSetError: the data set cannot be read, or no article of it can be indexed.
    """
    if work is None:
        with TemporaryDirectory(prefix="qa-eval-") as folder:
            return evaluate(
                dataset,
                work=Path(folder),
                reader=reader,
                sample=sample,
                part=part,
                progress=progress,
            )
    (work / "articles").mkdir(parents=True, exist_ok=True)
    places = write_articles(dataset, work / "articles")
    questions = read_questions(dataset, places)
    if part:
        parts = {name: part_of(dataset.stem, gold_id) for gold_id, (name, _) in places.items()}
        questions = [question for question in questions if parts[question.article_id] == part]
    questions = sample_questions(questions, sample)
    if not questions:
        which = f" on the articles in the part {part!r}" if part else ""
        raise DataSetError(f"{dataset} holds no question{which}: add some, or name another")
    built = build(work / "articles", work / "index", progress=progress)
    index = Index.open(work / "index")
    try:
        answerer = Answerer(Retriever(index), reader=reader)
        outcomes = list(ask_all(answerer, questions, progress=progress))
        turns = compare_turns(answerer, outcomes, progress=progress)
    finally:
        index.close()
    report = Report(
        dataset.name,
        len(places),
        built.passages,
        len(outcomes),
        sum(bool(o.gold.spans) for o in outcomes),
    )
    report.figures = measure(outcomes)
    report.reliability = measure_reliability(*judge_first_quotes(outcomes))
    report.milliseconds = time_stages(outcomes)
    report.turns = turns
    return report, outcomes


def ask_all(
    answerer: Answerer, questions: Sequence[GoldQuestion], *, progress: Progress | None = None
) -> Iterator[Outcome]:
    """Ask each question, with the turns before it if there are any, and compare the answer with the
    gold one.
    """
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
            find_first(is_right(gold, hit.passage.article.id, hit.passage) for hit in answer.hits),
            find_first(
                any(is_right(gold, q.article.id, q) for q in (quote, *quote.also_in))
                for quote in quotes
            ),
            exact=max((exact_match(words, text) for text in gold.texts), default=0.0),
            f1=max((overlap_f1(words, text) for text in gold.texts), default=0.0),
        )


def compare_turns(
    answerer: Answerer, outcomes: Sequence[Outcome], *, progress: Progress | None = None
) -> list[dict[str, float]]:
    """Ask questions that have a history again without it, and as rewritten.

    Returns:
        Rows of quote@1 for each number of turns before, then for all.
    """
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
        chosen = [
            n for n, outcome in enumerate(asked) if count in (None, len(outcome.gold.history))
        ]
        row: dict[str, float] = {} if count is None else {"turns before": count}
        row["questions"] = len(chosen)
        rows.append(
            row
            | {
                way: share(is_within(found[n].quote_rank, 1) for n in chosen)
                for way, found in ways.items()
            }
        )
    return rows if asked else []
