"""Question -> the type of its answer (date, number, name, topic); sentence -> whether it has one.

Each pattern has an example above it.
"""

import re
from typing import Literal, TypeAlias

QuestionType: TypeAlias = Literal["date", "number", "name"]

# The first pattern that matches decides.
_ASKS_FOR: tuple[tuple[QuestionType, re.Pattern[str]], ...] = (
    # "How many aircraft took part?", "What percentage of the grass died?", "كم بلغت الكلفة؟"
    (
        "number",
        re.compile(
            r"\bhow (?:many|much|old|long|far|tall|high|deep|large|big|fast|often)\b"
            r"|\bwhat (?:percent|percentage|number|proportion|fraction|amount)\b|كم\b",
            re.I,
        ),
    ),
    # "When was it built?", "In which year did it open?", "Since what time?", "متى شُيّد المبنى؟"
    (
        "date",
        re.compile(
            r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|decade|century|time)\b"
            r"|\bsince what\b|متى",
            re.I,
        ),
    ),
    # "Who was killed?", "Where was it held?", "What is the name of the river?", "Which city won?"
    (
        "name",
        re.compile(
            r"\b(?:who|whom|whose|where)\b|\bname of\b|\b(?:what|which) "
            r"(?:city|country|state|town|river|company|team|person|agency|newspaper|university"
            r"|king|president)\b",
            re.I,
        ),
    ),
)
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?"
    r"|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
# "in 1931", "the 1970s", "March", "Tuesday", "the 19th century", "yesterday", "at 8:30"
_DATE = re.compile(
    rf"\b(?:1\d{{3}}|20\d\d)s?\b|\b{_MONTH}\b|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b"
    rf"|\bcentur(?:y|ies)\b"
    r"|\b(?:yesterday|today|tonight|tomorrow|spring|summer|autumn|winter|noon|midnight|o’clock)\b"
    r"|\b\d{1,2}[:.]\d\d\b"
)
# "3.5 bar", "two thousand", "a dozen", "half of them"
_NUMBER = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen"
    r"|fifteen|sixteen|seventeen|eighteen"
    r"|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?"
    r"|millions?|billions?|dozens?|half"
    r"|third|quarter|once|twice|none|single|couple)\b",
    re.I,
)
# "the article", "this column"
_ARTICLE = r"(?:the|this) (?:article|column|essay|news|piece|report|review|story|text)\b"
# "Who wrote the article?", "the author of this column", "Who is the author?", "من كتب المقال؟"
_ASKS_AUTHOR = re.compile(
    rf"\bwho (?:wrote|authored|published) {_ARTICLE}|\b(?:author|writer) of {_ARTICLE}"
    r"|\bwho is the (?:author|writer)\?*$"
    rf"|\bwho was {_ARTICLE} (?:written )?by\b|(?:كاتب|مؤلف) (?:هذا )?المقال"
    rf"|من كتب (?:هذا )?المقال",
    re.I,
)
# "What was the meeting about?", "What is the aim of the project?", "What did they talk about?",
# "ماذا ناقش الاجتماع؟", "ما هو موضوع المقال؟"
_ASKS_TOPIC = re.compile(
    rf"\bwhat (?:is|was|are|were) (?!{_ARTICLE}).+ about[\s?]*$"
    r"|\b(?:what|which) (?:is|was|are|were) the (?:agenda|aim|goal|purpose|subject|theme"
    r"|topic)s? (?:of|for)\b"
    r"|\bwhat did .+ (?:cover|deal with|discuss|talk about)\b"
    r"|(?:عم|عمّ|ماذا) (?:كان|كانت|دار|دارت|ناقش|بحث)|ما (?:هو |هي |كان |كانت )?(?:موضوع|هدف|غرض"
    r"|أجندة|جدول أعمال)",
    re.I,
)
# "to discuss a covert programme", "on the agenda", "the speech about the dam", "بحث", "بشأن"
_TOPIC = re.compile(
    r"\b(?:is|are|was|were|been|talk(?:s|ed|ing)?|spoke|speech|meeting) about\b(?! (?:\d|half|one"
    r"|two|three|ten))"
    r"|\b(?:agenda|aim|concern|cover|discuss|focus|goal|intend|purpose|subject|theme|topic)(?:s"
    r"|e[ds]|ing|ion|ions)?\b"
    r"|\bdeal(?:s|t|ing) with\b|ناقش|مناقش|بحث|حول|بشأن|هدف|غرض|جدول أعمال",
    re.I,
)
# "E4", "X2-24", "COVID-19"
_CODE = re.compile(r"\b[^\W\d_]\w*(?:-\w+)*-?\d\w*(?:-\w+)*\b")
# "Ada Finch" in "said Ada Finch": capitals, but not a sentence's first word
_NAME = re.compile(r"(?<=[\w,;:’'”)] )[“‘(]?[^\W\d_a-zß-öø-ÿ][\w’.-]+")


def find_type(question: str) -> QuestionType | None:
    """The type of thing that a question asks for, or None where no pattern matches."""
    return next((asked for asked, pattern in _ASKS_FOR if pattern.search(question)), None)


def asks_author(question: str) -> bool:
    """Whether a question asks who wrote an article, not who wrote what the article is about."""
    return bool(_ASKS_AUTHOR.search(question))


def asks_topic(question: str) -> bool:
    """Whether a question asks what something was about, or meant for."""
    return bool(_ASKS_TOPIC.search(question))


def holds_topic(sentence: str) -> bool:
    """Whether a sentence says what something is about: "to discuss", "on the agenda"."""
    return bool(_TOPIC.search(sentence))


def holds_type(sentence: str, asked: QuestionType, question: str) -> bool:
    """Whether a sentence has something of the type asked for that is not in the question itself."""
    pattern = {"date": _DATE, "number": _NUMBER, "name": _NAME}[asked]
    known = question.casefold()
    return any(
        match.group().strip("“‘(").casefold() not in known for match in pattern.finditer(sentence)
    )


def names_other_code(sentence: str, question: str) -> bool:
    """Whether a question names a code, and a sentence names codes, but not that."""
    asked, found = (set(_CODE.findall(text.casefold())) for text in (question, sentence))
    return bool(asked and found) and asked.isdisjoint(found)
