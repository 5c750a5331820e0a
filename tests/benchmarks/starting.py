"""What a command costs from cold: CPU time and memory of a process of its own, median of some.

    python -m tests.benchmarks.starting ../shared/data/squad2-dev

The index is built by another process: Linux tells as a process's memory at least that of the one
which started it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

TIMES = 5


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--prepare", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.prepare:
        return prepare(args.dataset, args.prepare)
    with tempfile.TemporaryDirectory() as folder:
        again = [sys.executable, "-m", "tests.benchmarks.starting", str(args.dataset)]
        told = subprocess.check_output([*again, "--prepare", folder], text=True)
        passages, question = told.splitlines()
        print(f"{passages} passages\n\n| command | CPU s | MB |\n|---|--:|--:|")
        commands = {
            "qa --help": ["--help"],
            "qa info": ["info"],
            "qa search": ["search", question],
            "qa ask --no-reader": ["ask", question, "--no-reader"],
            "qa ask": ["ask", question],
        }
        for name, arguments in commands.items():
            index = [] if name == "qa --help" else ["--index", f"{folder}/index"]
            spent = [run_alone([*arguments, *index]) for _ in range(TIMES)]
            seconds, memory = (median(column) for column in zip(*spent, strict=True))
            print(f"| `{name}` | {seconds:.2f} | {memory:.0f} |")


def prepare(dataset: Path, folder: Path) -> None:
    """Build an index of a data set's articles; print how many passages it has, and a question."""
    from qa import build
    from qa.evaluation.data_sets import read_questions, write_articles

    (folder / "articles").mkdir()
    places = write_articles(dataset, folder / "articles")
    print(build(folder / "articles", folder / "index").passages)
    print(" ".join(read_questions(dataset, places)[0].question.split()))


def run_alone(arguments: list[str]) -> tuple[float, float]:
    """CPU seconds, and megabytes at most, of one `qa` command."""
    process = subprocess.Popen([sys.executable, "-m", "qa", *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


if __name__ == "__main__":
    main()
