"""Question -> hits: passages found by vectors and by words, their scores brought to one scale and added."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from qa.index import DEFAULT_INDEX, Index
from qa.types import Encoder, Hit, Span, Vectors

POOL = 100
"""Candidates taken from each of vectors and words before their scores are added."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A question's hits on one generation of an index, with what found them."""

    index: Index
    query: Vectors
    """float32 (dim,), unit."""
    hits: list[Hit]
    cosines: list[float]
    """Of question and passage, hit by hit."""
    bm25: list[float]
    seconds: dict[str, float]


class Retriever:
    """Finds passages in an index, always in its newest generation."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._lock = Lock()

    @classmethod
    def load(cls, folder: str | Path = DEFAULT_INDEX, *, encoder: Encoder | None = None) -> Self:
        """Open the index in a folder, with the encoder that it was built with unless told otherwise.

        Raises:
            IndexMissing: there is none.
            IndexMismatch: it was built with another encoder, or by another version.
        """
        return cls(Index.open(folder, encoder=encoder))

    @property
    def index(self) -> Index:
        """The newest generation; opened anew here when a build has been published since the last question."""
        with self._lock:
            if not self._index.is_current:
                self._index = Index.open(self._index.folder, encoder=self._index.encoder)
            return self._index

    def retrieve(self, query: str, k: int = 10) -> list[Hit]:
        """The best `k` passages for a question or any other words, best first."""
        return self.search(query, k).hits

    def search(self, query: str, k: int = 10, *, prefer: Callable[[str, Span], float] | None = None) -> Scored:
        """Like `retrieve`, with the figures behind the scores; `prefer` adds to a place's (article id, span)."""
        started = perf_counter()
        index = self.index
        vector = index.encoder.encode_queries([query])[0]
        encoded = perf_counter()
        cosines = dict(index.vectors.search(vector, k=max(POOL, k)))
        bm25 = dict(index.words.search(query, k=max(POOL, k)))
        _fill_gaps(index, query, vector, cosines, bm25)
        ids = np.array(sorted(cosines), dtype=np.int64)
        totals = zscores([cosines[i] for i in ids]) + zscores([bm25[i] for i in ids])
        if prefer:
            places = index.store.get_places(ids.tolist())
            totals = totals + np.array([prefer(*places[i]) for i in ids.tolist()])
        best = [int(ids[n]) for n in np.lexsort((ids, -totals))[:k]]
        total = dict(zip(ids.tolist(), totals.tolist(), strict=True))
        passages = index.store.get_passages(best)
        seconds = {"encode": encoded - started, "search": perf_counter() - encoded}
        return Scored(
            index,
            vector,
            [Hit(passages[i], total[i]) for i in best],
            [cosines[i] for i in best],
            [bm25[i] for i in best],
            seconds,
        )


def zscores(values: Sequence[float] | NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Values as multiples of their standard deviation from their mean; all zero where they do not differ."""
    array = np.asarray(values, dtype=np.float64)
    deviation = array.std() if len(array) else 0.0
    return (array - array.mean()) / deviation if deviation > 1e-9 else np.zeros_like(array)


def _fill_gaps(index: Index, query: str, vector: Vectors, cosines: dict[int, float], bm25: dict[int, float]) -> None:
    """Give each candidate both scores, also the one by which it was not found; without a common word it is 0."""
    unseen = sorted(bm25.keys() - cosines.keys())
    cosines.update({i: float(row @ vector) for i, row in index.passage_vectors(unseen).items()})
    unseen = sorted(cosines.keys() - bm25.keys())
    bm25.update(dict.fromkeys(unseen, 0.0))
    bm25.update(dict(index.words.search(query, k=len(unseen), among=unseen)) if unseen else {})
