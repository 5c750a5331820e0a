"""Question -> what type of thing it asks for; sentence -> whether it holds one: dates, numbers,
names, topics.
"""

import re
from typing import Literal, TypeAlias

QuestionType: TypeAlias = Literal["date", "number", "name"]

_ASKS_FOR: tuple[tuple[QuestionType, re.Pattern[str]], ...] = (
    (
        "number",
        re.compile(
            r"\bhow (?:many|much|old|long|far|tall|high|deep|large|big|fast|often)\b"
            r"|\bwhat (?:percent|percentage|number|proportion|fraction|amount)\b|كم\b",
            re.I,
        ),
    ),
    (
        "date",
        re.compile(
            r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|decade|century|time)\b"
            r"|\bsince what\b|متى",
            re.I,
        ),
    ),
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
_DATE = re.compile(
    rf"\b(?:1\d{{3}}|20\d\d)s?\b|\b{_MONTH}\b|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b"
    rf"|\bcentur(?:y|ies)\b"
    r"|\b(?:yesterday|today|tonight|tomorrow|spring|summer|autumn|winter|noon|midnight|o’clock)\b"
    r"|\b\d{1,2}[:.]\d\d\b"
)
_NUMBER = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen"
    r"|fifteen|sixteen|seventeen|eighteen"
    r"|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?"
    r"|millions?|billions?|dozens?|half"
    r"|third|quarter|once|twice|none|single|couple)\b",
    re.I,
)
_ARTICLE = r"(?:the|this) (?:article|column|essay|news|piece|report|review|story|text)\b"
_ASKS_AUTHOR = re.compile(
    rf"\bwho (?:wrote|authored|published) {_ARTICLE}|\b(?:author|writer) of {_ARTICLE}"
    r"|\bwho is the (?:author|writer)\?*$"
    rf"|\bwho was {_ARTICLE} (?:written )?by\b|(?:كاتب|مؤلف) (?:هذا )?المقال"
    rf"|من كتب (?:هذا )?المقال",
    re.I,
)
_ASKS_TOPIC = re.compile(
    rf"\bwhat (?:is|was|are|were) (?!{_ARTICLE}).+ about[\s?]*$"
    r"|\b(?:what|which) (?:is|was|are|were) the (?:agenda|aim|goal|purpose|subject|theme"
    r"|topic)s? (?:of|for)\b"
    r"|\bwhat did .+ (?:cover|deal with|discuss|talk about)\b"
    r"|(?:عم|عمّ|ماذا) (?:كان|كانت|دار|دارت|ناقش|بحث)|ما (?:هو |هي |كان |كانت )?(?:موضوع|هدف|غرض"
    r"|أجندة|جدول أعمال)",
    re.I,
)
_TOPIC = re.compile(
    r"\b(?:is|are|was|were|been|talk(?:s|ed|ing)?|spoke|speech|meeting) about\b(?! (?:\d|half|one"
    r"|two|three|ten))"
    r"|\b(?:agenda|aim|concern|cover|discuss|focus|goal|intend|purpose|subject|theme|topic)(?:s"
    r"|e[ds]|ing|ion|ions)?\b"
    r"|\bdeal(?:s|t|ing) with\b|ناقش|مناقش|بحث|حول|بشأن|هدف|غرض|جدول أعمال",
    re.I,
)
_NAME = re.compile(r"(?<=[\w,;:’'”)] )[“‘(]?[^\W\d_a-zß-öø-ÿ][\w’.-]+")


def find_type(question: str) -> QuestionType | None:
    """What a question asks for, or None where its words do not say."""
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
    """Whether a sentence holds a thing of the type asked for that the question does not already
    name.
    """
    pattern = {"date": _DATE, "number": _NUMBER, "name": _NAME}[asked]
    known = question.casefold()
    return any(
        match.group().strip("“‘(").casefold() not in known for match in pattern.finditer(sentence)
    )
