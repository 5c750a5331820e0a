"""A question and the turns before it -> what to search for: "it" in "Where was it held?" is
completed.

A question that is complete in itself is not changed. One that depends on earlier turns (pronouns,
half sentences) is searched with words of the last turns, and the articles quoted last are
preferred. Where its wording is ambiguous ("What is a submodule?", "the meeting" after one was
mentioned), the result says so, and the answerer tries both readings.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, TypeAlias

from qa.answer.retriever import Context
from qa.types import Quote, Span, Turn

Dependence: TypeAlias = Literal["no", "perhaps", "clearly"]
"""Whether a question depends on earlier turns, judged by its wording."""

MAX_CARRIED = 8
"""Limit of words added from earlier turns."""
TURNS_SEEN = 3
"""How many of the last turns are considered."""
# Combining accents and Arabic vowels belong to the letter before them, but are not in `\w`.
_LETTERS = r"(?:[^\W_][\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670]*)+"
_WORD = re.compile(rf"{_LETTERS}(?:[’'-]{_LETTERS})*")
_CAPITALISED = r"[^\W\d_a-zß-öø-ÿ][\w’-]+"
_NAME = re.compile(rf"(?<=[\w,;:’'”)] ){_CAPITALISED}(?: {_CAPITALISED})*")
_POINTING = frozenset(
    """he him his himself she her hers herself it its itself they them their theirs themselves this
    these those such another other others else same former latter both either neither one ones هو هي
    هم هذا هذه ذلك تلك هناك""".split()
)
_OWNING = frozenset("his her its their himself herself itself themselves".split())
_LOOSELY_POINTING = _OWNING | frozenset("one ones other others another both either same".split())
"""Words that often refer to something in the question itself: "another name for the plan"."""
_OPENINGS = re.compile(
    r"^(?:and|but|or|so|then|also)\b|^(?:what|how) about\b|^(?:why|how|when|where"
    r"|who)(?: not)?\W*$|^(?:و|وماذا عن)\b",
    re.I,
)
_POINTS_BACK = re.compile(
    r"\b(?:that|there|then)\W*$|^(?:\w+ )?(?:is|was|are|were|did|does|do|has|had|would|could"
    r"|can) that\b"
    r"|\b(?:in|at|on|by|from|after|before|with|of|about|for) that\b|\b(?:went|go|goes|got|live"
    r"|lived|get) there\b",
    re.I,
)
_EXPLETIVE_IT = re.compile(r"\b(?:what time|how (?:long|far)) (?:is|was) it\b", re.I)
_EMPTY = frozenset(
    """
    a about after again all am an and any are as at be because been before being but by can could
    did do does doing done down during each ever few for from get got had has have having he her
    here him his how i if in into is it its just kind like many me might mine more most much must my
    name no nor not now of off on once only or our out over own per really say said says shall she
    should since so some sort than that the their them then there these they thing things this those
    through time to too type under until up upon us very was way we were what when where whether
    which while who whom whose why will with within without would you your yes well ok okay please
    tell happen happened """.split()
)


class Resolved(NamedTuple):
    """A question with the context that it depends on."""

    searched: str
    """The question, followed by the added words in brackets; shown to the user."""
    context: Context | None = None
    """For the retriever; None if the question does not depend on earlier turns."""
    dependence: Dependence = "no"


def resolve(question: str, history: Sequence[Turn]) -> Resolved:
    """What to search for, given the turns before (oldest first)."""
    turns = list(history)[-TURNS_SEEN:]
    dependence = find_dependence(question, turns)
    if dependence == "no":
        return Resolved(question)
    known = {word.casefold() for word in _WORD.findall(question)}
    words = ", ".join(
        [word for word in _carry(turns) if word.casefold() not in known][:MAX_CARRIED]
    )
    quotes = [
        (quote, 0.5**age) for age, turn in enumerate(reversed(turns)) for quote in turn.quotes[:1]
    ]
    context = Context(
        words,
        tuple((quote.article.id, Span(quote.start, quote.end), weight) for quote, weight in quotes),
    )
    return Resolved(f"{question} ({words})" if words else question, context, dependence)


def find_dependence(question: str, turns: Sequence[Turn]) -> Dependence:
    """Whether a question depends on earlier turns: "no", "perhaps" or "clearly"."""
    if not turns:
        return "no"
    words = [word.casefold() for word in _WORD.findall(question)]
    content = [word for word in words if word not in _EMPTY]
    if _OPENINGS.search(question) or not content or _POINTS_BACK.search(question):
        return "clearly"
    has_name = bool(_NAME.search(question))
    pointing = {word for word in words if word in _POINTING}
    if pointing and not _EXPLETIVE_IT.search(question):
        if has_name and pointing <= _OWNING:
            return "no"  # "When did Napoleon lose his crown?" itself says whose
        return "perhaps" if pointing <= _LOOSELY_POINTING or _names_before(question) else "clearly"
    if has_name:
        return "no"
    return "perhaps" if len(content) == 1 or _mentions(question, turns) else "no"


def _names_before(question: str) -> bool:
    """Whether a possible antecedent comes before the pronoun: "the emperor ... he"."""
    pronoun = next(m for m in _WORD.finditer(question) if m.group().casefold() in _POINTING)
    before = question[: pronoun.start()]
    return bool(_NAME.search(before) or re.search(r"\b(?:the|an?) [^\W\d_]+", before, re.I))


def _mentions(question: str, turns: Sequence[Turn]) -> bool:
    """Whether the question has a noun with "the" that earlier turns mention, as "the meeting"."""
    mentioned = {
        word.casefold() for turn in turns for text in _texts(turn) for word in _WORD.findall(text)
    }
    return any(
        word in mentioned
        for word in re.findall(r"\bthe ([^\W\d_]+)", question.casefold())
        if word not in _EMPTY
    )


def _carry(turns: Sequence[Turn]) -> list[str]:
    """Words of the last turns, the most specific first (names, then other words), each once."""
    words: dict[str, None] = {}
    for turn in reversed(turns):
        answer = _answer_words(turn.quotes[0]) if turn.quotes else ""
        for text in (
            _names(turn.searched),
            _names(answer),
            _contents(turn.searched),
            _contents(answer),
        ):
            for word in text:
                if not set(word.casefold().split()) <= {
                    part for known in words for part in known.casefold().split()
                }:
                    words[word] = None
    return list(words)


def _texts(turn: Turn) -> Iterable[str]:
    yield turn.searched
    for quote in turn.quotes[:1]:
        yield quote.text


def _answer_words(quote: Quote) -> str:
    return quote.article.text[quote.answer.start : quote.answer.end] if quote.answer else ""


def _names(text: str) -> list[str]:
    return (
        _NAME.findall(f"x {text}")
        if text[:1].isupper() and not _is_question(text)
        else _NAME.findall(text)
    )


def _is_question(text: str) -> bool:
    return text.rstrip(" )").endswith("?") or "? (" in text


def _contents(text: str) -> list[str]:
    return [
        word
        for word in _WORD.findall(text)
        if word.casefold() not in _EMPTY and word.casefold() not in _POINTING
    ]
