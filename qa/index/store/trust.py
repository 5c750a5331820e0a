"""Whether the store's file is unchanged since it was last known to be intact."""

from contextlib import suppress
from pathlib import Path

TRUSTED_FILE = "trusted"
"""File beside the store, with the stamp that it had when it was intact."""


def trust(path: Path) -> None:
    """Record that the file is intact as it is now."""
    with suppress(OSError):
        path.with_name(TRUSTED_FILE).write_text(_stamp(path))


def distrust(path: Path) -> None:
    """Remove the record."""
    with suppress(OSError):
        path.with_name(TRUSTED_FILE).unlink(missing_ok=True)


def is_trusted(path: Path) -> bool:
    """Whether the file has the stamp that `trust` recorded, so that it need not be verified."""
    try:
        return path.with_name(TRUSTED_FILE).read_text() == _stamp(path)
    except (OSError, ValueError):
        return False


def _stamp(path: Path) -> str:
    """Size, mtime, ctime and inode of the file and its log; programs cannot set back ctime."""
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
