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
    """Size, mtime and inode of the file and its log, and the file's ctime, which programs cannot
    set back. Whoever opens the file as root changes the log's ctime: SQLite sets its owner.
    """
    stamps = []
    for part in (path, path.with_name(f"{path.name}-wal")):
        try:
            status = part.stat()
        except FileNotFoundError:
            continue
        if status.st_size:
            stamp = f"{status.st_size} {status.st_mtime_ns} {status.st_ino}"
            stamps.append(f"{stamp} {status.st_ctime_ns}" if part == path else stamp)
    return "\n".join(stamps)
