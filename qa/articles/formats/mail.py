"""Mail (.eml, .mbox) and web pages saved with all their parts (.mhtml) -> `Contents`."""

import re
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import getaddresses, parsedate_to_datetime

from qa.articles.formats.common.contents import (
    Contents,
    FormatError,
    TextWriter,
    join_names,
    stated,
)
from qa.articles.formats.common.markup import parse_html, walk_blocks, write_blocks
from qa.articles.formats.html import decode_html, read_html, without_declaration
from qa.places import HEADING

MAX_HEADER_BYTES = 64 * 1024
MAX_HEADERS = 500
MAX_PARTS = 1000
MAX_DEPTH = 30
MAX_MESSAGES = 20_000

_BOUNDARY = re.compile(rb"""boundary\s*=""", re.IGNORECASE)


def read_mail(data: bytes) -> Contents:
    """Read one message.

    Raises:
        FormatError: it is no message, has nothing in it to read, or more headers or parts than mail
            has.
    """
    message = parse_message(data)
    writer = TextWriter()
    notes = _write_message(writer, message)
    if not writer.blocks:
        raise FormatError(
            "holds no text: its content may be in an attachment; save that as a file of its own"
        )
    return writer.finish(
        title=_header(message, "Subject"),
        author=_names(message),
        date=_day(message),
        notes=notes,
    )


def read_mbox(data: bytes) -> Contents:
    """Read a mailbox: one article, each message under its subject.

    Raises:
        FormatError: there is no message with text in it.
    """
    writer = TextWriter()
    authors: list[str | None] = []
    messages = _split_mbox(data)
    if len(messages) > MAX_MESSAGES:
        raise FormatError(f"has {len(messages):,} messages (at most {MAX_MESSAGES:,}): split it")
    notes: list[str] = []
    for number, raw in enumerate(messages, 1):
        message = parse_message(raw)
        writer.begin_part(f"message {number}")
        writer.add(_header(message, "Subject") or f"Message {number}", kind=HEADING, level=1)
        byline = " · ".join(filter(None, (_names(message), _day(message))))
        writer.add(byline)
        notes += _write_message(writer, message)
        authors.append(_names(message))
    if not writer.blocks:
        raise FormatError("holds no message: it is empty, or of another kind")
    return writer.finish(
        author=join_names(authors) if len(set(authors)) == 1 else None, notes=tuple(notes[:10])
    )


def read_mhtml(data: bytes) -> Contents:
    """Read a page as browsers save it in one file.

    Raises:
        FormatError: there is no page in it.
    """
    message = parse_message(data)
    url = _header(message, "Snapshot-Content-Location")
    for part in _walk(message):
        if part.get_content_type() in ("text/html", "application/xhtml+xml"):
            body = part.get_payload(decode=True)
            where = url or _header(part, "Content-Location")
            is_address = where is not None and re.match(r"https?://", where) is not None
            charset = part.get_content_charset()
            return read_html(
                body if isinstance(body, bytes) else b"",
                encoding=charset,
                url=where if is_address else None,
            )
    raise FormatError("holds no web page: save it again from the browser")


def parse_message(data: bytes) -> EmailMessage:
    """Parse a message whose headers are short and whose parts are few.

    Raises:
        FormatError: they are not; parsing it might take all memory.
    """
    check_headers(data)
    parser = BytesParser(EmailMessage, policy=policy.default.clone(max_line_length=None))
    message = parser.parsebytes(data)
    return message


def check_headers(data: bytes) -> None:
    """Raise a FormatError for what no mail has: 64 KiB of one header, thousands of encoded words or
    of parts.
    """
    head = data[: _end_of_head(data)]
    if len(head) > MAX_HEADER_BYTES * 4 or any(
        len(line) > MAX_HEADER_BYTES for line in _headers(head)
    ):
        raise FormatError("has headers too long for mail: it is not read")
    if head.count(b"=?") > 5000:
        raise FormatError("has too many encoded words in its headers: it is not read")
    if len(_BOUNDARY.findall(data)) > MAX_PARTS:
        raise FormatError(f"has more than {MAX_PARTS:,} nested parts: it is not read")


