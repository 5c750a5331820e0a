"""Articles folder -> the tables at a URI: what is new is committed article by article, then
published in one step.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from time import monotonic, time
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import numpy as np

from qa.articles.passages import DEFAULT_SIZE, SPLITTER, PassageSize
from qa.articles.read import scan_files
from qa.encoder import load_encoder
from qa.errors import ArticleError, IndexBusy, IndexMismatch, QAError
from qa.index.build import BuildReport
from qa.index.lance.dataset import ARTICLES, PASSAGES, WORDS, Dataset, Generation, Lease, reaching
from qa.index.lance.index import EXACT_UP_TO, read_rows
from qa.index.lance.tables import (
    article_schema,
    count_holding,
    passage_schema,
    read_article,
    read_vectors,
    settings_key,
    sql_in,
    word_schema,
)
from qa.index.lance.work import Done, Job, Recipe, Worker, run_here
from qa.index.vectors import draw_queries, draw_rows
from qa.index.words import ANALYSIS
from qa.types import Encoder, Progress, Vectors

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.table import Table

COMMIT_PASSAGES = 20_000
COMMIT_SECONDS = 60.0
"""A killed build has to do again what it did since the last commit: so much at most."""
UNINDEXED_UP_TO = 2_000
"""Passages that Lance searches one by one, beside its indexes, before they are taken into those."""
FRAGMENTS_UP_TO = 100
ENOUGH = 0.98
"""Recall at 10 that the index of vectors is tuned to."""
_NEVER = timedelta(days=36500)
_KEPT = timedelta(hours=1)
"""So long an old version stays after a newer generation was published: a question takes seconds."""
_IDS_AT_ONCE = 1000


class Known(NamedTuple):
    """What the tables hold of an article."""

    number: int
    edition: int
    made: str
    file_sha256: str
    stamp: str
    sha256: str


def build_shared(
    articles: str | Path,
    location: str,
    *,
    encoder: Encoder | None = None,
    progress: Progress | None = None,
    size: PassageSize = DEFAULT_SIZE,
    reader: str = "",
    reembed: bool = False,
    allow_empty: bool = False,
    workers: str | None = None,
) -> BuildReport:
    """Bring the index at a URI up to date with the articles folder, encoding only what is new.

    As `build`, whose arguments these are; `workers` is a number of processes, or the address of a
    Ray cluster on all of whose machines the articles folder can be read.

    Raises:
        QAError: the folder does not exist, or is empty although the index holds articles.
        IndexBusy: another process is building.
        IndexMismatch: the index was built with another encoder, and `reembed` is false.
        IndexUnreachable: the storage does not answer; the index is as it was, and the next build
        goes on.
    """
    articles = Path(articles)
    if not articles.is_dir():
        raise QAError(
            f"there is no folder {articles}: make it and put articles into it, or name another "
            "with --articles"
        )
    dataset = Dataset.connect(location)
    base = dataset.newest()
    chosen = _choose_encoder(base, encoder, location, reembed)
    dataset.create(
        {ARTICLES: article_schema(), PASSAGES: passage_schema(chosen.dim), WORDS: word_schema()}
    )
    with dataset.lease() as lease:
        settings = {
            "encoder_name": chosen.name,
            "encoder_fingerprint": chosen.fingerprint,
            "dim": str(chosen.dim),
            "splitter": f"{SPLITTER} {size.max_tokens} {size.target_tokens}",
            "analysis": ANALYSIS,
        }
        if reembed:
            settings["made"] = uuid4().hex
        elif base is not None and "made" in base.made_with:
            settings["made"] = base.made_with["made"]
        # What is handed to other machines is a name, unless the caller brought an encoder of his
        # own.
        named = chosen if encoder is not None else chosen.name
        writing = Writing(dataset, lease, dataset.newest(), settings)
        work = _Build(articles, writing, chosen, named, progress or _no_progress, size, workers)
        return work.run(reader, allow_empty)


def _choose_encoder(
    base: Generation | None, encoder: Encoder | None, location: str, reembed: bool
) -> Encoder:
    name = base.made_with["encoder_name"] if base is not None and not reembed else None
    chosen = encoder or (load_encoder(name) if name else load_encoder())
    if (
        base is not None
        and not reembed
        and base.made_with["encoder_fingerprint"] != chosen.fingerprint
    ):
        raise IndexMismatch(
            f"the index at {location} was built with the encoder "
            f"{base.made_with['encoder_name']!r}, "
            f"not with "
            f"{chosen.name!r}: name the former, or run `qa build --reembed`"
        )
    return chosen


class Writing:
    """The tables while a build holds the lease: what it commits is seen by nobody until it is
    published.
    """

    def __init__(
        self, dataset: Dataset, lease: Lease, base: Generation | None, settings: Mapping[str, str]
    ) -> None:
        self.dataset = dataset
        self.base = base
        self.settings = dict(settings)
        self.made = settings_key(self.settings)
        self.edition = base.number + 1 if base else 1
        self._lease = lease
        self._tables = {name: dataset.table(name) for name in (ARTICLES, PASSAGES, WORDS)}
        with reaching(dataset.location):
            self._at = {name: table.version for name, table in self._tables.items()}
        if base is not None and self._at == base.versions:
            self._clean()
        else:
            self._mend()

    def known(self) -> dict[str, Known]:
        """What the tables hold, what a killed build left there included."""
        columns = ["id", *Known._fields]
        rows = read_rows(self._tables[ARTICLES], None, columns, self.dataset.location)
        return {row.pop("id"): Known(**row) for row in rows.to_pylist()}

    def put(self, done: Iterable[Done], replaced: Iterable[str]) -> None:
        """Commit articles, in place of any earlier version. Whole ones alone count: an article's
        row comes last.
        """
        import pyarrow as pa

        done = list(done)
        self.remove(replaced)
        passages = [d.passages for d in done if d.passages is not None and d.passages.num_rows]
        articles = [d.article for d in done if d.article is not None]
        if passages:
            self._commit(PASSAGES, lambda table: table.add(pa.concat_tables(passages)))
        if articles:
            self._commit(ARTICLES, lambda table: table.add(pa.concat_tables(articles)))

    def remove(self, article_ids: Iterable[str]) -> None:
        """Commit that articles are gone; first their rows, so that what a killed build leaves
        counts for nothing.
        """
        ids = iter(sorted(article_ids))
        while some := list(islice(ids, _IDS_AT_ONCE)):
            self._commit(ARTICLES, lambda table, some=some: table.delete(sql_in("id", some)))
            self._commit(
                PASSAGES, lambda table, some=some: table.delete(sql_in("article_id", some))
            )

    def note_stamps(self, stamps: Mapping[str, str]) -> None:
        """Commit the stamps of files that were read and found to be as they were."""
        import pyarrow as pa

        if stamps:
            rows = pa.table({"id": list(stamps), "stamp": list(stamps.values())})
            self._commit(
                ARTICLES,
                lambda table: table.merge_insert("id").when_matched_update_all().execute(rows),
            )

    def article(self, article_id: str) -> dict[str, Any]:
        """One row."""
        row: dict[str, Any]
        [row] = read_rows(
            self._tables[ARTICLES], sql_in("id", [article_id]), None, self.dataset.location
        ).to_pylist()
        return row

    def _commit(self, name: str, write: Any) -> None:
        """One commit; another's between ours means that the lease was lost."""
        self._lease.check()
        table = self._tables[name]
        with reaching(self.dataset.location):
            version = write(table).version
        if version > self._at[name] + 1:
            raise IndexBusy(
                f"another process has written to {self.dataset.location} meanwhile: run `qa build` "
                "again"
            )
        self._at[name] = version

    def _clean(self) -> None:
        """Remove versions that nobody reads any more: the published one is the last, and old
        enough to be known.
        """
        assert self.base is not None
        if time() - self.base.published > _KEPT.total_seconds():
            with reaching(self.dataset.location):
                for table in self._tables.values():
                    table.cleanup_old_versions(_KEPT)

    def _mend(self) -> None:
        """Remove passages without their article, and counts that were never published: what a
        killed build leaves.
        """
        location = self.dataset.location
        articles = read_rows(self._tables[ARTICLES], None, ["id", "edition"], location)
        whole = set(zip(articles["id"].to_pylist(), articles["edition"].to_pylist(), strict=True))
        passages = read_rows(self._tables[PASSAGES], None, ["article_id", "edition"], location)
        there = set(
            zip(passages["article_id"].to_pylist(), passages["edition"].to_pylist(), strict=True)
        )
        orphans: dict[int, list[str]] = {}
        for article_id, edition in sorted(there - whole):
            orphans.setdefault(edition, []).append(article_id)
        for edition, ids in orphans.items():
            for first in range(0, len(ids), _IDS_AT_ONCE):
                some = sql_in("article_id", ids[first : first + _IDS_AT_ONCE])
                sql = f"edition = {edition} AND {some}"
                self._commit(PASSAGES, lambda table, sql=sql: table.delete(sql))
        words = self._tables[WORDS]
        with reaching(location):
            if self.base is None:
                words.delete("true")
            else:
                words.checkout(self.base.versions[WORDS])
                words.restore()
            self._at[WORDS] = words.version

    # -- publishing
    # ----------------------------------------------------------------------------------------------

    def changes(self) -> tuple[list[str], list[str]]:
        """Ids of the articles that were added or changed since the generation before, and of those
        gone or changed.
        """
        before: dict[str, int] = {}
        if self.base is not None:
            table = self.dataset.table(ARTICLES, self.base.versions[ARTICLES])
            rows = read_rows(table, None, ["id", "edition"], self.dataset.location)
            before = dict(zip(rows["id"].to_pylist(), rows["edition"].to_pylist(), strict=True))
        now = {article_id: known.edition for article_id, known in self.known().items()}
        added = sorted(i for i, edition in now.items() if before.get(i) != edition)
        return added, sorted(i for i, edition in before.items() if now.get(i) != edition)

    def publish(self, gone: list[str], reader: str, progress: Progress) -> Generation:
        """Count words, bring the indexes up to date, and publish all that was committed; returns
        the generation.
        """
        progress(0, 3, "indexing")
        holding_lengths = self._count_words(gone)
        progress(1, 3, "indexing")
        self._compact()
        search = self._index()
        progress(2, 3, "indexing")
        with reaching(self.dataset.location):
            articles, passages = self._tables[ARTICLES], self._tables[PASSAGES]
            languages = set(
                read_rows(articles, None, ["language"], self.dataset.location)[
                    "language"
                ].to_pylist()
            )
            counts = {"articles": articles.count_rows(), "passages": passages.count_rows()}
            versions = {name: table.version for name, table in self._tables.items()}
        self._lease.check()
        generation = Generation(
            self.edition,
            uuid4().hex,
            versions,
            {**self.settings, "reader": reader},
            counts,
            holding_lengths,
            tuple(sorted(language or "unknown" for language in languages)),
            search,
            time(),
        )
        self.dataset.publish(generation)
        progress(3, 3, "indexing")
        return generation

    def _count_words(self, gone: list[str]) -> dict[str, int]:
        """Commit what this generation adds to the counts of words; returns how many words each
        field has now.
        """
        import pyarrow as pa

        table = self._tables[WORDS]
        holding, lengths = count_holding(
            self._words_of(self._tables[PASSAGES], f"edition = {self.edition}")
        )
        if self.base is not None and gone:
            old = self.dataset.table(PASSAGES, self.base.versions[PASSAGES])
            for first in range(0, len(gone), _IDS_AT_ONCE):
                less = count_holding(
                    self._words_of(old, sql_in("article_id", gone[first : first + _IDS_AT_ONCE]))
                )
                holding.subtract(less[0])
                lengths.subtract(less[1])
        if self.base is not None:
            lengths.update(self.base.lengths)
        changed = {word: n for word, n in holding.items() if n}
        with reaching(self.dataset.location):
            rows, ever = table.count_rows(), len(changed)
        summed = int(self.base.search.get("words", 0)) if self.base else 0
        if rows and rows + ever > 2 * summed + UNINDEXED_UP_TO * 50:
            for batch in self._batches(table, None, ["word", "holding"]):
                for word, n in zip(
                    batch["word"].to_pylist(), batch["holding"].to_pylist(), strict=True
                ):
                    holding[word] += n
            changed = {word: n for word, n in holding.items() if n}
            columns = self._word_columns(changed, edition=0)
            self._commit(WORDS, lambda table: table.add(pa.table(columns), mode="overwrite"))
            self._rewritten = len(changed)
        elif changed:
            columns = self._word_columns(changed, edition=self.edition)
            self._commit(WORDS, lambda table: table.add(pa.table(columns)))
        return {name: n for name, n in sorted(lengths.items()) if n}

    _rewritten: int | None = None

    def _word_columns(self, changed: dict[str, int], *, edition: int) -> dict[str, Any]:
        words = sorted(changed)
        return {
            "word": words,
            "holding": [changed[word] for word in words],
            "edition": [edition] * len(words),
        }

    def _words_of(self, table: "Table", sql: str) -> Iterator[str]:
        for batch in self._batches(table, sql, ["words"]):
            yield from batch["words"].to_pylist()

    def _batches(
        self, table: "Table", sql: str | None, columns: list[str]
    ) -> Iterator["pa.RecordBatch"]:
        with reaching(self.dataset.location):
            search = table.search()
            if sql is not None:
                search = search.where(sql)
            yield from search.select(columns).limit(None).to_batches()

    def _compact(self) -> None:
        """Make few files of many, and take new rows into the indexes, where either are many."""
        for name, table in self._tables.items():
            with reaching(self.dataset.location):
                fragments = table.stats()["fragment_stats"]["num_fragments"]
                stats = [table.index_stats(index.name) for index in table.list_indices()]
                outside = max((s.num_unindexed_rows for s in stats if s is not None), default=0)
                if fragments > FRAGMENTS_UP_TO or outside > UNINDEXED_UP_TO:
                    table.optimize(cleanup_older_than=_NEVER)
                    self._at[name] = table.version

    def _index(self) -> dict[str, Any]:
        """Make the indexes that are not there yet; returns how vectors are searched."""
        from lancedb.index import FTS, BTree

        exact = FTS(
            base_tokenizer="whitespace",
            lower_case=False,
            stem=False,
            remove_stop_words=False,
            ascii_folding=False,
            max_token_length=None,
        )
        wanted = {
            ARTICLES: {"id": BTree()},
            PASSAGES: {"id": BTree(), "article_id": BTree(), "author": BTree(), "words": exact},
            WORDS: {"word": BTree()},
        }
        for name, indexes in wanted.items():
            table = self._tables[name]
            with reaching(self.dataset.location):
                there = {column for index in table.list_indices() for column in index.columns}
                for column, config in indexes.items():
                    if column not in there and table.count_rows():
                        table.create_index(column, config=config)
                self._at[name] = table.version
        words = {"words": self._rewritten} if self._rewritten is not None else {}
        kept = (
            {"words": self.base.search["words"]}
            if self.base and "words" in self.base.search
            else {}
        )
        return {**kept, **words, **self._index_vectors()}

    def _index_vectors(self) -> dict[str, Any]:
        from lancedb.index import IvfFlat

        table = self._tables[PASSAGES]
        with reaching(self.dataset.location):
            count = table.count_rows()
        if count <= EXACT_UP_TO:
            return {"kind": "Flat", "recall_at_10": 1.0}
        before = self.base.search if self.base else {}
        if before.get("made_for", 0) / 4 <= count <= 2 * before.get("made_for", 0):
            return {
                key: before[key] for key in ("kind", "recall_at_10", "lists", "nprobes", "made_for")
            }
        lists = choose_lists(count)
        config = IvfFlat(
            distance_type="dot", num_partitions=lists, sample_rate=64, max_iterations=15
        )
        with reaching(self.dataset.location):
            table.create_index("vector", config=config)
            self._at[PASSAGES] = table.version
        nprobes, recall = self._tune(lists)
        return {
            "kind": "IVF_FLAT",
            "recall_at_10": recall,
            "lists": lists,
            "nprobes": nprobes,
            "made_for": count,
        }

    def _tune(self, lists: int) -> tuple[int, float]:
        """How many lists to look into for enough of what exact search finds, and the share that is
        found then.
        """
        table = self._tables[PASSAGES]
        with reaching(self.dataset.location):
            drawn = (
                table.take_offsets(draw_rows(table.count_rows(), 100).tolist())
                .select(["vector"])
                .to_arrow()
            )
        queries = draw_queries(read_vectors(drawn["vector"]))
        nearest = self._find_nearest(queries)
        nprobes, recall = 4, 0.0
        while recall < ENOUGH and nprobes < lists:
            nprobes *= 2
            found = 0
            for query, wanted in zip(queries, nearest, strict=True):
                with reaching(self.dataset.location):
                    search = (
                        table.search(query, vector_column_name="vector")
                        .distance_type("dot")
                        .nprobes(nprobes)
                    )
                    ids = search.select(["id", "_distance"]).limit(10).to_arrow()["id"].to_pylist()
                found += len(set(ids) & wanted)
            recall = found / sum(map(len, nearest))
        return min(nprobes, lists), round(recall, 4)

    def _find_nearest(self, queries: Vectors) -> list[set[int]]:
        """Ids of the ten nearest to each query, by looking at every vector."""
        ids = np.zeros((len(queries), 0), dtype=np.int64)
        scores = np.zeros((len(queries), 0), dtype=np.float32)
        for batch in self._batches(self._tables[PASSAGES], None, ["id", "vector"]):
            import pyarrow as pa

            block = read_vectors(pa.chunked_array([batch["vector"]]))
            scores = np.concatenate([scores, queries @ block.T], axis=1)
            ids = np.concatenate(
                [ids, np.broadcast_to(batch["id"].to_numpy(), (len(queries), len(block)))], axis=1
            )
            best = np.argsort(-scores, axis=1)[:, :10]
            ids, scores = (
                np.take_along_axis(ids, best, axis=1),
                np.take_along_axis(scores, best, axis=1),
            )
        return [set(row) for row in ids.tolist()]


