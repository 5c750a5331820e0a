import itertools
from collections import Counter

import numpy as np
import pytest
from tokenizers import Tokenizer

from qa.training.corpus.arrays import Corpus
from qa.training.groups import Mix, crop_around, draw_order, make_batch, make_group
from tests.training.conftest import QUESTIONS


@pytest.mark.parametrize("budget", [5, 12, 30, 128])
def test_a_crop_is_the_longest_run_of_whole_sentences_that_fits(
    corpus: Corpus, budget: int
) -> None:
    rng = np.random.default_rng(1)
    starts = corpus.sentence_starts
    for low, high in itertools.pairwise(corpus.paragraph_starts):
        for sentence in range(low, high):
            first, last = crop_around(corpus, sentence, within=(low, high), budget=budget, rng=rng)
            begin, end = np.searchsorted(starts, (first, last))
            assert (starts[begin], starts[end]) == (first, last)
            assert low <= begin <= sentence < end <= high
            assert last - first <= budget or end - begin == 1
            assert begin == low or last - starts[begin - 1] > budget
            assert end == high or starts[end + 1] - first > budget


def test_an_answered_question_has_its_own_passage_and_a_wrong_one(
    corpus: Corpus, tokenizer: Tokenizer
) -> None:
    mix = Mix(absent=0, far=0, drop_mark=0)
    for number, (_, question, answer) in enumerate(QUESTIONS):
        own, wrong = make_group(corpus, mix, number, rng=np.random.default_rng(number))
        assert tokenizer.decode(own.question.tolist()) == question.lower()
        assert [tokenizer.decode(corpus.tokens[a : b + 1].tolist()) for a, b in own.spans] == [
            answer.lower()
        ]
        assert wrong.spans == []
        assert answer.lower() not in tokenizer.decode(
            corpus.tokens[wrong.first : wrong.last].tolist()
        )


def test_an_absent_answer_leaves_the_wrong_passage_alone(corpus: Corpus) -> None:
    (wrong,) = make_group(corpus, Mix(absent=1, far=0), 0, rng=np.random.default_rng(0))
    assert wrong.spans == []


def test_an_epoch_draws_so_many_questions_of_each_source_each_as_often_as_the_others(
    corpus: Corpus,
) -> None:
    mix = Mix(questions={"squad1-train": 17}, rewritten=0)
    order = draw_order(corpus, mix, seed=1, epoch=0)
    counts = Counter(order.tolist())
    assert set(counts) == set(range(len(QUESTIONS)))
    assert sorted(set(counts.values())) == [2, 3]
    assert sum(counts.values()) == 17
    assert not np.array_equal(order, draw_order(corpus, mix, seed=1, epoch=1))


def test_a_batch_lays_out_question_passage_gold_and_sentences(
    corpus: Corpus, tokenizer: Tokenizer
) -> None:
    mix = Mix(absent=0, far=0, drop_mark=0)
    groups = [
        make_group(corpus, mix, number, rng=np.random.default_rng(number)) for number in range(4)
    ]
    batch = make_batch(corpus, groups)
    pairs = [pair for group in groups for pair in group]
    assert batch.group.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    for row, pair in enumerate(pairs):
        length = batch.attention_mask[row].sum()
        question, passage = pair.question.tolist(), corpus.tokens[pair.first : pair.last].tolist()
        assert batch.input_ids[row, :length].tolist() == [101, *question, 102, *passage, 102]
        assert batch.input_ids[row, batch.passage[row]].tolist() == passage
        assert np.allclose(batch.sentences[row].sum(axis=-1), batch.sentences[row].any(axis=-1))
        assert np.array_equal(batch.sentences[row].any(axis=0), batch.passage[row])
        gold = batch.sentences[row, batch.sentence[row]].any(axis=0)
        assert bool(pair.spans) == gold.any()
        assert not (batch.start[row] & ~gold).any()
    _, _, answer = QUESTIONS[1]
    first, last = batch.start[2].argmax(), batch.end[2].argmax()
    assert tokenizer.decode(batch.input_ids[2, first : last + 1].tolist()) == answer.lower()
