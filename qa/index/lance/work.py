"""Article files -> rows for the tables: the part of a build that processes do in parallel."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np

from qa.articles.passages import PassageSize, split_passages
from qa.articles.read import blame, describe_rereading, find_warning, load_file, parse_file
from qa.encoder import load_encoder
from qa.errors import ArticleError, EncoderUnavailable
from qa.index.keys import passage_text
from qa.index.lance.tables import (
    Source,
    Split,
    article_row,
    article_schema,
    passage_rows,
    passage_schema,
    to_arrow,
)
from qa.types import Article, Encoder, Passage

if TYPE_CHECKING:
    import pyarrow as pa

ARTICLES_AT_ONCE = 32
"""Articles encoded together: more texts make batches of more equal length."""

State: TypeAlias = Literal["new", "unchanged", "unusable"]


class Job(NamedTuple):
    """A file that may have changed."""

    article_id: str
    stamp: str
    number: int
    file_before: str
    """sha256 of the file in the index; empty if it is not there, or must be processed again."""
    stored: str = ""
    """sha256 of the file in the index, where another reader reads the same file now."""
    reader_before: str = ""
    """The reader that read it; empty if it is plain text."""


class Done(NamedTuple):
    """The outcome of a job."""

    article_id: str
    stamp: str
    state: State
    file_sha256: str = ""
    sha256: str = ""
    """sha256 of the text, if the state is "new"."""
    reason: str = ""
    """Why it is unusable; with the state "new", a warning about it."""
    article: "pa.Table | None" = None
    """One row, if the state is "new"."""
    passages: "pa.Table | None" = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of a worker."""

    folder: Path
    encoder: Encoder | str
    """Or a name, by which each worker loads its own."""
    size: PassageSize
    edition: int
    made: str
    """Key of the settings."""


class Worker:
    """Does jobs with its own encoder."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        encoder = recipe.encoder
        self._encoder = load_encoder(encoder) if isinstance(encoder, str) else encoder

    def run(self, jobs: Sequence[Job]) -> list[Done]:
        """The outcomes of jobs, in their order."""
        read = [self._read(job) for job in jobs]
        articles = [article for article, _ in read if article is not None]
        made = iter(self._split_and_encode(articles))
        outcomes = []
        for job, (article, done) in zip(jobs, read, strict=True):
            if article is not None:
                source = Source(article, done.file_sha256, job.stamp, next(made))
                done = self.fill(done, source, job.number)
            outcomes.append(done)
        return outcomes

    def _read(self, job: Job) -> tuple[Article | None, Done]:
        path = self._recipe.folder / job.article_id
        try:
            with blame(path):
                file = load_file(path, self._recipe.folder)
                if file.sha256 == job.file_before:
                    return None, Done(job.article_id, job.stamp, "unchanged", file.sha256)
                article = parse_file(file)
                warning = find_warning(file, article) or ""
                is_same_file = job.reader_before and file.sha256 == job.stored
                if is_same_file and article.origin and article.origin.reader != job.reader_before:
                    told = describe_rereading(job.reader_before)
                    warning = "; ".join(filter(None, [warning, told]))
        except ArticleError as error:
            return None, Done(job.article_id, job.stamp, "unusable", reason=error.reason)
        return article, Done(job.article_id, job.stamp, "new", file.sha256, article.sha256, warning)

    def make(self, article: Article, file_sha256: str, stamp: str, number: int) -> Done:
        """Rows of an article whose file is not read again."""
        [passages] = self._split_and_encode([article])
        done = Done(article.id, stamp, "new", file_sha256, article.sha256)
        return self.fill(done, Source(article, file_sha256, stamp, passages), number)

    def fill(self, done: Done, source: Source, number: int) -> Done:
        """An outcome with its rows."""
        edition = self._recipe.edition
        row = article_row(source, number=number, edition=edition, made=self._recipe.made)
        rows = passage_rows(source, number=number, edition=edition)
        return done._replace(
            article=to_arrow([row], article_schema()),
            passages=to_arrow(rows, passage_schema(self._encoder.dim)),
        )

    def _split_and_encode(self, articles: Sequence[Article]) -> Iterator[tuple[Split, ...]]:
        split = [
            split_passages(article, self._encoder.count_tokens, size=self._recipe.size)
            for article in articles
        ]
        vectors = iter(self._encode([passage for passages in split for passage in passages]))
        for passages in split:
            yield tuple(Split(p.start, p.end, p.sentences, next(vectors)) for p in passages)

    def _encode(self, passages: Sequence[Passage]) -> Iterable[np.ndarray]:
        if not passages:
            return []
        texts = [passage_text(passage).text for passage in passages]
        # Longest first, as in the build of a folder: batches of equal length need no padding.
        order = sorted(range(len(texts)), key=lambda n: (-len(texts[n]), texts[n]))
        vectors = self._encoder.encode_passages([texts[n] for n in order]).astype(np.float16)
        if len(vectors) != len(texts):
            raise EncoderUnavailable(
                f"the encoder {self._encoder.name!r} made {len(vectors)} vectors of {len(texts)} "
                "texts: try another"
            )
        placed = np.empty_like(vectors)
        placed[order] = vectors
        return placed


def run_here(jobs: Iterable[Job], recipe: Recipe) -> Iterator[Done]:
    """Do jobs in this process, one batch after the other."""
    worker: Worker | None = None
    batch: list[Job] = []
    for job in jobs:
        batch.append(job)
        if len(batch) == ARTICLES_AT_ONCE:
            worker = worker or Worker(recipe)
            yield from worker.run(batch)
            batch = []
    if batch:
        yield from (worker or Worker(recipe)).run(batch)
