"""Store -> the files derived from it, FAISS and word index: checksummed, one folder a generation, made again at need."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np

from qa.store import Store, from_half
from qa.vectors import FaissFlat
from qa.words import ANALYSIS, Text, WordIndex, field_of


def derive(generations: Path, store: Store) -> None:
    """Make the files of the store's generation: under another name first, then renamed, so never seen half made."""
    generations.mkdir(exist_ok=True)
    target = generations / str(store.generation)
    scratch = Path(tempfile.mkdtemp(prefix=".making-", dir=generations))
    try:
        (scratch / "words").mkdir()
        _make_vectors(store).write(scratch / "vectors.faiss")
        WordIndex.build(scratch / "words", _indexed_texts(store), _word_fields(store))
        manifest = {"build_id": store.meta["build_id"], "analysis": ANALYSIS, "files": _checksums(scratch)}
        (scratch / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True))
        for path in [*scratch.rglob("*"), scratch]:
            _sync_to_disk(path)
        if target.exists():
            shutil.rmtree(target)
        scratch.rename(target)
        _sync_to_disk(generations)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def open_derived(folder: Path, store: Store, *, may_repair: bool) -> tuple[FaissFlat, WordIndex] | None:
    """Vectors and words of the store's generation, or None where they are missing or not what was written."""
    generations = folder / "generations"
    target = generations / str(store.generation)
    if not _is_intact(target, store.meta["build_id"]):
        if not may_repair:
            return None
        derive(generations, store)
        if not _is_intact(target, store.meta["build_id"]):
            return None
    try:
        return FaissFlat.read(target / "vectors.faiss"), WordIndex.open(target / "words", _word_fields(store))
    except (OSError, ValueError, RuntimeError):
        return None  # deleted by a later build between check and opening


def _is_intact(target: Path, build_id: str) -> bool:
    try:
        manifest = json.loads((target / "manifest.json").read_text())
        is_ours = manifest["build_id"] == build_id and manifest["analysis"] == ANALYSIS
        return is_ours and bool(manifest["files"] == _checksums(target))
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
        vectors[row] = from_half(blob)
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


def remove_old_generations(generations: Path, generation: int) -> None:
    """Keep the newest two: a reader may be about to open the one before. Open files outlive their names."""
    for path in generations.iterdir():
        if path.name.startswith(".making-") or (path.name.isdecimal() and int(path.name) < generation - 1):
            shutil.rmtree(path, ignore_errors=True)
