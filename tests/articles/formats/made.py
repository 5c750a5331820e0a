"""Small files of every format, made in the test itself."""

import io
import zipfile
from collections.abc import Iterable, Sequence
from hashlib import md5

Text = tuple[float, float, float, str]
"""x, y, size of the letters, words: one line of a page."""


def make_pdf(
    pages: Sequence[Sequence[Text]],
    *,
    outline: Sequence[tuple[str, int]] = (),
    first_label: int | None = None,
    title: str = "",
) -> bytes:
    """A PDF with lines at their places; `outline` has titles and pages counted from 0."""
    objects: list[bytes] = []

    def add(body: str | bytes) -> int:
        objects.append(body.encode("latin-1") if isinstance(body, str) else body)
        return len(objects)

    catalog, tree = add(""), add("")
    font = add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    kids = []
    for lines in pages:
        drawn = "".join(
            f"BT /F1 {size} Tf {x} {y} Td ({words.translate(_ESCAPES)}) Tj ET\n"
            for x, y, size, words in lines
        ).encode("cp1252")
        stream = add(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn))
        kids.append(
            add(
                f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 595 842] /Contents {stream} 0 R"
                f" /Resources << /Font << /F1 {font} 0 R >> >> >>"
            )
        )
    objects[tree - 1] = (
        f"<< /Type /Pages /Count {len(kids)} "
        f"/Kids [{' '.join(f'{kid} 0 R' for kid in kids)}] >>".encode()
    )
    extra = ""
    if outline:
        root = add("")
        first = len(objects) + 1
        for number, (entry, page) in enumerate(outline):
            links = f" /Prev {first + number - 1} 0 R" if number else ""
            links += f" /Next {first + number + 1} 0 R" if number + 1 < len(outline) else ""
            add(
                f"<< /Title ({entry}) /Parent {root} 0 R /Dest [{kids[page]} 0 R /XYZ 0 800 "
                f"0]{links} >>"
            )
        objects[root - 1] = (
            f"<< /Type /Outlines /First {first} 0 R /Last {len(objects)} 0 R >>".encode()
        )
        extra += f" /Outlines {root} 0 R"
    if first_label is not None:
        extra += f" /PageLabels << /Nums [0 << /S /D /St {first_label} >>] >>"
    objects[catalog - 1] = f"<< /Type /Catalog /Pages {tree} 0 R{extra} >>".encode()
    info = add(f"<< /Title ({title}) /CreationDate (D:20240309120000Z) >>")
    return _assemble(objects, f"/Root {catalog} 0 R /Info {info} 0 R")


_ESCAPES = str.maketrans({"(": r"\(", ")": r"\)", "\\": r"\\"})


def make_locked_pdf(words: str, password: str) -> bytes:
    """A PDF of one line, encrypted by the standard's first method (RC4 of 40 bits)."""
    padding = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
    padded = (password.encode("latin-1") + padding)[:32]
    owner = _rc4(md5(padded).digest()[:5], padded)
    key = md5(padded + owner + b"\xfc\xff\xff\xff" + b"0123456789abcdef").digest()[:5]
    drawn = f"BT /F1 12 Tf 72 720 Td ({words}) Tj ET".encode("latin-1")
    stream = _rc4(md5(key + b"\x04\0\0" + b"\0\0").digest()[:10], drawn)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources"
        b" << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>"
        % (owner.hex().encode(), _rc4(key, padding).hex().encode()),
    ]
    identity = b"0123456789abcdef"
    return _assemble(objects, f"/Root 1 0 R /Encrypt 5 0 R /ID [<{identity.hex()}> <00>]")


def _rc4(key: bytes, data: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out = bytearray()
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def _assemble(objects: Sequence[bytes], trailer: str) -> bytes:
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += f"trailer\n<< /Size {len(objects) + 1} {trailer} >>\n".encode()
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def column(
    lines: Iterable[str], *, x: float = 72, top: float = 740, size: float = 10, step: float = 12
) -> list[Text]:
    """Lines one below the other."""
    return [(x, top - step * number, size, line) for number, line in enumerate(lines)]


def make_zip(members: dict[str, str | bytes]) -> bytes:
    """An archive; what comes first is stored unpacked, as EPUB and OpenDocument want their type."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, content) in enumerate(members.items()):
            archive.writestr(
                name, content, zipfile.ZIP_STORED if number == 0 else zipfile.ZIP_DEFLATED
            )
    return out.getvalue()


_WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def make_docx(body: str, *, footnotes: str = "", core: str = "") -> bytes:
    """A Word file with this inside `w:body`; style "Heading1" is a heading."""
    members: dict[str, str | bytes] = {
        "[Content_Types].xml": "<Types/>",
        "word/document.xml": f"<w:document {_WORD}><w:body>{body}</w:body></w:document>",
        "word/styles.xml": f"<w:styles {_WORD}>"
        '<w:style w:styleId="Heading1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="Heading2"><w:name w:val="heading 2"/></w:style></w:styles>',
    }
    if footnotes:
        members["word/footnotes.xml"] = f"<w:footnotes {_WORD}>{footnotes}</w:footnotes>"
    if core:
        members["docProps/core.xml"] = (
            '<p xmlns:dc="http://purl.org/dc/elements/1.1/" '
            f'xmlns:t="http://purl.org/dc/terms/">{core}</p>'
        )
    return make_zip(members)


def word_paragraph(*runs: str, style: str = "") -> str:
    """A paragraph of plain runs."""
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    inside = "".join(run if run.startswith("<") else f"<w:r><w:t>{run}</w:t></w:r>" for run in runs)
    return f"<w:p>{properties}{inside}</w:p>"


def make_odt(body: str, *, meta: str = "") -> bytes:
    """An OpenDocument text with this inside `office:text`."""
    names = (
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
        ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
        ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:meta="urn:oasis:names:tc:opendocument:xmlns:meta:1.0"'
    )
    return make_zip(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f"<office:document-content {names}><office:body><office:text>"
            f"{body}</office:text>"
            "</office:body></office:document-content>",
            "meta.xml": f"<office:document-meta {names}><office:meta>{meta}</office:meta>"
            "</office:document-meta>",
        }
    )


def make_epub(
    chapters: dict[str, str],
    *,
    title: str = "A Book",
    creator: str = "Ann Lee",
    dates: str = "<dc:date>0101-01-01</dc:date>",
) -> bytes:
    """A book: file name -> what is inside `<body>`."""
    items = "".join(
        f'<item id="c{n}" href="{name}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    members: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:'
        'container"><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>',
        "OPS/book.opf": '<package xmlns="http://www.idpf.org/2007/opf" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<metadata><dc:title>{title}</dc:title><dc:creator>{creator}</dc:creator>"
        f"{dates}<dc:language>en</dc:language></metadata>"
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>",
    }
    for name, body in chapters.items():
        members[f"OPS/{name}"] = (
            f'<html xmlns="http://www.w3.org/1999/xhtml"><body>{body}</body></html>'
        )
    return make_zip(members)
