"""A file of questions -> one line of JSON for each, on stdout or in a file that a later run
continues.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from qa.cli.shell import print_json, show_progress
from qa.errors import DiskError, QuestionError, SavedError, explaining, show_name

if TYPE_CHECKING:
    from qa.types import Progress

jsonl_option = click.option(
    "--jsonl",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Take each line of FILE, a question in plain words or as JSON, and print one line of JSON "
    "for it.",
)
output_option = click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --jsonl: write there, and go on after what is there already.",
)


def check_usage(word: str | None, jsonl: Path | None, output: Path | None) -> None:
    """Raise UsageError unless there is either one question or a file of them."""
    if (word is None) == (jsonl is None):
        raise click.UsageError("give either one question or --jsonl FILE")
    if output and not jsonl:
        raise click.UsageError("--output goes with --jsonl FILE")


def print_many(
    path: Path,
    output: Path | None,
    ask: "Callable[[Sequence[str], Progress], Iterable[object]]",
    *,
    key: Literal["question", "query"],
) -> None:
    """Ask the questions in a file, and write each answer as a line of JSON.

    Args:
        path: one question a line, as it is or as the `key` of a JSON object; empty lines are left
            out.
        output: None for stdout.
        ask: returns a JSON value for each question, in order.
        key: the name under which a value has its question.

    Raises:
        QuestionError: a line has no words, or is JSON without a question.
        SavedError: the output holds something other than answers to the first of these questions.
        DiskError: one of the files cannot be read or written.
    """
    questions = read_questions(path, key)
    done = mend_output(output, questions, key) if output else 0

    with show_progress() as progress, _open(output) as write:

        def note(asked: int, _: int, what: str) -> None:
            progress(done + asked, len(questions), what)

        for value in ask(questions[done:], note):
            write(value)


def read_questions(path: Path, key: str) -> list[str]:
    """The questions in a file, from its lines that are not empty."""
    name = show_name(str(path))
    with explaining(path):
        lines = path.read_bytes().decode("utf-8-sig", "replace").splitlines()
    questions = []
    for number, line in enumerate(lines, start=1):
        question = line.strip()
        if question.startswith("{"):
            try:
                question = json.loads(question)[key].strip()
            except (ValueError, KeyError, AttributeError):
                raise QuestionError(
                    f'{name}, line {number}, is no JSON object with a "{key}": write '
                    f'{{"{key}": "..."}}, or the question alone'
                ) from None
        if line.strip() and not any(char.isalnum() for char in question):
            raise QuestionError(f"{name}, line {number}, has no words: take it out")
        if question:
            questions.append(question)
    return questions


def mend_output(path: Path, questions: Sequence[str], key: str) -> int:
    """Number of questions that an output file has answers to; an incomplete last line, as a kill
    may leave it, is removed.

    Raises:
        SavedError: it has something other than answers to the first of these questions.
    """
    name = show_name(str(path))
    with explaining(path):
        if not path.exists():
            return 0
        with path.open("r+b") as file:
            whole = end = 0
            for line in file:
                if not line.endswith(b"\n"):
                    file.truncate(end)
                    break
                try:
                    is_same = json.loads(line)[key] == questions[whole]
                except (ValueError, KeyError, TypeError, IndexError):
                    is_same = False
                if not is_same:
                    raise SavedError(
                        f"{name}, line {whole + 1}, is no answer to question {whole + 1}: give "
                        "another --output, or the file of questions that it was made from"
                    )
                whole += 1
                end += len(line)
    return whole


@contextmanager
def _open(output: Path | None) -> Iterator[Callable[[object], None]]:
    if output is None:
        yield lambda value: print_json(value, indent=None)
        return
    with explaining(output):
        file = output.open("a", encoding="utf-8", newline="\n")

    def write(value: object) -> None:
        try:
            file.write(json.dumps(value, ensure_ascii=False) + "\n")
            file.flush()
        except OSError as error:
            raise DiskError.explain(error, output) from error

    with file:
        yield write
