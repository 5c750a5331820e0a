"""A URI -> the tables there, the generations published, and the lease of a building process."""

import json
import os
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from hashlib import sha256
from threading import Event, Thread
from time import time
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from qa.errors import ExtraMissing, IndexBusy, IndexMissing, IndexUnreachable, QAError

if TYPE_CHECKING:
    import lancedb
    import pyarrow as pa
    from lancedb.table import Table

ARTICLES, PASSAGES, WORDS, GENERATIONS, LEASE = (
    "articles",
    "passages",
    "words",
    "generations",
    "lease",
)
FORMAT = 1
"""Version of the tables; raised when they change."""
TIMEOUT = timedelta(seconds=30)
"""For one query; then the storage counts as unreachable."""
LEASE_MS = 60_000
"""How long a lease is valid without renewal."""
_RENEW_SECONDS = 15.0
_KEPT_GENERATIONS = 20
_SOURCE_LINE = re.compile(r",?\s*\S*/\S+\.rs:\d+(?::\d+)?")
"""Places in the sources of Lance, in its messages."""
_STORAGE = {
    "connect_timeout": "5s",
    "request_timeout": "30s",
    "client_max_retries": "3",
    "client_retry_timeout": "20",
}


@dataclass(frozen=True, slots=True)
class Generation:
    """One published state of an index."""

    number: int
    build_id: str
    versions: dict[str, int]
    """Name of a table -> its version."""
    made_with: dict[str, str]
    """Encoder, splitter and other settings on which the rows depend."""
    counts: dict[str, int]
    """Numbers of "articles" and "passages"."""
    lengths: dict[str, int]
    """Field -> number of words of all passages in it."""
    languages: tuple[str, ...]
    search: dict[str, Any] = field(default_factory=dict)
    """How vectors are searched, and the recall that was measured; and what the next build has to
    know: "words", how many there were when they were last summed, and "to_clean", how many builds
    are to remove old versions."""
    published: float = 0.0
    """Seconds since 1970."""

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.made_with["dim"])


@contextmanager
def reaching(location: str) -> Iterator[None]:
    """Turn exceptions of the storage or of Lance inside the block into an IndexUnreachable."""
    try:
        yield
    except QAError:
        raise
    except (RuntimeError, OSError, ValueError, TimeoutError) as error:
        told = _SOURCE_LINE.sub("", " ".join(str(error).split()))
        reason = told[:300] or type(error).__name__
        raise IndexUnreachable(
            f"{location} does not answer as it should ({reason}): check the network, the "
            "credentials in the environment "
            "and that the storage is up, then ask again"
        ) from error


class Dataset:
    """The tables at one URI."""

    def __init__(self, location: str, database: "lancedb.DBConnection") -> None:
        self.location = location
        self._database = database

    @classmethod
    def connect(cls, location: str) -> Self:
        """Connect to a URI; nothing is read yet.

        Raises:
            ExtraMissing: the extra `scale` is not installed.
        """
        os.environ.setdefault(
            "LANCE_INCLUDE_VECTOR_CENTROIDS", "false"
        )  # it warns on stderr otherwise
        try:
            import lancedb
        except ImportError:
            raise ExtraMissing(
                f'{location} needs the extra "scale": run `pip install "article-qa[scale]"`'
            ) from None
        is_remote = not location.startswith("file://")
        with reaching(location):
            return cls(
                location, lancedb.connect(location, storage_options=_STORAGE if is_remote else None)
            )

    def table(self, name: str, version: int | None = None) -> "Table":
        """A table as it is now, or read-only at a version."""
        with reaching(self.location):
            table = self._database.open_table(name)
            if version is not None:
                table.checkout(version)
            return table

    def tables(self, generation: Generation) -> dict[str, "Table"]:
        """The tables at the versions of a generation."""
        return {name: self.table(name, version) for name, version in generation.versions.items()}

    def exists(self) -> bool:
        """Whether a build was ever begun here."""
        with reaching(self.location):
            return GENERATIONS in self._names()

    def _names(self) -> set[str]:
        return set(self._database.list_tables(limit=100).tables)

    def create(self, schemas: "dict[str, pa.Schema]") -> None:
        """Create the tables that do not exist yet."""
        import pyarrow as pa

        free = pa.table({"key": ["builder"], "holder": [""], "expires": [0]})
        with reaching(self.location):
            for name, schema in schemas.items():
                self._create(name, schema=schema)
            self._create(LEASE, data=free)
            self._create(
                GENERATIONS,
                schema=pa.schema(
                    [("number", pa.int64()), ("values", pa.string()), ("checksum", pa.string())]
                ),
            )

    def _create(self, name: str, **contents: Any) -> None:
        if name in self._names():
            return
        try:
            self._database.create_table(name, **contents)
        except (ValueError, RuntimeError):
            if name not in self._names():  # else another has made it meanwhile
                raise

    # -- generations
    # ---------------------------------------------------------------------------------------------

    def newest(self) -> Generation | None:
        """The generation published last; None before the first build."""
        if not self.exists():
            return None
        return read_newest(self.table(GENERATIONS), self.location)

    def require_newest(self) -> Generation:
        """The generation published last.

        Raises:
            IndexMissing: there is none.
        """
        found = self.newest()
        if found is None:
            raise IndexMissing(
                f"there is no index at {self.location}: run `qa build --index {self.location}`"
            )
        return found

    def publish(self, generation: Generation) -> None:
        """Publish a generation, in one commit.

        Raises:
            IndexBusy: another build has published meanwhile.
        """
        import pyarrow as pa

        values = json.dumps({**asdict(generation), "format": FORMAT}, sort_keys=True)
        row = {"number": [generation.number], "values": [values], "checksum": [_hash(values)]}
        table = self.table(GENERATIONS)
        with reaching(self.location):
            result = (
                table.merge_insert("number").when_not_matched_insert_all().execute(pa.table(row))
            )
        if result.num_inserted_rows != 1:
            raise IndexBusy(
                f"another build of {self.location} has been published meanwhile: run `qa build` "
                "again"
            )
        if generation.number % _KEPT_GENERATIONS == 0:
            with reaching(self.location):
                table.delete(f"number <= {generation.number - _KEPT_GENERATIONS}")
                table.optimize(cleanup_older_than=timedelta(hours=1))

    # -- the lease ---------------------------------------------------------------------------------
    # --------------

    @contextmanager
    def lease(self) -> Iterator["Lease"]:
        """Keep other builds out; a lease whose holder has died ends within a minute.

        Raises:
            IndexBusy: another process is building.
        """
        lease = Lease(self)
        lease.take()
        try:
            yield lease
        finally:
            lease.give_back()


