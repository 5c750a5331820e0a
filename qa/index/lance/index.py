"""The index at a URI, open for searching: a generation of shared tables, as a `SearchIndex`.

Lance's indexes only find candidates; their scores are computed here, cosines from the vectors and
BM25 from our own document frequencies (Lance's are per partition, and include removed rows). So
scores are those of an index in a folder. But Lance may miss a passage; its recall is measured at
each build.
"""

import math
from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import numpy as np

from qa.encoder import load_encoder
from qa.errors import IndexDamaged, IndexMismatch, IndexUnreachable, QAError
from qa.index.interface import EVERYWHERE, Frequencies, Where
from qa.index.keys import encode_texts, passage_text
from qa.index.lance.dataset import (
    ARTICLES,
    GENERATIONS,
    PASSAGES,
    TIMEOUT,
    WORDS,
    Dataset,
    Generation,
    reaching,
    read_newest,
)
from qa.index.lance.tables import (
    ORDINAL_BITS,
    Row,
    name_word,
    passage_checksum,
    read_article,
    read_passage,
    read_vectors,
    sql_begins,
    sql_in,
    to_sql,
)
from qa.index.words import K1, B, analyse, count_changes, round_length, stems_for_likeness, weigh
from qa.types import Article, Encoder, Passage, Span, Vectors

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.table import Table

EXACT_UP_TO = 20_000
"""If conditions leave at most this many passages, all are compared: the result is exact."""
LOOK_AGAIN_SECONDS = 1.0
"""How often it is looked up whether another generation has been published."""
MORE = 2
"""The word index is asked for this many times k passages, which are then scored here."""
CANDIDATES = 400
"""The index of vectors compares short codes; so many passages near a question by these are then
compared exactly, unless tuning took more."""
CACHED_CHARS = 20_000_000
"""Limit of the cache of articles."""
_CACHED_ROWS = 10_000
"""Limit of the caches of passages' vectors and words, of sentences, and of document frequencies."""
_FOUND = ["id", "article_id", "words", "vector"]
"""Read of each passage that a search finds."""
_PAGE = 500

K = TypeVar("K")
V = TypeVar("V")


class _Recent(Generic[K, V]):
    """A cache of the values used last; they never change, since a generation does not."""

    def __init__(self, most: int, size: Callable[[V], int] = lambda _: 1) -> None:
        self._most, self._size, self._total = most, size, 0
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = Lock()

    def get(self, keys: Iterable[K]) -> dict[K, V]:
        """Those of the keys that are there."""
        with self._lock:
            found = {key: self._values[key] for key in keys if key in self._values}
            for key in found:
                self._values.move_to_end(key)
        return found

    def put(self, values: Mapping[K, V]) -> None:
        """Keep values, and drop those that were used longest ago."""
        with self._lock:
            for key, value in values.items():
                if key not in self._values:
                    self._values[key] = value
                    self._total += self._size(value)
            while self._total > self._most and len(self._values) > 1:
                self._total -= self._size(self._values.popitem(last=False)[1])


