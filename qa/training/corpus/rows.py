"""Folders of articles and questions -> rows, one a question, beside the text they point into."""

import json
import random
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from qa.evaluation.data_sets import part_of
from qa.training.corpus.arrays import FOLDERS, MAX_SENTENCE_TOKENS, SOURCES, Ints
from qa.training.corpus.questions import (
    Pool,
    ask_about,
    ask_whether,
    collect_pool,
    rewrite_question,
)

SENTENCES_ONLY = {"selqa", "clapnq", "onestopqa", "qmsum", "whether"}
"""Where whole sentences are marked as answers: they teach which sentence answers, not which words
of it.
"""
LONGEST_SPAN = 25
"""Longer answers, in wordpieces, teach the sentence only, too."""
JOINED_CHARS = 500
"""Paragraphs shorter than this are read with those after them, as passages of an index run over
short paragraphs.
"""

_LONG_WORD = re.compile(r"\w{4,}")


class Row(NamedTuple):
    """One question on its way into the arrays."""

    article: str
    """Folder and id, as "qed/17"."""
    text: str
    focus: int
    """Number of the sentence around which its passage is cut."""
    spans: list[tuple[int, int]]
    """First and last token of each gold answer."""
    answers: list[str]
    rewritten_from: int
    """Number of a row; -1 for real questions."""
    source: int
    """Index into SOURCES."""
    training: bool
    sentence_only: bool = False
    """Whether spans say which sentences answer, not which words."""


class ParagraphText:
    """All paragraphs so far: their wordpieces, where sentences and paragraphs begin, and of which
    article each is.
    """

    def __init__(self, tokenizer_file: Path) -> None:
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(str(tokenizer_file))
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.tokens: list[int] = []
        self.sentence_starts: list[int] = []
        self.sentence_texts: list[str] = []
        self.paragraph_starts: list[int] = [0]
        self.paragraph_articles: list[str] = []

    def add_paragraph(self, article: str, text: str, parts: Sequence[tuple[int, int]]) -> Ints:
        """Add one paragraph, or several short ones at `parts` of the text.

        Returns:
            int64 (tokens, 3): start character, end character, position among all tokens.
        """
        import nupunkt

        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        offsets = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)
        base = len(self.tokens)
        self.tokens.extend(encoding.ids)
        spans = [
            (low + s, low + e) for low, high in parts for s, e in nupunkt.sent_spans(text[low:high])
        ]
        for start, end in spans:
            first, last = np.searchsorted(offsets[:, 0], (start, end))
            if first < last:  # a "sentence" of nothing but blanks has no tokens
                self.sentence_starts.append(base + int(first))
                self.sentence_texts.append(text[start:end])
        self.paragraph_starts.append(len(self.sentence_starts))
        self.paragraph_articles.append(article)
        return np.column_stack([offsets, np.arange(base, len(self.tokens))])


def read_rows(source: Path, text: ParagraphText) -> list[Row]:
    """The questions of all training folders; an article that SQuAD 1 and 2 share is read from the
    latter.
    """
    rows: list[Row] = []
    repeated = {
        article["id"] for article in _read_lines(source / "squad2-train-part" / "articles.jsonl")
    }
    for number, folder in enumerate(FOLDERS):
        if not (source / folder).is_dir():
            continue
        maps: dict[str, list[tuple[int, Ints]]] = {}
        articles: dict[str, dict[str, Any]] = {}
        for article in _read_lines(source / folder / "articles.jsonl"):
            if folder == "squad1-train" and article["id"] in repeated:
                continue
            articles[article["id"]] = article
            maps[article["id"]] = [
                (
                    start,
                    text.add_paragraph(
                        f"{folder}/{article['id']}", article["text"][start:end], parts
                    ),
                )
                for start, end, parts in join_paragraphs(article["paragraphs"])
            ]
        for question in _read_lines(source / folder / "questions.jsonl"):
            if question["article_id"] in maps:
                row = _read_row(
                    question,
                    folder,
                    articles[question["article_id"]],
                    maps[question["article_id"]],
                    text,
                )
                if row is not None:
                    rows.append(row._replace(source=number))
    return rows


def join_paragraphs(
    paragraphs: Sequence[tuple[int, int]],
) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """Start and end of short paragraphs joined to at least JOINED_CHARS, with the parts' places
    from that start on.
    """
    parts: list[tuple[int, int]] = []
    for start, end in paragraphs:
        parts.append((start, end))
        if end - parts[0][0] >= JOINED_CHARS:
            yield (
                parts[0][0],
                end,
                [(first - parts[0][0], last - parts[0][0]) for first, last in parts],
            )
            parts = []
    if parts:
        yield (
            parts[0][0],
            parts[-1][1],
            [(first - parts[0][0], last - parts[0][0]) for first, last in parts],
        )


