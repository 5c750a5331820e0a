"""The commands that change the articles folder, and then the index: add, remove."""

from pathlib import Path

import click

from qa.cli.building import add_from_feed, finish, print_report, run_build
from qa.cli.shell import (
    articles_option,
    index_option,
    json_option,
    password_option,
    report_errors,
    show_progress,
    write_line,
)
from qa.errors import ArticleError, SettingError


def _is_address(source: str) -> bool:
    return source.lower().startswith(("http://", "https://"))


def _check_sources(
    context: click.Context, parameter: click.Parameter, sources: tuple[str, ...]
) -> tuple[str, ...]:
    there = click.Path(exists=True)
    for source in sources:
        if "://" in source and not _is_address(source):
            raise click.BadParameter(f"{source!r}: only http:// and https:// are fetched")
        if not _is_address(source):
            there.convert(source, parameter, context)
    return sources


@click.command()
@click.argument("paths", metavar="[PATH|ADDRESS]...", nargs=-1, callback=_check_sources)
@click.option(
    "--feed",
    "feeds",
    metavar="ADDRESS",
    multiple=True,
    help="Fetch what the entries of a feed (RSS, Atom) link to, once each.",
)
@articles_option
@index_option
@password_option
@json_option
@report_errors
def add(
    paths: tuple[str, ...],
    feeds: tuple[str, ...],
    articles: Path,
    index: Path | str,
    password: str | None,
    as_json: bool,
) -> None:
    r"""Copy files, folders, zip archives, or what is at addresses, into the articles folder, and
    index them.

    Nothing is overwritten: where a different article has the name, the new one gets a number; what
    is there already is not added twice. Addresses (https://...) are fetched if they are public;
    one that was added before is asked only for what has changed, and its old file is kept among
    the removed ones.

    \b
    Examples:
      qa add ~/Downloads/*.pdf ~/reports archive.zip
      qa add https://example.org/report.html
      qa add --feed https://example.org/rss
    """
    if not paths and not feeds:
        raise SettingError("there is nothing to add: name files, folders, addresses or --feed")
    added, errors = _add_paths(
        articles, index, [Path(path) for path in paths if not _is_address(path)], password
    )
    for address in filter(_is_address, paths):
        _add_address(articles, index, address, password, added, errors)
    for feed in feeds:
        found, more = add_from_feed(articles, feed)
        added += found
        errors += more
    there = [error for error in errors if error.same_as]
    errors = [error for error in errors if not error.same_as]
    for note in there:
        write_line(f"note: {note}", err=True)
    if errors and not added and not there:
        for problem in errors[:-1]:
            write_line(str(problem), err=True)
        raise errors[-1]
    finish(run_build(articles, index, password=password), errors, as_json=as_json)


def _add_paths(
    articles: Path, index: Path | str, paths: list[Path], password: str | None
) -> tuple[list[str], list[ArticleError]]:
    from qa.articles.folder import add_files

    with show_progress() as progress:
        return add_files(articles, paths, password=password, progress=progress)


def _add_address(
    articles: Path,
    index: Path | str,
    address: str,
    password: str | None,
    added: list[str],
    errors: list[ArticleError],
) -> None:
    from qa.articles.addresses import add_address, name_address
    from qa.errors import FetchError
    from qa.index.locate import find_removed

    try:
        placed = add_address(
            articles, address, removed=find_removed(articles, index), password=password
        )
    except ArticleError as error:
        errors.append(error)
    except FetchError as error:
        errors.append(name_address(address, error))
    else:
        added.append(placed.id)
        write_line(f"{address}: {placed.change}, as {placed.id}", err=True)


@click.command()
@click.argument("article_ids", metavar="ID...", nargs=-1, required=True)
@articles_option
@index_option
@json_option
@report_errors
def remove(article_ids: tuple[str, ...], articles: Path, index: Path | str, as_json: bool) -> None:
    r"""Take articles, named as `qa list` does, out of the index.

    Their files are moved from the articles folder to "removed" in the index (beside the articles
    folder where the index is a shared one), so that a slip can be undone.

    \b
    Example:
      qa remove old.txt
    """
    from qa.articles.folder import find_article, move_out
    from qa.index.locate import find_removed

    for article_id in article_ids:
        find_article(articles, article_id)  # all or none
    removed = find_removed(articles, index)
    for article_id in dict.fromkeys(article_ids):
        write_line(f"moved to {move_out(articles, article_id, removed)}", err=True)
    report = run_build(articles, index, allow_empty=True)
    print_report(report, list(report.errors), as_json=as_json)


COMMANDS = (add, remove)
