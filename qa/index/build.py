"""Articles folder -> index: read, split and encode what is new, then publish a new generation.

What a kill leaves behind: `_Build._publish` writes a generation's files first, and the commit of
one SQLite transaction publishes it. Until then the old generation stays valid; vectors that are
encoded already are kept for the next build.
"""

import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import time_ns
from typing import NamedTuple
from uuid import uuid4

from qa.articles.passages import DEFAULT_SIZE, PassageSize, split_passages
from qa.articles.read import (
    blame,
    describe_failure,
    describe_rereading,
    find_warning,
    is_current,
    load_file,
    parse_file,
)
from qa.articles.scan import changed_ns, require_folder, scan_files
from qa.encoder import load_encoder
from qa.encoder.parts import describe_parts
from qa.errors import (
    ArticleError,
    ArticlesMissing,
    EncoderUnavailable,
    IndexBusy,
    IndexDamaged,
    QAError,
)
from qa.index.generations import Change, derive, open_derived, remove_old_generations
from qa.index.index import DEFAULT_INDEX, check_encoder
from qa.index.keys import PassageText, encode_texts, passage_text
from qa.index.mend import Opened, open_or_salvage, put_in_place, remove_scratch
from qa.index.store import (
    COPIES,
    FOLDED,
    STORE_FILE,
    StoreError,
    StoreWriter,
    explain_failure,
    trust,
)
from qa.types import Encoder, Passage, Progress, no_progress

DEFAULT_ARTICLES = Path("index/articles")
ENCODE_AT_ONCE = 256
"""Passages encoded between two commits: what an interrupted build loses at most."""
READING = "reading bytes"
"""The label of progress in reading; the file's name follows after a colon."""
ENCODING = "encoding tokens"
"""The label of progress in tokens, from which the remaining time is estimated."""
_SETTLED_NS = 2 * 10**9
"""A file changed so recently may change again without a new mtime: some file systems count in
2 s."""
_UNUSED = 1000
"""Unused vectors are removed when there may be more than this, and more than there are passages."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build found and did; ids of articles are in order."""

    generation: int
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    errors: tuple[ArticleError, ...] = ()
    warnings: tuple[ArticleError, ...] = ()
    """About files that were read in this build and are in the index."""
    folded: tuple[tuple[str, str], ...] = ()
    """Files with the same text as another, each with the id of that one, which is indexed."""
    passages: int = 0
    encoded: int = 0
    """Number of passages that were encoded; the others had their vectors already."""
    mended: tuple[str, ...] = ()
    """Damage that was found in the index, and repaired."""


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
    password: str | None = None,
) -> BuildReport:
    """Bring the index in `folder` up to date with the articles folder, encoding only what is new.

    A file that cannot be used is reported in `BuildReport.errors`, and the others are indexed all
    the same; if an earlier version of it is in the index, that version stays.

    Args:
        articles: folder with the articles; searched recursively.
        folder: where the index is, or is to be.
        encoder: the default one, unless the index was built with another.
        progress: called as the work goes on.
        size: how long passages are; if it changes, all articles are split again.
        reader: name of the reader to be used with the index; it is only recorded.
        reembed: encode everything again, possibly with another encoder.
        allow_empty: accept that no article is left, although the index has some.
        password: for encrypted files; it is tried on each, and not stored.

    Raises:
        ArticlesMissing: the folder does not exist, or is empty although the index holds articles.
        IndexBusy: another process is building.
        IndexMismatch: the index was built with another encoder, and `reembed` is false.
    """
    articles, folder = Path(articles), Path(folder)
    require_folder(articles)
    with open_to_write(folder) as (store, flaws):
        work = _Build(articles, folder, store, encoder, progress or no_progress, size)
        work.password = password
        report = work.run(reembed, allow_empty)
        if reader and store.meta.get("reader") != reader:
            store.write_meta({"reader": reader})
    return replace(report, mended=flaws)


_Known = Mapping[str, tuple[str, str, str, str | None]]
"""See `StoreWriter.sources`."""
_UNKNOWN = ("", "", "", None)


class _Sources(NamedTuple):
    """The articles folder compared with the store; ids of articles."""

    new: list[str]
    """Added or changed; they are staged in the store."""
    unchanged: list[str]
    removed: list[str]
    errors: list[ArticleError]
    warnings: list[ArticleError]
    folded: dict[str, str]
    """Id of a file with the same text as an earlier one -> the id of that one."""
    hashes: dict[str, tuple[str, str]]
    """Id of such a file -> sha256 of the file, and of its text."""

    def copies(self) -> str:
        """Article id -> ids of those folded into it, as JSON."""
        copies: dict[str, list[str]] = {}
        for article_id, owner in sorted(self.folded.items()):
            copies.setdefault(owner, []).append(article_id)
        return json.dumps(copies)