class Lease:
    """The right to build, valid for a minute and renewed by a background thread."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._holder = json.dumps(
            {"host": socket.gethostname(), "process": os.getpid(), "id": uuid4().hex}
        )
        self._expires = 0
        self._ended = Event()
        self._thread = Thread(target=self._go_on_renewing, name="lease", daemon=True)

    def take(self) -> None:
        """Take the lease, or raise IndexBusy."""
        with reaching(self._dataset.location):
            [row] = self._dataset.table(LEASE).to_arrow().to_pylist()
        if row["holder"] and row["expires"] > _now() and not _has_ended(row["holder"]):
            raise self._busy(row["holder"])
        if not self._replace(row["holder"], row["expires"], self._holder, _now() + LEASE_MS):
            raise self._busy("")
        self._thread.start()

    def check(self) -> None:
        """Raise IndexBusy if it has expired, as when this process was suspended."""
        if self._expires < _now():
            raise self._busy("")

    def give_back(self) -> None:
        """Release the lease."""
        self._ended.set()
        self._thread.join()
        with suppress(QAError):  # it runs out by itself
            self._replace(self._holder, self._expires, "", 0)

    def _go_on_renewing(self) -> None:
        while not self._ended.wait(_RENEW_SECONDS):
            try:
                self._replace(self._holder, self._expires, self._holder, _now() + LEASE_MS)
            except QAError:
                continue  # tried again; `check` raises once it has expired

    def _replace(self, holder: str, expires: int, new_holder: str, new_expires: int) -> bool:
        """Compare and swap in one atomic step; returns whether the lease was as given."""
        import pyarrow as pa

        row = pa.table({"key": ["builder"], "holder": [new_holder], "expires": [new_expires]})
        unchanged = f"target.holder = '{holder}' AND target.expires = {expires}"
        table = self._dataset.table(LEASE)
        with reaching(self._dataset.location):
            result = table.merge_insert("key").when_matched_update_all(where=unchanged).execute(row)
        if result.num_updated_rows == 1:
            self._expires = new_expires
        return bool(result.num_updated_rows == 1)

    def _busy(self, holder: str) -> IndexBusy:
        named = json.loads(holder) if holder else None
        name = f"process {named['process']} on {named['host']}" if named else "another process"
        return IndexBusy(
            f"{name} is building the index at {self._dataset.location}: wait until it is done"
        )


def _has_ended(holder: str) -> bool:
    """Whether the holder was a process of this machine that has ended."""
    named = json.loads(holder)
    if named["host"] != socket.gethostname() or os.name == "nt":
        return False
    try:
        os.kill(named["process"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def read_newest(table: "Table", location: str) -> Generation | None:
    """The newest row of the table of generations, or None."""
    with reaching(location):
        rows: Sequence[dict[str, Any]] = table.to_arrow().to_pylist()
    if not rows:
        return None
    row = max(rows, key=lambda row: row["number"])
    if _hash(row["values"]) != row["checksum"]:
        raise IndexUnreachable(
            f"the newest generation at {location} has been altered: run `qa build`"
        )
    values = json.loads(row["values"])
    if (found := values.pop("format")) != FORMAT:
        raise IndexMissing(
            f"the index at {location} has format {found}, this version reads {FORMAT}: build "
            "another"
        )
    return Generation(**{**values, "languages": tuple(values["languages"])})


def _now() -> int:
    """Milliseconds since 1970."""
    return round(1000 * time())


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
