"""Articles folder -> index: find out what is new, encode that and nothing else, and publish a new generation."""

import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import time_ns
from typing import NamedTuple
from uuid import uuid4

from qa.articles.passages import DEFAULT_SIZE, SPLITTER, PassageSize, split_passages
from qa.articles.read import changed_ns, load_file, parse_file, scan_files
from qa.encoder import load_encoder
from qa.errors import ArticleError, IndexBusy, IndexDamaged, QAError
from qa.index.generations import Change, derive, open_derived, remove_old_generations
from qa.index.index import DEFAULT_INDEX, check_encoder
from qa.index.keys import passage_text, sentence_texts, vector_key
from qa.index.store import STORE_FILE, Store, StoreError
from qa.types import Encoder, Passage, Progress

DEFAULT_ARTICLES = Path("index/articles")
ENCODE_AT_ONCE = 256
"""Texts encoded between two commits: what an interrupted build has to encode again at most."""
_SETTLED_NS = 2 * 10**9
"""A file that changed so shortly before it was read may change again and keep its time: some disks count in 2 s."""
_UNUSED = 1000
"""Vectors that nothing needs any more are looked for when there may be more than these, and than there are passages."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build found and did; ids of articles, in order."""

    generation: int
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    errors: tuple[ArticleError, ...] = ()
    passages: int = 0
    encoded: int = 0
    """Texts (passages and sentences) that were encoded; all others had their vectors already."""


def build(
    articles: str | Path = DEFAULT_ARTICLES,
    folder: str | Path = DEFAULT_INDEX,
    *,
    encoder: Encoder | None = None,
    progress: Progress | None = None,
    size: PassageSize = DEFAULT_SIZE,
    reader: str = "",
    reembed: bool = False,
    allow_empty: bool = False,
) -> BuildReport:
    """Bring the index in `folder` up to date with the articles folder, encoding only what is new.

    A file that cannot be used is reported in `BuildReport.errors`, and the others are indexed all the same; if an
    earlier version of it is in the index, that version stays.

    Args:
        articles: folder with the articles; searched recursively.
        folder: where the index is, or is to be.
        encoder: the default one, unless the index was built with another.
        progress: called as the work goes on.
        size: how long passages are; a change splits all articles anew.
        reader: what is to read the passages; only noted, for it leaves no trace in an index.
        reembed: encode everything again, also with another encoder than the index was built with.
        allow_empty: accept that no article is left in a folder that held some.

    Raises:
        QAError: the folder does not exist, or is empty although the index holds articles.
        IndexBusy: another process is building.
        IndexMismatch: the index was built with another encoder, and `reembed` is false.
    """
    articles, folder = Path(articles), Path(folder)
    if not articles.is_dir():
        raise QAError(
            f"there is no folder {articles}: make it and put articles into it, or name another with --articles"
        )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _lock(folder), closing(Store.open_writer(folder / STORE_FILE)) as store:
            work = _Build(articles, folder, store, encoder, progress or _no_progress, size)
            report = work.run(reembed, allow_empty)
            if reader and store.meta.get("reader") != reader:
                store.write_meta({"reader": reader})
            return report
    except (OSError, StoreError) as error:
        raise QAError(
            f"the index in {folder} could not be written ({error}): it is as it was; "
            "see that the disk has space and may be written, and run `qa build` again"
        ) from error


_Known = Mapping[str, tuple[str, str, str, str | None]]
"""See `Store.sources`."""
_UNKNOWN = ("", "", "", None)


class _Sources(NamedTuple):
    """The articles folder held against the store."""

    new: list[str]
    """Added or changed; in the store they are staged."""
    unchanged: list[str]
    removed: list[str]
    errors: list[ArticleError]


