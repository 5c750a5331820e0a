"""Questions and sentences -> questions made by rule, of kinds that data sets hardly have.

Nearly the same, which its passage no longer answers: the unanswerable questions of SQuAD 2.0 were
written by people who changed one thing: a name, a number, a direction (Rajpurkar et al. 2018, table
1). A few stay answerable by accident; that noise is small beside what a reader learns from them:
that a fitting subject is not yet an answer.

Whether something happened: of "When did the mill burn down?" comes "Did the mill burn down?".
What something was about: of "The council met to discuss the bridge." comes "What was the meeting
about?".
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

PartKind = Literal["name", "year", "number"]

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

    by_article: Mapping[tuple[str, PartKind], list[str]]
    everywhere: Mapping[PartKind, list[str]]


def collect_pool(questions: Iterable[tuple[str, str]]) -> Pool:
    """Names, years and numbers of (article id, question) pairs."""
    by_article: defaultdict[tuple[str, PartKind], list[str]] = defaultdict(list)
    everywhere: defaultdict[PartKind, list[str]] = defaultdict(list)
    for article_id, question in questions:
        for kind, match in find_parts(question):
            by_article[article_id, kind].append(match.group())
            everywhere[kind].append(match.group())
    return Pool(by_article, everywhere)


def find_parts(question: str) -> list[tuple[PartKind, re.Match[str]]]:
    """Names, years and numbers of a question; its first word is capitalised anyway and never counts
    as a name.
    """
    parts: list[tuple[PartKind, re.Match[str]]] = [
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


class Made(NamedTuple):
    """A question, and where in its sentence the words stand that answer."""

    question: str
    start: int
    end: int


_BE, _DO = "is|was|were|are", "did|does|do"
_WHEN = re.compile(
    r"^(?P<ask>when|where|why|in what \w+|in which \w+) "
    rf"(?P<aux>{_DO}|{_BE}|has|have|had|can|could|will|would) "
    r"(?P<rest>[^?]+)\??$",
    re.I,
)
_WHO_IS = re.compile(
    rf"^(?:who|what) (?P<aux>{_BE}) (?P<rest>(?:the|a|an|his|her|their|its) [^?]+)\??$", re.I
)
_WHO_DID = re.compile(
    rf"^(?:what|who|which [\w ]+?) (?P<aux>{_DO}|{_BE}|has|have|had) "
    r"(?P<rest>(?:the |a |an )?[^?]+)\??$",
    re.I,
)
_TRAILING = re.compile(r" (?:in|on|at|to|from|for|of|with|by|as)$")


def ask_whether(question: str, answers: Sequence[str], *, rng: random.Random) -> str | None:
    """A yes-or-no question that the same sentence answers, or None where the question does not lend
    itself to it.
    """
    question = question.strip()
    answer = answers[0].strip() if answers else ""
    short = 0 < len(answer.split()) <= 6
    if match := _WHEN.match(question):
        aux, rest = match["aux"].capitalize(), _TRAILING.sub("", match["rest"].strip())
        if len(rest.split()) < 3:
            return None
        if short and rng.random() < 0.4 and re.match(r"when|in what year", match["ask"], re.I):
            by = "in " if re.fullmatch(r"\d{4}|[A-Z]\w+ \d{4}", answer) else ""
            return f"{aux} {rest} {by}{answer}?"
        return f"{aux} {rest}?"
    if match := _WHO_IS.match(question):
        rest = match["rest"].strip()
        if short and len(rest.split()) >= 2 and not _TRAILING.search(rest):
            return f"{match['aux'].capitalize()} {answer} {rest}?"
        return None
    if (match := _WHO_DID.match(question)) and short and _TRAILING.search(match["rest"].strip()):
        return f"{match['aux'].capitalize()} {match['rest'].strip()} {answer}?"
    return None


_NOUNS = """
meeting|conference|talk|talks|speech|book|film|movie|article|report|debate|song|novel|treaty|study
|letter|law|bill|lecture|campaign|story|essay|paper|program|programme|show|episode|play|agreement
|summit|discussion|documentary|message|poem|review|project|hearing|protest|interview|exhibition
|series|column|session|dispute|controversy|case|lawsuit|argument|plan
""".replace("\n", "")
_CUES = """
about|on the subject of|on the topic of|concerning|regarding|to discuss|discussed|discussing
|deals with|dealt with|dealing with|focused on|focuses on|focusing on|addressed|explores|examines
|examined|covers|describes|over the issue of|devoted to|tells the story of|looks at|argues that
|argued that|called for|proposed|calls for
""".replace("\n", "")
_SOMETHING = r"(?P<topic>[^.;:?!]{12,160})"
_ABOUT = re.compile(rf"\b(?P<noun>{_NOUNS})\b[^.;:?!]{{0,60}}?\b(?:{_CUES}) {_SOMETHING}", re.I)
_MET = re.compile(
    r"\b(?:met|gathered|convened|assembled|came together)\b[^.;:?!]{0,50}?\b"
    rf"to (?:discuss|debate|talk about|plan|decide|consider|negotiate) {_SOMETHING}",
    re.I,
)
_SPOKE = re.compile(
    r"\b(?P<who>[A-Z]\w+(?: [A-Z]\w+)?) "
    r"(?:spoke|talked|wrote|complained|warned|argued) (?:about|of|that) " + _SOMETHING
)
_ENDING = re.compile(r",? (?:and|but|which|who|while|because|although|when)\b.*$|,.*$")


def ask_about(sentence: str, *, rng: random.Random) -> Made | None:
    """A question for what something was about, where the sentence says so in words that a pattern
    knows.
    """
    if match := _MET.search(sentence):
        question = rng.choice(
            (
                "What was the meeting about?",
                "What did they meet for?",
                "What was discussed?",
                "What was the agenda of the meeting?",
                "What was the purpose of the meeting?",
            )
        )
    elif match := _ABOUT.search(sentence):
        noun, was = (
            match["noun"].lower(),
            "were" if match["noun"].lower() == "talks" else rng.choice(("is", "was")),
        )
        question = rng.choice(
            (
                f"What {was} the {noun} about?",
                f"What {was} the {noun} about",
                f"What {was} the subject of the {noun}?",
                f"What did the {noun} deal with?",
                f"What {was} the topic of the {noun}?",
                f"What {was} the {noun} concerned with?",
            )
        )
    elif match := _SPOKE.search(sentence):
        question = rng.choice(
            (f"What did {match['who']} talk about?", f"What did {match['who']} speak about?")
        )
    else:
        return None
    start = match.start("topic")
    topic = _ENDING.sub("", match["topic"]) if rng.random() < 0.7 else match["topic"]
    topic = topic.rstrip()
    return Made(question, start, start + len(topic)) if len(topic) >= 8 else None
