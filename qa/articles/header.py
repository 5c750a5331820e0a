"""The lines above an article's running text -> its title, author and date.

Plain-text copies of newspapers begin with title, byline, date, or with author, role, title, or with
none of these. In doubt there is no title, and the file's name is used.
"""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from qa.articles.blocks import Block
from qa.articles.dates import find_date, parse_date

HEADER_LINES = 8
BODY_CHARS = 4000
"""How much of the running text a line is compared with: that has words of the title, but seldom the
name of its author."""
MAX_TITLE_CHARS = 200

_TITLE_LABEL = re.compile(r"(?:title|headline|العنوان)\s*[:：]\s*(?P<title>\S.*)", re.IGNORECASE)
_BYLINE = re.compile(
    r"(?:(?:written |words |story |text |kept |compiled |edited )?by|author|بقلم|الكاتب"
    r"|(?P<wrote>كتبت?ه?))"
    r"\s*[:：]?\s+(?P<names>\S.*)",
    re.IGNORECASE,
)
_MORE_BYLINES = {
    "da": "af",
    "de": "von",
    "es": "por",
    "fr": "par",
    "it": "di",
    "nl": "door",
    "no": "av",
    "pt": "por",
    "sv": "av",
}
_AFTER_NAMES = re.compile(r"\s*(?:[|;؛(–—•·/@]|\s-\s|\.\s*$|\s(?:in|for|at|of|on|from)\s).*")
_BETWEEN_NAMES = re.compile(r"\s+(?:and|und|et|y)\s+|\s*&\s*|\s+و(?=\w)")
_ROLE = re.compile(
    r"\b(?:analyst|author|columnist|commentator|correspondent|critic|director|editor|fellow"
    r"|historian|journalist"
    r"|lecturer|novelist|professor|reporter|researcher|scholar|writer)s?\b"
    r"|\b(?:كاتب|صحفي|صحافي|محرر|رئيس تحرير|أكاديمي|باحث|محلل|إعلامي|أستاذ|مراسل)",
    re.IGNORECASE,
)
_PARTICLES = frozenset(
    "al bin ibn da das de del della den der di dos du e el la le ten ter van von y".split(" ")
)
_NOT_IN_NAMES = frozenset(
    "a an and are as at book by chapter for from how in is it lesson of on or part section the to "
    "unit volume what when where who why with".split(" ")
)
_SECTIONS = frozenset(
    "analysis,business,comment,culture,editorial,essay,exclusive,feature,interview,news,opinion,"
    "politics,review,science,special report,sport,sports,technology,world,"
    "أخبار,تحليل,رأي,مقال,مقالات".split(",")
)
_GENERIC = frozenset(
    "abstract,contents,introduction,overview,preface,summary,table of contents,مقدمة".split(",")
)
_NO_TITLE = re.compile(
    r"\d+\s*min(?:ute)?s?\s+read|(?:\w+://|www\.)\S+|\S+@\S+\.\w+", re.IGNORECASE
)
# "12 maaliskuuta 2023", "Berlin, den 3. Juni 1999": a date in a language whose months are not
# known here, or with a place.
_LIKE_DATE = re.compile(r"(?:\w+\.?,?\s+){0,2}\d{1,2}\.?(?:\s+de)?\s+\w+\.?,?(?:\s+de)?\s+\d{4}")
_MARKUP = re.compile(r"!\[|\[!\[|<[!/A-Za-z]")
_LINK = re.compile(r"\[([^\]\[]*)\]\([^()\s]*\)")
_ANCHOR = re.compile(r"\s*\{[#.:][^{}]*\}$")
_EMPHASIS = re.compile(
    r"(?<!\w)(?P<marks>\*{1,3}|_{1,3}|`+)(?P<text>(?!\s)[^*_`]+(?<!\s))(?P=marks)(?!\w)"
)


class Header(NamedTuple):
    """Title, author and date as stated above the first paragraph; None where not found."""

    title: str | None = None
    author: str | None = None
    date: str | None = None
    """ISO 8601."""


class _Line(NamedTuple):
    text: str
    is_marked: bool


def read_header(
    text: str,
    blocks: Sequence[Block],
    *,
    language: str | None = None,
    stem: str = "",
    headings: Collection[int] = (),
) -> Header:
    """Find title, author and date; `language` is the ISO 639-1 code, `stem` the file's name without
    suffix, which may repeat the title, `headings` where the blocks begin that the file itself has
    for headings.
    """
    author = day = None
    candidates: list[_Line] = []
    lines = _header_lines(text, blocks, headings)
    for number, line in enumerate(lines):
        if found := parse_date(line.text):
            day = day or found
        elif names := _read_byline(line, language, is_first=number == 0):
            author = author or names
            day = day or find_date(line.text)
        elif (match := _TITLE_LABEL.fullmatch(line.text)) and _has_letters(match["title"]):
            candidates.insert(0, _Line(match["title"], is_marked=True))
        elif _has_letters(line.text) and not (
            _NO_TITLE.fullmatch(line.text) or _LIKE_DATE.fullmatch(line.text)
        ):
            candidates.append(line)
    if len(candidates) > 1 and candidates[0].text.lower().strip(" :") in _SECTIONS:
        del candidates[0]
    title, name = _choose(
        candidates, _body_words(text, blocks), stem, has_author=author is not None
    )
    return Header(_usable(title), author or name, day)


