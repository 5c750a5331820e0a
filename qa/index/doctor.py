"""An index -> what is in it, and what is wrong with it; changes nothing (`qa build` repairs)."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from qa.articles.scan import find_files
from qa.encoder import load_encoder
from qa.encoder.parts import describe_parts
from qa.errors import DiskError, QAError
from qa.index.generations import check_derived, open_derived
from qa.index.keys import PassageText, encode_texts, passage_text
from qa.index.store import FOLDED, STORE_FILE, Store, distrust, find_store, from_half
from qa.types import Encoder, Passage, Progress, Vectors

SAMPLE = 16
"""Passages that are encoded again, with their sentences, to compare with the stored vectors."""
MIN_COSINE = 0.99
"""Least cosine of such a pair; half precision and other batches change it by far less."""
MIN_FREE_BYTES = 200_000_000
_SHOWN = 3
_BUILD = "run `qa build`"
_REEMBED = "run `qa build --reembed`"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check."""

    check: str
    is_ok: bool
    detail: str
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """The finding as a JSON value."""
        return {"check": self.check, "ok": self.is_ok, "detail": self.detail, "remedy": self.remedy}


def examine(
    folder: Path,
    articles: Path,
    *,
    encoder: Encoder | None = None,
    progress: Progress | None = None,
) -> list[Finding]:
    """Make all checks, in order; a failed one does not prevent the others."""
    try:
        path = find_store(folder)
    except QAError as error:
        return [_trouble("store", error)]
    findings = _attempt("disk", lambda: _check_disk(folder))
    try:
        store = Store.open_snapshot(path)
    except QAError as error:
        return [*findings, _trouble("store", error)]
    try:
        findings += _attempt("store", lambda: _check_store(store, progress))
        if not findings[-1].is_ok:
            distrust(path)  # the next build is to look at everything
            return findings
        findings += _attempt("articles", lambda: _check_articles(store, articles))
        findings += _attempt("offsets", lambda: _check_offsets(store, progress))
        findings += _attempt("vectors", lambda: _check_vectors(store))
        findings += _attempt("files", lambda: _check_files(folder, store))
        findings += _attempt("encoder", lambda: _check_encoder(store, encoder))
    finally:
        store.close()
    return findings


def _attempt(check: str, look: Callable[[], Finding | list[Finding]]) -> list[Finding]:
    """The findings of a check; if it raises an exception, that is the finding."""
    try:
        found = look()
    except Exception as error:  # of any kind: the other checks are still to be made
        return [_trouble(check, error)]
    return found if isinstance(found, list) else [found]


def _trouble(check: str, error: Exception) -> Finding:
    if isinstance(error, DiskError):
        return Finding(check, False, str(error))
    if isinstance(error, OSError):
        return Finding(check, False, str(DiskError.explain(error)))
    return Finding(
        check, False, str(error) if isinstance(error, QAError) else f"it failed ({error!r})", _BUILD
    )


def describe_index(folder: Path) -> dict[str, Any]:
    """Sizes in bytes, counts, generation and models of the index in a folder; loads no model.

    Raises:
        IndexMissing: there is none.
    """
    store = Store.open_snapshot(find_store(folder))
    try:
        meta = store.meta
        generation = folder / "generations" / meta["generation"]
        return {
            "index": str(folder),
            "generation": int(meta["generation"]),
            "build_id": meta.get("build_id"),
            "articles": store.count_articles(),
            "passages": store.count_passages(),
            "vectors": store.count_vectors(),
            "languages": sorted(language or "unknown" for language in store.languages()),
            "encoder": meta.get("encoder_name"),
            "encoder_fingerprint": meta.get("encoder_fingerprint"),
            "reader": meta.get("reader"),
            "dimension": int(meta.get("dim", 0)),
            "sentences": meta.get("sentences"),
            "splitter": meta.get("splitter"),
            "format": int(meta["format"]),
            "store_bytes": sum(path.stat().st_size for path in folder.glob(f"{STORE_FILE}*")),
            "derived_bytes": sum(
                path.stat().st_size for path in generation.rglob("*") if path.is_file()
            ),
            **check_derived(folder, store).facts,
        }
    finally:
        store.close()


