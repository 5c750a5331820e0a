r"""Files -> articles: decode each once, and find out its title, author, date and language.

`Article.text` is the file's text with `\r\n` and `\r` as `\n` and without a byte-order mark, nothing else changed.
"""

import codecs
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from qa.blocks import Block, split_blocks
from qa.errors import ArticleError
from qa.types import Article

MAX_BYTES = 16 * 2**20
"""A larger file is not an article; the Bible has 4.5 million bytes."""
_BOMS = (
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?\n)??(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_BYLINE = re.compile(
    r"(?:by|von|par|por|di|door|av|af|autor|author|autore|auteur|written by|بقلم|كتبه?|كتبت)\s*:?\s+(?P<name>\S.*)",
    re.IGNORECASE,
)
_NAME_PARTICLES = {"al", "bin", "ibn", "da", "de", "del", "der", "di", "du", "el", "la", "le", "van", "von", "y", "e"}
_NOT_IN_NAMES = {"a", "an", "the", "how", "why", "what", "who", "when", "where", "is", "are", "on", "in", "of", "to"}
_HEADER_LINES = 6
_LANGUAGE_SAMPLE = 4000
_DIALECTS = {"arz": "ar", "ary": "ar", "wuu": "zh", "yue": "zh", "nb": "no", "nn": "no"}


class ArticleFile(NamedTuple):
    """A file in the articles folder, read but not yet understood."""

    id: str
    path: Path
    data: bytes
    sha256: str
    """Of `data`, in hexadecimal."""


def find_files(folder: Path) -> Iterator[Path]:
    """Paths of all files below `folder` but hidden ones, in order of their ids; links to folders are not followed."""
    found = []
    for parent, folders, files in os.walk(folder, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in files if not name.startswith(".")]
    return iter(sorted(found, key=lambda path: os.fsencode(path.relative_to(folder).as_posix())))


def load_file(path: Path, folder: Path) -> ArticleFile:
    """Read the bytes of one file below `folder`.

    Raises:
        ArticleError: it is of no kind that is read here, no regular file, too large, or a link out of the folder.
    """
    article_id = path.relative_to(folder).as_posix()
    if not article_id.isprintable():
        raise ArticleError(path, "its name has a line break, a control character or undecodable bytes: rename it")
    if path.suffix.lower() not in _READERS:
        kinds = ", ".join(sorted(_READERS))
        raise ArticleError(path, f"not a kind of article that can be read ({kinds}): convert it, or move it elsewhere")
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ArticleError(path, "is a link out of the articles folder: copy the file itself here")
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ArticleError(path, "is not a regular file: remove it")
        if status.st_size > MAX_BYTES:
            size = f"{status.st_size / 2**20:.0f} MiB"
            raise ArticleError(path, f"is too large ({size}, at most {MAX_BYTES // 2**20} MiB): split it")
        data = path.read_bytes()
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ArticleError(path, f"cannot be read ({reason}): check its permissions or remove it") from error
    return ArticleFile(article_id, path, data, sha256(data).hexdigest())


def parse_file(file: ArticleFile) -> Article:
    """Decode a file and find out what it says of itself.

    Raises:
        ArticleError: it is empty, binary, without any words, or its encoding cannot be told.
    """
    return _READERS[file.path.suffix.lower()](file)


def read_article(path: Path, folder: Path | None = None) -> Article:
    """Read one article; its id is its path below `folder` (its own folder unless told otherwise)."""
    return parse_file(load_file(path, path.parent if folder is None else folder))


def decode_text(data: bytes, path: Path) -> str:
    """Bytes -> text, line ends and byte-order mark normalised; `path` is only named in errors."""
    if not data.strip():
        raise ArticleError(path, "is empty: write something in it or remove it")
    text = _decode(data, path)
    if len(_CONTROL.findall(text)) > len(text) // 1000:
        raise ArticleError(path, "looks binary (control characters): save it as plain text")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not any(char.isalnum() for char in text):
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
    if b"\x00" in data:
        raise ArticleError(path, "looks binary (NUL bytes): save it as plain text")
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    if best is None:
        raise ArticleError(path, "its encoding cannot be told: save it as UTF-8")
    return data.decode(best.encoding)


def _read_plain(file: ArticleFile) -> Article:
    text = decode_text(file.data, file.path)
    match = _FRONT_MATTER.match(text)
    stated = _parse_front_matter(match, file.path) if match else {}
    body_start = match.end() if match and stated else 0
    if not text[body_start:].strip():
        raise ArticleError(file.path, "has front matter but no text below it")
    blocks = [block for block in split_blocks(text, body_start) if not block.is_empty]
    lines = [text[block.text_start : block.text_end] for block in _header_blocks(blocks)]
    title, author, day = _guess_header(lines)
    return Article(
        id=file.id,
        title=_stated(stated, "title") or title or _title_of_file(file.path),
        text=text,
        sha256=sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
        author=_stated(stated, "author", "authors", "byline", "by") or author,
        date=_stated(stated, "date", "published") or day,
        url=_stated(stated, "url", "link", "source"),
        language=_stated_language(stated) or detect_language(text[body_start : body_start + _LANGUAGE_SAMPLE]),
        body_start=body_start,
    )


_READERS: Mapping[str, Callable[[ArticleFile], Article]] = {".txt": _read_plain, ".md": _read_plain}
"""File name suffix -> what reads it; further formats are further entries."""
SUFFIXES = tuple(_READERS)


def _parse_front_matter(match: re.Match[str], path: Path) -> dict[str, Any]:
    import yaml

    try:
        stated = yaml.safe_load(match.group(1) or "")
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ArticleError(path, f"its front matter is not valid YAML ({reason}): correct or remove it") from error
    # A text that merely begins with a rule is no front matter.
    return {str(key).lower(): value for key, value in stated.items()} if isinstance(stated, dict) else {}


def _stated(stated: Mapping[str, Any], *names: str) -> str | None:
    for name in names:
        value = stated.get(name)
        if isinstance(value, list):
            value = ", ".join(str(item) for item in value if item)
        if isinstance(value, date | datetime):
            value = value.isoformat()
        if value is not None and str(value).strip():
            return " ".join(str(value).split())
    return None


def _stated_language(stated: Mapping[str, Any]) -> str | None:
    value = _stated(stated, "language", "lang")
    code = re.match(r"[A-Za-z]{2}(?![A-Za-z])", value) if value else None
    return code.group().lower() if code else None


def _header_blocks(blocks: list[Block]) -> list[Block]:
    """The lines above the running text: title, byline, role, date."""
    header = []
    for block in blocks[:_HEADER_LINES]:
        if block.kind == "body":
            break
        header.append(block)
        if block.start != block.text_start:  # a Markdown heading after the first is a section's
            break
    return header


def _guess_header(lines: list[str]) -> tuple[str | None, str | None, str | None]:
    """(title, author, date) as far as the header lines tell.

    Newspapers' plain-text copies come as title, byline or as author, role, title; a person's name is told from a title
    by its few capitalised words.
    """
    day = next((found for line in lines if (found := _parse_date(line))), None)
    lines = [" ".join(line.split()) for line in lines if not _parse_date(line)]
    bylines = [(line, match.group("name")) for line in lines if (match := _BYLINE.fullmatch(line))]
    if bylines:
        rest = [line for line in lines if line != bylines[0][0]]
        return (rest[0] if rest else None), _trim_name(bylines[0][1]), day
    if len(lines) > 1 and _is_name(lines[0]):
        return lines[-1], lines[0], day
    if len(lines) > 1 and _is_name(lines[1]):
        return lines[0], lines[1], day
    return (lines[0] if lines else None), None, day


def _trim_name(name: str) -> str:
    """Leave out what follows a name in a byline: a role, a place, a date."""
    return re.split(r"[,،|;؛(–—]|\.\s|\.$| in | for ", name, maxsplit=1)[0].strip()


def _is_name(line: str) -> bool:
    words = line.replace("-", " ").split()
    if not 2 <= len(words) <= 6 or not all(word.replace(".", "").replace("'", "").isalpha() for word in words):
        return False
    if any(word.lower() in _NOT_IN_NAMES for word in words):
        return False
    return all(word[0].isupper() or word.lower() in _NAME_PARTICLES for word in words)


def _parse_date(line: str) -> str | None:
    """ISO 8601 of a line that is nothing but a date in English or ISO form."""
    line = re.sub(r"^(?:published|updated|date|posted)\s*(?:on)?\s*:?\s+", "", line.strip(), flags=re.IGNORECASE)
    line = re.sub(r"^(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,?\s+", "", line)
    for form in ("%Y-%m-%d", "%Y/%m/%d", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%d.%m.%Y"):
        try:
            return datetime.strptime(line, form).date().isoformat()
        except ValueError:
            continue
    return None


def _title_of_file(path: Path) -> str:
    words = re.sub(r"[-_\s]+", " ", path.stem).strip()
    return words[:1].upper() + words[1:]


def detect_language(text: str) -> str | None:
    """ISO 639-1 code of the language that a text is written in, or None where there is too little to tell."""
    if not any(char.isalpha() for char in text):
        return None
    from py3langid import classify

    code = classify(text)[0]
    code = _DIALECTS.get(code, code)
    return code if len(code) == 2 else None
