"""Ask without pause while somebody builds: `python -m tests.faults.reader INDEX SECONDS` prints
what was seen, as JSON.

The two articles "left.txt" and "right.txt" always change together, and say in how many changes
there have been.
"""

import json
import re
import sys
import time
from pathlib import Path

from qa.answer.retriever import Retriever
from tests.standin import HashEncoder


def main() -> None:
    retriever = Retriever.load(Path(sys.argv[1]), encoder=HashEncoder())
    print("ready", flush=True)
    until = time.monotonic() + float(sys.argv[2])
    questions, mixed, generations, slowest = 0, 0, set(), 0.0
    while time.monotonic() < until:
        started = time.perf_counter()
        found = retriever.search("The keeper of the tower changed the count", k=5)
        slowest = max(slowest, time.perf_counter() - started)
        articles = {hit.passage.article.id: hit.passage.article.text for hit in found.hits}
        told = [found.index.get_article(name) for name in ("left.txt", "right.txt")]
        numbers = {re.search(r"count is (\d+)", article.text)[1] for article in told if article}
        mixed += len(numbers) != 1 or not {"left.txt", "right.txt"} <= articles.keys()
        generations.add(found.index.generation)
        questions += 1
    seen = {
        "questions": questions,
        "mixed": mixed,
        "generations": len(generations),
        "slowest": round(slowest, 3),
    }
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    main()
