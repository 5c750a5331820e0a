"""Store -> the files derived from it, FAISS and word index: one folder a generation, checksummed, made again at need.

A build that only adds extends the generation before: unchanged files are hard links to it, and nothing is read twice.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Any, NamedTuple

import numpy as np

from qa.store import Store, from_half
from qa.types import Passage, Vectors
from qa.vectors import FaissIndex, choose_kind
from qa.words import ANALYSIS, Text, WordIndex, field_of

MANIFEST = "manifest.json"
VECTORS = "vectors.faiss"
WORDS = "words"
_SCRATCH = ".making-"
_ABANDONED_SECONDS = 3600


class Change(NamedTuple):
    """What a build changed in the generation before."""

    generation: int
    build_id: str
    removed: list[int]
    """Ids of passages; an id may be given anew, and is then among both."""
    added: list[int]


class Checked(NamedTuple):
    """What is wrong with the files of a generation, if anything."""

    flaws: list[str]
    files: int
    """How many there are."""
    facts: dict[str, Any]
    """What the manifest says beside checksums."""


def derive(generations: Path, store: Store, change: Change | None = None) -> None:
    """Make the files of the store's generation: under another name first, then renamed, so never seen half made."""
    generations.mkdir(exist_ok=True)
    target = generations / str(store.generation)
    scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=generations))
    fields = _word_fields(store)
    base = change and _find_base(generations, change, fields)
    try:
        (scratch / WORDS).mkdir()
        if base and change:
            facts = _extend(scratch, base, store, change)
        else:
            facts = _write_vectors(scratch, store)
            WordIndex.build(scratch / WORDS, map(_text, store.iterate_passages()), fields)
        manifest = {
            "build_id": store.meta["build_id"],
            "analysis": ANALYSIS,
            "fields": fields,
            **facts,
            "files": _checksums(scratch, base),
        }
        (scratch / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True))
        for path in [*scratch.rglob("*"), scratch]:
            if path.is_dir() or path.stat().st_nlink == 1:  # a link's file is on the disk already
                _sync_to_disk(path)
        if target.exists():
            shutil.rmtree(target)
        scratch.rename(target)
        _sync_to_disk(generations)
    except (RuntimeError, ValueError) as error:  # what FAISS and tantivy make of a disk that is full or fails
        raise OSError(f"{scratch.name}: {error}") from error
    except OSError:
        # Somebody else may have mended the same generation at the same time.
        if check_derived(generations.parent, store).flaws:
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def open_derived(folder: Path, store: Store, *, may_repair: bool) -> tuple[FaissIndex, WordIndex] | None:
    """Vectors and words of the store's generation, or None where they are missing or not what was written."""
    target = folder / "generations" / str(store.generation)
    checked = check_derived(folder, store)
    if checked.flaws and may_repair:
        derive(folder / "generations", store)
        checked = check_derived(folder, store)
    if checked.flaws:
        return None
    try:
        vectors = FaissIndex.read(target / VECTORS, kind=checked.facts.get("kind", "Flat"))
        return vectors, WordIndex.open(target / WORDS, _word_fields(store))
    except (OSError, ValueError, RuntimeError):
        return None  # deleted by a later build between check and opening


def check_derived(folder: Path, store: Store) -> Checked:
    """Hold the files of the store's generation against their manifest."""
    return _check(folder / "generations" / str(store.generation), store.meta.get("build_id", ""))


def remove_old_generations(generations: Path, generation: int) -> None:
    """Keep the newest two: a reader may be about to open the one before. Open files outlive their names."""
    for path in generations.iterdir():
        is_old = path.name.isdecimal() and int(path.name) < generation - 1
        if is_old or (path.name.startswith(_SCRATCH) and _is_abandoned(path)):
            shutil.rmtree(path, ignore_errors=True)


def _is_abandoned(scratch: Path) -> bool:
    """A reader may be mending; nobody takes an hour."""
    try:
        return time() - scratch.stat().st_mtime > _ABANDONED_SECONDS
    except OSError:
        return False


