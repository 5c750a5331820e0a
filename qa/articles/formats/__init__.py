"""Formats: files as people have them (PDF, web pages, Office, mail, ...) -> `Contents`.

In: the bytes of a file. Out: its text, and where each part of the text stands in the file. May
import: places.

To add a format, write a module beside these with one function, bytes -> `Contents`, and add a line
to `FORMATS`, with the bytes that its files begin with. Plain text and Markdown are read by
`qa.articles.read` itself.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module, metadata, util
from pathlib import PurePath
from typing import Any

from qa.articles.formats.common.contents import Contents, FormatError, PasswordNeeded

PLAIN_SUFFIXES = (".txt", ".md")


@dataclass(frozen=True, slots=True)
class Format:
    """One format of files."""

    name: str
    """What people call it."""
    suffixes: tuple[str, ...]
    reader: str
    """Module and function, as in "pdf.read:read_pdf"."""
    library: str
    """Package on PyPI that reads it."""
    needs: str = ""
    """Module to be installed, where an extra brings it."""
    extra: str = ""
    signature: bytes = b""
    """The bytes that every file of this format begins with, if there are such."""
    is_known_by_name: bool = False
    """Whether the name alone tells the format, where the bytes fit no other."""
    header: frozenset[str] = frozenset()
    """Which of title, author and date are rather what the text says above its first paragraph than
    what the file's properties say; where this is empty, the text is not asked."""
    version: int = 1
    """Version of our own code; raise it whenever it may read another text from the same file."""

    @property
    def is_available(self) -> bool:
        """Whether what reads it is installed."""
        return not self.needs or util.find_spec(self.needs) is not None

    @property
    def reader_version(self) -> str:
        """Changes whenever the same file may be read as another text."""
        module = self.reader.partition(".")[0].partition(":")[0]
        return f"{module} {self.version}, {self.library} {_library_version(self.library)}"

    def read(self, data: bytes, **options: Any) -> Contents:
        """Read a file of this format in this process; use `pool.read_isolated` for files of unknown
        origin.
        """
        module, _, function = self.reader.partition(":")
        contents: Contents = getattr(import_module(f"{__name__}.{module}"), function)(
            data, **options
        )
        return contents


# Programs fill in the properties of a document: the owner of the computer, the day it was saved. Of
# a book they are its publisher's, but for the date, which converters set.
_DOCUMENT = frozenset(("title", "author", "date"))
_BOOK = frozenset(("date",))

FORMATS = (
    Format("PDF", (".pdf",), "pdf.read:read_pdf", "pypdfium2"),
    Format(
        "web page",
        (".html", ".htm", ".xhtml"),
        "html:read_html",
        "trafilatura",
        is_known_by_name=True,  # pieces of pages
    ),
    Format("saved web page", (".mhtml", ".mht"), "mail:read_mhtml", "trafilatura"),
    Format("Word", (".docx",), "docx:read_docx", "lxml", header=_DOCUMENT, version=2),
    Format("OpenDocument", (".odt",), "odt:read_odt", "lxml", header=_DOCUMENT, version=2),
    Format("EPUB", (".epub",), "epub:read_epub", "lxml", header=_BOOK, version=2),
    # Headers of any kind.
    Format("mail", (".eml",), "mail:read_mail", "lxml", is_known_by_name=True),
    Format("mailbox", (".mbox",), "mail:read_mbox", "lxml"),
    Format(
        "RTF",
        (".rtf",),
        "rtf:read_rtf",
        "striprtf",
        needs="striprtf",
        extra="rtf",
        signature=b"{\\rtf",
        header=_DOCUMENT,
        version=2,
    ),
    Format(
        "feed",
        (".rss", ".atom", ".xml"),
        "feed:read_feed",
        "feedparser",
        needs="feedparser",
        extra="feeds",
    ),
)
BY_NAME = {form.name: form for form in FORMATS}
SUFFIXES = tuple(suffix for form in FORMATS for suffix in form.suffixes)

