"""Files that a person adds or removes, on the page or by command -> the articles folder."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from hashlib import sha256
from itertools import count
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from qa.articles.fetch import Fetched, Fetcher
from qa.articles.read import SUFFIXES, load_file, read_article
from qa.errors import ArticleError, ArticlesMissing, DiskError, explaining

MAX_NAME_CHARS = 100
_TYPES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/epub+zip": ".epub",
}
"""What a server says that it sends -> how such a file's name ends."""


def place_file(folder: Path, name: str, data: bytes, *, password: str | None = None) -> str:
    """Write a file into the articles folder, unless it is no usable article; returns its id.

    Raises:
        ArticleError: it cannot be read as an article, or the same file is there already; names the
            file as given.
    """
    given = Path(Path(name.replace("\\", "/")).name)
    with explaining(tempfile.gettempdir()), tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch, clean_name(given.name))
        copy.write_bytes(data)
        try:
            read_article(copy, password=password)
        except ArticleError as error:
            raise error.about(given) from None
    with explaining(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for target in _number(folder / clean_name(given.name)):
            if not target.exists():
                break
            if sha256(target.read_bytes()).digest() == sha256(data).digest():
                raise ArticleError(
                    given, f"is among the articles already, as {target.name}", is_duplicate=True
                )
        # Under a hidden name first: a build that runs now must not read half a file.
        partial = target.with_name(f".{target.name}.part")
        try:
            partial.write_bytes(data)
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    return target.relative_to(folder).as_posix()


def _number(path: Path) -> Iterator[Path]:
    """A path, and the same with a number, as long as they are taken."""
    yield path
    for number in count(2):
        yield path.with_name(f"{path.stem}-{number}{path.suffix.lower()}")


def add_files(
    folder: Path, paths: Sequence[Path], *, password: str | None = None
) -> tuple[list[str], list[ArticleError]]:
    """Copy files into the articles folder; returns the ids of those now there, and what is wrong
    with the others.

    A name that another article has gets a number; a file that lies in the folder already stays
    where it is.
    """
    added: list[str] = []
    errors: list[ArticleError] = []
    for path in paths:
        # A link that somebody names is meant; what it leads to is copied.
        try:
            source = path.resolve()
            if source.is_dir():
                raise ArticleError(path, "is a folder: name its files, as in `qa add folder/*.md`")
            if source.is_relative_to(folder.resolve()):
                added.append(source.relative_to(folder.resolve()).as_posix())
            else:
                data = load_file(source, source.parent).data
                added.append(place_file(folder, path.name, data, password=password))
        except ArticleError as error:
            errors.append(error.about(path))
        except DiskError as error:
            errors.append(ArticleError(path, f"cannot be copied: {error}"))
    return added, errors


def place_address(
    folder: Path, url: str, *, fetcher: Fetcher | None = None, password: str | None = None
) -> str:
    """Fetch an address and write what is there, as it is, into the articles folder; returns its id.

    Raises:
        FetchError: it cannot be fetched.
        ArticleError: it is no usable article, or the same is there already.
    """
    fetched = (fetcher or Fetcher()).fetch(url)
    return place_file(folder, _name_fetched(fetched), fetched.data, password=password)


def _name_fetched(fetched: Fetched) -> str:
    parts = urlsplit(fetched.final_url)
    name = unquote(PurePosixPath(parts.path).name) or parts.hostname or "page"
    suffix = _TYPES.get(fetched.headers.get("content-type", "").partition(";")[0].strip().lower())
    if suffix and Path(name).suffix.lower() not in SUFFIXES:
        name += suffix
    return name


def place_text(folder: Path, title: str, text: str) -> str:
    """Write pasted text into the articles folder, its title above it; returns its id."""
    title = " ".join(title.split())
    first = next((line for line in text.splitlines() if line.strip()), "")
    name = slug(title or first) or f"pasted-{date.today().isoformat()}"
    body = f"{title}\n\n{text}" if title else text
    return place_file(folder, f"{name}.txt", body.encode("utf-8", "replace"))


def find_article(folder: Path, article_id: str) -> Path:
    """Path of an article's file.

    Raises:
        ArticlesMissing: there is none of this id in the folder.
    """
    path = folder / article_id
    parts = article_id.split("/")
    try:
        # Any other way to write the same path would lead out of the folder that it is joined to
        # later.
        is_id = (
            not {"", ".", ".."} & set(parts) and path.relative_to(folder).as_posix() == article_id
        )
        is_article = is_id and path.resolve().is_relative_to(folder.resolve()) and path.is_file()
    except (OSError, RuntimeError, ValueError):  # too long a name, links in a circle, another disk
        is_article = False
    if not is_article:
        raise ArticlesMissing(
            f"there is no article {article_id!r} in {folder}: `qa list` names them all"
        )
    return path


def move_out(folder: Path, article_id: str, removed: Path) -> Path:
    """Move an article's file to the folder of removed ones, so that a slip can be undone; returns
    its new place.

    Raises:
        ArticlesMissing: there is no such article.
        DiskError: it cannot be moved.
    """
    path = find_article(folder, article_id)
    with explaining(path):
        target = next(
            target for target in _number(removed / article_id) if not os.path.lexists(target)
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)
    return target


def clean_name(name: str) -> str:
    """A file name that every file system takes and no shell trips over, as close to the given one
    as can be.
    """
    stem, suffix = Path(name).stem, Path(name).suffix
    if suffix.lower() not in SUFFIXES:
        kinds = ", ".join(sorted(SUFFIXES))
        raise ArticleError(
            Path(name), f"not a kind of article that can be read ({kinds}): convert it first"
        )
    stem = re.sub(r"[^\w\-. ()\[\],&+'’]", "_", stem).strip(" .") or "article"
    return stem[:MAX_NAME_CHARS] + suffix.lower()


def slug(text: str) -> str:
    """Words as part of a file name."""
    return "-".join(re.findall(r"\w+", text.lower()))[:60].strip("-")
