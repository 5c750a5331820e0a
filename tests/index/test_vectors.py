"""One suite over every vector index, held against an oracle that is written out here."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.index.vectors import (
    ENOUGH,
    Exact,
    FaissIndex,
    JoinedIndex,
    VectorIndex,
    choose_kind,
    find_nearest,
)
from qa.types import Vectors


def build_half(ids: list[int], vectors: Vectors) -> FaissIndex:
    return FaissIndex.build(ids, vectors, kind="SQfp16")


def build_lists(ids: list[int], vectors: Vectors) -> FaissIndex:
    """With one list and no compression an inverted file is exact, too."""
    return FaissIndex.build(ids, vectors, kind="IVF1,Flat")


def build_joined(ids: list[int], vectors: Vectors) -> JoinedIndex:
    """Every third vector in an index of its own."""
    apart = np.arange(len(ids)) % 3 == 0
    parts = [(np.asarray(ids, dtype=np.int64)[rows], vectors[rows]) for rows in (apart, ~apart)]
    return JoinedIndex([FaissIndex.build(part_ids.tolist(), part) for part_ids, part in parts])


INDEXES: list[Callable[[list[int], Vectors], VectorIndex]] = [
    Exact,
    FaissIndex.build,
    build_half,
    build_lists,
    build_joined,
]


def draw_unit_rows(count: int, dim: int, seed: int) -> Vectors:
    rows = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    # Kept at half precision, as the store keeps them.
    return (
        (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)
    )


def rank_by_hand(ids: list[int], vectors: Vectors, query: Vectors, k: int) -> list[int]:
    scored = [
        (-float(np.dot(row.astype(np.float64), query)), i)
        for i, row in zip(ids, vectors, strict=True)
    ]
    return [i for _, i in sorted(scored)[:k]]


@pytest.mark.parametrize("make", INDEXES)
@given(
    count=st.integers(1, 60),
    dim=st.integers(1, 40),
    k=st.integers(1, 70),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_nearest_are_those_of_plain_arithmetic_best_first(
    make, count: int, dim: int, k: int, seed: int
):
    vectors = draw_unit_rows(count, dim, seed)
    ids = np.random.default_rng(seed).permutation(1000)[:count].tolist()
    query = vectors[seed % count]
    found = make(ids, vectors).search(query, k=k)
    expected = rank_by_hand(ids, vectors, query, k)
    assert len(found) == min(k, count)
    scores = dict(zip(ids, (vectors.astype(np.float64) @ query).tolist(), strict=True))
    assert [score for _, score in found] == pytest.approx([scores[i] for i in expected], abs=1e-5)
    assert [score for i, score in found] == pytest.approx([scores[i] for i, _ in found], abs=1e-5)
    assert len({i for i, _ in found}) == len(found)


@pytest.mark.parametrize("make", INDEXES)
def test_equal_vectors_come_in_order_of_their_ids(make):
    vectors = np.tile(draw_unit_rows(1, 8, seed=1), (4, 1))
    assert [i for i, _ in make([7, 3, 9, 5], vectors).search(vectors[0], k=4)] == [3, 5, 7, 9]


@pytest.mark.parametrize("make", INDEXES)
@given(k=st.integers(1, 90), same=st.integers(2, 80), seed=st.integers(0, 2**32 - 1))
def test_of_equal_vectors_at_the_cut_those_with_the_lowest_ids_are_found(
    make, k: int, same: int, seed: int
):
    vectors = draw_unit_rows(90, 24, seed)
    vectors[:same] = vectors[0]
    ids = np.random.default_rng(seed).permutation(1000)[:90].tolist()
    query = draw_unit_rows(1, 24, seed + 1)[0]
    equal = sorted(ids[:same])
    found = [i for i, _ in make(ids, vectors).search(query, k=k)]
    among = [i for i in found if i in set(equal)]
    assert among == equal[: len(among)]


def test_the_nearest_of_many_are_those_that_the_oracle_finds(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qa.index.vectors._BLOCK", 70)
    vectors = draw_unit_rows(300, 16, seed=3)
    ids = np.random.default_rng(3).permutation(1000)[:300]
    queries = draw_unit_rows(5, 16, seed=4)
    for k in (1, 10, 400):
        nearest = find_nearest(ids, vectors, queries, k=k)
        assert nearest.shape == (5, min(k, 300))
        for row, query in zip(nearest.tolist(), queries, strict=True):
            assert set(row) == {i for i, _ in Exact(ids.tolist(), vectors).search(query, k=k)}


@pytest.mark.parametrize("make", INDEXES)
def test_an_empty_index_finds_nothing(make):
    assert (
        make([], np.zeros((0, 8), dtype=np.float32)).search(np.ones(8, dtype=np.float32), k=5) == []
    )


def test_an_id_given_twice_is_refused():
    with pytest.raises(ValueError, match="unique"):
        FaissIndex.build([1, 1], draw_unit_rows(2, 8, seed=0))


@pytest.mark.parametrize("kind", ["Flat", "SQfp16", "IVF8,SQ8"])
def test_a_written_index_finds_the_same_when_read_and_can_be_changed(tmp_path: Path, kind: str):
    vectors = draw_unit_rows(500, 16, seed=5)
    index = FaissIndex.build(list(range(500)), vectors, kind=kind)
    index.write(tmp_path / "vectors.faiss")
    read = FaissIndex.read(tmp_path / "vectors.faiss", kind=kind)
    assert read.search(vectors[3], k=10) == index.search(vectors[3], k=10)
    changed = FaissIndex.read(tmp_path / "vectors.faiss", kind=kind, to_change=True)
    changed.remove([3, 4])
    changed.add([900], vectors[3:4])
    assert len(changed) == 499
    assert changed.search(vectors[3], k=1)[0][0] == 900
    assert not {3, 4} & {i for i, _ in changed.search(vectors[4], k=499)}


def test_the_kind_goes_with_the_number_of_vectors():
    kinds = [choose_kind(count) for count in (0, 20_000, 20_001, 400_000, 400_001, 1_000_000)]
    assert kinds == ["Flat", "Flat", "SQfp16", "SQfp16", "IVF2048,SQ8", "IVF4096,SQ8"]


def test_lists_are_tuned_until_enough_is_found():
    draw = np.random.default_rng(2)
    centres = draw.standard_normal((40, 24)).repeat(50, axis=0)
    vectors = (centres + draw.standard_normal((2000, 24)) / 2).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = FaissIndex.build(list(range(2000)), vectors, kind="IVF32,SQ8")
    assert index.measure_recall(np.arange(2000), vectors) >= ENOUGH
