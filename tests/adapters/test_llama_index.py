import asyncio
from typing import Any

import pytest
from llama_index.core.base.response.schema import Response
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import ResponseMode, get_response_synthesizer
from llama_index.core.schema import MetadataMode, TextNode

from qa import Answerer, Retriever, answer_to_json
from qa.adapters.llama_index import QuoteQueryEngine, QuoteRetriever
from qa.types import Article
from tests.adapters.conftest import OFF_TOPIC, QUESTION


@pytest.mark.parametrize("source", ["quick", "finder"])
def test_the_text_of_200_questions_nodes_is_that_of_their_places(
    source: str,
    request: pytest.FixtureRequest,
    articles: dict[str, Article],
    questions: list[str],
):
    adapter = QuoteRetriever(request.getfixturevalue(source))
    found = [node for question in questions for node in adapter.retrieve(question)]
    assert len(found) >= len(questions) == 200
    for node in found:
        assert isinstance(node.node, TextNode)
        article = articles[node.node.ref_doc_id or ""]
        assert node.text == article.text[node.node.start_char_idx : node.node.end_char_idx]
        assert node.metadata["sha256"] == article.sha256
        assert node.score == node.metadata["score"]


def test_a_language_model_is_told_the_source_and_not_the_numbers(finder: Retriever):
    [first, *_] = QuoteRetriever(finder, k=1).retrieve(QUESTION)
    shown = first.node.get_content(metadata_mode=MetadataMode.LLM)
    assert "The Damascus meeting" in shown
    assert first.metadata["sha256"] not in shown


def test_the_query_engine_responds_with_our_answer_and_its_sources(answerer: Answerer):
    engine = QuoteQueryEngine(answerer)
    answer = answerer.answer(QUESTION)
    for response in (engine.query(QUESTION), asyncio.run(engine.aquery(QUESTION))):
        assert isinstance(response, Response)
        assert str(response).startswith(f"“{answer.quotes[0].text}”")
        assert [node.text for node in response.source_nodes] == [q.text for q in answer.quotes]
        told: Any = (response.metadata or {})["answer"]
        assert told | {"seconds": 0} == {**answer_to_json(answer), "seconds": 0}


def test_silence_is_said_and_has_no_sources(answerer: Answerer):
    response = QuoteQueryEngine(answerer).query(OFF_TOPIC)
    assert str(response).startswith("The articles do not speak of this.")
    assert response.source_nodes == []


def test_it_runs_in_a_query_engine_of_the_framework(quick: Answerer):
    debug = LlamaDebugHandler(print_trace_on_end=False)
    manager = CallbackManager([debug])
    engine = RetrieverQueryEngine(
        QuoteRetriever(quick, k=2, callback_manager=manager),
        get_response_synthesizer(
            llm=MockLLM(), response_mode=ResponseMode.COMPACT, callback_manager=manager
        ),
        callback_manager=manager,
    )
    response = engine.query(QUESTION)
    assert len(response.source_nodes) == 2
    assert response.source_nodes[0].text in str(response)  # the model repeats what it is told
    assert len(debug.get_event_pairs(CBEventType.RETRIEVE)) == 1
