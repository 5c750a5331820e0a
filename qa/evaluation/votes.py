"""Votes on quotes, as the page keeps them -> a data set: `questions.jsonl` and `articles.jsonl`."""

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from qa.types import Article


def write_votes(
    votes: Sequence[Any], get_article: Callable[[str], Article | None]
) -> tuple[str, str]:
    """The lines of both files; see `data_sets` for what stands in them.

    A quote that answers is gold. A question of which is said that the articles rightly do not
    answer it has no answers; one that nobody has found a right quote for is left out, and so is
    what has changed since.

    Args:
        votes: `question`, `right`, and either `article`, `sha256`, `start` and `end` of the words
            that answer, or `silent`, the article that came nearest.
        get_article: an article by its id.
    """
    gold: dict[str, dict[str, list[tuple[int, str]]]] = {}
    silent: dict[str, str] = {}
    articles: dict[str, Article] = {}
    for vote in votes:
        found = _read(vote, get_article)
        if found is None:
            continue
        question, article, start, text = found
        articles[article.id] = article
        if text:
            gold.setdefault(question, {}).setdefault(article.id, []).append((start, text))
        else:
            silent[question] = article.id
    rows = [_row(question, places) for question, places in gold.items()]
    rows += [
        _row(question, {name: []}) for question, name in silent.items() if question not in gold
    ]
    used = {name for row in rows for name in (row["article_id"], *row["other_article_ids"])}
    kept = [
        {"id": article.id, "title": article.title, "text": article.text}
        for article in articles.values()
        if article.id in used
    ]
    return _lines(rows), _lines(kept)


def _read(
    vote: Any, get_article: Callable[[str], Article | None]
) -> tuple[str, Article, int, str] | None:
    """Question, article, and the words that answer with their place; no words where none do."""
    if not isinstance(vote, Mapping) or vote.get("right") is not True:
        return None
    question, name = vote.get("question"), vote.get("article") or vote.get("silent")
    article = get_article(name) if isinstance(name, str) else None
    if not isinstance(question, str) or not question.strip() or article is None:
        return None
    if "article" not in vote:
        return question, article, 0, ""
    start, end = vote.get("start"), vote.get("end")
    if type(start) is not int or type(end) is not int or vote.get("sha256") != article.sha256:
        return None
    if not article.body_start <= start < end <= len(article.text):
        return None
    return question, article, start, article.text[start:end]


def _row(question: str, places: Mapping[str, Sequence[tuple[int, str]]]) -> dict[str, Any]:
    first, *others = places
    answers = [{"text": text, "start": start} for start, text in sorted(set(places[first]))]
    return {
        "id": blake2b(question.encode(), digest_size=8).hexdigest(),
        "article_id": first,
        "question": question,
        "answers": answers,
        "answerable": bool(answers),
        "other_article_ids": others,
    }


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
