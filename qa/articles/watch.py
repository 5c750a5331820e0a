"""Articles folder -> a signal at once, and one after each series of changes in it."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event

from qa.articles.scan import require_folder

SETTLE_MILLISECONDS = 500
"""Time without a further change before a signal: editors write a file in several steps."""

TIMEOUT_MILLISECONDS = 500
"""Time after which the library returns although nothing changed, to look at `stop`."""


def watch_articles(folder: Path, *, stop: Event | None = None) -> Iterator[None]:
    """Yield at once, and again whenever files below `folder` have changed; ends when `stop` is set.

    Raises:
        ArticlesMissing: there is no such folder.
    """
    from watchfiles import watch

    require_folder(folder)
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
    # Watching begins with the first `next`: before the first signal, so that no change is missed
    # after it.
    changed = next(changes, None)
    yield
    while changed is not None:
        if changed:
            yield
        changed = next(changes, None)
