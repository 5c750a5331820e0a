"""What programs pay: one question, many at once beside one by one, and the adapters beside our own
call.

    python -m tests.benchmarks.programs DATA/squad2-dev --questions 1000

Both ways of asking take turns, some questions each, so that what else the machine does falls on
both alike. An adapter's overhead is what its call takes where our own answer is there already; its
documents are whole where their text is that of their article from start to end.
"""

import argparse
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"

import numpy as np

from qa import Answerer, Retriever, answer_to_json, build
from qa.answer.retriever import Retrieved
from qa.evaluation.data_sets import read_questions, sample_questions, write_articles
from qa.reader.onnx import OnnxReader
from qa.types import Answer

BLOCK = 25


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--of-adapters", type=int, default=200, metavar="N")
    parser.add_argument("--work", type=Path, help="keep the index here for next time")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="qa-programs-") as folder:
        work = given.work or Path(folder)
        (work / "articles").mkdir(parents=True, exist_ok=True)
        places = write_articles(given.dataset, work / "articles")
        asked = sample_questions(read_questions(given.dataset, places), given.questions)
        build(work / "articles", work / "index")
        retriever = Retriever.load(work / "index")
        questions = [gold.question for gold in asked]
        for line in time_adapters(retriever, questions[: given.of_adapters]):
            print(line, flush=True)
        for line in time_batches(retriever, questions[:20]):
            print(line, flush=True)
        print(time_one(Answerer(retriever), questions), flush=True)
        for line in time_many(Answerer(retriever), questions):
            print(line, flush=True)


def time_one(answerer: Answerer, questions: list[str]) -> str:
    """CPU and wall time of a question, and of these the time of reading."""
    cpu, wall, reading = [], [], []
    answerer.answer(questions[0])
    for question in questions:
        began, used = perf_counter(), process_time()
        answer = answerer.answer(question)
        wall.append(perf_counter() - began)
        cpu.append(process_time() - used)
        reading.append(answer.seconds.get("read", 0.0))
    told = {"CPU": cpu, "wall": wall, "of these the reader, wall": reading}
    return "one question, p50 / p95 ms: " + "; ".join(
        f"{name} {1000 * np.quantile(times, 0.5):.0f} / {1000 * np.quantile(times, 0.95):.0f}"
        for name, times in told.items()
    )


def time_many(answerer: Answerer, questions: list[str]) -> Any:
    """One line a block, all that came so far in it."""
    threads = ThreadPoolExecutor(os.cpu_count())
    alone = Answerer(answerer.retriever, reader=OnnxReader.from_folder(threads=1))
    ways: dict[str, Callable[[list[str]], list[Answer]]] = {
        "one by one": lambda block: [answerer.answer(question) for question in block],
        "many": lambda block: list(answerer.answer_many(block)),
        "a thread a question": lambda block: list(threads.map(alone.answer, block)),
    }
    wall, cpu = dict.fromkeys(ways, 0.0), dict.fromkeys(ways, 0.0)
    same = done = 0
    answerer.answer(questions[0])
    for start in range(0, len(questions), BLOCK):
        block = questions[start : start + BLOCK]
        turn = start // BLOCK % len(ways)
        order = [*ways][turn:] + [*ways][:turn]
        came = {}
        for way in order:
            began, used = perf_counter(), process_time()
            came[way] = [write(answer) for answer in ways[way](block)]
            wall[way] += perf_counter() - began
            cpu[way] += process_time() - used
        same += sum(len({*answers}) == 1 for answers in zip(*came.values(), strict=True))
        done += len(block)
        yield (
            f"{done} questions, {same} answers the same bytes; s a question, wall (CPU): "
            + ", ".join(f"{way} {wall[way] / done:.3f} ({cpu[way] / done:.3f})" for way in ways)
            + f"; many {wall['one by one'] / wall['many']:.2f} times as fast, by CPU "
            + f"{cpu['one by one'] / cpu['many']:.2f}"
        )


