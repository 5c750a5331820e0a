"""PDF -> text by lines, columns and paragraphs, each line with the characters of the page that it
is.

Running heads and page numbers are left out, lines joined to paragraphs, hyphens at line ends
undone where the document itself knows the word, headings taken from the outline.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from qa.articles.formats.common.contents import (
    Contents,
    FormatError,
    TextWriter,
    stated,
    stated_date,
)
from qa.articles.formats.pdf.document import (
    Bookmark,
    open_document,
    read_label,
    read_meta,
    read_outline,
)
from qa.articles.formats.pdf.joining import Vocabulary
from qa.articles.formats.pdf.lines import Line, read_page
from qa.articles.formats.pdf.paragraphs import BULLET, find_kind, group_lines
from qa.articles.formats.pdf.running_heads import drop_running_heads
from qa.places import BODY, CODE, HEADING, LineRow

MAX_PAGES = 2000
_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}


def read_pdf(data: bytes, *, password: str | None = None) -> Contents:
    """Read a PDF.

    Raises:
        PasswordNeeded: it is encrypted.
        FormatError: it is damaged, or its pages have no text.
    """
    with open_document(data, password) as (pdfium, document):
        pages = pdfium.FPDF_GetPageCount(document)
        lines: list[Line] = []
        heights: list[float] = []
        for number in range(min(pages, MAX_PAGES)):
            height, found = read_page(pdfium, document, number)
            heights.append(height)
            lines += found
        labels = tuple(
            read_label(pdfium, document, number) for number in range(min(pages, MAX_PAGES))
        )
        outline = list(read_outline(pdfium, document))
        about = {
            "title": stated(read_meta(pdfium, document, "Title")),
            "author": stated(read_meta(pdfium, document, "Author")),
            "date": stated_date(read_meta(pdfium, document, "CreationDate")),
        }
    _check_text(lines, pages)
    notes = (
        (f"only {MAX_PAGES:,} of its {pages:,} pages were read: split it",)
        if pages > MAX_PAGES
        else ()
    )
    body = drop_running_heads(lines, heights, labels, outline)
    return _write(body, outline).finish(labels=labels, notes=notes, **about)


def _check_text(lines: Sequence[Line], pages: int) -> None:
    """Raise a FormatError where there are no letters, or most have no known character."""
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


def _write(lines: Sequence[Line], outline: Sequence[Bookmark]) -> TextWriter:
    writer = TextWriter()
    blocks = list(group_lines(lines))
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[round(line.size, 1)] += len(line.text)
    body_size = sizes.most_common(1)[0][0] if sizes else 0.0
    vocabulary = Vocabulary(lines)
    found = _anchor_outline(blocks, outline)
    for position, block in enumerate(blocks):
        entry = found.get(position)
        kind = find_kind(block, body_size) if entry is None else HEADING
        if entry is not None:
            writer.open_section(entry.title, entry.level)
        _write_block(writer, block, kind, vocabulary)
    return writer


def _anchor_outline(
    blocks: Sequence[Sequence[Line]], outline: Sequence[Bookmark]
) -> dict[int, Bookmark]:
    """Number of a block -> the entry of the outline whose heading it is; compared by words, since
    columns mix heights.
    """
    by_page: dict[int, list[int]] = defaultdict(list)
    keys: dict[int, str] = {}
    for position, block in enumerate(blocks):
        by_page[block[0].page].append(position)
    found: dict[int, Bookmark] = {}
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


def _write_block(
    writer: TextWriter, block: Sequence[Line], kind: int, vocabulary: Vocabulary
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
    bullet = BULLET.match(words) if kind == BODY else None
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
