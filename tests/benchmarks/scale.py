"""How an index grows: time, memory, disk, speed, and what one more article costs, at some numbers
of passages.

    python -m tests.benchmarks.scale ../shared/data/text-debdocs/articles.jsonl --rows real:1000
    hash:10000

The texts are real; what encodes them differs by row:

- real: the encoder that is used.
- hash: a stand-in that hashes words (tests/standin.py). What is measured is the index and not the
model: add the
  model's own time, which does not depend on the index's size.
- clusters: vectors drawn around 2,000 centres, and questions near them. The texts are taken as
often as it needs.

Above `SPLIT_UP_TO` passages, each paragraph goes into the store as a passage of one sentence,
without the splitter, to save hours; the build's time is then that of writing the store and deriving
the files.
"""

import argparse
import json
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b, sha256
from pathlib import Path
from statistics import median

import numpy as np

from qa.answer.retriever import Retriever
from qa.encoder.onnx import OnnxEncoder
from qa.index.build import build
from qa.index.generations import derive
from qa.index.index import Index
from qa.index.keys import encode_texts, passage_text
from qa.index.store import STORE_FILE, StoreWriter
from qa.index.vectors import find_nearest
from qa.types import Article, Encoder, Passage, Sentence, Vectors
from tests.standin import HashEncoder

DIM = 384
QUERIES = 200
CHARS_PER_PASSAGE = 390
CENTRES = 2000
SPLIT_UP_TO = 10_000
ADDED = """A lighthouse that nobody keeps

The lighthouse of Varn was lit in 1851 by Ada Cole. Her log fills nine volumes.

It went out in the winter of 1903. Since then the rocks have been marked by a buoy with a bell.
"""


class ClustersEncoder:
    """Vectors around centres, drawn from the text's hash; a question's is near that of the passage
    it is about."""

    name = "clusters"
    fingerprint = "clusters-1"
    max_tokens = 256
    dim = DIM

    def __init__(self) -> None:
        self._centres = np.random.default_rng(0).standard_normal((CENTRES, DIM), dtype=np.float32)
        self.about: dict[str, str] = {}
        """Question -> what is encoded for the passage that it is about."""

    def count_tokens(self, texts: Sequence[str], /) -> list[int]:
        return [len(text.split()) for text in texts]

    def encode_passages(self, texts: Sequence[str], /) -> Vectors:
        return np.stack([self._draw(text, 1.0) for text in texts])

    def encode_queries(self, texts: Sequence[str], /) -> Vectors:
        rows = [self._draw(self.about[text], 1.0) + self._draw(text, 0.0) / 2 for text in texts]
        return np.stack([row / np.linalg.norm(row) for row in rows])

    def _draw(self, text: str, share: float) -> Vectors:
        draw = np.random.default_rng(
            int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")
        )
        row = share * self._centres[draw.integers(CENTRES)] + draw.standard_normal(
            DIM, dtype=np.float32
        )
        return row / np.linalg.norm(row)


class LeanHashEncoder(HashEncoder):
    """Remembers no texts, which would count as memory."""

    def encode_passages(self, texts: Sequence[str], /) -> Vectors:
        vectors = super().encode_passages(texts)
        self.encoded.clear()
        return vectors


class StoredRows:
    """All passages' vectors, a block in memory at a time."""

    def __init__(self, index: Index, ids: list[int]) -> None:
        self._index, self._ids, self.shape = index, np.array(ids), (len(ids), DIM)

    def __getitem__(self, rows: np.ndarray) -> Vectors:
        return np.stack(list(self._index.passage_vectors(self._ids[rows].tolist()).values()))


def make_encoder(kind: str) -> Encoder:
    if kind == "real":
        return OnnxEncoder.load()
    return ClustersEncoder() if kind == "clusters" else LeanHashEncoder(dim=DIM)


def read_texts(source: Path) -> Iterator[str]:
    """Endlessly, from the beginning again after the last."""
    while True:
        with source.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)["text"]


