"""Data sets of many kinds of text -> examples to fit order and confidence on: questions with their
candidate sentences, and which of these are right.

Only articles to choose on are used: the reader was trained on others, and on those its scores would
be trusted too much. Some of a set's articles are indexed together, and a few each alone, since an
index of one article is the commonest of all. Beside a set's own questions, with and without an
answer, each index is asked questions of other sets, on subjects that it lacks.
"""

import json
import pickle
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from qa.answer.ranking.close import CLOSE_FEATURES
from qa.answer.ranking.features import Candidates, Enough, gather_candidates
from qa.answer.ranking.ranker import Ranker
from qa.answer.retriever import Retrieved, Retriever
from qa.evaluation.data_sets import (
    GoldQuestion,
    Part,
    is_right,
    part_of,
    read_questions,
    write_articles,
)
from qa.index.build import build
from qa.index.index import Index
from qa.types import Reader

QuestionKind: TypeAlias = Literal["answered", "people", "absent"]
"""Whether a question is answered; if not, whether people wrote it for these articles, or it is one
of another set."""
DATA_SETS = (
    "onestopqa",
    "clapnq",
    "qed",
    "selqa",
    "tatqa",
    "tydi-en",
    "squadshifts-amazon",
    "squadshifts-reddit",
    "fairytaleqa",
    "squad1-train",
    "squad2-dev",
    "timeqa",
    "qmsum",
)
PASSAGES = 10
MOST_CHARACTERS = 200_000
"""Of a set's articles that are indexed together."""
ALONE = 16
"""Articles of each set that are indexed alone, and so many questions are asked of each:"""
ASKED_ALONE, ABSENT_ALONE = 4, 2
READ_CLOSELY = 3
"""Candidates that are read again, by the shipped order; the fit prints how many of the first ones
by its own order are among them."""


Gather: TypeAlias = Callable[[Retrieved, str], Candidates]
"""Hits and a question -> candidates."""


class Example(NamedTuple):
    """One question's candidates, and which of them are right."""

    data_set: str
    is_alone: bool
    """Whether its article was the only one in the index."""
    kind: QuestionKind
    question: str
    candidates: Candidates
    """Their features; hits, sentences and readings are left out."""
    right: NDArray[np.bool_]


def collect_examples(
    source: Path,
    work: Path,
    reader: Reader | None,
    *,
    count: int,
    part: Part = "choose",
    read_all: bool = False,
    enough: Enough | None = None,
) -> list[Example]:
    """Examples of all sets in `source`, about `count` questions of each; those already in `work`
    are reused. `read_all` and `enough` are those of `gather_candidates`.
    """
    gather = partial(gather_candidates, reader=reader, read_all=read_all, enough=enough)
    examples: list[Example] = []
    pool = {name: _sample_questions(source / name, part) for name in DATA_SETS}
    for name in DATA_SETS:
        if not pool[name]:  # no article of it is of this part
            continue
        kept = work / name / "examples.pickle"
        if not kept.is_file():
            others = [
                question for other, some in pool.items() if other != name for question in some
            ]
            found = list(
                _collect(source / name, work / name, gather, others, count=count, part=part)
            )
            kept.write_bytes(pickle.dumps(found))
        examples += pickle.loads(kept.read_bytes())  # noqa: S301 - written above
    return examples


