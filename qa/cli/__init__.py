"""The `qa` command: results on stdout, progress and errors on stderr.

In: arguments and files. Out: text or JSON; exit code 0 (also for "not in the articles"), 1 for an
error, 2 for bad usage. May import: every other room.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qa.cli import article_commands, index_commands
from qa.cli.many import check_usage, jsonl_option, output_option, print_many
from qa.cli.shell import (
    articles_option,
    check_articles,
    index_option,
    is_terminal,
    json_option,
    no_reader_option,
    print_json,
    print_rendered,
    read_thresholds,
    reader_option,
    report_errors,
    show_progress,
    where_options,
    write_line,
)
from qa.errors import DiskError, QAError

if TYPE_CHECKING:
    from qa.evaluation.data_sets import Part
    from qa.index.interface import Where
    from qa.render.schema import SchemaOf
    from qa.types import Answer


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="article-qa", prog_name="qa")
def main() -> None:
    """Ask questions of your articles and get their own words back, with the exact place."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows its code, instead of failing.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="replace")


@main.command()
@click.argument("question", required=False)
@jsonl_option
@output_option
@index_option
@reader_option
@no_reader_option
@click.option(
    "--quotes",
    type=click.IntRange(1, 10),
    default=3,
    show_default=True,
    help="At most so many quotes.",
)
@click.option(
    "--passages",
    type=click.IntRange(1, 100),
    default=10,
    show_default=True,
    help="Passages to read.",
)
@click.option(
    "--threshold",
    metavar="[POSSIBLY,]ANSWERED",
    callback=read_thresholds,
    help="Confidences, 0 to 1, from which a question counts as possibly answered, and as answered.",
)
@click.option(
    "--history",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Earlier answers, as --json prints them: one, or an array, oldest first.",
)
@click.option(
    "--as-written", is_flag=True, help="Search for the question alone, whatever came before."
)
@json_option
@report_errors
@where_options
def ask(
    question: str | None,
    jsonl: Path | None,
    output: Path | None,
    history: Path | None,
    as_written: bool,
    index: Path | str,
    reader: str,
    no_reader: bool,
    quotes: int,
    passages: int,
    threshold: tuple[float | None, float] | None,
    as_json: bool,
    where: "Where",
) -> None:
    r"""Answer QUESTION with quotes from the articles, or say that they do not.

    \b
    Examples:
      qa ask "What was the meeting about?"
      qa ask "Where was it held?" --history saved.json --json
      qa ask --jsonl questions.txt --output answers.jsonl
    """
    check_usage(question, jsonl, output)
    if jsonl and history:
        raise click.UsageError("--history goes with one question: those of a file stand alone")
    from qa import render
    from qa.answer.answerer import Answerer
    from qa.answer.retriever import Retriever
    from qa.answer.thresholds import THRESHOLD
    from qa.saved import read_answers

    possibly, answered = threshold or (None, THRESHOLD)
    retriever = Retriever.load(index)
    check_articles(retriever.index, where)
    answerer = Answerer(
        retriever,
        reader=None if no_reader else reader,
        max_quotes=quotes,
        passages_read=passages,
        threshold=answered,
        possibly=possibly,
    )
    if question is None:
        assert jsonl is not None
        print_many(
            jsonl,
            output,
            lambda questions, progress: map(
                render.answer_to_json,
                answerer.answer_many(
                    questions, as_written=as_written, where=where, progress=progress
                ),
            ),
            key="question",
        )
        return
    find = answerer.retriever.index.get_article
    turns = [saved.to_turn(find) for saved in read_answers(history)] if history else []
    _print_answer(
        answerer.answer(question, turns, as_written=as_written, where=where), as_json=as_json
    )