def write_articles(source: Path, folder: Path, passages: int) -> None:
    """Articles until they have about so many passages, by their length: 390 characters a passage
    here."""
    folder.mkdir(parents=True)
    left = passages * CHARS_PER_PASSAGE
    for number, text in enumerate(read_texts(source)):
        (folder / f"{number:05}.txt").write_text(text, encoding="utf-8")
        left -= len(text)
        if left <= 0:
            return


def fill(
    source: Path, folder: Path, passages: int, encoder: Encoder, *, sentences: bool = False
) -> None:
    """Write store and derived files as a build would, a paragraph for a passage.

    It is one sentence, without a vector; with `sentences`, it is split after full stops, and each
    has its vector, as questions that are read need it.
    """
    (folder / "articles").mkdir(parents=True)
    (folder / "index").mkdir()
    (folder / "articles/first.txt").write_text("A first article, for the settings.\n")
    build(folder / "articles", folder / "index", encoder=encoder)
    store = StoreWriter.open(folder / "index" / STORE_FILE)
    salt, left = store.salt, passages
    for number, text in enumerate(read_texts(source)):
        text = f"Text {number}\n\n{text}"
        path = folder / "articles" / f"{number:05}.txt"
        path.write_text(text, encoding="utf-8")
        digest = sha256(text.encode()).hexdigest()
        article = Article(path.name, f"Text {number}", text, digest, language="en")
        spans = [match.span() for match in re.finditer(r"\S.*", text)][:left]
        split = [
            Passage(
                article,
                a,
                b,
                tuple(cut_sentences(text, a, b, n) if sentences else [Sentence(a, b, n)]),
            )
            for n, (a, b) in enumerate(spans, start=1)
        ]
        texts = [passage_text(passage) for passage in split]
        keys = [text.key(salt) for text in texts]
        rows: Iterable[Vectors]
        if sentences:
            rows = encode_texts(encoder, texts)
        else:
            rows = encoder.encode_passages([text.text for text in texts])[:, None]
        store.put_vectors(dict(zip(keys, rows, strict=True)))
        store.stage_article(article, digest)
        store.stage_passages(article.id, list(zip(split, keys, strict=True)))
        left -= len(split)
        if left <= 0:
            break
    store.begin()
    store.put_staged()
    store.write_meta({"generation": "2", "build_id": "filled"})
    derive(folder / "index/generations", store)
    store.publish()
    store.close()


def cut_sentences(text: str, start: int, end: int, paragraph: int) -> Iterator[Sentence]:
    """The sentences of a paragraph: what ends with a full stop, question or exclamation mark."""
    for match in re.finditer(r"\S.*?(?:[.?!](?=\s)|$)", text[start:end]):
        yield Sentence(start + match.start(), start + match.end(), paragraph)


def time_builds(articles: Path, index: Path, encoder: Encoder, *, times: int = 9) -> list[float]:
    """Median seconds of the processor's time that a build takes which finds one new article, one
    changed, one removed."""
    medians = []
    for what in ("added", "changed", "removed"):
        seconds = []
        for number in range(times + 1):
            path = articles / f"added-{number}.txt"
            if what == "removed":
                path.unlink()
            else:
                year = str((1851 if what == "added" else 1751) + number)
                path.write_text(ADDED.replace("1851", year), encoding="utf-8")
            started = time.process_time()  # of the clock others on the machine take their part
            report = build(articles, index, encoder=encoder)
            seconds.append(time.process_time() - started)
            assert len(getattr(report, what)) == 1, report
        # `fill` does not note, as builds do, what is in the files: the first build reads them all.
        medians.append(median(seconds[1:]))
    return medians


def count_nearest(index: Index, query: Vectors, found: list[int], nearest: list[int]) -> int:
    """How many of those found are among the nearest; of several at the same distance it may be
    any."""
    farthest = min(row @ query for row in index.passage_vectors(nearest).values())
    return sum(bool(row @ query > farthest - 1e-6) for row in index.passage_vectors(found).values())