def _check(target: Path, build_id: str) -> Checked:
    try:
        manifest = json.loads((target / MANIFEST).read_text())
        noted: Mapping[str, str] = manifest["files"]
        found = _checksums(target)
        flaws = [] if manifest["build_id"] == build_id else [f"{target} belongs to another build"]
        flaws += [] if manifest["analysis"] == ANALYSIS else ["words were analysed by another version"]
        flaws += [f"{target / name} is missing" for name in sorted(noted.keys() - found.keys())]
        flaws += [f"{target / name} is not known" for name in sorted(found.keys() - noted.keys())]
        both = sorted(noted.keys() & found.keys())
        flaws += [f"{target / name} has been altered" for name in both if noted[name] != found[name]]
        facts = {key: value for key, value in manifest.items() if key not in ("files", "build_id")}
        return Checked(flaws, len(noted), facts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Checked([f"{target / MANIFEST} cannot be read ({error!r})"], 0, {})


def _find_base(generations: Path, change: Change, fields: list[str]) -> Path | None:
    """The generation to extend, if it is whole: what is damaged must not be carried on under new checksums."""
    base = generations / str(change.generation)
    checked = _check(base, change.build_id)
    return base if not checked.flaws and checked.facts.get("fields") == fields else None


def _extend(scratch: Path, base: Path, store: Store, change: Change) -> dict[str, Any]:
    before = json.loads((base / MANIFEST).read_text())
    facts: dict[str, Any] = {key: before.get(key) for key in ("kind", "recall_at_10")}
    if facts["kind"] == choose_kind(store.count_passages()):
        vectors = FaissIndex.read(base / VECTORS, to_change=True)
        vectors.remove(change.removed)
        vectors.add(*_stack(store.get_passage_vectors(change.added).items(), int(store.meta["dim"]), len(change.added)))
        vectors.write(scratch / VECTORS)
    else:
        facts = _write_vectors(scratch, store)
    fields = _word_fields(store)
    if change.removed:
        # Deleted texts would go on counting in how rare a word is: scores would depend on an index's past.
        WordIndex.build(scratch / WORDS, map(_text, store.iterate_passages()), fields)
        return facts
    for path in (base / WORDS).iterdir():
        if not path.name.endswith(".lock"):
            _link(path, scratch / WORDS / path.name)
    added = sorted(store.get_passages(change.added).items(), key=lambda item: (item[1].article.id, item[1].start))
    WordIndex.extend(scratch / WORDS, map(_text, added), fields)
    return facts


def _link(source: Path, target: Path) -> None:
    """The word index never writes into a file that is there: it replaces it."""
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)


def _checksums(folder: Path, base: Path | None = None) -> dict[str, str]:
    """Path below `folder` -> sha256, for all files but locks and the manifest itself.

    Of files linked from `base`, which has just been checked, the known one is taken.
    """
    known: Mapping[str, str] = json.loads((base / MANIFEST).read_text())["files"] if base else {}
    sums = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != MANIFEST and not path.name.endswith(".lock"):
            is_linked = base is not None and name in known and path.samefile(base / name)
            sums[name] = known[name] if is_linked else _hash(path)
    return sums


def _hash(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(2**20):
            digest.update(piece)
    return digest.hexdigest()


def _write_vectors(scratch: Path, store: Store) -> dict[str, Any]:
    """Index all vectors; returns the kind of index, and its recall against exact search."""
    ids, vectors = _stack(store.passage_vectors(), int(store.meta["dim"]), store.count_passages())
    kind = choose_kind(len(ids))
    index = FaissIndex.build(ids, vectors, kind=kind)
    index.write(scratch / VECTORS)
    is_exact = not kind.startswith("IVF")
    recall = 1.0 if is_exact else index.measure_recall(np.asarray(ids, dtype=np.int64), vectors)
    return {"kind": kind, "recall_at_10": round(recall, 4)}


def _stack(pairs: Iterable[tuple[int, bytes]], dim: int, count: int) -> tuple[list[int], Vectors]:
    """(passage id, float16 bytes) -> ids, and float32 (n, dim)."""
    ids, vectors = [], np.zeros((count, dim), dtype=np.float32)
    for row, (passage_id, blob) in enumerate(pairs):
        ids.append(passage_id)
        vectors[row] = from_half(blob)
    return ids, vectors[: len(ids)]


def _text(item: tuple[int, Passage]) -> Text:
    passage_id, passage = item
    return Text(passage_id, passage.article.language, passage.text, passage.article.title)


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
