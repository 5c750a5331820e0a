"""Files of unknown origin -> `Contents`, read in other processes, so that a zip bomb or an endless
loop ends only the reading of that file.

Each worker process reads many files, since starting one takes half a second. It is replaced when a
file has ended it, when it has used much memory, or after `MAX_JOBS` files.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Timer
from typing import Any

from qa.articles.formats import Format
from qa.articles.formats.common.contents import Contents, FormatError, PasswordNeeded
from qa.articles.isolation.worker import CPU_SECONDS, MAX_OUTPUT_BYTES, MEMORY_BYTES

WALL_SECONDS = 120.0
"""Time limit for a file, on the clock."""
MAX_JOBS = 500
GROWN_BYTES = 300 * 2**20
"""A worker whose peak memory was larger is replaced: it does not return memory."""
_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from {module} import main; main()"
)


def read_isolated(
    form: Format,
    data: bytes,
    *,
    password: str | None = None,
    url: str | None = None,
    encoding: str | None = None,
) -> Contents:
    """Read a file in a worker.

    Raises:
        PasswordNeeded: it is encrypted.
        FormatError: it cannot be read, or met a limit, which the message names.
    """
    if not form.is_available:
        raise FormatError(
            f'is {form.name}, which needs an extra: `pip install "article-qa[{form.extra}]"`'
        )
    given = {"password": password, "url": url, "encoding": encoding}
    options = {name: value for name, value in given.items() if value is not None}
    if password is not None and form.name != "PDF":
        del options["password"]
    _, body = _POOL.run({"task": "read", "format": form.name, "options": options}, data)
    try:
        return Contents.from_json(json.loads(body.decode("utf-8", "surrogatepass")))
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError("made its reader answer nonsense: it is damaged, or harmful") from error


def draw_isolated(data: bytes, **options: Any) -> tuple[bytes, dict[str, Any]]:
    """Draw a page of a PDF in a worker; see `picture.draw_page` for options and results.

    Raises:
        FormatError, PasswordNeeded: it cannot be drawn.
    """
    head, body = _POOL.run({"task": "page", "options": options}, data)
    return body, head


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes]
    jobs: int = 0
    peak: int = 0
    is_late: bool = False
    is_between: bool = True
    """Whether its last job is complete; if not, its output may still belong to that job."""

    @property
    def is_fit(self) -> bool:
        is_small = self.jobs < MAX_JOBS and self.peak < GROWN_BYTES
        return self.is_between and is_small and self.process.poll() is None

    def run(
        self, job: Mapping[str, Any], data: bytes, seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        assert self.process.stdin and self.process.stdout
        self.jobs += 1
        self.is_between = False
        timer = Timer(seconds, self._end_late)
        timer.daemon = True
        timer.start()
        try:
            self.process.stdin.write(json.dumps({**job, "size": len(data)}).encode() + b"\n")
            self.process.stdin.write(data)
            self.process.stdin.flush()
            head = json.loads(self.process.stdout.readline())
            body = self.process.stdout.read(min(head["size"], MAX_OUTPUT_BYTES))
        except (OSError, ValueError, TypeError, KeyError):
            head, body = {}, b""
        finally:
            timer.cancel()
        if not head or len(body) != head["size"]:
            self.process.kill()
            code = self.process.wait()
            raise FormatError(_why_ended(code, job, late=seconds if self.is_late else None))
        self.peak = int(head.get("peak", 0))
        self.is_between = True
        return head, body

    def _end_late(self) -> None:
        self.is_late = True
        self.process.kill()

    def end(self) -> None:
        with suppress(OSError):
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                with suppress(OSError):
                    stream.close()


def _why_ended(code: int, job: Mapping[str, Any], *, late: float | None) -> str:
    if late is not None:
        return f"took more than {late:.0f} s to read: it is damaged, harmful or far too long"
    if code == -getattr(signal, "SIGXCPU", 0) and code:
        return (
            f"took more than {job.get('seconds', CPU_SECONDS)} s of the processor to read: "
            "it is damaged, harmful or far too long"
        )
    memory = f"its memory is limited to {MEMORY_BYTES // 2**20} MiB"
    return (
        f"ended its reader ({_signal_name(code)}; {memory}): "
        "it is damaged, harmful or far too large"
    )


def _signal_name(code: int) -> str:
    try:
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"
    except ValueError:
        return f"signal {-code}"


@dataclass(slots=True)
class WorkerPool:
    """Worker processes, started on demand, at most `size` at once."""

    size: int = field(default_factory=lambda: max(1, min(4, os.cpu_count() or 1)))
    seconds: float = WALL_SECONDS
    started: int = 0
    _idle: list[_Worker] = field(default_factory=list)
    _busy: int = 0
    _changed: Condition = field(default_factory=Condition)

    def run(self, job: Mapping[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
        """Run a job in a worker; returns the head (JSON) and body of its answer.

        Raises:
            FormatError, PasswordNeeded: as the worker says, or because it ended.
        """
        with self._worker() as worker:
            head, body = worker.run(job, data, self.seconds)
        kind, error = head.get("kind"), str(head.get("error", ""))
        if kind == "password":
            raise PasswordNeeded(error)
        if kind == "limit":
            raise FormatError(
                f"needs more than {MEMORY_BYTES // 2**20} MiB of memory to read: it is far too "
                "large"
            )
        if kind:
            raise FormatError(error)
        return head, body

    @contextmanager
    def _worker(self) -> Iterator[_Worker]:
        with self._changed:
            while not self._idle and self._busy >= self.size:
                self._changed.wait()
            worker = self._idle.pop() if self._idle else None
            self._busy += 1
        try:
            if worker is None or not worker.is_fit:
                if worker is not None:
                    worker.end()
                worker = self._start()
            yield worker
        finally:
            with self._changed:
                self._busy -= 1
                if worker is not None and worker.is_fit:
                    self._idle.append(worker)
                elif worker is not None:
                    worker.end()
                self._changed.notify()

    def _start(self) -> _Worker:
        self.started += 1
        kept = {
            name: os.environ[name]
            for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH")
            if name in os.environ
        }
        paths = json.dumps([str(Path(path).absolute()) for path in sys.path])
        start = _START.format(module=f"{__package__}.worker")
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", start, paths],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**kept, "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1"},
            # Ctrl-C ends the build, which ends its workers.
            start_new_session=True,
        )
        return _Worker(process)

    def close(self) -> None:
        """End all idle workers."""
        with self._changed:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()


_POOL = WorkerPool()


@atexit.register
def close_workers() -> None:
    """End all idle workers of this program; the next file starts one."""
    _POOL.close()