def _end_of_head(data: bytes) -> int:
    ends = [at for at in (data.find(b"\n\n"), data.find(b"\r\n\r\n")) if at >= 0]
    return min(ends, default=len(data))


def _headers(head: bytes) -> list[bytes]:
    return re.split(rb"\r?\n(?![ \t])", head)


def _split_mbox(data: bytes) -> list[bytes]:
    starts = [
        match.start()
        for match in re.finditer(rb"^From [^\r\n]*\r?\n(?=[A-Za-z-]+:)", data, re.MULTILINE)
    ]
    raws = [data[start:end] for start, end in zip(starts, [*starts[1:], len(data)], strict=True)]
    return [
        re.sub(rb"^>(>*From )", rb"\1", raw.partition(b"\n")[2], flags=re.MULTILINE) for raw in raws
    ]


def _write_message(writer: TextWriter, message: EmailMessage) -> tuple[str, ...]:
    """The body, plain where there is a plain one that says something; returns what was left out."""
    attached = 0
    plain: list[EmailMessage] = []
    pages: list[EmailMessage] = []
    for part in _walk(message):
        kind = part.get_content_type()
        if part.get_content_disposition() == "attachment" or part.get_filename():
            attached += 1
        elif kind == "text/plain":
            plain.append(part)
        elif kind == "text/html":
            pages.append(part)
    if any(_text(part).strip() for part in plain):
        for part in plain:
            is_flowed = part.get_param("format") == "flowed"
            for words in split_paragraphs(_text(part), is_flowed=is_flowed):
                writer.add(words)
    else:
        for part in pages:
            body = part.get_payload(decode=True)
            text = decode_html(body if isinstance(body, bytes) else b"", part.get_content_charset())
            if text.strip():
                write_blocks(writer, walk_blocks(parse_html(without_declaration(text))))
    return (
        (f"{attached} attachment(s) not read: save them as files of their own",) if attached else ()
    )


def split_paragraphs(text: str, *, is_flowed: bool = False) -> Iterator[str]:
    """Paragraphs of a message; lines that end in a space flow into the next where it says so (RFC
    3676).
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if is_flowed:
        text = re.sub(r"(?<!^--) \n(?!\n|>|-- \n)", " ", text, flags=re.MULTILINE)
    for paragraph in re.split(r"\n[ \t]*\n", text):
        if paragraph.strip():
            yield paragraph


def _walk(message: EmailMessage) -> Iterator[EmailMessage]:
    waiting: list[tuple[EmailMessage, int]] = [(message, 0)]
    count = 0
    while waiting:
        part, depth = waiting.pop()
        count += 1
        if count > MAX_PARTS or depth > MAX_DEPTH:
            raise FormatError("has more parts within parts than mail has: it is not read")
        if part.is_multipart():
            below = part.get_payload()
            parts = below if isinstance(below, list) else []
            waiting.extend(
                (one, depth + 1) for one in reversed(parts) if isinstance(one, EmailMessage)
            )
        else:
            yield part


def _text(part: EmailMessage) -> str:
    body = part.get_payload(decode=True)
    data = body if isinstance(body, bytes) else b""
    for name in (part.get_content_charset(), "utf-8"):
        try:
            if name:
                return data.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("cp1252", "replace")


def _header(message: EmailMessage, name: str) -> str | None:
    try:
        return stated(str(message.get(name) or ""))
    except (
        ValueError,
        LookupError,
        IndexError,
        AttributeError,
        TypeError,
    ):  # headers that the library cannot parse
        return None


def _names(message: EmailMessage) -> str | None:
    value = _header(message, "From")
    return join_names(name or address for name, address in getaddresses([value])) if value else None


def _day(message: EmailMessage) -> str | None:
    value = _header(message, "Date")
    try:
        return parsedate_to_datetime(value).date().isoformat() if value else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