def measure(source: Path, folder: Path, kind: str, passages: int) -> dict[str, float | str]:
    """One row of the table."""
    encoder = make_encoder(kind)
    started = time.perf_counter()
    if passages <= SPLIT_UP_TO:
        write_articles(source, folder / "articles", passages)
        build(folder / "articles", folder / "index", encoder=encoder)
    else:
        fill(source, folder, passages, encoder)
    built = time.perf_counter() - started
    disk = sum(path.stat().st_size for path in (folder / "index").rglob("*") if path.is_file())
    retriever = Retriever.load(folder / "index", encoder=encoder)
    index = retriever.index
    ids = index.store.passage_ids()
    drawn = index.store.get_passages(
        [ids[n] for n in np.random.default_rng(1).choice(len(ids), QUERIES)]
    )
    about = {f"{' '.join(p.text.split()[:8])} {n}": p for n, p in enumerate(drawn.values())}
    if isinstance(encoder, ClustersEncoder):
        encoder.about = {
            question: passage_text(passage).text for question, passage in about.items()
        }
    vectors = np.concatenate([encoder.encode_queries([question]) for question in about])
    seconds = [retriever.search(question).seconds["search"] for question in about]
    truth = find_nearest(np.array(ids), StoredRows(index, ids), vectors, k=10)
    shared = sum(
        count_nearest(index, vector, [i for i, _ in index.vectors.search(vector, k=10)], nearest)
        for vector, nearest in zip(vectors, truth.tolist(), strict=True)
    )
    index.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    added, changed, removed = time_builds(folder / "articles", folder / "index", encoder)
    return {
        "vectors": kind,
        "passages": len(ids),
        "build s": built,
        "disk MB": disk / 1e6,
        "p50 ms": 1000 * float(np.quantile(seconds, 0.5)),
        "p95 ms": 1000 * float(np.quantile(seconds, 0.95)),
        "recall@10": shared / truth.size,
        "peak MB": peak,
        "add CPU s": added,
        "change CPU s": changed,
        "remove CPU s": removed,
    }


def measure_adding_to_empty(folder: Path, kind: str) -> float:
    """What one article costs in an index that holds one; the first one pays for making the
    files."""
    encoder = make_encoder(kind)
    (folder / "articles").mkdir()
    (folder / "articles/first.txt").write_text("A first article, so that there is an index.\n")
    build(folder / "articles", folder / "index", encoder=encoder)
    return time_builds(folder / "articles", folder / "index", encoder)[0]


def main() -> None:
    """Print the table; each row in a process of its own, for its peak of memory."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument(
        "--rows", nargs="+", default=["real:1000", "hash:1000", "hash:10000", "hash:100000"]
    )
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    work = Path(tempfile.mkdtemp())
    try:
        if args.one:
            kind, passages = args.one.split(":")
            if passages == "0":
                print(json.dumps({"add CPU s": measure_adding_to_empty(work, kind)}))
            else:
                print(json.dumps(measure(args.source, work, kind, int(passages))))
            return
        columns: list[str] = []
        for row in [
            *args.rows,
            *(f"{kind}:0" for kind in sorted({row.split(":")[0] for row in args.rows})),
        ]:
            command = [
                sys.executable,
                "-m",
                "tests.benchmarks.scale",
                str(args.source),
                "--one",
                row,
            ]
            figures = json.loads(
                subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
            )
            if row.endswith(":0"):
                print(
                    f"adding one article to an empty index, {row[:-2]}: "
                    f"{figures['add CPU s']:.3f} s of CPU",
                    flush=True,
                )
                continue
            if not columns:
                columns = list(figures)
                print("| " + " | ".join(columns) + " |\n|---|" + "--:|" * (len(columns) - 1))
            cells = [
                f"{value:.4g}" if isinstance(value, float) else str(value)
                for value in figures.values()
            ]
            print("| " + " | ".join(cells) + " |", flush=True)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
