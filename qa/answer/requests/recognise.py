"""A message -> the request that it is, if it is not a question: a greeting, "Summarise it",
"Compare X and Y", "Which articles do you have?".

This program writes no text of its own, so it answers these with a notice, and with key sentences,
quotes side by side, or the list of articles.
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

from qa.types import Turn

RequestKind: TypeAlias = Literal[
    "greeting", "thanks", "help", "articles", "title", "date", "summary", "comparison"
]


class Request(NamedTuple):
    """The kind of request, and its subjects."""

    kind: RequestKind
    subjects: tuple[str, ...] = ()
    """Of a summary, the name of an article if one was given; of a comparison, both sides."""


_ARTICLE = r"(?:articles?|texts?|columns?|reports?|documents?|files?|stor(?:y|ies)|pieces?|papers?)"
_THE_ARTICLE = rf"(?:it|this|that|(?:the|this|that|my) (?:(?:whole|entire) )?{_ARTICLE})"
_WHAT_OF = (
    r"(?:summary|overview|gist|main (?:idea|message|point|argument)s?|key (?:sentence|point)s?)"
)
# Reports, papers and stories are also what articles are about: of those only "this" one is meant.
_THE_TEXT = (
    r"(?:(?:the|this|my) (?:article|text|column)|this (?:report|document|story|piece|paper))"
)

# The first pattern that matches the whole message decides; each has an example above it.
_SIMPLE: tuple[tuple[RequestKind, str], ...] = (
    # "Hello!", "Good morning"
    (
        "greeting",
        r"(?:hello|hi|hey|greetings|good (?:morning|afternoon|evening|day)|bonjour|hallo|hola"
        r"|مرحبا|أهلا|السلام عليكم)(?: (?:there|all|again))?",
    ),
    # "Thanks a lot", "ok, thank you", "bye"
    (
        "thanks",
        r"(?:(?:ok|okay|great|good|fine|perfect|many)\W+)*"
        r"(?:thanks?(?: (?:you|a lot|so much|very much))*"
        r"|thx|cheers|bye|goodbye|ok|okay|great|merci|danke|gracias|شكرا)",
    ),
    # "Help", "What can you do?", "Who are you?"
    (
        "help",
        r"help(?: me)?|(?:what|how) (?:can|do) (?:you|i) (?:do|ask|use (?:this|it|you))(?: here)?"
        r"|what (?:can|could) i ask(?: you)?(?: here)?|(?:who|what) are you|how does this work"
        r"|what is this(?: (?:program|tool|app))?",
    ),
    # "Which articles do you have?", "List all articles", "Show me the articles"
    (
        "articles",
        rf"(?:what|which|how many) {_ARTICLE} (?:do|can|are|have) (?:you|i|we|there)"
        r"(?: (?:have|know|read|see|search|got))*(?: (?:in (?:the|this) (?:index|folder)|here))?"
        rf"|(?:list|show|name)(?: me)?(?: all)?(?: (?:the|your|my|of the))* {_ARTICLE}"
        r"|what (?:is|do you have) in (?:the|your|this) (?:index|library|folder)",
    ),
    # "What is the title of the article?", "What is the headline?"
    (
        "title",
        rf"what (?:is|was) (?:the (?:title|headline)(?: of {_THE_TEXT})?|the name of {_THE_TEXT}"
        rf"|{_THE_TEXT}[’']s (?:title|headline|name)|{_THE_TEXT} (?:called|titled))"
        r"|ما (?:هو )?عنوان (?:هذا )?المقال",
    ),
    # "When was the article published?", "What is the date of this column?"
    (
        "date",
        rf"when (?:was|is) {_THE_TEXT} (?:published|written|posted|printed|from|dated)"
        rf"|what is the (?:publication )?date of {_THE_TEXT}"
        r"|متى (?:نشر|كتب) (?:هذا )?المقال",
    ),
)
# "Summarise the article", "tl;dr", "Key sentences of The Damascus meeting", "What is it about?"
_SUMMARY = (
    rf"(?:please )?(?:can you |could you )?summari[sz]e(?: (?:{_THE_ARTICLE}|(?P<a>.+?)))?"
    r"|(?:please )?(?:can you |could you )?(?:give|show|write|tell)(?: me)? (?:an? |the )?"
    rf"{_WHAT_OF}"
    rf"(?: of (?:{_THE_ARTICLE}|(?P<b>.+?)))?"
    rf"|(?:an? |the )?{_WHAT_OF}(?: of (?:{_THE_ARTICLE}|(?P<c>.+?)))?"
    rf"|what (?:is|are) (?:the )?{_WHAT_OF}(?: of (?:{_THE_ARTICLE}|the (?:author|writer)))?"
    r"|what (?:is|are) the (?:author|writer)[’']s (?:main )?(?:idea|point|argument|opinion)s?"
    r"|what does the (?:author|writer) (?:argue|say|think|claim)"
    rf"|what (?:is|was) (?:the|this|that) {_ARTICLE} about|tl;?dr"
    r"|لخص (?:المقال|هذا المقال|(?P<d>.+?))"
)
# "Compare the two bridges", no: two sides have to be named. "Compare kelp with eelgrass"
_COMPARISON = (
    r"(?:please )?(?:can you |could you )?compare (?P<one>.+?)"
    r" (?:and|with|to|against) (?P<other>.+?)"
)


def read_request(text: str) -> Request | None:
    """The request in a message, or None if it is to be answered as a question."""
    asked = re.sub(r"^what[’']s\b", "what is", " ".join(text.split()), flags=re.IGNORECASE)
    asked = asked.strip(" .!?؟…,;:")
    for kind, pattern in _SIMPLE:
        if re.fullmatch(pattern, asked, re.IGNORECASE):
            return Request(kind)
    if match := re.fullmatch(_SUMMARY, asked, re.IGNORECASE):
        return Request("summary", tuple(filter(None, match.groupdict().values())))
    if match := re.fullmatch(_COMPARISON, asked, re.IGNORECASE):
        return Request("comparison", (match["one"], match["other"]))
    return None


def drop_requests(history: Sequence[Turn]) -> list[Turn]:
    """The turns that a later question may refer to: of requests only the quotes that were shown,
    not their words.
    """
    turns = []
    for turn in history:
        if not read_request(turn.question):
            turns.append(turn)
        elif turn.quotes:
            turns.append(turn._replace(searched=""))
    return turns
