"""`.qaignore` in the articles folder -> which files below it are no articles, in the words of
`.gitignore`.
"""

from collections.abc import Callable
from pathlib import Path

from qa.errors import QAError, explaining

IGNORE_FILE = ".qaignore"


def read_ignored(folder: Path) -> Callable[[str], bool]:
    """Whether a path below the folder (with `/` between its parts, and at the end of a folder's) is
    to be left out; nothing is where there is no such file.

    Raises:
        QAError: a line of the file is no pattern.
        DiskError: it cannot be read.
    """
    path = folder / IGNORE_FILE
    with explaining(path):
        if not path.is_file():
            return _ignores_nothing
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    from pathspec import GitIgnoreSpec

    for number, line in enumerate(lines, 1):
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError as error:
            raise QAError(
                f"{path}, line {number}: {line.strip()!r} is no pattern as .gitignore has them: "
                "change or remove it"
            ) from error
    return GitIgnoreSpec.from_lines(lines).match_file


def _ignores_nothing(path: str) -> bool:
    return False
