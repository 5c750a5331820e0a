"""The store, open for writing: a build stages articles, stores vectors, publishes at the end."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from qa.index.keys import PassageText, pack_spans, unpack_spans
from qa.index.store.failures import SQLITE_ERRORS, explain_failure, explains_failures
from qa.index.store.snapshot import FOLDED, Store
from qa.index.store.tables import (
    ARTICLE_COLUMNS,
    BY_NAME,
    FORMAT,
    LATER,
    SCHEMA,
    TRIGGERS,
    connect,
    insert_into,
    pack_sentences,
    to_article,
    to_half,
    to_origin,
)
from qa.types import Article, Passage, Vectors

_STAGING = """
create temp table staged_articles as
    select id, title, text, sha256, author, date, url, language, body_start, file_sha256
    from articles limit 0;
create temp table staged_places as
    select article_id, format, reader, notes, packed from places limit 0;
create temp table staged_passages as
    select article_id, first, last, sentences, vector_key from passages limit 0;
create temp table queue (
    shortness integer, key blob, text text, spans blob, primary key (shortness, key)
) without rowid;
create temp table needed (key blob primary key) without rowid;
"""
"""Temporary tables for a build's intermediate results; on disk, removed with the connection."""


@explains_failures
class StoreWriter(Store):
    """The only connection that writes to the store; it also sees what it has not published yet."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open for writing, making the file if there is none."""
        try:
            connection = connect(path)
        except SQLITE_ERRORS as error:
            raise explain_failure(error, path) from error
        store = cls(connection, path)
        try:
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma temp_store = file")
            # A row that is replaced is one deleted, for the triggers.
            connection.execute("pragma recursive_triggers = on")
            if not connection.execute("select 1 from sqlite_master").fetchone():
                connection.executescript(f"begin immediate; {SCHEMA} commit;")
                connection.executescript(TRIGGERS)
                store.write_meta({"format": str(FORMAT), "generation": "0"})
            else:
                store.check_format()  # of another format, it may lack a table
                for name in LATER:
                    if not store.has_table(name):
                        connection.executescript(f"begin; {BY_NAME[name].beginning} commit;")
                connection.executescript(TRIGGERS)
            connection.executescript(_STAGING)
        except BaseException as error:
            store.close()
            if isinstance(error, SQLITE_ERRORS):
                raise explain_failure(error, path) from error
            raise
        return store

    def begin(self) -> None:
        """Start the transaction of a build; nothing of it is seen by others before `publish`."""
        # So that `publish` returns when the build is on disk; cannot be set in a transaction.
        self._connection.execute("pragma synchronous = full")
        self._connection.execute("begin immediate")

    def publish(self) -> None:
        """Commit the build."""
        self._connection.execute("commit")

    def rollback(self) -> None:
        """Undo all changes since `begin`."""
        if self._connection.in_transaction:
            self._connection.execute("rollback")

    def write_meta(self, values: Mapping[str, str]) -> None:
        """Record settings that the index was made with."""
        insert = insert_into("meta", "select ?1 as key, ?2 as value", "insert or replace")
        self._connection.executemany(insert, values.items())

    def stage_article(self, article: Article, file_sha256: str) -> None:
        """Keep an article in a temporary table until `put_staged`."""
        self._connection.execute(
            f"insert into staged_articles ({ARTICLE_COLUMNS}, file_sha256) values (?, ?, ?, ?, "
            "?, ?, ?, ?, ?, ?)",
            (
                article.id,
                article.title,
                article.text,
                article.sha256,
                article.author,
                article.date,
                article.url,
                article.language,
                article.body_start,
                file_sha256,
            ),
        )

        if article.origin:
            origin = article.origin
            self._connection.execute(
                "insert into staged_places values (?, ?, ?, ?, ?)",
                (article.id, origin.format, origin.reader, "\n".join(origin.notes), origin.packed),
            )

    def staged_articles(self) -> Iterator[Article]:
        """The staged articles, in order of staging, one in memory at a time."""
        rows = self._connection.execute(
            "select rowid from staged_articles order by rowid"
        ).fetchall()
        for row in rows:
            query = f"select {ARTICLE_COLUMNS}, file_sha256 from staged_articles where rowid = ?"
            *values, file_sha256 = self._connection.execute(query, row).fetchone()
            query = "select * from staged_places where article_id = ?"
            place = self._connection.execute(query, values[:1]).fetchone()
            yield to_article(values, to_origin(place, file_sha256) if place else None)

    def stage_passages(self, article_id: str, passages: Sequence[tuple[Passage, bytes]]) -> None:
        """Stage the passages of a staged article, with the keys of their vectors."""
        self._connection.executemany(
            "insert into staged_passages values (?, ?, ?, ?, ?)",
            ((article_id, p.start, p.end, pack_sentences(p.sentences), key) for p, key in passages),
        )

    def put_row(self, name: str, values: Sequence[Any]) -> None:
        """Insert a row as it is, unless there is one with the same key."""
        table = BY_NAME[name]
        names = [*table.names, *([table.large] if table.large else [])]
        source = "select " + ", ".join(f"?{n} as {name}" for n, name in enumerate(names, start=1))
        self._connection.execute(insert_into(name, source, "insert or ignore"), values)

    def unstage_article(self, article_id: str) -> None:
        """Remove a staged article and its passages."""
        self._connection.execute("delete from staged_passages where article_id = ?", (article_id,))
        self._connection.execute("delete from staged_places where article_id = ?", (article_id,))
        self._connection.execute("delete from staged_articles where id = ?", (article_id,))

    def put_staged(self) -> None:
        """Write staged articles and passages, in place of earlier versions."""
        for table, article_id in (
            ("passages", "article_id"),
            ("places", "article_id"),
            ("articles", "id"),
        ):
            self._connection.execute(
                f"delete from {table} where {article_id} in (select id from staged_articles)"
            )
        self._connection.execute(
            insert_into("articles", "select * from staged_articles order by rowid")
        )
        self._connection.execute(insert_into("places", "select * from staged_places"))
        last = self._connection.execute("select coalesce(max(id), 0) from passages").fetchone()[0]
        staged = "select ? + rowid as id, * from staged_passages order by rowid"
        self._connection.execute(insert_into("passages", staged), (last,))

    def remove_article(self, article_id: str) -> None:
        """Remove an article and its passages."""
        self._connection.execute("delete from passages where article_id = ?", (article_id,))
        self._connection.execute("delete from places where article_id = ?", (article_id,))
        self._connection.execute("delete from articles where id = ?", (article_id,))
        self._connection.execute("delete from files where id = ?", (article_id,))

    def put_vectors(self, vectors: Mapping[bytes, Vectors]) -> None:
        """Store vectors by their passages' keys, at half precision; committed at once, even if the
        build is never published.

        Each is float32 (1 + sentences, dim): the passage's own, then those of its sentences.
        """
        rows = [(key, to_half(of_passage[0])) for key, of_passage in vectors.items()]
        parts = [(key, to_half(of_passage[1:])) for key, of_passage in vectors.items()]
        # NORMAL is safe when a process is killed; what a power cut destroys is encoded again.
        self._connection.execute("pragma synchronous = normal")
        self._connection.execute("begin immediate")
        for table, column, values in (
            ("vectors", "vector", rows),
            ("sentence_vectors", "vectors", parts),
        ):
            insert = insert_into(table, f"select ?1 as key, ?2 as {column}", "insert or replace")
            self._connection.executemany(insert, values)
        self._connection.execute("commit")

    def keep_vectors(self, needed: Iterable[bytes]) -> None:
        """Remove all other vectors."""
        self._connection.executemany(
            "insert or ignore into needed values (?)", ((key,) for key in needed)
        )
        for table in ("vectors", "sentence_vectors"):
            self._connection.execute(
                f"delete from {table} where key not in (select key from needed)"
            )
        self._connection.execute("delete from needed")

    def queue_texts(self, texts: Mapping[bytes, PassageText], tokens: Iterable[int]) -> None:
        """Queue texts, by the keys of their vectors and with their numbers of tokens, unless their
        vectors are stored.
        """
        self._connection.executemany(
            "insert or ignore into queue select ?1, ?2, ?3, ?4 where not exists (select 1 from "
            "vectors join sentence_vectors using (key) where key = ?2)",
            (
                (-count, key, text.text, pack_spans(text.sentences))
                for (key, text), count in zip(texts.items(), tokens, strict=True)
            ),
        )

    def count_queued(self) -> tuple[int, int]:
        """Number of queued texts, and of their tokens."""
        query = "select count(*), coalesce(-sum(shortness), 0) from queue"
        texts, tokens = self._connection.execute(query).fetchone()
        return int(texts), int(tokens)

    def queued_texts(self, at_once: int) -> Iterator[tuple[int, dict[bytes, PassageText]]]:
        """(tokens, key -> text) of at most `at_once` queued texts at a time, the longest first."""
        query = (
            "select shortness, key, text, spans from queue where (shortness, key) > (?, ?) "
            "order by shortness, key limit ?"
        )
        last: tuple[int, bytes] = (-(2**62), b"")
        while rows := self._connection.execute(query, (*last, at_once)).fetchall():
            texts = {key: PassageText(text, unpack_spans(spans)) for _, key, text, spans in rows}
            yield -sum(row[0] for row in rows), texts
            last = rows[-1][:2]

    def readers(self) -> dict[str, tuple[str, str]]:
        """Article id -> format and reader, of articles that are not plain text."""
        query = "select article_id, format, reader from places"
        return {row[0]: row[1:] for row in self._connection.execute(query).fetchall()}

    def sources(self) -> dict[str, tuple[str, str, str, str | None]]:
        """Article id -> (id, sha256 of its file, sha256 of its text, stamp of its file or None)."""
        query = """
            select a.id, a.file_sha256, a.sha256, f.stamp
            from articles a left join files f on f.id = a.id and f.sha256 = a.file_sha256
        """
        # Plain rows: converting each would take longer than reading it.
        return {row[0]: row for row in self._connection.execute(query).fetchall()}

    def folded(self) -> dict[str, tuple[str, str, str, str | None]]:
        """The same as `sources` of the files that are folded into articles."""
        noted: dict[str, list[str]] = json.loads(self.meta.get(FOLDED, "{}"))
        query = "select stamp from files where id = ? and sha256 = ?"
        rows = {}
        for file_id, (file_hash, text_hash) in noted.items():
            stamp = self._connection.execute(query, (file_id, file_hash)).fetchone()
            rows[file_id] = (file_id, file_hash, text_hash, stamp[0] if stamp else None)
        return rows

    def note_files(self, noted: Mapping[str, tuple[str, str]]) -> None:
        """Record stamp and sha256 of files that were read; committed at once."""
        if noted:
            self._connection.execute("pragma synchronous = normal")
            self._connection.execute("begin immediate")
            rows = ((file_id, *values) for file_id, values in noted.items())
            insert = insert_into(
                "files", "select ?1 as id, ?2 as stamp, ?3 as sha256", "insert or replace"
            )
            self._connection.executemany(insert, rows)
            self._connection.execute("commit")