@main.command()
@index_option
@reader_option
@no_reader_option
@json_option
@report_errors
def chat(index: Path | str, reader: str, no_reader: bool, as_json: bool) -> None:
    r"""Ask one question after the other; each may refer to those before.

    \b
    /new             forget what was asked so far
    /plain QUESTION  ask as written, without what came before
    /quit            or quit, exit, Ctrl-D or Ctrl-C: leave

    \b
    Example:
      qa chat --no-reader
    """
    from qa.answer.answerer import Answerer
    from qa.answer.retriever import Retriever
    from qa.types import Turn

    with suppress(ImportError):  # not on Windows: there the terminal itself has arrow keys
        import readline  # noqa: F401

    answerer = Answerer(Retriever.load(index), reader=None if no_reader else reader)
    turns: list[Turn] = []
    while (line := _read_line("? ")) is not None and line not in ("/quit", "quit", "exit"):
        if line == "/new":
            turns = []
        elif line.startswith("/") and not line.startswith("/plain "):
            told = (
                f"there is no {line.split()[0]}: /new, /plain QUESTION and /quit are what there is"
            )
            write_line(told, err=True)
        elif line:
            plain = line.startswith("/plain ")
            try:
                answer = answerer.answer(line.removeprefix("/plain "), turns, as_written=plain)
            except QAError as error:
                write_line(f"Error: {error}", err=True)
                continue
            turns.append(Turn.from_answer(answer))
            _print_answer(answer, as_json=as_json, indent=None)


@main.command()
@click.argument("query", required=False)
@jsonl_option
@output_option
@index_option
@click.option(
    "-k",
    "--passages",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    help="How many.",
)
@json_option
@report_errors
@where_options
def search(
    query: str | None,
    jsonl: Path | None,
    output: Path | None,
    index: Path | str,
    passages: int,
    as_json: bool,
    where: "Where",
) -> None:
    r"""Print the passages that match QUERY best.

    \b
    Examples:
      qa search "precision missiles" -k 5
      qa search --jsonl questions.txt --output passages.jsonl
    """
    check_usage(query, jsonl, output)
    from qa import render
    from qa.answer.retriever import Retriever
    from qa.index.interface import EVERYWHERE
    from qa.types import NONE_CHOSEN

    retriever = Retriever.load(index)
    check_articles(retriever.index, where)
    if query is None:
        assert jsonl is not None
        print_many(
            jsonl,
            output,
            lambda queries, progress: map(
                render.hits_to_json,
                queries,
                retriever.retrieve_many(queries, passages, where=where, progress=progress),
            ),
            key="query",
        )
        return
    hits = retriever.retrieve(query, passages, where=where)
    if as_json:
        print_json(render.hits_to_json(query, hits))
    elif not hits and where != EVERYWHERE:
        print_rendered(NONE_CHOSEN)
    else:
        print_rendered(render.hits_to_text(hits, color=is_terminal(sys.stdout)))


@main.command("list")
@index_option
@click.option("--after", default="", metavar="ID", help="Only those that come after this one.")
@click.option("--limit", type=click.IntRange(1), help="At most so many.")
@json_option
@report_errors
def list_(index: Path | str, after: str, limit: int | None, as_json: bool) -> None:
    r"""List the articles in the index, in order of their ids.

    \b
    Example:
      qa list --json
    """
    from contextlib import closing

    from qa import render
    from qa.index.locate import open_articles

    with closing(open_articles(index)) as opened:
        articles = list(opened.list_articles(after=after, limit=limit))
    if as_json:
        print_json({"articles": [render.article_to_json(article) for article in articles]})
    else:
        for article in articles:
            write_line(article.id, article.title, article.author or "", article.date or "")


@main.command()
@articles_option
@index_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=7860, show_default=True)
@click.option("--read-only", is_flag=True, help="Hide everything that changes the index.")
@click.option(
    "--open/--no-open", "open_browser", default=True, show_default=True, help="Open a browser."
)
@click.option(
    "--user",
    help="Ask for this user name, and the password in QA_PASSWORD (asked for now if not set).",
)
@click.option(
    "--allow-host",
    multiple=True,
    help="A further name by which browsers may call this server; repeatable.",
)
@click.option(
    "--log-json",
    is_flag=True,
    help="Write a line of JSON to stderr for each answer, search and build, without their words.",
)
@click.option(
    "--mcp", is_flag=True, help="Also offer tools to assistants (Model Context Protocol)."
)
@click.option(
    "--fetch/--no-fetch",
    default=None,
    help="Let people add what is at an address on the web; by default only where this machine "
    "alone is served.",
)
@report_errors
def serve(
    articles: Path,
    index: Path | str,
    host: str,
    port: int,
    read_only: bool,
    open_browser: bool,
    user: str | None,
    allow_host: tuple[str, ...],
    log_json: bool,
    mcp: bool,
    fetch: bool | None,
) -> None:
    r"""Open the page to ask in a browser; the index is brought up to date first.

    \b
    Example:
      qa serve --articles ~/reports --index ~/reports-index
    """
    from qa.page import serve as serve_page

    if log_json:
        from qa.events import log_as_json

        log_as_json()
    password = os.environ.get("QA_PASSWORD") or (
        click.prompt("Password", hide_input=True) if user else ""
    )
    serve_page(
        articles,
        index,
        host=host,
        port=port,
        read_only=read_only,
        auth=(user, password) if user else None,
        allowed_hosts=allow_host,
        mcp=mcp,
        fetch=fetch,
        open_browser=open_browser,
        show_progress=show_progress,
    )