def _read_row(
    question: dict[str, Any],
    folder: str,
    article: dict[str, Any],
    paragraphs: list[tuple[int, Ints]],
    text: ParagraphText,
) -> Row | None:
    answered = bool(question["answerable"])
    answers = question["answers"] if answered else question.get("plausible_answers", [])
    if not answered and not answers:
        answers = [_find_plausible(question, article)]
    spans: list[tuple[int, int]] = []
    for answer in answers:
        # An answer that occurs several times has a guessed start: any of its places then counts as
        # gold.
        for start in [answer["start"], *answer.get("other_starts", [])]:
            if article["text"][start : start + len(answer["text"])] == answer["text"]:
                spans += _find_tokens(start, start + len(answer["text"]), paragraphs)
    if not spans:
        return None
    sentence_starts = text.sentence_starts
    # A list: np.searchsorted would copy it each time.
    focus = bisect_right(sentence_starts, spans[0][0]) - 1
    end = sentence_starts[focus + 1] if focus + 1 < len(sentence_starts) else len(text.tokens)
    if end - sentence_starts[focus] > MAX_SENTENCE_TOKENS:
        return None
    return Row(
        article=f"{folder}/{question['article_id']}",
        text=question["question"],
        focus=focus,
        spans=sorted(set(spans)) if answered else [],
        answers=[answer["text"] for answer in answers] if answered else [],
        rewritten_from=-1,
        source=0,
        training=part_of(folder, question["article_id"]) == "train",
        sentence_only=folder in SENTENCES_ONLY
        or max(last - first for first, last in spans) >= LONGEST_SPAN,
    )


def _find_plausible(question: dict[str, Any], article: dict[str, Any]) -> dict[str, Any]:
    """The sentence that shares most words with an unanswerable question; of the paragraph that it
    was written on, where the set says which.
    """
    import nupunkt

    text, paragraphs = article["text"], article["paragraphs"]
    if "paragraph" in question:
        paragraphs = [paragraphs[question["paragraph"]]]
    asked = set(_LONG_WORD.findall(question["question"].lower()))

    def overlap(span: tuple[int, int]) -> int:
        return len(asked & set(_LONG_WORD.findall(text[slice(*span)].lower())))

    spans = [
        (low + first, low + last)
        for low, high in paragraphs
        for first, last in nupunkt.sent_spans(text[low:high])
    ]
    start, end = max(spans, key=overlap)
    return {"text": text[start:end], "start": start}


def _find_tokens(start: int, end: int, paragraphs: list[tuple[int, Ints]]) -> list[tuple[int, int]]:
    """First and last token of the characters [start, end) of an article: none or one pair."""
    for base, table in paragraphs[
        max(0, bisect_right(paragraphs, start, key=lambda part: part[0]) - 1) :
    ][:1]:
        inside = table[(table[:, 0] + base < end) & (table[:, 1] + base > start)]
        if len(inside):
            return [(int(inside[0, 2]), int(inside[-1, 2]))]
    return []


def add_rewrites(rows: list[Row], text: ParagraphText, *, seed: int) -> list[Row]:
    """The rows, and after them an unanswerable rewrite of each answered one that allows it."""
    rng = random.Random(seed)
    pool: Pool = collect_pool((row.article, row.text) for row in rows if row.training)
    known = {row.text for row in rows}
    rewrites = []
    for number, row in enumerate(rows):
        if not row.spans:
            continue
        around = " ".join(text.sentence_texts[max(0, row.focus - 2) : row.focus + 3])
        changed = rewrite_question(row.text, row.article, pool=pool, rng=rng, passage=around)
        if changed is not None and changed not in known:
            rewrites.append(row._replace(text=changed, spans=[], answers=[], rewritten_from=number))
    return rows + rewrites


def add_made(rows: list[Row], text: ParagraphText, *, seed: int) -> list[Row]:
    """The rows, and after them questions of kinds that the folders hardly have, made from theirs:
    yes-no questions, and what something was about.
    """
    rng = random.Random(seed)
    made = []
    whether, about = SOURCES.index("whether"), SOURCES.index("about")
    for row in rows:
        asked = (
            ask_whether(row.text, row.answers, rng=rng)
            if row.spans and row.rewritten_from < 0
            else None
        )
        if asked is not None:
            made.append(row._replace(text=asked, source=whether, sentence_only=True))
    ends = [*text.sentence_starts[1:], len(text.tokens)]
    articles = {
        sentence: article
        for article, (first, last) in zip(
            text.paragraph_articles, pairwise(text.paragraph_starts), strict=True
        )
        for sentence in range(first, last)
    }
    for number, sentence in enumerate(text.sentence_texts):
        found = ask_about(sentence, rng=rng)
        length = ends[number] - text.sentence_starts[number]
        if found is None or length > MAX_SENTENCE_TOKENS:
            continue
        offsets = text.tokenizer.encode(sentence, add_special_tokens=False).offsets
        inside = [
            n for n, (start, end) in enumerate(offsets) if end > found.start and start < found.end
        ]
        if not inside or inside[-1] >= length:
            continue
        folder, article_id = articles[number].split("/", 1)
        base = text.sentence_starts[number]
        span = (base + inside[0], base + inside[-1])
        training = part_of(folder, article_id) == "train"
        made.append(
            Row(
                articles[number],
                found.question,
                number,
                [span],
                [sentence],
                -1,
                about,
                training,
                len(inside) > LONGEST_SPAN,
            )
        )
    return rows + made


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)
