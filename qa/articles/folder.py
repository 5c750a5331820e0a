"""Files, texts and addresses that a user adds or removes -> changes of the articles folder."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from hashlib import sha256
from itertools import count
from pathlib import Path
from unicodedata import category, normalize
from uuid import uuid4

from qa.articles.bundles import BundledFile, open_folder, open_zip
from qa.articles.read import SUFFIXES, load_file, read_article
from qa.articles.scan import IGNORE_FILE, read_ignored
from qa.errors import ArticleError, ArticlesMissing, DiskError, SettingError, explaining
from qa.types import Progress

MAX_NAME_CHARS, MAX_NAME_BYTES = 100, 180
"""Of a name without its suffix; file systems take 255 bytes of it all."""
_KEPT_SIGNS = "_-. ()[],&+'’"


def place_file(
    folder: Path,
    name: str,
    data: bytes,
    *,
    within: str = "",
    password: str | None = None,
    check: bool = True,
) -> str:
    """Write a file into the articles folder, if it can be read as an article; returns its id.

    Args:
        folder: the articles folder.
        name: the file's name as given; folders before it are dropped.
        data: what is in the file.
        within: a folder below the articles folder, with `/` between its parts.
        password: of an encrypted file.
        check: whether it is read first; without, a build is the first to read it, and to say what
            is wrong with it.

    Raises:
        ArticleError: it cannot be read as an article, or the same file is there already; names the
            file as given.
    """
    given = Path(Path(name.replace("\\", "/")).name)
    if check:
        check_readable(given, data, password=password)
    parts = [_clean(part) for part in within.split("/") if part not in ("", ".", "..")]
    parent = folder.joinpath(*parts)
    if read_ignored(folder)("/".join([*parts, clean_name(given.name)])):
        raise ArticleError(given, f"is excluded by {folder / IGNORE_FILE}: change that first")
    with explaining(parent):
        _make_folder(parent, folder, given)
        for target in _number(parent / clean_name(given.name)):
            if not target.exists() and write_new(target, data):
                break
            if target.is_dir() or not target.exists():  # or a link to nowhere
                continue
            if sha256(target.read_bytes()).digest() == sha256(data).digest():
                there = target.relative_to(folder).as_posix()
                raise ArticleError(
                    given, f"is among the articles already, as {there}", same_as=there
                )
    return target.relative_to(folder).as_posix()


def _make_folder(parent: Path, folder: Path, given: Path) -> None:
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        name = parent.relative_to(folder).as_posix()
        raise ArticleError(
            given, f"belongs into {name}, but a file has that name: rename one of them"
        ) from error


def check_readable(given: Path, data: bytes, *, password: str | None = None) -> None:
    """Raise ArticleError, naming the file as given, unless it can be read as an article."""
    with explaining(tempfile.gettempdir()), tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch, clean_name(given.name))
        copy.write_bytes(data)
        try:
            read_article(copy, password=password)
        except ArticleError as error:
            raise error.about(given) from None


def write_whole(target: Path, data: bytes) -> None:
    """Write a file in one step, under a hidden name first: a build that runs now must not read half
    a file.
    """
    with _writing(target, data) as partial:
        partial.replace(target)


def write_new(target: Path, data: bytes) -> bool:
    """The same, but never over another file: False if somebody else has just written one there."""
    with _writing(target, data) as partial:
        try:
            target.hardlink_to(partial)
        except FileExistsError:
            return False
        except OSError:  # a disk without links
            if target.exists():
                return False
            partial.replace(target)
    return True


@contextmanager
def _writing(target: Path, data: bytes) -> Iterator[Path]:
    """A hidden file beside the target, of a name of its own; it is gone afterwards."""
    partial = target.with_name(f".{target.name}.{uuid4().hex[:8]}.part")
    try:
        partial.write_bytes(data)
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def _number(path: Path) -> Iterator[Path]:
    """A path, then the same with "-2", "-3", ... before the suffix."""
    yield path
    for number in count(2):
        yield path.with_name(f"{path.stem}-{number}{path.suffix.lower()}")


def add_files(
    folder: Path,
    paths: Sequence[Path],
    *,
    password: str | None = None,
    progress: Progress | None = None,
) -> tuple[list[str], list[ArticleError]]:
    """Copy files, and those in folders and zip archives, into the articles folder; returns the ids
    of those now there, and the others' errors.

    If another article has the same name, a number is added to it. A file that is in the folder
    already stays where it is; one with the same content is not added twice, so that the command
    can be repeated after an interruption. Files from a folder or an archive keep their paths in it.
    """
    added: list[str] = []
    errors: list[ArticleError] = []
    for done, path in enumerate(paths):
        if progress:
            progress(done, len(paths), "adding")
        # A link that the user names is followed, and its target copied.
        try:
            source = path.resolve()
            is_archive = path.suffix.lower() == ".zip"
            if source.is_relative_to(folder.resolve()) and source.is_file() and not is_archive:
                added.append(source.relative_to(folder.resolve()).as_posix())
            elif source.is_dir():
                _check_apart(source, folder, path)
                _add_bundle(folder, path, open_folder(source), added, errors, progress)
            elif is_archive:
                files = open_zip(source, password=password)
                _add_bundle(folder, path, files, added, errors, progress)
            else:
                data = load_file(source, source.parent).data
                added.append(place_file(folder, path.name, data, password=password))
        except ArticleError as error:
            errors.append(error.about(path))
        except (DiskError, SettingError) as error:
            errors.append(ArticleError(path, f"cannot be copied: {error}"))
    return added, errors


def _check_apart(source: Path, folder: Path, named: Path) -> None:
    inner, outer = folder.resolve(), source
    if inner.is_relative_to(outer) or outer.is_relative_to(inner):
        raise ArticleError(
            named, "holds the articles folder, or is in it: `qa build` indexes what lies there"
        )


def _add_bundle(
    folder: Path,
    named: Path,
    files: Iterable[BundledFile | ArticleError],
    added: list[str],
    errors: list[ArticleError],
    progress: Progress | None,
) -> None:
    top = _clean(named.resolve().stem if named.suffix.lower() == ".zip" else named.resolve().name)
    done = 0
    for done, file in enumerate(files, 1):
        if isinstance(file, ArticleError):
            errors.append(file)
            continue
        parent, _, name = file.name.rpartition("/")
        try:
            added.append(place_file(folder, name, file.data, within=f"{top}/{parent}", check=False))
        except ArticleError as error:
            if error.same_as:
                added.append(error.same_as)
            else:
                errors.append(error.about(named / file.name))
        except DiskError as error:
            errors.append(ArticleError(named / file.name, f"cannot be copied: {error}"))
        if progress:
            progress(done, done, "adding")
    if not done:
        errors.append(ArticleError(named, "holds no files: name one that does"))


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
        # Any other spelling of the path ("./a.txt", "../a.txt") is refused: `removed / article_id`
        # could lead out of that folder.
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
    """Move an article's file to the folder of removed ones, so that this can be undone; returns its
    new path.

    Raises:
        ArticlesMissing: there is no such article.
        DiskError: it cannot be moved.
    """
    path = find_article(folder, article_id)
    with explaining(path):
        target = _find_free(removed / article_id)
        shutil.move(path, target)
    return target


def keep_copy(folder: Path, article_id: str, removed: Path) -> None:
    """Copy an article's file to the folder of removed ones, before another takes its place.

    Raises:
        ArticlesMissing: there is no such article.
        DiskError: it cannot be copied.
    """
    path = find_article(folder, article_id)
    with explaining(path):
        shutil.copy2(path, _find_free(removed / article_id))


def _find_free(path: Path) -> Path:
    """The path, numbered if it is taken, in a folder that exists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return next(target for target in _number(path) if not os.path.lexists(target))


