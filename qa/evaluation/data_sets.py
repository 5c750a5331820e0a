"""A data set on disk -> questions with gold answers, and its articles as files.

Three forms are read:

- a folder with `articles.jsonl` (`id`, `title`, `text`) and `questions.jsonl` (`id`, `article_id`,
  `question`, `answers` with `text` and `start`, `answerable`). A question of a conversation has
  `history`, too: the turns before as `question` and `rationale`, the words of the article that
  answered; and perhaps a `rewrite` that can be understood without them;
- a SQuAD file, version 1.1 or 2.0 (Rajpurkar et al. 2016, 2018), as published;
- a BEIR folder (Thakur et al. 2021): `corpus.jsonl`, `queries.jsonl` and `qrels/*.tsv`, where all
  of a relevant article counts as an answer.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any, Literal, NamedTuple, TypeAlias

from qa.answer.followup import resolve
from qa.errors import DataSetError
from qa.types import Article, Passage, Quote, Sentence, Span, Turn

Part: TypeAlias = Literal["train", "choose", "report"]
"""What an article's questions are used for: to train the reader, to fit weights and choose
settings, or to report metrics.
"""

SHARES: dict[str, tuple[float, float]] = {
    "squad1-train": (0.0, 0.045),
    # The reader saw it in its first round only: no more is trained on it, and nothing is fitted.
    "squad2-train-part": (0.0, 1.0),
    # Confidence is fitted on questions that the reader was not trained on, and the first of these
    # has most of the unanswerable questions that people wrote. Both are on the same articles.
    "squad2-dev": (0.5, 1.0),
    "xquad": (0.5, 1.0),
    "qed": (0.1, 0.2),
    "selqa": (0.15, 0.3),
    "clapnq": (0.15, 0.3),
    "timeqa": (0.15, 0.3),
    "squadshifts-reddit": (0.075, 0.15),
    "squadshifts-amazon": (0.075, 0.15),
    "squadshifts-new-wiki": (0.075, 0.15),
    "tydi-en": (0.1, 0.2),
    "fairytaleqa": (0.075, 0.15),
    "onestopqa": (0.3, 0.5),
    "qmsum": (0.1, 0.2),
    "tatqa": (0.5, 1.0),
    **dict.fromkeys(("coqa", "arcd", "mtrag-human"), (1.0, 1.0)),
}
"""Data set -> (a, b): articles whose hash, 0 to 1, is below a are to report on, those below b to
choose on, the others to train on.
"""
OTHER_SHARES = (0.5, 0.75)
"""For all other data sets."""


class GoldQuestion(NamedTuple):
    """A question and its gold answers, `spans` of the article `article_id`; none if it is
    unanswerable.
    """

    id: str
    article_id: str
    question: str
    spans: tuple[Span, ...]
    texts: tuple[str, ...] = ()
    """The words of the gold answers."""
    history: tuple[tuple[str, str], ...] = ()
    """Earlier turns, oldest first: question, and the article's words that answer it."""
    rewrite: str = ""
    """The question rewritten to stand alone; empty if the set has none."""
    other_articles: tuple[str, ...] = ()
    """Further articles, of which any place counts as right."""


def part_of(dataset: str, article_id: str) -> Part:
    """The part of its data set that an article belongs to, by a hash of its id.

    An article in two sets is in the same part if their shares agree. The three levels of English of
    an article in OneStopQA count as one article.
    """
    report, choose = SHARES.get(dataset, OTHER_SHARES)
    name = article_id.rsplit("_", 1)[0] if dataset == "onestopqa" else article_id
    place = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big") / 2**64
    return "report" if place < report else "choose" if place < choose else "train"


