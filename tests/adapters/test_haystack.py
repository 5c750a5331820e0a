from pathlib import Path

import pytest
from haystack import Pipeline
from haystack.components.joiners import DocumentJoiner
from haystack.dataclasses import ExtractedAnswer

from qa import Answerer, QAError, Retriever, Where
from qa.adapters.haystack import PassageRetriever, QuoteAnswerer
from qa.types import Article
from tests.adapters.conftest import OFF_TOPIC, QUESTION


def test_the_content_of_200_questions_documents_is_that_of_their_places(
    finder: Retriever, articles: dict[str, Article], questions: list[str]
):
    adapter = PassageRetriever(finder)
    found = [document for question in questions for document in adapter.run(question)["documents"]]
    assert len(found) == 10 * len(questions) == 2000
    for document in found:
        article = articles[document.meta["id"]]
        assert document.content == article.text[document.meta["start"] : document.meta["end"]]
        assert document.meta["sha256"] == article.sha256


def test_the_offsets_of_200_questions_answers_lead_to_their_words(
    quick: Answerer, articles: dict[str, Article], questions: list[str]
):
    adapter = QuoteAnswerer(quick)
    found = [answer for question in questions for answer in adapter.run(question)["answers"]]
    assert len(found) >= len(questions) == 200
    for answer in found:
        article = articles[answer.meta["id"]]
        place, within = answer.document_offset, answer.context_offset
        assert answer.document.content == article.text
        assert article.text[place.start : place.end] == answer.data
        assert answer.context[within.start : within.end] == answer.data
        assert article.text[answer.meta["start"] : answer.meta["end"]] == answer.context


def test_the_words_that_answer_are_the_data(answerer: Answerer):
    result = QuoteAnswerer(answerer, top_k=1).run(QUESTION)
    [first] = result["answers"]
    own = answerer.answer(QUESTION)
    quote = own.quotes[0]
    assert (first.context, result["status"]) == (quote.text, own.status)
    place = first.document_offset
    assert (place.start, place.end) == quote.answer
    assert first.score == result["confidence"]
    assert ExtractedAnswer.from_dict(first.to_dict()) == first


def test_silence_gives_a_status_and_no_answers(answerer: Answerer):
    result = QuoteAnswerer(answerer).run(OFF_TOPIC)
    assert (result["answers"], result["status"]) == ([], "off_topic")


def test_both_run_in_a_pipeline_that_was_written_down_and_read_again(sample_index: Path):
    pipeline = Pipeline()
    pipeline.add_component("passages", PassageRetriever(str(sample_index), top_k=4))
    pipeline.add_component("joiner", DocumentJoiner())
    pipeline.add_component("answers", QuoteAnswerer(str(sample_index), reader=None))
    pipeline.connect("passages.documents", "joiner.documents")
    pipeline = Pipeline.loads(pipeline.dumps(), allowed_modules=["qa.adapters.haystack"])
    result = pipeline.run({"passages": {"query": QUESTION}, "answers": {"query": QUESTION}})
    assert len(result["joiner"]["documents"]) == 4
    first = result["answers"]["answers"][0]
    assert (
        first.data
        == first.context
        == first.document.content[first.meta["start"] :][: len(first.data)]
    )


def test_what_is_open_cannot_be_written_down(finder: Retriever):
    with pytest.raises(QAError, match="name the index by its folder"):
        PassageRetriever(finder).to_dict()


def test_where_leaves_other_articles_out(
    finder: Retriever, answerer: Answerer, articles: dict[str, Article]
):
    where = Where(article_ids=(max(articles),))
    found = PassageRetriever(finder).run(QUESTION, where=where)["documents"]
    assert {document.meta["id"] for document in found} == {max(articles)}
    assert QuoteAnswerer(answerer).run(QUESTION, where=where)["answers"] == []
    pipeline = Pipeline()
    pipeline.add_component("passages", PassageRetriever(finder))
    result = pipeline.run({"passages": {"query": QUESTION, "where": where}})
    assert result["passages"]["documents"] == found
