"""A page of a PDF -> its lines, each with its characters' numbers on the page.

PDFium gives characters in the order in which they are drawn, with line ends where the baseline
moves. A line also has what layout is judged by: edges, baseline, size of letters, kind of font.
"""

import ctypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

CELL_GAP = 2.2
"""White space this many times the size of the letters divides the cells of a table."""

_HYPHENS = "\x02\ufffe"
_ALEFS, _LAM = "اأإآ", "ل"
_FIXED_PITCH, _ITALIC_BOLD = 1, 1 << 18


@dataclass(slots=True)
class Line:
    """One line of a page; lengths in points, 1/72 inch, from the page's lower left corner."""

    page: int
    """Counted from 0."""
    first: int
    """Number of its first character on the page."""
    text: str
    """One letter for each of the page's characters."""
    left: float
    right: float
    baseline: float
    size: float
    """Of its letters."""
    is_fixed: bool
    """Whether all letters of its font are equally wide, as in code."""
    is_bold: bool
    flow: int = 0
    """Number of the run of lines down the page that it belongs to: a column, as a rule."""
    is_hyphenated: bool = False
    """Whether it ends with a hyphen that PDFium marks as one of a broken word."""

    @property
    def key(self) -> str:
        """Its letters in small ones, to compare lines by."""
        return letters(self.text)


def letters(words: str) -> str:
    """The letters of a text in small ones, without spaces, digits and punctuation."""
    return "".join(char for char in words.casefold() if char.isalpha())


def read_page(
    pdfium: Any,
    document: Any,
    number: int,
) -> tuple[float, list[Line]]:
    """Height in points and lines of a page, counted from 0; (0, []) of one that cannot be read."""
    page = pdfium.FPDF_LoadPage(document, number)
    if not page:
        return 0.0, []
    try:
        height = pdfium.FPDF_GetPageHeightF(page)
        text_page = pdfium.FPDFText_LoadPage(page)
        if not text_page:
            return height, []
        try:
            return height, list(_PageReader(pdfium, text_page, number).lines())
        finally:
            pdfium.FPDFText_ClosePage(text_page)
    finally:
        pdfium.FPDF_ClosePage(page)


class _PageReader:
    """Reads the lines of one page. It asks PDFium for few characters' boxes: each call costs a
    microsecond, and a page has thousands of letters.
    """

    def __init__(self, pdfium: Any, text_page: Any, number: int) -> None:
        self.pdfium, self.page, self.number = pdfium, text_page, number
        self._box = [ctypes.c_double() for _ in range(4)]
        self._flags = ctypes.c_int()
        self._matrix = pdfium.FS_MATRIX()

    def lines(self) -> Iterator[Line]:
        text = self._read_text()
        flow, above = self.number << 20, None
        for start, end in self._split(text):
            line = self._measure(text, start, end)
            if line is None:
                continue
            if above is not None and line.baseline > above.baseline + 2:
                flow += 1
            line.flow = flow
            above = line
            yield line

    def _read_text(self) -> str:
        count = self.pdfium.FPDFText_CountChars(self.page)
        if count <= 0:
            return ""
        units = (ctypes.c_ushort * (count + 1))()
        written = self.pdfium.FPDFText_GetText(self.page, 0, count, units)
        text = bytes(units)[: 2 * count].decode("utf-16-le", "surrogatepass")
        if written != count + 1 or len(text) != count or "\x02" in text or "\ufffe" in text:
            # Beyond the basic plane, and where hyphens are taken out, units are not characters.
            codes = (self.pdfium.FPDFText_GetUnicode(self.page, n) for n in range(count))
            text = "".join(chr(code) if 0 < code < 0x110000 else " " for code in codes)
        return text

    def _split(self, text: str) -> Iterator[tuple[int, int]]:
        start = 0
        for match in re.finditer(r"\r\n|[\r\n\x02\ufffe]", text):
            if match[0] in _HYPHENS:
                end = match.end()
                while end < len(text) and text[end] in " \r\n":
                    end += 1
                if end < len(text) and not self._is_lower(match.start() - 1, end):
                    continue
                yield start, match.end()
                start = end
            else:
                if start < match.start():
                    yield start, match.start()
                start = max(start, match.end())
        if start < len(text):
            yield start, len(text)

    def _is_lower(self, above: int, below: int) -> bool:
        return above < 0 or abs(self._origin(below)[1] - self._origin(above)[1]) > 2

    def _origin(self, n: int) -> tuple[float, float]:
        x, y = self._box[:2]
        self.pdfium.FPDFText_GetCharOrigin(self.page, n, x, y)
        return x.value, y.value

    def _bounds(self, n: int) -> tuple[float, float, float, float]:
        left, right, bottom, top = self._box
        self.pdfium.FPDFText_GetCharBox(self.page, n, left, right, bottom, top)
        return left.value, right.value, bottom.value, top.value

    def _size(self, n: int) -> float:
        size = float(self.pdfium.FPDFText_GetFontSize(self.page, n))
        if size <= 2 or size > 40:  # then it is the matrix that makes the letters large or small
            self.pdfium.FPDFText_GetMatrix(self.page, n, self._matrix)
            scale = max(abs(self._matrix.d), abs(self._matrix.b))
            size = size * scale if scale else size
        return size

    def _measure(self, text: str, start: int, end: int) -> Line | None:
        while start < end and text[start].isspace():
            start += 1
        last = end - 1
        while last >= start and text[last].isspace():
            last -= 1
        words = text[start : last + 1]
        if not words:
            return None
        is_hyphenated = words[-1] in _HYPHENS
        x, baseline = self._origin(start)
        ends = (self._bounds(start), self._bounds(last))
        self._flags.value = 0
        probe = next((start + n for n, char in enumerate(words) if char.isalnum()), start)
        self.pdfium.FPDFText_GetFontInfo(self.page, probe, None, 0, self._flags)
        size = max(self._size(probe), self._size(start + len(words) // 2))
        words = self._mend_arabic(words, start)
        words = self._mark_cells(words, start, size)
        return Line(
            self.number,
            start,
            "".join(
                "-" if char in _HYPHENS else " " if char < " " and char != "\t" else char
                for char in words
            ),
            left=min(x, ends[0][0], ends[1][0]),
            right=max(ends[0][1], ends[1][1]),
            baseline=baseline,
            size=size,
            is_fixed=bool(self._flags.value & _FIXED_PITCH),
            is_bold=bool(self._flags.value & _ITALIC_BOLD),
            is_hyphenated=is_hyphenated,
        )

    def _mend_arabic(self, words: str, start: int) -> str:
        """Put alef behind lam where one glyph is both: PDFium gives the letters of that ligature
        the wrong way round.
        """
        if not any(alef + _LAM in words for alef in _ALEFS):
            return words
        letters = list(words)
        for n, (one, other) in enumerate(pairwise(words)):
            if (
                one in _ALEFS
                and other == _LAM
                and self._bounds(start + n) == self._bounds(start + n + 1)
            ):
                letters[n], letters[n + 1] = other, one
        return "".join(letters)

    def _mark_cells(self, words: str, start: int, size: float) -> str:
        """Replace wide spaces, which divide the cells of a table, by tabs."""
        letters = None
        for match in re.finditer(r"[ \xa0]+", words):
            if match.start() == 0 or match.end() >= len(words):
                continue
            before, after = (
                self._bounds(start + match.start() - 1),
                self._bounds(start + match.end()),
            )
            if after[0] - before[1] > CELL_GAP * size:
                letters = letters or list(words)
                letters[match.end() - 1] = "\t"
        return "".join(letters) if letters else words
