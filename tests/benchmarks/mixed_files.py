"""A folder of many mixed files -> what adding it costs, with kills on the way, and whether all are
there in the end.

    python -m tests.benchmarks.mixed_files --files 1000 --kills 3
"""

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.articles.formats.made import (
    column,
    make_docx,
    make_epub,
    make_odt,
    make_pdf,
    word_paragraph,
)
from tests.conftest import ROOT

NAMES = "Varn Oriel Hallow Pell Ostrey Tamber Quill Marsh Senna Dorrit".split()
THINGS = "ferry lighthouse bridge mill archive orchard chapel quarry library tannery".split()


def write_files(folder: Path, count: int) -> None:
    """Files of seven kinds in folders of fifty, each with a text of its own."""
    draw = random.Random(7)
    for number in range(count):
        name, thing = draw.choice(NAMES), draw.choice(THINGS)
        lines = [
            f"The {thing} of {name} number {number} was opened in {1700 + number % 300}.",
            f"It cost {number + 100} crowns, which the council of {name} paid in {number % 9 + 2} "
            "parts.",
            f"The keeper number {number} wrote that {draw.choice(NAMES)} was never seen from it.",
        ]
        title = f"The {thing} of {name}, {number}"
        kind = ("txt", "md", "html", "docx", "odt", "epub", "pdf", "eml")[number % 8]
        path = folder / f"batch {number // 50:02d}" / f"{number:04d} {thing}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_make(kind, title, lines))
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing more")


def _make(kind: str, title: str, lines: list[str]) -> bytes:
    paragraphs = "".join(f"<p>{line}</p>" for line in lines)
    match kind:
        case "html":
            page = f"<html><title>{title}</title><body><h1>{title}</h1>{paragraphs}</body></html>"
            return page.encode()
        case "docx":
            return make_docx("".join(map(word_paragraph, [title, *lines])))
        case "odt":
            return make_odt("".join(f"<text:p>{line}</text:p>" for line in [title, *lines]))
        case "epub":
            return make_epub({"a.xhtml": f"<h1>{title}</h1>{paragraphs}"}, title=title)
        case "pdf":
            return make_pdf([column([title, "", *lines])], title=title)
        case "eml":
            head = f"From: Ann <ann@example.org>\nSubject: {title}\nContent-Type: text/plain\n\n"
            return (head + "\n\n".join(lines)).encode()
        case "md":
            return (f"# {title}\n\n" + "\n\n".join(lines)).encode()
    return (f"{title}\n\n" + "\n\n".join(lines)).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        write_files(work / "collection", options.files)
        env = {
            **os.environ,
            "QA_ARTICLES": str(work / "articles"),
            "QA_INDEX": str(work / "index"),
        }
        command = [sys.executable, "-m", "qa", "add", str(work / "collection"), "--json"]
        draw = random.Random(3)
        for number in range(options.kills):
            process = subprocess.Popen(
                command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            time.sleep(draw.uniform(2, 25))
            process.send_signal(signal.SIGKILL)
            process.wait()
            there = sum(path.is_file() for path in (work / "articles").rglob("*.*"))
            print(f"kill {number + 1}: {there} files are in the articles folder", flush=True)
        started = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
        report = json.loads(done.stdout)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(
            f"{len(report['added'])} added, {len(report['errors'])} left out, {report['encoded']} "
            f"passages encoded in the last run of {time.monotonic() - started:.0f} s; all runs: "
            f"{used.ru_utime + used.ru_stime:.0f} CPU s, {used.ru_maxrss // 1024} MiB at most"
        )
        doctor = [sys.executable, "-m", "qa", "doctor", "--json"]
        found = subprocess.run(doctor, cwd=ROOT, env=env, capture_output=True, text=True)
        print(f"doctor: {'well' if found.returncode == 0 else found.stdout}")


if __name__ == "__main__":
    main()