@dataclass(slots=True)
class _Build:
    articles: Path
    folder: Path
    store: StoreWriter
    encoder: Encoder | None
    progress: Progress
    size: PassageSize
    password: str | None = None
    salt: str = ""
    """For the keys of vectors; see `PassageText.key`."""
    known: _Known = field(default_factory=dict)
    """The articles in the store."""
    as_before: bool = False
    """Whether encoder and splitter are those that the store was made with."""

    def run(self, reembed: bool, allow_empty: bool) -> BuildReport:
        meta = self.store.meta
        encoder = self._choose_encoder(meta, reembed)
        is_same_encoder = meta.get("encoder_fingerprint") == encoder.fingerprint
        # Earlier vectors stay until the new ones are published; by the salt, both have other keys.
        parts = describe_parts(encoder)
        is_same_way = is_same_encoder and meta.get("sentences") == parts
        self.salt = meta.get("salt", "") if is_same_way else f"{parts} {encoder.fingerprint}"
        if is_same_way and reembed:
            self.salt = f"{self.store.generation} {encoder.fingerprint}"
        settings = self._settings(encoder)
        as_before = not reembed and all(
            meta.get(key, "") == value for key, value in settings.items()
        )
        self.as_before, self.known = as_before, self.store.sources()
        sources = self._compare_sources(self.known, reuse=as_before)
        kept = len(sources.new) + len(sources.unchanged)
        if not kept and sources.removed and not allow_empty:
            raise ArticlesMissing(
                f"no article is left in {self.articles}, but the index in {self.folder} holds "
                f"{len(sources.removed)}: "
                "nothing was changed; if they are meant to go, run `qa build --allow-empty`"
            )
        encoded = 0
        if sources.new:
            self._split(sources, encoder)
            encoded = self._encode(sources, encoder)
        is_same = not sources.new and not sources.removed
        if (
            as_before
            and is_same
            and meta.get(COPIES, "{}") == sources.copies()
            and meta.get(FOLDED, "{}") == json.dumps(sources.hashes)
            and "build_id" in meta
        ):
            if open_derived(self.folder, self.store, may_repair=True) is None:
                raise IndexDamaged(
                    f"the files derived in {self.folder} cannot be made: check disk and permissions"
                )
            return BuildReport(
                self.store.generation,
                unchanged=tuple(sources.unchanged),
                errors=tuple(sources.errors),
                warnings=tuple(sources.warnings),
                folded=tuple(sources.folded.items()),
                passages=self.store.count_passages(),
            )
        generation = self._publish(sources, settings)
        return BuildReport(
            generation,
            added=tuple(i for i in sources.new if i not in self.known),
            changed=tuple(i for i in sources.new if i in self.known),
            removed=tuple(sources.removed),
            unchanged=tuple(sources.unchanged),
            errors=tuple(sources.errors),
            warnings=tuple(sources.warnings),
            folded=tuple(sources.folded.items()),
            passages=self.store.count_passages(),
            encoded=encoded,
        )

    def _choose_encoder(self, meta: Mapping[str, str], reembed: bool) -> Encoder:
        name = meta.get("encoder_name")
        if self.encoder is None and name is not None and not reembed:
            encoder: Encoder = load_encoder(name)
        else:
            encoder = self.encoder or load_encoder()
        if (
            name is not None and "encoder_fingerprint" in meta and not reembed
        ):  # it may have been lost to damage
            check_encoder(meta, encoder, self.folder)
        return encoder

    def _settings(self, encoder: Encoder) -> dict[str, str]:
        return {
            "encoder_name": encoder.name,
            "encoder_fingerprint": encoder.fingerprint,
            "dim": str(encoder.dim),
            "salt": self.salt,
            "sentences": describe_parts(encoder),
            "splitter": self.size.key,
        }

    def _compare_sources(self, known: _Known, *, reuse: bool) -> _Sources:
        """Read and stage new and changed articles; with `reuse`, unchanged ones are not read
        again.
        """
        sources = _Sources([], [], [], [], [], {}, {})
        owners: dict[str, str] = {}
        to_note: dict[str, tuple[str, str]] = {}
        settled = time_ns() - _SETTLED_NS
        files = scan_files(self.articles)
        readers, folded = self.store.readers(), self.store.folded()
        sizes = [int(stamp.split()[0]) if stamp else 0 for _, stamp in files]
        done, total = 0, sum(sizes)
        for (article_id, stamp), size in zip(files, sizes, strict=True):
            self.progress(done, total, f"{READING}: {article_id}")
            done += size
            _, file_before, text_before, stamp_before = known.get(article_id) or folded.get(
                article_id, _UNKNOWN
            )
            article = None
            try:
                with blame(self.articles / article_id, but=(StoreError,)):
                    by = readers.get(article_id)
                    older = by[1] if by and not is_current(*by) else ""
                    was_read = reuse and not older
                    if was_read and stamp and stamp == stamp_before:
                        file_hash, text_hash = file_before, text_before
                    else:
                        file = load_file(self.articles / article_id, self.articles)
                        if stamp and changed_ns(stamp) < settled:
                            to_note[article_id] = (stamp, file.sha256)
                        file_hash = file.sha256
                        if was_read and file.sha256 == file_before:
                            text_hash = text_before
                        else:
                            article = parse_file(file, password=self.password)
                            text_hash = article.sha256
                            for warning in (
                                find_warning(file, article),
                                older and file_hash == file_before and describe_rereading(older),
                            ):
                                if warning:
                                    sources.warnings.append(ArticleError(file.path, warning))
                    if text_hash in owners:
                        sources.folded[article_id] = owners[text_hash]
                        sources.hashes[article_id] = (file_hash, text_hash)
                        continue
                    if article is None and article_id not in known:
                        # What it was folded into is gone: from now on it stands for itself.
                        article = self.store.get_article(article_id)
                    if article is not None:
                        self.store.stage_article(article, file_hash)
            except ArticleError as error:
                sources.errors.append(error)
                # If a file cannot be read, its earlier version stays, unless it is a duplicate.
                if not text_before or text_before in owners:
                    continue
                text_hash, file_hash = text_before, file_before
                keeps = reuse and article_id in known
                article = None if keeps else self.store.get_article(article_id)
                if article is not None:
                    self.store.stage_article(article, file_hash)
            owners[text_hash] = article_id
            if article is None:
                sources.unchanged.append(article_id)
            else:
                sources.new.append(article_id)
        self.store.note_files(to_note)
        sources.removed.extend(sorted(known.keys() - owners.values()))
        return sources

    def _split(self, sources: _Sources, encoder: Encoder) -> None:
        """Split staged articles into passages, and queue texts that have no vectors yet."""
        articles = len(sources.new)
        for done, article in enumerate(self.store.staged_articles()):
            self.progress(done, articles, "splitting")
            try:
                with blame(self.articles / article.id, but=(StoreError,)):
                    passages = split_passages(article, encoder.count_tokens, size=self.size)
                    keyed = [self._key_text(passage) for passage in passages]
                    rows = [(p, key) for p, (key, _) in zip(passages, keyed, strict=True)]
                    texts = dict(keyed)
                    counts = encoder.count_tokens([text.text for text in texts.values()])
                    self.store.stage_passages(article.id, rows)
            except ArticleError as error:
                self._leave_out(sources, error, article.id)
            else:
                self.store.queue_texts(texts, counts)

    def _leave_out(self, sources: _Sources, error: ArticleError, article_id: str) -> None:
        """Unstage an article that cannot be used; an earlier version stays, if still valid."""
        self.store.unstage_article(article_id)
        sources.new.remove(article_id)
        sources.errors.append(error)
        if article_id in self.known:
            (sources.unchanged if self.as_before else sources.removed).append(article_id)

    def _key_text(self, passage: Passage) -> tuple[bytes, PassageText]:
        text = passage_text(passage)
        return text.key(self.salt), text

    def _encode(self, sources: _Sources, encoder: Encoder) -> int:
        """Encode queued texts and store their vectors at once, so that they survive an
        interruption. Returns how many texts were encoded.
        """
        texts_queued, total = self.store.count_queued()
        done = 0
        failed: dict[bytes, Exception] = {}
        # Longest first: batches of equal length need no padding, and too little memory shows early.
        for tokens, texts in self.store.queued_texts(ENCODE_AT_ONCE):
            self.progress(done, total, ENCODING)
            try:
                rows = encode_texts(encoder, list(texts.values()))
                self.store.put_vectors(dict(zip(texts, rows, strict=True)))
            except (QAError, StoreError):
                raise
            except Exception as error:
                failed |= self._encode_singly(texts, encoder, error)
            done += tokens
        self.progress(total, total, ENCODING)
        if failed:
            self._leave_out_failed(sources, encoder, failed)
        return texts_queued - len(failed)

    def _encode_singly(
        self, texts: Mapping[bytes, PassageText], encoder: Encoder, cause: Exception
    ) -> dict[bytes, Exception]:
        """Encode texts one by one; returns the keys of those that fail, with the errors."""
        failed: dict[bytes, Exception] = {}
        try:
            encoder.encode_passages(["a few plain words"])
        except Exception:
            raise EncoderUnavailable(
                f"the encoder {encoder.name!r} fails ({cause!r}): try another"
            ) from cause
        for key, text in texts.items():
            try:
                self.store.put_vectors({key: encode_texts(encoder, [text])[0]})
            except (QAError, StoreError):
                raise
            except Exception as error:
                failed[key] = error
        return failed

    def _leave_out_failed(
        self, sources: _Sources, encoder: Encoder, failed: Mapping[bytes, Exception]
    ) -> None:
        for article in list(self.store.staged_articles()):
            passages = split_passages(article, encoder.count_tokens, size=self.size)
            keys = {self._key_text(passage)[0] for passage in passages}
            for key in sorted(keys & failed.keys())[:1]:
                self._leave_out(
                    sources, describe_failure(self.articles / article.id, failed[key]), article.id
                )

    def _publish(self, sources: _Sources, settings: Mapping[str, str]) -> int:
        meta = self.store.meta
        generation = self.store.generation + 1
        self.store.begin()
        try:
            removed = self.store.passage_ids([*sources.removed, *sources.new])
            unused = int(meta.get("unused", "0")) + len(removed)
            for article_id in sources.removed:
                self.store.remove_article(article_id)
            self.store.put_staged()
            has_other_keys = self.salt != meta.get("salt", "")
            if has_other_keys or (unused > _UNUSED and unused > self.store.count_passages()):
                self.store.keep_vectors(self._needed_keys())
                unused = 0
            build_id = uuid4().hex
            made_with = {**settings, "unused": str(unused), COPIES: sources.copies()}
            made_with[FOLDED] = json.dumps(sources.hashes)
            self.store.write_meta(
                {**made_with, "generation": str(generation), "build_id": build_id}
            )
            self.progress(0, 1, "indexing")
            change = None
            if "build_id" in meta and not has_other_keys:
                change = Change(
                    generation - 1, meta["build_id"], removed, self.store.passage_ids(sources.new)
                )
            derive(self.folder / "generations", self.store, change)
            self.store.publish()
        except BaseException:
            self.store.rollback()
            raise
        self.progress(1, 1, "indexing")
        remove_old_generations(self.folder / "generations", generation)
        return generation

    def _needed_keys(self) -> Iterable[bytes]:
        return (self._key_text(passage)[0] for _, passage in self.store.iterate_passages())


