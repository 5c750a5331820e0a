"""Store, vectors and words under one roof: bring an index up to date with its articles, and open one to search it.

    index/qa.sqlite                the truth: articles, passages, vectors
    index/generations/7/           derived from the truth by build 7; checksummed; rebuilt from it when damaged
    index/lock                     held by the one process that builds

A build writes a new generation's files first and then commits the store, which is what publishes it: killed at any
point, an index is whole, old or new.
"""

import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Self
from uuid import uuid4
from weakref import finalize

import numpy as np

from qa.articles import ArticleFile, find_files, load_file, parse_file
from qa.encoder import SentenceTransformerEncoder
from qa.errors import ArticleError, IndexBusy, IndexDamaged, IndexMismatch, IndexMissing, QAError
from qa.passages import SPLITTER, PassageSize, split_passages
from qa.store import Store, vector_key
from qa.types import Article, Encoder, Passage, Progress, Vectors
from qa.vectors import FaissFlat
from qa.words import Text, WordIndex, field_of

STORE_FILE = "qa.sqlite"
DEFAULT_INDEX = Path("index")
DEFAULT_ARTICLES = Path("index/articles")
ENCODE_AT_ONCE = 256
"""Texts encoded between two commits: what an interrupted build has to encode again at most."""
_OPEN_ATTEMPTS = 5


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


class Index:
    """One generation of an index, open for searching; unaffected by later builds."""

    def __init__(self, folder: Path, store: Store, vectors: FaissFlat, words: WordIndex, encoder: Encoder) -> None:
        self.folder = folder
        self.store = store
        self.vectors = vectors
        self.words = words
        self.encoder = encoder
        meta = store.meta
        self.generation = int(meta["generation"])
        self.build_id = meta["build_id"]
        # Whoever still answers a question on this generation keeps it alive; the last one out closes the file.
        self._close = finalize(self, store.close)

    @classmethod
    def open(cls, folder: str | Path = DEFAULT_INDEX, *, encoder: Encoder | None = None) -> Self:
        """Open the newest generation; files derived from the store are checked, and made again if damaged.

        Without an `encoder` the one that the index was built with is loaded.

        Raises:
            IndexMissing: there is none in `folder`.
            IndexMismatch: it was built with another encoder, or by another version of the format.
            IndexDamaged: the store cannot be read.
        """
        folder = Path(folder)
        if not (folder / STORE_FILE).is_file():
            raise IndexMissing(f"there is no index in {folder}: run `qa build` (with --index and --articles if needed)")
        for attempt in range(_OPEN_ATTEMPTS):
            store = Store.open_snapshot(folder / STORE_FILE)
            try:
                meta = store.meta
                if "build_id" not in meta:
                    raise IndexMissing(f"the index in {folder} was never finished: run `qa build`")
                encoder = encoder or SentenceTransformerEncoder.from_pretrained(meta["encoder_name"])
                _check_encoder(meta, encoder, folder)
                derived = _open_derived(folder, store, may_repair=attempt > 0)
            except BaseException:
                store.close()
                raise
            if derived is not None:
                return cls(folder, store, *derived, encoder)
            # Either damaged, or replaced between the two reads: look again, and repair what is still not right.
            store.close()
        raise IndexDamaged(f"the files derived in {folder / 'generations'} cannot be made: check disk and permissions")

    def close(self) -> None:
        """Let go of the files."""
        self._close()

    @property
    def is_current(self) -> bool:
        """Whether no later build has been published."""
        return read_build_id(self.folder) == self.build_id

    def get_article(self, article_id: str) -> Article | None:
        """One article, whole."""
        return self.store.get_article(article_id)

    def list_articles(self) -> Iterator[Article]:
        """All articles, in order of their ids."""
        return self.store.list_articles()

    def passage_vectors(self, passage_ids: Sequence[int]) -> dict[int, Vectors]:
        """Passage id -> its vector, float32 (dim,)."""
        return {key: _from_half(blob) for key, blob in self.store.get_passage_vectors(passage_ids).items()}

    def sentence_vectors(self, passages: Sequence[Passage]) -> Vectors:
        """Vectors of all sentences of the passages in order, float32 (n, dim), unit rows."""
        keys = [vector_key(text) for passage in passages for text in _sentence_texts(passage)]
        kept = self.store.get_vectors(keys)
        if not keys:
            return np.zeros((0, self.encoder.dim), dtype=np.float32)
        return np.stack([_from_half(kept[key]) for key in keys])