def _has_letters(text: str) -> bool:
    return any(char.isalpha() for char in text)


def _header_lines(text: str, blocks: Sequence[Block], headings: Collection[int]) -> list[_Line]:
    lines: list[_Line] = []
    for block in [block for block in blocks if not block.is_empty][:HEADER_LINES]:
        line = " ".join(text[block.text_start : block.text_end].split())
        if _MARKUP.match(line):  # a badge, a comment
            continue
        is_marked = block.start in headings or (block.is_marked and block.kind == "heading")
        is_section = is_marked and any(line.is_marked for line in lines)
        if is_section or len(line) > MAX_TITLE_CHARS:
            break
        if not (
            is_marked
            or block.kind == "heading"
            or parse_date(line)
            or (lines and _read_byline(_Line(line, False), None))
        ):
            break
        lines.append(_Line(_without_markup(line), is_marked))
    return lines


def _without_markup(line: str) -> str:
    line = _ANCHOR.sub("", _LINK.sub(r"\1", line))
    return _EMPHASIS.sub(lambda match: match["text"], line)


def _choose(
    candidates: Sequence[_Line], body: frozenset[str], stem: str, *, has_author: bool
) -> tuple[str | None, str | None]:
    """(title, author) among the lines that are neither date nor byline."""
    texts = [line.text for line in candidates]
    if not texts:
        return None, None
    for position, line in enumerate(candidates):
        if line.is_marked or (stem and _words(line.text) == _words(stem)):
            beside = texts[position + 1 : position + 2] + texts[:position]
            return line.text, next((name for name in beside if _is_author(name, body)), None)
    if has_author or len(texts) == 1:
        return texts[0], None
    if _is_name(texts[0]) and _is_role(texts[1]):
        return (texts[2] if len(texts) > 2 else None), texts[0]
    if _is_author(texts[0], body):
        return texts[1], texts[0]
    return texts[0], (texts[1] if _is_author(texts[1], body) else None)


def _usable(title: str | None) -> str | None:
    return None if title is None or title.lower().strip(" :") in _GENERIC else title


def _read_byline(line: _Line, language: str | None, *, is_first: bool = False) -> str | None:
    """The names in a byline, or None if the line is not one; titles, too, may begin with "By"."""
    match = _BYLINE.fullmatch(line.text)
    if match is None and language in _MORE_BYLINES:
        match = re.fullmatch(
            _MORE_BYLINES[language] + r"\s+(?P<names>\S.*)", line.text, re.IGNORECASE
        )
    if (
        match is None or line.is_marked or (is_first and match.groupdict().get("wrote"))
    ):  # "كتب" means "books", too
        return None
    names = _AFTER_NAMES.sub("", match["names"])
    listed = [
        name for part in re.split("[,،]", names) for name in _BETWEEN_NAMES.split(part.strip())
    ]
    if not _BETWEEN_NAMES.search(names):  # what follows a comma is a role or a place
        listed = listed[:1]
    count = next((n for n, name in enumerate(listed) if not _is_name(name)), len(listed))
    if not count and not is_first and _is_name(listed[0], least=1):  # a single name: "By Reuters"
        count = 1
    return ", ".join(listed[:count]) or None


def _is_role(line: str) -> bool:
    """Whether a line describes an author, as "Saudi journalist and writer" does; a title would have
    more capitals.
    """
    if line == line.upper() == line.lower():
        return _ROLE.match(line) is not None
    return (
        _ROLE.search(line) is not None
        and not _is_name(line)
        and line.split()[0].lower() not in _NOT_IN_NAMES
    )


def _is_author(line: str, body: frozenset[str]) -> bool:
    """Whether a line is a name; unlike a title's words, no part of it is in the running text."""
    has_capitals = line != line.lower()
    return (
        has_capitals
        and _is_name(line)
        and not any(word in body for word in _words(line) if word not in _PARTICLES)
    )


def _is_name(line: str, *, least: int = 2) -> bool:
    words = [word for word in line.replace("-", " ").split() if word not in _PARTICLES]
    if not least <= len(words) <= 5 or not all(
        re.sub(r"[.'’]", "", word).isalpha() for word in words
    ):
        return False
    # Arabic has no capitals: there any few words can be a name.
    return not any(word[0].islower() or word.lower() in _NOT_IN_NAMES for word in words)


def _body_words(text: str, blocks: Sequence[Block]) -> frozenset[str]:
    start = next(
        (block.start for block in blocks if block.kind == "body" and not block.is_empty), len(text)
    )
    return frozenset(_words(text[start : start + BODY_CHARS]))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())