def _check_disk(folder: Path) -> Finding:
    used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    # A build writes a whole generation beside the one in use.
    needed = max(MIN_FREE_BYTES, used)
    detail = f"{free / 1e9:.1f} GB free, the index takes {used / 1e6:.1f} MB"
    remedy = "" if free >= needed else f"free {(needed - free) / 1e9:.1f} GB before the next build"
    return Finding("disk", free >= needed, detail, remedy)


def _check_store(store: Store, progress: Progress | None) -> Finding:
    flaws = store.find_damage(progress)
    if flaws:
        return Finding(
            "store", False, _list(flaws), f"{_BUILD}, which repairs it from the articles"
        )
    if "build_id" not in store.meta:
        return Finding("store", False, "no build was ever finished", _BUILD)
    counts = f"{store.count_articles()} articles, {store.count_passages()} passages"
    return Finding(
        "store", True, f"{counts}, generation {store.generation}; all is as it was stored"
    )


def _check_articles(store: Store, articles: Path) -> Finding:
    """Compare the files' hashes: a changed file is no damage, but its quotes are outdated."""
    if not articles.is_dir():
        return Finding(
            "articles", False, f"there is no folder {articles}", "name it with --articles"
        )
    folded: dict[str, list[str]] = json.loads(store.meta.get(FOLDED, "{}"))
    kept = store.file_hashes() | {name: hashes[0] for name, hashes in folded.items()}
    try:
        present = {path.relative_to(articles).as_posix(): path for path in find_files(articles)}
    except QAError as error:
        return Finding("articles", False, str(error), "check its permissions")
    gone = [article_id for article_id in kept if article_id not in present]
    changed = [i for i, path in present.items() if i in kept and _hash(path) != kept[i]]
    if gone or changed:
        detail = (
            f"{len(gone)} gone and {len(changed)} changed since the last build: "
            f"{_list([*gone, *changed])}"
        )
        return Finding("articles", False, detail, _BUILD)
    return Finding("articles", True, f"all {len(kept)} are as they were read")


def _check_offsets(store: Store, progress: Progress | None) -> Finding:
    total, flaws, checked = store.count_passages(), [], 0
    for done, (passage_id, passage) in enumerate(store.iterate_passages()):
        if progress:
            progress(done, total, "checking offsets")
        checked += 1 + len(passage.sentences)
        flaws += [
            f"passage {passage_id} of {passage.article.id}: {flaw}" for flaw in _find_flaws(passage)
        ]
    if flaws:
        return Finding("offsets", False, _list(flaws), _REEMBED)
    return Finding("offsets", True, f"all {checked} passages and sentences lie where they should")


def _find_flaws(passage: Passage) -> Iterator[str]:
    text = passage.article.text
    if not 0 <= passage.start < passage.end <= len(text):
        yield f"{passage.start} to {passage.end} is not within the text"
    place = passage.start
    for sentence in passage.sentences:
        if not place <= sentence.start < sentence.end <= passage.end:
            yield f"the sentence at {sentence.start} is out of place"
        elif not text[sentence.start : sentence.end].strip():
            yield f"the sentence at {sentence.start} is blank"
        place = sentence.end
    if not passage.sentences:
        yield "it has no sentence"


def _check_vectors(store: Store) -> Finding:
    """Check that each passage and sentence has a vector of the right length and norm."""
    flaws, checked, to_make = [], 0, 0
    for passage_id, passage in store.iterate_passages():
        text = passage_text(passage)
        checked += 1 + len(text.sentences)
        rows = _kept_rows(store, passage_id, text)
        to_make += 1 + len(text.sentences) - len(rows) if rows is not None else 0
        # Written such that NaN counts as damage, too.
        if rows is None or not np.all(np.abs(np.linalg.norm(rows, axis=1) - 1) < 0.01):
            flaws.append(f"{text.text[:40]!r} in {passage.article.id}")
    if flaws:
        return Finding(
            "vectors", False, f"{len(flaws)} missing or damaged: {_list(flaws)}", _REEMBED
        )
    if to_make:
        detail = f"all passages have theirs; those of {to_make} sentences are made when asked for"
        return Finding("vectors", True, detail)
    return Finding("vectors", True, f"all {checked} passages and sentences have theirs")


