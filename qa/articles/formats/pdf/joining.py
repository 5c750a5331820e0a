"""Two lines of a PDF's paragraph -> what to put between them: a space, nothing, or the hyphen that
belongs to the word.
"""

import re
from collections.abc import Sequence

from qa.articles.formats.pdf.lines import Line

WIDE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
"""A Chinese, Japanese or Korean character."""
_WIDE_STOP = re.compile(r"[\u3000-\u303f\uff00-\uff0f\uff1a-\uff1f]")
_SPACED = re.compile(
    r"[\u2e80-\u2fff\u3040-\u9fff] [A-Za-z0-9]|[A-Za-z0-9] [\u2e80-\u2fff\u3040-\u9fff]"
)
_CLOSE = re.compile(
    r"[\u2e80-\u2fff\u3040-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u2e80-\u2fff\u3040-\u9fff]"
)
_ADDRESS = re.compile(r"(?:https?|ftp)://\S*[/_=&?.-]$")
_COMPOUND = re.compile(r"(?:and|or|und|oder|als|bzw|sowie|bis|en|et|ou|y|e|o)\b")
_WORD = re.compile(r"[\w-]+")


class Vocabulary:
    """The words that stand within a document's lines, by which two of its lines are joined: a
    hyphen at a line's end stays where the document has the word with a hyphen elsewhere.
    """

    def __init__(self, lines: Sequence[Line]) -> None:
        self._words: set[str] = set()
        spaced = close = 0
        for line in lines:
            self._words.update(word.casefold() for word in _WORD.findall(line.text))
            if WIDE.search(line.text):
                spaced += len(_SPACED.findall(line.text))
                close += len(_CLOSE.findall(line.text))
        self._is_close = close > spaced
        """Whether Chinese and Latin letters stand side by side without a space."""

    def join(self, above: str, below: str, *, is_hyphenated: bool) -> tuple[str, str]:
        """The line above as it is to be kept, and what to put between it and the next."""
        if above.endswith("-") and len(above) > 1 and not above[-2].isspace():
            if _COMPOUND.match(below):
                return above, " "
            if above[-2] == "/":
                return (above[:-1] if is_hyphenated else above), ""
            return (
                above if not is_hyphenated or self._is_compound(above[:-1], below) else above[:-1]
            ), ""
        if _ADDRESS.search(above):
            return above, ""
        wide = bool(WIDE.match(above[-1])) + bool(WIDE.match(below))
        is_close = wide == 2 or (
            wide == 1 and (self._is_close or _WIDE_STOP.match(above[-1]) is not None)
        )
        return above, "" if is_close else " "

    def _is_compound(self, before: str, after: str) -> bool:
        """Whether the hyphen between two lines belongs to the word."""
        head, tail = re.search(r"[\w-]+$", before), re.match(r"[\w-]+", after)
        if not head or not tail:
            return True
        joined, kept = (head[0] + tail[0]).casefold(), f"{head[0]}-{tail[0]}".casefold()
        if kept in self._words or joined in self._words:
            return joined not in self._words
        return not (head[0].isalpha() and tail[0][0].islower())