@dataclass(slots=True)
class _Build:
    articles: Path
    folder: Path
    store: Store
    encoder: Encoder | None
    progress: Progress
    size: PassageSize
    salt: str = ""
    """Of the keys of vectors."""

    def run(self, reembed: bool, allow_empty: bool) -> BuildReport:
        meta = self.store.meta
        encoder = self._choose_encoder(meta, reembed)
        is_same_encoder = meta.get("encoder_fingerprint") == encoder.fingerprint
        # Earlier vectors stay until the new ones are published, and the two never meet under one key.
        self.salt = meta.get("salt", "") if is_same_encoder else encoder.fingerprint
        if is_same_encoder and reembed:
            self.salt = f"{self.store.generation} {encoder.fingerprint}"
        settings = self._settings(encoder)
        as_before = not reembed and all(meta.get(key, "") == value for key, value in settings.items())
        known = self.store.sources()
        sources = self._compare_sources(known, reuse=as_before)
        kept = len(sources.new) + len(sources.unchanged)
        if not kept and sources.removed and not allow_empty:
            raise QAError(
                f"no article is left in {self.articles}, but the index in {self.folder} holds {len(sources.removed)}: "
                "nothing was changed; if they are meant to go, run `qa build --allow-empty`"
            )
        if as_before and not sources.new and not sources.removed and "build_id" in meta:
            if open_derived(self.folder, self.store, may_repair=True) is None:
                raise IndexDamaged(f"the files derived in {self.folder} cannot be made: check disk and permissions")
            return BuildReport(
                self.store.generation,
                unchanged=tuple(sources.unchanged),
                errors=tuple(sources.errors),
                passages=self.store.count_passages(),
            )
        self._split(len(sources.new), encoder)
        encoded = self._encode(encoder)
        generation = self._publish(sources, settings)
        return BuildReport(
            generation,
            added=tuple(i for i in sources.new if i not in known),
            changed=tuple(i for i in sources.new if i in known),
            removed=tuple(sources.removed),
            unchanged=tuple(sources.unchanged),
            errors=tuple(sources.errors),
            passages=self.store.count_passages(),
            encoded=encoded,
        )

    def _choose_encoder(self, meta: Mapping[str, str], reembed: bool) -> Encoder:
        name = meta.get("encoder_name")
        if self.encoder is None and name is not None and not reembed:
            encoder: Encoder = load_encoder(name)
        else:
            encoder = self.encoder or load_encoder()
        if name is not None and not reembed:
            check_encoder(meta, encoder, self.folder)
        return encoder

    def _settings(self, encoder: Encoder) -> dict[str, str]:
        return {
            "encoder_name": encoder.name,
            "encoder_fingerprint": encoder.fingerprint,
            "dim": str(encoder.dim),
            "salt": self.salt,
            "splitter": f"{SPLITTER} {self.size.max_tokens} {self.size.target_tokens}",
        }

    def _compare_sources(self, known: _Known, *, reuse: bool) -> _Sources:
        """Read and stage what is new or changed; with `reuse`, take over what the store has of unchanged files."""
        sources = _Sources([], [], [], [])
        owners: dict[str, str] = {}
        to_note: dict[str, tuple[str, str]] = {}
        settled = time_ns() - _SETTLED_NS
        files = scan_files(self.articles)
        for done, (article_id, stamp) in enumerate(files):
            self.progress(done, len(files), "reading")
            _, file_before, text_before, stamp_before = known.get(article_id, _UNKNOWN)
            article = None
            try:
                if reuse and stamp and stamp == stamp_before:
                    text_hash = text_before
                else:
                    file = load_file(self.articles / article_id, self.articles)
                    if stamp and changed_ns(stamp) < settled:
                        to_note[article_id] = (stamp, file.sha256)
                    if reuse and file.sha256 == file_before:
                        text_hash = text_before
                    else:
                        article, file_hash = parse_file(file), file.sha256
                        text_hash = article.sha256
                if text_hash in owners:
                    reason = f"has the same text as {owners[text_hash]}: remove one of them"
                    raise ArticleError(self.articles / article_id, reason, is_duplicate=True)
            except ArticleError as error:
                sources.errors.append(error)
                # A file that is there but cannot be read keeps its place, unless it is one too many.
                if not text_before or text_before in owners or error.is_duplicate:
                    continue
                text_hash, file_hash = text_before, file_before
                article = None if reuse else self.store.get_article(article_id)
            owners[text_hash] = article_id
            if article is None:
                sources.unchanged.append(article_id)
            else:
                self.store.stage_article(article, file_hash)
                sources.new.append(article_id)
        self.store.note_files(to_note)
        sources.removed.extend(sorted(known.keys() - owners.values()))
        return sources

    def _split(self, articles: int, encoder: Encoder) -> None:
        """Split what is staged, and queue texts that have no vector yet."""
        for done, article in enumerate(self.store.staged_articles()):
            self.progress(done, articles, "splitting")
            passages = split_passages(article, encoder.count_tokens, size=self.size)
            keyed = [self._keyed_texts(passage) for passage in passages]
            self.store.queue_texts({key: text for texts in keyed for key, text in texts})
            # The first text is the passage's own.
            self.store.stage_passages(article.id, [(p, texts[0][0]) for p, texts in zip(passages, keyed, strict=True)])

    def _keyed_texts(self, passage: Passage) -> list[tuple[bytes, str]]:
        return [(vector_key(text, self.salt), text) for text in (passage_text(passage), *sentence_texts(passage))]

    def _encode(self, encoder: Encoder) -> int:
        """Encode what is queued and store it at once, so that an interrupted build goes on from there."""
        total, done = self.store.count_queued(), 0
        # Longest first: batches of equal length waste nothing, and memory is at its peak at the start, not at the end.
        for texts in self.store.queued_texts(ENCODE_AT_ONCE):
            self.progress(done, total, "encoding")
            self.store.put_vectors(list(texts), encoder.encode_passages(list(texts.values())))
            done += len(texts)
        self.progress(total, total, "encoding")
        return total

    def _publish(self, sources: _Sources, settings: Mapping[str, str]) -> int:
        meta = self.store.meta
        generation = self.store.generation + 1
        self.store.begin()
        try:
            removed = self.store.passage_ids([*sources.removed, *sources.new])
            unused = int(meta.get("unused", "0")) + self.store.count_texts(removed)
            for article_id in sources.removed:
                self.store.remove_article(article_id)
            self.store.put_staged()
            has_other_keys = self.salt != meta.get("salt", "")
            if has_other_keys or (unused > _UNUSED and unused > self.store.count_passages()):
                self.store.keep_vectors(self._needed_keys())
                unused = 0
            build_id = uuid4().hex
            made_with = {**settings, "unused": str(unused)}
            self.store.write_meta({**made_with, "generation": str(generation), "build_id": build_id})
            self.progress(0, 1, "indexing")
            change = None
            if "build_id" in meta and not has_other_keys:
                change = Change(generation - 1, meta["build_id"], removed, self.store.passage_ids(sources.new))
            derive(self.folder / "generations", self.store, change)
            self.store.publish()
        except BaseException:
            self.store.rollback()
            raise
        self.progress(1, 1, "indexing")
        remove_old_generations(self.folder / "generations", generation)
        return generation

    def _needed_keys(self) -> Iterable[bytes]:
        return (key for _, passage in self.store.iterate_passages() for key, _ in self._keyed_texts(passage))


def _no_progress(done: int, total: int, what: str) -> None:
    pass


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Keep other builds out; the operating system frees the lock when its holder ends, however it ends."""
    from filelock import FileLock, Timeout

    holder = folder / "lock.holder"
    try:
        with FileLock(folder / "lock", timeout=0):
            holder.write_text(f"process {os.getpid()} on {socket.gethostname()}")
            yield
    except Timeout:
        name = holder.read_text() if holder.is_file() else "another process"
        raise IndexBusy(f"{name} is building the index in {folder}: wait until it is done") from None
