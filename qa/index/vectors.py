"""Unit vectors -> nearest neighbours by inner product: FAISS indexes, and an exact one to check
them against.
"""

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
EXACT_UP_TO = 300_000
ENOUGH = 0.98
"""Recall at 10 that an index which is not exact is tuned to."""
_TRAINED_ON = 40
"""Vectors for each list; FAISS asks for 39."""
_QUERIES = 100
_BLOCK = 20_000
"""Vectors in memory at once, at full precision, beside those that lists are trained on."""


def _use_one_thread() -> None:
    """FAISS waits for ever for threads of its own that stayed behind in the parent process."""
    if "faiss" in sys.modules:
        sys.modules["faiss"].omp_set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_use_one_thread)


class Rows(Protocol):
    """Vectors that are read as they are needed: an array, or what reads them from elsewhere."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number and length of the vectors."""

    def __getitem__(self, rows: NDArray[np.int64], /) -> Vectors:
        """Those with these numbers, float32 (n, dim), unit rows."""


class VectorIndex(Protocol):
    """Finds the vectors nearest to a query."""

    def search(
        self, query: Vectors, /, k: int, *, among: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """(id, cosine) of the `k` nearest to one query, float32 (dim,): best first, ties by id.

        `among` looks at the vectors with these ids alone, each of them.
        """


class Exact:
    """Every inner product, in NumPy: the oracle that other indexes are held against."""

    def __init__(self, ids: Sequence[int], vectors: Vectors) -> None:
        self._ids = np.asarray(ids, dtype=np.int64)
        self._vectors = vectors

    def search(
        self, query: Vectors, /, k: int, *, among: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """See `VectorIndex.search`."""
        wanted = np.full(len(self._ids), True) if among is None else np.isin(self._ids, among)
        # Not `@`: it gives equal rows scores that differ in the last digit, by where they stand.
        return _rank(self._ids[wanted], np.einsum("ij,j->i", self._vectors[wanted], query))[:k]


class FaissIndex:
    """A FAISS index of the kind that suits its size."""

    def __init__(self, index: "faiss.Index") -> None:
        # FAISS hands out each kind as a class of its own, with attributes that its base does not
        # have.
        self._index: Any = index
        self.recall = 1.0
        """Share of the ten nearest that it was found to find when it was built."""

    @classmethod
    def build(cls, ids: Sequence[int], vectors: Rows, *, kind: str | None = None) -> Self:
        """Index vectors under the given ids, each once; few are in memory at a time.

        `kind` is a FAISS factory string, the one for their number unless given. One that is not
        exact is tuned until it finds `ENOUGH` of what exact search finds, as far as it can.
        """
        import faiss

        # FAISS would take an id twice without a word, and then answer with it twice.
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
        """Share of the ten nearest that it finds, over queries near vectors drawn from those
        indexed.
        """
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
        """Of all vectors in an index without lists, in the order in which they were added."""
        import faiss

        return [int(i) for i in faiss.vector_to_array(self._index.id_map)]

    def add(self, ids: Sequence[int], vectors: Rows) -> None:
        """Index more vectors, under ids that are not there yet."""
        numbers = np.asarray(ids, dtype=np.int64)
        for rows in _blocks(len(ids)):
            self._index.add_with_ids(np.ascontiguousarray(vectors[rows]), numbers[rows])

    def remove(self, ids: Sequence[int]) -> None:
        """Forget the vectors with these ids; one scan, however many they are."""
        if ids:
            import faiss

            self._index.remove_ids(faiss.IDSelectorBatch(np.asarray(ids, dtype=np.int64)))

    @classmethod
    def read(cls, path: Path, *, kind: str = "Flat", to_change: bool = False) -> Self:
        """Read what `write` wrote. Check the file's hash first: FAISS does not notice a flipped
        bit.

        What is not to be changed, and is large, stays on the disk and is mapped into memory as it
        is needed; changing an index that is mapped would end the process.
        """
        import faiss

        mapped = faiss.IO_FLAG_MMAP if kind.startswith("IVF") else faiss.IO_FLAG_MMAP_IFC
        is_small = kind == "Flat"
        return cls(faiss.read_index(str(path), 0 if to_change or is_small else mapped))

    def write(self, path: Path) -> None:
        """Write to a file; the caller sees to it that a half-written one is never used."""
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
        # Which of equal scores stand at the end is FAISS's choice: look on until the cut is not
        # among them.
        for more in (8 * 8**n for n in count()):
            most = min(k + more, size)
            scores, ids = self._index.search(np.ascontiguousarray(query[None, :]), most, **options)
            if most == size or scores[0][most - 1] < scores[0][k - 1]:
                break
        found = ids[0] >= 0  # -1, scored lowest, where the lists looked into hold fewer
        return _rank(ids[0][found], scores[0][found])[:k]

    def _select(self, ids: NDArray[np.int64]) -> "faiss.SearchParameters":
        """Parameters that look for these ids alone, and in every list: few may be left, and
        anywhere.
        """
        import faiss

        # FAISS's own types do not know its keywords.
        swig: Any = faiss
        selector = swig.IDSelectorBatch(ids)
        parameters: faiss.SearchParameters = (
            swig.SearchParametersIVF(sel=selector, nprobe=self._index.nlist)
            if hasattr(self._index, "nlist")
            else swig.SearchParameters(sel=selector)
        )
        return parameters


class JoinedIndex:
    """Indexes that have no id in common, searched as one."""

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
    """Ids, int64 (queries, k or as many as there are), of the nearest to each query: exact, in no
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
    """FAISS factory string for so many vectors: exact while that is fast, then half as large, then
    by lists.

    Measured on two cores, 384 dimensions, one thread: Flat takes 30 ms a query at 200,000; SQfp16
    24 ms at half the size, and as exact, for vectors are kept at half precision; IVF with SQ8 1.4
    ms at a million.
    """
    if count <= FLAT_UP_TO:
        return "Flat"
    if count <= EXACT_UP_TO:
        return "SQfp16"
    # In steps, so that a list more or less is no other kind.
    return f"IVF{2 ** round(math.log2(4 * math.sqrt(count)))},SQ8"


def draw_rows(total: int, most: int) -> NDArray[np.int64]:
    """At most so many row numbers in order, drawn the same way each time."""
    if total <= most:
        return np.arange(total)
    return np.sort(np.random.default_rng(0).choice(total, most, replace=False))


def draw_queries(vectors: Rows) -> Vectors:
    """Unit vectors at a cosine of about .9 to some of those given: a question is near its passage,
    not on it.

    At .7, vectors without clusters had most of their lists looked into: .991 found instead of .963,
    in four times the time.
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
    """Best first, ties by id. The scores are inner products of unit vectors: higher is nearer,
    nothing is converted.
    """
    order = np.lexsort((ids, -scores))
    return [(int(ids[i]), float(scores[i])) for i in order]