def read_build_id(folder: Path) -> str | None:
    """Identity of the newest build in a folder, or None where there is none."""
    if not (folder / STORE_FILE).is_file():
        return None
    store = Store.open_snapshot(folder / STORE_FILE)
    try:
        return store.meta.get("build_id")
    finally:
        store.close()


def list_articles(folder: str | Path = DEFAULT_INDEX) -> list[Article]:
    """All articles in the index in a folder, in order of their ids; loads no model.

    Raises:
        IndexMissing: there is none.
    """
    if read_build_id(Path(folder)) is None:
        raise IndexMissing(f"there is no index in {folder}: run `qa build` (with --index and --articles if needed)")
    store = Store.open_snapshot(Path(folder) / STORE_FILE)
    try:
        return list(store.list_articles())
    finally:
        store.close()


def build(
    articles: str | Path = DEFAULT_ARTICLES,
    folder: str | Path = DEFAULT_INDEX,
    *,
    encoder: Encoder | None = None,
    progress: Progress | None = None,
    size: PassageSize = PassageSize(),
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
        reembed: take another encoder than the index was built with, and encode everything again.
        allow_empty: accept that no article is left in a folder that held some.

    Raises:
        QAError: the folder does not exist, or is empty although the index holds articles.
        IndexBusy: another process is building.
        IndexMismatch: the index was built with another encoder, and `reembed` is false.
    """
    articles, folder = Path(articles), Path(folder)
    if not articles.is_dir():
        raise QAError(f"there is no folder {articles}: make it and put articles into it, or name another with --articles")
    folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder):
        store = Store.open_writer(folder / STORE_FILE)
        try:
            return _Build(articles, folder, store, encoder, progress or _no_progress, size).run(reembed, allow_empty)
        finally:
            store.close()


class _Sources(NamedTuple):
    """The articles folder held against the store."""

    new: dict[str, tuple[Article, str]]
    """Article and sha256 of its file, of those added or changed."""
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
    encoded: int = field(default=0)

    def run(self, reembed: bool, allow_empty: bool) -> BuildReport:
        meta = self.store.meta
        encoder = self._choose_encoder(meta, reembed)
        settings = self._settings(encoder)
        as_before = all(meta.get(key) == value for key, value in settings.items())
        sources = self._compare_sources(reuse=as_before)
        kept = len(sources.new) + len(sources.unchanged)
        if not kept and sources.removed and not allow_empty:
            raise QAError(
                f"no article is left in {self.articles}, but the index in {self.folder} holds {len(sources.removed)}: "
                "nothing was changed; if they are meant to go, run `qa build --allow-empty`"
            )
        known = self.store.file_hashes()
        if as_before and not sources.new and not sources.removed and "build_id" in meta:
            if _open_derived(self.folder, self.store, may_repair=True) is None:
                raise IndexDamaged(f"the files derived in {self.folder} cannot be made: check disk and permissions")
            return BuildReport(
                self.store.generation,
                unchanged=tuple(sources.unchanged),
                errors=tuple(sources.errors),
                passages=self.store.count_passages(),
            )
        split = self._split(sources.new, encoder)
        self._encode(split, encoder)
        generation = self._publish(sources, split, settings)
        return BuildReport(
            generation,
            added=tuple(i for i in sources.new if i not in known),
            changed=tuple(i for i in sources.new if i in known),
            removed=tuple(sources.removed),
            unchanged=tuple(sources.unchanged),
            errors=tuple(sources.errors),
            passages=self.store.count_passages(),
            encoded=self.encoded,
        )

    def _choose_encoder(self, meta: Mapping[str, str], reembed: bool) -> Encoder:
        name = meta.get("encoder_name")
        if self.encoder is None and name is not None and not reembed:
            encoder: Encoder = SentenceTransformerEncoder.from_pretrained(name)
        else:
            encoder = self.encoder or SentenceTransformerEncoder.from_pretrained()
        if name is not None and meta["encoder_fingerprint"] != encoder.fingerprint:
            if not reembed:
                _check_encoder(meta, encoder, self.folder)
            # Vectors of another model are of no use under the same keys.
            self.store.begin()
            self.store.drop_vectors(self.store.all_vector_keys())
            self.store.write_meta({"encoder_fingerprint": "none"})
            self.store.publish()
        return encoder

    def _settings(self, encoder: Encoder) -> dict[str, str]:
        return {
            "encoder_name": encoder.name,
            "encoder_fingerprint": encoder.fingerprint,
            "dim": str(encoder.dim),
            "splitter": f"{SPLITTER} {self.size.max_tokens} {self.size.target_tokens}",
        }

    def _compare_sources(self, *, reuse: bool) -> _Sources:
        """Read what is new or changed; with `reuse`, take over what the store has of unchanged files."""
        known, texts = self.store.file_hashes(), self.store.text_hashes()
        new: dict[str, tuple[Article, str]] = {}
        unchanged: list[str] = []
        errors: list[ArticleError] = []
        owners: dict[str, str] = {}
        present: set[str] = set()
        paths = list(find_files(self.articles))
        for done, path in enumerate(paths):
            self.progress(done, len(paths), "reading")
            article_id = path.relative_to(self.articles).as_posix()
            try:
                file = load_file(path, self.articles)
                same = reuse and known.get(file.id) == file.sha256
                article = None if same else parse_file(file)
                text_hash = texts[file.id] if article is None else article.sha256
                _check_unique(file, text_hash, owners)
            except ArticleError as error:
                errors.append(error)
                # A file that is there but cannot be read keeps its place, unless it is one too many.
                if article_id in known and texts[article_id] not in owners and not error.is_duplicate:
                    owners[texts[article_id]] = article_id
                    unchanged.append(article_id)
                    present.add(article_id)
                continue
            owners[text_hash] = file.id
            present.add(file.id)
            if article is None:
                unchanged.append(file.id)
            else:
                new[file.id] = (article, file.sha256)
        return _Sources(new, unchanged, sorted(known.keys() - present), errors)

    def _split(self, new: Mapping[str, tuple[Article, str]], encoder: Encoder) -> dict[str, list[Passage]]:
        split = {}
        for done, (article_id, (article, _)) in enumerate(new.items()):
            self.progress(done, len(new), "splitting")
            split[article_id] = split_passages(article, encoder.count_tokens, size=self.size)
        return split

    def _encode(self, split: Mapping[str, list[Passage]], encoder: Encoder) -> None:
        """Encode what has no vector yet and store it at once, so that an interrupted build goes on from there."""
        texts: dict[bytes, str] = {}
        for passages in split.values():
            for passage in passages:
                for text in (_passage_text(passage), *_sentence_texts(passage)):
                    texts.setdefault(vector_key(text), text)
        # Longest first: batches of equal length waste nothing, and memory is at its peak at the start, not at the end.
        missing = sorted(self.store.missing_vectors(texts), key=lambda key: (-len(texts[key]), key))
        for first in range(0, len(missing), ENCODE_AT_ONCE):
            self.progress(first, len(missing), "encoding")
            keys = missing[first : first + ENCODE_AT_ONCE]
            self.store.put_vectors(keys, encoder.encode_passages([texts[key] for key in keys]))
        self.progress(len(missing), len(missing), "encoding")
        self.encoded = len(missing)

    def _publish(
        self, sources: _Sources, split: Mapping[str, list[Passage]], settings: Mapping[str, str]
    ) -> int:
        generation = self.store.generation + 1
        build_id = uuid4().hex
        self.store.begin()
        try:
            for article_id in sources.removed:
                self.store.remove_article(article_id)
            for article_id, (article, file_hash) in sources.new.items():
                keyed = [(passage, vector_key(_passage_text(passage))) for passage in split[article_id]]
                self.store.put_article(article, file_hash, keyed)
            self.store.drop_vectors(self.store.all_vector_keys() - _needed_keys(self.store))
            self.store.write_meta({**settings, "generation": str(generation), "build_id": build_id})
            self.progress(0, 1, "indexing")
            _derive(self.folder / "generations", self.store)
            self.store.publish()
        except BaseException:
            self.store.rollback()
            raise
        self.progress(1, 1, "indexing")
        _remove_old_generations(self.folder / "generations", generation)
        return generation


def _no_progress(done: int, total: int, what: str) -> None:
    pass


def _check_unique(file: ArticleFile, text_hash: str, owners: Mapping[str, str]) -> None:
    if text_hash in owners:
        reason = f"has the same text as {owners[text_hash]}: remove one of them"
        raise ArticleError(file.path, reason, is_duplicate=True)


def _check_encoder(meta: Mapping[str, str], encoder: Encoder, folder: Path) -> None:
    if meta["encoder_fingerprint"] != encoder.fingerprint:
        raise IndexMismatch(
            f"the index in {folder} was built with the encoder {meta['encoder_name']!r} ({meta['encoder_fingerprint'][:8]}), "
            f"not with {encoder.name!r} ({encoder.fingerprint[:8]}): name the former, or run `qa build --reembed`"
        )


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


def _passage_text(passage: Passage) -> str:
    """What is encoded for a passage: its title gives context, without being part of it."""
    text = " ".join(passage.text.split())
    return f"{passage.article.title}. {text}"


def _sentence_texts(passage: Passage) -> list[str]:
    text = passage.article.text
    return [" ".join(text[sentence.start : sentence.end].split()) for sentence in passage.sentences]


def _needed_keys(store: Store) -> set[bytes]:
    needed = set()
    for _, passage in store.iterate_passages():
        needed.add(vector_key(_passage_text(passage)))
        needed.update(map(vector_key, _sentence_texts(passage)))
    return needed


def _from_half(blob: bytes) -> Vectors:
    return np.frombuffer(blob, dtype=np.float16).astype(np.float32)


# -- the files derived from the store ------------------------------------------------------------------------------


def _derive(generations: Path, store: Store) -> None:
    """Make the files of the store's generation: under another name first, then renamed, so never seen half made."""
    generations.mkdir(exist_ok=True)
    target = generations / str(store.generation)
    scratch = Path(tempfile.mkdtemp(prefix=".making-", dir=generations))
    try:
        (scratch / "words").mkdir()
        _make_vectors(store).write(scratch / "vectors.faiss")
        WordIndex.build(scratch / "words", _indexed_texts(store), _word_fields(store))
        manifest = {"build_id": store.meta["build_id"], "files": _checksums(scratch)}
        (scratch / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True))
        for path in [*scratch.rglob("*"), scratch]:
            _sync_to_disk(path)
        if target.exists():
            shutil.rmtree(target)
        scratch.rename(target)
        _sync_to_disk(generations)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _open_derived(folder: Path, store: Store, *, may_repair: bool) -> tuple[FaissFlat, WordIndex] | None:
    """Vectors and words of the store's generation, or None where they are missing or not what was written."""
    generations = folder / "generations"
    target = generations / str(store.generation)
    if not _is_intact(target, store.meta["build_id"]):
        if not may_repair:
            return None
        _derive(generations, store)
        if not _is_intact(target, store.meta["build_id"]):
            return None
    try:
        return FaissFlat.read(target / "vectors.faiss"), WordIndex.open(target / "words", _word_fields(store))
    except (OSError, ValueError, RuntimeError):
        return None  # deleted by a later build between check and opening