def write_articles(dataset: Path, folder: Path) -> dict[str, tuple[str, int]]:
    """Write a data set's articles as files; returns gold article id -> (article id, offset of the
    text in the file).

    Raises:
        DataSetError: the data set cannot be read.
    """
    places = {}
    for number, row in enumerate(_article_rows(dataset)):
        header = f"---\ntitle: {json.dumps(row.get('title') or str(row['id']))}\n---\n"
        name = f"{number:05}.txt"
        with _blame(dataset, f"article {row['id']}"):
            content = header + row["text"]
        path = folder / name
        if not path.is_file() or path.read_bytes() != content.encode():
            path.write_text(content, encoding="utf-8", newline="")
        places[str(row["id"])] = (name, len(header))
    return places


def read_questions(dataset: Path, places: dict[str, tuple[str, int]]) -> list[GoldQuestion]:
    """The questions of a data set, with offsets in the files that `write_articles` wrote.

    Raises:
        DataSetError: the data set cannot be read.
    """
    questions = []
    for row in _question_rows(dataset):
        with _blame(dataset, f"question {row['id']}"):
            questions.append(_read_question(dataset, row, places))
    return questions


def _read_question(
    dataset: Path, row: Mapping[str, Any], places: dict[str, tuple[str, int]]
) -> GoldQuestion:
    others = [str(other) for other in row.get("other_article_ids", ())]
    for wanted in (str(row["article_id"]), *others):
        if wanted not in places:
            raise DataSetError(
                f"{dataset}: question {row['id']} names the article {wanted}, which is not "
                "among the articles: add it, or leave the question out"
            )
    name, shift = places[str(row["article_id"])]
    answers = row.get("answers", ()) if row.get("answerable", True) else ()
    spans = [
        Span(start + shift, start + shift + len(answer["text"]))
        for answer in answers
        for start in (answer["start"], *answer.get("other_starts", ()))
    ]
    if "length" in row:  # all of the article
        spans = [Span(shift, shift + row["length"])]
    texts = tuple(answer["text"] for answer in answers)
    history = tuple(
        (turn["question"], turn.get("rationale") or "") for turn in row.get("history", ())
    )
    rewrite = row.get("rewrite") or ""
    also = tuple(places[other][0] for other in others)
    gold = GoldQuestion(str(row["id"]), name, row["question"], tuple(spans), texts, history)
    return gold._replace(rewrite=rewrite, other_articles=also)


