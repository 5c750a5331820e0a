"""Every error that this package raises on purpose.

    QAError
    ├── ArticleError        one article file cannot be used; the others still can
    │   └── ArticleLocked   it is encrypted, and no password, or a wrong one, was given
    ├── ArticlesMissing     there is no articles folder, no such article, or none is left
    ├── FetchError          an address (URL) cannot be fetched
    ├── IndexMissing        there is no index here yet
    ├── IndexMismatch       the index was made by another format, encoder or splitter
    ├── IndexBusy           another process is building this index
    ├── BuildStopped        a build was cancelled while it ran
    ├── IndexDamaged        the store (SQLite) cannot be read, or is not what was stored
    ├── IndexUnreachable    the storage that an index is kept on does not answer
    ├── DiskError           reading or writing a file failed; the data may be intact
    ├── QuestionError       a question that cannot be asked: no words, no text, or too long
    ├── SettingError        an option has a value that is not allowed
    ├── SavedError          a file does not hold saved answers
    ├── DataSetError        a data set of questions cannot be read
    ├── PortTaken           the page cannot listen on this address and port
    ├── ExtraMissing        an optional part of this package is not installed
    ├── EncoderUnavailable  the encoder's model is not on this machine
    └── ReaderUnavailable   the reader's model is not where it was looked for

A message says what happened, where, and what to do next. "No answer" is a value (`Answer.status`),
not an error.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self


class QAError(Exception):
    """Base of all errors raised by `qa`."""


class ArticleError(QAError):
    """One article file cannot be used; `path` names it and `reason` says why, remedy included;
    `same_as` is the id of the article that it repeats, if it does.
    """

    def __init__(self, path: Path, reason: str, *, same_as: str | None = None) -> None:
        self.path = path
        self.reason = reason
        self.same_as = same_as
        super().__init__(f"{show_name(str(path))}: {reason}")

    def about(self, path: Path) -> Self:
        """The same error with the path as the user gave it."""
        return type(self)(path, self.reason, same_as=self.same_as)


class ArticleLocked(ArticleError):
    """One article file is encrypted, and no password, or a wrong one, was given."""


class ArticlesMissing(QAError):
    """There is no articles folder, no such article in it, or none is left."""


class FetchError(QAError):
    """An address (URL) cannot be fetched; the message says why."""


class IndexMissing(QAError):
    """There is no index in this folder yet."""


class IndexMismatch(QAError):
    """The index was made by another format, encoder or splitter than those asked for."""


class IndexBusy(QAError):
    """Another process is building this index."""


class BuildStopped(QAError):
    """A build was cancelled while it ran; the index is as it was."""


class IndexDamaged(QAError):
    """The store itself (not a file derived from it) cannot be read, or is not what was stored."""


class DiskError(QAError):
    """Reading or writing a file failed (disk, permissions); the data may be intact."""

    @classmethod
    def explain(cls, error: OSError, place: str | Path | None = None) -> "DiskError":
        """An OSError with its remedy; `place` is the file, where the error names none."""
        place = (
            os.fsdecode(error.filename)
            if isinstance(error.filename, (str, bytes, os.PathLike))
            else place
        )
        remedy = _REMEDIES.get(
            error.errno or 0, "see that the disk is well and may be read and written"
        )
        return cls(f"{show_name(str(place))}: {error.strerror or error}: {remedy}")


@contextmanager
def explaining(place: str | Path) -> Iterator[None]:
    """Turn an OSError inside the block into a DiskError; `place` is the file concerned."""
    try:
        yield
    except OSError as error:
        raise DiskError.explain(error, place) from error


_FULL = "free some space and run the same command again; nothing was lost"
_DENIED = "check owner and permissions, or run as a user who may; nothing is damaged"
_REMEDIES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EROFS: "choose a place that may be written; nothing is damaged",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n)",
    errno.EIO: "the disk fails: save what is on it",
}


def show_name(name: str) -> str:
    """A file's name to be printed: quoted if it holds newlines or control characters, which could
    otherwise fake lines of output.
    """
    return name if name.isprintable() else repr(name)


class QuestionError(QAError):
    """A question that cannot be asked: it has no words, is no text, or is too long."""


class SettingError(QAError):
    """An option has a value that is not allowed."""


class SavedError(QAError):
    """A file of saved answers does not hold what `qa ask --json` prints."""


class IndexUnreachable(QAError):
    """The storage that an index is kept on does not answer, or not in time."""


class DataSetError(QAError):
    """A data set of questions cannot be read."""


class PortTaken(QAError):
    """The page cannot listen on this address and port."""


class ExtraMissing(QAError):
    """An optional part of this package is not installed."""


class EncoderUnavailable(QAError):
    """The encoder's model is not on this machine."""


class ReaderUnavailable(QAError):
    """The reader's model is not where it was looked for."""
