"""Exceptions of SQLite and the disk -> QAErrors, which distinguish damage from a failing disk."""

import errno
import inspect
import os
import sqlite3
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, Protocol, TypeVar

from qa.errors import DiskError, IndexBusy, IndexDamaged, QAError
from qa.index.store.trust import distrust

C = TypeVar("C", bound=type)
SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""Exceptions of SQLite; a UnicodeDecodeError where its message quotes damaged text."""


class _Explaining(Protocol):
    def _explain(self, error: Exception) -> Exception: ...


def explains_failures(store: C) -> C:
    """Class decorator: all methods raise QAErrors where SQLite raises its exceptions."""
    for name, method in list(vars(store).items()):
        if isinstance(method, property) and method.fget is not None:
            setattr(store, name, property(_explained(method.fget), doc=method.__doc__))
        elif inspect.isfunction(method) and name not in ("__init__", "close", "_explain"):
            setattr(store, name, _explained(method))
    return store


def _explained(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(store: _Explaining, /, *args: object, **options: object) -> object:
        try:
            return method(store, *args, **options)
        except SQLITE_ERRORS as error:
            raise store._explain(error) from error

    @wraps(method)
    def iterate(store: _Explaining, /, *args: object, **options: object) -> Iterator[object]:
        try:
            yield from method(store, *args, **options)
        except SQLITE_ERRORS as error:
            raise store._explain(error) from error

    return iterate if inspect.isgeneratorfunction(method) else call


def explain_failure(error: Exception, path: Path) -> Exception:
    """The QAError for an exception of SQLite or the operating system: damage (IndexDamaged), a disk
    that refuses (DiskError), or another process (IndexBusy).
    """
    if isinstance(error, OSError):
        return DiskError.explain(error, path)
    if isinstance(error, UnicodeDecodeError):
        return report_damage(path, "it says something that is no text")
    if not isinstance(error, sqlite3.Error):
        return error
    full_code = getattr(error, "sqlite_errorcode", None) or sqlite3.SQLITE_ERROR
    code = full_code & 0xFF
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error):
        return QAError(f"the index in {path.parent} was closed: open it again")
    if full_code == sqlite3.SQLITE_READONLY and _may_be_written(path):
        return report_damage(path, f"it says of itself that it is not to be written: {error}")
    if code in _REFUSALS:
        cause = OSError(_REFUSALS[code], f"{os.strerror(_REFUSALS[code])}, says SQLite: {error}")
        return DiskError.explain(cause, path)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return IndexBusy(f"{path} is being written by another process: try again when it is done")
    if isinstance(error, (sqlite3.DataError, sqlite3.InterfaceError, sqlite3.NotSupportedError)):
        return error  # the value to be stored is at fault
    return report_damage(path, str(error))


def _may_be_written(path: Path) -> bool:
    """Whether this process may write the file."""
    return path.is_file() and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


_REFUSALS = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EACCES,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_AUTH: errno.EACCES,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_NOMEM: errno.ENOMEM,
    sqlite3.SQLITE_PROTOCOL: errno.EIO,
}


def report_damage(path: Path, what: str) -> IndexDamaged:
    """The error to raise if something is not what was stored; also makes the next build verify the
    whole store.
    """
    distrust(path)
    return IndexDamaged(
        f"{path} is damaged ({what}): run `qa build`, which repairs it from the articles"
    )