@contextmanager
def _blame(dataset: Path, what: str) -> Iterator[None]:
    """Turn exceptions about a row of the wrong form into a DataSetError that names it."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataSetError(
            f"{dataset}: {what} is not as a data set has it ({error!r}): correct it, or leave "
            "it out"
        ) from error


def sample_questions(
    questions: Sequence[GoldQuestion], most: int | None, *, seed: int = 0
) -> list[GoldQuestion]:
    """At most `most` questions, drawn with a fixed seed."""
    if most is None or most >= len(questions):
        return list(questions)
    return Random(seed).sample(list(questions), most)


def read_turns(gold: GoldQuestion, article: Article) -> list[Turn]:
    """The turns before a question, with the gold answers as quotes."""
    turns: list[Turn] = []
    for question, words in gold.history:
        # Data sets only give the words, not their place: take the first.
        start = article.text.find(words) if words else -1
        quotes = (Quote(article, start, start + len(words), 1, 1.0),) if start >= 0 else ()
        turns.append(Turn(question, resolve(question, turns).searched, quotes))
    return turns


def is_right(gold: GoldQuestion, article_id: str, place: Span | Sentence | Passage | Quote) -> bool:
    """Whether a place in an article overlaps a gold answer."""
    return article_id in gold.other_articles or (
        article_id == gold.article_id
        and any(place.start < span.end and span.start < place.end for span in gold.spans)
    )


def _article_rows(dataset: Path) -> Iterable[Mapping[str, Any]]:
    if dataset.is_file():
        return (article for article, _ in _read_squad(dataset))
    if (dataset / "corpus.jsonl").is_file():
        return (
            {"id": _beir_id(row), "title": row.get("title"), "text": row["text"]}
            for row in _read_jsonl(dataset / "corpus.jsonl", "text")
        )
    return _read_jsonl(dataset / "articles.jsonl", "id", "text")


def _question_rows(dataset: Path) -> Iterable[Mapping[str, Any]]:
    if dataset.is_file():
        return (question for _, questions in _read_squad(dataset) for question in questions)
    if (dataset / "corpus.jsonl").is_file():
        return _read_beir(dataset)
    return _read_jsonl(dataset / "questions.jsonl", "id", "article_id", "question")


def _read_squad(path: Path) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Articles of a SQuAD file, their paragraphs joined by blank lines, and their questions."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))["data"]
        for number, article in enumerate(data):
            article_id = f"{number} {article['title']}"
            text, questions = "", []
            for paragraph in article["paragraphs"]:
                text += "\n\n" if text else ""
                base = len(text)
                # Files are read without "\r"; a space keeps the offsets.
                text += paragraph["context"].replace("\r", " ")
                for row in paragraph["qas"]:
                    answers = [
                        {"text": answer["text"], "start": base + answer["answer_start"]}
                        for answer in row["answers"]
                    ]
                    questions.append(
                        {
                            "id": row["id"],
                            "article_id": article_id,
                            "question": row["question"],
                            "answers": answers,
                            "answerable": not row.get("is_impossible", False),
                        }
                    )
            yield {"id": article_id, "title": article["title"], "text": text}, questions
    except OSError as error:
        raise DataSetError(f"{path} cannot be read ({error.strerror}): name another") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataSetError(
            f"{path} is no SQuAD file ({error!r}): name one as published, or a folder"
        ) from error


def _read_beir(dataset: Path) -> Iterator[dict[str, Any]]:
    """Queries with relevant articles, of which the first becomes `article_id`."""
    lengths = {
        _beir_id(row): len(row["text"]) for row in _read_jsonl(dataset / "corpus.jsonl", "text")
    }
    relevant: dict[str, list[str]] = {}
    for query_id, article_id in _read_judgements(dataset):
        relevant.setdefault(query_id, []).append(article_id)
    for row in _read_jsonl(dataset / "queries.jsonl", "text"):
        found = relevant.get(_beir_id(row), [])
        if found:
            yield {
                "id": _beir_id(row),
                "article_id": found[0],
                "question": row["text"],
                "length": lengths.get(found[0], 0),
                "other_article_ids": found[1:],
            }


def _read_judgements(dataset: Path) -> Iterator[tuple[str, str]]:
    """(query id, article id) of relevant pairs; those of the test split if there are several."""
    files = [dataset / "qrels" / "test.tsv", *sorted(dataset.glob("qrels/*.tsv"))]
    path = next((path for path in files if path.is_file()), dataset / "qrels.tsv")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataSetError(
            f"{path} cannot be read ({error.strerror}): a BEIR folder has qrels/test.tsv"
        ) from error
    for number, line in enumerate(lines, 1):
        fields = line.split("\t")
        if number == 1 and not fields[-1].strip().lstrip("-").isdigit():
            continue  # names of the columns
        if len(fields) < 3 or not fields[-1].strip().lstrip("-").isdigit():
            raise DataSetError(f"{path}, line {number}: give query, article and grade, with tabs")
        if int(fields[-1]) > 0:
            yield fields[0], fields[-2]


def _beir_id(row: Mapping[str, Any]) -> str:
    return str(row["_id"] if "_id" in row else row.get("id"))


def _read_jsonl(path: Path, *needed: str) -> Iterator[Any]:
    """The rows of a JSON Lines file; a DataSetError if one lacks a needed field."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        row = json.loads(line)
                    except ValueError as error:
                        raise DataSetError(f"{path}, line {number}: not JSON ({error})") from error
                    missing = [
                        name for name in needed if not isinstance(row, dict) or name not in row
                    ]
                    if missing:
                        raise DataSetError(f"{path}, line {number}: lacks {', '.join(missing)}")
                    yield row
    except OSError as error:
        raise DataSetError(
            f"{path} cannot be read ({error.strerror}): name a folder with articles.jsonl and "
            "questions.jsonl, a SQuAD file or a BEIR folder"
        ) from error
