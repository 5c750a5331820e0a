from collections.abc import Sequence
from pathlib import Path

import pytest

from qa import Retriever
from qa.answer.ranking.close import CloseReader
from qa.encoder.onnx import OnnxEncoder
from qa.types import Hit, Passage, Reading, SentenceReading, Span


@pytest.fixture(scope="module")
def retriever(sample_index: Path, encoder: OnnxEncoder) -> Retriever:
    return Retriever.load(sample_index, encoder=encoder)


class LengthReader:
    """Scores a sentence by its place, and silence by how many sentences are read."""

    name = "length"
    scores_sentences = True

    def __init__(self) -> None:
        self.read_texts: list[str] = []

    def read(self, question: str, passages: Sequence[Passage], /) -> list[Reading]:
        self.read_texts += [passage.text for passage in passages]
        return [
            Reading(
                tuple(
                    SentenceReading(float(place), Span(s.start, s.start + 1), 10.0 + place)
                    for place, s in enumerate(passage.sentences)
                ),
                -float(len(passage.sentences)),
            )
            for passage in passages
        ]


def test_a_candidate_is_read_again_with_its_neighbours_once(retriever: Retriever):
    hits = retriever.search("Who took the chair?", 10).hits
    reader = LengthReader()
    whole = reader.read("Who took the chair?", [hit.passage for hit in hits])
    reader.read_texts.clear()
    close = CloseReader("Who took the chair?", hits, reader, whole)
    passage = next(hit.passage for hit in hits if len(hit.passage.sentences) > 3)
    before = sum(
        len(hit.passage.sentences) for hit in hits[: [hit.passage for hit in hits].index(passage)]
    )
    text, sentences = passage.article.text, passage.sentences
    assert close(before + 2) == {
        "sentence_near": 1.0,
        "span_near": 11.0,
        "silence_near": -3.0,
    }
    assert reader.read_texts == [text[sentences[1].start : sentences[3].end]]
    assert close(before)["silence_near"] == -2.0  # a passage's first sentence has one neighbour
    assert close(before + 2)["span_near"] == 11.0
    assert len(reader.read_texts) == 2


def test_what_was_read_as_a_whole_passage_is_not_read_again(retriever: Retriever):
    hit, *_ = retriever.search("Who took the chair?", 10).hits
    reader = LengthReader()
    for count in (1, 2):
        sentences = hit.passage.sentences[:count]
        passage = Passage(hit.passage.article, sentences[0].start, sentences[-1].end, sentences)
        whole = reader.read("Who took the chair?", [passage])
        reader.read_texts.clear()
        close = CloseReader("Who?", [Hit(passage, hit.score)], reader, whole)
        assert close(0)["silence_near"] == -count
        assert reader.read_texts == []
