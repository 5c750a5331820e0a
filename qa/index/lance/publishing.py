"""What a build has committed -> a published generation: words counted, indexes made and tuned."""

import math
from collections.abc import Iterable, Iterator
from datetime import timedelta
from time import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from qa.index.lance.dataset import ARTICLES, PASSAGES, WORDS, Generation, reaching
from qa.index.lance.index import CANDIDATES, EXACT_UP_TO, read_rows
from qa.index.lance.tables import count_holding, read_vectors, sql_in
from qa.index.lance.writing import IDS_AT_ONCE, Writing
from qa.index.vectors import draw_queries, draw_rows
from qa.types import Progress, Vectors

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.table import Table

UNINDEXED_UP_TO = 2_000
"""Passages that Lance searches one by one, beside its indexes, before they are taken into those."""
FRAGMENTS_UP_TO = 100
"""Files of a table before they are joined."""
ENOUGH = 0.98
"""Recall at 10 that the index of vectors is tuned to."""
_MOST_CANDIDATES = 4 * CANDIDATES
KEPT_SECONDS = 3600.0
"""So long after a generation was published, no reader is still on the one before."""
_NEVER = timedelta(days=36500)
_OF_A_BUILD = ("words", "to_clean")
"""In `Generation.search`, but not about the index of vectors."""
MARGIN_SECONDS = 600.0
"""Versions are removed that are by so much older than that of the generation before: more than it
takes from telling its age to removing them."""


def publish(writing: Writing, gone: list[str], reader: str, progress: Progress) -> Generation:
    """Count words, bring the indexes up to date, and publish all that was committed.

    Args:
        writing: the tables, of which a build has committed all articles.
        gone: ids of articles whose rows of the generation before no longer count.
        reader: name of the reader that is to read the passages; only noted.
        progress: called as the work goes on.
    """
    progress(0, 3, "indexing")
    lengths, summed = count_words(writing, gone)
    progress(1, 3, "indexing")
    search: dict[str, Any] = {} if summed is None else {"words": summed}
    if to_clean := compact(writing):
        search["to_clean"] = to_clean
    make_indexes(writing)
    search |= _index_vectors(writing)
    progress(2, 3, "indexing")
    with reaching(writing.dataset.location):
        articles, passages = writing.tables[ARTICLES], writing.tables[PASSAGES]
        languages = set(
            read_rows(articles, None, ["language"], writing.dataset.location)[
                "language"
            ].to_pylist()
        )
        counts = {"articles": articles.count_rows(), "passages": passages.count_rows()}
        versions = {name: table.version for name, table in writing.tables.items()}
    writing.lease.check()
    generation = Generation(
        writing.edition,
        uuid4().hex,
        versions,
        {**writing.settings, "reader": reader},
        counts,
        lengths,
        tuple(sorted(language or "unknown" for language in languages)),
        search,
        time(),
    )
    writing.dataset.publish(generation)
    progress(3, 3, "indexing")
    return generation


def count_words(writing: Writing, gone: list[str]) -> tuple[dict[str, int], int | None]:
    """Commit how many more or fewer passages hold each word than in the generation before.

    Returns:
        How many words each field has now; and how many different words there were when all changes
        were last summed up to one row a word, None before the first time.
    """
    import pyarrow as pa

    table = writing.tables[WORDS]
    holding, lengths = count_holding(
        _words_of(writing, writing.tables[PASSAGES], f"edition = {writing.edition}")
    )
    if writing.base is not None and gone:
        old = writing.dataset.table(PASSAGES, writing.base.versions[PASSAGES])
        for first in range(0, len(gone), IDS_AT_ONCE):
            less = count_holding(
                _words_of(writing, old, sql_in("article_id", gone[first : first + IDS_AT_ONCE]))
            )
            holding.subtract(less[0])
            lengths.subtract(less[1])
    if writing.base is not None:
        lengths.update(writing.base.lengths)
    changed = {word: n for word, n in holding.items() if n}
    with reaching(writing.dataset.location):
        rows, ever = table.count_rows(), len(changed)
    summed: int | None = writing.base.search.get("words") if writing.base else None
    if rows and rows + ever > 2 * (summed or 0) + UNINDEXED_UP_TO * 50:
        for batch in writing.read_batches(table, None, ["word", "holding"]):
            for word, n in zip(
                batch["word"].to_pylist(), batch["holding"].to_pylist(), strict=True
            ):
                holding[word] += n
        changed = {word: n for word, n in holding.items() if n}
        columns = _word_columns(changed, edition=0)
        writing.commit(WORDS, lambda table: table.add(pa.table(columns), mode="overwrite"))
        summed = len(changed)
    elif changed:
        columns = _word_columns(changed, edition=writing.edition)
        writing.commit(WORDS, lambda table: table.add(pa.table(columns)))
    return {name: n for name, n in sorted(lengths.items()) if n}, summed


