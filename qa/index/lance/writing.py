"""The tables at a URI while one process builds: its commits, article by article.

A killed build leaves whole articles, which count, or passages without their article, which the next
build removes.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from qa.articles.read import is_current
from qa.errors import IndexBusy
from qa.index.lance.dataset import ARTICLES, PASSAGES, WORDS, Dataset, Generation, Lease, reaching
from qa.index.lance.index import read_rows
from qa.index.lance.tables import settings_key, sql_in
from qa.index.lance.work import Done

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.table import Table

IDS_AT_ONCE = 1000
"""Ids in one condition."""


class Known(NamedTuple):
    """Columns of an article's row."""

    number: int
    edition: int
    made: str
    file_sha256: str
    stamp: str
    sha256: str

    def is_made_by(self, settings: str) -> bool:
        """Whether the row was made with these settings, by the current reader of its format."""
        made, _, by = self.made.partition("|")
        form, _, reader = by.partition("|")
        return made == settings and is_current(form or None, reader)

    @property
    def read_before(self) -> tuple[str, str]:
        """sha256 of its file, and what read that; empty if it is plain text."""
        return self.file_sha256, self.made.rpartition("|")[2] if "|" in self.made else ""


class Writing:
    """The tables while a build holds the lease; readers see what it commits once it is published.

    `base` is the generation before, or None; `edition` the number of the next one, which new rows
    have; `versions` the table versions that this build has committed; `made` names the settings.
    """

    def __init__(
        self, dataset: Dataset, lease: Lease, base: Generation | None, settings: Mapping[str, str]
    ) -> None:
        self.dataset = dataset
        self.base = base
        self.settings = dict(settings)
        self.made = settings_key(self.settings)
        self.edition = base.number + 1 if base else 1
        self.lease = lease
        self.tables = {name: dataset.table(name) for name in (ARTICLES, PASSAGES, WORDS)}
        with reaching(dataset.location):
            self.versions = {name: table.version for name, table in self.tables.items()}
        if base is None or self.versions != base.versions:
            self._mend()

    def known(self) -> dict[str, Known]:
        """Article id -> its row, including articles that a killed build has committed."""
        columns = ["id", *Known._fields]
        rows = read_rows(self.tables[ARTICLES], None, columns, self.dataset.location)
        return {row.pop("id"): Known(**row) for row in rows.to_pylist()}

    def put(self, done: Iterable[Done], replaced: Iterable[str]) -> None:
        """Commit articles, in place of earlier versions; an article's own row is committed after
        its passages, so that only complete articles count.
        """
        import pyarrow as pa

        done = list(done)
        self.remove(replaced)
        passages = [d.passages for d in done if d.passages is not None and d.passages.num_rows]
        articles = [d.article for d in done if d.article is not None]
        if passages:
            self.commit(PASSAGES, lambda table: table.add(pa.concat_tables(passages)))
        if articles:
            self.commit(ARTICLES, lambda table: table.add(pa.concat_tables(articles)))

    def remove(self, article_ids: Iterable[str]) -> None:
        """Commit the removal of articles; their own rows first, so that passages left by a killed
        build do not count.
        """
        ids = iter(sorted(article_ids))
        while some := list(islice(ids, IDS_AT_ONCE)):
            self.commit(ARTICLES, lambda table, some=some: table.delete(sql_in("id", some)))
            self.commit(PASSAGES, lambda table, some=some: table.delete(sql_in("article_id", some)))

    def note_stamps(self, stamps: Mapping[str, str]) -> None:
        """Commit new stamps of files that were read and found unchanged."""
        import pyarrow as pa

        if stamps:
            rows = pa.table({"id": list(stamps), "stamp": list(stamps.values())})
            self.commit(
                ARTICLES,
                lambda table: table.merge_insert("id").when_matched_update_all().execute(rows),
            )

    def article(self, article_id: str) -> dict[str, Any]:
        """The row of an article."""
        row: dict[str, Any]
        [row] = read_rows(
            self.tables[ARTICLES], sql_in("id", [article_id]), None, self.dataset.location
        ).to_pylist()
        return row

    def commit(self, name: str, write: Any) -> None:
        """One commit of a table by `write(table)`.

        Raises:
            IndexBusy: another process has committed since our last one, so the lease was lost.
        """
        self.lease.check()
        table = self.tables[name]
        with reaching(self.dataset.location):
            version = write(table).version
        if version > self.versions[name] + 1:
            raise IndexBusy(
                f"another process has written to {self.dataset.location} meanwhile: run `qa build` "
                "again"
            )
        self.versions[name] = version

    def _mend(self) -> None:
        """Remove what a killed build leaves: passages without their article, and counts of words
        that were not published.
        """
        location = self.dataset.location
        articles = read_rows(self.tables[ARTICLES], None, ["id", "edition"], location)
        whole = set(zip(articles["id"].to_pylist(), articles["edition"].to_pylist(), strict=True))
        passages = read_rows(self.tables[PASSAGES], None, ["article_id", "edition"], location)
        there = set(
            zip(passages["article_id"].to_pylist(), passages["edition"].to_pylist(), strict=True)
        )
        orphans: dict[int, list[str]] = {}
        for article_id, edition in sorted(there - whole):
            orphans.setdefault(edition, []).append(article_id)
        for edition, ids in orphans.items():
            for first in range(0, len(ids), IDS_AT_ONCE):
                some = sql_in("article_id", ids[first : first + IDS_AT_ONCE])
                sql = f"edition = {edition} AND {some}"
                self.commit(PASSAGES, lambda table, sql=sql: table.delete(sql))
        words = self.tables[WORDS]
        with reaching(location):
            if self.base is None:
                words.delete("true")
            else:
                words.checkout(self.base.versions[WORDS])
                words.restore()
            self.versions[WORDS] = words.version

    def changes(self) -> tuple[list[str], list[str]]:
        """Ids of articles added or changed since the generation before, and ids of those removed or
        changed.
        """
        before: dict[str, int] = {}
        if self.base is not None:
            table = self.dataset.table(ARTICLES, self.base.versions[ARTICLES])
            rows = read_rows(table, None, ["id", "edition"], self.dataset.location)
            before = dict(zip(rows["id"].to_pylist(), rows["edition"].to_pylist(), strict=True))
        now = {article_id: known.edition for article_id, known in self.known().items()}
        added = sorted(i for i, edition in now.items() if before.get(i) != edition)
        return added, sorted(i for i, edition in before.items() if now.get(i) != edition)

    def read_batches(
        self, table: "Table", sql: str | None, columns: list[str]
    ) -> Iterator["pa.RecordBatch"]:
        """Columns of all rows that meet a condition, a batch in memory at a time."""
        with reaching(self.dataset.location):
            search = table.search()
            if sql is not None:
                search = search.where(sql)
            yield from search.select(columns).limit(None).to_batches()
