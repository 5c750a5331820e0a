"""A question -> nearly the same question, which its passage no longer answers.

The unanswerable questions of SQuAD 2.0 were written by people who changed one thing: a name, a
number, a direction (Rajpurkar et al. 2018, table 1). These rewrites change one thing by rule. A few
stay answerable by accident; that noise is small beside what a reader learns from them: that a
fitting subject is not yet an answer.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

Kind = Literal["name", "year", "number"]

_YEAR = re.compile(r"\b(?:1[0-9]{3}|20[0-2][0-9])s?\b")
_NUMBER = re.compile(r"\b\d[\d,.]*\b")
_NAME = re.compile(r"(?<=\s)[A-Z][\w’-]*(?:(?:\s+(?:of|the|de|von|and))?\s+[A-Z][\w’-]*)*")
_AUXILIARY = re.compile(r"\b(did|does|do|is|was|were|are|could|has|have|had|would)\b")

_OPPOSITES = """
first last|earliest latest|largest smallest|biggest smallest|highest lowest|longest shortest
oldest youngest|oldest newest|most least|more less|more fewer|greater smaller|higher lower
larger smaller|before after|above below|over under|increase decrease|increased decreased|rise fall
rose fell|north south|northern southern|east west|eastern western|begin end|began ended|start stop
started stopped|won lost|win lose|gained lost|allowed forbidden|support oppose|supported opposed
supporters opponents|accepted rejected|approved rejected|included excluded|include exclude
male female|men women|man woman|father mother|son daughter|king queen|husband wife|brother sister
old new|early late|major minor|maximum minimum|public private|internal external|inside outside
positive negative|strongest weakest|best worst|common rare|agreed disagreed|created destroyed
built demolished|opened closed|winter summer|ancient modern|urban rural|rich poor|import export
upper lower|left right|hot cold|with without|always never|primary secondary|majority minority
success failure|advantage disadvantage|arrived left|buy sell|bought sold|attack defend|strong weak
hard soft|liquid solid|day night|true false|same different|like dislike
"""


class Pool(NamedTuple):
    """What may replace a name, year or number: by article, and anywhere."""

    by_article: Mapping[tuple[str, Kind], list[str]]
    everywhere: Mapping[Kind, list[str]]


def collect_pool(questions: Iterable[tuple[str, str]]) -> Pool:
    """Names, years and numbers of (article id, question) pairs."""
    by_article: defaultdict[tuple[str, Kind], list[str]] = defaultdict(list)
    everywhere: defaultdict[Kind, list[str]] = defaultdict(list)
    for article_id, question in questions:
        for kind, match in find_parts(question):
            by_article[article_id, kind].append(match.group())
            everywhere[kind].append(match.group())
    return Pool(by_article, everywhere)


def find_parts(question: str) -> list[tuple[Kind, re.Match[str]]]:
    """Names, years and numbers of a question; its first word is capitalised anyway and never counts
    as a name.
    """
    parts: list[tuple[Kind, re.Match[str]]] = [
        ("name", match) for match in _NAME.finditer(question)
    ]
    parts += [("year", match) for match in _YEAR.finditer(question)]
    parts += [
        ("number", match)
        for match in _NUMBER.finditer(question)
        if not _YEAR.fullmatch(match.group())
    ]
    return parts


def rewrite_question(
    question: str, article_id: str, *, pool: Pool, rng: random.Random, passage: str = ""
) -> str | None:
    """The question with one thing changed, or None where there is nothing to change.

    With the words around its answer as `passage`, most changes take theirs from there: people who
    want to mislead do so with the passage's own words.
    """
    near = (
        [swap_word(question, passage, rng=rng), exchange_names(question, rng=rng)]
        if passage
        else []
    )
    if any(near) and rng.random() < 0.6:
        return rng.choice([way for way in near if way is not None])
    ways = [swap_part(question, article_id, pool=pool, rng=rng), swap_opposite(question, rng=rng)]
    found = [way for way in ways if way is not None]
    # Negation is rare in real questions: too many here would teach "not" as the mark of an
    # unanswerable one.
    if rng.random() < (0.06 if found else 0.25):
        return negate(question)
    return rng.choice(found) if found else None


def swap_part(question: str, article_id: str, *, pool: Pool, rng: random.Random) -> str | None:
    """One name, year or number replaced by another of its kind, mostly from the same article: the
    harder case.
    """
    parts = find_parts(question)
    if not parts:
        return None
    kind, match = rng.choice(parts)
    old = match.group()
    for _ in range(8):
        near = pool.by_article.get((article_id, kind), [])
        new = rng.choice(near if near and rng.random() < 0.6 else pool.everywhere[kind])
        if new.lower() not in question.lower() and old.lower() not in new.lower():
            return question[: match.start()] + new + question[match.end() :]
    return None


def swap_word(question: str, passage: str, *, rng: random.Random) -> str | None:
    """One content word replaced by another of its part of speech that stands in the passage."""
    tags = _read_tags()
    taken = {_stem(word) for word in _WORD.findall(question)}
    offered: defaultdict[str, list[str]] = defaultdict(list)
    for word in _WORD.findall(passage):
        tag = tags.get(word)
        if tag and _stem(word) not in taken:
            offered[tag].append(word)
    words = [
        match
        for match in list(_WORD.finditer(question))[1:]
        if offered.get(tags.get(match.group(), ""))
    ]
    if not words:
        return None
    match = rng.choice(words)
    return (
        question[: match.start()]
        + rng.choice(offered[tags[match.group()]])
        + question[match.end() :]
    )


def exchange_names(question: str, *, rng: random.Random) -> str | None:
    """Two names in each other's place: who did it to whom."""
    names = [match for kind, match in find_parts(question) if kind == "name"]
    if len(names) < 2:
        return None
    one, other = sorted(rng.sample(names, 2), key=lambda match: match.start())
    if one.group() in other.group() or other.group() in one.group():
        return None
    between = question[one.end() : other.start()]
    if re.search(r"\b(?:and|or)\b|^, ?$", between):
        return None
    return question[: one.start()] + other.group() + between + one.group() + question[other.end() :]


