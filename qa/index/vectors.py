"""Unit vectors -> nearest neighbours by inner product, with FAISS; exact search for tests."""

import math
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from qa.types import Vectors

if TYPE_CHECKING:
    import faiss


FLAT_UP_TO = 20_000
"""Vectors that are compared at full precision; see `choose_kind`."""
EXACT_UP_TO = 400_000
"""Vectors that are all compared; more are searched by an inverted file (IVF)."""
ENOUGH = 0.98
"""Recall at 10 that an approximate index is tuned to."""
_TRAINED_ON = 40
"""Training vectors for each list; FAISS asks for 39."""
_QUERIES = 100
_BLOCK = 20_000
"""Vectors in memory at once, at full precision, without those for training."""


def _use_one_thread() -> None:
    """Keep FAISS from waiting forever for its threads, which do not survive a fork."""
    if "faiss" in sys.modules:
        sys.modules["faiss"].omp_set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_use_one_thread)


class Rows(Protocol):
    """Vectors that are read on demand: an array, or something that reads them from the store."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number and length of the vectors."""

    def __getitem__(self, rows: NDArray[np.int64], /) -> Vectors:
        """The vectors at these positions, float32 (n, dim), unit rows."""


class VectorIndex(Protocol):
    """Finds the vectors nearest to a query."""

    def search(
        self, query: Vectors, /, k: int, *, among: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """(id, cosine) of the `k` nearest to one query, float32 (dim,): best first, ties by id.

        `among` restricts the search to the vectors with these ids, and makes it exact.
        """


class Exact:
    """Exact search in NumPy, by which tests judge the other indexes."""

    def __init__(self, ids: Sequence[int], vectors: Vectors) -> None:
        self._ids = np.asarray(ids, dtype=np.int64)
        self._vectors = vectors

    def search(
        self, query: Vectors, /, k: int, *, among: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """See `VectorIndex.search`."""
        wanted = np.full(len(self._ids), True) if among is None else np.isin(self._ids, among)
        # Not `@`: it may give equal rows scores that differ in the last digit.
        return _rank(self._ids[wanted], np.einsum("ij,j->i", self._vectors[wanted], query))[:k]


class FaissIndex:
    """A FAISS index of the kind that suits its size."""

    def __init__(self, index: "faiss.Index") -> None:
        # Each kind of FAISS index is a class with attributes that its base class does not have.
        self._index: Any = index
        self.recall = 1.0
        """Recall at 10, as measured when it was built."""

    @classmethod
    def build(cls, ids: Sequence[int], vectors: Rows, *, kind: str | None = None) -> Self:
        """Index vectors under unique ids; few are in memory at a time.

        `kind` is a FAISS factory string, by default that of `choose_kind`. An approximate index is
        tuned to a recall of `ENOUGH`, if it can reach that.

        Raises:
            ValueError: an id occurs twice.
        """
        import faiss

        # FAISS would accept an id twice, and then return it twice.
        if len(set(ids)) != len(ids):
            raise ValueError("ids must be unique")
        kind = kind or choose_kind(len(ids))
        # An inverted file keeps ids itself.
        factory = kind if kind.startswith("IVF") else f"IDMap2,{kind}"
        index = faiss.index_factory(vectors.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
        if len(ids) and not index.is_trained:
            index.train(vectors[draw_rows(len(ids), _TRAINED_ON * getattr(index, "nlist", 1))])
        built = cls(index)
        built.add(ids, vectors)
        if kind.startswith("IVF"):
            built._tune(np.asarray(ids, dtype=np.int64), vectors)
        return built

    def measure_recall(self, ids: NDArray[np.int64], vectors: Rows) -> float:
        """Recall at 10 over queries near vectors drawn from those indexed; see `draw_queries`."""
        queries = draw_queries(vectors)
        return self._recall(queries, find_nearest(ids, vectors, queries, k=10))

    def _recall(self, queries: Vectors, nearest: NDArray[np.int64]) -> float:
        found = [{i for i, _ in self.search(query, k=nearest.shape[1])} for query in queries]
        share = [
            len(ids & set(wanted)) for ids, wanted in zip(found, nearest.tolist(), strict=True)
        ]
        return sum(share) / nearest.size if nearest.size else 1.0

    def _tune(self, ids: NDArray[np.int64], vectors: Rows) -> None:
        queries = draw_queries(vectors)
        nearest = find_nearest(ids, vectors, queries, k=10)
        self._index.nprobe = 8
        while (
            recall := self._recall(queries, nearest)
        ) < ENOUGH and self._index.nprobe < self._index.nlist:
            self._index.nprobe = min(2 * self._index.nprobe, self._index.nlist)
        self.recall = recall

    @property
    def ids(self) -> list[int]:
        """Ids of all vectors in an index without lists, in the order in which they were added."""
        import faiss

        return [int(i) for i in faiss.vector_to_array(self._index.id_map)]

    def add(self, ids: Sequence[int], vectors: Rows) -> None:
        """Add vectors under ids that are not in the index yet."""
        numbers = np.asarray(ids, dtype=np.int64)
        for rows in _blocks(len(ids)):
            self._index.add_with_ids(np.ascontiguousarray(vectors[rows]), numbers[rows])

    def remove(self, ids: Sequence[int]) -> None:
        """Remove the vectors with these ids, in one scan of the index."""
        if ids:
            import faiss

            self._index.remove_ids(faiss.IDSelectorBatch(np.asarray(ids, dtype=np.int64)))

    @classmethod
    def read(cls, path: Path, *, kind: str = "Flat", to_change: bool = False) -> Self:
        """Read what `write` wrote. Verify the file's hash first: FAISS does not notice damage.

        Large indexes are memory-mapped, unless they are `to_change`: changing a mapped index would
        crash the process.
        """
        import faiss

        mapped = faiss.IO_FLAG_MMAP if kind.startswith("IVF") else faiss.IO_FLAG_MMAP_IFC
        is_small = kind == "Flat"
        return cls(faiss.read_index(str(path), 0 if to_change or is_small else mapped))

    def write(self, path: Path) -> None:
        """Write to a file; the caller has to keep a partial file from being used."""
        import faiss

        faiss.write_index(self._index, str(path))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(
        self, query: Vectors, /, k: int, *, among: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """See `VectorIndex.search`."""
        size = len(self) if among is None else min(len(self), len(among))
        k = min(k, size)
        if k == 0:
            return []
        options = {} if among is None else {"params": self._select(among)}
        # Which of several equal scores come before the cut is FAISS's choice: search for more until
        # the cut is not among equal ones.
        for more in (8 * 8**n for n in count()):
            most = min(k + more, size)
            scores, ids = self._index.search(np.ascontiguousarray(query[None, :]), most, **options)
            if most == size or scores[0][most - 1] < scores[0][k - 1]:
                break
        found = ids[0] >= 0  # -1 with the lowest score fills up where the lists had fewer
        return _rank(ids[0][found], scores[0][found])[:k]

    def _select(self, ids: NDArray[np.int64]) -> "faiss.SearchParameters":
        """Search parameters for these ids only, in all lists: few may match, in any of them."""
        import faiss

        # FAISS's type stubs lack these keywords.
        swig: Any = faiss
        selector = swig.IDSelectorBatch(ids)
        parameters: faiss.SearchParameters = (
            swig.SearchParametersIVF(sel=selector, nprobe=self._index.nlist)
            if hasattr(self._index, "nlist")
            else swig.SearchParameters(sel=selector)
        )
        return parameters


class JoinedIndex:
    """Several indexes with disjoint ids, searched as one."""

    def __init__(self, parts: Sequence[FaissIndex]) -> None:
        self._parts = parts

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def search(
        self, query: Vectors, /, k: int, *, among: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """See `VectorIndex.search`."""
        found = [pair for part in self._parts for pair in part.search(query, k, among=among)]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:k]


def find_nearest(
    ids: NDArray[np.int64], vectors: Rows, queries: Vectors, *, k: int
) -> NDArray[np.int64]:
    """int64 (queries, min(k, n)): ids of the nearest to each query, exact, in no particular
    order.
    """
    best_ids = np.zeros((len(queries), 0), dtype=np.int64)
    best_scores = np.zeros((len(queries), 0), dtype=np.float32)
    for rows in _blocks(len(ids)):
        scores = np.concatenate([best_scores, queries @ vectors[rows].T], axis=1)
        both = np.concatenate(
            [best_ids, np.broadcast_to(ids[rows], (len(queries), len(rows)))], axis=1
        )
        best = (
            np.argsort(-scores, axis=1)[:, :k]
            if scores.shape[1] <= k
            else np.argpartition(-scores, k - 1)[:, :k]
        )
        best_ids, best_scores = (
            np.take_along_axis(both, best, axis=1),
            np.take_along_axis(scores, best, axis=1),
        )
    return best_ids


def choose_kind(count: int) -> str:
    """FAISS factory string for a number of vectors: exact, then at half precision, then with lists.

    Measured on two cores, 384 dimensions, one thread: Flat takes 30 ms a query at 200,000; SQfp16
    24 ms at half the size, and as exact, for vectors are kept at half precision; IVF with SQ8 1.4
    ms at a million.
    """
    if count <= FLAT_UP_TO:
        return "Flat"
    if count <= EXACT_UP_TO:
        return "SQfp16"
    # A power of two, so that the kind seldom changes as the index grows.
    return f"IVF{2 ** round(math.log2(4 * math.sqrt(count)))},SQ8"


def draw_rows(total: int, most: int) -> NDArray[np.int64]:
    """At most `most` positions in order, drawn with a fixed seed."""
    if total <= most:
        return np.arange(total)
    return np.sort(np.random.default_rng(0).choice(total, most, replace=False))


def draw_queries(vectors: Rows) -> Vectors:
    """Queries to tune with: unit vectors at a cosine of about .9 to drawn ones, as questions are
    near their passages.

    At .7, vectors without clusters were searched in most of their lists: a recall of .991 instead
    of .963, in four times the time.
    """
    near = vectors[draw_rows(vectors.shape[0], _QUERIES)]
    noise = np.random.default_rng(0).standard_normal(near.shape).astype(np.float32) / np.sqrt(
        np.float32(near.shape[1])
    )
    queries: Vectors = near + noise / 2
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    return queries


def _blocks(total: int) -> Iterator[NDArray[np.int64]]:
    for first in range(0, total, _BLOCK):
        yield np.arange(first, min(first + _BLOCK, total))


def _rank(ids: NDArray[np.int64], scores: Vectors) -> list[tuple[int, float]]:
    """(id, score), best first, ties by id. Scores are inner products of unit vectors (cosines), so
    no distance has to be converted.
    """
    order = np.lexsort((ids, -scores))
    return [(int(ids[i]), float(scores[i])) for i in order]