def _kept_rows(store: Store, passage_id: int, text: PassageText) -> Vectors | None:
    """Stored vectors of a passage and its sentences, float32 (1 + sentences, dim); (1, dim) where
    those of sentences are made when they are asked for; None if any is missing.
    """
    key = text.key(store.salt)
    blob = store.get_passage_vectors([passage_id]).get(passage_id, b"")
    of_sentences = store.get_sentence_vectors([key]).get(key)
    if of_sentences is None:
        return None
    shape = (1 + len(text.sentences) if of_sentences else 1, int(store.meta["dim"]))
    blob += of_sentences
    return from_half(blob).reshape(shape) if len(blob) == 2 * shape[0] * shape[1] else None


def _check_files(folder: Path, store: Store) -> Finding:
    checked = check_derived(folder, store)
    if checked.flaws:
        return Finding(
            "files", False, _list(checked.flaws), f"{_BUILD}: they are made again without encoding"
        )
    opened = open_derived(folder, store, may_repair=False)
    if opened is None:
        return Finding("files", False, "they cannot be opened", _BUILD)
    counts = len(opened[0]), len(opened[1])
    if counts != (store.count_passages(),) * 2:
        detail = f"{counts[0]} vectors and {counts[1]} texts for {store.count_passages()} passages"
        return Finding(
            "files",
            False,
            detail,
            f"delete {folder / 'generations'} (all in it is derived) and {_BUILD}",
        )
    return Finding(
        "files", True, f"{checked.files} files have their checksums and {counts[0]} entries each"
    )


def _check_encoder(store: Store, encoder: Encoder | None) -> list[Finding]:
    meta = store.meta
    try:
        encoder = encoder or load_encoder(meta["encoder_name"])
    except QAError as error:
        return [Finding("encoder", False, str(error), "install it again, or " + _REEMBED)]
    if encoder.fingerprint != meta["encoder_fingerprint"]:
        return [
            Finding(
                "encoder",
                False,
                f"{encoder.name} is not the one that the index was built with",
                _REEMBED,
            )
        ]
    if meta.get("sentences") != describe_parts(encoder):
        return [Finding("encoder", False, "it made vectors of sentences in another way", _BUILD)]
    ids = store.passage_ids()
    sample = store.get_passages(ids[:: max(1, -(-len(ids) // SAMPLE))])
    texts = {i: passage_text(passage) for i, passage in sample.items()}
    rows = [(text, _kept_rows(store, i, text)) for i, text in texts.items()]
    known = [(text, old) for text, old in rows if old is not None and old.shape[1] == encoder.dim]
    made = encode_texts(encoder, [text for text, _ in known])
    wrong = [
        text.text[:40]
        for (text, old), new in zip(known, made, strict=True)
        if not np.all(np.einsum("ij,ij->i", old, new[: len(old)]) >= MIN_COSINE)
    ]
    loaded = Finding("encoder", True, f"{encoder.name}, {encoder.dim} dimensions")
    if wrong:
        differ = f"{len(wrong)} of {len(known)} passages differ: {_list(wrong)}"
        return [loaded, Finding("sample", False, differ, _REEMBED)]
    return [
        loaded,
        Finding("sample", True, f"{len(known)} passages have the vectors that the encoder makes"),
    ]


def _hash(path: Path) -> str | None:
    try:
        return sha256(path.read_bytes()).hexdigest() if path.is_file() else None
    except OSError:
        return None


def _list(items: list[str]) -> str:
    shown = "; ".join(items[:_SHOWN])
    return shown if len(items) <= _SHOWN else f"{shown} and {len(items) - _SHOWN} more"
