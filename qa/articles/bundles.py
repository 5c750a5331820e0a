"""A folder or a zip archive that a person adds -> the files in it, each under its path there."""

import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from qa.articles.read import MAX_FORMATTED_BYTES, SUFFIXES, load_file
from qa.articles.scan import scan_files
from qa.errors import ArticleError, explaining

MAX_MEMBERS = 20_000
MAX_UNPACKED_BYTES = 4 * 2**30
"""Of all files in one archive together."""

_UNPACKING_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    EOFError,
    OSError,
    ValueError,
)


class BundledFile(NamedTuple):
    """One file of a folder or an archive."""

    name: str
    """Its path within, with `/` between the parts."""
    data: bytes


def open_folder(path: Path) -> Iterator[BundledFile | ArticleError]:
    """The files below a folder, in order; an error in the place of each that cannot be read. Hidden
    files are left out, and what a `.qaignore` in the folder names.

    Raises:
        ArticleError: a folder cannot be listed.
    """
    for name, _ in scan_files(path):
        try:
            yield BundledFile(name, load_file(path / name, path).data)
        except ArticleError as error:
            yield error


def open_zip(path: Path, *, password: str | None = None) -> Iterator[BundledFile | ArticleError]:
    """The files in a zip archive, in its order; an error in the place of each that cannot be read.

    Sizes are counted as the data is unpacked, whatever the archive says of itself.

    Raises:
        ArticleError: it is no archive, or holds far too much.
    """
    left = MAX_UNPACKED_BYTES
    try:
        with explaining(path), zipfile.ZipFile(path) as archive:
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
    except zipfile.BadZipFile as error:
        raise ArticleError(path, f"is no whole zip archive ({error}): fetch it again") from error


def _is_wanted(member: zipfile.ZipInfo) -> bool:
    """Whether it is a file that a person sees in the archive: no folder, link or hidden one."""
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
    except RuntimeError as error:  # so says zipfile of a password that is missing or wrong
        raise ArticleError(shown, f"cannot be unpacked ({error}): give --password") from error
    except _UNPACKING_ERRORS as error:
        raise ArticleError(shown, f"cannot be unpacked ({error}): pack it again") from error
    if len(data) > limit:
        raise ArticleError(shown, f"is larger than {limit // 2**20} MiB: split it")
    return data


def _decode_names(members: list[zipfile.ZipInfo]) -> list[str]:
    """Names as they were meant: archives that do not say "UTF-8" mean it all the same, or the code
    page of the machine where they were packed, which one guess over all names tells.
    """
    is_stated = [bool(member.flag_bits & 0x800) for member in members]
    raw = [
        member.filename.encode("utf-8" if stated else "cp437")
        for member, stated in zip(members, is_stated, strict=True)
    ]
    told = [data for data, stated in zip(raw, is_stated, strict=True) if not stated]
    encoding = _guess_name_encoding(b"\n".join(told))
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
