"""An index in a folder or at a URI -> the same in another place, without encoding anything again.

A URI keeps no vectors of sentences, so a folder that is copied from one has empty rows for them:
they are made when they are asked for.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import numpy as np

from qa.encoder import load_encoder
from qa.encoder.parts import describe_parts
from qa.errors import IndexDamaged, IndexMissing, SettingError
from qa.index.build import open_to_write
from qa.index.generations import derive, remove_old_generations
from qa.index.index import check_encoder
from qa.index.keys import passage_text
from qa.index.lance.build import COMMIT_PASSAGES
from qa.index.lance.dataset import ARTICLES, PASSAGES, WORDS, Dataset, Generation
from qa.index.lance.index import read_rows
from qa.index.lance.publishing import publish
from qa.index.lance.tables import (
    Row,
    Source,
    Split,
    article_row,
    article_schema,
    passage_checksum,
    passage_rows,
    passage_schema,
    read_article,
    sql_in,
    to_arrow,
    word_schema,
)
from qa.index.lance.work import Done
from qa.index.lance.writing import Writing
from qa.index.store import COPIES, FOLDED, Store, StoreWriter, find_store
from qa.index.store.tables import unpack_sentences
from qa.index.words import ANALYSIS
from qa.types import Encoder, Passage, Progress, no_progress

_ARTICLES_AT_ONCE = 50
_SETTINGS = ("encoder_name", "encoder_fingerprint", "dim", "splitter")


class _Held(NamedTuple):
    """What is copied."""

    settings: dict[str, str]
    reader: str
    passages: int
    sources: Iterator[Source]
    """All articles, in order of their ids, a few in memory at a time."""


def copy_shared(
    source: str, target: str, *, encoder: Encoder | None = None, progress: Progress | None = None
) -> int:
    """Copy an index; one in the target gets the same articles. Returns the generation there.

    `encoder` is only needed for a folder, by default the one that the index was built with.

    Raises:
        SettingError: neither is a URI.
        IndexMissing: there is none in the source.
        IndexBusy: another process is building in the target.
        IndexMismatch: the encoder is another one.
        IndexUnreachable: the storage does not answer; run it again, and it goes on.
    """
    if "://" not in source and "://" not in target:
        raise SettingError(
            f"neither {source} nor {target} is a URI (s3://... or file://...): copy a folder "
            "as any other, while no `qa build` runs"
        )
    with _hold_shared(source) if "://" in source else _hold_folder(Path(source)) as held:
        if "://" in target:
            return _copy_to_shared(held, target, progress or no_progress).number
        return _copy_to_folder(held, Path(target), encoder, progress or no_progress)


@contextmanager
def _hold_folder(folder: Path) -> Iterator[_Held]:
    with closing(Store.open_snapshot(find_store(folder))) as store:
        meta = store.meta
        if "build_id" not in meta:
            raise IndexMissing(f"the index in {folder} was never finished: run `qa build`")
        settings = {name: meta[name] for name in _SETTINGS}
        yield _Held(settings, meta.get("reader", ""), store.count_passages(), _read_store(store))


@contextmanager
def _hold_shared(location: str) -> Iterator[_Held]:
    dataset = Dataset.connect(location)
    newest = dataset.require_newest()
    settings = {name: newest.made_with[name] for name in _SETTINGS}
    sources = _read_tables(dataset, newest)
    yield _Held(settings, newest.made_with.get("reader", ""), newest.counts["passages"], sources)


def _read_store(store: Store) -> Iterator[Source]:
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


def _read_tables(dataset: Dataset, generation: Generation) -> Iterator[Source]:
    tables, location = dataset.tables(generation), dataset.location
    ids = sorted(read_rows(tables[ARTICLES], None, ["id"], location)["id"].to_pylist())
    for first in range(0, len(ids), _ARTICLES_AT_ONCE):
        some = ids[first : first + _ARTICLES_AT_ONCE]
        articles = read_rows(tables[ARTICLES], sql_in("id", some), None, location).to_pylist()
        passages: dict[str, list[Row]] = {article_id: [] for article_id in some}
        found = read_rows(tables[PASSAGES], sql_in("article_id", some), None, location)
        for batch in found.to_batches(max_chunksize=1000):
            for row in batch.to_pylist():
                passages[row["article_id"]].append(_whole(row))
        for row in sorted(articles, key=lambda row: str(row["id"])):
            rows = sorted(passages[row["id"]], key=lambda row: int(row["first"]))
            if len(rows) != row["passages"]:
                raise IndexDamaged(
                    f"{row['id']} lacks passages at {location}: run `qa build --reembed`"
                )
            split = (
                Split(r["first"], r["last"], unpack_sentences(r["sentences"]), r["vector"])
                for r in rows
            )
            yield Source(read_article(row), row["file_sha256"], "", tuple(split))


def _whole(row: Row) -> Row:
    if passage_checksum(row) != row["checksum"]:
        raise IndexDamaged(
            f"passage {row['id']} of {row['article_id']} has been altered: run `qa build --reembed`"
        )
    return {**row, "vector": np.asarray(row["vector"], dtype=np.float32)}


def _copy_to_shared(held: _Held, location: str, progress: Progress) -> Generation:
    dataset = Dataset.connect(location)
    dim = int(held.settings["dim"])
    dataset.create(
        {ARTICLES: article_schema(), PASSAGES: passage_schema(dim), WORDS: word_schema()}
    )
    settings = {**held.settings, "analysis": ANALYSIS}
    with dataset.lease() as lease:
        writing = Writing(dataset, lease, dataset.newest(), settings)
        _put(writing, held, dim, progress)
        added, gone = writing.changes()
        if writing.base is not None and not added and not gone:
            return writing.base
        return publish(writing, gone, held.reader, progress)


def _put(writing: Writing, held: _Held, dim: int, progress: Progress) -> None:
    known = writing.known()
    number = max((one.number for one in known.values()), default=-1)
    kept: set[str] = set()
    batch: list[Done] = []
    done, waiting = 0, 0
    for source in held.sources:
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
            progress(done, held.passages, "copying")
            _commit(writing, batch, known)
            batch, waiting = [], 0
    _commit(writing, batch, known)
    writing.remove(sorted(known.keys() - kept))
    progress(held.passages, held.passages, "copying")


def _commit(writing: Writing, batch: list[Done], known: Iterable[str]) -> None:
    there = set(known)
    writing.put(batch, [one.article_id for one in batch if one.article_id in there])


def _copy_to_folder(held: _Held, folder: Path, encoder: Encoder | None, progress: Progress) -> int:
    encoder = encoder or load_encoder(held.settings["encoder_name"])
    check_encoder(held.settings, encoder, folder)
    with open_to_write(folder) as (store, _):
        return _fill(store, held, folder, describe_parts(encoder), progress)


def _fill(store: StoreWriter, held: _Held, folder: Path, parts: str, progress: Progress) -> int:
    """Write all articles into a store, as a build that read and encoded them would."""
    meta, known = store.meta, store.sources()
    made_with = {**held.settings, "sentences": parts}
    is_same = all(meta.get(name) == value for name, value in made_with.items())
    salt = store.salt if is_same else f"{parts} {held.settings['encoder_fingerprint']}"
    copies: dict[str, tuple[str, ...]] = {}
    new: list[str] = []
    gone, done = set(known), 0
    for source in held.sources:
        progress(done, held.passages, "copying")
        article = source.article
        done += len(source.passages)
        gone.discard(article.id)
        if article.copies:
            copies[article.id] = article.copies
        if (
            is_same
            and article.id in known
            and known[article.id][1] == source.file_sha256
            and store.get_article(article.id) == article
        ):
            continue
        new.append(article.id)
        _stage(store, source, salt)
    if is_same and not new and not gone and "build_id" in meta:
        return store.generation
    generation = store.generation + 1
    # Of files folded into articles, the next build reads each once.
    told = {COPIES: json.dumps(copies), FOLDED: "{}", "generation": str(generation)}
    store.begin()
    try:
        for article_id in sorted(gone):
            store.remove_article(article_id)
        store.put_staged()
        store.write_meta({**made_with, **told, "salt": salt, "build_id": uuid4().hex})
        if held.reader:
            store.write_meta({"reader": held.reader})
        store.keep_vectors(passage_text(p).key(salt) for _, p in store.iterate_passages())
        progress(0, 1, "indexing")
        derive(folder / "generations", store)
        store.publish()
    except BaseException:
        store.rollback()
        raise
    progress(1, 1, "indexing")
    remove_old_generations(folder / "generations", generation)
    return generation


def _stage(store: StoreWriter, source: Source, salt: str) -> None:
    """Stage an article with its passages, and store the vectors that are not there yet."""
    article = source.article
    passages = [Passage(article, p.start, p.end, p.sentences) for p in source.passages]
    keys = [passage_text(passage).key(salt) for passage in passages]
    there = store.get_vectors(keys)
    rows = {key: p.vector[None] for key, p in zip(keys, source.passages, strict=True)}
    store.put_vectors({key: row for key, row in rows.items() if key not in there})
    store.stage_article(article, source.file_sha256)
    store.stage_passages(article.id, list(zip(passages, keys, strict=True)))
