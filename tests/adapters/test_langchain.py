import asyncio
import json
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_tests.integration_tests import RetrieversIntegrationTests

from qa import Answerer, Retriever
from qa.adapters.langchain import QuoteRetriever
from qa.index.interface import Where
from qa.types import Article
from tests.adapters.conftest import OFF_TOPIC, QUESTION


class StandardTests(RetrieversIntegrationTests):
    retriever_constructor = QuoteRetriever  # type: ignore[assignment]
    retriever_query_example = QUESTION  # type: ignore[assignment]
    source: Answerer | Retriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"source": self.source}


class TestPassages(StandardTests):
    @pytest.fixture(autouse=True)
    def _take(self, finder: Retriever) -> None:
        self.source = finder


class TestQuotes(StandardTests):
    @pytest.fixture(autouse=True)
    def _take(self, quick: Answerer) -> None:
        self.source = quick


@pytest.mark.parametrize("source", ["quick", "finder"])
def test_the_text_of_200_questions_documents_is_that_of_their_places(
    source: str,
    request: pytest.FixtureRequest,
    articles: dict[str, Article],
    questions: list[str],
):
    adapter = QuoteRetriever(source=request.getfixturevalue(source))
    found = [document for question in questions for document in adapter.invoke(question)]
    assert len(found) >= len(questions) == 200
    for document in found:
        told = document.metadata
        article = articles[told["id"]]
        assert document.page_content == article.text[told["start"] : told["end"]]
        assert (told["title"], told["sha256"]) == (article.title, article.sha256)


def test_quotes_come_with_the_place_of_the_words_that_answer(answerer: Answerer):
    [first, *_] = QuoteRetriever(source=answerer).invoke(QUESTION)
    own = answerer.answer(QUESTION).quotes[0]
    assert (first.page_content, first.metadata["start"]) == (own.text, own.start)
    assert (first.metadata["answer_start"], first.metadata["answer_end"]) == own.answer
    assert first.id == f"{own.article.id}#char={own.start},{own.end}"
    json.dumps(first.metadata)


def test_silence_gives_no_documents(answerer: Answerer):
    adapter = QuoteRetriever(source=answerer)
    assert adapter.invoke(OFF_TOPIC) == adapter.invoke("Thanks") == []


def test_where_leaves_other_articles_out(finder: Retriever, articles: dict[str, Article]):
    article_id = max(articles)
    adapter = QuoteRetriever(source=finder, where=Where(article_ids=(article_id,)))
    assert {document.metadata["id"] for document in adapter.invoke(QUESTION)} == {article_id}


def test_it_runs_in_a_chain_sync_and_async_and_tells_callbacks(finder: Retriever):
    told: list[int] = []

    class Listener(BaseCallbackHandler):
        def on_retriever_end(self, documents: Any, **more: Any) -> None:
            told.append(len(documents))

    def cite(value: dict[str, Any]) -> str:
        documents: list[Document] = value["found"]
        return f"{value['question']} {documents[0].metadata['title']}"

    adapter = QuoteRetriever(source=finder, k=4)
    chain = {"found": adapter, "question": RunnablePassthrough()} | RunnableLambda(cite)
    config: Any = {"callbacks": [Listener()]}
    expected = "What was the meeting about? The Damascus meeting"
    assert chain.invoke(QUESTION, config) == expected
    assert asyncio.run(chain.ainvoke(QUESTION, config)) == expected
    assert told == [4, 4]
