"""A data set on disk -> questions with gold answers, and its articles as files.

A data set is a folder with `articles.jsonl` (`id`, `title`, `text`) and `questions.jsonl` (`id`,
`article_id`, `question`, `answers` with `text` and `start`, `answerable`). A question of a
conversation has `history`, too: the turns before as `question` and `rationale`, the words of the
article that answered; and perhaps a `rewrite` that can be understood without them.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from qa.answer.followup import resolve
from qa.errors import DataSetError
from qa.types import Article, Passage, Quote, Sentence, Span, Turn


class GoldQuestion(NamedTuple):
    """A question, and where its answers stand: in `article_id`, at any of `spans`; no spans if it
    has none.
    """

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


def write_articles(dataset: Path, folder: Path) -> dict[str, tuple[str, int]]:
    """Write a data set's articles as files; gives gold article id -> (article id, offset of its
    text in the file).
    """
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
            raise DataSetError(
                f"{dataset / 'questions.jsonl'}: question {row['id']} names no article of "
                "articles.jsonl"
            )
        name, shift = places[str(row["article_id"])]
        answers = row.get("answers", ()) if row.get("answerable", True) else ()
        spans = [
            Span(start + shift, start + shift + len(answer["text"]))
            for answer in answers
            for start in (answer["start"], *answer.get("other_starts", ()))
        ]
        texts = tuple(answer["text"] for answer in answers)
        history = tuple(
            (turn["question"], turn.get("rationale") or "") for turn in row.get("history", ())
        )
        rewrite = row.get("rewrite") or ""
        questions.append(
            GoldQuestion(
                str(row["id"]), name, row["question"], tuple(spans), texts, history, rewrite
            )
        )
    return questions


def sample_questions(
    questions: Sequence[GoldQuestion], most: int | None, *, seed: int = 0
) -> list[GoldQuestion]:
    """At most `most` questions, drawn the same way each time."""
    if most is None or most >= len(questions):
        return list(questions)
    return Random(seed).sample(list(questions), most)


def read_turns(gold: GoldQuestion, article: Article) -> list[Turn]:
    """The turns before a question, with the quotes that would have answered them."""
    turns: list[Turn] = []
    for question, words in gold.history:
        # Data sets give the words alone; where they stand more than once, the first place is as
        # good a guess as any.
        start = article.text.find(words) if words else -1
        quotes = (Quote(article, start, start + len(words), 1, 1.0),) if start >= 0 else ()
        turns.append(Turn(question, resolve(question, turns).searched, quotes))
    return turns


def is_right(gold: GoldQuestion, article_id: str, place: Span | Sentence | Passage | Quote) -> bool:
    """Whether a place in an article holds a gold answer, or lies within one that is several
    sentences long.
    """
    return article_id == gold.article_id and any(
        (place.start <= span.start and span.end <= place.end)
        or (span.start <= place.start and place.end <= span.end)
        for span in gold.spans
    )


def _read_jsonl(path: Path, *needed: str) -> Iterator[Any]:
    """The rows of a file, each with all that is needed."""
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
            f"{path} cannot be read ({error.strerror}): a data set has it beside the other .jsonl"
        ) from error
