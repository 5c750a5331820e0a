"""The articles folder -> the files in it that are articles, each with a stamp that changes with its
content. A `.qaignore` in the folder excludes files, in the syntax of `.gitignore`.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from qa.errors import ArticleError, ArticlesMissing, SettingError, explaining

IGNORE_FILE = ".qaignore"
INDEX_FILE = "qa.sqlite"
"""In a folder below the articles folder: that is an index, whose files are not articles."""
FEEDS_FILE = "feeds.txt"
"""File in the articles folder: one address on each line, comments after `#`."""


def require_folder(folder: Path) -> None:
    """Raise ArticlesMissing if there is no such articles folder."""
    if not folder.is_dir():
        raise ArticlesMissing(
            f"there is no folder {folder}: make it and put articles into it, or name another with "
            "--articles"
        )


def find_files(folder: Path) -> Iterator[Path]:
    """Paths of all files below `folder`, in order of their ids, without hidden files, editors'
    backups, `feeds.txt`, and what `.qaignore` excludes.

    Links to folders are not followed, but are among the paths, so that `load_file` can report them.

    Raises:
        ArticleError: a folder cannot be listed; its articles must not count as removed.
        SettingError: a line of `.qaignore` is not a pattern.
    """
    return (folder / article_id for article_id, _ in scan_files(folder))


def scan_files(folder: Path) -> list[tuple[str, str]]:
    """(id, stamp) of the files that `find_files` gives; a file with the same stamp is unchanged.

    A stamp is size, mtime, ctime and inode; empty for what is not a regular file. Programs that
    copy files may set mtime back, but cannot set ctime.
    """
    found = []
    is_ignored = read_ignored(folder)
    folders = [(str(folder), "")]
    while folders:
        parent, prefix = folders.pop()
        try:
            with os.scandir(parent) as entries:
                inside = list(entries)
                if prefix and any(entry.name == INDEX_FILE for entry in inside):
                    continue  # an index, with what was removed from one
                for entry in inside:
                    name = entry.name
                    if name.startswith(".") or f"{prefix}{name}" == FEEDS_FILE:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        if not is_ignored(f"{prefix}{name}/"):
                            folders.append((entry.path, f"{prefix}{name}/"))
                    elif not name.endswith("~") and not is_ignored(prefix + name):
                        found.append((prefix + name, _stamp(entry)))
        except OSError as error:
            _refuse_folder(error)
    return sorted(found)


def _stamp(entry: "os.DirEntry[str]") -> str:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:  # gone since
        return ""
    if not stat.S_ISREG(status.st_mode):
        return ""
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


def changed_ns(stamp: str) -> int:
    """The later of mtime and ctime in a stamp, in nanoseconds since 1970."""
    return max(map(int, stamp.split()[1:3]), default=0)


def _refuse_folder(error: OSError) -> None:
    raise ArticleError(
        Path(error.filename), f"cannot be listed ({error.strerror}): check its permissions"
    ) from error


def read_ignored(folder: Path) -> Callable[[str], bool]:
    """A function that says whether `.qaignore` excludes a path below the folder (with `/` between
    its parts, and at the end of a folder's).

    Raises:
        SettingError: a line of the file is not a pattern.
        DiskError: it cannot be read.
    """
    path = folder / IGNORE_FILE
    with explaining(path):
        if not os.path.lexists(path):
            return _ignores_nothing
        if not path.is_file():
            raise SettingError(f"{path} is not a file: remove it, or write patterns in one")
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    from pathspec import GitIgnoreSpec

    for number, line in enumerate(lines, 1):
        try:
            GitIgnoreSpec.from_lines([line])
        except (ValueError, re.error) as error:
            raise SettingError(
                f"{path}, line {number}: {line.strip()!r} is no pattern as .gitignore has them: "
                "change or remove it"
            ) from error
    return GitIgnoreSpec.from_lines(lines).match_file


def _ignores_nothing(path: str) -> bool:
    return False


def list_feeds(folder: Path) -> list[str]:
    """Addresses in the articles folder's `feeds.txt`; none if there is no such file.

    Raises:
        DiskError: it cannot be read.
    """
    path = folder / FEEDS_FILE
    with explaining(path):
        if not path.is_file():
            return []
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    # A "#" within an address is a part of it.
    addresses = (re.sub(r"(?:^|\s)#.*", "", line).strip() for line in lines)
    return [address for address in addresses if address]