@contextmanager
def open_to_write(folder: Path) -> Iterator[Opened]:
    """The store of the index in a folder, made if there is none; no other process builds there
    meanwhile, and afterwards a damaged one is replaced.

    Raises:
        IndexBusy: another process is building.
        DiskError: the disk is full or fails.
    """
    path = folder / STORE_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _lock(folder):
            opened = open_or_salvage(path)
            try:
                yield opened
                put_in_place(opened.store, path)
            finally:
                opened.store.close()
                remove_scratch(opened.store, path)
            trust(path)
    except (OSError, StoreError) as error:
        explained = explain_failure(error, folder)
        kind = type(explained) if isinstance(explained, QAError) else QAError
        raise kind(
            f"the index in {folder} could not be written and is as it was: {explained}"
        ) from error


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Keep other builds out by a file lock, which the system releases when its holder ends.

    Raises:
        IndexBusy: another process holds it.
    """
    from filelock import FileLock, Timeout

    holder = folder / "lock.holder"
    try:
        with FileLock(folder / "lock", timeout=0):
            holder.write_text(f"process {os.getpid()} on {socket.gethostname()}")
            yield
    except Timeout:
        name = holder.read_text() if holder.is_file() else "another process"
        raise IndexBusy(
            f"{name} is building the index in {folder}: wait until it is done"
        ) from None
