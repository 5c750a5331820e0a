"""Question -> hits: passages found by vectors and by words, ranked by the sum of both z-scores."""

import operator
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from qa.errors import QAError, QuestionError, SettingError
from qa.index.index import DEFAULT_INDEX
from qa.index.interface import EVERYWHERE, SearchIndex, Where
from qa.index.locate import open_index
from qa.types import Encoder, Hit, Progress, Sentence, Span, Vectors

T = TypeVar("T")
R = TypeVar("R")

POOL = 100
"""Candidates taken from each of the two searches before their scores are added."""

CONTEXT_WEIGHT = 0.3
"""Weight of the words of earlier turns; the question's have weight 1. On mtrag-human .3 found more
than .6 and 1 did."""
SAME_ARTICLE = 6.0
"""Added to the score of passages of the article just quoted, in standard deviations. The answer was
among ten passages for .73 of CoQA's dependent questions at 2, .91 at 4, .99 at 6."""
NEARBY = 1.0
"""Added further to those beside the quote; half of it at a distance of `NEARBY_CHARS`."""
NEARBY_CHARS = 800
PLACES = 40
"""Passages around a quote that become candidates even if no search found them."""
ALWAYS_READ = 3
"""How many of the best passages for the question alone are always read: the subject may have
changed."""


@dataclass(frozen=True, slots=True)
class Context:
    """Earlier turns that a question depends on, as the search uses them."""

    words: str
    """Searched for in addition to the question, with less weight."""
    places: tuple[tuple[str, Span, float], ...]
    """Article id, span and weight, 0 to 1, of earlier quotes; passages near them get a bonus."""

    def score_place(self, article_id: str, place: Span) -> float:
        """What is added to the score of a passage at a place."""
        same = max(
            (weight for quoted_id, _, weight in self.places if quoted_id == article_id), default=0.0
        )
        return SAME_ARTICLE * same + NEARBY * self.nearness(article_id, place)

    def nearness(self, article_id: str, place: Span | Sentence) -> float:
        """Nearness to the quotes: 1 beside the last one, decreasing with distance, 0 in other
        articles.
        """
        near = [
            weight / (1 + max(0, span.start - place.end, place.start - span.end) / NEARBY_CHARS)
            for quoted_id, span, weight in self.places
            if quoted_id == article_id
        ]
        return max(near, default=0.0)


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A question's hits on one generation of an index, with the scores behind them."""

    index: SearchIndex
    query: Vectors
    """float32 (dim,), unit."""
    hits: list[Hit]
    cosines: list[float]
    """Similarity of question and passage, for each hit."""
    bm25: list[float]
    seconds: dict[str, float]