def _is_intact(target: Path, build_id: str) -> bool:
    try:
        manifest = json.loads((target / "manifest.json").read_text())
        return bool(manifest["build_id"] == build_id and manifest["files"] == _checksums(target))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _checksums(folder: Path) -> dict[str, str]:
    """Path below `folder` -> sha256, for all files but locks and the manifest itself."""
    sums = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != "manifest.json" and not path.name.endswith(".lock"):
            with path.open("rb") as file:
                digest = sha256()
                while piece := file.read(2**20):
                    digest.update(piece)
            sums[name] = digest.hexdigest()
    return sums


def _make_vectors(store: Store) -> FaissFlat:
    ids, vectors = [], np.zeros((store.count_passages(), int(store.meta["dim"])), dtype=np.float32)
    for row, (passage_id, blob) in enumerate(store.passage_vectors()):
        ids.append(passage_id)
        vectors[row] = _from_half(blob)
    return FaissFlat.build(ids, vectors[: len(ids)])


def _indexed_texts(store: Store) -> Iterator[Text]:
    for passage_id, passage in store.iterate_passages():
        yield Text(passage_id, passage.article.language, passage.text, passage.article.title)


def _word_fields(store: Store) -> list[str]:
    return sorted({field_of(language) for language in store.languages()})


def _sync_to_disk(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot open folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_old_generations(generations: Path, generation: int) -> None:
    """Keep the newest two: a reader may be about to open the one before. Open files outlive their names."""
    for path in generations.iterdir():
        if path.name.startswith(".making-") or (path.name.isdecimal() and int(path.name) < generation - 1):
            shutil.rmtree(path, ignore_errors=True)
