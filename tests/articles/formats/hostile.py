"""Thirty files made to harm who reads them: name -> bytes."""

import io
import struct
import zlib
from collections.abc import Iterator

from tests.articles.formats.made import (
    column,
    make_docx,
    make_epub,
    make_odt,
    make_pdf,
    make_zip,
    word_paragraph,
)

_LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{"".join([f"&{chr(97 + n)};"] * 10)}">' for n in range(9)
)
WORDS = "<p>Ducks swim on lakes and ponds, and they feed on plants and insects there.</p>"


def hostile_files() -> Iterator[tuple[str, bytes]]:
    """What to try, the quick ones first."""
    yield from _archives()
    yield from _pages()
    yield from _mail()
    yield from _pdfs()
    yield "empty.pdf", b""
    yield "nothing.docx", b"PK\x05\x06" + b"\0" * 18
    yield "lying.pdf", b"\x89PNG\r\n\x1a\n" + b"\0" * 100
    yield "lying.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
    yield "groups.rtf", b"{\\rtf1 " + b"{" * 2_500_000
    yield (
        "many.rss",
        b"<rss><channel>" + b"<item><title>a</title></item>" * 60_000 + b"</channel></rss>",
    )
    yield (
        "laughs.rss",
        f"{_LAUGHS}]><rss><channel><title>&j;</title></channel></rss>".encode(),
    )


def _archives() -> Iterator[tuple[str, bytes]]:
    types = {"[Content_Types].xml": "<Types/>"}
    yield "bomb.docx", make_zip({**types, "word/document.xml": b" " * (70 * 2**20)})
    yield "laughs.docx", make_zip({**types, "word/document.xml": f"{_LAUGHS}]><x>&j;</x>"})
    yield (
        "external.docx",
        make_zip(
            {
                **types,
                "word/document.xml": '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
                "<x>&f;</x>",
            }
        ),
    )
    yield (
        "members.docx",
        make_zip({**types, "word/document.xml": "<x/>", **{f"m{n}": b"" for n in range(10_001)}}),
    )
    yield "deep.docx", make_zip({**types, "word/document.xml": "<w>" * 200_000 + "</w>" * 200_000})
    yield "truncated.docx", make_docx(word_paragraph("Ducks swim."))[:-60]
    yield "encrypted.docx", _flag_encrypted(make_docx(word_paragraph("Ducks swim.")))
    yield "crc.docx", _break_checksum(make_docx(word_paragraph("Ducks swim.")))
    yield (
        "lying-size.docx",
        _lie_about_size(make_zip({**types, "word/document.xml": b" " * (70 * 2**20)})),
    )
    yield "missing.odt", make_zip({"mimetype": "application/vnd.oasis.opendocument.text"})
    yield "laughs.odt", make_odt("<text:p>x</text:p>").replace(b"\0\0", b"\0\0")[:-10]
    yield "loop.epub", make_epub({"one.xhtml": ""})
    yield (
        "climbing.epub",
        make_epub({"../../../../etc/passwd": WORDS}).replace(b"OPS/../", b"OPS/../"),
    )


def _flag_encrypted(data: bytes) -> bytes:
    return data.replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00"
    )


def _break_checksum(data: bytes) -> bytes:
    at = data.index(b"word/document.xml") + 40
    return data[:at] + bytes(byte ^ 0xFF for byte in data[at : at + 8]) + data[at + 8 :]


def _lie_about_size(data: bytes) -> bytes:
    return data.replace(struct.pack("<I", 70 * 2**20), struct.pack("<I", 100))


def _pages() -> Iterator[tuple[str, bytes]]:
    yield "deep.html", b"<html>" + b"<div>" * 100_000 + WORDS.encode()
    yield (
        "attributes.html",
        b"<html><p " + b" ".join(b"a%d=1" % n for n in range(300_000)) + b">" + WORDS.encode(),
    )
    yield "long.html", b"<html><p>" + b"x" * 20_100_000
    yield "tables.html", b"<html>" + b"<table><tr><td>" * 3_000 + WORDS.encode()
    yield "many.html", b"<html>" + b"<b>" * 2_500_000


def _mail() -> Iterator[tuple[str, bytes]]:
    yield (
        "words.eml",
        b"From: a@b\nSubject: " + b"\n ".join([b"=?utf-8?q?a?="] * 100_000) + b"\n\ntext",
    )
    yield "header.eml", b"From: a@b\nSubject: " + b"a" * 5_000_000 + b"\n\ntext"
    nested = b"text"
    for n in range(200):
        nested = b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n%s\n--b%d--\n' % (
            n,
            n,
            nested,
            n,
        )
    yield "nested.eml", b"From: a@b\nSubject: x\n" + nested


def _pdfs() -> Iterator[tuple[str, bytes]]:
    whole = make_pdf([column(["Ducks swim on lakes."])])
    yield "truncated.pdf", whole[: len(whole) // 2]
    yield "no-tail.pdf", b"%PDF-1.7\n" + b"\0" * 5000
    yield "pages-loop.pdf", whole.replace(b"/Kids [5 0 R]", b"/Kids [2 0 R]")
    yield "stream-bomb.pdf", _bomb_pdf()
    yield "many-pages.pdf", _many_pages(300_000)


def _bomb_pdf() -> bytes:
    """A page whose drawing unpacks to 1.5 GB, through two filters."""
    pack = zlib.compressobj(9)
    head = pack.compress(b"") + pack.flush(zlib.Z_FULL_FLUSH)
    # After a full flush nothing refers back: what one megabyte packs to can be repeated.
    megabyte = pack.compress(b"\n" * 2**20) + pack.flush(zlib.Z_FULL_FLUSH)
    once = head + megabyte * 1500 + b"\x03\x00"
    stream = zlib.compress(once, 9)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>",
        b"<< /Length %d /Filter [/FlateDecode /FlateDecode] >>\nstream\n%s\nendstream"
        % (len(stream), stream),
    ]
    return _put_together(objects)


def _many_pages(count: int) -> bytes:
    kids = b" ".join([b"3 0 R"] * count)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (count, kids),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> "
        b">> >> >>",
        b"<< /Length 42 >>\nstream\nBT /F1 12 Tf 72 720 Td (Ducks swim.) Tj ET \nendstream",
    ]
    return _put_together(objects)


def _put_together(objects: list[bytes]) -> bytes:
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.writelines(b"%010d 00000 n \n" % place for place in places)
    out.write(
        b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    )
    return out.getvalue()