class Retriever:
    """Finds passages in an index, always in its newest generation."""

    def __init__(self, index: SearchIndex) -> None:
        self._index = index
        self._lock = Lock()
        self._process = os.getpid()

    @classmethod
    def load(cls, folder: str | Path = DEFAULT_INDEX, *, encoder: Encoder | None = None) -> Self:
        """Open the index in a folder or at a URI; `encoder` is by default that of its build.

        Raises:
            IndexMissing: there is none.
            IndexMismatch: it was built with another encoder, or by another version.
        """
        return cls(open_index(folder, encoder=encoder))

    @property
    def index(self) -> SearchIndex:
        """The newest generation; reopened here if a build has been published since the last
        question.
        """
        if os.getpid() != self._process:
            # SQLite's connections and the engines' threads do not survive a fork.
            raise QAError(
                "this index was opened before the process was forked: open it in each process of "
                "its own"
            )
        with self._lock:
            if not self._index.is_current:
                self._index = self._index.reopen()
            return self._index

    def retrieve(self, query: str, k: int = 10, *, where: Where = EVERYWHERE) -> list[Hit]:
        """The best `k` passages for a question or any other words, best first, from the articles
        that meet `where`.

        Raises:
            QuestionError: there are no words.
            SettingError: `k` is less than 1.
        """
        return self.search(query, k, where=where).hits

    def retrieve_many(
        self,
        queries: Sequence[str],
        k: int = 10,
        *,
        where: Where = EVERYWHERE,
        progress: Progress | None = None,
    ) -> Iterator[list[Hit]]:
        """The result of `retrieve` for each query, in order; several are searched for at once."""

        def retrieve(query: str) -> list[Hit]:
            return self.retrieve(query, k, where=where)

        return map_side_by_side(retrieve, queries, what="searching", progress=progress)

    def search(
        self, query: str, k: int = 10, *, context: Context | None = None, where: Where = EVERYWHERE
    ) -> Retrieved:
        """Like `retrieve`, with earlier turns as `context`, and with the scores behind the sum."""
        try:
            k = operator.index(k)
        except TypeError:
            raise SettingError(f"k is {k!r}: give a whole number") from None
        if k < 1:
            raise SettingError(f"k is {k}: ask for at least 1 passage")
        query = read_words(query)
        if not any(char.isalnum() for char in query):
            raise QuestionError(
                'there are no words to search for: give some, as in "precision missiles"'
            )
        started = perf_counter()
        index = self.index
        k = min(k, len(index))
        # Words are searched for while the question is encoded.
        with ThreadPoolExecutor(1, thread_name_prefix="qa-words") as beside:
            words = beside.submit(index.search_words, query, max(POOL, k), where=where)
            vector = _encode(index, query, context)
            encoded = perf_counter()
            cosines = dict(index.search_vectors(vector, max(POOL, k), where=where))
            bm25 = dict(words.result())
        if context:
            _add_places(index, vector, cosines, context, where)
        _fill_gaps(index, query, vector, cosines, bm25)
        if context and context.words:
            for i, score in index.search_words(context.words, len(cosines), among=sorted(cosines)):
                bm25[i] += CONTEXT_WEIGHT * score
        ids = np.array(sorted(cosines), dtype=np.int64)
        totals = zscores([cosines[i] for i in ids]) + zscores([bm25[i] for i in ids])
        order = np.lexsort((ids, -totals))
        if context:
            alone = order[: min(ALWAYS_READ, k // 2)]
            places = index.get_places(ids.tolist())
            totals = totals + np.array([context.score_place(*places[i]) for i in ids.tolist()])
            order = np.lexsort((ids, -totals))
            kept = set(alone) | set([n for n in order if n not in alone][: max(0, k - len(alone))])
            order = np.array([n for n in order if n in kept], dtype=np.int64)
        best = [int(ids[n]) for n in order[:k]]
        total = dict(zip(ids.tolist(), totals.tolist(), strict=True))
        passages = index.get_passages(best)
        seconds = {"encode": encoded - started, "search": perf_counter() - encoded}
        return Retrieved(
            index,
            vector,
            [Hit(passages[i], total[i]) for i in best],
            [cosines[i] for i in best],
            [bm25[i] for i in best],
            seconds,
        )


def map_side_by_side(
    function: Callable[[T], R], items: Sequence[T], *, what: str, progress: Progress | None = None
) -> Iterator[R]:
    """Results in the order of the items, as many items at once as keep all cores busy.

    Threads suffice, since the models release Python's global lock. There is one more than cores:
    while one item waits for the search, the others are read.
    """
    workers = (os.cpu_count() or 1) + 1
    ahead: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="qa-many")
    try:
        for done in range(-workers, len(items)):
            if done + workers < len(items):
                ahead.append(pool.submit(copy_context().run, function, items[done + workers]))
            if done >= 0:
                yield ahead.popleft().result()
                if progress:
                    progress(done + 1, len(items), what)
    finally:
        pool.shutdown(cancel_futures=True)


def read_words(text: str) -> str:
    """A question with surrogates replaced, which a command line makes of invalid UTF-8.

    Raises:
        QuestionError: it is not a string.
    """
    if not isinstance(text, str):
        raise QuestionError(f"{ascii(text)[:40]} is no text: ask in words")
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")


def zscores(values: Sequence[float] | NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """float64 (n,): (value - mean) / standard deviation; all zero if the values are equal."""
    array = np.asarray(values, dtype=np.float64)
    deviation = array.std() if len(array) else 0.0
    return (array - array.mean()) / deviation if deviation > 1e-9 else np.zeros_like(array)


def _encode(index: SearchIndex, query: str, context: Context | None) -> Vectors:
    """float32 (dim,), unit: the question's vector, mixed with that of question and context."""
    if context is None or not context.words:
        vector: Vectors = index.encoder.encode_queries([query])[0]
        return vector
    alone, beside = index.encoder.encode_queries([query, f"{query} ({context.words})"])
    mixed = alone + CONTEXT_WEIGHT * beside
    return np.asarray(mixed / np.linalg.norm(mixed), dtype=np.float32)


def _add_places(
    index: SearchIndex, vector: Vectors, cosines: dict[int, float], context: Context, where: Where
) -> None:
    for article_id, span, _ in context.places:
        if where != EVERYWHERE and not (
            (article := index.get_article(article_id)) and where.admits(article)
        ):
            continue
        unseen = [i for i in index.find_nearby(article_id, span, PLACES) if i not in cosines]
        cosines.update({i: float(row @ vector) for i, row in index.passage_vectors(unseen).items()})


def _fill_gaps(
    index: SearchIndex,
    query: str,
    vector: Vectors,
    cosines: dict[int, float],
    bm25: dict[int, float],
) -> None:
    """Compute the missing score of candidates that only one search found; BM25 is 0 without a
    common word.
    """
    unseen = sorted(bm25.keys() - cosines.keys())
    cosines.update({i: float(row @ vector) for i, row in index.passage_vectors(unseen).items()})
    unseen = sorted(cosines.keys() - bm25.keys())
    bm25.update(dict.fromkeys(unseen, 0.0))
    bm25.update(dict(index.search_words(query, len(unseen), among=unseen)) if unseen else {})
