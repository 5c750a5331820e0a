"""Articles folder -> one tick now, and one after each run of changes in it."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event

from qa.errors import ArticlesMissing

SETTLE_MILLISECONDS = 500
"""Without a further change, before a tick: an editor writes a file in several steps."""

TIMEOUT_MILLISECONDS = 500
"""After so long without a change the watch reports that there is none."""


def watch_articles(folder: Path, *, stop: Event | None = None) -> Iterator[None]:
    """Yield at once, and again whenever files below `folder` have changed; ends when `stop` is set.

    Raises:
        ArticlesMissing: there is no such folder.
    """
    from watchfiles import watch

    if not folder.is_dir():
        raise ArticlesMissing(
            f"there is no folder {folder}: make it, or name another with --articles"
        )
    changes = watch(
        folder,
        watch_filter=lambda _, path: not Path(path).name.startswith("."),
        debounce=10 * SETTLE_MILLISECONDS,
        step=SETTLE_MILLISECONDS,
        stop_event=stop,
        yield_on_timeout=True,
        rust_timeout=TIMEOUT_MILLISECONDS,
        raise_interrupt=True,
    )
    # The watch begins when it is first asked: before the first tick, so that no change falls
    # between that and it.
    changed = next(changes, None)
    yield
    while changed is not None:
        if changed:
            yield
        changed = next(changes, None)
