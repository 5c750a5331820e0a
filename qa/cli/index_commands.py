"""The commands that keep an index in order: build, add, remove, info, doctor, verify."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qa.cli.shell import (
    Location,
    articles_option,
    index_option,
    json_option,
    password_option,
    print_json,
    show_progress,
    tell,
    tell_errors,
)
from qa.errors import ArticleError, QAError

if TYPE_CHECKING:
    from qa.index.build import BuildReport
    from qa.index.doctor import Finding


@click.command()
@articles_option
@index_option
@click.option(
    "--reembed",
    is_flag=True,
    help="Encode everything again, also with another encoder than before.",
)
@click.option("--allow-empty", is_flag=True, help="Accept that no article is left.")
@click.option(
    "--workers",
    help="For a shared index: so many processes, or the address of a Ray cluster.",
)
@password_option
@click.option("--watch", is_flag=True, help="Go on, and build again whenever an article changes.")
@json_option
@tell_errors
def build(
    articles: Path,
    index: Path | str,
    reembed: bool,
    allow_empty: bool,
    workers: str | None,
    password: str | None,
    watch: bool,
    as_json: bool,
) -> None:
    r"""Bring the index up to date with the articles folder.

    \b
    Example:
      qa build --articles ~/reports --index ~/reports-index
    """
    if watch:
        _build_on_changes(articles, index, allow_empty=allow_empty, as_json=as_json)
    report = _build(
        articles,
        index,
        reembed=reembed,
        allow_empty=allow_empty,
        workers=workers,
        password=password,
    )
    _finish(report, as_json=as_json)


def _is_address(source: str) -> bool:
    return source.lower().startswith(("http://", "https://"))


def _check_sources(
    context: click.Context, parameter: click.Parameter, sources: tuple[str, ...]
) -> tuple[str, ...]:
    there = click.Path(exists=True)
    for source in sources:
        if not _is_address(source):
            there.convert(source, parameter, context)
    return sources


@click.command()
@click.argument(
    "paths",
    metavar="PATH|ADDRESS...",
    nargs=-1,
    required=True,
    callback=_check_sources,
)
@articles_option
@index_option
@password_option
@json_option
@tell_errors
def add(
    paths: tuple[str, ...],
    articles: Path,
    index: Path | str,
    password: str | None,
    as_json: bool,
) -> None:
    r"""Copy files, or what is at addresses, into the articles folder and index them.

    Nothing is overwritten: where a different article has the name, the new one gets a number.
    Addresses (https://...) are fetched once, and only those that are public.

    \b
    Example:
      qa add ~/Downloads/*.pdf https://example.org/report.html
    """
    from qa.articles.fetch import FetchError
    from qa.articles.folder import add_files, place_address

    files = [Path(source) for source in paths if not _is_address(source)]
    added, errors = add_files(articles, files, password=password)
    for address in filter(_is_address, paths):
        try:
            added.append(place_address(articles, address, password=password))
        except ArticleError as error:
            errors.append(error)
        except FetchError as error:
            named = Path(address.partition("://")[2])
            errors.append(ArticleError(named, str(error).removeprefix(f"{address}: ")))
    if not added:
        for problem in errors[:-1]:
            tell(str(problem), err=True)
        raise errors[-1]
    _finish(_build(articles, index, password=password), errors, as_json=as_json)


@click.command()
@click.argument("article_ids", metavar="ID...", nargs=-1, required=True)
@articles_option
@index_option
@json_option
@tell_errors
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
        tell(f"moved to {move_out(articles, article_id, removed)}", err=True)
    _finish(_build(articles, index, allow_empty=True), as_json=as_json)


@click.command()
@index_option
@json_option
@tell_errors
def info(index: Path | str, as_json: bool) -> None:
    r"""Print the index's sizes, counts, generation and models.

    \b
    Example:
      qa info --json
    """
    from qa.index.locate import describe

    described = describe(index)
    if as_json:
        print_json(described)
    else:
        for name, value in described.items():
            tell(f"{name.replace('_', ' '):<20}{value}")


@click.command()
@articles_option
@index_option
@json_option
@tell_errors
def doctor(articles: Path, index: Path | str, as_json: bool) -> None:
    r"""Check all of the index; say what is wrong and what to do, and exit 1 if anything is.

    \b
    Example:
      qa doctor
    """
    from qa.index.locate import check

    with show_progress() as progress:
        findings = [*check(index, articles, progress=progress), _check_reader()]
    if as_json:
        print_json({"findings": [finding.to_json() for finding in findings]})
    else:
        for finding in findings:
            mark = "ok   " if finding.is_ok else "WRONG"
            tell(f"{mark} {finding.check}: {finding.detail}")
            if finding.remedy:
                tell(f"      {finding.remedy}")
    if not all(finding.is_ok for finding in findings):
        sys.exit(1)


def _check_reader() -> "Finding":
    from qa.errors import QAError
    from qa.index.doctor import Finding
    from qa.reader import BUNDLED, load_reader

    try:
        return Finding("reader", True, load_reader(BUNDLED).name)
    except QAError as error:
        return Finding(
            "reader", False, str(error), "install the package again, or ask with --no-reader"
        )


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@index_option
@json_option
@tell_errors
def verify(file: Path, index: Path | str, as_json: bool) -> None:
    r"""Check the quotes in FILE, saved answers or a saved conversation, against the articles.

    Each is ok, moved (the same words stand elsewhere in the article), read by another version (the
    file is the same, its text no more), source changed (the article is another now and lacks the
    words) or not found. Exits 1 unless all are ok.

    \b
    Example:
      qa verify saved.json
    """
    from qa.saved import verify as verify_file

    verdicts = verify_file(file, index)
    if as_json:
        print_json({"quotes": [verdict.to_json() for verdict in verdicts]})
    else:
        for verdict in verdicts:
            tell(verdict.to_line())
    if not all(verdict.status == "ok" for verdict in verdicts):
        sys.exit(1)


@click.command()
@click.option("--from", "source", required=True, type=Location(), help="Folder of an index.")
@click.option("--to", "target", required=True, type=Location(), help="URI of a shared one.")
@json_option
@tell_errors
def copy(source: Path | str, target: Path | str, as_json: bool) -> None:
    r"""Copy an index to storage that machines share, without encoding anything.

    \b
    Example:
      qa copy --from index --to s3://archive/qa
    """
    from qa.index.locate import copy_index

    with show_progress() as progress:
        generation = copy_index(source, str(target), progress=progress)
    if as_json:
        print_json({"index": str(target), "generation": generation})
    else:
        tell(f"copied to {target}, generation {generation}")


@click.command()
@json_option
@tell_errors
def formats(as_json: bool) -> None:
    r"""List the kinds of files that are read as articles, and what an extra would add.

    \b
    Example:
      qa formats
    """
    from qa.articles.formats import FORMATS, PLAIN_SUFFIXES

    if as_json:
        plain = {"format": "text", "suffixes": PLAIN_SUFFIXES, "available": True, "reader": "text"}
        others = [
            {
                "format": form.name,
                "suffixes": form.suffixes,
                "available": form.is_available,
                "reader": form.reader_version,
            }
            for form in FORMATS
        ]
        print_json({"formats": [plain, *others]})
        return
    tell(f"{'text':<16}{' '.join(PLAIN_SUFFIXES)}")
    for form in FORMATS:
        missing = f'  needs pip install "article-qa[{form.extra}]"'
        tell(
            f"{form.name:<16}{' '.join(form.suffixes):<22}" + ("" if form.is_available else missing)
        )


COMMANDS = (build, add, remove, info, doctor, verify, copy, formats)


def _build(
    articles: Path,
    index: Path | str,
    *,
    reembed: bool = False,
    allow_empty: bool = False,
    workers: str | None = None,
    password: str | None = None,
) -> "BuildReport":
    from qa.index.locate import build_index
    from qa.reader import identify_bundled

    with show_progress() as progress:
        return build_index(
            articles,
            index,
            progress=progress,
            reader=identify_bundled(),
            reembed=reembed,
            allow_empty=allow_empty,
            workers=workers,
            password=password,
        )


def _finish(
    report: "BuildReport", more_errors: list[ArticleError] | None = None, *, as_json: bool
) -> None:
    """Print what a build did; exit 1 if anything was left out."""
    errors = [*(more_errors or ()), *report.errors]
    _print_report(report, errors, as_json=as_json)
    if errors:
        sys.exit(1)


def _print_report(report: "BuildReport", errors: list[ArticleError], *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "generation": report.generation,
                "added": report.added,
                "changed": report.changed,
                "removed": report.removed,
                "unchanged": report.unchanged,
                "errors": [{"file": str(error.path), "reason": error.reason} for error in errors],
                "warnings": [
                    {"file": str(one.path), "reason": one.reason} for one in report.warnings
                ],
                "mended": report.mended,
                "passages": report.passages,
                "encoded": report.encoded,
            }
        )
    else:
        counts = (
            f"{len(report.added)} added, {len(report.changed)} changed, {len(report.removed)} "
            "removed"
        )
        counts += f", {len(report.unchanged)} unchanged"
        tell(f"{counts}; {report.passages} passages, generation {report.generation}")
    if report.mended:
        tell(f"mended the index: {'; '.join(report.mended[:3])}", err=True)
    for warning in report.warnings:
        tell(f"note: {warning}", err=True)
    for error in errors:
        tell(f"left out: {error}", err=True)


def _build_on_changes(
    articles: Path, index: Path | str, *, allow_empty: bool, as_json: bool
) -> None:
    """Build, and build again after each change, until somebody stops it."""
    from qa.articles.watch import watch_articles

    for _ in watch_articles(articles):
        try:
            report = _build(articles, index, allow_empty=allow_empty)
            _print_report(report, list(report.errors), as_json=as_json)
        except QAError as error:  # half a change: the next one may complete it
            tell(f"Error: {error}", err=True)
