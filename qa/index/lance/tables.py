"""Articles and passages <-> rows of Lance tables, with a checksum for each row."""

import json
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qa.errors import IndexDamaged
from qa.index.interface import Where, fold, fold_words, read_days
from qa.index.store.tables import pack_sentences, unpack_sentences
from qa.index.words import Text, analyse, field_of
from qa.places import Origin
from qa.types import Article, Passage, Sentence, Vectors

if TYPE_CHECKING:
    import pyarrow as pa

ORDINAL_BITS = 20
"""A passage's id is its article's number, then these bits with its own number in the article."""
_UNSEEN = str.maketrans(
    {char: f"\\x{ord(char):02x}" for char in map(chr, range(33))} | {"\\": "\\\\"}
)
"""Escapes for white space in words, which are stored in one string with spaces between."""

Row = dict[str, Any]


class Split(NamedTuple):
    """A passage with its vector."""

    start: int
    end: int
    sentences: tuple[Sentence, ...]
    vector: Vectors
    """float32 (dim,); stored at half precision."""


@dataclass(frozen=True, slots=True)
class Source:
    """An article with everything that is stored of it."""

    article: Article
    file_sha256: str
    stamp: str
    """Stamp of its file, see `scan_files`; empty if the file may have changed without a new one."""
    passages: tuple[Split, ...]


def article_schema() -> "pa.Schema":
    """The schema of the table of articles, one row for each."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("number", pa.int64(), nullable=False),
            pa.field("edition", pa.int64(), nullable=False),
            pa.field("made", pa.string(), nullable=False),
            pa.field("file_sha256", pa.string(), nullable=False),
            pa.field("stamp", pa.string(), nullable=False),
            pa.field("sha256", pa.string(), nullable=False),
            pa.field("language", pa.string()),
            pa.field("passages", pa.int64(), nullable=False),
            pa.field("about", pa.string(), nullable=False),
            pa.field("text", pa.large_binary(), nullable=False),
            pa.field("checksum", pa.binary(), nullable=False),
        ]
    )


def passage_schema(dim: int) -> "pa.Schema":
    """The schema of the table of passages, with the columns that conditions use."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("id", pa.int64(), nullable=False),
            pa.field("article_id", pa.string(), nullable=False),
            pa.field("edition", pa.int64(), nullable=False),
            pa.field("first", pa.int64(), nullable=False),
            pa.field("last", pa.int64(), nullable=False),
            pa.field("sentences", pa.binary(), nullable=False),
            pa.field("words", pa.string(), nullable=False),
            pa.field("vector", pa.list_(pa.float16(), dim), nullable=False),
            pa.field("author", pa.string()),
            pa.field("language", pa.string()),
            pa.field("first_day", pa.int32()),
            pa.field("last_day", pa.int32()),
            pa.field("title", pa.string(), nullable=False),
            pa.field("checksum", pa.binary(), nullable=False),
        ]
    )


def word_schema() -> "pa.Schema":
    """The schema of the table of words; document frequencies are sums over a word's rows."""
    import pyarrow as pa

    return pa.schema([("word", pa.string()), ("holding", pa.int64()), ("edition", pa.int64())])


def article_row(source: Source, *, number: int, edition: int, made: str) -> Row:
    """A row of the table of articles; `made` names the settings that it was made with, to which
    format and reader of its file are added.
    """
    origin = source.article.origin
    about = asdict(replace(source.article, origin=None))
    # Only where there are some: rows of plain text stay as they were.
    about.pop("origin")
    if not about["copies"]:
        about.pop("copies")
    if origin:
        about["origin"] = {**asdict(origin), "packed": b64encode(origin.packed).decode("ascii")}
    text = about.pop("text").encode("utf-8", "surrogatepass")
    row: Row = {
        "id": source.article.id,
        "number": number,
        "edition": edition,
        "made": f"{made}|{origin.format}|{origin.reader}" if origin else made,
        "file_sha256": source.file_sha256,
        "stamp": source.stamp,
        "sha256": source.article.sha256,
        "language": source.article.language,
        "passages": len(source.passages),
        "about": json.dumps(about, ensure_ascii=False, sort_keys=True),
        "text": text,
    }
    return {**row, "checksum": article_checksum(row)}


def article_checksum(row: Row) -> bytes:
    """Checksum of a row without its text, which has a sha256, and its stamp, which may be
    updated.
    """
    kept = (
        "id",
        "number",
        "edition",
        "made",
        "file_sha256",
        "sha256",
        "language",
        "passages",
        "about",
    )
    return _digest(json.dumps([row[name] for name in kept]).encode())


def read_article(row: Row) -> Article:
    """The article in a row.

    Raises:
        IndexDamaged: the row is not as it was written.
    """
    if sha256(row["text"]).hexdigest() != row["sha256"] or article_checksum(row) != row["checksum"]:
        raise IndexDamaged(
            f"the stored text of {row['id']} has been altered: run `qa build --reembed`"
        )
    about = json.loads(row["about"])
    if origin := about.get("origin"):
        notes, packed = tuple(origin["notes"]), b64decode(origin["packed"])
        about["origin"] = Origin(**{**origin, "notes": notes, "packed": packed})
    return Article(text=row["text"].decode("utf-8", "surrogatepass"), **about)


