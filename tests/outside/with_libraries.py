"""The adapters, as programs written for those libraries use them."""

from typing import Any, assert_type

import pyarrow
from haystack import Document as HaystackDocument
from haystack.dataclasses import ExtractedAnswer
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.schema import NodeWithScore

from qa import Answerer, Retriever, Where
from qa.adapters import haystack, langchain, llama_index, tables


def use_langchain(answerer: Answerer, retriever: Retriever) -> list[str]:
    chained: BaseRetriever = langchain.QuoteRetriever(source=answerer, k=2)
    other = langchain.QuoteRetriever(source=retriever, where=Where(title="meeting"))
    assert_type(chained.invoke("What was it?"), list[Document])
    return [document.page_content for document in other.invoke("What was it?")]


def use_llama_index(answerer: Answerer, retriever: Retriever) -> str:
    nodes = llama_index.QuoteRetriever(retriever, k=3).retrieve("What was it?")
    assert_type(nodes, list[NodeWithScore])
    engine: BaseQueryEngine = llama_index.QuoteQueryEngine(answerer)
    return str(engine.query("What was it?"))


def use_haystack(answerer: Answerer, retriever: Retriever) -> float | None:
    found = haystack.PassageRetriever(retriever).run("it", where=Where(since="2020"))
    assert_type(found, dict[str, list[HaystackDocument]])
    answers: list[ExtractedAnswer] = haystack.QuoteAnswerer(answerer).run("What was it?")["answers"]
    return answers[0].score


def use_tables(answerer: Answerer, questions: list[str]) -> pyarrow.Table:
    frame = tables.to_pandas(answerer.answer_many(questions))
    frame.to_csv()
    rows = list(tables.to_rows(answerer.answer_many(questions)))
    assert_type(rows, list[dict[str, Any]])
    return tables.to_arrow(answerer.retriever.retrieve(questions[0]))


def wrong(retriever: Retriever) -> None:
    """What has to be refused."""
    haystack.PassageRetriever(retriever, top_k="3")  # type: ignore[arg-type]
    llama_index.QuoteQueryEngine(retriever)  # type: ignore[arg-type]
    langchain.QuoteRetriever(source=retriever, where="meeting")  # type: ignore[arg-type]