def _word_columns(changed: dict[str, int], *, edition: int) -> dict[str, Any]:
    words = sorted(changed)
    return {
        "word": words,
        "holding": [changed[word] for word in words],
        "edition": [edition] * len(words),
    }


def _words_of(writing: Writing, table: "Table", sql: str) -> Iterator[str]:
    for batch in writing.read_batches(table, sql, ["words"]):
        yield from batch["words"].to_pylist()


def compact(writing: Writing) -> int:
    """Join small files, and take new rows into the indexes, where there are many of either.

    What that replaces is removed later, when all readers must have left the generations before: by
    the second build after this one, since versions made shortly before that of a generation go with
    the next.

    Returns:
        How many builds are to remove old versions: noted with the generation as `to_clean`.
    """
    base = writing.base
    to_clean: int = base.search.get("to_clean", 0) if base else 0
    is_known = base is not None and time() - base.published >= KEPT_SECONDS
    is_due, replaced = is_known and to_clean > 0, False
    for name, table in writing.tables.items():
        with reaching(writing.dataset.location):
            fragments = table.stats()["fragment_stats"]["num_fragments"]
            stats = [table.index_stats(index.name) for index in table.list_indices()]
            outside = max((s.num_unindexed_rows for s in stats if s is not None), default=0)
            is_worn = fragments > FRAGMENTS_UP_TO or outside > UNINDEXED_UP_TO
            if is_worn or is_due:
                table.optimize(cleanup_older_than=_NEVER)
                if is_known:
                    # With nothing left to join, so that versions are removed at once: the age is
                    # counted back from that moment.
                    table.optimize(cleanup_older_than=_age_of_base(writing, table, name))
            replaced = replaced or is_worn
            writing.versions[name] = table.version
    return 2 if replaced else to_clean - is_due


def _age_of_base(writing: Writing, table: "Table", name: str) -> timedelta:
    """How long ago the version was made that the generation before names; older ones can go."""
    assert writing.base is not None
    for version in table.list_versions():
        if version["version"] == writing.base.versions[name]:
            return timedelta(seconds=time() - version["timestamp"].timestamp() + MARGIN_SECONDS)
    return _NEVER


def make_indexes(writing: Writing) -> None:
    """Make the indexes of ids and words that are not there yet."""
    from lancedb.index import FTS, BTree

    exact = FTS(
        base_tokenizer="whitespace",
        lower_case=False,
        stem=False,
        remove_stop_words=False,
        ascii_folding=False,
        max_token_length=None,
    )
    wanted = {
        ARTICLES: {"id": BTree()},
        PASSAGES: {"id": BTree(), "article_id": BTree(), "words": exact},
        WORDS: {"word": BTree()},
    }
    for name, indexes in wanted.items():
        table = writing.tables[name]
        with reaching(writing.dataset.location):
            there = {column for index in table.list_indices() for column in index.columns}
            for column, config in indexes.items():
                if column not in there and table.count_rows():
                    table.create_index(column, config=config)
            writing.versions[name] = table.version