_ZIPPED = (
    (b"mimetypeapplication/epub+zip", "EPUB"),
    (b"mimetypeapplication/vnd.oasis.opendocument.text", "OpenDocument"),
)
_REFUSED = (
    (
        b"mimetypeapplication/vnd.oasis.opendocument",
        "is an OpenDocument file, but no text: save it as PDF",
    ),
    (b"xl/workbook", "is a spreadsheet: save it as PDF"),
    (b"ppt/presentation", "is a presentation: save it as PDF"),
    (b"Index/Document.iwa", "is a Pages document: export it as DOCX or PDF"),
)
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*")
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.I | re.S,
)
_FEED = re.compile(
    rb"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*|<\?.*?\?>\s*)*<(?:rss|feed|rdf:RDF)\b", re.I | re.S
)
_HEADERS = re.compile(rb"(?:[A-Za-z][A-Za-z0-9-]{1,60}:[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*){2}")
_MAILISH = re.compile(
    rb"^(?:from|to|date|subject|message-id|received|mime-version|return-path):", re.I | re.M
)


def detect_format(data: bytes, name: str) -> Format | None:
    """The format of a file by its first bytes, and by its name where those fit several formats;
    None for plain text.

    Raises:
        FormatError: it is of a kind that cannot be read; the message says what to do.
    """
    head = data[:4096].removeprefix(b"\xef\xbb\xbf")
    suffix = PurePath(name).suffix.lower()
    if b"%PDF-" in head[:1024]:
        return BY_NAME["PDF"]
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _detect_zipped(data)
    if data.startswith(_OLD_OFFICE):
        raise FormatError(
            "is a file of old Office, or an encrypted one: save it as DOCX without a password"
        )
    if head.startswith(_PICTURES):
        raise FormatError("is a picture: run OCR over it and add the text")
    for form in FORMATS:
        if form.signature and head.startswith(form.signature):
            return form
    if suffix in PLAIN_SUFFIXES:
        return None
    if _FEED.match(head):
        return BY_NAME["feed"]
    if _HTML.match(head):
        return BY_NAME["web page"]
    if suffix in (".mbox",) and head.startswith(b"From "):
        return BY_NAME["mailbox"]
    if _HEADERS.match(head) and _MAILISH.search(head):
        is_page = (
            re.search(rb"^content-type:\s*multipart/related", head, re.I | re.M)
            and suffix != ".eml"
        )
        return BY_NAME["saved web page" if is_page else "mail"]
    by_suffix = next((form for form in FORMATS if suffix in form.suffixes), None)
    if by_suffix is None:
        raise FormatError(
            f"is not a kind of article that can be read ({', '.join(known_suffixes())}): convert it"
        )
    if by_suffix.is_known_by_name:
        return by_suffix
    raise FormatError(
        f"is named {suffix}, but holds something else: name it for what it is, or get it again"
    )


def find_format(name: str) -> Format | None:
    """The format of this name, if there is one."""
    return BY_NAME.get(name)


def known_suffixes() -> tuple[str, ...]:
    """Suffixes of all files that can be read, sorted."""
    return tuple(sorted({*PLAIN_SUFFIXES, *SUFFIXES}))


def is_misnamed(form: Format | None, name: str) -> bool:
    """Whether a file's suffix belongs to another format than its content."""
    suffix = PurePath(name).suffix.lower()
    return suffix not in (form.suffixes if form else PLAIN_SUFFIXES)


def _detect_zipped(data: bytes) -> Format:
    for mark, name in _ZIPPED:
        if mark in data[:200]:
            return BY_NAME[name]
    for mark, reason in _REFUSED:
        if mark in data:
            raise FormatError(reason)
    if b"word/" in data:
        return BY_NAME["Word"]
    if b"META-INF/container.xml" in data:
        return BY_NAME["EPUB"]
    if b"content.xml" in data and b"meta.xml" in data:
        return BY_NAME["OpenDocument"]
    raise FormatError("is an archive: unpack it, and add what is in it")


@cache
def _library_version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "missing"


__all__ = [
    "FORMATS",
    "SUFFIXES",
    "Contents",
    "Format",
    "FormatError",
    "PasswordNeeded",
    "detect_format",
]
