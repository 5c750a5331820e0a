"""Store -> the files derived from it (FAISS index, word index), in a folder for each generation.

Their checksums are in a manifest, and they are made again if damaged or missing. A build that
changes little extends the generation before, at a cost that does not grow with the index: large
files are hard-linked and keep their checksums, and new vectors go to a small file until they are
many.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Any, NamedTuple, Self
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from qa.index.store import Store, report_damage
from qa.index.vectors import FaissIndex, JoinedIndex, choose_kind
from qa.index.words import LAYOUT, Text, WordIndex, field_of
from qa.types import Passage, Vectors

MANIFEST = "manifest.json"
VECTORS = "vectors.faiss"
RECENT = "recent.faiss"
"""Vectors added since the large file was written."""
RECENT_UP_TO = 2000
"""Vectors in that file (1.5 MB, rewritten when one is added); more go to the large file."""
WORDS = "words"
_SCRATCH = ".making-"
_hashes: dict[tuple[int, int, int, int], str] = {}
"""(device, inode, size, mtime) -> sha256 of files that this process has read before."""
_ABANDONED_SECONDS = 3600
"""Age at which a scratch folder counts as left behind by a killed process."""
_WORN = 1000
"""If more texts than this, and more than a tenth of all, were removed from the word index, it is
made again: each removed text slows searching down."""


class Change(NamedTuple):
    """What a build changed relative to the generation before."""

    generation: int
    build_id: str
    removed: list[int]
    """Ids of passages; an id that is used again is in both lists."""
    added: list[int]


class Checked(NamedTuple):
    """The result of verifying the files of a generation."""

    flaws: list[str]
    files: int
    """Number of files."""
    facts: dict[str, Any]
    """The manifest's other entries."""


class _Manifest(NamedTuple):
    """Checksums and properties of a generation's files."""

    build_id: str
    files: dict[str, str]
    """Path below the generation's folder -> sha256."""
    facts: dict[str, Any]
    """Analysis and fields of the word index, kind and recall of the vector index."""

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Read the manifest in a folder; None if it is missing or damaged."""
        try:
            values = json.loads((folder / MANIFEST).read_text())
            if values.pop("checksum") != _digest(values):
                return None
            return cls(values.pop("build_id"), values.pop("files"), values)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def write(self, folder: Path) -> None:
        values = {**self.facts, "build_id": self.build_id, "files": self.files}
        values["checksum"] = _digest(values)
        (folder / MANIFEST).write_text(json.dumps(values, indent=1, sort_keys=True))


def _digest(values: dict[str, Any]) -> str:
    return sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


class _StoredVectors:
    """The vectors of some passages, read from the store on demand; see `vectors.Rows`."""

    def __init__(self, store: Store, passage_ids: Sequence[int]) -> None:
        self._store = store
        self._ids = np.asarray(passage_ids, dtype=np.int64)
        self.shape = (len(passage_ids), int(store.meta["dim"]))

    def __getitem__(self, rows: NDArray[np.int64], /) -> Vectors:
        ids = self._ids[rows].tolist()
        kept = self._store.get_passage_vectors(ids)
        if len(kept) < len(ids):
            raise report_damage(self._store.path, "vectors are missing")
        halves = np.frombuffer(b"".join(kept[i] for i in ids), dtype=np.float16)
        return halves.astype(np.float32).reshape(len(ids), self.shape[1])


def derive(generations: Path, store: Store, change: Change | None = None) -> None:
    """Make the files of the store's generation, in a scratch folder that is renamed at the end.

    With `change`, those of the generation before are extended, if they are intact.

    Raises:
        OSError: the disk is full or fails.
    """
    generations.mkdir(exist_ok=True)
    target = generations / str(store.generation)
    scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=generations))
    try:
        manifest = change and _extend(
            _renew(scratch), generations / str(change.generation), store, change
        )
        if not manifest:
            manifest = _make(_renew(scratch), store)
        manifest.write(scratch)
        for path in [*scratch.rglob("*"), scratch]:
            if path.is_dir() or path.stat().st_nlink == 1:  # a link's file is on the disk already
                _sync_to_disk(path)
        if target.exists():
            shutil.rmtree(target)
        scratch.rename(target)
        _sync_to_disk(generations)
    except (
        RuntimeError,
        ValueError,
    ) as error:  # as FAISS and tantivy report a disk that is full or fails
        raise OSError(f"{scratch.name}: {error}") from error
    except OSError:
        # Another process may have repaired the same generation at the same time.
        if check_derived(generations.parent, store).flaws:
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def open_derived(
    folder: Path, store: Store, *, may_repair: bool
) -> tuple[JoinedIndex, WordIndex] | None:
    """Vector and word index of the store's generation; None if they are missing or damaged and,
    with `may_repair`, cannot be made again.
    """
    target = folder / "generations" / str(store.generation)
    # Files shared with a generation that was open before are not hashed again.
    checked = _check(target, store.meta.get("build_id", ""), _hash_once)
    if checked.flaws and may_repair:
        derive(folder / "generations", store)
        checked = check_derived(folder, store)
    if checked.flaws:
        return None
    try:
        parts = [FaissIndex.read(target / VECTORS, kind=checked.facts.get("kind", "Flat"))]
        if (target / RECENT).exists():
            parts.append(FaissIndex.read(target / RECENT))
        facts = checked.facts
        is_worn = bool(facts.get("removed"))
        return JoinedIndex(parts), _open_words(target / WORDS, facts["fields"], is_worn)
    except (OSError, ValueError, RuntimeError, KeyError):
        return None  # deleted by a later build since they were checked


def _open_words(folder: Path, fields: Sequence[str], is_worn: bool) -> WordIndex:
    """Open a word index; if its folder is read-only, by links in a temporary folder, since tantivy
    creates a lock file beside the files that it reads.
    """
    if os.access(folder, os.W_OK):
        return WordIndex.open(folder, fields, is_worn=is_worn)
    links = tempfile.TemporaryDirectory(prefix="article-qa-")
    for path in folder.iterdir():
        if not path.name.endswith(".lock"):
            Path(links.name, path.name).symlink_to(path.absolute())
    words = WordIndex.open(Path(links.name), fields, is_worn=is_worn)
    finalize(words, links.cleanup)
    return words


def check_derived(folder: Path, store: Store) -> Checked:
    """Verify the files of the store's generation by their manifest."""
    return _check(folder / "generations" / str(store.generation), store.meta.get("build_id", ""))


