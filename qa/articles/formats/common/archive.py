"""Zip archives and the XML within, read under limits on unpacked sizes: what DOCX, ODT and EPUB
share.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from qa.articles.formats.common.contents import FormatError

MAX_PART_BYTES = 64 * 2**20
MAX_ALL_BYTES = 256 * 2**20
MAX_MEMBERS = 10_000
_CHUNK = 2**16


class Archive:
    """A zip file whose members are read with limits on their unpacked size, alone and together."""

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (
            zipfile.BadZipFile,
            ValueError,
            NotImplementedError,
            OverflowError,
            EOFError,
        ) as error:
            raise FormatError("is a damaged or incomplete archive: get it again") from error
        members = self._zip.infolist()
        if len(members) > MAX_MEMBERS:
            raise FormatError(
                f"has {len(members):,} files within (at most {MAX_MEMBERS:,}): split it"
            )
        self._members = {member.filename: member for member in members}
        self._left = MAX_ALL_BYTES

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def names(self) -> Iterator[str]:
        """Names of all members, in order."""
        return iter(self._members)

    def read(self, name: str) -> bytes:
        """One member, unpacked.

        Raises:
            FormatError: it is missing, encrypted, damaged, or too large when unpacked.
        """
        member = self._members.get(name)
        if member is None:
            raise FormatError(f"lacks its part {name!r}: it is damaged, or of another kind")
        if member.flag_bits & 1:
            raise FormatError("is encrypted: save a copy without a password")
        limit = min(MAX_PART_BYTES, self._left)
        pieces: list[bytes] = []
        size = 0
        try:
            # What an archive says of its members' sizes may be a lie: count what comes out.
            with self._zip.open(member) as stream:
                while piece := stream.read(_CHUNK):
                    size += len(piece)
                    if size > limit:
                        raise FormatError(
                            f"unpacks to more than {limit // 2**20} MiB ({name!r}): it is a "
                            "zip bomb, or no article"
                        )
                    pieces.append(piece)
        except (
            zipfile.BadZipFile,
            OSError,
            EOFError,
            ValueError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise FormatError(f"is damaged in its part {name!r}: get it again") from error
        except Exception as error:  # zlib.error and the like, which have no common base
            if isinstance(error, FormatError):
                raise
            raise FormatError(f"is damaged in its part {name!r}: get it again") from error
        self._left -= size
        return b"".join(pieces)

    def read_xml(self, name: str) -> Any:
        """Root element of a member."""
        return parse_xml(self.read(name), name)


def parse_xml(data: bytes, name: str = "its text") -> Any:
    """Root element of XML in which no entity is declared.

    Raises:
        FormatError: it declares entities, or is no XML.
    """
    from lxml import etree

    if (
        re.search(rb"<!ENTITY", data)
        or b"<\x00!\x00E\x00N\x00T" in data
        or b"\x00<\x00!\x00E\x00N\x00T" in data
    ):
        raise FormatError(
            f"declares entities in {name}, as no program writes and attackers do: it is not read"
        )
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False
    )
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise FormatError(f"is damaged: {name} is not XML ({str(error)[:100]})") from error


def local_name(element: Any) -> str:
    """An element's name without its namespace; empty for comments and instructions."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def get_attribute(element: Any, name: str) -> str | None:
    """An attribute, whatever its namespace: strict and transitional files differ in it."""
    return next(
        (str(value) for key, value in element.attrib.items() if key.rpartition("}")[2] == name),
        None,
    )
