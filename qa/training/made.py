"""Questions with their answers, and sentences -> questions of kinds that data sets hardly have.

Whether something happened: of "When did the mill burn down?" comes "Did the mill burn down?".
What something was about: of "The council met to discuss the bridge." comes "What was the meeting
about?".
"""

import random
import re
from collections.abc import Sequence
from typing import NamedTuple


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
meeting|conference|talk|talks|speech|book|film|movie|article|report|debate|song|novel|treaty|study|letter|law|bill
|lecture|campaign|story|essay|paper|program|programme|show|episode|play|agreement|summit|discussion|documentary|message
|poem|review|project|hearing|protest|interview|exhibition|series|column|session|dispute|controversy|case|lawsuit
|argument|plan
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
