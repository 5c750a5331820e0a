"""RTF -> `Contents`: its text and the rows of its tables."""

import re

from qa.articles.formats.common.contents import Contents, FormatError, TextWriter, stated
from qa.places import ROW


def read_rtf(data: bytes) -> Contents:
    """Read a text in Rich Text Format.

    Raises:
        FormatError: it is empty or damaged.
    """
    source = data.decode("latin-1")
    if source.count("{") > 2_000_000:
        raise FormatError("has more than 2,000,000 groups: it is no text that a person wrote")
    try:
        text = _to_text(source)
    except (ValueError, LookupError, IndexError, TypeError, RecursionError) as error:
        raise FormatError(
            f"is damaged ({str(error)[:80]}): save it again as RTF or DOCX"
        ) from error
    writer = TextWriter()
    for line in text.split("\n"):
        cells = [cell.strip() for cell in line.split("|")]
        if line.endswith("|") and len(cells) > 2:
            writer.add("\t".join(cells[:-1]), kind=ROW)
        else:
            writer.add(line)
    if not writer.blocks:
        raise FormatError("holds no words: write something in it or remove it")
    # "creatim" says when the file was made, not when it was published.
    return writer.finish(title=_info(source, "title"), author=_info(source, "author"))


def _to_text(source: str) -> str:
    from striprtf.striprtf import rtf_to_text

    return str(rtf_to_text(source, errors="replace"))


def _info(source: str, name: str) -> str | None:
    match = re.search(r"\{\\" + name + r" ([^{}]{1,500})\}", source[:200_000])
    if not match:
        return None
    return stated(_to_text("{\\rtf1 " + match[1] + "}"))
