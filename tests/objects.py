"""A real server of objects, as S3 has them, on this machine: SeaweedFS, from its wheel on PyPI."""

import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

BUCKET = "archive"
_UP_WITHIN_SECONDS = 120
_TO_GRPC = 10_000
"""From the port of one of its parts to that by which the others speak to it."""


def find_server() -> str | None:
    """Path of its program, beside this Python or on the PATH."""
    return shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")


class ObjectStore:
    """A running server, with one bucket."""

    def __init__(self, program: str, folder: Path) -> None:
        ports = {part: _free_ports() for part in ("master", "filer", "volume", "s3")}
        self.address = f"http://127.0.0.1:{ports['s3']}"
        local = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}", "-s3"]
        quiet = ["-master.telemetry=false", "-s3.iam=false", "-s3.port.iceberg=0"]
        small = ["-master.volumeSizeLimitMB=64", "-volume.max=100"]
        listening = [f"-{part}.port={port}" for part, port in ports.items()]
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [program, "server", *local, *quiet, *small, *listening],
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def environment(self) -> dict[str, str]:
        """What any S3 client needs to reach it."""
        return {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT": self.address,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
        }

    def wait(self) -> None:
        """Wait until it has made its bucket, and keeps what is put there, which it does later."""
        until = time.monotonic() + _UP_WITHIN_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            with suppress(URLError, ConnectionError, TimeoutError):
                if self.put("") in (200, 409) and self.put("first", b"it keeps this") == 200:
                    return
            time.sleep(0.2)
        raise RuntimeError("the server of objects did not come up")

    def put(self, key: str, data: bytes = b"", headers: Mapping[str, str] | None = None) -> int:
        """Put an object (with an empty key, make the bucket); returns the HTTP status."""
        path = f"{self.address}/{BUCKET}/{key}".rstrip("/")
        request = Request(path, data, dict(headers or {}), method="PUT")
        try:
            with urlopen(request, timeout=30) as answer:
                return int(answer.status)
        except HTTPError as error:
            with closing(error):
                return error.code


@contextmanager
def run_object_store(program: str, folder: Path) -> Iterator[ObjectStore]:
    """A server while the block runs, to which this process's S3 clients are directed."""
    store = ObjectStore(program, folder)
    before = {name: os.environ.get(name) for name in store.environment}
    try:
        store.wait()
        os.environ.update(store.environment)
        yield store
    finally:
        store.process.kill()  # what it would settle first is thrown away
        store.process.wait()
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _free_ports() -> int:
    """A port that is free with the one that belongs to it."""
    while True:
        # Both below the ports that Linux gives to connections, from 32,768 on.
        port = random.randrange(15_000, 22_000)
        with suppress(OSError):
            for number in (port, port + _TO_GRPC):
                with closing(socket.socket()) as tried:
                    tried.bind(("127.0.0.1", number))
            return port
