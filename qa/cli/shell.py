"""What all commands share: options, errors as one line, progress bars, output."""

import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, ParamSpec, TextIO, TypeVar

import click

from qa.errors import ArticlesMissing, DiskError, QAError, SettingError

if TYPE_CHECKING:
    from qa.index.interface import SearchIndex, Where
    from qa.types import Progress

_UNSAFE = re.compile(r"[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
P = ParamSpec("P")
R = TypeVar("R")

articles_option = click.option(
    "--articles",
    type=click.Path(path_type=Path, file_okay=False),
    default="index/articles",
    envvar="QA_ARTICLES",
    show_default=True,
    show_envvar=True,
    help="Folder with the articles.",
)


class Location(click.Path):
    """An option's type: a folder, as a Path, or the URI of a shared index, as a string."""

    name = "location"

    def __init__(self) -> None:
        super().__init__(path_type=Path, file_okay=False)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Called by click."""
        if isinstance(value, str) and "://" in value:
            return value
        return super().convert(value, param, ctx)


index_option = click.option(
    "--index",
    type=Location(),
    default="index",
    envvar="QA_INDEX",
    show_default=True,
    show_envvar=True,
    help="Folder of the index, or the URI of a shared one (s3://archive/qa).",
)
password_option = click.option(
    "--password", help="Of an encrypted PDF; kept nowhere, and asked for again if it is reread."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
reader_option = click.option(
    "--reader",
    default="bundled",
    show_default=True,
    help="Reader: the bundled one, or a Hugging Face name or folder.",
)
no_reader_option = click.option(
    "--no-reader", is_flag=True, help="Choose sentences by similarity and words alone."
)


_WHERE = (
    click.option(
        "--in", "article_ids", multiple=True, metavar="ID", help="Only this article; repeatable."
    ),
    click.option(
        "--since", metavar="DATE", help="Only articles of this day, month or year, or later."
    ),
    click.option(
        "--until", metavar="DATE", help="Only articles of this day, month or year, or earlier."
    ),
    click.option(
        "--author",
        "authors",
        multiple=True,
        help="Only articles by this author, or by several of whom this is one; repeatable.",
    ),
    click.option(
        "--language",
        "languages",
        multiple=True,
        metavar="CODE",
        help="Only articles in this language (en, ar); repeatable.",
    ),
    click.option(
        "--title", default="", metavar="WORDS", help="Only articles whose title holds these words."
    ),
)


def where_options(command: Callable[..., R]) -> Callable[..., R]:
    """Decorator: add the options that choose articles, passed to the command as one `where`."""

    @wraps(command)
    def chosen(
        *,
        article_ids: tuple[str, ...],
        since: str | None,
        until: str | None,
        authors: tuple[str, ...],
        languages: tuple[str, ...],
        title: str,
        **options: Any,
    ) -> R:
        from qa.index.interface import Where

        where = Where(article_ids or None, authors, since, until, languages, title)
        return command(where=where, **options)

    for option in reversed(_WHERE):
        chosen = option(chosen)
    return chosen


def check_articles(index: "SearchIndex", where: "Where") -> None:
    """Raise an ArticlesMissing if articles are chosen by an id that the index has not."""
    for article_id in where.article_ids or ():
        if index.get_article(article_id) is None:
            raise ArticlesMissing(
                f"there is no article {article_id!r} in the index: `qa list` names them all"
            )


def read_thresholds(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[float | None, float] | None:
    """Read `--threshold`: one bound, or two with a comma; None if it is not given."""
    if value is None:
        return None
    try:
        bounds = [float(part) for part in value.split(",")]
    except ValueError:
        bounds = []
    if (
        len(bounds) not in (1, 2)
        or bounds != sorted(bounds)
        or not all(0 <= bound <= 1 for bound in bounds)
    ):
        raise click.BadParameter(
            f"{value!r} is not one number from 0 to 1, nor two in rising order, like 0.2,0.5"
        )
    return (bounds[0] if len(bounds) == 2 else None), bounds[-1]


class _NotAllowed(click.ClickException):
    exit_code = 2


def report_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Decorator: print a QAError as one line on stderr, and exit with code 1, or with 2 where an
    option has a value that is not allowed.
    """

    @wraps(command)
    def reporting(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            _heed_interrupts()
            return command(*args, **kwargs)
        except QAError as error:
            kind = _NotAllowed if isinstance(error, SettingError) else click.ClickException
            raise kind(_one_line(str(error))) from None
        except BaseException as error:
            # A library that is interrupted while it is imported may raise any exception.
            if not isinstance(error, KeyboardInterrupt) and not _interrupted.is_set():
                raise
            # Not by `write_line`, which imports modules whose import may have been interrupted.
            _write(
                "stopped; what was done is kept, and the same command goes on from there", err=True
            )
            sys.exit(130)

    # In raw docstrings, click's mark for lines to be kept is two characters.
    reporting.__doc__ = (command.__doc__ or "").replace("\\b\n", "\b\n")
    return reporting


_interrupted = threading.Event()
"""Set by Ctrl-C."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    _interrupted.set()
    raise KeyboardInterrupt


def _heed_interrupts() -> None:
    """Let `report_errors` handle Ctrl-C from now on; see `qa.__main__`."""
    if (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    ):
        signal.signal(signal.SIGINT, _interrupt)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal; it is None if it was closed when the program started."""
    return stream is not None and stream.isatty()


@contextmanager
def show_progress() -> Iterator["Progress"]:
    """A progress bar on stderr for each kind of work, with rate, time left and the file's name;
    nothing if stderr is not a terminal.
    """
    from tqdm import tqdm

    bars: dict[str, tqdm[Any]] = {}

    def show(done: int, total: int, what: str) -> None:
        what, _, name = what.partition(": ")
        if what not in bars:
            for bar in bars.values():
                bar.close()
            # disable=None: silent unless stderr is a terminal
            bars[what] = tqdm(
                total=total,
                desc=what,
                leave=False,
                disable=None,
                dynamic_ncols=True,
                unit_scale=total > 100_000,
                unit="",
            )
        bars[what].total = total
        if name:
            bars[what].set_postfix_str(_one_line(name), refresh=False)
        bars[what].update(done - bars[what].n)

    try:
        yield show
    finally:
        for bar in bars.values():
            bar.close()


def write_line(*parts: str, err: bool = False) -> None:
    """Print one line, with tabs between its parts; line breaks and control characters in them are
    shown as symbols.
    """
    _write("\t".join(map(_one_line, parts)), err=err)


def print_rendered(text: str) -> None:
    """Print text that `qa.render` made for a terminal."""
    _write(text)


def print_json(value: object, *, indent: int | None = 2) -> None:
    """Print a value as JSON on stdout, with control and bidirectional characters escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    _write(_UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def _write(text: str, *, err: bool = False) -> None:
    stream = sys.stderr if err else sys.stdout
    if stream is None:
        if err:  # nobody can read it
            return
        raise DiskError("standard output is closed: let it go to a file or a terminal")
    try:
        click.echo(text, err=err)
    except BrokenPipeError:
        raise  # the reader of a pipe has closed it: click exits silently
    except OSError as error:
        # Buffered output must not fail again when the program ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise DiskError.explain(error, "standard error" if err else "standard output") from error


def _one_line(text: str) -> str:
    from qa.render import one_line

    return one_line(text)
