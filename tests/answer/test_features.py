from pathlib import Path

import numpy as np
import pytest

from qa import Retriever
from qa.answer.ranking.close import CLOSE_FEATURES
from qa.answer.ranking.evidence import MAX_DEVIATIONS
from qa.answer.ranking.features import (
    FEATURES,
    QUESTION_FEATURES,
    RANK_FEATURES,
    READ_FIRST,
    READ_MORE,
    WAYS,
    Candidates,
    count_worth_reading,
    gather_candidates,
    list_answerable,
    list_features,
    list_right,
    list_subject,
)
from qa.encoder.onnx import OnnxEncoder
from qa.types import Passage, Reading, SentenceReading, Span


class EvenReader:
    """Gives every sentence the same log-odds; its first word answers."""

    name = "even"

    def __init__(self, *, scores_sentences: bool) -> None:
        self.scores_sentences = scores_sentences

    def read(self, question: str, passages: list[Passage], /) -> list[Reading]:
        return [
            Reading(
                tuple(
                    SentenceReading(1.0, Span(s.start, s.start + 1), 2.0) for s in passage.sentences
                ),
                -3.0,
            )
            for passage in passages
        ]


@pytest.fixture(scope="module")
def retriever(sample_index: Path, encoder: OnnxEncoder) -> Retriever:
    return Retriever.load(sample_index, encoder=encoder)


def gather(retriever: Retriever, question: str, reader: EvenReader | None = None) -> Candidates:
    return gather_candidates(retriever.search(question, 10), question, reader)


def test_every_sentence_of_every_hit_is_a_candidate_with_all_features(retriever: Retriever):
    found = retriever.search("Who took the chair?", 10)
    candidates = gather_candidates(found, "Who took the chair?", None)
    assert candidates.sentences == [
        sentence for hit in found.hits for sentence in hit.passage.sentences
    ]
    assert candidates.way == "without a reader"
    assert list(candidates.features) == [
        feature.name for feature in list_features("without a reader")
    ]
    assert {len(values) for values in candidates.features.values()} == {len(candidates.sentences)}
    assert list(candidates.question_features) == [feature.name for feature in QUESTION_FEATURES]


def test_similarities_are_zscores_over_the_candidates(retriever: Retriever):
    features = gather(retriever, "Who took the chair?").features
    assert (features["words"].mean(), features["words"].std()) == pytest.approx((0, 1))
    for name in ("cosine", "bm25"):
        assert np.abs(features[name]).max() <= MAX_DEVIATIONS
        assert features[name].mean() == pytest.approx(0, abs=0.2)
    assert features["bm25"].max() == MAX_DEVIATIONS  # the words of the question stand out by more


def test_headings_and_questions_are_told(retriever: Retriever):
    candidates = gather(retriever, "What had brought those people together?")
    texts = [
        hit.passage.article.text[s.start : s.end]
        for hit, s in zip(candidates.hits, candidates.sentences, strict=True)
    ]
    asking = [text for text, asks in zip(texts, candidates.features["asks"], strict=True) if asks]
    assert asking == [text for text in texts if text.endswith("?")] != []
    headings = [sentence.kind == "heading" for sentence in candidates.sentences]
    assert candidates.features["heading"].tolist() == headings


def test_only_who_wrote_the_article_makes_a_line_a_byline(retriever: Retriever):
    def find_bylines(question: str) -> list[str]:
        candidates = gather(retriever, question)
        rows = zip(
            candidates.hits, candidates.sentences, candidates.features["byline"], strict=True
        )
        return [
            hit.passage.article.text[s.start : s.end] for hit, s, is_byline in rows if is_byline
        ]

    assert find_bylines("Who wrote the article about the Damascus meeting?") == [
        "By Helen Marsh, staff analyst"
    ]
    assert find_bylines("Who wrote about the Damascus meeting?") == []


