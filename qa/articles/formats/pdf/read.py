"""PDF -> text by lines, columns and paragraphs, each line with the characters of the page that it
is.

PDFium gives characters in the order in which they are drawn, with line ends where the baseline
moves. What is done here: running heads and page numbers are left out, lines joined to paragraphs,
hyphens at line ends undone where the document itself knows the word, headings taken from the
outline.
"""

import ctypes
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

from qa.articles.formats.contents import (
    Contents,
    FormatError,
    PasswordNeeded,
    TextWriter,
    stated,
    stated_date,
)
from qa.places import BODY, CODE, HEADING, ROW, LineRow

MAX_PAGES = 2000
LEAST_HEAD_PAGES = 3
"""On so many pages the same words stand at the same height in a running head."""
EDGE = 0.17
"""Share of a page's height at its top and its foot in which running heads and page numbers stand.
"""
LEAST_GAP = 1.6
"""A running head is apart from the text by so many times the size of its letters."""
HEAD_SHIFT = 1.5
"""Points by which the height of a running head may vary."""
CELL_GAP = 2.2
"""White space this many times the size of the letters divides the cells of a table."""

_HYPHENS = "\x02\ufffe"
_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
_BULLET = re.compile(
    r"(?:[•‣▪◦●■∙·*–—-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)]|\[\d{1,3}\])(?=[ \xa0\t])"
)
_TERMINAL = re.compile(r"[.!?:;…。！？：；؟۔][\"'”’»)\]]*$")
_WIDE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
_LEADER = re.compile(r"(?:[. ] ?\.){4,}\s*[\divxlc]+$")
_WIDE_STOP = re.compile(r"[\u3000-\u303f\uff00-\uff0f\uff1a-\uff1f]")
_SPACED = re.compile(
    r"[\u2e80-\u2fff\u3040-\u9fff] [A-Za-z0-9]|[A-Za-z0-9] [\u2e80-\u2fff\u3040-\u9fff]"
)
_CLOSE = re.compile(
    r"[\u2e80-\u2fff\u3040-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u2e80-\u2fff\u3040-\u9fff]"
)
_ADDRESS = re.compile(r"(?:https?|ftp)://\S*[/_=&?.-]$")
_COMPOUND = re.compile(r"(?:and|or|und|oder|als|bzw|sowie|bis|en|et|ou|y|e|o)\b")
_ALEFS, _LAM = "اأإآ", "ل"
_WORD = re.compile(r"[\w-]+")
_FIXED_PITCH, _ITALIC_BOLD = 1, 1 << 18


@dataclass(slots=True)
class _Line:
    page: int
    first: int
    """Number of its first character on the page."""
    text: str
    """One letter for each of the page's characters."""
    left: float
    right: float
    baseline: float
    size: float
    is_fixed: bool
    is_bold: bool
    flow: int = 0
    """Runs of lines that go down the page: a column, as a rule."""
    is_hyphenated: bool = False

    @property
    def key(self) -> str:
        return _letters(self.text)


def _letters(words: str) -> str:
    return "".join(char for char in words.casefold() if char.isalpha())


class _Outline(NamedTuple):
    title: str
    level: int
    page: int


def read_pdf(data: bytes, *, password: str | None = None) -> Contents:
    """Read a PDF.

    Raises:
        PasswordNeeded: it is encrypted.
        FormatError: it is damaged, or its pages have no text.
    """
    import pypdfium2.raw as pdfium

    document = open_document(data, password)
    try:
        pages = pdfium.FPDF_GetPageCount(document)
        lines: list[_Line] = []
        heights: list[float] = []
        for number in range(min(pages, MAX_PAGES)):
            height, found = _read_page(pdfium, document, number)
            heights.append(height)
            lines += found
        labels = tuple(_label(pdfium, document, number) for number in range(min(pages, MAX_PAGES)))
        outline = list(_read_outline(pdfium, document))
        about = {
            "title": stated(_meta(pdfium, document, "Title")),
            "author": stated(_meta(pdfium, document, "Author")),
            "date": stated_date(_meta(pdfium, document, "CreationDate")),
        }
    finally:
        pdfium.FPDF_CloseDocument(document)
    _check_text(lines, pages)
    notes = (
        (f"only {MAX_PAGES:,} of its {pages:,} pages were read: split it",)
        if pages > MAX_PAGES
        else ()
    )
    body = drop_running_heads(lines, heights, labels, outline)
    return _write(body, outline).finish(labels=labels, notes=notes, **about)