def remove_old_generations(generations: Path, generation: int) -> None:
    """Remove all but the newest two generations: a reader may be about to open the one before.
    Files that are still open remain readable.
    """
    for path in generations.iterdir():
        is_old = path.name.isdecimal() and int(path.name) < generation - 1
        if is_old or (path.name.startswith(_SCRATCH) and _is_abandoned(path)):
            shutil.rmtree(path, ignore_errors=True)


def _is_abandoned(scratch: Path) -> bool:
    """Whether a scratch folder is so old that no process can still be writing it."""
    try:
        return time() - scratch.stat().st_mtime > _ABANDONED_SECONDS
    except OSError:
        return False


def _check(target: Path, build_id: str, hash_file: Callable[[Path], str] | None = None) -> Checked:
    manifest = _Manifest.read(target)
    if manifest is None:
        return Checked([f"{target / MANIFEST} is missing or has been altered"], 0, {})
    try:
        noted, found = (
            manifest.files,
            {name: (hash_file or _hash)(target / name) for name in _list_files(target)},
        )
    except OSError as error:
        return Checked([f"{target} cannot be read ({error})"], 0, {})
    flaws = [] if manifest.build_id == build_id else [f"{target} belongs to another build"]
    flaws += (
        []
        if manifest.facts.get("analysis") == LAYOUT
        else ["words were analysed by another version"]
    )
    flaws += [f"{target / name} is missing" for name in sorted(noted.keys() - found.keys())]
    flaws += [f"{target / name} is not known" for name in sorted(found.keys() - noted.keys())]
    both = sorted(noted.keys() & found.keys())
    flaws += [f"{target / name} has been altered" for name in both if noted[name] != found[name]]
    return Checked(flaws, len(noted), manifest.facts)


def _renew(scratch: Path) -> Path:
    """Empty a scratch folder, and give it the usual permissions instead of a temporary folder's."""
    shutil.rmtree(scratch)
    (scratch / WORDS).mkdir(parents=True)
    return scratch


def _make(scratch: Path, store: Store) -> _Manifest:
    fields = _word_fields(store)
    facts = _write_vectors(scratch, store)
    WordIndex.build(scratch / WORDS, map(_text, store.iterate_passages()), fields)
    files = {name: _hash(scratch / name) for name in _list_files(scratch)}
    return _Manifest(store.meta["build_id"], files, {**facts, "analysis": LAYOUT, "fields": fields})


def _extend(scratch: Path, base: Path, store: Store, change: Change) -> _Manifest | None:
    """Make the files from those of the generation before; None if those are damaged.

    Linked files keep their old checksums, so that damage is found when they are opened. Files that
    are read and changed are verified first, so that damage does not get a new checksum.
    """
    before = _Manifest.read(base)
    fields = _word_fields(store)
    if before is None or before.build_id != change.build_id:
        return None
    if (before.facts.get("analysis"), before.facts.get("fields")) != (LAYOUT, fields):
        return None
    try:
        facts = _extend_vectors(scratch, base, store, change, before)
        facts["removed"] = _extend_words(scratch, base, store, change, before)
        inodes, inodes_before = _list_files(scratch), _list_files(base)
        linked = {name for name, inode in inodes.items() if inodes_before.get(name) == inode}
        # The word index sometimes merges several files into one.
        _check_sources(
            base, before, {name for name in before.files if name.startswith(WORDS)} - linked
        )
    except (OSError, RuntimeError, ValueError):  # as FAISS and tantivy report damage
        return None
    files = {
        name: before.files[name] if name in linked else _hash(scratch / name) for name in inodes
    }
    return _Manifest(store.meta["build_id"], files, {**facts, "analysis": LAYOUT, "fields": fields})