def _collect(
    dataset: Path,
    work: Path,
    gather: Gather,
    others: Sequence[str],
    *,
    count: int,
    part: Part,
) -> Iterator[Example]:
    articles = pick_articles(dataset, part)
    ids = {row["id"] for row in articles}
    questions = [r for r in read_lines(dataset / "questions.jsonl") if r["article_id"] in ids]
    write_set(work / "set", articles, questions)
    (work / "articles").mkdir(exist_ok=True)
    gold = read_questions(work / "set", write_articles(work / "set", work / "articles"))
    rng = Random(1)
    rng.shuffle(gold)
    answered = [question for question in gold if question.spans][:count]
    people = [question for question in gold if not question.spans][:count]
    asked: list[tuple[QuestionKind, GoldQuestion]] = [
        *(("answered", question) for question in answered),
        *(("people", question) for question in people),
        *_make_absent(others, count // 3, rng),
    ]
    yield from _read(dataset.name, work / "articles", work / "index", gather, asked)
    by_article: dict[str, list[GoldQuestion]] = {}
    for question in gold:
        by_article.setdefault(question.article_id, []).append(question)
    for article_id in sorted(by_article)[:ALONE]:
        alone = work / "alone" / article_id
        (alone / "articles").mkdir(parents=True, exist_ok=True)
        shutil.copy(work / "articles" / article_id, alone / "articles")
        few: list[tuple[QuestionKind, GoldQuestion]] = [
            ("answered" if question.spans else "people", question)
            for question in by_article[article_id][:ASKED_ALONE]
        ]
        few += _make_absent(others, ABSENT_ALONE, rng)
        yield from _read(
            dataset.name, alone / "articles", alone / "index", gather, few, is_alone=True
        )


def _read(
    name: str,
    articles: Path,
    index: Path,
    gather: Gather,
    asked: Sequence[tuple[QuestionKind, GoldQuestion]],
    *,
    is_alone: bool = False,
) -> Iterator[Example]:
    build(articles, index)
    retriever = Retriever(Index.open(index))
    for kind, gold in tqdm(asked, desc=name, disable=is_alone):
        found = retriever.search(gold.question, PASSAGES)
        candidates = gather(found, gold.question)
        right = [
            is_right(gold, hit.passage.article.id, sentence)
            for hit, sentence in zip(candidates.hits, candidates.sentences, strict=True)
        ]
        bare = keep_close(candidates)._replace(hits=[], sentences=[], readings=None)
        yield Example(name, is_alone, kind, gold.question, bare, np.array(right, dtype=np.bool_))
    retriever.index.close()


def keep_close(candidates: Candidates) -> Candidates:
    """The candidates with the close features of those that may become the first. The others have
    what the reader said of their whole passage.
    """
    if candidates.close is None:
        return candidates
    scores = Ranker.load(candidates.way).score(candidates)
    features = dict(candidates.features)
    for feature in CLOSE_FEATURES:
        features[feature.name] = features[feature.whole].copy()
    features["read_closely"] = np.zeros(len(scores))
    for number in np.argsort(-scores, kind="stable")[:READ_CLOSELY]:
        features["read_closely"][number] = 1.0
        for name, value in candidates.close(int(number)).items():
            features[name][number] = value
    return candidates._replace(features=features, close=None)


def _make_absent(
    others: Sequence[str], count: int, rng: Random
) -> list[tuple[QuestionKind, GoldQuestion]]:
    return [
        ("absent", GoldQuestion("", "", question, ())) for question in rng.sample(others, count)
    ]


def _sample_questions(dataset: Path, part: Part) -> list[str]:
    rows = [
        row["question"]
        for row in read_lines(dataset / "questions.jsonl")
        if row["answerable"] and part_of(dataset.name, row["article_id"]) == part
    ]
    return Random(2).sample(rows, min(40, len(rows)))


def pick_articles(dataset: Path, part: Part) -> list[dict[str, Any]]:
    """Articles of a part, limited in characters but at least three; of
    OneStopQA's levels of English the middle one to choose on, the full one to report on.
    """
    level = "_Int" if part == "choose" else "_Adv"
    rows = [
        row
        for row in read_lines(dataset / "articles.jsonl")
        if part_of(dataset.name, row["id"]) == part
        and (dataset.name != "onestopqa" or row["id"].endswith(level))
    ]
    Random(3).shuffle(rows)
    ends = np.cumsum([len(row["text"]) for row in rows])
    return rows[: max(3, int((ends < MOST_CHARACTERS).sum()))]


def write_set(
    folder: Path, articles: Sequence[dict[str, Any]], questions: Sequence[dict[str, Any]]
) -> None:
    """Write rows of a data set as a data set."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("articles", articles), ("questions", questions)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON Lines file."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]
