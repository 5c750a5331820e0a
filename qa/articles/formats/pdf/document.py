"""The bytes of a PDF -> PDFium's handle of the document, its outline, page labels and metadata."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from qa.articles.formats.common.contents import FormatError, PasswordNeeded


class Bookmark(NamedTuple):
    """An entry of the outline: a heading and where it leads."""

    title: str
    level: int
    """1 is the highest."""
    page: int
    """Counted from 0."""


@contextmanager
def open_document(data: bytes, password: str | None = None) -> Iterator[tuple[Any, Any]]:
    """Yield the library PDFium and its handle of the document, which is closed afterwards.

    Raises:
        PasswordNeeded, FormatError: it cannot be opened.
    """
    import pypdfium2.raw as pdfium

    pdfium.FPDF_InitLibrary()
    document = pdfium.FPDF_LoadMemDocument64(
        data, len(data), password.encode() if password else None
    )
    if document:
        try:
            yield pdfium, document
        finally:
            pdfium.FPDF_CloseDocument(document)
        return
    error = pdfium.FPDF_GetLastError()
    if error == pdfium.FPDF_ERR_PASSWORD:
        wrong = "the password does not open it" if password else "is encrypted"
        raise PasswordNeeded(f"{wrong}: give its password (`--password`), or save a copy without")
    if error == pdfium.FPDF_ERR_SECURITY:
        raise FormatError("has a protection that is not known here: save a copy without")
    raise FormatError("is damaged or cut short (data format error): get it again")


def read_outline(pdfium: Any, document: Any) -> Iterator[Bookmark]:
    """The entries of the outline in their order; those that lead nowhere are left out."""
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
            yield Bookmark(title, level, page)
        waiting.append((pdfium.FPDFBookmark_GetNextSibling(document, mark), level))
        if level < 30:
            waiting.append((pdfium.FPDFBookmark_GetFirstChild(document, mark), level + 1))


def read_label(pdfium: Any, document: Any, number: int) -> str:
    """The number that is printed on a page, counted from 0, such as "iv"; empty where none is
    stated.
    """
    size = pdfium.FPDF_GetPageLabel(document, number, None, 0)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    pdfium.FPDF_GetPageLabel(document, number, buffer, size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace")


def read_meta(pdfium: Any, document: Any, name: str) -> str:
    """A field of the document's metadata, such as "Title"; empty where it has none."""
    size = pdfium.FPDF_GetMetaText(document, name.encode(), None, 0)
    buffer = ctypes.create_string_buffer(max(2, size))
    pdfium.FPDF_GetMetaText(document, name.encode(), buffer, size)
    return buffer.raw[: max(0, size - 2)].decode("utf-16-le", "replace")