def _stem(word: str) -> str:
    return word.lower()[:5]


@cache
def _read_tags() -> dict[str, str]:
    """Word -> its usual part of speech, for words that are telling enough to be swapped (TextBlob's
    lexicon).
    """
    import textblob

    tags: dict[str, str] = {}
    path = Path(textblob.__file__).with_name("en") / "en-lexicon.txt"
    for line in path.read_text(encoding="utf-8").splitlines():
        word, _, tag = line.partition(" ")
        if len(word) > 3 and tag in _SWAPPED_TAGS and word not in _LIGHT:
            tags[word] = tag
    return tags


_WORD = re.compile(r"[A-Za-z]+")
_SWAPPED_TAGS = frozenset("NN NNS JJ JJR JJS VB VBD VBN VBG VBZ NNP".split())
_LIGHT = frozenset(
    """
    kind type name made make used many much other same such been have does done called known time
    year years date number part what when more most some part first last
    """.split()
)


def swap_opposite(question: str, *, rng: random.Random) -> str | None:
    """One word replaced by its opposite."""
    words = [
        match
        for match in re.finditer(r"[A-Za-z]+", question)
        if match.group().lower() in _OPPOSITE_OF
    ]
    if not words:
        return None
    match = rng.choice(words)
    return (
        question[: match.start()]
        + rng.choice(_OPPOSITE_OF[match.group().lower()])
        + question[match.end() :]
    )


def negate(question: str) -> str | None:
    """The first auxiliary negated: "did" -> "didn't"."""
    negated, count = _AUXILIARY.subn(r"\1n't", question, count=1)
    return negated if count else None


def _read_opposites(table: str) -> dict[str, list[str]]:
    opposites: defaultdict[str, list[str]] = defaultdict(list)
    for pair in re.split(r"[|\n]", table.strip()):
        one, other = pair.split()
        opposites[one].append(other)
        opposites[other].append(one)
    return dict(opposites)


_OPPOSITE_OF = _read_opposites(_OPPOSITES)