@main.command()
@articles_option
@index_option
@reader_option
@no_reader_option
@report_errors
def mcp(articles: Path, index: Path | str, reader: str, no_reader: bool) -> None:
    r"""Answer an assistant that starts this command (Model Context Protocol, over standard input
    and output). Quotes come with links to the addresses or the files of their articles.

    \b
    In an assistant's configuration:
      {"mcpServers": {"articles": {"command": "qa", "args": ["mcp", "--index", "/home/ann/index"]}}}

    \b
    Example:
      qa mcp --index ~/reports-index --articles ~/reports
    """
    from qa.answer.answerer import Answerer
    from qa.answer.retriever import Retriever
    from qa.endpoints.calls import Endpoints, link_to_files
    from qa.endpoints.mcp import serve_stdio

    def load() -> Endpoints:
        answerer = Answerer(Retriever.load(index), reader=None if no_reader else reader)
        return Endpoints(lambda: answerer, link=link_to_files(articles))

    serve_stdio(load)


@main.command()
@click.argument("of", type=click.Choice(["answer", "search"]), default="answer")
@report_errors
def schema(of: "SchemaOf") -> None:
    r"""Print the JSON Schema of what `qa ask --json` prints, or with "search" `qa search --json`.

    \b
    Example:
      qa schema
    """
    from qa.render.schema import make_schema

    print_json(make_schema(of))


@main.command("eval")
@click.argument("dataset", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--sample",
    type=click.IntRange(1),
    help="Ask only so many questions, drawn the same way each time.",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the index here for next time.",
)
@click.option(
    "--part",
    type=click.Choice(["train", "choose", "report"]),
    help="Ask only of the articles of this part of the set; all are indexed.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the risk-coverage curve: a PNG.",
)
@reader_option
@no_reader_option
@json_option
@report_errors
def evaluate(
    dataset: Path,
    sample: int | None,
    work: Path | None,
    part: "Part | None",
    plot: Path | None,
    reader: str,
    no_reader: bool,
    as_json: bool,
) -> None:
    r"""Measure answers on DATASET: a folder with articles.jsonl and questions.jsonl, a SQuAD file,
    or a BEIR folder.

    \b
    Examples:
      qa eval my-questions --sample 200
      qa eval dev-v2.0.json --part report
    """
    from qa.evaluation.metrics import plot_risk_coverage
    from qa.evaluation.run import evaluate as evaluate_set

    with show_progress() as progress:
        report, outcomes = evaluate_set(
            dataset,
            work=work,
            reader=None if no_reader else reader,
            sample=sample,
            part=part,
            progress=progress,
        )
    if plot:
        plot_risk_coverage(outcomes, plot)
    if as_json:
        print_json(report.to_json())
    else:
        print_rendered(report.to_table())


def _read_line(prompt: str) -> str | None:
    """A line without the white space around it; None at the end of the input, or at Ctrl-C."""
    if sys.stdin is None:  # closed from the start
        return None
    try:
        # No prompt if the input comes from a file or another program.
        return input(prompt if sys.stdin.isatty() else "").strip()
    except (EOFError, KeyboardInterrupt):
        return None
    except OSError as error:
        raise DiskError.explain(error, "standard input") from error


def _print_answer(answer: "Answer", *, as_json: bool, indent: int | None = 2) -> None:
    from qa import render

    if as_json:
        print_json(render.answer_to_json(answer), indent=indent)
    else:
        print_rendered(render.answer_to_text(answer, color=is_terminal(sys.stdout)))


for command in (*article_commands.COMMANDS, *index_commands.COMMANDS):
    main.add_command(command)
