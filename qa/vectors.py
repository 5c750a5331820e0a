"""Unit vectors -> nearest neighbours by inner product: a FAISS index, and an exact one in NumPy to check it against."""

import math
from collections.abc import Sequence
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
_TRAINED_ON = 64
"""Vectors for each list."""
_QUERIES = 100


class VectorIndex(Protocol):
    """Finds the vectors nearest to a query."""

    def search(self, query: Vectors, /, k: int) -> list[tuple[int, float]]:
        """(id, cosine) of the `k` nearest to one query, float32 (dim,): best first, ties by id."""


class Exact:
    """Every inner product, in NumPy: the oracle that other indexes are held against."""

    def __init__(self, ids: Sequence[int], vectors: Vectors) -> None:
        self._ids = np.asarray(ids, dtype=np.int64)
        self._vectors = vectors

    def search(self, query: Vectors, /, k: int) -> list[tuple[int, float]]:
        """See `VectorIndex.search`."""
        return _rank(self._ids, self._vectors @ query)[:k]


class FaissIndex:
    """A FAISS index of the kind that suits its size."""

    def __init__(self, index: "faiss.Index") -> None:
        # FAISS hands out each kind as a class of its own, with attributes that its base does not have.
        self._index: Any = index

    @classmethod
    def build(cls, ids: Sequence[int], vectors: Vectors, *, kind: str | None = None) -> Self:
        """Index vectors, float32 (n, dim), unit rows, under the given ids, each once.

        `kind` is a FAISS factory string, the one for their number unless given. One that is not exact is tuned until
        it finds `ENOUGH` of what exact search finds, as far as it can.
        """
        import faiss

        # FAISS would take an id twice without a word, and then answer with it twice.
        if len(set(ids)) != len(ids):
            raise ValueError("ids must be unique")
        kind = kind or choose_kind(len(ids))
        # An inverted file keeps ids itself.
        factory = kind if kind.startswith("IVF") else f"IDMap2,{kind}"
        index = faiss.index_factory(vectors.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
        rows = np.ascontiguousarray(vectors)
        if len(rows):
            if not index.is_trained:
                index.train(_sample(rows, _TRAINED_ON * getattr(index, "nlist", 1)))
            index.add_with_ids(rows, np.asarray(ids, dtype=np.int64))
        built = cls(index)
        if kind.startswith("IVF"):
            built._tune(np.asarray(ids, dtype=np.int64), vectors)
        return built

    def measure_recall(self, ids: NDArray[np.int64], vectors: Vectors) -> float:
        """Share of the ten nearest that it finds, over queries near vectors drawn from those indexed."""
        exact = Exact(ids.tolist(), vectors)
        draw = np.random.default_rng(0)
        near = _sample(vectors, _QUERIES)
        # A question is near its passage, not on it.
        noise = draw.standard_normal(near.shape).astype(np.float32) / np.sqrt(np.float32(near.shape[1]))
        queries = near + noise / 2
        queries /= np.linalg.norm(queries, axis=1, keepdims=True)
        found = wanted = 0
        for query in queries:
            nearest = {i for i, _ in exact.search(query, k=10)}
            found += len(nearest & {i for i, _ in self.search(query, k=10)})
            wanted += len(nearest)
        return found / wanted if wanted else 1.0

    def _tune(self, ids: NDArray[np.int64], vectors: Vectors) -> None:
        self._index.nprobe = 8
        while self._index.nprobe < self._index.nlist and self.measure_recall(ids, vectors) < ENOUGH:
            self._index.nprobe = min(2 * self._index.nprobe, self._index.nlist)

    def add(self, ids: Sequence[int], vectors: Vectors) -> None:
        """Index more vectors, under ids that are not there yet."""
        if ids:
            self._index.add_with_ids(np.ascontiguousarray(vectors), np.asarray(ids, dtype=np.int64))

    def remove(self, ids: Sequence[int]) -> None:
        """Forget the vectors with these ids; one scan, however many they are."""
        if ids:
            import faiss

            self._index.remove_ids(faiss.IDSelectorBatch(np.asarray(ids, dtype=np.int64)))

    @classmethod
    def read(cls, path: Path, *, kind: str = "Flat", to_change: bool = False) -> Self:
        """Read what `write` wrote. Check the file's hash first: FAISS does not notice a flipped bit.

        What is not to be changed, and is large, stays on the disk and is mapped into memory as it is needed; changing
        an index that is mapped would end the process.
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

    def search(self, query: Vectors, /, k: int) -> list[tuple[int, float]]:
        """See `VectorIndex.search`."""
        k = min(k, len(self))
        if k == 0:
            return []
        scores, ids = self._index.search(np.ascontiguousarray(query[None, :]), k)
        found = ids[0] >= 0  # -1 where the lists looked into hold fewer
        return _rank(ids[0][found], scores[0][found])


def choose_kind(count: int) -> str:
    """FAISS factory string for so many vectors: exact while that is fast, then half as large, then by lists.

    Measured on two cores, 384 dimensions, one thread: Flat takes 30 ms a query at 200,000; SQfp16 24 ms at half the
    size, and as exact, for vectors are kept at half precision; IVF with SQ8 1.4 ms at a million.
    """
    if count <= FLAT_UP_TO:
        return "Flat"
    if count <= EXACT_UP_TO:
        return "SQfp16"
    # In steps, so that a list more or less is no other kind.
    return f"IVF{2 ** round(math.log2(4 * math.sqrt(count)))},SQ8"


def _sample(rows: Vectors, most: int) -> Vectors:
    """At most so many rows, drawn the same way each time."""
    if len(rows) <= most:
        return rows
    return np.ascontiguousarray(rows[np.sort(np.random.default_rng(0).choice(len(rows), most, replace=False))])


def _rank(ids: NDArray[np.int64], scores: Vectors) -> list[tuple[int, float]]:
    """Best first, ties by id. The scores are inner products of unit vectors: higher is nearer, nothing is converted."""
    order = np.lexsort((ids, -scores))
    return [(int(ids[i]), float(scores[i])) for i in order]
