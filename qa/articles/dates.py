"""Lines such as "Tuesday, 13 January 1931" -> ISO 8601 dates: numeric forms, and those of English,
Arabic and nine other languages of Europe.
"""

import re
import unicodedata
from datetime import date
from typing import NamedTuple

_ENGLISH = (
    "january february march april may june july august september october november december".split(
        " "
    )
)
_EGYPT = "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر".split(" ")
_LEVANT = (
    "كانون الثاني,شباط,آذار,نيسان,أيار,حزيران,تموز,آب,أيلول,تشرين الأول,تشرين الثاني,كانون "
    "الأول".split(",")
)
# A slash stands between the names and abbreviations of one month.
_OTHERS = (
    # German
    "januar/jänner februar/feber märz/mär april mai juni juli august september oktober/okt "
    "november dezember/dez",
    # Spanish
    "enero/ene febrero marzo abril/abr mayo junio julio agosto/ago septiembre/setiembre octubre "
    "noviembre diciembre/dic",
    # French, whose capitals often lack accents
    "janvier/janv février/fevrier/févr/fév mars avril/avr mai juin juillet/juil août/aout "
    "septembre octobre novembre décembre/decembre/déc",
    # Italian
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    # Portuguese
    "janeiro fevereiro/fev março abril maio junho julho agosto setembro outubro novembro dezembro",
    # Dutch
    "januari februari maart/mrt april mei juni juli augustus september oktober november december",
    # Danish, Norwegian, Swedish
    "januar/januari februar/februari marts/mars april maj/mai juni juli august/augusti september "
    "oktober november december/desember",
)
_MONTHS = {
    name: number
    for names in (_ENGLISH, _EGYPT, _LEVANT, *(names.split(" ") for names in _OTHERS))
    for number, month in enumerate(names, start=1)
    for name in month.split("/")
}
_MONTHS |= {name[:3]: number for number, name in enumerate(_ENGLISH, start=1)} | {"sept": 9}
_NAME = rf"(?P<name>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\b"
_DAY = r"(?<!\d)(?P<day>\d{1,2})(?:st|nd|rd|th|er|º)?\b"
_FORMS = (
    re.compile(
        r"(?<!\d)(?P<year>\d{4})(?P<gap>[-/.])(?P<month>\d{1,2})(?P=gap)(?P<day>\d{1,2})(?!\d)"
    ),
    re.compile(r"(?<!\d)(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>\d{4})(?!\d)"),
    re.compile(
        rf"{_DAY}[.°]?\s+(?:(?:of|de)\s+)?{_NAME}\.?,?\s+(?:del?\s+)?(?P<year>\d{{4}})(?!\d)",
        re.IGNORECASE,
    ),
    re.compile(rf"\b{_NAME}\.?\s+{_DAY},?\s+(?P<year>\d{{4}})(?!\d)", re.IGNORECASE),
)
_BESIDE = re.compile(
    r"\b(?:(?:first |last )?(?:published|updated|posted|modified|dated?|created)|on|at"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day|mon|tue|wed|thu|fri|sat|sun"
    r"|veröffentlicht|aktualisiert|stand|datum|den|am|vom|um|uhr"
    r"|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|sonnabend"
    r"|publicad[oa]|actualizad[oa]|fecha|el|a las?"
    r"|lunes|martes|miércoles|jueves|viernes|sábado|domingo"
    r"|publiée?|mise? à jour|le|à|(?:lun|mar|mercre|jeu|vendre|same)di|dimanche"
    r"|pubblicat[oa]|aggiornat[oa]|data|il|(?:lune|marte|mercole|giove|vener)dì|sabato|domenica"
    r"|atualizad[oa]|em|às|(?:segunda|terça|quarta|quinta|sexta)(?:-feira)?"
    r"|t?\d{1,2}[:.h]\d{2}(?:[:.]\d{2})?\s*(?:[ap]\.?m\b\.?)?z?|gmt|utc|[ecmp][sd]?t"
    r"|نشر|في|تاريخ|التاريخ|النشر|يوم|(?:ال)?(?:أحد|اثنين|إثنين|ثلاثاء|أربعاء|خميس|جمعة|سبت)"
    r"|م)(?!\w)",
    re.IGNORECASE,
)


class _Found(NamedTuple):
    date: str
    start: int
    end: int


def find_date(text: str) -> str | None:
    """The first date in a text, ISO 8601; None if there is none of a known form."""
    found = _find(_normalise(text))
    return found.date if found else None


def parse_date(line: str) -> str | None:
    """The date in a line, ISO 8601; None if the line has more than a date, a weekday, a time and
    words such as "published".
    """
    line = _normalise(line)
    found = _find(line)
    if found is None or re.search(
        r"\w", _BESIDE.sub(" ", f"{line[: found.start]} {line[found.end :]}")
    ):
        return None
    return found.date


def _find(text: str) -> _Found | None:
    for form in _FORMS:
        for match in form.finditer(text):
            part = match.groupdict()
            # A dotless "ı" matches "i", and is no month's.
            name = part.get("name")
            month = _MONTHS.get(name.casefold(), 0) if name else int(part["month"])
            try:
                day = date(int(part["year"]), month, int(part["day"]))
            except ValueError:  # the 31st of June
                continue
            return _Found(day.isoformat(), *match.span())
    return None


def _normalise(text: str) -> str:
    """A text with ASCII digits and composed letters."""
    digits = "".join(str(unicodedata.decimal(char, char)) for char in text)
    return unicodedata.normalize("NFC", digits)
