"""An index by brute force, in NumPy and from the formulas: what every real one is held against.

It reads and splits the articles as a build does, and then looks at every passage for every
question.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from qa.articles.passages import split_passages
from qa.articles.read import load_file, parse_file
from qa.articles.scan import scan_files
from qa.index.interface import EVERYWHERE, Where
from qa.index.keys import passage_text
from qa.index.words import K1, B, analyse, field_of, weigh
from qa.types import Encoder, Passage, Vectors

Place = tuple[str, int]
"""Article id and first character: what names a passage in every index."""


class Row(NamedTuple):
    passage: Passage
    vector: Vectors
    words: Counter[tuple[str, str]]
    """(field, word) -> how often."""

    @property
    def place(self) -> Place:
        return self.passage.article.id, self.passage.start


class Oracle:
    def __init__(self, articles: Path, encoder: Encoder) -> None:
        self.rows = [_make_row(passage, encoder) for passage in _read(articles, encoder)]
        self.holding = Counter(pair for row in self.rows for pair in row.words)
        lengths = Counter(field for row in self.rows for field, _ in row.words.elements())
        self.averages = {field: total / len(self.rows) for field, total in lengths.items()}

    def search_vectors(self, query: Vectors, where: Where = EVERYWHERE) -> dict[Place, float]:
        """Cosines of all passages."""
        return {row.place: float(row.vector @ query) for row in self._left(where)}

    def search_words(self, query: str, where: Where = EVERYWHERE) -> dict[Place, float]:
        """BM25 of all passages that share a word with the query."""
        wanted = {(field, word) for field in self.averages for word in analyse(field, query)}
        scores = {
            row.place: sum(self._score(row, pair) for pair in wanted) for row in self._left(where)
        }
        return {place: score for place, score in scores.items() if score}

    def _score(self, row: Row, pair: tuple[str, str]) -> float:
        length = _round_length(
            sum(count for (field, _), count in row.words.items() if field == pair[0])
        )
        norm = K1 * (1 - B + B * length / self.averages[pair[0]])
        rarity = weigh(len(self.rows), self.holding[pair])
        return rarity * row.words[pair] * (K1 + 1) / (row.words[pair] + norm)

    def _left(self, where: Where) -> list[Row]:
        return [row for row in self.rows if where.admits(row.passage.article)]


def _read(articles: Path, encoder: Encoder) -> Iterator[Passage]:
    for name, _ in scan_files(articles):
        article = parse_file(load_file(articles / name, articles))
        yield from split_passages(article, encoder.count_tokens)


def _make_row(passage: Passage, encoder: Encoder) -> Row:
    [vector] = encoder.encode_passages([passage_text(passage).text])
    field = field_of(passage.article.language)
    words = analyse(field, f"{passage.article.title}\n{passage.text}")
    return Row(
        passage,
        vector.astype(np.float16).astype(np.float32),
        Counter((field, word) for word in words),
    )


def _round_length(length: int) -> int:
    """Lengths are kept in a byte, as Lucene has it: exact to 40, then rounded down in steps that
    double every eight.
    """
    step, start = 2, 40
    while length >= start + 8 * step:
        start, step = start + 8 * step, 2 * step
    return length if length < 40 else start + (length - start) // step * step
