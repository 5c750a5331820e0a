"""Whether anything but this program has touched the store's file since all was well with it."""

from contextlib import suppress
from pathlib import Path

TRUSTED_FILE = "trusted"
"""Beside the store: how the file was when all was well with it."""


def trust(path: Path) -> None:
    """Note that all is well with the file as it is now."""
    with suppress(OSError):
        path.with_name(TRUSTED_FILE).write_text(_stamp(path))


def distrust(path: Path) -> None:
    """Forget what `trust` has noted."""
    with suppress(OSError):
        path.with_name(TRUSTED_FILE).unlink(missing_ok=True)


def is_trusted(path: Path) -> bool:
    """Whether the file is as it was when `trust` was called; then reading all of it can be
    spared.
    """
    try:
        return path.with_name(TRUSTED_FILE).read_text() == _stamp(path)
    except (OSError, ValueError):
        return False


def _stamp(path: Path) -> str:
    """Size, times and inode of the file and of its log; the time at which an inode changed cannot
    be set back.
    """
    stamps = []
    for part in (path, path.with_name(f"{path.name}-wal")):
        try:
            status = part.stat()
        except FileNotFoundError:
            continue
        if status.st_size:
            stamps.append(
                f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
            )
    return "\n".join(stamps)