def passage_rows(source: Source, *, number: int, edition: int) -> list[Row]:
    """Rows of the table of passages, in the order of the text."""
    article = source.article
    field = field_of(article.language)
    days = read_days(article.date or "")
    rows = []
    for ordinal, (start, end, sentences, vector) in enumerate(source.passages):
        passage = Passage(article, start, end, sentences)
        content = Text(0, article.language, passage.text, article.title).content
        row: Row = {
            "id": number << ORDINAL_BITS | ordinal,
            "article_id": article.id,
            "edition": edition,
            "first": start,
            "last": end,
            "sentences": pack_sentences(sentences),
            "words": join_words(field, analyse(field, content)),
            "vector": vector.astype(np.float16),
            "author": fold(article.author) if article.author else None,
            "language": article.language,
            "first_day": days.start if days else None,
            "last_day": days.end if days else None,
            "title": f" {' '.join(fold_words(article.title))} ",
        }
        rows.append({**row, "checksum": passage_checksum(row)})
    return rows


def passage_checksum(row: Row) -> bytes:
    """Checksum of a row of the table of passages."""
    kept = (
        "id",
        "article_id",
        "edition",
        "first",
        "last",
        "author",
        "language",
        "first_day",
        "last_day",
        "title",
    )
    head = json.dumps([row[name] for name in (*kept, "words")]).encode()
    return _digest(head, row["sentences"], np.asarray(row["vector"], dtype=np.float16).tobytes())


def read_passage(row: Row, article: Article) -> Passage:
    """The passage in a row with at least its place and sentences."""
    return Passage(article, row["first"], row["last"], unpack_sentences(row["sentences"]))


def to_arrow(rows: Sequence[Row], schema: "pa.Schema") -> "pa.Table":
    """Rows as an Arrow table."""
    import pyarrow as pa

    columns = {}
    for field in schema:
        values: Any = [row[field.name] for row in rows]
        if pa.types.is_fixed_size_list(field.type):
            flat = pa.array(np.concatenate(values) if values else np.zeros(0, dtype=np.float16))
            columns[field.name] = pa.FixedSizeListArray.from_arrays(flat, field.type.list_size)
        else:
            columns[field.name] = pa.array(values, type=field.type)
    return pa.table(columns, schema=schema)


def read_vectors(column: "pa.ChunkedArray") -> Vectors:
    """A column of vectors as float32 (n, dim)."""
    flat = column.combine_chunks()
    rows: Vectors = flat.flatten().to_numpy().astype(np.float32)
    return rows.reshape(len(flat), flat.type.list_size)


def join_words(field: str, words: Iterable[str]) -> str:
    """Words as one string to be split at spaces, each under the name of its field."""
    return " ".join(name_word(field, word) for word in words)


def name_word(field: str, word: str) -> str:
    """A word under the name of its field, without a space in it."""
    return f"{field}:{word.translate(_UNSEEN)}"


def count_holding(strings: Iterable[str]) -> tuple[Counter[str], Counter[str]]:
    """From passages' strings of words: document frequency of each word, and number of words in each
    field.
    """
    holding: Counter[str] = Counter()
    lengths: Counter[str] = Counter()
    for string in strings:
        words = string.split(" ") if string else []
        holding.update(set(words))
        if words:
            lengths[words[0].partition(":")[0]] += len(words)
    return holding, lengths


def to_sql(where: Where) -> str | None:
    """The conditions as SQL on the table of passages; None if there are none."""
    clauses = []
    if where.article_ids is not None:
        clauses.append(sql_in("article_id", where.article_ids))
    if where.authors:
        clauses.append(" OR ".join(map(_sql_author, where.authors)))
    if where.languages:
        clauses.append(sql_in("language", where.languages))
    if where.days is not None:
        clauses.append(f"first_day <= {where.days.end} AND last_day >= {where.days.start}")
    clauses += [f"strpos(title, {_quote(f' {word} ')}) > 0" for word in fold_words(where.title)]
    return " AND ".join(f"({clause})" for clause in clauses) or None


def sql_in(column: str, values: Iterable[str | int]) -> str:
    """`column IN (...)`; "false" without values."""
    listed = ", ".join(_quote(value) if isinstance(value, str) else str(value) for value in values)
    return f"{column} IN ({listed})" if listed else "false"


def sql_begins(column: str, beginning: str) -> str:
    """SQL for "the column's text begins with this"."""
    return f"starts_with({column}, {_quote(beginning)})"


def _sql_author(name: str) -> str:
    """SQL for `names_author`, of an author as `fold` leaves it."""
    # Python's \w has no combining marks, unlike that of Rust's regular expressions.
    words = r"[^\p{L}\p{N}_]+".join(fold_words(name))
    edges = r"(^|[^\p{L}\p{N}_])", r"($|[^\p{L}\p{N}_])"
    return f"regexp_like(author, {_quote(words.join(edges))})" if words else "false"


def _quote(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _digest(*parts: bytes) -> bytes:
    digest = blake2b(digest_size=8)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.digest()


def settings_key(settings: Mapping[str, str]) -> str:
    """A short name of the settings that decide what an article's rows are."""
    return sha256(json.dumps(dict(settings), sort_keys=True).encode()).hexdigest()[:16]
