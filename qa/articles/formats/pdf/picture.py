"""A page of a PDF -> a picture of it, and the boxes about some of its characters."""

import ctypes
import struct
import zlib
from collections.abc import Sequence
from typing import Any

from qa.articles.formats.common.contents import FormatError
from qa.articles.formats.pdf.document import open_document

MAX_PIXELS = 12_000_000
MAX_BOXES = 500


def draw_page(
    data: bytes,
    *,
    page: int,
    width: int = 900,
    ranges: Sequence[Sequence[int]] = (),
    password: str | None = None,
) -> tuple[bytes, dict[str, Any]]:
    """Draw one page (counted from 0), `width` pixels wide, without running anything that is in it.

    Args:
        data: the PDF.
        page: which page.
        width: pixels.
        ranges: (first character, how many) on this page, to be boxed.
        password: where it needs one.

    Returns:
        A PNG; and "pages", "width", "height" and "boxes": [left, top, right, bottom] of each line
        of the ranges, as shares of width and height.
    """
    with open_document(data, password) as (pdfium, document):
        pages = pdfium.FPDF_GetPageCount(document)
        handle = pdfium.FPDF_LoadPage(document, page) if 0 <= page < pages else None
        if not handle:
            raise FormatError(f"has no page {page + 1} that can be shown")
        try:
            across, down = pdfium.FPDF_GetPageWidthF(handle), pdfium.FPDF_GetPageHeightF(handle)
            if not (across > 0 and down > 0):
                raise FormatError(f"has no size on page {page + 1}")
            height = max(1, round(width * down / across))
            if width * height > MAX_PIXELS:
                width, height = (
                    max(1, int(width * MAX_PIXELS / (width * height))),
                    max(1, MAX_PIXELS // width),
                )
            boxes = _find_boxes(pdfium, handle, ranges)
            return _render(pdfium, handle, width, height), {
                "pages": pages,
                "width": width,
                "height": height,
                "boxes": boxes,
            }
        finally:
            pdfium.FPDF_ClosePage(handle)


def _find_boxes(
    pdfium: Any,
    page: Any,
    ranges: Sequence[Sequence[int]],
) -> list[list[float]]:
    """One box for each range of characters on one line, as `draw_page` returns them."""
    text = pdfium.FPDFText_LoadPage(page)
    if not text:
        return []
    found: list[list[float]] = []
    sides = [ctypes.c_double() for _ in range(4)]
    try:
        for first, count in ranges:
            merged: list[float] | None = None
            for number in range(
                min(MAX_BOXES, max(0, pdfium.FPDFText_CountRects(text, first, count)))
            ):
                left, top, right, bottom = sides
                pdfium.FPDFText_GetRect(text, number, left, top, right, bottom)
                box = _to_shares(pdfium, page, [side.value for side in sides])
                # A range is one line: its pieces (one for each change of font) are one box.
                merged = (
                    box
                    if merged is None
                    else [
                        min(merged[0], box[0]),
                        min(merged[1], box[1]),
                        max(merged[2], box[2]),
                        max(merged[3], box[3]),
                    ]
                )
            if merged and len(found) < MAX_BOXES:
                found.append([round(side, 5) for side in merged])
    finally:
        pdfium.FPDFText_ClosePage(text)
    return found


def _to_shares(pdfium: Any, page: Any, box: Sequence[float]) -> list[float]:
    """[left, top, right, bottom] in the page's points -> shares of the picture, turned as the page
    is.
    """
    scale = 100_000
    corners = []
    for x, y in ((box[0], box[1]), (box[2], box[3])):
        across, down = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDF_PageToDevice(page, 0, 0, scale, scale, 0, x, y, across, down)
        corners.append((across.value / scale, down.value / scale))
    (x0, y0), (x1, y1) = corners
    return [min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)]


def _render(pdfium: Any, page: Any, width: int, height: int) -> bytes:
    bitmap = pdfium.FPDFBitmap_CreateEx(width, height, pdfium.FPDFBitmap_BGR, None, 0)
    if not bitmap:
        raise MemoryError
    try:
        pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, 0xFFFFFFFF)
        flags = pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER
        pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, width, height, 0, flags)
        stride = pdfium.FPDFBitmap_GetStride(bitmap)
        pixels = ctypes.string_at(pdfium.FPDFBitmap_GetBuffer(bitmap), stride * height)
    finally:
        pdfium.FPDFBitmap_Destroy(bitmap)
    rows = b"".join(
        b"\x00" + pixels[row * stride : row * stride + 3 * width] for row in range(height)
    )
    return encode_png(width, height, rows)


def encode_png(width: int, height: int, rows: bytes) -> bytes:
    """A PNG (RFC 2083) of rows of RGB pixels, each behind the number of its filter."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows, 4))
        + chunk(b"IEND", b"")
    )