def _index_vectors(writing: Writing) -> dict[str, Any]:
    """Index the vectors, where there are many and the index before was made for other sizes;
    returns how they are to be searched, as `Generation.search` has it.
    """
    from lancedb.index import IvfFlat, IvfRq

    table = writing.tables[PASSAGES]
    with reaching(writing.dataset.location):
        count = table.count_rows()
    if count <= EXACT_UP_TO:
        return {"kind": "Flat", "recall_at_10": 1.0}
    before = writing.base.search if writing.base else {}
    if before.get("made_for", 0) / 4 <= count <= 2 * before.get("made_for", 0):
        return {key: value for key, value in before.items() if key not in _OF_A_BUILD}
    lists = choose_lists(count)
    # Codes of a bit a number, for a first choice; Lance makes them of multiples of eight.
    kind = "IVF_FLAT" if int(writing.settings["dim"]) % 8 else "IVF_RQ"
    make = IvfFlat if kind == "IVF_FLAT" else IvfRq
    config = make(distance_type="dot", num_partitions=lists, sample_rate=64, max_iterations=15)
    with reaching(writing.dataset.location):
        table.create_index("vector", config=config)
        writing.versions[PASSAGES] = table.version
    return {"kind": kind, "lists": lists, "made_for": count, **_tune(writing, lists)}


def _tune(writing: Writing, lists: int) -> dict[str, Any]:
    """How many lists to search, and how many passages to compare exactly, for a recall at 10 of
    `ENOUGH`; and that recall, measured with 100 drawn queries.
    """
    table = writing.tables[PASSAGES]
    with reaching(writing.dataset.location):
        drawn = (
            table.take_offsets(draw_rows(table.count_rows(), 100).tolist())
            .select(["vector"])
            .to_arrow()
        )
    queries = draw_queries(read_vectors(drawn["vector"]))
    columns = ["id", "vector"]
    nearest = find_nearest(writing.read_batches(table, None, columns), queries)
    nprobes, candidates, recall = min(16, lists), CANDIDATES, 0.0
    while True:
        found = 0
        for query, wanted in zip(queries, nearest, strict=True):
            with reaching(writing.dataset.location):
                search = table.search(query, vector_column_name="vector").distance_type("dot")
                near = search.nprobes(nprobes).select(["id", "vector", "_distance"])
                rows = near.limit(candidates).to_arrow()
            best = np.argsort(-(read_vectors(rows["vector"]) @ query))[:10]
            found += len(set(rows["id"].to_numpy()[best].tolist()) & wanted)
        recall = found / sum(map(len, nearest))
        if recall >= ENOUGH or (nprobes == lists and candidates == _MOST_CANDIDATES):
            break
        # More lists cost less than more candidates, whose rows are read one by one.
        if nprobes < lists:
            nprobes = min(2 * nprobes, lists)
        else:
            candidates *= 2
    return {"nprobes": nprobes, "candidates": candidates, "recall_at_10": round(recall, 4)}


def find_nearest(batches: Iterable["pa.RecordBatch"], queries: Vectors) -> list[set[int]]:
    """Ids of the ten nearest to each query, by looking at every vector; columns: id, vector."""
    import pyarrow as pa

    ids = np.zeros((len(queries), 0), dtype=np.int64)
    scores = np.zeros((len(queries), 0), dtype=np.float32)
    for batch in batches:
        block = read_vectors(pa.chunked_array([batch["vector"]]))
        scores = np.concatenate([scores, queries @ block.T], axis=1)
        ids = np.concatenate(
            [ids, np.broadcast_to(batch["id"].to_numpy(), (len(queries), len(block)))], axis=1
        )
        best = np.argsort(-scores, axis=1)[:, :10]
        ids, scores = (
            np.take_along_axis(ids, best, axis=1),
            np.take_along_axis(scores, best, axis=1),
        )
    return [set(row) for row in ids.tolist()]


def choose_lists(count: int) -> int:
    """How many lists an index of so many vectors has: the power of two next to the square root."""
    return int(2 ** round(math.log2(math.sqrt(count))))
