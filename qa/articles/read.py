r"""Files -> articles: their text, decoded once, with title, author, date and language.

`Article.text` of plain text is the file's text with `\r\n` and `\r` as `\n`, without a byte-order
mark and NUL characters; of other formats it is what their reader (`formats/`) takes from the file.
"""

import codecs
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from textwrap import shorten
from typing import Any, NamedTuple
from unicodedata import category

from qa.articles.blocks import split_blocks
from qa.articles.dates import parse_date
from qa.articles.formats import (
    PLAIN_SUFFIXES,
    Format,
    FormatError,
    PasswordNeeded,
    detect_format,
    find_format,
    is_misnamed,
)
from qa.articles.formats import SUFFIXES as _FORMATTED
from qa.articles.formats.common.contents import Contents
from qa.articles.header import Header, read_header
from qa.articles.isolation.pool import read_isolated
from qa.articles.web.register import find_address
from qa.errors import ArticleError, ArticleLocked, QAError
from qa.places import HEADING, Origin
from qa.types import Article

MAX_BYTES = 16 * 2**20
"""Limit for plain text; the Bible has 4.5 million bytes."""
MAX_FORMATTED_BYTES = 100 * 2**20
"""Limit for files with pictures and fonts; the process that reads one has ten times this memory."""
SUFFIXES = (*PLAIN_SUFFIXES, *_FORMATTED)
"""Of files that are read as articles."""
_BOMS = (
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_FRONT_MATTER = re.compile(r"---[ \t]*\n(?P<yaml>(?:.*\n)*?)(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
# Tells front matter from text that happens to stand between two horizontal rules.
_FRONT_MATTER_KEY = re.compile(
    r"^[\"']?(?:aliases|authors?|by|byline|categor(?:y|ies)|date|description|draft|id|keywords"
    r"|lang|language|layout|link"
    r"|permalink|published|slug|source|subtitle|summary|tags|title|type|updated"
    r"|url)[\"']?[ \t]*:(?:\s|$)",
    re.IGNORECASE | re.MULTILINE,
)
_UNFIT_FOR_NAMES = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories: controls, lone surrogates, line and paragraph separators."""
# Titles that programs put where the author gave none.
_PROGRAM_TITLE = re.compile(
    r"(?i)(?:untitled|microsoft word|document\d*$|.*\.(?:docx?|tex|dvi|indd)$)"
)
# What stands for an author where nobody gave a name.
_PROGRAM_AUTHOR = re.compile(
    r"(?i)(?:unknown|author|user|owner|admin(?:istrator)?|(?:microsoft|windows) (?:office )?user"
    r"|python-docx|calibre\b.*)"
)
_MAX_TITLE_CHARS = 200
_MAX_STATED_CHARS = 500
"""Limit for an author or address in front matter."""
_MAX_DATE_CHARS = 40
_MAX_FRONT_MATTER = 64 * 2**10
"""Longer front matter is taken for text: parsing YAML takes seconds per megabyte."""
_LANGUAGE_SAMPLE = 4000
_HEADER_SAMPLE = 20_000
"""Characters in which a title is looked for. They are split into blocks here, and again with the
whole text when that is split: .5 % of the time that reading and splitting take."""
_DIALECTS = {"arz": "ar", "ary": "ar", "wuu": "zh", "yue": "zh", "nb": "no", "nn": "no"}
_SINGLE_BYTE = re.compile(r"cp125\d|iso8859_\d+|latin_1")
_CODE_PAGES = {
    **dict.fromkeys(("cs", "hr", "hu", "pl", "ro", "sk", "sl"), ("cp1250", "iso8859_2")),
    **dict.fromkeys(("be", "bg", "mk", "ru", "sr", "uk"), ("cp1251",)),
    **dict.fromkeys(
        ("da", "de", "en", "es", "fi", "fr", "is", "it", "nl", "no", "pt", "sv"), ("cp1252",)
    ),
}
_COMMON_SIGNS = frozenset("“”„‘’‚«»‹›–—…•·€£§°©®™¿¡²³½ºª\xa0")


class ArticleFile(NamedTuple):
    """A file in the articles folder: its bytes, not decoded yet."""

    id: str
    path: Path
    data: bytes
    sha256: str
    """Of `data`, in hexadecimal."""
    url: str | None = None
    """The address that it was fetched from, if it was."""


def load_file(path: Path, folder: Path) -> ArticleFile:
    """Read the bytes of one file below `folder`.

    Raises:
        ArticleError: its suffix is not in `SUFFIXES`, or it is not a regular file, too large, or a
            link out of the folder.
    """
    article_id = path.relative_to(folder).as_posix()
    if any(category(char) in _UNFIT_FOR_NAMES for char in article_id):
        raise ArticleError(
            path, "its name has a line break, a control character or undecodable bytes: rename it"
        )
    if path.is_symlink() and path.is_dir():
        raise ArticleError(
            path, "is a link to a folder, which is not followed: copy its articles here"
        )
    if path.suffix.lower() not in SUFFIXES:
        kinds = ", ".join(SUFFIXES)
        if path.suffix.lower() == ".zip":
            raise ArticleError(path, "is an archive: `qa add` with its name adds what is in it")
        raise ArticleError(
            path,
            f"not a kind of article that can be read ({kinds}): convert it, or move it elsewhere",
        )
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ArticleError(
                path, "is a link out of the articles folder: copy the file itself here"
            )
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ArticleError(path, "is not a regular file: remove it")
        is_plain = path.suffix.lower() in PLAIN_SUFFIXES
        limit = MAX_BYTES if is_plain else MAX_FORMATTED_BYTES
        if status.st_size > limit:
            size = f"{status.st_size / 2**20:.0f} MiB"
            raise ArticleError(
                path, f"is too large ({size}, at most {limit // 2**20} MiB): split it"
            )
        data = path.read_bytes()
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ArticleError(
            path, f"cannot be read ({reason}): check its permissions or remove it"
        ) from error
    digest = sha256(data).hexdigest()
    return ArticleFile(article_id, path, data, digest, find_address(folder, article_id, digest))


def parse_file(file: ArticleFile, *, password: str | None = None) -> Article:
    """Read the text of a file, and its title, author, date and language.

    Raises:
        ArticleError: it is empty, binary, damaged or without words, or its encoding is unknown.
        ArticleLocked: it is encrypted, and this is not its password.
    """
    with blame(file.path):
        try:
            form = detect_format(file.data, file.path.name)
            return _read_formatted(file, form, password) if form else _read_plain(file)
        except PasswordNeeded as error:
            raise ArticleLocked(file.path, str(error)) from error
        except FormatError as error:
            raise ArticleError(file.path, str(error)) from error


def is_current(form: str | None, reader: str | None) -> bool:
    """Whether `reader` is the current reader of a format, so that files need not be read again;
    None stands for plain text.
    """
    known = find_format(form) if form else None
    return form is None or (known is not None and known.reader_version == reader)


def describe_rereading(reader: str) -> str:
    """The warning about a file that another version of its reader, `reader`, read before."""
    return (
        f"was read again, by another version of its reader ({reader} before): places in it may "
        "have moved, `qa verify` says which"
    )


@contextmanager
def blame(path: Path, *, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn exceptions inside the block into an ArticleError about `path`, so that other files can
    still be used; QAErrors and the exceptions in `but` pass through.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, (QAError, *but)):
            raise
        raise describe_failure(path, error) from error


def describe_failure(path: Path, error: Exception) -> ArticleError:
    """An ArticleError for an unexpected exception."""
    return ArticleError(
        path, f"cannot be used ({type(error).__name__}: {str(error)[:200]}): change or remove it"
    )


def read_article(path: Path, folder: Path | None = None, *, password: str | None = None) -> Article:
    """Read one article; its id is its path below `folder`, by default the folder that it is in."""
    file = load_file(path, path.parent if folder is None else folder)
    return parse_file(file, password=password)


def decode_text(data: bytes, path: Path) -> str:
    """Bytes -> text, with line ends and byte-order mark normalised.

    Raises:
        ArticleError: about `path`; it is empty, binary, without words, or its encoding is unknown.
    """
    if not data.strip():
        raise ArticleError(path, "is empty: write something in it or remove it")
    text = _decode(data, path)
    if len(_CONTROL.findall(text)) > 2 + len(text) // 1000:
        raise ArticleError(
            path, "looks binary (control characters): save it as plain text in UTF-8"
        )
    text = text.removeprefix("\ufeff").replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
    if not _has_words(text):
        raise ArticleError(path, "holds no words: write something in it or remove it")
    return text


def _decode(data: bytes, path: Path) -> str:
    encoding = next((encoding for mark, encoding in _BOMS if data.startswith(mark)), None)
    try:
        return data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding is not None:
            raise ArticleError(
                path, f"is not the {encoding} that its first bytes announce: save it as UTF-8"
            ) from error
        if _is_damaged_utf8(data):
            line = data.count(b"\n", 0, error.start) + 1
            raise ArticleError(
                path, f"is UTF-8, but not in line {line}: save it as UTF-8 throughout"
            ) from error
    if b"\x00" in data:
        raise ArticleError(path, "looks binary (NUL bytes): save it as plain text in UTF-8")
    return _decode_legacy(data, path)


def _is_damaged_utf8(data: bytes) -> bool:
    """Whether valid non-ASCII UTF-8 characters are more than four times as many as invalid ones."""
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    return sum(char > "\x7f" for char in text) > 4 * wrong


def find_warning(file: ArticleFile, article: Article) -> str | None:
    """A warning about how a file was read, such as a guessed encoding; None if there is none."""
    if article.origin:
        return "; ".join(article.origin.notes) or None
    if any(file.data.startswith(mark) for mark, _ in _BOMS):
        return None
    try:
        file.data.decode("utf-8")
    except UnicodeDecodeError:
        encoding = _guess_encoding(file.data)[1]
        return f"is not UTF-8 and was read as {encoding}: if letters look wrong, save it as UTF-8"
    return None


def _decode_legacy(data: bytes, path: Path) -> str:
    text, _ = _guess_encoding(data)
    if text is None:
        raise ArticleError(path, "its encoding is unknown: save it as UTF-8")
    return text


@lru_cache(maxsize=1)
def _guess_encoding(data: bytes) -> tuple[str | None, str]:
    """Text in the legacy encoding that fits best, and that encoding; (None, "") if none does."""
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    if best is None:
        return None, ""
    text = data.decode(best.encoding)
    if not _SINGLE_BYTE.fullmatch(best.encoding):
        return text, best.encoding
    # The code pages of Western and Central Europe differ in a few letters, by which the language
    # decides: "père", not "pčre".
    readings = [(text, best.encoding)]
    for encoding in _CODE_PAGES.get(detect_language(text[:_LANGUAGE_SAMPLE]) or "", ()):
        with suppress(UnicodeDecodeError):
            readings.append((data.decode(encoding), encoding))
    return min(readings[1:], key=lambda reading: _count_odd_signs(reading[0]), default=readings[0])


def _count_odd_signs(text: str) -> int:
    return sum(char > "\x7f" and not char.isalpha() and char not in _COMMON_SIGNS for char in text)


def _has_words(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _read_plain(file: ArticleFile) -> Article:
    text = decode_text(file.data, file.path)
    match = _FRONT_MATTER.match(text)
    is_short = match is not None and match.end() <= _MAX_FRONT_MATTER
    is_stated = (
        match is not None and is_short and _FRONT_MATTER_KEY.search(match["yaml"]) is not None
    )
    stated = _parse_front_matter(match["yaml"], file.path) if match and is_stated else {}
    body_start = match.end() if match and stated else 0
    if not _has_words(text[body_start:]):
        raise ArticleError(
            file.path, "has front matter but no text below it: write something there or remove it"
        )
    language = _stated_language(stated) or detect_language(
        text[body_start : body_start + _LANGUAGE_SAMPLE]
    )
    name = _FileName.parse(file.path)
    blocks = split_blocks(text[: body_start + _HEADER_SAMPLE], body_start)
    header = read_header(text, blocks, language=language, stem=name.title)
    day = _stated(stated, "date", "published")
    return Article(
        id=file.id,
        title=shorten(
            _stated(stated, "title") or header.title or name.title,
            _MAX_TITLE_CHARS,
            placeholder="…",
        ),
        text=text,
        sha256=sha256(text.encode("utf-8")).hexdigest(),
        author=_stated(stated, "author", "authors", "byline", "by") or header.author,
        date=(parse_date(day) or day)
        if day and len(day) <= _MAX_DATE_CHARS
        else header.date or name.date,
        url=_stated(stated, "url", "link", "source") or file.url,
        language=language,
        body_start=body_start,
    )


def _read_formatted(file: ArticleFile, form: Format, password: str | None) -> Article:
    contents = read_isolated(form, file.data, password=password)
    if not _has_words(contents.text):
        raise FormatError("holds no words: write something in it or remove it")
    name = _FileName.parse(file.path)
    language = detect_language(contents.text[:_LANGUAGE_SAMPLE])
    about = _describe(contents, form, language, name.title)
    notes = contents.notes
    if is_misnamed(form, file.path.name):
        notes = (f"is named {file.path.suffix}, but is {form.name}, and was read as that", *notes)
    return Article(
        id=file.id,
        title=shorten(about.title or name.title, _MAX_TITLE_CHARS, placeholder="…"),
        text=contents.text,
        sha256=sha256(contents.text.encode("utf-8")).hexdigest(),
        author=about.author and about.author[:_MAX_STATED_CHARS],
        date=about.date or name.date,
        url=(contents.url or file.url or "")[:_MAX_STATED_CHARS] or None,
        language=language or _language_code(contents.language),
        origin=Origin(form.name, form.reader_version, file.sha256, contents.layout.pack(), notes),
    )


def _describe(contents: Contents, form: Format, language: str | None, stem: str) -> Header:
    """Title, author and date, from the header of the text or from what the file states: its format
    says which comes first.
    """
    title = contents.title
    if title and _PROGRAM_TITLE.match(title):
        title = None
    rows = [row for row in contents.blocks[:20] if row.kind == HEADING]
    heading = contents.text[rows[0].start : rows[0].end] if rows else None
    if not form.header:
        return Header(title or heading, contents.author, contents.date)
    author = contents.author
    if author and _PROGRAM_AUTHOR.fullmatch(author):
        author = None
    text = contents.text[:_HEADER_SAMPLE]
    for start, end in [(row.start, row.end) for row in rows if row.end <= len(text)]:
        # A line break in a heading does not end it.
        text = text[:start] + text[start:end].replace("\n", " ") + text[end:]
    starts = frozenset(row.start for row in rows)
    found = read_header(text, split_blocks(text), language=language, stem=stem, headings=starts)
    # The only heading of its level is the title, the first of several may be a chapter's.
    is_title = (
        found.title is not None
        and found.title == " ".join((heading or "").split())
        and sum(section.parent < 0 for section in contents.sections) == 1
    )
    if "author" in form.header:
        author = found.author or author
    return Header(
        (found.title if is_title and "title" in form.header else title) or found.title or heading,
        author or found.author,
        (found.date if "date" in form.header else None) or contents.date or found.date,
    )


def _parse_front_matter(source: str, path: Path) -> dict[str, Any]:
    import yaml

    try:
        # Scalars stay as they are written: a title may be "No", a number or a date.
        stated = yaml.load(source, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        # Counted from 0, and the first rule stands above.
        where = f" in line {mark.line + 2}" if mark else ""
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise ArticleError(
            path,
            f"its front matter is not valid YAML{where} ({problem}): put values in quotes or "
            "remove it",
        ) from error
    return (
        {str(key).lower(): value for key, value in stated.items()}
        if isinstance(stated, dict)
        else {}
    )


def _stated(stated: Mapping[str, Any], *names: str) -> str | None:
    for name in names:
        value = stated.get(name)
        parts = [_scalar(item) for item in value] if isinstance(value, list) else [_scalar(value)]
        text = ", ".join(filter(None, parts))
        if text:
            return text if len(text) <= _MAX_STATED_CHARS else text[: _MAX_STATED_CHARS - 1] + "…"
    return None


def _scalar(value: object) -> str:
    """A value as one line; of a mapping, as some write authors, its "name"."""
    if isinstance(value, dict):
        value = value.get("name")
    text = " ".join(value.split()) if isinstance(value, str) else ""
    # YAML can contain lone surrogates ("\ud800"), which cannot be stored.
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "" if text in ("~", "null") else text


def _stated_language(stated: Mapping[str, Any]) -> str | None:
    return _language_code(_stated(stated, "language", "lang"))


def _language_code(value: str | None) -> str | None:
    code = re.match(r"[A-Za-z]{2}(?![A-Za-z])", value) if value else None
    return code.group().lower() if code else None


class _FileName(NamedTuple):
    title: str
    date: str | None

    @classmethod
    def parse(cls, path: Path) -> "_FileName":
        """Title and date in a file's name, such as "2024-03-09-the-damascus-meeting.md"."""
        match = re.fullmatch(r"(?P<date>\d{4}-\d{2}-\d{2})(?:[-_ ]+(?P<rest>.+))?", path.stem)
        words = (match["rest"] if match else path.stem) or path.stem
        # In a name with spaces, a hyphen belongs to a word.
        title = re.sub(r"[_\s]+" if " " in words else r"[-_\s]+", " ", words).strip() or path.name
        return cls(title[:1].upper() + title[1:], parse_date(match["date"]) if match else None)


def detect_language(text: str) -> str | None:
    """ISO 639-1 code of a text's language; None if it has no letters or the language no code."""
    if not any(char.isalpha() for char in text):
        return None
    from py3langid import classify

    code = classify(text)[0]
    code = _DIALECTS.get(code, code)
    return code if len(code) == 2 else None
