"""What HTML says in the page's own words -> the same in the language of whoever reads it.

A table of another language is set for as long as one reply is made (`speaking`); English stands in
the code, and is what tables go by.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_TABLE: ContextVar[Mapping[str, str] | None] = ContextVar("words", default=None)


def say(words: str, **values: object) -> str:
    """The words in the language that is spoken now, each `{name}` filled in."""
    table = _TABLE.get()
    said = table.get(words, words) if table else words
    for name, value in values.items():
        said = said.replace(f"{{{name}}}", str(value))
    return said


@contextmanager
def speaking(table: Mapping[str, str] | None) -> Iterator[None]:
    """Say everything by this table within the block; None is English."""
    token = _TABLE.set(table)
    try:
        yield
    finally:
        _TABLE.reset(token)
