"""What the commands that end in a build share: running it, and printing its report."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qa.cli.shell import print_json, show_progress, write_line
from qa.errors import ArticleError, DiskError, QAError

if TYPE_CHECKING:
    from qa.index.build import BuildReport

offline_option = click.option(
    "--offline", is_flag=True, help="Fetch nothing, whatever feeds.txt names."
)


def run_build(
    articles: Path,
    index: Path | str,
    *,
    reembed: bool = False,
    allow_empty: bool = False,
    workers: str | None = None,
    password: str | None = None,
) -> "BuildReport":
    """Build the index with a progress bar."""
    from qa.index.locate import build_index
    from qa.reader import identify_reader

    with show_progress() as progress:
        return build_index(
            articles,
            index,
            progress=progress,
            reader=identify_reader(),
            reembed=reembed,
            allow_empty=allow_empty,
            workers=workers,
            password=password,
        )


def finish(
    report: "BuildReport", more_errors: list[ArticleError] | None = None, *, as_json: bool
) -> None:
    """Print what a build did; exit 1 if anything was left out."""
    errors = [*(more_errors or ()), *report.errors]
    print_report(report, errors, as_json=as_json)
    if errors:
        sys.exit(1)


def print_report(report: "BuildReport", errors: list[ArticleError], *, as_json: bool) -> None:
    """Print what a build did and what was left out."""
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
                "folded": dict(report.folded),
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
        write_line(f"{counts}; {report.passages} passages, generation {report.generation}")
    if report.mended:
        # A flaw's advice is what has just been done.
        flaws = [flaw.partition(": run `qa build`")[0] for flaw in report.mended[:3]]
        write_line(f"mended the index, where {'; '.join(flaws)}", err=True)
    if not (report.passages or errors):
        told = "the index is empty: put articles into the articles folder, or name some to `qa add`"
        write_line(told, err=True)
    for article_id, owner in report.folded:
        write_line(f"folded: {article_id} has the same text as {owner}", err=True)
    for warning in report.warnings:
        write_line(f"note: {warning}", err=True)
    for error in errors:
        write_line(f"left out: {error}", err=True)


def follow_feeds(articles: Path) -> list[ArticleError]:
    """Fetch what is new in the feeds that the articles folder's `feeds.txt` names; returns what
    could not be had. A feed that fails stops neither the others nor the build; without what reads
    feeds, or with a damaged record of what was fetched, none is followed.
    """
    from qa.articles.scan import FEEDS_FILE, list_feeds

    errors: list[ArticleError] = []
    for address in list_feeds(articles):
        try:
            _, more = add_from_feed(articles, address)
            errors.extend(more)
        except DiskError:
            raise
        except QAError as error:
            errors.append(ArticleError(articles / FEEDS_FILE, f"{address}: {error}"))
            break
    return errors


def add_from_feed(articles: Path, address: str) -> tuple[list[str], list[ArticleError]]:
    """The ids of articles fetched now, and what could not be had.

    Raises:
        ExtraMissing: what reads feeds is not installed.
    """
    from qa.articles.addresses import add_feed, name_address
    from qa.errors import FetchError

    try:
        with show_progress() as progress:
            report = add_feed(articles, address, progress=progress)
    except FetchError as error:
        return [], [name_address(address, error)]
    write_line(f"{address}: {len(report.added)} new, {report.known} fetched before", err=True)
    return report.added, report.errors
