"""What was fetched into the articles folder -> a register of where each file came from, when, and
with which headers, so that it is cited by its address and not fetched again while it is current.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self

from qa.articles.web.fetch import Fetched
from qa.errors import QAError, explaining

REGISTER_FILE = ".addresses.json"
"""In the articles folder; hidden, so it is no article."""


class Source(NamedTuple):
    """Where a file came from."""

    url: str
    """The address that was asked for."""
    final_url: str
    """Where redirects led."""
    fetched: str
    """When: ISO 8601, UTC."""
    sha256: str
    """Of the bytes, in hexadecimal."""
    headers: Mapping[str, str]
    """Type, language and version, as the server told them."""

    @classmethod
    def of(cls, fetched: Fetched) -> Self:
        """The source that a fetched file has."""
        return cls(
            fetched.url,
            fetched.final_url,
            fetched.fetched,
            fetched.sha256,
            dict(fetched.headers),
        )


@dataclass(slots=True)
class Register:
    """All sources of an articles folder."""

    files: dict[str, Source] = field(default_factory=dict)
    """Article id -> where its file came from."""
    feeds: dict[str, Source] = field(default_factory=dict)
    """Address of a feed -> what was there last."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the register of an articles folder; an empty one where there is none.

        Raises:
            QAError: the file is no register.
            DiskError: it cannot be read.
        """
        path = folder / REGISTER_FILE
        with explaining(path):
            if not path.exists():
                return cls()
            data = path.read_bytes()
        try:
            stored: dict[str, Any] = json.loads(data)
            return cls(
                *(
                    {key: Source(**row) for key, row in stored[part].items()}
                    for part in ("files", "feeds")
                )
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise QAError(
                f"{path} does not hold the sources of fetched articles ({error!r}): move it away; "
                "the articles stay, and are fetched anew when their addresses are added again"
            ) from error

    def save(self, folder: Path) -> None:
        """Write the register in one step: whoever reads it meanwhile has the old or the new one.

        Raises:
            DiskError: it cannot be written.
        """
        path = folder / REGISTER_FILE
        rows = {
            part: {key: source._asdict() for key, source in sorted(getattr(self, part).items())}
            for part in asdict(self)
        }
        with explaining(path):
            partial = path.with_name(f"{path.name}.part")
            partial.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
            partial.replace(path)

    def find(self, url: str) -> tuple[str, Source] | None:
        """The article that came from an address, asked for or led to, and its source."""
        for article_id, source in self.files.items():
            if url in (source.url, source.final_url):
                return article_id, source
        return None


@contextmanager
def changing(folder: Path) -> Iterator[Register]:
    """The register, to change; saved at the end, and changed by no other process meanwhile."""
    from filelock import FileLock

    with explaining(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{REGISTER_FILE}.lock")
        lock.acquire()
    try:
        register = Register.load(folder)
        yield register
        register.save(folder)
    finally:
        lock.release()


def find_address(folder: Path, article_id: str, sha256: str) -> str | None:
    """The address that a file came from, if it is still as it was fetched."""
    try:
        stamp = (folder / REGISTER_FILE).stat().st_mtime_ns
    except OSError:
        return None
    try:
        source = _load(folder, stamp).files.get(article_id)
    except QAError:  # what is wrong with the register harms no article
        return None
    return source.final_url if source and source.sha256 == sha256 else None


@lru_cache(maxsize=4)
def _load(folder: Path, stamp: int) -> Register:
    return Register.load(folder)
