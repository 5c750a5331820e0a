import subprocess
import sys

import pyarrow
import pytest

from qa import Answerer, Retriever
from qa.adapters.tables import to_arrow, to_pandas, to_rows
from qa.evaluation.data_sets import GoldQuestion
from qa.evaluation.metrics import Outcome
from qa.types import Answer, Article
from tests.adapters.conftest import OFF_TOPIC, QUESTION
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def answers(answerer: Answerer) -> list[Answer]:
    return [answerer.answer(question) for question in (QUESTION, OFF_TOPIC)]


def test_a_frame_has_a_row_a_quote_and_one_for_silence(
    answers: list[Answer], articles: dict[str, Article]
):
    frame = to_pandas(answers)
    first = answers[0].quotes
    assert list(frame["text"].dropna()) == [quote.text for quote in first]
    assert list(frame["status"]) == ["answered"] * len(first) + ["off_topic"]
    assert list(frame["rank"])[:-1] == list(range(1, len(first) + 1))
    assert frame["start"].isna().to_list() == [False] * len(first) + [True]
    row = frame.iloc[0]
    text = articles[row["id"]].text
    assert text[row["start"] : row["end"]] == row["text"]
    assert (row["answer_start"], row["answer_end"]) == first[0].answer


def test_a_table_has_the_same_types_whatever_is_missing(answers: list[Answer]):
    table = to_arrow(answers)
    assert table.schema.field("answer_start").type == pyarrow.int64()
    assert to_arrow(answers[1:]).schema.equals(
        table.select(to_arrow(answers[1:]).column_names).schema
    )
    assert table.column("score").to_pylist()[0] == answers[0].quotes[0].score


def test_passages_have_their_places(retriever_hits, articles: dict[str, Article]):
    frame = to_pandas(retriever_hits)
    assert list(frame["rank"]) == [1, 2, 3]
    for _, row in frame.iterrows():
        assert articles[row["id"]].text[row["start"] : row["end"]] == row["text"]


@pytest.fixture
def retriever_hits(finder: Retriever):
    return finder.retrieve(QUESTION, 3)


def test_outcomes_of_an_evaluation_have_a_row_each(answers: list[Answer]):
    gold = GoldQuestion("q", "a.txt", QUESTION, ())
    [row] = to_rows([Outcome(gold, answers[0], 0, None, exact=1.0, f1=1.0)])
    assert (row["question"], row["passage_rank"], row["quote_rank"]) == (QUESTION, 1, None)
    assert list(to_pandas([Outcome(gold, answers[0], 0, None, 1.0, 1.0)])["exact"]) == [1.0]


@pytest.mark.parametrize(
    ("library", "call"), [("pandas", "to_pandas([])"), ("pyarrow", "to_arrow([])")]
)
def test_a_library_that_is_not_installed_is_named_with_its_extra(library: str, call: str):
    program = (
        f"import sys; sys.modules[{library!r}] = None\n"
        "from qa import ExtraMissing; from qa.adapters.tables import *\n"
        f"try: {call}\n"
        "except ExtraMissing as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "tables is not installed: run `pip install 'article-qa[tables]'`\n"
