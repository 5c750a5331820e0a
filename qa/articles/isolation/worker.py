"""The program of a worker process: files on stdin -> `Contents` or pictures on stdout.

Both ways, a message is a line of JSON with the size of the bytes that follow it. The process has
limits on memory and time; it cannot use the network, start programs, or open files for writing or
outside Python's own folders.
"""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

MEMORY_BYTES = 2**30
CPU_SECONDS = 30
OPEN_FILES = 64
MAX_OUTPUT_BYTES = 256 * 2**20


class Forbidden(Exception):
    """A reader tried to do something that it is not allowed to do."""


def main() -> None:
    """Serve jobs until the input ends."""
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # What a library prints must not be taken for an answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.stdout = sys.stderr
    sys.dont_write_bytecode = True
    _limit_process()
    _forbid()
    while line := source.readline():
        job = json.loads(line)
        data = source.read(job.pop("size"))
        _allow_seconds(int(job.pop("seconds", CPU_SECONDS)))
        head, body = _run(job, data)
        _send(target, head, body)


def _run(job: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    from qa.articles.formats.common.contents import FormatError, PasswordNeeded

    try:
        if job["task"] == "page":
            from qa.articles.formats.pdf.picture import draw_page

            body, head = draw_page(data, **job["options"])
        else:
            from qa.articles.formats import BY_NAME

            contents = BY_NAME[job["format"]].read(data, **job["options"])
            body, head = json.dumps(contents.to_json()).encode("utf-8", "surrogatepass"), {}
        if len(body) > MAX_OUTPUT_BYTES:
            raise FormatError(
                f"makes more than {MAX_OUTPUT_BYTES // 2**20} MiB of what is read: split it"
            )
    except PasswordNeeded as error:
        return {"error": str(error), "kind": "password"}, b""
    except FormatError as error:
        return {"error": str(error), "kind": "format"}, b""
    except MemoryError:
        return {"error": "memory", "kind": "limit"}, b""
    except RecursionError:
        return {"error": "is nested too deep: it is damaged, or no article", "kind": "format"}, b""
    except Forbidden as error:
        return {
            "error": f"made its reader reach for {error}: it is not read",
            "kind": "format",
        }, b""
    except ImportError as error:
        return {
            "error": f"needs a package that is missing ({error.name}): `qa formats` names it",
            "kind": "format",
        }, b""
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error)[:120]}"
        return {
            "error": f"cannot be read ({reason}): it is damaged; get it again or convert it",
            "kind": "format",
        }, b""
    return head, body


def _send(target: BinaryIO, head: dict[str, Any], body: bytes) -> None:
    head = {**head, "size": len(body), "peak": _peak_bytes()}
    target.write(json.dumps(head).encode() + b"\n")
    target.write(body)
    target.flush()


def _limit_process() -> None:
    """Limit memory, open files and output; Windows has none of these limits."""
    try:
        import resource
    except ImportError:
        return
    for name, value in (
        ("RLIMIT_AS", MEMORY_BYTES),
        ("RLIMIT_NOFILE", OPEN_FILES),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_CORE", 0),
    ):
        with suppress(ValueError, OSError, AttributeError):
            resource.setrlimit(getattr(resource, name), (value, value))
    _leave_network()


def _leave_network() -> None:
    """On Linux, enter a network namespace without devices, where users may make one."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    new_user, new_net, no_new_privileges = 0x10000000, 0x40000000, 38
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(no_new_privileges, 1, 0, 0, 0)
        if libc.unshare(new_net):
            libc.unshare(new_user | new_net)


def _allow_seconds(seconds: int) -> None:
    """Limit the CPU time of the next job; the system ends the process beyond it."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        resource.setrlimit(
            resource.RLIMIT_CPU,
            (int(used.ru_utime + used.ru_stime) + seconds + 1, resource.RLIM_INFINITY),
        )


def _peak_bytes() -> int:
    """Peak memory of this process in bytes; 0 where it is unknown.

    `ru_maxrss` cannot be used: on Linux it begins with the value of the parent process.
    """
    with suppress(OSError, ValueError, IndexError):
        status = Path("/proc/self/status").read_bytes()
        return int(status.partition(b"VmHWM:")[2].split()[0]) * 1024
    return 0


def _forbid() -> None:
    """Install an audit hook that refuses what no reader needs; it cannot be removed again."""
    libraries = [path for path in sys.path if path.endswith(("-packages", ".zip"))]
    package = Path(__file__).parents[2]
    ours = [package, *map(Path, (sys.prefix, sys.base_prefix, *libraries))]
    allowed = (
        *{f"{path.absolute()}{os.sep}" for path in ours},
        *{f"{path.resolve()}{os.sep}" for path in ours},
        *("/usr/share/zoneinfo/", "/usr/lib/", "/lib/"),
        *("/etc/localtime", "/etc/mime.types", "/proc/self/"),
    )
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    forbidden = tuple(
        """
        ftplib. os.chmod os.exec os.fork os.kill os.link os.mkdir os.posix_spawn os.remove
        os.rename os.rmdir os.symlink os.system pty. shutil. socket. subprocess. tempfile.
        urllib.Request webbrowser.
        """.split()
    )

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, int) or path == os.devnull:
                return
            if flags & writing:
                raise Forbidden("a file to write in")
            if isinstance(path, bytes):
                path = os.fsdecode(path)
            full = os.path.abspath(path)  # noqa: PTH100 (resolves "..", which pathlib leaves)
            if isinstance(path, str) and not (full + os.sep).startswith(allowed):
                raise Forbidden("another file")
        elif event.startswith(forbidden) and event != "socket.__new__":
            raise Forbidden("the network or another program")

    sys.addaudithook(hook)


if __name__ == "__main__":
    main()