class LanceIndex:
    """A generation of the index at a URI; unaffected by later builds."""

    def __init__(self, dataset: Dataset, generation: Generation, encoder: Encoder | None) -> None:
        self._dataset = dataset
        self._encoder = encoder
        self.opened = generation
        self._tables = dataset.tables(generation)
        self._published = dataset.table(GENERATIONS)
        self._version = self._published.version
        self._looked = monotonic()
        self._is_current = True
        self._lock = Lock()
        self._articles = _Recent[str, Article](CACHED_CHARS, lambda article: len(article.text))
        self._article_ids = _Recent[int, str](_CACHED_ROWS)
        self._words = _Recent[int, str](_CACHED_ROWS)
        self._vectors = _Recent[int, Vectors](_CACHED_ROWS)
        self._sentences = _Recent[tuple[str, int], Vectors](_CACHED_ROWS, len)
        self._holding = _Recent[str, int](_CACHED_ROWS)
        self._ids: list[str] | None = None

    @classmethod
    def open(cls, location: str, *, encoder: Encoder | None = None) -> Self:
        """Open the newest generation at a URI; `encoder` is by default the one it was built with.

        Raises:
            IndexMissing: there is none.
            IndexMismatch: it was built with another encoder.
            IndexUnreachable: the storage does not answer.
        """
        dataset = Dataset.connect(location)
        generation = dataset.require_newest()
        made_with = generation.made_with
        encoder = encoder or load_encoder(made_with["encoder_name"])
        if made_with["encoder_fingerprint"] != encoder.fingerprint:
            raise IndexMismatch(
                f"the index at {location} was built with the encoder {made_with['encoder_name']!r} "
                f"({made_with['encoder_fingerprint'][:8]}), "
                f"not with {encoder.name!r} ({encoder.fingerprint[:8]}): "
                "name the former, or run `qa build --reembed`"
            )
        return cls(dataset, generation, encoder)

    def __len__(self) -> int:
        """How many passages there are."""
        return self.opened.counts["passages"]

    def reopen(self) -> Self:
        """The newest generation; this one, if the storage does not answer."""
        try:
            return type(self)(self._dataset, self._dataset.require_newest(), self._encoder)
        except IndexUnreachable:
            return self

    def close(self) -> None:
        """Do nothing: no files are open."""

    @property
    def location(self) -> str:
        """The URI."""
        return self._dataset.location

    @property
    def generation(self) -> int:
        """Number of builds that changed this index."""
        return self.opened.number

    @property
    def build_id(self) -> str:
        """Identity of the build that is open."""
        return self.opened.build_id

    @property
    def encoder(self) -> Encoder:
        """The encoder that its vectors were made with."""
        if self._encoder is None:
            raise QAError(f"{self.location} was opened to read articles, not to search in them")
        return self._encoder

    @property
    def is_current(self) -> bool:
        """See `SearchIndex`; looked up once a second. If the storage fails, nothing changes."""
        with self._lock:
            if self._is_current and monotonic() - self._looked > LOOK_AGAIN_SECONDS:
                try:
                    with reaching(self.location):
                        self._published.checkout_latest()
                        version = self._published.version
                    if version != self._version:
                        newest = read_newest(self._published, self.location)
                        self._is_current = newest is None or newest.build_id == self.build_id
                        self._version = version
                except IndexUnreachable:
                    pass
                self._looked = monotonic()
            return self._is_current

    # -- searching ---------------------------------------------------------------------------------
    # --------------

    def search_vectors(
        self, query: Vectors, /, k: int, *, where: Where = EVERYWHERE
    ) -> list[tuple[int, float]]:
        """See `SearchIndex`; exact if conditions leave few passages."""
        return self.search_near(query, k, where=where)

    def search_near(
        self,
        query: Vectors,
        k: int,
        *,
        where: Where = EVERYWHERE,
        nprobes: int | None = None,
        candidates: int | None = None,
    ) -> list[tuple[int, float]]:
        """`search_vectors` with the number of lists to search, and of passages to compare."""
        sql, tuned = to_sql(where), self.opened.search
        if k < 1 or not self.opened.counts["passages"]:
            return []
        with reaching(self.location):
            table = self._tables[PASSAGES]
            search = table.search(query, vector_column_name="vector").distance_type("dot")
            left = self.opened.counts["passages"] if sql is None else table.count_rows(sql)
            if not left:
                return []
            if sql is not None:
                search = search.where(sql, prefilter=True)
            # Some more than k, since Lance compares cosines at half precision.
            compared = k + 10
            if left <= EXACT_UP_TO or "nprobes" not in tuned:
                search = search.bypass_vector_index()
            else:
                lists = nprobes or tuned["nprobes"]
                compared = max(candidates or tuned.get("candidates", 0), 2 * k)
                if sql is None:
                    search = search.nprobes(lists)
                else:
                    # If too few of a list's passages meet the conditions, more are searched.
                    search = search.minimum_nprobes(2 * lists).maximum_nprobes(0)
            found = (
                search.select([*_FOUND, "_distance"])
                .limit(min(left, compared))
                .to_arrow(timeout=TIMEOUT)
            )
        rows = read_vectors(found["vector"])
        ids = found["id"].to_pylist()
        best = _rank(dict(zip(ids, np.einsum("ij,j->i", rows, query).tolist(), strict=True)), k)
        places = {i: n for n, i in enumerate(ids)}
        self._keep(found.take(np.array([places[i] for i, _ in best], dtype=np.int64)))
        return best

    def search_words(
        self,
        query: str,
        /,
        k: int,
        *,
        where: Where = EVERYWHERE,
        among: Sequence[int] | None = None,
    ) -> list[tuple[int, float]]:
        """See `SearchIndex`; found by Lance, scored here."""
        common = self.count_words(query)
        held = {
            name_word(*pair): weigh(common.passages, n) for pair, n in common.holding.items() if n
        }
        if not held or k < 1 or (among is not None and not len(among)):
            return []
        sql = to_sql(where)
        texts = self._match(sorted(held), MORE * k, sql) if among is None else {}
        if among is not None:
            texts = self._words.get(among) if sql is None else {}
            unseen = sorted(set(among) - texts.keys())
            parts = (part for part in (sql, sql_in("id", unseen)) if part)
            texts |= self._read_words(" AND ".join(f"({part})" for part in parts)) if unseen else {}
        scores = {i: self._score(words.split(" "), held) for i, words in texts.items()}
        return _rank({passage_id: score for passage_id, score in scores.items() if score > 0}, k)

    def _read_words(self, sql: str) -> dict[int, str]:
        rows = self._read(PASSAGES, sql, ["id", "words"])
        texts = dict(zip(rows["id"].to_pylist(), rows["words"].to_pylist(), strict=True))
        self._words.put(texts)
        return texts

    def _match(self, names: list[str], limit: int, sql: str | None) -> dict[int, str]:
        """Passage id -> words, by Lance's ranking."""
        from lancedb.query import MatchQuery

        with reaching(self.location):
            match = MatchQuery(" ".join(names), "words")
            search = self._tables[PASSAGES].search(match, query_type="fts")
            if sql is not None:
                search = search.where(sql, prefilter=True)
            found = search.select([*_FOUND, "_score"]).limit(limit).to_arrow(timeout=TIMEOUT)
        self._keep(found)
        return dict(zip(found["id"].to_pylist(), found["words"].to_pylist(), strict=True))

    def _keep(self, found: "pa.Table") -> None:
        """Keep what will be asked for of passages just found."""
        ids = found["id"].to_pylist()
        self._words.put(dict(zip(ids, found["words"].to_pylist(), strict=True)))
        self._vectors.put(dict(zip(ids, read_vectors(found["vector"]), strict=True)))
        self._article_ids.put(dict(zip(ids, found["article_id"].to_pylist(), strict=True)))

    def _score(self, words: list[str], weights: dict[str, float]) -> float:
        counts = Counter(word for word in words if word in weights)
        if not counts:
            return 0.0
        average = self.opened.lengths[words[0].partition(":")[0]] / self.opened.counts["passages"]
        norm = K1 * (1 - B + B * round_length(len(words)) / average)
        return sum(weights[word] * n * (K1 + 1) / (n + norm) for word, n in counts.items())

    def count_words(self, query: str, /) -> Frequencies:
        """See `SearchIndex`; from the counts that builds maintain."""
        pairs = {(field, word) for field in self.opened.lengths for word in analyse(field, query)}
        names = {pair: name_word(*pair) for pair in sorted(pairs)}
        counts = self._holding.get(names.values())
        if unseen := sorted(set(names.values()) - counts.keys()):
            rows = self._read(WORDS, sql_in("word", unseen), ["word", "holding"])
            new = dict.fromkeys(unseen, 0)
            for name, n in zip(rows["word"].to_pylist(), rows["holding"].to_pylist(), strict=True):
                new[name] += n
            self._holding.put(new)
            counts |= new
        holding = {pair: counts[name] for pair, name in names.items()}
        return Frequencies(self.opened.counts["passages"], holding)

    def find_alike(self, word: str, /, k: int, *, letters: int) -> list[int]:
        """See `SearchIndex`; only words with the same first letter are compared."""
        found: dict[int, None] = {}
        for field, stem in stems_for_likeness(self.opened.lengths, word):
            begin = name_word(field, stem[0])
            rows = self._read(WORDS, sql_begins("word", begin), ["word"])["word"].to_pylist()
            changes = {name: count_changes(name_word(field, stem), name) for name in set(rows)}
            near = sorted((n, name) for name, n in changes.items() if n <= letters)
            for _, name in near[:k]:
                found.update(dict.fromkeys(self._match([name], k, None)))
        return list(found)[:k]

    # -- reading -----------------------------------------------------------------------------------
    # --------------

    def passage_vectors(self, passage_ids: Sequence[int], /) -> dict[int, Vectors]:
        """From the table of passages."""
        vectors = self._vectors.get(passage_ids)
        unseen = sorted(set(passage_ids) - vectors.keys())
        for table in self._read_many(unseen, ["id", "vector"]):
            rows = read_vectors(table["vector"])
            vectors |= dict(zip(table["id"].to_pylist(), rows, strict=True))
        return vectors

    def sentence_vectors(self, passages: Sequence[Passage], /) -> Vectors:
        """Encoded on demand: stored, they would take six times the space of all else. They have the
        precision of stored ones, so that answers are the same as from a folder.
        """
        places = [(passage.article.id, passage.start) for passage in passages]
        kept = self._sentences.get(places)
        lacking = {p: q for p, q in zip(places, passages, strict=True) if p not in kept}
        rows = encode_texts(self.encoder, [passage_text(passage) for passage in lacking.values()])
        made = {
            p: row[1:].astype(np.float16).astype(np.float32)
            for p, row in zip(lacking, rows, strict=True)
        }
        self._sentences.put(made)
        kept |= made
        none = np.zeros((0, self.encoder.dim), dtype=np.float32)
        return np.concatenate([none, *(kept[place] for place in places)])

    def get_passages(self, passage_ids: Sequence[int], /) -> dict[int, Passage]:
        """See `SearchIndex`; the checksum of each row is verified."""
        # Articles are read beside their passages, as far as it is known which they are.
        with ThreadPoolExecutor(1, thread_name_prefix="qa-articles") as beside:
            known = set(self._article_ids.get(passage_ids).values())
            texts = beside.submit(self._get_articles, known)
            tables = self._read_many(passage_ids, None)
        rows = [row for table in tables for row in table.to_pylist()]
        for row in rows:
            if passage_checksum(row) != row["checksum"]:
                raise IndexDamaged(
                    f"passage {row['id']} of {row['article_id']} has been altered: "
                    "run `qa build --reembed`"
                )
        articles = texts.result()
        articles |= self._get_articles({row["article_id"] for row in rows} - articles.keys())
        if {row["id"] for row in rows} != set(passage_ids) or any(
            row["article_id"] not in articles for row in rows
        ):
            raise IndexDamaged(f"passages are missing at {self.location}: run `qa build --reembed`")
        return {row["id"]: read_passage(row, articles[row["article_id"]]) for row in rows}

    def get_places(self, passage_ids: Sequence[int], /) -> dict[int, tuple[str, Span]]:
        """From the table of passages."""
        found = self._read_many(passage_ids, ["id", "article_id", "first", "last"])
        return {
            row["id"]: (row["article_id"], Span(row["first"], row["last"]))
            for t in found
            for row in t.to_pylist()
        }

    def find_nearby(self, article_id: str, place: Span, most: int) -> list[int]:
        """From the table of passages."""
        rows = self._read(PASSAGES, sql_in("article_id", [article_id]), ["id", "first"]).to_pylist()
        return [
            row["id"]
            for row in sorted(rows, key=lambda row: (abs(row["first"] - place.start), row["id"]))
        ][:most]

    def get_article(self, article_id: str, /) -> Article | None:
        """See `SearchIndex`; articles are cached."""
        return self._get_articles({article_id}).get(article_id)

    def text_hashes(self) -> dict[str, str]:
        """Article id -> sha256 of its text."""
        rows = self._read(ARTICLES, None, ["id", "sha256"])
        return dict(zip(rows["id"].to_pylist(), rows["sha256"].to_pylist(), strict=True))

    def list_articles(self, *, after: str = "", limit: int | None = None) -> Iterator[Article]:
        """See `SearchIndex`; one page of articles in memory at a time."""
        left = math.inf if limit is None else limit
        while left > 0:
            ids = self._list_ids(after, int(min(left, _PAGE)))
            if not ids:
                return
            articles = self._get_articles(set(ids), keep=False)
            yield from (articles[article_id] for article_id in ids)
            after, left = ids[-1], left - len(ids)

    def _list_ids(self, after: str, limit: int) -> list[str]:
        """The ids after one, in order; all ids are read once."""
        with self._lock:
            if self._ids is None:
                self._ids = sorted(self._read(ARTICLES, None, ["id"])["id"].to_pylist())
        first = bisect_right(self._ids, after) if after else 0
        return self._ids[first : first + limit]

    def _get_articles(self, article_ids: set[str], *, keep: bool = True) -> dict[str, Article]:
        found = self._articles.get(article_ids)
        unknown = sorted(article_ids - found.keys())
        rows: list[Row] = (
            self._read(ARTICLES, sql_in("id", unknown), None).to_pylist() if unknown else []
        )
        read = {row["id"]: read_article(row) for row in rows}
        if keep:
            self._articles.put(read)
        return found | read

    def _read_many(self, passage_ids: Sequence[int], columns: list[str] | None) -> list["pa.Table"]:
        ids = sorted({i for i in passage_ids if i >> ORDINAL_BITS >= 0})
        return [
            self._read(PASSAGES, sql_in("id", ids[first : first + _PAGE]), columns)
            for first in range(0, len(ids), _PAGE)
        ]

    def _read(self, name: str, sql: str | None, columns: list[str] | None) -> "pa.Table":
        """All rows that meet a condition."""
        return read_rows(self._tables[name], sql, columns, self.location)


def open_articles(location: str) -> LanceIndex:
    """The newest generation at a URI, for its articles alone; loads no model."""
    dataset = Dataset.connect(location)
    return LanceIndex(dataset, dataset.require_newest(), None)


def read_rows(
    table: "Table", sql: str | None, columns: list[str] | None, location: str
) -> "pa.Table":
    """All rows of a table that meet a condition."""
    with reaching(location):
        search: Any = table.search()
        if sql is not None:
            search = search.where(sql)
        if columns is not None:
            search = search.select(columns)
        return search.limit(None).to_arrow(timeout=TIMEOUT)


def _rank(scores: dict[int, float], k: int) -> list[tuple[int, float]]:
    """(id, score) of the best k, ties by id."""
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[:k]
