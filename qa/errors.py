"""Every error that this package raises on purpose.

    QAError
    ├── ArticleError        one article file cannot be used (it names the file; the others still can)
    ├── IndexMissing        there is no index here yet
    ├── IndexMismatch       the index was made by another format, encoder or splitter
    ├── IndexBusy           another process is building this index
    ├── IndexDamaged        the stored truth itself cannot be read
    ├── EncoderUnavailable  the encoder's model is not on this machine
    └── ReaderUnavailable   the reader's model is not where it was looked for

A message says what happened, where, and what to do next. "No answer" is a value (`Answer.status`), not an error.
"""

from pathlib import Path


class QAError(Exception):
    """Base of all errors raised by `qa`."""


class ArticleError(QAError):
    """One article file cannot be used; `path` names it and `reason` says why, remedy included."""

    def __init__(self, path: Path, reason: str, *, is_duplicate: bool = False) -> None:
        self.path = path
        self.reason = reason
        self.is_duplicate = is_duplicate
        # repr() keeps a newline or a control character in a file name from forging a line of output.
        name = str(path)
        super().__init__(f"{name if name.isprintable() else repr(name)}: {reason}")


class IndexMissing(QAError):
    """There is no index in this folder yet."""


class IndexMismatch(QAError):
    """The index was made by another format, encoder or splitter than those asked for."""


class IndexBusy(QAError):
    """Another process is building this index."""


class IndexDamaged(QAError):
    """The stored truth itself (not a file derived from it) cannot be read."""


class EncoderUnavailable(QAError):
    """The encoder's model is not on this machine."""


class ReaderUnavailable(QAError):
    """The reader's model is not where it was looked for."""
