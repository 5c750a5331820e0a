from collections import Counter

import numpy as np
import pytest
from tokenizers import Tokenizer

from qa.evaluation.data_sets import part_of
from qa.training.corpus.arrays import Corpus
from qa.training.corpus.rows import join_paragraphs
from tests.training.conftest import QUESTIONS


def test_gold_spans_decode_to_the_answers(corpus: Corpus, tokenizer: Tokenizer) -> None:
    answered = np.flatnonzero(corpus.is_answered() & (corpus.source == 0))
    spans = [corpus.spans[corpus.span_starts[number]] for number in answered]
    decoded = [tokenizer.decode(corpus.tokens[first : last + 1].tolist()) for first, last in spans]
    assert decoded == [answer.lower() for _, _, answer in QUESTIONS]


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        pytest.param(0, "a lighthouse was built there in 1860.", id="a plausible answer"),
        pytest.param(1, "the keeper measured the tides in 1902.", id="the likest of its paragraph"),
    ],
)
def test_a_persons_unanswerable_question_has_a_focus_but_no_span(
    corpus: Corpus, tokenizer: Tokenizer, place: int, sentence: str
) -> None:
    number = np.flatnonzero((corpus.source == 1) & (corpus.rewritten_from < 0))[place]
    first, last = corpus.sentence_starts[corpus.focus[number] : corpus.focus[number] + 2]
    assert not corpus.is_answered()[number]
    assert tokenizer.decode(corpus.tokens[first:last].tolist()) == sentence


def test_wrong_passages_are_of_the_right_articles_and_lack_the_answer(
    corpus: Corpus, tokenizer: Tokenizer
) -> None:
    texts = [
        tokenizer.decode(corpus.tokens[slice(*corpus.sentence_starts[passage])].tolist())
        for passage in corpus.passages
    ]
    own = {"River": range(4), "Comet": range(4, 7)}
    for number, (name, _, answer) in enumerate(QUESTIONS):
        near = [passage for passage in corpus.near[number] if passage >= 0]
        far = [passage for passage in corpus.far[number] if passage >= 0]
        assert set(near) == {
            passage for passage in own[name] if answer.lower() not in texts[passage]
        }
        assert not set(far) & set(own[name])
        assert [passage for passage in far if answer.lower() in texts[passage]] == []


def test_short_paragraphs_are_read_together() -> None:
    joined = list(join_paragraphs([(0, 100), (102, 400), (402, 900), (902, 910)]))
    assert joined == [(0, 900, [(0, 100), (102, 400), (402, 900)]), (902, 910, [(0, 8)])]


def test_an_article_is_trained_on_chosen_on_or_reported_on_by_its_id_alone() -> None:
    names = [str(number) for number in range(4000)]
    assert {part_of("coqa", name) for name in names} == {"report"}
    assert {part_of("squad2-train-part", name) for name in names} == {"choose"}
    assert part_of("squad2-dev", "Normans") == part_of("xquad", "Normans") == "choose"
    assert part_of("squad2-dev", "Prime_number") == "report"
    shares = Counter(part_of("qed", name) for name in names)
    assert abs(shares["report"] / 4000 - 0.1) < 0.015
    assert abs(shares["choose"] / 4000 - 0.1) < 0.015
    levels = {part_of("onestopqa", f"onestop_bottle_{level}") for level in ("Adv", "Int", "Ele")}
    assert len(levels) == 1
