"""Answers, hits and outcomes of an evaluation -> rows: as dictionaries, for pandas, for pyarrow.

    to_pandas(answerer.answer_many(questions))

An answer has a row a quote, or one without a quote; ranks count from 1.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from qa.adapters.metadata import describe, extra_missing
from qa.evaluation.metrics import Outcome
from qa.types import Answer, Hit, Quote

if TYPE_CHECKING:
    import pandas
    import pyarrow

Row: TypeAlias = dict[str, Any]
Value: TypeAlias = Answer | Hit | Outcome

_OF_ANSWER = ("question", "searched", "status", "confidence", "generation", "notice")
_OF_PLACE = (
    *("rank", "text", "start", "end", "answer_start", "answer_end", "score", "paragraph"),
    *("id", "title", "author", "date", "url", "language", "sha256", "prefix", "suffix"),
)
_WHOLE = {
    *("generation", "rank", "start", "end", "answer_start", "answer_end", "paragraph"),
    *("passage_rank", "quote_rank"),
}
_REAL = {"confidence", "score", "exact", "f1"}


def to_rows(values: Iterable[Value]) -> Iterator[Row]:
    """Rows with the same columns for all values of a type; only rows of files with pages or
    headings have columns for these.
    """
    for number, value in enumerate(values, start=1):
        if isinstance(value, Answer):
            yield from _answer_rows(value)
        elif isinstance(value, Hit):
            yield _place_row(value, number)
        else:
            yield _outcome_row(value)


def to_pandas(values: Iterable[Value]) -> "pandas.DataFrame":
    """A data frame; integers that may be missing are `Int64`, so that they can be used as offsets.

    Raises:
        ExtraMissing: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise extra_missing("tables") from error
    frame = pandas.DataFrame(list(to_rows(values)))
    kinds = {name: "Int64" for name in frame.columns if name in _WHOLE}
    kinds |= {name: "Float64" for name in frame.columns if name in _REAL}
    return frame.astype(kinds)


def to_arrow(values: Iterable[Value]) -> "pyarrow.Table":
    """An Arrow table; the type of a column does not depend on which values are missing.

    Raises:
        ExtraMissing: pyarrow is not installed.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise extra_missing("tables") from error
    rows = list(to_rows(values))
    names = dict.fromkeys(name for row in rows for name in row)
    kinds = dict.fromkeys(_WHOLE, pyarrow.int64()) | dict.fromkeys(_REAL, pyarrow.float64())
    kinds |= {"answerable": pyarrow.bool_()}
    columns = {
        name: pyarrow.array([row.get(name) for row in rows], kinds.get(name, pyarrow.string()))
        for name in names
    }
    return pyarrow.table(columns)


def _answer_rows(answer: Answer) -> Iterator[Row]:
    of_answer = {name: getattr(answer, name) for name in _OF_ANSWER}
    of_answer["notice"] = answer.notice or None
    for rank, quote in enumerate(answer.quotes, start=1):
        yield of_answer | _place_row(quote, rank)
    if not answer.quotes:
        yield of_answer | dict.fromkeys(_OF_PLACE)


def _place_row(found: Quote | Hit, rank: int) -> Row:
    text = found.text if isinstance(found, Quote) else found.passage.text
    row: Row = {"rank": rank, "text": text, **describe(found)}
    return {name: row[name] for name in _OF_PLACE if name in row} | row


def _outcome_row(outcome: Outcome) -> Row:
    return {
        "question": outcome.gold.question,
        "id": outcome.gold.article_id,
        "answerable": bool(outcome.gold.spans),
        "status": outcome.answer.status,
        "confidence": outcome.answer.confidence,
        "passage_rank": _from_one(outcome.passage_rank),
        "quote_rank": _from_one(outcome.quote_rank),
        "exact": outcome.exact,
        "f1": outcome.f1,
    }


def _from_one(rank: int | None) -> int | None:
    return None if rank is None else rank + 1
