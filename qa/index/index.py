"""The index in a folder, open for searching: a generation of store, vectors and words.

    index/qa.sqlite         articles, passages, vectors: all else is derived from it
    index/generations/7/    derived by build 7; has checksums, and is made again when damaged
    index/lock              held by the one process that builds

A build writes the files of a new generation first; then the commit of the store publishes it.
Killed at any point, it leaves a complete index, the old one or the new one.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Self
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from qa.encoder import load_encoder
from qa.encoder.parts import describe_parts
from qa.errors import DiskError, IndexMismatch, IndexMissing
from qa.index.generations import open_derived
from qa.index.interface import EVERYWHERE, Frequencies, Where
from qa.index.keys import encode_texts, passage_text
from qa.index.store import Store, find_store, from_half, report_damage, to_half
from qa.index.vectors import JoinedIndex
from qa.index.words import WordIndex
from qa.types import Article, Encoder, Passage, Span, Vectors

DEFAULT_INDEX = Path("index")
_OPEN_ATTEMPTS = 5


class Index:
    """One generation of an index, open for searching; unaffected by later builds."""

    def __init__(
        self, folder: Path, store: Store, vectors: JoinedIndex, words: WordIndex, encoder: Encoder
    ) -> None:
        self.folder = folder
        self.store = store
        self.vectors = vectors
        self.words = words
        self.encoder = encoder
        meta = store.meta
        self.generation = int(meta["generation"])
        self.build_id = meta["build_id"]
        self._salt = store.salt
        self._keeps_sentences = meta["sentences"] == describe_parts(encoder)
        self._lock = Lock()
        self._found: tuple[Where, NDArray[np.int64]] | None = None
        # Questions that are being answered keep this object alive; afterwards the file is closed.
        self._close = finalize(self, store.close)

    @classmethod
    def open(cls, folder: str | Path = DEFAULT_INDEX, *, encoder: Encoder | None = None) -> Self:
        """Open the newest generation; derived files are verified, and made again if damaged.

        `encoder` is by default the one that the index was built with.

        Raises:
            IndexMissing: there is none in `folder`.
            IndexMismatch: it was built with another encoder, or by another version of the format.
            IndexDamaged: the store is not what was stored.
            DiskError: the files cannot be read, or derived ones not be written.
        """
        folder = Path(folder)
        path = find_store(folder)
        for attempt in range(_OPEN_ATTEMPTS):
            store = Store.open_snapshot(path)
            try:
                meta = store.meta
                if "build_id" not in meta:
                    raise IndexMissing(f"the index in {folder} was never finished: run `qa build`")
                encoder = encoder or load_encoder(meta["encoder_name"])
                check_encoder(meta, encoder, folder)
                derived = open_derived(folder, store, may_repair=attempt > 0)
            except OSError as error:
                store.close()
                raise DiskError.explain(error, folder / "generations") from error
            except BaseException:
                store.close()
                raise
            if derived is not None:
                return cls(folder, store, *derived, encoder)
            # Either damaged, or replaced by a build between the two reads: try again, and repair
            # what is still wrong.
            store.close()
        raise DiskError(
            f"{folder / 'generations'}: the files derived cannot be made: check disk and "
            "permissions"
        )

    def close(self) -> None:
        """Close the files."""
        self._close()

    def __len__(self) -> int:
        """How many passages there are."""
        return len(self.words)

    def reopen(self) -> Self:
        """See `SearchIndex`, as for all that follows."""
        return type(self).open(self.folder, encoder=self.encoder)

    @property
    def location(self) -> str:
        """The folder."""
        return str(self.folder)

    @property
    def is_current(self) -> bool:
        """Whether no later build has been published."""
        return read_build_id(self.folder) == self.build_id

    def search_vectors(
        self, query: Vectors, /, k: int, *, where: Where = EVERYWHERE
    ) -> list[tuple[int, float]]:
        """With conditions, the best 2 k by the index are scored again by the stored vectors."""
        if where == EVERYWHERE:
            return self.vectors.search(query, k)
        found = self.vectors.search(query, 2 * k, among=self._find_passages(where))
        kept = self.passage_vectors([i for i, _ in found])
        return sorted(
            ((i, float(row @ query)) for i, row in kept.items()),
            key=lambda pair: (-pair[1], pair[0]),
        )[:k]

    def search_words(
        self,
        query: str,
        /,
        k: int,
        *,
        where: Where = EVERYWHERE,
        among: Sequence[int] | None = None,
    ) -> list[tuple[int, float]]:
        """See `SearchIndex`."""
        if where == EVERYWHERE:
            return self.words.search(query, k, among=among)
        wanted = self._find_passages(where)
        return self.words.search(
            query, k, among=(wanted if among is None else np.intersect1d(wanted, among)).tolist()
        )

    def count_words(self, query: str, /) -> Frequencies:
        """By the word index."""
        return self.words.count_words(query)

    def find_alike(self, word: str, /, k: int, *, letters: int) -> list[int]:
        """By the word index."""
        return self.words.find_alike(word, k, letters=letters)

    def _find_passages(self, where: Where) -> NDArray[np.int64]:
        """Ids of the passages of articles that meet all conditions; the last result is cached."""
        with self._lock:
            if self._found is None or self._found[0] != where:
                ids = self.store.passage_ids(self.store.find_articles(where))
                self._found = (where, np.array(ids, dtype=np.int64))
            return self._found[1]

    def get_passages(self, passage_ids: Sequence[int], /) -> dict[int, Passage]:
        """From the store."""
        return self.store.get_passages(passage_ids)

    def get_places(self, passage_ids: Sequence[int], /) -> dict[int, tuple[str, Span]]:
        """From the store."""
        return self.store.get_places(passage_ids)

    def find_nearby(self, article_id: str, place: Span, most: int) -> list[int]:
        """From the store."""
        return self.store.find_nearby(article_id, place, most)

    def get_article(self, article_id: str, /) -> Article | None:
        """One article, whole."""
        return self.store.get_article(article_id)

    def list_articles(self, *, after: str = "", limit: int | None = None) -> Iterator[Article]:
        """In order of their ids."""
        return self.store.list_articles(after=after, limit=limit)

    def passage_vectors(self, passage_ids: Sequence[int], /) -> dict[int, Vectors]:
        """Passage id -> its vector, float32 (dim,)."""
        return {
            key: from_half(blob)
            for key, blob in self.store.get_passage_vectors(passage_ids).items()
        }

    def sentence_vectors(self, passages: Sequence[Passage], /) -> Vectors:
        """The stored vectors; encoded now if the index stores them for another kind of encoder, or
        was copied from shared tables, which have none.
        """
        dim = self.encoder.dim
        none = np.zeros((0, dim), dtype=np.float32)
        texts = [passage_text(passage) for passage in passages]
        if not self._keeps_sentences:
            return np.concatenate([none, *(row[1:] for row in encode_texts(self.encoder, texts))])
        keys = [text.key(self._salt) for text in texts]
        kept = self.store.get_sentence_vectors(keys)
        if len(kept) < len(set(keys)):
            raise report_damage(self.store.path, "vectors are missing")
        lacking = [text for text, key in zip(texts, keys, strict=True) if not kept[key]]
        made = iter(encode_texts(self.encoder, lacking))
        rows = [kept[key] or to_half(next(made)[1:]) for key in keys]
        return np.concatenate([none, *(from_half(row).reshape(-1, dim) for row in rows)])


def read_build_id(folder: Path) -> str | None:
    """Identity of the newest build in a folder, or None where there is none."""
    try:
        path = find_store(folder)
    except IndexMissing:
        return None
    store = Store.open_snapshot(path)
    try:
        return store.meta.get("build_id")
    finally:
        store.close()


def list_articles(folder: str | Path = DEFAULT_INDEX) -> list[Article]:
    """All articles in the index in a folder, in order of their ids; loads no model.

    Raises:
        IndexMissing: there is none.
    """
    store = Store.open_snapshot(find_store(Path(folder)))
    try:
        if "build_id" not in store.meta:
            raise IndexMissing(f"the index in {folder} was never finished: run `qa build`")
        return list(store.list_articles())
    finally:
        store.close()


def check_encoder(meta: Mapping[str, str], encoder: Encoder, folder: Path) -> None:
    """Raise IndexMismatch unless the index was built with this encoder."""
    built_with = meta["encoder_fingerprint"]
    if built_with != encoder.fingerprint:
        raise IndexMismatch(
            f"the index in {folder} was built with the encoder {meta['encoder_name']!r} "
            f"({built_with[:8]}), "
            f"not with {encoder.name!r} ({encoder.fingerprint[:8]}): name the former, or run `qa "
            "build --reembed`"
        )
