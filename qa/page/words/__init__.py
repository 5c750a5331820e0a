"""Words: what a browser prefers to read -> the table that says the page's words in that language.

In: the header Accept-Language. Out: English words -> those of another language. May import: render.

`table.json` has every word of the page once, with its translations; English stands in the code. A
further language is a further entry beside each.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.resources import files

from qa.render.words import speaking

LANGUAGES = ("ar", "de", "es", "fr")
"""Beside English, ISO 639-1."""


@cache
def read_tables() -> dict[str, dict[str, str]]:
    """Language -> English words -> its own."""
    table = json.loads(files("qa.page.words").joinpath("table.json").read_text(encoding="utf-8"))
    return {code: {words: said[code] for words, said in table.items()} for code in LANGUAGES}


def choose_language(accepted: str) -> str:
    """The first language of an Accept-Language header that the page speaks; English if none."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(accepted.split(",")[:20]):
        name, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            quality = 0.0
        wanted.append((-quality, place, name.strip().lower().partition("-")[0]))
    spoken = (code for _, _, code in sorted(wanted) if code in ("en", *LANGUAGES))
    return next(spoken, "en")


@contextmanager
def speaking_to(headers: Mapping[str, str]) -> Iterator[None]:
    """Say everything in the language that a request's browser prefers."""
    language = choose_language(headers.get("accept-language", ""))
    with speaking(read_tables().get(language)):
        yield