def move_back(folder: Path, article_id: str, path: Path) -> str:
    """Move a removed file to where it was among the articles; returns its id.

    Raises:
        ArticleError: another article is there now.
        DiskError: it cannot be moved.
    """
    if {"", ".", ".."} & set(article_id.split("/")):
        raise ArticlesMissing(f"{article_id!r} is no article: `qa list` names them all")
    target = folder / article_id
    with explaining(folder):
        if os.path.lexists(target):
            raise ArticleError(
                Path(article_id), "is there again: remove that first, to bring the old one back"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.parent.resolve().is_relative_to(folder.resolve()):
            raise ArticlesMissing(f"{article_id!r} is no article: `qa list` names them all")
        shutil.move(path, target)
    return article_id


def clean_name(name: str) -> str:
    """A file name that is valid on every file system and needs no care in a shell, close to the
    given one.

    Raises:
        ArticleError: its suffix is not one of `SUFFIXES`.
    """
    stem, suffix = Path(name).stem, Path(name).suffix
    if suffix.lower() not in SUFFIXES:
        kinds = ", ".join(sorted(SUFFIXES))
        raise ArticleError(
            Path(name), f"not a kind of article that can be read ({kinds}): convert it first"
        )
    return _clean(stem) + suffix.lower()


def _clean(name: str) -> str:
    # Composed, since what file systems and people take for one name should be one.
    kept = [
        char if char.isalnum() or char in _KEPT_SIGNS or category(char).startswith("M") else "_"
        for char in normalize("NFC", name)
    ]
    name = "".join(kept)[:MAX_NAME_CHARS].encode()[:MAX_NAME_BYTES].decode("utf-8", "ignore")
    return name.strip(" .") or "article"


def slug(text: str) -> str:
    """A text as part of a file name: its words in small letters, joined by hyphens."""
    return "-".join(re.findall(r"\w+", text.lower()))[:60].strip("-")
