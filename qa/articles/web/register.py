"""What was fetched into the articles folder -> a register of where each file came from, when, and
with which headers, so that it is cited by its address and not fetched again while it is current.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from qa.errors import QAError, explaining

if TYPE_CHECKING:  # fetching loads TLS and HTTP, which an index is searched without
    from qa.articles.web.fetch import Fetched

REGISTER_FILE = ".addresses.json"
"""Name of the file in the articles folder; hidden, so that it is not an article."""


class Source(NamedTuple):
    """Where a file was fetched from."""

    url: str
    """The address requested."""
    final_url: str
    """Where redirects led."""
    fetched: str
    """When: ISO 8601, UTC."""
    sha256: str
    """Of the file's bytes, in hexadecimal."""
    headers: Mapping[str, str]
    """Type, language and version, as the server stated them."""

    @classmethod
    def of(cls, fetched: "Fetched") -> Self:
        """The source of a fetched file."""
        return cls(
            fetched.url,
            fetched.final_url,
            fetched.fetched,
            fetched.sha256,
            dict(fetched.headers),
        )


@dataclass(slots=True)
class Register:
    """The sources of all fetched files in an articles folder."""

    files: dict[str, Source] = field(default_factory=dict)
    """Article id -> where its file came from."""
    feeds: dict[str, Source] = field(default_factory=dict)
    """Address of a feed -> its last version."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the register of an articles folder; an empty one if there is no file.

        Raises:
            QAError: the file is not a register.
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
                    {key: _read_source(row) for key, row in stored[part].items()}
                    for part in ("files", "feeds")
                )
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise QAError(
                f"{path} does not hold the sources of fetched articles ({error!r}): move it away; "
                "the articles stay, and are fetched again when their addresses are added again"
            ) from error

    def save(self, folder: Path) -> None:
        """Write the register atomically, so that others read the old one or the new one.

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
        """Article id and source of an address, requested or redirected to; None if unknown."""
        for article_id, source in self.files.items():
            if url in (source.url, source.final_url):
                return article_id, source
        return None


def _read_source(row: dict[str, Any]) -> Source:
    source = Source(**row)
    texts = [*source[:-1], *source.headers.keys(), *source.headers.values()]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a value is no text")
    return source


@contextmanager
def changing(folder: Path) -> Iterator[Register]:
    """Open the register for changes under a lock, and save it at the end."""
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
    """The address that a file was fetched from, if it is unchanged since."""
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