def test_neighbours_lend_the_better_of_their_scores(retriever: Retriever):
    candidates = gather(retriever, "Who took the chair?")
    cosine, near = candidates.features["cosine"], candidates.features["cosine_near"]
    for n, hit in enumerate(candidates.hits):
        beside = [m for m in (n - 1, n + 1) if 0 <= m < len(cosine) and candidates.hits[m] is hit]
        assert near[n] == pytest.approx(max((cosine[m] for m in beside), default=0.0))


def test_a_reader_adds_its_features_and_one_of_another_make_only_those_that_compare(
    retriever: Retriever,
):
    own = gather(retriever, "Who took the chair?", EvenReader(scores_sentences=True))
    assert own.way == "with the reader"
    count = len(own.sentences)
    assert own.features["sentence"].tolist() == [1.0] * count
    assert own.features["silence"].tolist() == [-3.0] * count
    assert own.features["sentence_share"] == pytest.approx([1 - np.log(count * np.e + 1)] * count)
    other = gather(retriever, "Who took the chair?", EvenReader(scores_sentences=False))
    assert other.way == "with another reader"
    assert other.features["span_within"] == pytest.approx([-np.log(count)] * count)


def test_words_that_the_articles_lack_lower_the_cover(retriever: Retriever):
    known, unknown = (
        "When was the bridge closed?",
        "When was the zeppelin hangar of Friedrichshafen closed?",
    )
    assert gather(retriever, known).question_features["cover_all"] == pytest.approx(1.0)
    assert gather(retriever, unknown).question_features["cover_all"] < 0.5


def test_features_are_named_once_and_fixed_only_for_a_reason():
    names = [feature.name for feature in (*FEATURES, *QUESTION_FEATURES, *RANK_FEATURES)]
    names += [feature.name for feature in CLOSE_FEATURES]
    assert len(set(names)) == len(names)
    for feature in FEATURES:
        assert (feature.fixed is None) == (feature.why_fixed == ""), feature.name
        used = {*feature.right, *feature.answerable, *feature.subject}
        assert used <= set(feature.ways), feature.name


@pytest.mark.parametrize("way", WAYS)
def test_what_probabilities_are_computed_from_is_known_of_every_question(way: str):
    ordered = {feature.name for feature in list_features(way)}
    question = {feature.name for feature in QUESTION_FEATURES}
    rank = {feature.name for feature in RANK_FEATURES}
    close = {feature.name for feature in CLOSE_FEATURES}
    assert set(list_right(way)) <= ordered | question | rank
    assert set(list_answerable(way)) <= ordered | question | close
    assert (close <= set(list_answerable(way))) == (way == "with the reader")
    assert set(list_subject(way)) <= ordered | question
    assert rank <= set(list_right(way))
    assert question <= set(list_subject(way))


def test_reading_ends_when_what_has_been_read_is_enough(retriever: Retriever):
    found = retriever.search("Who took the chair?", 10)
    reader = EvenReader(scores_sentences=True)
    asked: list[int] = []

    def enough(candidates: Candidates) -> bool:
        asked.append(len({hit.passage.start for hit in candidates.hits}))
        return len(asked) == 2

    part = gather_candidates(found, "Who took the chair?", reader, enough=enough)
    whole = gather_candidates(found, "Who took the chair?", reader, read_all=True)
    read = found.hits[: READ_FIRST + READ_MORE]
    assert part.sentences == [sentence for hit in read for sentence in hit.passage.sentences]
    assert len(asked) == 2
    assert part.question_features == whole.question_features
    for name in ("cosine", "bm25", "cover", "span"):
        assert part.features[name].tolist() == whole.features[name][: len(part.sentences)].tolist()
    never = gather_candidates(found, "Who took the chair?", reader, enough=lambda _: False)
    worth = found.hits[: count_worth_reading(found.hits)]
    assert never.sentences == [sentence for hit in worth for sentence in hit.passage.sentences]
