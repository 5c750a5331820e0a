"""The tables at a URI -> what is in them, and what is wrong with them; changes nothing."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from qa.articles.scan import find_files
from qa.errors import QAError
from qa.index.doctor import Finding
from qa.index.lance.dataset import ARTICLES, PASSAGES, WORDS, Dataset, Generation, reaching
from qa.index.lance.tables import count_holding, passage_checksum, read_article
from qa.types import Progress

_BUILD = "run `qa build`"
_REEMBED = "run `qa build --reembed`"
_SHOWN = 3


def describe_shared(location: str) -> dict[str, Any]:
    """Counts, generation and models of the index at a URI, and its limitations."""
    dataset = Dataset.connect(location)
    generation = dataset.require_newest()
    made_with, search = generation.made_with, generation.search
    with reaching(location):
        tables = dataset.tables(generation)
        sizes = {name: int(table.stats()["total_bytes"]) for name, table in tables.items()}
    recall = search["recall_at_10"]
    return {
        "index": location,
        "generation": generation.number,
        "build_id": generation.build_id,
        **generation.counts,
        "languages": list(generation.languages),
        "encoder": made_with["encoder_name"],
        "encoder_fingerprint": made_with["encoder_fingerprint"],
        "reader": made_with.get("reader"),
        "dimension": generation.dim,
        "splitter": made_with["splitter"],
        "bytes": sum(sizes.values()),
        "kind": search["kind"],
        "recall_at_10": recall,
        "given_up": _say_given_up(search["kind"], recall),
    }


def _say_given_up(kind: str, recall: float) -> str:
    words = "words are found by an engine that ranks a little otherwise before they are scored"
    if kind == "Flat":
        return f"{words}; vectors are compared one and all"
    return (
        f"{words}; {recall:.1%} of the ten nearest vectors are found, and which are missed may "
        "differ from build to build"
    )


def examine_shared(
    location: str, articles: Path, *, progress: Progress | None = None
) -> list[Finding]:
    """Verify the checksum of each row of the newest generation, and references between tables."""
    try:
        dataset = Dataset.connect(location)
        generation = dataset.require_newest()
        rows = _Rows(dataset, generation, progress)
        findings = [
            Finding("generation", True, f"{generation.number}, published whole"),
            _report("articles", rows.check_articles(), generation.counts["articles"], _REEMBED),
            _report("passages", rows.check_passages(), generation.counts["passages"], _REEMBED),
            _report("words", rows.check_words(), generation.counts["passages"], _REEMBED),
        ]
    except QAError as error:
        return [Finding("storage", False, str(error), _BUILD)]
    return [*findings, _check_files(rows.file_hashes, articles)]


class _Rows:
    """One pass over the tables of a generation."""

    def __init__(self, dataset: Dataset, generation: Generation, progress: Progress | None) -> None:
        self._location = dataset.location
        self._generation = generation
        self._tables = dataset.tables(generation)
        self._progress = progress
        self.file_hashes: dict[str, str] = {}
        self._expected: dict[tuple[str, int], int] = {}
        self._strings: Callable[[], Iterator[str]] = lambda: self._column(PASSAGES, "words")

    def check_articles(self) -> Iterator[str]:
        """Damage in the table of articles."""
        count = 0
        for row in self._rows(ARTICLES):
            count += 1
            self.file_hashes[row["id"]] = row["file_sha256"]
            if (row["id"], row["edition"]) in self._expected:
                yield f"{row['id']} is there twice"
            self._expected[row["id"], row["edition"]] = row["passages"]
            try:
                read_article(row)
            except QAError as error:
                yield str(error)
        if count != self._generation.counts["articles"]:
            yield f"{count} articles where there should be {self._generation.counts['articles']}"

    def check_passages(self) -> Iterator[str]:
        """Damage in the table of passages, and articles that lack some."""
        found: dict[tuple[str, int], int] = {}
        seen: set[int] = set()
        total = self._generation.counts["passages"]
        for done, row in enumerate(self._rows(PASSAGES)):
            if self._progress:
                self._progress(done, total, "checking passages")
            key = row["article_id"], row["edition"]
            found[key] = found.get(key, 0) + 1
            if row["id"] in seen:
                yield f"passage {row['id']} is there twice"
            seen.add(row["id"])
            if passage_checksum(row) != row["checksum"]:
                yield f"passage {row['id']} of {row['article_id']} has been altered"
            elif abs(float(np.linalg.norm(np.asarray(row["vector"], dtype=np.float32))) - 1) > 0.01:
                yield f"the vector of passage {row['id']} is none"
        expected = {key: n for key, n in self._expected.items() if n}
        for article_id, _ in sorted(dict(expected.items() ^ found.items())):
            yield f"{article_id} does not have the passages that it should"

    def check_words(self) -> Iterator[str]:
        """Whether the stored document frequencies are those of the passages."""
        holding, lengths = count_holding(self._strings())
        kept: dict[str, int] = {}
        for row in self._rows(WORDS):
            kept[row["word"]] = kept.get(row["word"], 0) + row["holding"]
        wrong = dict({w: n for w, n in kept.items() if n}.items() ^ holding.items())
        if wrong:
            yield f"{len(wrong)} words are counted wrongly, as {min(wrong)!r}"
        if dict(lengths) != self._generation.lengths:
            yield "the lengths of texts are counted wrongly"

    def _rows(self, name: str) -> Iterator[dict[str, Any]]:
        with reaching(self._location):
            for batch in self._tables[name].search().limit(None).to_batches():
                yield from batch.to_pylist()

    def _column(self, name: str, column: str) -> Iterator[str]:
        with reaching(self._location):
            for batch in self._tables[name].search().select([column]).limit(None).to_batches():
                yield from batch[column].to_pylist()


def _report(check: str, flaws: Iterator[str], count: int, remedy: str) -> Finding:
    found = list(flaws)
    if not found:
        return Finding(check, True, f"all {count} are as they were written")
    shown = "; ".join(found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return Finding(check, False, shown + more, remedy)


def _check_files(kept: dict[str, str], articles: Path) -> Finding:
    if not articles.is_dir():
        return Finding("files", False, f"there is no folder {articles}", "name it with --articles")
    paths = {path.relative_to(articles).as_posix(): path for path in find_files(articles)}
    gone = sorted(kept.keys() - paths.keys())
    changed = [
        i
        for i, path in paths.items()
        if i in kept and sha256(path.read_bytes()).hexdigest() != kept[i]
    ]
    if gone or changed:
        detail = f"{len(gone)} gone and {len(changed)} changed since the last build"
        return Finding("files", False, detail, _BUILD)
    return Finding("files", True, f"all {len(kept)} are as they were read")
