"""Articles folder -> the tables at a URI: new articles are committed in batches, then published."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from uuid import uuid4

from qa.articles.passages import DEFAULT_SIZE, PassageSize
from qa.articles.scan import require_folder, scan_files
from qa.encoder import load_encoder
from qa.errors import ArticleError, ArticlesMissing, IndexMismatch
from qa.index.build import BuildReport
from qa.index.lance.dataset import ARTICLES, PASSAGES, WORDS, Dataset, Generation
from qa.index.lance.publishing import publish
from qa.index.lance.tables import article_schema, passage_schema, read_article, word_schema
from qa.index.lance.work import Done, Job, Recipe, Worker, run_here
from qa.index.lance.writing import Known, Writing
from qa.index.words import ANALYSIS
from qa.types import Encoder, Progress, no_progress

COMMIT_PASSAGES = 20_000
COMMIT_SECONDS = 60.0
"""Between two commits at most: what a killed build loses."""


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
        ArticlesMissing: the folder does not exist, or is empty although the index holds articles.
        IndexBusy: another process is building.
        IndexMismatch: the index was built with another encoder, and `reembed` is false.
        IndexUnreachable: the storage does not answer; the index is as it was, and the next build
        goes on.
    """
    articles = Path(articles)
    require_folder(articles)
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
            "splitter": size.key,
            "analysis": ANALYSIS,
        }
        if reembed:
            settings["made"] = uuid4().hex
        elif base is not None and "made" in base.made_with:
            settings["made"] = base.made_with["made"]
        # Other machines are given a name to load, unless the caller brought an encoder.
        named = chosen if encoder is not None else chosen.name
        writing = Writing(dataset, lease, dataset.newest(), settings)
        work = _Build(articles, writing, chosen, named, progress or no_progress, size, workers)
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
            f"{base.made_with['encoder_name']!r}, not with {chosen.name!r}: name the former, or "
            "run `qa build --reembed`"
        )
    return chosen


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
    folded: dict[str, str] = field(default_factory=dict)
    warnings: list[ArticleError] = field(default_factory=list)

    def run(self, reader: str, allow_empty: bool) -> BuildReport:
        writing = self.writing
        known = writing.known()
        before = set(known)
        files = scan_files(self.articles)
        if not files and known and not allow_empty:
            raise ArticlesMissing(
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
            generation = publish(writing, gone, reader, self.progress)
        published = set(gone)
        return BuildReport(
            generation.number,
            added=tuple(i for i in added if i not in published),
            changed=tuple(i for i in added if i in published),
            removed=tuple(i for i in gone if i not in set(added)),
            unchanged=tuple(sorted(kept - set(added))),
            errors=tuple(self.errors),
            folded=tuple(self.folded.items()),
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
            and known[name].is_made_by(made)
            and known[name].stamp == stamp
            for name, stamp in files
        }
        number = max((k.number for k in known.values()), default=-1)
        jobs: list[Job] = []
        for name, stamp in files:
            if not as_known[name]:
                number += name not in known
                same = name in known and known[name].is_made_by(made)
                jobs.append(
                    Job(
                        name,
                        stamp,
                        known[name].number if name in known else number,
                        known[name].file_sha256 if same else "",
                        *(known[name].read_before if name in known and not same else ()),
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
                if not known[name].is_made_by(made):
                    row = self.writing.article(name)
                    worker = Worker(replace(recipe, encoder=self.encoder))
                    done = worker.make(read_article(row), row["file_sha256"], "", numbers[name])
            if text_hash in owners:
                self.folded[name] = owners[text_hash]
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
