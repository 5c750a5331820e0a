"""A folder's index -> tables at a URI, without reading, splitting or encoding anything again."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import numpy as np

from qa.errors import IndexMissing, SettingError
from qa.index.lance.build import COMMIT_PASSAGES
from qa.index.lance.dataset import ARTICLES, PASSAGES, WORDS, Dataset, Generation
from qa.index.lance.publishing import publish
from qa.index.lance.tables import (
    Source,
    Split,
    article_row,
    article_schema,
    passage_rows,
    passage_schema,
    to_arrow,
    word_schema,
)
from qa.index.lance.work import Done
from qa.index.lance.writing import Writing
from qa.index.store import Store, find_store
from qa.index.words import ANALYSIS
from qa.types import Passage, Progress, no_progress


def copy_to_shared(
    folder: str | Path, location: str, *, progress: Progress | None = None
) -> Generation:
    """Copy the index in a folder to a URI where there is none yet, or whose articles it replaces.

    Raises:
        IndexMissing: there is none in the folder.
        IndexBusy: another process is building there.
        IndexUnreachable: the storage does not answer; run it again, and it goes on.
    """
    store = Store.open_snapshot(find_store(Path(folder)))
    try:
        meta = store.meta
        if "build_id" not in meta:
            raise IndexMissing(f"the index in {folder} was never finished: run `qa build`")
        dataset = Dataset.connect(location)
        dim = int(meta["dim"])
        schemas = {ARTICLES: article_schema(), PASSAGES: passage_schema(dim), WORDS: word_schema()}
        dataset.create(schemas)
        settings = {
            name: meta[name] for name in ("encoder_name", "encoder_fingerprint", "dim", "splitter")
        }
        with dataset.lease() as lease:
            writing = Writing(dataset, lease, dataset.newest(), {**settings, "analysis": ANALYSIS})
            sources = _read_sources(store)
            _put(writing, sources, store.count_passages(), dim, progress or no_progress)
            added, gone = writing.changes()
            if writing.base is not None and not added and not gone:
                return writing.base
            return publish(writing, gone, meta.get("reader", ""), progress or no_progress)
    finally:
        store.close()


def _put(
    writing: Writing, sources: Iterator[Source], total: int, dim: int, progress: Progress
) -> None:
    known = writing.known()
    number = max((one.number for one in known.values()), default=-1)
    kept: set[str] = set()
    batch: list[Done] = []
    done, waiting = 0, 0
    for source in sources:
        article = source.article
        kept.add(article.id)
        done += len(source.passages)
        before = known.get(article.id)
        same = before and before.is_made_by(writing.made) and before.sha256 == article.sha256
        if same and before and before.file_sha256 == source.file_sha256:
            continue
        number += before is None
        own = before.number if before else number
        row = article_row(source, number=own, edition=writing.edition, made=writing.made)
        rows = passage_rows(source, number=own, edition=writing.edition)
        batch.append(
            Done(
                article.id,
                source.stamp,
                "new",
                source.file_sha256,
                article.sha256,
                article=to_arrow([row], article_schema()),
                passages=to_arrow(rows, passage_schema(dim)),
            )
        )
        waiting += len(rows)
        if waiting >= COMMIT_PASSAGES:
            progress(done, total, "copying")
            _commit(writing, batch, known)
            batch, waiting = [], 0
    _commit(writing, batch, known)
    writing.remove(sorted(known.keys() - kept))
    progress(total, total, "copying")


def _commit(writing: Writing, batch: list[Done], known: Iterable[str]) -> None:
    there = set(known)
    writing.put(batch, [one.article_id for one in batch if one.article_id in there])


def _read_sources(store: Store) -> Iterator[Source]:
    """All articles of a folder's index, in order of their ids, one in memory at a time."""
    hashes = store.file_hashes()
    passages = groupby(store.iterate_passages(), key=lambda pair: pair[1].article.id)
    waiting = next(passages, None)
    for article in store.list_articles():
        split: list[Split] = []
        if waiting is not None and waiting[0] == article.id:
            pairs = list(waiting[1])
            vectors = store.get_passage_vectors([passage_id for passage_id, _ in pairs])
            split = [_split(passage, vectors[passage_id]) for passage_id, passage in pairs]
            waiting = next(passages, None)
        # Without a stamp, the next build from the files looks into each of them once.
        yield Source(article, hashes[article.id], "", tuple(split))


def _split(passage: Passage, vector: bytes) -> Split:
    halves = np.frombuffer(vector, dtype=np.float16)
    return Split(passage.start, passage.end, passage.sentences, halves.astype(np.float32))


def check_copy(source: str, target: str) -> None:
    """Raise a SettingError unless it is from a folder to a URI."""
    if "://" in source or "://" not in target:
        raise SettingError(
            f"{source} cannot be copied to {target}: copy from a folder to a URI; the way back is "
            "`qa build` from the articles"
        )