def time_batches(retriever: Retriever, questions: list[str]) -> Any:
    """What the reader's runs cost if a run has several pairs of question and passage, like long
    beside like long; one line a size of batch.
    """
    reader = OnnxReader.from_folder(threads=1)
    pairs = [
        reader.tokenizer.encode(question, hit.passage.text)
        for question in questions
        for hit in retriever.retrieve(question)
    ]
    pairs.sort(key=lambda pair: len(pair.ids))

    def run(batch: list[Any]) -> list[float]:
        longest = max(len(pair.ids) for pair in batch)
        inputs = {
            name: np.array([[*row, *[0] * (longest - len(row))] for row in rows], dtype=np.int64)
            for name, rows in {
                "input_ids": [pair.ids for pair in batch],
                "attention_mask": [pair.attention_mask for pair in batch],
                "token_type_ids": [pair.type_ids for pair in batch],
            }.items()
        }
        return [float(null) for null in reader._session.run(["null"], inputs)[0]]

    alone = [run([pair])[0] for pair in pairs]
    for size in (1, 2, 4, 8, 16):
        times = []
        for _ in range(3):
            began = process_time()
            came = [n for at in range(0, len(pairs), size) for n in run(pairs[at : at + size])]
            times.append(process_time() - began)
        same = sum(a == b for a, b in zip(alone, came, strict=True))
        yield (
            f"{size} passages a run: {1000 * median(times) / len(pairs):.1f} CPU ms a passage, "
            f"{same} of {len(pairs)} with the same score"
        )


def write(answer: Answer) -> str:
    """Its bytes, but for the times."""
    return json.dumps({**answer_to_json(answer), "seconds": {}})


def time_adapters(retriever: Retriever, questions: list[str]) -> Any:
    from qa.adapters import haystack, langchain, llama_index

    class Prepared(Retriever):
        def search(self, query: str, k: int = 10, **more: Any) -> Retrieved:
            return searched[query]

    class PreparedAnswerer(Answerer):
        def answer(self, question: str, *before: Any, **more: Any) -> Answer:
            return answers[question]

    searched = {question: retriever.search(question) for question in questions}
    quick = Answerer(retriever, reader=None, threshold=0.0)
    answers = {question: quick.answer(question) for question in questions}
    articles = {article.id: article for article in retriever.index.list_articles()}
    passages = Prepared(retriever.index)
    quotes = PreparedAnswerer(passages, reader=None)
    ways: dict[str, Callable[[str], Any]] = {
        "LangChain, passages": langchain.QuoteRetriever(source=passages).invoke,
        "LangChain, quotes": langchain.QuoteRetriever(source=quotes).invoke,
        "LlamaIndex, passages": llama_index.QuoteRetriever(passages).retrieve,
        "LlamaIndex, quotes": llama_index.QuoteRetriever(quotes).retrieve,
        "LlamaIndex, query engine": llama_index.QuoteQueryEngine(quotes).query,
        "Haystack, passages": haystack.PassageRetriever(passages).run,
        "Haystack, quotes": haystack.QuoteAnswerer(quotes).run,
    }
    yield "| | documents | whole | CPU ms | p95 |\n|---|--:|--:|--:|--:|"
    for name, call in ways.items():
        times, found = [], []
        for question in questions:
            began = process_time()
            came = call(question)
            times.append(1000 * (process_time() - began))
            found += read_places(came)
        whole = sum(
            text == articles[article_id].text[start:end] for text, article_id, start, end in found
        )
        p95 = sorted(times)[int(0.95 * len(times))]
        yield f"| {name} | {len(found):,} | {whole:,} | {median(times):.2f} | {p95:.2f} |"


def read_places(came: Any) -> list[tuple[str, str, int, int]]:
    """What an adapter gave: text, article id, start and end of each document."""
    if isinstance(came, dict) and "answers" in came:
        return [
            (one.data, one.document.id, one.document_offset.start, one.document_offset.end)
            for one in came["answers"]
        ]
    if isinstance(came, dict):
        return [(one.content, one.meta["id"], *_span(one.meta)) for one in came["documents"]]
    if hasattr(came, "source_nodes"):
        came = came.source_nodes
    return [
        (one.page_content, one.metadata["id"], *_span(one.metadata))
        if hasattr(one, "page_content")
        else (
            one.node.text,
            one.node.source_node.node_id,
            one.node.start_char_idx,
            one.node.end_char_idx,
        )
        for one in came
    ]


def _span(meta: dict[str, Any]) -> tuple[int, int]:
    return meta["start"], meta["end"]


if __name__ == "__main__":
    main()