def choose_lists(count: int) -> int:
    """Into how many lists so many vectors go: about the square root, in steps."""
    return int(2 ** round(math.log2(math.sqrt(count))))


@dataclass(slots=True)
class _Build:
    articles: Path
    writing: Writing
    encoder: Encoder
    named: Encoder | str
    progress: Progress
    size: PassageSize
    workers: str | None
    errors: list[ArticleError] = field(default_factory=list)
    warnings: list[ArticleError] = field(default_factory=list)

    def run(self, reader: str, allow_empty: bool) -> BuildReport:
        writing = self.writing
        known = writing.known()
        before = set(known)
        files = scan_files(self.articles)
        if not files and known and not allow_empty:
            raise QAError(
                f"no article is left in {self.articles}, but the index at "
                f"{writing.dataset.location} holds {len(known)}: "
                "nothing was changed; if they are meant to go, run `qa build --allow-empty`"
            )
        kept, encoded = self._take(files, known)
        removed = sorted(before - kept)
        writing.remove(removed)
        added, gone = writing.changes()
        base = writing.base
        made_with = {**writing.settings, "reader": reader}
        if base is not None and not added and not gone and base.made_with == made_with:
            generation = base
        else:
            generation = writing.publish(gone, reader, self.progress)
        published = set(gone)
        return BuildReport(
            generation.number,
            added=tuple(i for i in added if i not in published),
            changed=tuple(i for i in added if i in published),
            removed=tuple(i for i in gone if i not in set(added)),
            unchanged=tuple(sorted(kept - set(added))),
            errors=tuple(self.errors),
            warnings=tuple(self.warnings),
            passages=generation.counts["passages"],
            encoded=encoded,
        )

    def _take(self, files: list[tuple[str, str]], known: dict[str, Known]) -> tuple[set[str], int]:
        """Commit what is new or changed; returns the ids of all articles that stay, and how many
        texts were encoded.
        """
        made = self.writing.made
        as_known = {
            name: bool(stamp)
            and name in known
            and known[name].made == made
            and known[name].stamp == stamp
            for name, stamp in files
        }
        number = max((k.number for k in known.values()), default=-1)
        jobs: list[Job] = []
        for name, stamp in files:
            if not as_known[name]:
                number += name not in known
                same = name in known and known[name].made == made
                jobs.append(
                    Job(
                        name,
                        stamp,
                        known[name].number if name in known else number,
                        known[name].file_sha256 if same else "",
                    )
                )
        numbers = {job.article_id: job.number for job in jobs}
        recipe = Recipe(self.articles, self.named, self.size, self.writing.edition, made)
        outcomes = self._run(jobs, recipe)
        owners: dict[str, str] = {}
        stamps: dict[str, str] = {}
        batch: list[Done] = []
        encoded, waiting, since = 0, 0, monotonic()
        for done_files, (name, _) in enumerate(files):
            self.progress(done_files, len(files), "encoding")
            done = Done(name, "", "unchanged") if as_known[name] else next(outcomes)
            text_hash = done.sha256 or (known[name].sha256 if name in known else "")
            if done.state == "unusable":
                self.errors.append(ArticleError(self.articles / name, done.reason))
                # A file that is there but cannot be read keeps its place, unless it is one too
                # many.
                if not text_hash or text_hash in owners:
                    continue
                if known[name].made != made:
                    row = self.writing.article(name)
                    worker = Worker(replace(recipe, encoder=self.encoder))
                    done = worker.make(read_article(row), row["file_sha256"], "", numbers[name])
            if text_hash in owners:
                reason = f"has the same text as {owners[text_hash]}: remove one of them"
                self.errors.append(ArticleError(self.articles / name, reason, is_duplicate=True))
                continue
            owners[text_hash] = name
            if done.state == "new" and done.reason:
                self.warnings.append(ArticleError(self.articles / name, done.reason))
            if done.state == "unchanged" and done.stamp:
                stamps[name] = done.stamp
            if done.state != "new" or done.passages is None:
                continue
            batch.append(done)
            waiting += done.passages.num_rows
            encoded += done.passages.num_rows
            if waiting >= COMMIT_PASSAGES or monotonic() - since > COMMIT_SECONDS:
                self.writing.put(batch, [d.article_id for d in batch if d.article_id in known])
                batch, waiting, since = [], 0, monotonic()
        if batch:
            self.writing.put(batch, [d.article_id for d in batch if d.article_id in known])
        self.writing.note_stamps(stamps)
        self.progress(len(files), len(files), "encoding")
        return set(owners.values()), encoded

    def _run(self, jobs: list[Job], recipe: Recipe) -> Iterator[Done]:
        if self.workers is None or not jobs:
            return run_here(jobs, replace(recipe, encoder=self.encoder))
        from qa.index.lance.spread import run_on_ray

        return run_on_ray(jobs, recipe, self.workers)


def _no_progress(done: int, total: int, what: str) -> None:
    pass