def open_document(data: bytes, password: str | None = None) -> Any:  # noqa: ANN401
    """PDFium's handle of a document; whoever opens it closes it.

    Raises:
        PasswordNeeded, FormatError: it cannot be opened.
    """
    import pypdfium2.raw as pdfium

    pdfium.FPDF_InitLibrary()
    document = pdfium.FPDF_LoadMemDocument64(
        data, len(data), password.encode() if password else None
    )
    if document:
        return document
    error = pdfium.FPDF_GetLastError()
    if error == pdfium.FPDF_ERR_PASSWORD:
        wrong = "the password does not open it" if password else "is encrypted"
        raise PasswordNeeded(f"{wrong}: give its password (`--password`), or save a copy without")
    if error == pdfium.FPDF_ERR_SECURITY:
        raise FormatError("has a protection that is not known here: save a copy without")
    raise FormatError("is damaged or cut short (data format error): get it again")


# -- pages -> lines ----------------------------------------------------------------------


def _read_page(pdfium: Any, document: Any, number: int) -> tuple[float, list[_Line]]:  # noqa: ANN401
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
    """Asks PDFium for as little as will do: each call costs a microsecond, and a page has thousands
    of letters.
    """

    def __init__(self, pdfium: Any, text_page: Any, number: int) -> None:  # noqa: ANN401
        self.pdfium, self.page, self.number = pdfium, text_page, number
        self._box = [ctypes.c_double() for _ in range(4)]
        self._flags = ctypes.c_int()
        self._matrix = pdfium.FS_MATRIX()

    def lines(self) -> Iterator[_Line]:
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

    def _measure(self, text: str, start: int, end: int) -> _Line | None:
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
        return _Line(
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
        """A tab for a space that is wide."""
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


def _check_text(lines: Sequence[_Line], pages: int) -> None:
    letters = Counter(
        "word" if char.isalnum() else "odd"
        for line in lines
        for char in line.text[:200]
        if not char.isspace()
        if char.isalnum() or "\ue000" <= char <= "\uf8ff" or char == "\ufffd"
    )
    if not letters["word"] and not letters["odd"]:
        raise FormatError(
            f"is scanned: its {pages} page(s) have no text; run OCR over it (`ocrmypdf`) first"
        )
    if letters["odd"] > letters["word"]:
        raise FormatError(
            "has fonts that do not tell which letters they show: run OCR over it (`ocrmypdf`) first"
        )


# -- running heads -----------------------------------------------------------------------


def drop_running_heads(
    lines: Sequence[_Line],
    heights: Sequence[float],
    labels: Sequence[str],
    outline: Sequence[_Outline],
) -> list[_Line]:
    """Leave out page numbers, and lines apart from the text that repeat at their height from page
    to page.
    """
    gaps = _find_gaps(lines, heights)
    at_height: dict[int, list[_Line]] = defaultdict(list)
    for line in lines:
        if id(line) in gaps:
            at_height[round(line.baseline / HEAD_SHIFT)].append(line)
    titles = "\n".join(_letters(entry.title) for entry in outline)
    pages = len({line.page for line in lines})
    dropped: set[int] = set()
    for rounded, here in at_height.items():
        near = [*here, *at_height.get(rounded - 1, ()), *at_height.get(rounded + 1, ())]
        words: dict[int, set[str]] = defaultdict(set)
        for line in near:
            words[line.page] |= _words(line)
        counts = Counter(word for some in words.values() for word in some)
        apart = sum(gaps[id(line)] > LEAST_GAP * line.size for line in near)
        is_regular = len(words) >= max(LEAST_HEAD_PAGES, 0.2 * pages) and apart >= 0.8 * len(near)
        is_usual = is_regular and len(words) >= 0.4 * pages
        for line in here:
            is_title = len(line.key) > 3 and line.key in titles
            has_known = any(counts[word] >= LEAST_HEAD_PAGES for word in _words(line))
            if _is_page_number(line, labels) or (
                is_regular and (_repeats(line, counts) or is_title or (is_usual and has_known))
            ):
                dropped.add(id(line))
    return [line for line in lines if id(line) not in dropped]


def _find_gaps(lines: Sequence[_Line], heights: Sequence[float]) -> dict[int, float]:
    """The outermost lines near the edges of their pages -> distance to the next line within."""
    by_page: dict[int, list[_Line]] = defaultdict(list)
    for line in lines:
        by_page[line.page].append(line)
    gaps: dict[int, float] = {}
    for page, some in by_page.items():
        levels = sorted(line.baseline for line in some)
        low, high = levels[0], levels[-1]
        inner_low = next((level for level in levels if level > low + 2 * HEAD_SHIFT), high)
        inner_high = next(
            (level for level in reversed(levels) if level < high - 2 * HEAD_SHIFT), low
        )
        for line in some:
            if line.baseline <= low + 2 * HEAD_SHIFT and line.baseline < EDGE * heights[page]:
                gaps[id(line)] = inner_low - low
            elif (
                line.baseline >= high - 2 * HEAD_SHIFT
                and line.baseline > (1 - EDGE) * heights[page]
            ):
                gaps[id(line)] = high - inner_high
    return gaps


def _words(line: _Line) -> set[str]:
    return set(re.findall(r"[^\W\d_]{2,}", line.text.casefold()))


def _repeats(line: _Line, counts: Counter[str]) -> bool:
    words = _words(line)
    repeated = sum(len(word) for word in words if counts[word] >= LEAST_HEAD_PAGES)
    return not words or repeated > 0.5 * sum(map(len, words))


def _is_page_number(line: _Line, labels: Sequence[str]) -> bool:
    words = line.text.strip(" \t–—-|.[]()")
    return bool(words) and (words == labels[line.page] or words == str(line.page + 1))


# -- lines -> paragraphs -----------------------------------------------------------------


def _write(lines: Sequence[_Line], outline: Sequence[_Outline]) -> TextWriter:
    writer = TextWriter()
    blocks = list(_group(lines))
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[round(line.size, 1)] += len(line.text)
    body_size = sizes.most_common(1)[0][0] if sizes else 0.0
    vocabulary = _Vocabulary(lines)
    found = _anchor_outline(blocks, outline)
    for position, block in enumerate(blocks):
        entry = found.get(position)
        kind = _kind(block, body_size) if entry is None else HEADING
        if entry is not None:
            writer.open_section(entry.title, entry.level)
        _write_block(writer, block, kind, vocabulary)
    return writer


def _group(lines: Sequence[_Line]) -> Iterator[list[_Line]]:
    """Lines -> paragraphs."""
    leading = _find_leading(lines)
    edges = _find_edges(lines)
    block: list[_Line] = []
    for line in lines:
        if block and _begins_block(block, line, leading, edges):
            yield block
            block = []
        block.append(line)
    if block:
        yield block


def _find_leading(lines: Sequence[_Line]) -> dict[float, float]:
    """Size of letters -> usual distance between two lines."""
    steps: dict[float, list[float]] = defaultdict(list)
    for above, below in pairwise(lines):
        step = above.baseline - below.baseline
        if (
            above.flow == below.flow
            and 0.8 * below.size < step < 2.2 * below.size
            and abs(above.size - below.size) < 0.6
        ):
            steps[round(below.size)].append(step)
    found = {}
    for size, some in steps.items():
        counts = Counter(round(step * 2) / 2 for step in some)
        most = max(counts.values())
        # The narrowest step that is common: wider ones divide paragraphs.
        found[size] = min(step for step, count in counts.items() if count >= max(1, 0.25 * most))
    return found


def _find_edges(lines: Sequence[_Line]) -> dict[int, tuple[float, float]]:
    """Flow -> left and right edge of its column."""
    flows: dict[int, list[_Line]] = defaultdict(list)
    for line in lines:
        flows[line.flow].append(line)
    edges = {}
    for flow, some in flows.items():
        rights = sorted(line.right for line in some)
        edges[flow] = (median(line.left for line in some), rights[-1 - len(rights) // 20])
    return edges


def _begins_block(
    block: Sequence[_Line],
    line: _Line,
    leading: dict[float, float],
    edges: dict[int, tuple[float, float]],
) -> bool:
    above, first = block[-1], block[0]
    if abs(line.size - above.size) > 0.12 * max(line.size, above.size):
        return True
    if (
        "\t" in line.text
        or "\t" in above.text
        or _LEADER.search(above.text)
        or _BULLET.match(line.text)
    ):
        return True
    if above.is_hyphenated:
        return False
    left, right = edges[above.flow]
    if line.flow != above.flow:
        # On into the next column or page, unless a sentence ends there.
        if above.is_fixed or line.is_fixed or first.is_bold != line.is_bold:
            return True
        next_left = edges[line.flow][0]
        is_indented = line.left > next_left + 0.5 * line.size
        goes_on = not _TERMINAL.search(above.text) or line.text[0].islower()
        return not (
            goes_on
            and not is_indented
            and (above.right > right - 6 * above.size or line.text[0].islower())
        )
    if above.is_fixed and line.is_fixed and first.is_fixed and all(one.is_fixed for one in block):
        usual = leading.get(round(line.size), 1.2 * line.size)
        return above.baseline - line.baseline > 2.6 * usual
    usual = leading.get(round(line.size), 1.2 * line.size)
    step = above.baseline - line.baseline
    if step > 1.22 * usual + 0.5:
        return True
    if step < 0.4 * line.size:  # beside it, on one line
        return line.left - above.right > CELL_GAP * line.size
    if first.is_bold != line.is_bold and above.is_bold != line.is_bold and above.is_bold:
        return above.right < right - 3 * above.size
    indent = line.left - above.left
    hangs = len(block) == 1 and bool(_BULLET.match(first.text))
    if indent > 0.6 * line.size and not hangs and not (len(block) == 1 and indent > 6 * line.size):
        return len(block) > 1 or first.left <= left + 0.5 * line.size
    room = right - above.right
    word = _first_word_width(line)
    is_start = line.text[0].isupper() or _WIDE.match(line.text) is not None
    return room > word + 0.5 * line.size and _TERMINAL.search(above.text) is not None and is_start


def _first_word_width(line: _Line) -> float:
    letters = max(1, len(line.text))
    word = 1 if _WIDE.match(line.text) else len(re.split(r"[ \xa0\t]", line.text, maxsplit=1)[0])
    return (line.right - line.left) * word / letters


def _kind(block: Sequence[_Line], body_size: float) -> int:
    if any("\t" in line.text for line in block):
        return ROW
    if all(line.is_fixed for line in block):
        return CODE
    words = sum(len(line.text) for line in block)
    is_large = min(line.size for line in block) > 1.12 * body_size
    is_bold = (
        all(line.is_bold for line in block)
        and len(block) == 1
        and min(li.size for li in block) >= body_size - 0.1
    )
    if (is_large or is_bold) and words < 150 and not re.search(r"[.;,:]$", block[-1].text):
        return HEADING
    return BODY


class _Vocabulary:
    """What a document does within its lines, which tells how two lines belong together."""

    def __init__(self, lines: Sequence[_Line]) -> None:
        self._words: set[str] = set()
        spaced = close = 0
        for line in lines:
            self._words.update(word.casefold() for word in _WORD.findall(line.text))
            if _WIDE.search(line.text):
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
        wide = bool(_WIDE.match(above[-1])) + bool(_WIDE.match(below))
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


def _write_block(
    writer: TextWriter, block: Sequence[_Line], kind: int, vocabulary: _Vocabulary
) -> None:
    pieces: list[str] = []
    rows: list[LineRow] = []
    at = 0
    for line, below in zip(block, [*block[1:], None], strict=True):
        text, joint = line.text, ""
        if below is not None and kind == CODE:
            joint = "\n"
        elif below is not None:
            text, joint = vocabulary.join(text, below.text, is_hyphenated=line.is_hyphenated)
        for piece, first, count in _expand(text, line.first):
            rows.append(LineRow(at, len(piece), line.page, first, count))
            pieces.append(piece)
            at += len(piece)
        pieces.append(joint)
        at += len(joint)
    words = "".join(pieces)
    bullet = _BULLET.match(words) if kind == BODY else None
    marker = len(bullet[0]) + 1 if bullet and len(words) > len(bullet[0]) + 1 else 0
    start = writer.add_exact(words, kind=kind, marker=marker)
    writer.lines.extend(row._replace(start=row.start + start) for row in rows)


def _expand(text: str, first: int) -> Iterator[tuple[str, int, int]]:
    """A line with its ligatures as letters: (letters, number of the first character, how many
    characters).
    """
    start = 0
    for match in re.finditer("[ﬀ-ﬆ]", text):
        if start < match.start():
            yield text[start : match.start()], first + start, match.start() - start
        yield _LIGATURES[match[0]], first + match.start(), 1
        start = match.end()
    if start < len(text):
        yield text[start:], first + start, len(text) - start


# -- the outline -------------------------------------------------------------------------


def _anchor_outline(
    blocks: Sequence[Sequence[_Line]], outline: Sequence[_Outline]
) -> dict[int, _Outline]:
    """Number of a block -> the entry of the outline whose heading it is; compared by words, since
    columns mix heights.
    """
    by_page: dict[int, list[int]] = defaultdict(list)
    keys: dict[int, str] = {}
    for position, block in enumerate(blocks):
        by_page[block[0].page].append(position)
    found: dict[int, _Outline] = {}
    last = -1
    for entry in outline:
        wanted = _key(entry.title)
        if not wanted:
            continue
        for page in (entry.page, entry.page + 1):
            for position in by_page.get(page, ()):
                if position in found or len(blocks[position]) > 4:
                    continue
                if position not in keys:
                    keys[position] = _key(" ".join(line.text for line in blocks[position]))
                key = keys[position]
                if key == wanted or (key.endswith(wanted) and len(key) - len(wanted) < 12):
                    found[position] = entry
                    last = max(last, position)
                    break
            else:
                continue
            break
    return found


def _key(words: str) -> str:
    return "".join(char for char in words.casefold() if char.isalnum()).lstrip("0123456789")


def _read_outline(pdfium: Any, document: Any) -> Iterator[_Outline]:  # noqa: ANN401
    seen: set[int] = set()
    waiting = [(pdfium.FPDFBookmark_GetFirstChild(document, None), 1)]
    while waiting and len(seen) < 20_000:
        mark, level = waiting.pop()
        if not mark:
            continue
        address = ctypes.cast(mark, ctypes.c_void_p).value or 0
        if address in seen:
            continue
        seen.add(address)
        size = pdfium.FPDFBookmark_GetTitle(mark, None, 0)
        buffer = ctypes.create_string_buffer(size)
        pdfium.FPDFBookmark_GetTitle(mark, buffer, size)
        title = " ".join(buffer.raw[: max(0, size - 2)].decode("utf-16-le", "replace").split())
        target = pdfium.FPDFBookmark_GetDest(document, mark)
        page = pdfium.FPDFDest_GetDestPageIndex(document, target) if target else -1
        if title and page >= 0:
            yield _Outline(title, level, page)
        waiting.append((pdfium.FPDFBookmark_GetNextSibling(document, mark), level))
        if level < 30:
            waiting.append((pdfium.FPDFBookmark_GetFirstChild(document, mark), level + 1))


def _label(pdfium: Any, document: Any, number: int) -> str:  # noqa: ANN401
    size = pdfium.FPDF_GetPageLabel(document, number, None, 0)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    pdfium.FPDF_GetPageLabel(document, number, buffer, size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace")


def _meta(pdfium: Any, document: Any, name: str) -> str:  # noqa: ANN401
    size = pdfium.FPDF_GetMetaText(document, name.encode(), None, 0)
    buffer = ctypes.create_string_buffer(max(2, size))
    pdfium.FPDF_GetMetaText(document, name.encode(), buffer, size)
    return buffer.raw[: max(0, size - 2)].decode("utf-16-le", "replace")
