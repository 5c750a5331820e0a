"""Texts -> a word index (tantivy) with BM25 scores; the same scores for single sentences.

A text is analysed by its language (stems and stop words, or pairs of characters where words are not
spaced), with a field for each analysis. So one index holds articles in many languages, and a
question is looked up in all of its fields.

Removed texts still count in tantivy's statistics until their segment is rewritten. An index from
which texts were removed ("worn") therefore computes the scores of what it finds again, with correct
statistics: scores do not depend on an index's history.
"""

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

import numpy as np
import tantivy

from qa.index.interface import Frequencies

ANALYSIS = "1"
"""Version of the analysis; a word index of another version is rebuilt."""
LAYOUT = f"{ANALYSIS}.2"
"""The same, with the version of the other fields."""
K1, B = 1.2, 0.75
"""BM25's parameters, which tantivy does not let one choose."""
LONGEST_WORD = 60
_STEMMED = {
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
_STOPPED = {"da", "de", "en", "es", "fi", "fr", "hu", "it", "nl", "no", "pt", "ru", "sv"}
# tantivy's English list has 33 words, none of them interrogative; it has no Arabic list. Words of
# questions do not help to find passages, but have high weights: "who" is rare in reports, so
# "Who ...?" would find their rhetorical questions.
_MORE_STOP_WORDS = {
    "en": """
        a about after again all also am an and any are as at be because been before being between
        both but by can could did didn do does doesn doing don done during each else ever few for
        from further get had has have having he her here hers him his how i if in into is isn it its
        just let ll many me might mine more most much must my name named no nor not of off on once
        one only or other our ours out over own per please re s same say says shall she should since
        so some such t tell than that the their theirs them then there these they this those through
        to too under until up upon us ve very was wasn way we were what whats when where whether
        which while who whom whose why will with within without would you your yours
    """,
    "ar": """
        من ما ماذا متى أين اين كيف لماذا هل كم أي اي أية هو هي هم هذا هذه ذلك تلك التي الذي الذين في
        على إلى الى عن مع أو او و ثم قد كان كانت يكون تكون كل بعض بين عند لم لن لا إن ان أن بعد قبل
        حتى هناك ب ل
    """,
}
_UNSPACED = {"ja", "km", "ko", "lo", "my", "th", "zh"}
_SHORT = 3
_WRITER_BYTES = 64_000_000
_EXACT_LENGTHS = 40
_TERMS = 2000
"""Ids that are looked up one by one; of more, those found by words are held against them."""


class Text(NamedTuple):
    """What is indexed: a text in its language, with the context (a title) by which it may be found
    too.
    """

    id: int
    language: str | None
    text: str
    context: str = ""

    @property
    def content(self) -> str:
        """All that it is found by."""
        return f"{self.context}\n{self.text}" if self.context else self.text


class WordIndex:
    """A word index on disk; built whole, then only read."""

    def __init__(
        self, index: tantivy.Index, fields: Sequence[str], *, is_worn: bool = False
    ) -> None:
        self._index = index
        self._searcher = index.searcher()
        self._fields = tuple(fields)
        self._is_worn = is_worn
        self._averages: dict[str, float] = {}
        for field in fields:
            index.register_tokenizer(f"words_{field}", _analyzer(field))

    @classmethod
    def build(cls, folder: Path, texts: Iterable[Text], fields: Sequence[str]) -> Self:
        """Index texts into an existing, empty folder; `fields` are those that `field_of` gives for
        their languages.
        """
        words = cls(tantivy.Index(_schema(fields), path=str(folder)), fields)
        words._add(texts)
        return words

    @classmethod
    def extend(
        cls,
        folder: Path,
        texts: Iterable[Text],
        fields: Sequence[str],
        *,
        removed: Sequence[int] = (),
        is_worn: bool = False,
    ) -> Self:
        """Remove texts by their ids, and add others, in a folder that `build` made with the same
        fields; scores are as if the index had been built at once.
        """
        words = cls.open(folder, fields, is_worn=is_worn or bool(removed))
        words._add(texts, removed)
        return words

    def _add(self, texts: Iterable[Text], removed: Sequence[int] = ()) -> None:
        # One thread: texts get the same internal order, so the same scores and files, each time.
        writer = self._index.writer(heap_size=_WRITER_BYTES, num_threads=1)
        for text_id in removed:
            writer.delete_documents_by_term("id", text_id)
        for text in texts:
            field = field_of(text.language)
            length = len(analyse(field, text.content))
            values = {"id": text.id, field: _normalise(text.content), _length_of(field): length}
            writer.add_document(tantivy.Document(**values))
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()

    @classmethod
    def open(cls, folder: Path, fields: Sequence[str], *, is_worn: bool = False) -> Self:
        """Open what `build` made with the same fields; `is_worn` if texts were removed since."""
        return cls(tantivy.Index.open(str(folder)), fields, is_worn=is_worn)

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def search(
        self, query: str, /, k: int, *, among: Sequence[int] | None = None
    ) -> list[tuple[int, float]]:
        """(id, BM25) of the best `k` texts that share a word with the query: best first, ties by
        id.

        `among` scores only the texts with these ids.
        """
        words = self._words_query(query)
        if words is None or k < 1 or (among is not None and not len(among)):
            return []
        if among is None:
            return self._rank(words, words, k)
        if len(among) > _TERMS:
            return self._search_widely(words, k, set(among))
        wanted = tantivy.Query.term_set_query(self._index.schema, "id", list(among))
        unscored = tantivy.Query.const_score_query(wanted, 0.0)
        both = [(tantivy.Occur.Must, words), (tantivy.Occur.Must, unscored)]
        return self._rank(tantivy.Query.boolean_query(both), words, k)

    def _search_widely(
        self, words: tantivy.Query, k: int, wanted: Set[int]
    ) -> list[tuple[int, float]]:
        """Go further down the ranking of all texts until `k` wanted ones are found or it ends."""
        for limit in (4 * k * 4**n for n in count()):
            found = self._rank(words, words, limit)
            kept = [pair for pair in found if pair[0] in wanted]
            if len(kept) >= k or len(found) < limit:
                break
        return kept[:k]

    def _rank(
        self, query: tantivy.Query, words: tantivy.Query, limit: int
    ) -> list[tuple[int, float]]:
        """The best texts of a query by their scores for `words`, one of its clauses."""
        if not self._is_worn:
            return self._collect(query, limit)
        holding: dict[tuple[str, str], int] = {}
        for wider in (2 * limit * 4**n for n in count()):
            found = self._searcher.search(query, limit=wider, count=False).hits
            scores = [self._score(words, address, holding) for _, address in found]
            pairs = self._identify(found, scores)[:limit]
            gains = [new - old for new, (old, _) in zip(scores, found, strict=True)]
            # No text beyond those found is expected to gain twice as much as the largest gain here.
            if len(found) < wider or pairs[-1][1] >= found[-1][0] + 2 * max(0.0, *gains):
                return pairs
        raise AssertionError("unreachable")

    def _score(
        self,
        words: tantivy.Query,
        address: tantivy.DocAddress,
        holding: dict[tuple[str, str], int],
    ) -> float:
        """BM25 of one text, with the statistics of the remaining texts."""
        score = np.float32(0.0)
        explained = json.loads(words.explain(self._searcher, address).to_json())
        for term in _read_terms(explained):
            field = self._fields[term.number // 2]
            key = (field, term.word)
            if key not in holding:
                holding[key] = self._count_holding(*key)
            norm = K1 * (1 - B + B * term.length / self._average_length(field))
            weight = weigh(len(self), holding[key]) * (1 + K1)
            score += np.float32(weight * term.frequency / (term.frequency + norm))
        return float(score)

    def _collect(self, query: tantivy.Query, limit: int) -> list[tuple[int, float]]:
        found = self._searcher.search(query, limit=limit, count=False).hits
        return self._identify(found, [score for score, _ in found])

    def _identify(
        self, found: Sequence[tuple[float, tantivy.DocAddress]], scores: Sequence[float]
    ) -> list[tuple[int, float]]:
        """(id, score), best first, ties by id."""
        addresses = [address for _, address in found]
        ids = cast(list[int], self._searcher.fast_field_values("id", addresses))
        return sorted(zip(ids, scores, strict=True), key=lambda pair: (-pair[1], pair[0]))

    def _count_holding(self, field: str, word: str) -> int:
        """How many texts have a word (document frequency)."""
        if not self._is_worn:
            return int(self._searcher.doc_freq(field, word))
        query = tantivy.Query.term_query(self._index.schema, field, word, index_option="freq")
        found = self._searcher.search(query, limit=1, count=True)
        return int(getattr(found, "count", 0) or 0)  # its type stub has no count

    def _average_length(self, field: str) -> float:
        """Number of words in a field divided by the number of all texts, as tantivy has it."""
        if field not in self._averages:
            total = {"total": {"sum": {"field": _length_of(field)}}}
            found = self._searcher.aggregate(tantivy.Query.all_query(), total)
            self._averages[field] = float(found["total"]["value"]) / max(1, len(self))
        return self._averages[field]

    def count_words(self, query: str, /) -> Frequencies:
        """See `SearchIndex.count_words`."""
        words = [(field, word) for field in self._fields for word in analyse(field, query)]
        return Frequencies(
            len(self),
            {(field, word): self._count_holding(field, word) for field, word in words},
        )

    def find_alike(self, word: str, /, k: int, *, letters: int) -> list[int]:
        """See `SearchIndex.find_alike`; stems are compared, so a passage found may not have a
        similar word as written.
        """
        found: dict[int, None] = {}
        for distance in range(1, letters + 1):
            for field, stem in stems_for_likeness(self._fields, word):
                query = tantivy.Query.fuzzy_term_query(
                    self._index.schema, field, stem, distance=distance, transposition_cost_one=True
                )
                found.update(dict.fromkeys(i for i, _ in self._collect(query, k)))
        return list(found)[:k]

    def _words_query(self, query: str) -> tantivy.Query | None:
        clauses = [
            (
                tantivy.Occur.Should,
                tantivy.Query.term_query(self._index.schema, field, word, index_option="freq"),
            )
            for field in self._fields
            for word in sorted(set(analyse(field, query)))
        ]
        return tantivy.Query.boolean_query(clauses) if clauses else None


def analyse(field: str, text: str) -> list[str]:
    """The words of a text as a field indexes them (lower case, stemmed, without stop words), in
    order.
    """
    return _analyzer(field).analyze(_normalise(text))


def stems_for_likeness(fields: Iterable[str], word: str) -> list[tuple[str, str]]:
    """(field, word as analysed for it), where that is long enough to be compared by spelling."""
    pairs = ((field, stem) for field in fields for stem in sorted(set(analyse(field, word))))
    return [(field, stem) for field, stem in pairs if len(stem) > _SHORT]


def count_changes(one: str, other: str) -> int:
    """Edit distance of two words, where swapping two neighbours is one edit (optimal string
    alignment).
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        following = [i]
        for j, target in enumerate(other, 1):
            cost = min(row[j] + 1, following[j - 1] + 1, row[j - 1] + (letter != target))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == target:
                cost = min(cost, before[j - 2] + 1)
            following.append(cost)
        before, row = row, following
    return row[-1]


def score_texts(
    common: Frequencies, query: str, texts: Sequence[tuple[str | None, str]]
) -> list[float]:
    """BM25 of (language, text) pairs, with the document frequencies `common` of an index."""
    analysed = [analyse(field_of(language), text) for language, text in texts]
    average = max(1.0, sum(map(len, analysed)) / max(1, len(analysed)))
    weights = {
        field: _weigh(common, field, query)
        for field in {field_of(language) for language, _ in texts}
    }
    return [
        _bm25(Counter(words), len(words) / average, weights[field_of(language)])
        for (language, _), words in zip(texts, analysed, strict=True)
    ]


def cover(common: Frequencies, query: str, texts: Sequence[tuple[str | None, str]]) -> list[float]:
    """IDF-weighted share, 0 to 1, of the query's words that each (language, text) has."""
    weights = {
        field: _weigh(common, field, query)
        for field in {field_of(language) for language, _ in texts}
    }
    shares = []
    for language, text in texts:
        field = field_of(language)
        held = set(analyse(field, text))
        total = sum(weights[field].values())
        covered = sum(weight for word, weight in weights[field].items() if word in held)
        shares.append(covered / total if total else 0.0)
    return shares


def weigh(passages: int, holding: int) -> float:
    """Inverse document frequency (IDF) of a word, as in BM25."""
    return math.log(1 + (passages - holding + 0.5) / (holding + 0.5))


def round_length(length: int) -> int:
    """The length of a text as tantivy stores it in a byte: exact up to 40, then in steps that
    double every eight.
    """
    if length < _EXACT_LENGTHS:
        return length
    doublings = ((length - _EXACT_LENGTHS) // 16 + 1).bit_length() - 1
    start, step = _EXACT_LENGTHS + 16 * ((1 << doublings) - 1), 2 << doublings
    return start + (length - start) // step * step


def _weigh(common: Frequencies, field: str, query: str) -> dict[str, float]:
    holding = ((word, common.holding.get((field, word))) for word in analyse(field, query))
    return {word: weigh(common.passages, n) for word, n in holding if n is not None}


def field_of(language: str | None) -> str:
    """The field for texts of a language, named by its analysis."""
    if language in _UNSPACED:
        return "unspaced"
    return language if language in _STEMMED and language is not None else "plain"


def _normalise(text: str) -> str:
    """Text in NFKC, in which "é" is one character (tantivy splits words at combining accents),
    without lone surrogates.
    """
    return unicodedata.normalize("NFKC", text).encode("utf-8", "replace").decode("utf-8")


def _schema(fields: Sequence[str]) -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("id", indexed=True, fast=True)
    for field in fields:
        builder.add_text_field(field, tokenizer_name=f"words_{field}", index_option="freq")
        builder.add_integer_field(_length_of(field), fast=True)
    return builder.build()


class _Term(NamedTuple):
    """A query word in a text, from tantivy's explanation of a score."""

    number: int
    """Number of its field: 0, 2, 4, ... (the fields between hold lengths)."""
    word: str
    frequency: float
    length: float
    """Number of words of the text, rounded as by `round_length`."""


def _read_terms(explained: dict[str, Any]) -> Iterator[_Term]:
    if "context" not in explained:
        for part in explained.get("details", ()):
            yield from _read_terms(part)
        return
    match = _EXPLAINED_TERM.fullmatch(explained["context"][0])
    if match is None:
        raise ValueError(f"tantivy explains a score as {explained['context'][0]!r}")
    *_, share = explained["details"]
    values = {part["description"].split(",")[0]: part["value"] for part in share["details"]}
    word = _ESCAPED.sub(_unescape, match["word"])
    yield _Term(int(match["number"]) - 1, word, values["freq"], values["dl"])


_EXPLAINED_TERM = re.compile(
    r'Term=Term\(field=(?P<number>\d+), type=Str, "(?P<word>.*)"\)', re.DOTALL
)
_ESCAPED = re.compile(r"\\(?:u\{(?P<code>[0-9a-f]+)\}|(?P<sign>.))")
"""Escapes in Rust's debug format of strings."""


def _unescape(match: re.Match[str]) -> str:
    if match["code"]:
        return chr(int(match["code"], 16))
    return {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}.get(match["sign"], match["sign"])


def _length_of(field: str) -> str:
    """Name of the field with the number of words in another field."""
    return f"length_{field}"


@cache
def _analyzer(field: str) -> tantivy.TextAnalyzer:
    if field == "unspaced":
        ngrams = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.ngram(2, 2, False))
        return ngrams.filter(tantivy.Filter.lowercase()).build()
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    builder = builder.filter(tantivy.Filter.remove_long(LONGEST_WORD)).filter(
        tantivy.Filter.lowercase()
    )
    if field in _STOPPED:
        builder = builder.filter(tantivy.Filter.stopword(_STEMMED[field]))
    if field in _MORE_STOP_WORDS:
        builder = builder.filter(tantivy.Filter.custom_stopword(_MORE_STOP_WORDS[field].split()))
    if field in _STEMMED:
        builder = builder.filter(tantivy.Filter.stemmer(_STEMMED[field]))
    return builder.filter(tantivy.Filter.ascii_fold()).build()


def _bm25(counts: Counter[str], relative_length: float, weights: dict[str, float]) -> float:
    norm = K1 * (1 - B + B * relative_length)
    return sum(
        weight * counts[word] * (K1 + 1) / (counts[word] + norm) for word, weight in weights.items()
    )