def _check_sources(base: Path, noted: _Manifest, names: Iterable[str]) -> None:
    for name in names:
        if _hash(base / name) != noted.files[name]:
            raise ValueError(f"{base / name} has been altered")


def _extend_vectors(
    scratch: Path, base: Path, store: Store, change: Change, noted: _Manifest
) -> dict[str, Any]:
    facts = {key: noted.facts.get(key) for key in ("kind", "recall_at_10", "made_for")}
    count, kind = store.count_passages(), facts["kind"]
    # Lists are also trained again when vectors have doubled: their distribution may have changed.
    if kind != choose_kind(count) or (
        kind.startswith("IVF") and count > 2 * int(facts["made_for"] or 0)
    ):
        return _write_vectors(scratch, store)
    recent = FaissIndex.build(
        [], _StoredVectors(store, []), kind="Flat" if kind == "Flat" else "SQfp16"
    )
    if RECENT in noted.files:
        _check_sources(base, noted, [RECENT])
        recent = FaissIndex.read(base / RECENT, to_change=True)
    recent_ids = set(recent.ids)
    young = sorted((recent_ids - set(change.removed)) | set(change.added))
    # Vectors in the small file are removed from that; these are in the large one.
    stale = sorted(set(change.removed) - recent_ids)
    if not stale and len(young) <= RECENT_UP_TO:
        _link(base / VECTORS, scratch / VECTORS)
        if young:
            recent.remove(change.removed)
            recent.add(change.added, _StoredVectors(store, change.added))
            recent.write(scratch / RECENT)
        return facts
    _check_sources(base, noted, [VECTORS])
    whole = FaissIndex.read(base / VECTORS, to_change=True)
    whole.remove(stale)
    whole.add(young, _StoredVectors(store, young))
    whole.write(scratch / VECTORS)
    return facts


def _extend_words(scratch: Path, base: Path, store: Store, change: Change, noted: _Manifest) -> int:
    """Extend the word index; returns how many texts were removed since it was last rebuilt."""
    fields = _word_fields(store)
    removed = len(change.removed) + int(noted.facts.get("removed") or 0)
    if removed > max(_WORN, store.count_passages() // 10):
        WordIndex.build(scratch / WORDS, map(_text, store.iterate_passages()), fields)
        return 0
    _check_sources(
        base,
        noted,
        [name for name in noted.files if name.startswith(WORDS) and name.endswith(".json")],
    )
    for path in (base / WORDS).iterdir():
        if not path.name.endswith(".lock"):
            _link(path, scratch / WORDS / path.name)
    added = sorted(
        store.get_passages(change.added).items(),
        key=lambda item: (item[1].article.id, item[1].start),
    )
    WordIndex.extend(
        scratch / WORDS,
        map(_text, added),
        fields,
        removed=change.removed,
        is_worn=bool(removed),
    )
    return removed


def _link(source: Path, target: Path) -> None:
    """Hard-link or copy a file; links are safe, since tantivy replaces files, and never changes
    one.
    """
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)


def _list_files(folder: Path) -> dict[str, int]:
    """Path below `folder` -> inode, for all files but locks and the manifest itself."""
    found = {}
    for parent in (folder, folder / WORDS):
        with os.scandir(parent) as entries:
            for entry in entries:
                name = entry.name if parent == folder else f"{WORDS}/{entry.name}"
                if entry.is_file() and name != MANIFEST and not name.endswith(".lock"):
                    found[name] = entry.inode()
    return found


def _hash(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(2**20):
            digest.update(piece)
    return digest.hexdigest()


def _write_vectors(scratch: Path, store: Store) -> dict[str, Any]:
    """Index all vectors; returns kind, recall at 10 and number of vectors for the manifest."""
    ids = store.passage_ids()
    index = FaissIndex.build(ids, _StoredVectors(store, ids))
    index.write(scratch / VECTORS)
    return {
        "kind": choose_kind(len(ids)),
        "recall_at_10": round(index.recall, 4),
        "made_for": len(ids),
    }


def _text(item: tuple[int, Passage]) -> Text:
    passage_id, passage = item
    return Text(passage_id, passage.article.language, passage.text, passage.article.title)


def _word_fields(store: Store) -> list[str]:
    return sorted({field_of(language) for language in store.languages()})


def _hash_once(path: Path) -> str:
    status = path.stat()
    key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    if key not in _hashes:
        _hashes[key] = _hash(path)
    return _hashes[key]


def _sync_to_disk(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot open folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
