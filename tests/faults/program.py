"""One change to an index, as a program to be killed: `python -m tests.faults.program ACTION FOLDER
[FAULT SEED]`.

FOLDER has "articles", "index" and "new"; the stand-in encoder is used. FAULT is ENOSPC or EIO: one
write, chosen by the seed, fails with it; prints "failed" where that came up as an error that names
the index, "done" otherwise.
"""

import errno
import os
import random
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qa.articles.folder import add_files, move_out
from qa.articles.read import detect_language
from qa.errors import QAError
from qa.index import build as building
from qa.index.build import build
from qa.index.store import StoreWriter
from qa.index.vectors import FaissIndex
from qa.index.words import WordIndex
from tests.standin import HashEncoder

MOST_WRITES = 30
building.ENCODE_AT_ONCE = 8


def act(action: str, folder: Path) -> None:
    """Do what `qa add`, `qa remove`, `qa build` and `qa build --reembed` do."""
    articles, index = folder / "articles", folder / "index"
    if action == "add":
        add_files(articles, sorted((folder / "new").iterdir()))
    elif action == "remove":
        for name in sorted(path.name for path in articles.iterdir())[:2]:
            move_out(articles, name, index / "removed")
    elif action == "build":
        for path in sorted(articles.iterdir())[::2]:
            with path.open("a") as file:
                file.write(f"\nA line was added to {path.stem} on Monday.\n")
    version = "2" if action == "reembed" else "1"
    build(
        articles,
        index,
        encoder=HashEncoder(version=version),
        reembed=action == "reembed",
        allow_empty=True,
    )


def fail_a_write(fault: str, seed: int) -> None:
    """Make one of the coming writes fail, of the store, of the vectors' file, of the words' folder
    or of an fsync."""
    left = random.Random(seed).randrange(MOST_WRITES)
    code = getattr(errno, fault)

    def harm(function: Callable[..., Any], error: Exception) -> Callable[..., Any]:
        def harmed(*args: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == -1:
                raise error
            return function(*args, **options)

        return harmed

    failure = OSError(code, os.strerror(code))
    full = sqlite3.OperationalError(
        "database or disk is full" if fault == "ENOSPC" else "disk I/O error"
    )
    for name in (
        "stage_article",
        "put_vectors",
        "put_staged",
        "remove_article",
        "write_meta",
        "publish",
        "keep_vectors",
    ):
        setattr(StoreWriter, name, harm(getattr(StoreWriter, name), full))
    os.fsync = harm(os.fsync, failure)
    os.link = harm(os.link, failure)
    Path.write_text = harm(Path.write_text, failure)  # type: ignore[method-assign]
    Path.rename = harm(Path.rename, failure)  # type: ignore[method-assign]
    # Where the engines write themselves, what they raise is raised here.
    for engine, method, raised in (
        (FaissIndex, "write", RuntimeError(f"write error: {os.strerror(code)}")),
        (WordIndex, "_add", ValueError(f"An IO error occurred: {os.strerror(code)}")),
    ):
        setattr(engine, method, harm(getattr(engine, method), raised))


if __name__ == "__main__":
    action, folder = sys.argv[1], Path(sys.argv[2])
    # What takes seconds and writes nothing comes first: kills are to fall into the work.
    detect_language("The keeper of the tower rang the bell.")
    FaissIndex.build([1], HashEncoder().encode_queries(["a word"]))
    print("ready", flush=True)
    if len(sys.argv) > 3:
        fail_a_write(sys.argv[3], int(sys.argv[4]))
    try:
        act(action, folder)
        print("done", flush=True)
    except QAError as error:
        assert str(folder) in str(error), error
        print("failed", flush=True)
