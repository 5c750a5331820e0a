"""Articles -> questions that they may answer, made from sentences whose form gives the question
away.

Only candidates: the page offers those that the index really answers.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice, zip_longest

from qa.types import Article

SAMPLE_CHARS = 20_000
"""How much of an article is looked at."""
_SENTENCE = re.compile(
    r"(?:^|(?<=[.!?؟])\s+)(?P<sentence>[^\s.!?؟][^.!?؟\n]{20,220})[.!?؟]", re.MULTILINE
)
_NOUN = (
    r"(?P<noun>(?:[Tt]he|[Aa]n?|[Tt]his) (?:[\w'’-]+ ){0,3}[\w'’-]+"
    r"|(?:[A-Z][\w'’-]+ ){1,3}[A-Z][\w'’-]+)"
)
_DONE = "[a-z]+ed|held|built|given|made|found|born|written|taken|sold|paid"
_VERB = rf"(?P<be>was|were|is|are) (?P<verb>(?:{_DONE})(?: again)?)"
_YEAR = r"(?:[A-Z]\w+day, )?(?:\d{1,2} )?(?:[A-Z]\w+ )?(?:\d{4}|\d{1,2} [A-Z]\w+|\d{1,2})\b"
_FORMS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"{_NOUN} (?P<be>was|is) about "), "What {be} {noun} about?"),
    (re.compile(rf"{_NOUN} {_VERB} by [A-Z]"), "By whom {be} {noun} {verb}?"),
    (re.compile(rf"{_NOUN} {_VERB} to (?!be |have )[A-Z]"), "To whom {be} {noun} {verb}?"),
    (re.compile(rf"{_NOUN} {_VERB} (?:in|on) {_YEAR}"), "When {be} {noun} {verb}?"),
    (
        re.compile(rf"{_NOUN} {_VERB} (?:in|at|under|near) (?:a|an|the|[A-Z])"),
        "Where {be} {noun} {verb}?",
    ),
    (
        re.compile(rf"{_NOUN} took place (?:in|at|under|near) (?:a|an|the|[A-Z])"),
        "Where did {noun} take place?",
    ),
    (
        re.compile(rf"{_NOUN} (?P<verb>began|opened|ended|closed) (?:in|on) {_YEAR}"),
        "When did {noun} {verb}?",
    ),
    (
        re.compile(r"(?:وقد )?(?P<noun>[شبتوأاق]\S+(?: \S+){1,2}?) (?:في \S+ )?(?:عام|سنة) \d{4}"),
        "متى {noun}؟",
    ),
)
_ROOT = {"began": "begin", "opened": "open", "ended": "end", "closed": "close"}
_VAGUE = re.compile(
    r"\b(?:which|that|who|it|this|these|those|and|or|but|was|were|is|are|has|had)\b", re.IGNORECASE
)


def suggest_questions(articles: Sequence[Article], *, most: int) -> list[str]:
    """At most so many candidate questions, in turn from one article after the other."""
    rounds = zip_longest(*(_candidates(article) for article in articles[:most]))
    return list(dict.fromkeys(islice((question for question in chain(*rounds) if question), most)))


def _candidates(article: Article) -> Iterator[str]:
    text = article.text[article.body_start : article.body_start + SAMPLE_CHARS]
    sentences = [match["sentence"] for match in _SENTENCE.finditer(text)]
    for form, question in _FORMS:
        for sentence in sentences:
            match = form.match(sentence)
            if match and not _VAGUE.search(match["noun"]):
                words = match.groupdict()
                noun = re.sub(r"^(The|An?|This)\b", lambda start: start[0].lower(), words["noun"])
                verb = words.get("verb", "")
                verb = verb if "be" in words else _ROOT.get(verb, verb)
                yield question.format(noun=noun, be=words.get("be", ""), verb=verb)
                break
