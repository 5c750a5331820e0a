"""The commands that keep an index in order: build, info, doctor, verify, copy, formats."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qa.cli.building import finish, follow_feeds, offline_option, print_report, run_build
from qa.cli.shell import (
    Location,
    articles_option,
    index_option,
    json_option,
    password_option,
    print_json,
    report_errors,
    show_progress,
    write_line,
)
from qa.errors import QAError

if TYPE_CHECKING:
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
@offline_option
@click.option("--watch", is_flag=True, help="Go on, and build again whenever an article changes.")
@json_option
@report_errors
def build(
    articles: Path,
    index: Path | str,
    reembed: bool,
    allow_empty: bool,
    workers: str | None,
    password: str | None,
    offline: bool,
    watch: bool,
    as_json: bool,
) -> None:
    r"""Bring the index up to date with the articles folder.

    Files that a .qaignore in it names are left out, as .gitignore does it. Addresses of feeds in
    its feeds.txt are looked at first, and their new entries fetched.

    \b
    Example:
      qa build --articles ~/reports --index ~/reports-index
    """
    if watch:
        _build_on_changes(articles, index, allow_empty=allow_empty, as_json=as_json)
    errors = [] if offline else follow_feeds(articles)
    report = run_build(
        articles,
        index,
        reembed=reembed,
        allow_empty=allow_empty,
        workers=workers,
        password=password,
    )
    finish(report, errors, as_json=as_json)


@click.command()
@index_option
@json_option
@report_errors
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
            write_line(f"{name.replace('_', ' '):<20}{value}")


@click.command()
@articles_option
@index_option
@json_option
@report_errors
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
            write_line(f"{mark} {finding.check}: {finding.detail}")
            if finding.remedy:
                write_line(f"      {finding.remedy}")
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
@report_errors
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
            write_line(verdict.to_line())
    if not all(verdict.status == "ok" for verdict in verdicts):
        sys.exit(1)


@click.command()
@click.option("--from", "source", required=True, type=Location(), help="Folder or URI.")
@click.option("--to", "target", required=True, type=Location(), help="URI or folder.")
@json_option
@report_errors
def copy(source: Path | str, target: Path | str, as_json: bool) -> None:
    r"""Copy an index to storage that machines share, or from there, without encoding anything.

    What is in the target becomes the same. Storage that is shared keeps no vectors of sentences: an
    index copied from there makes those of the passages that it reads at each question, some tenths
    of a second, until `qa build --reembed` stores them.

    \b
    Examples:
      qa copy --from index --to s3://archive/qa
      qa copy --from s3://archive/qa --to index
    """
    from qa.index.locate import copy_index

    with show_progress() as progress:
        generation = copy_index(source, target, progress=progress)
    if as_json:
        print_json({"index": str(target), "generation": generation})
    else:
        write_line(f"copied to {target}, generation {generation}")


@click.command()
@json_option
@report_errors
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
    write_line(f"{'text':<16}{' '.join(PLAIN_SUFFIXES)}")
    for form in FORMATS:
        missing = f'  needs pip install "article-qa[{form.extra}]"'
        write_line(
            f"{form.name:<16}{' '.join(form.suffixes):<22}" + ("" if form.is_available else missing)
        )


COMMANDS = (build, info, doctor, verify, copy, formats)


def _build_on_changes(
    articles: Path, index: Path | str, *, allow_empty: bool, as_json: bool
) -> None:
    """Build, and build again after each change, until somebody stops it."""
    from qa.articles.watch import watch_articles

    for _ in watch_articles(articles):
        try:
            report = run_build(articles, index, allow_empty=allow_empty)
            print_report(report, list(report.errors), as_json=as_json)
        except QAError as error:  # half a change: the next one may complete it
            write_line(f"Error: {error}", err=True)
