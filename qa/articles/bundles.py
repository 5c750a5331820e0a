"""A folder or zip archive that a user adds -> the files in it, with their paths."""

import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from qa.articles.read import MAX_FORMATTED_BYTES, SUFFIXES, load_file
from qa.articles.scan import scan_files
from qa.errors import ArticleError, explaining

MAX_MEMBERS = 20_000
MAX_UNPACKED_BYTES = 4 * 2**30
"""Limit for all files in an archive together."""


class BundledFile(NamedTuple):
    """One file of a folder or an archive."""

    name: str
    """Its path in there, with `/` between the parts."""
    data: bytes


def open_folder(path: Path) -> Iterator[BundledFile | ArticleError]:
    """The files below a folder, in order, or the error of a file that cannot be read; without
    hidden files, and what a `.qaignore` in the folder excludes.

    Raises:
        ArticleError: a folder cannot be listed.
    """
    for name, _ in scan_files(path):
        try:
            yield BundledFile(name, load_file(path / name, path).data)
        except ArticleError as error:
            yield error


def open_zip(path: Path, *, password: str | None = None) -> Iterator[BundledFile | ArticleError]:
    """The files in a zip archive, in its order, or the error of a file that cannot be read.

    Sizes are measured while unpacking; those that the archive states are not trusted.

    Raises:
        ArticleError: it is not a zip archive, or too large.
    """
    left = MAX_UNPACKED_BYTES
    with _open_archive(path) as archive:
        members = [member for member in archive.infolist() if _is_wanted(member)]
        if len(members) > MAX_MEMBERS:
            raise ArticleError(
                path,
                f"holds {len(members):,} files (at most {MAX_MEMBERS:,}): unpack it, and add "
                "the folder",
            )
        names = _decode_names(members)
        for member, name in zip(members, names, strict=True):
            shown = path / name
            try:
                data = _unpack(archive, member, shown, min(left, MAX_FORMATTED_BYTES), password)
            except ArticleError as error:
                yield error
                continue
            left -= len(data)
            if left <= 0:
                raise ArticleError(
                    path,
                    f"unpacks to more than {MAX_UNPACKED_BYTES // 2**30} GiB: what came before "
                    f"{name!r} was added",
                )
            yield BundledFile(name, data)


def _open_archive(path: Path) -> zipfile.ZipFile:
    with explaining(path):
        try:
            return zipfile.ZipFile(path)
        except OSError:
            raise
        except Exception as error:  # of many kinds: whatever damage does to zipfile
            reason = str(error) or type(error).__name__
            raise ArticleError(
                path, f"is no whole zip archive ({reason}): fetch it again"
            ) from error


def _is_wanted(member: zipfile.ZipInfo) -> bool:
    """Whether a member is a visible file, and not a folder, link or hidden file."""
    if not member.filename:
        return False
    mode = member.external_attr >> 16
    parts = [part for part in member.filename.split("/") if part not in ("", ".", "..")]
    is_hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts[:-1])
    return not (
        member.is_dir()
        or not parts
        or is_hidden
        or stat.S_ISLNK(mode)
        or parts[-1].startswith((".", "~$"))
    )


def _unpack(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    shown: Path,
    limit: int,
    password: str | None,
) -> bytes:
    if shown.suffix.lower() not in SUFFIXES:
        inside = "is an archive within an archive: unpack it, and add the folder"
        kinds = f"not a kind of article that can be read ({', '.join(SUFFIXES)}): convert it first"
        raise ArticleError(shown, inside if shown.suffix.lower() == ".zip" else kinds)
    try:
        with archive.open(member, pwd=password.encode() if password else None) as file:
            data = file.read(limit + 1)
    except NotImplementedError as error:  # AES is a method of its own
        raise ArticleError(
            shown,
            "is packed or encrypted in a way that cannot be undone here: unpack it with another "
            "program, and add the folder",
        ) from error
    except RuntimeError as error:
        wrong = "and not with this password" if password else "give --password"
        raise ArticleError(shown, f"is encrypted: {wrong}") from error
    except Exception as error:  # of many kinds: whatever damage does to what unpacks
        reason = str(error) or type(error).__name__
        raise ArticleError(shown, f"cannot be unpacked ({reason}): pack it again") from error
    if len(data) > limit:
        raise ArticleError(shown, f"is larger than {limit // 2**20} MiB: split it")
    return data


def _decode_names(members: list[zipfile.ZipInfo]) -> list[str]:
    """The names of members, decoded: names without the UTF-8 flag are UTF-8 as well, or else in a
    code page, which is guessed from all names together.
    """
    is_stated = [bool(member.flag_bits & 0x800) for member in members]
    raw = [
        member.filename.encode("utf-8" if stated else "cp437")
        for member, stated in zip(members, is_stated, strict=True)
    ]
    unflagged = [data for data, stated in zip(raw, is_stated, strict=True) if not stated]
    encoding = _guess_name_encoding(b"\n".join(unflagged))
    return [
        data.decode("utf-8" if stated else encoding, "replace")
        for data, stated in zip(raw, is_stated, strict=True)
    ]


def _guess_name_encoding(names: bytes) -> str:
    try:
        names.decode("utf-8")
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes

        best = from_bytes(names).best()
        return best.encoding if best else "cp437"
    return "utf-8"
