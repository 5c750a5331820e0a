"""Print how often sentence splitters find gold sentences exactly, both ends, in the data sets that
mark them.

    python tests/benchmarks/sentences.py [--articles 300]

sentencex and pysbd are compared where they are installed. Of QED and SelQA all sentences are gold
that end like one, after one that does (the others are cells of tables); of ClapNQ only those that
answer a question. The text of QED and ClapNQ is tokenised: a space stands before each full stop.
"""

import argparse
import json
import random
import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

from qa.articles.passages import segment

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
Spans = list[tuple[int, int]]
END = re.compile(r"[.!?]\W*$")
Splitter = Callable[[str], Spans]


def load_splitters() -> dict[str, Splitter]:
    import nupunkt

    splitters: dict[str, Splitter] = {
        "qa.articles.passages.segment": lambda text: [(start, end) for start, end in segment(text)],
        "nupunkt": lambda text: [
            _strip(text, *span) for span in nupunkt.sentence_spans(text, paragraph_breaks=False)
        ],
    }
    if find_spec("sentencex"):
        import sentencex

        splitters["sentencex"] = lambda text: _locate(text, list(sentencex.segment("en", text)))
    if find_spec("pysbd"):
        import pysbd

        segmenter = pysbd.Segmenter(language="en", clean=False)
        splitters["pysbd"] = lambda text: _locate(text, segmenter.segment(text))
    return splitters


def load_paragraphs(name: str, articles: int) -> Iterator[tuple[str, set[tuple[int, int]]]]:
    """(paragraph, gold spans in it)."""
    texts = {row["id"]: row for row in _rows(name, "articles")}
    answers: dict[str, set[tuple[int, int]]] = {}
    for row in _rows(name, "questions"):
        spans = {
            (answer["start"], answer["start"] + len(answer["text"])) for answer in row["answers"]
        }
        answers.setdefault(row["article_id"], set()).update(spans)
    ids = sorted(texts)
    for article_id in random.Random(7).sample(ids, min(articles, len(ids))):
        text = texts[article_id]["text"]
        starts = texts[article_id].get("sentence_starts")
        gold = answers.get(article_id, set())
        if starts:
            spans = [
                _strip(text, *span) for span in zip(starts, [*starts[1:], len(text)], strict=True)
            ]
            ends = [END.search(text, start, end) is not None for start, end in spans]
            gold = {
                span
                for span, ended, before in zip(spans, ends, [True, *ends], strict=False)
                if ended and before
            }
        for match in re.finditer(r"\S(?:.|\n(?!\n))*", text):
            first, last = match.span()
            inside = {
                (start - first, end - first) for start, end in gold if first <= start < end <= last
            }
            if inside:
                yield match.group(), inside


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--articles", type=int, default=300, help="articles of each set, drawn at random"
    )
    articles = parser.parse_args().articles
    print(f"{'':22}{'set':10}{'gold':>6}{'exact %':>9}{'starts %':>10}{'per gold':>10}{'kB/s':>8}")
    for name in ("qed", "selqa", "clapnq"):
        paragraphs = list(load_paragraphs(name, articles))
        total = sum(len(gold) for _, gold in paragraphs)
        for title, split in load_splitters().items():
            started = perf_counter()
            found = [set(split(text)) for text, _ in paragraphs]
            seconds = perf_counter() - started
            pairs = [(spans, gold) for spans, (_, gold) in zip(found, paragraphs, strict=True)]
            exact = sum(len(spans & gold) for spans, gold in pairs)
            starts = sum(len({s for s, _ in spans} & {s for s, _ in gold}) for spans, gold in pairs)
            # Pieces into which a gold sentence is cut, 1 at best: the price of finding starts by
            # cutting often.
            pieces = sum(
                sum(s < e and g[0] <= s < g[1] for s, e in spans)
                for spans, gold in pairs
                for g in gold
            )
            speed = sum(len(text) for text, _ in paragraphs) / 1000 / seconds
            shares = f"{100 * exact / total:9.1f}{100 * starts / total:10.1f}{pieces / total:10.3f}"
            print(f"{title:22}{name:10}{total:6}{shares}{speed:8.0f}")


def _rows(name: str, kind: str) -> list[dict[str, object]]:
    with (DATA / name / f"{kind}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _locate(text: str, sentences: list[str]) -> Spans:
    """Offsets of sentences that a library gives as strings only, in order."""
    spans, position = [], 0
    for sentence in filter(None, map(str.strip, sentences)):
        found = text.find(sentence, position)
        if found >= 0:
            position = found + len(sentence)
            spans.append((found, position))
    return spans


if __name__ == "__main__":
    main()
