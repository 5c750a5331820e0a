"""Articles folder -> index: find out what is new, encode that and nothing else, and publish a new generation."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from qa.articles import ArticleFile, find_files, load_file, parse_file
from qa.derived import Change, derive, open_derived, remove_old_generations
from qa.encoder import SentenceTransformerEncoder
from qa.errors import ArticleError, IndexBusy, IndexDamaged, QAError
from qa.index import DEFAULT_INDEX, check_encoder
from qa.keys import passage_text, sentence_texts, vector_key
from qa.passages import DEFAULT_SIZE, SPLITTER, PassageSize, split_passages
from qa.store import STORE_FILE, Store, StoreError
from qa.types import Article, Encoder, Passage, Progress

DEFAULT_ARTICLES = Path("index/articles")
ENCODE_AT_ONCE = 256
"""Texts encoded between two commits: what an interrupted build has to encode again at most."""
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
            return _Build(articles, folder, store, encoder, progress or _no_progress, size).run(reembed, allow_empty)
    except (OSError, StoreError) as error:
        raise QAError(
            f"the index in {folder} could not be written ({error}): it is as it was; "
            "see that the disk has space and may be written, and run `qa build` again"
        ) from error


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
    salt: str = ""
    """Of the keys of vectors."""

    def run(self, reembed: bool, allow_empty: bool) -> BuildReport:
        meta = self.store.meta
        encoder = self._choose_encoder(meta, reembed)
        is_same_encoder = meta.get("encoder_fingerprint") == encoder.fingerprint
        # Vectors of another encoder stay until the new ones are published, and the two never meet under one key.
        self.salt = meta.get("salt", "") if is_same_encoder else encoder.fingerprint
        settings = self._settings(encoder)
        as_before = not reembed and all(meta.get(key, "") == value for key, value in settings.items())
        sources = self._compare_sources(reuse=as_before)
        kept = len(sources.new) + len(sources.unchanged)
        if not kept and sources.removed and not allow_empty:
            raise QAError(
                f"no article is left in {self.articles}, but the index in {self.folder} holds {len(sources.removed)}: "
                "nothing was changed; if they are meant to go, run `qa build --allow-empty`"
            )
        known = self.store.file_hashes()
        if as_before and not sources.new and not sources.removed and "build_id" in meta:
            if open_derived(self.folder, self.store, may_repair=True) is None:
                raise IndexDamaged(f"the files derived in {self.folder} cannot be made: check disk and permissions")
            return BuildReport(
                self.store.generation,
                unchanged=tuple(sources.unchanged),
                errors=tuple(sources.errors),
                passages=self.store.count_passages(),
            )
        split = self._split(sources.new, encoder)
        self._encode(split, encoder, anew=reembed and is_same_encoder)
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
                    present.add(article_id)
                    earlier = None if reuse else self.store.get_article(article_id)
                    if earlier is None:
                        unchanged.append(article_id)
                    else:
                        new[article_id] = (earlier, known[article_id])
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

    def _encode(self, split: Mapping[str, list[Passage]], encoder: Encoder, *, anew: bool) -> None:
        """Encode what has no vector yet and store it at once, so that an interrupted build goes on from there."""
        texts: dict[bytes, str] = {}
        for passages in split.values():
            for passage in passages:
                for text in (passage_text(passage), *sentence_texts(passage)):
                    texts.setdefault(vector_key(text, self.salt), text)
        # Longest first: batches of equal length waste nothing, and memory is at its peak at the start, not at the end.
        wanted = list(texts) if anew else self.store.missing_vectors(texts)
        missing = sorted(wanted, key=lambda key: (-len(texts[key]), key))
        for first in range(0, len(missing), ENCODE_AT_ONCE):
            self.progress(first, len(missing), "encoding")
            keys = missing[first : first + ENCODE_AT_ONCE]
            self.store.put_vectors(keys, encoder.encode_passages([texts[key] for key in keys]))
        self.progress(len(missing), len(missing), "encoding")
        self.encoded = len(missing)

    def _publish(self, sources: _Sources, split: Mapping[str, list[Passage]], settings: Mapping[str, str]) -> int:
        meta = self.store.meta
        generation = self.store.generation + 1
        self.store.begin()
        try:
            removed = self.store.passage_ids([*sources.removed, *sources.new])
            unused = int(meta.get("unused", "0")) + self.store.count_texts(removed)
            for article_id in sources.removed:
                self.store.remove_article(article_id)
            for article_id, (article, file_hash) in sources.new.items():
                keyed = [(passage, vector_key(passage_text(passage), self.salt)) for passage in split[article_id]]
                self.store.put_article(article, file_hash, keyed)
            has_other_keys = self.salt != meta.get("salt", "")
            if has_other_keys or unused > max(_UNUSED, self.store.count_passages()):
                self.store.drop_vectors(self.store.all_vector_keys() - self._needed_keys())
                unused = 0
            build_id = uuid4().hex
            made_with = {**settings, "unused": str(unused)}
            self.store.write_meta({**made_with, "generation": str(generation), "build_id": build_id})
            self.progress(0, 1, "indexing")
            change = None
            if "build_id" in meta and not has_other_keys:
                change = Change(generation - 1, meta["build_id"], removed, self.store.passage_ids(list(sources.new)))
            derive(self.folder / "generations", self.store, change)
            self.store.publish()
        except BaseException:
            self.store.rollback()
            raise
        self.progress(1, 1, "indexing")
        remove_old_generations(self.folder / "generations", generation)
        return generation

    def _needed_keys(self) -> set[bytes]:
        needed = set()
        for _, passage in self.store.iterate_passages():
            needed.add(vector_key(passage_text(passage), self.salt))
            needed.update(vector_key(text, self.salt) for text in sentence_texts(passage))
        return needed


def _no_progress(done: int, total: int, what: str) -> None:
    pass


def _check_unique(file: ArticleFile, text_hash: str, owners: Mapping[str, str]) -> None:
    if text_hash in owners:
        reason = f"has the same text as {owners[text_hash]}: remove one of them"
        raise ArticleError(file.path, reason, is_duplicate=True)


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
