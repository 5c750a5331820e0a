"""Unit vectors -> nearest neighbours by inner product: a FAISS index, and an exact one in NumPy to check it against."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from qa.types import Vectors

if TYPE_CHECKING:
    import faiss


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


class FaissFlat:
    """An exact FAISS index: every vector is compared, which up to 100,000 takes milliseconds."""

    def __init__(self, index: "faiss.Index") -> None:
        self._index = index

    @classmethod
    def build(cls, ids: Sequence[int], vectors: Vectors) -> Self:
        """Index vectors, float32 (n, dim), unit rows, under the given ids, each once."""
        import faiss

        index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
        # IndexIDMap2 would take an id twice without a word, and then answer with it twice.
        if len(set(ids)) != len(ids):
            raise ValueError("ids must be unique")
        index.add_with_ids(np.ascontiguousarray(vectors), np.asarray(ids, dtype=np.int64))
        return cls(index)

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
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote. Check the file's hash first: FAISS does not notice a flipped bit."""
        import faiss

        return cls(faiss.read_index(str(path)))

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
        return _rank(ids[0], scores[0])


def _rank(ids: NDArray[np.int64], scores: Vectors) -> list[tuple[int, float]]:
    """Best first, ties by id. The scores are inner products of unit vectors: higher is nearer, nothing is converted."""
    order = np.lexsort((ids, -scores))
    return [(int(ids[i]), float(scores[i])) for i in order]
