"""A corpus -> groups of passages to train on, drawn again in each epoch, and padded batches."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qa.training.corpus.arrays import MAX_PASSAGE_TOKENS, MAX_SENTENCE_TOKENS, SOURCES, Corpus, Ints

DEV_NEGATIVES = 4
CLS, SEP = 101, 102  # of BERT's uncased vocabulary


class Pair(NamedTuple):
    """A question and one passage, as the model reads them: [CLS] question [SEP] passage [SEP]."""

    question: Ints  # wordpieces
    first: int  # the passage is tokens[first:last]
    last: int
    spans: list[tuple[int, int]]  # gold answers inside it: first and last token
    sentence_only: bool = False  # they say which sentences answer, not which words


Group = list[Pair]  # passages of one question; its scores are normalised together


QUESTIONS: Mapping[str, int] = {
    "squad1-train": 9000,
    "squadshifts-reddit": 2400,
    "squadshifts-amazon": 2400,
    "squadshifts-new-wiki": 1500,
    "tydi-en": 2400,
    "fairytaleqa": 2400,
    "qed": 1300,
    "onestopqa": 900,
    "selqa": 700,
    "timeqa": 700,
    "qmsum": 600,
    "clapnq": 400,
    "whether": 1600,
    "about": 600,
}
"""Kinds of text count by how people's articles are, not by how many questions somebody wrote on
them.
"""


@dataclass(frozen=True, slots=True)
class Mix:
    """How questions and passages are drawn from the corpus."""

    questions: Mapping[str, int] = field(
        default_factory=lambda: QUESTIONS
    )  # of an epoch, by source
    rewritten: int = 5000  # of them, rewritten unanswerable ones
    squad_rewritten: float = 0.6  # share of those that comes from SQuAD
    absent: float = 0.12  # answered questions shown with a wrong passage only
    far: float = 0.2  # wrong passages from other articles
    drop_mark: float = 0.25  # people search without "?"
    shortest: int = (
        48  # crops are of any size from here to MAX_PASSAGE_TOKENS, as the passages read later are
    )


def draw_order(corpus: Corpus, mix: Mix, *, seed: int, epoch: int) -> Ints:
    """Question numbers of one epoch, shuffled."""
    rng = np.random.default_rng((seed, epoch))
    rewritten = corpus.rewritten_from >= 0
    parts = [
        _draw(
            np.flatnonzero(corpus.training & ~rewritten & (corpus.source == SOURCES.index(name))),
            count,
            rng,
        )
        for name, count in mix.questions.items()
    ]
    from_squad = corpus.source == SOURCES.index("squad1-train")
    count = round(mix.squad_rewritten * mix.rewritten)
    parts += [
        _draw(np.flatnonzero(corpus.training & rewritten & from_squad), count, rng),
        _draw(
            np.flatnonzero(corpus.training & rewritten & ~from_squad), mix.rewritten - count, rng
        ),
    ]
    return rng.permutation(np.concatenate(parts))


def _draw(numbers: Ints, count: int, rng: np.random.Generator) -> Ints:
    """`count` of the given numbers; if there are fewer, each is drawn equally often, within one."""
    if not len(numbers):
        return numbers
    rounds = [rng.permutation(numbers) for _ in range(-(-count // len(numbers)))]
    return np.concatenate(rounds)[:count] if rounds else numbers[:0]


def make_group(corpus: Corpus, mix: Mix, number: int, *, rng: np.random.Generator) -> Group:
    """The passages of one question: its own and a wrong one, or a wrong one alone."""
    question = _draw_question(corpus, mix, number, rng)
    budget = int(rng.integers(mix.shortest, MAX_PASSAGE_TOKENS + 1))
    focus = int(corpus.focus[number])
    own = crop_around(corpus, focus, within=_paragraph_of(corpus, focus), budget=budget, rng=rng)
    spans = _spans_of(corpus, number)
    if not spans:
        return [Pair(question, *own, [])]
    wrong = _draw_wrong(corpus, mix, number, rng)
    only = bool(corpus.sentence_only[number])
    right = Pair(question, *own, _overlapping(spans, own) if only else _inside(spans, own), only)
    group = [] if wrong is not None and rng.random() < mix.absent else [right]
    if wrong is not None:
        # Only the passage is known to lack the answer; the rest of its paragraph may hold it.
        low, high = (int(bound) for bound in corpus.passages[wrong])
        sentence = int(rng.integers(low, high))
        group.append(
            Pair(
                question,
                *crop_around(corpus, sentence, within=(low, high), budget=budget, rng=rng),
                [],
            )
        )
    return group


def crop_around(
    corpus: Corpus, sentence: int, *, within: tuple[int, int], budget: int, rng: np.random.Generator
) -> tuple[int, int]:
    """Tokens [first, last) of whole sentences around one, extended on random sides up to the
    budget and the bounds.
    """
    low, high = within
    first, last = sentence, sentence + 1
    starts = corpus.sentence_starts
    while True:
        sides = []
        if first > low and starts[last] - starts[first - 1] <= budget:
            sides.append((first - 1, last))
        if last < high and starts[last + 1] - starts[first] <= budget:
            sides.append((first, last + 1))
        if not sides:
            return int(starts[first]), min(
                int(starts[last]), int(starts[first]) + MAX_SENTENCE_TOKENS
            )
        first, last = sides[int(rng.integers(len(sides)))]


def dev_groups(corpus: Corpus, *, count: int, seed: int = 11) -> tuple[list[Group], list[Group]]:
    """Held-out questions with their passage first, then DEV_NEGATIVES of its article; and
    rewritten questions with that passage.
    """
    numbers = np.flatnonzero(
        ~corpus.training
        & (corpus.rewritten_from >= 0)
        & (corpus.source == SOURCES.index("squad1-train"))
    )
    numbers = np.array(
        [n for n in numbers if corpus.near[corpus.rewritten_from[n], DEV_NEGATIVES - 1] >= 0]
    )
    chosen = np.random.default_rng(seed).permutation(numbers)[:count]
    answered, rewritten = [], []
    for number in chosen:
        original = int(corpus.rewritten_from[number])
        own = _passage_tokens(corpus, _passage_of(corpus, int(corpus.focus[original])))
        question, spans = _question_of(corpus, original), _inside(_spans_of(corpus, original), own)
        wrong = [_passage_tokens(corpus, int(p)) for p in corpus.near[original, :DEV_NEGATIVES]]
        answered.append(
            [Pair(question, *own, spans), *(Pair(question, *passage, []) for passage in wrong)]
        )
        rewritten.append([Pair(_question_of(corpus, int(number)), *own, [])])
    return answered, rewritten


def _paragraph_of(corpus: Corpus, sentence: int) -> tuple[int, int]:
    paragraph = int(np.searchsorted(corpus.paragraph_starts, sentence, side="right")) - 1
    return int(corpus.paragraph_starts[paragraph]), int(corpus.paragraph_starts[paragraph + 1])


def _passage_of(corpus: Corpus, sentence: int) -> int:
    return int(np.searchsorted(corpus.passages[:, 0], sentence, side="right")) - 1


def _passage_tokens(corpus: Corpus, passage: int) -> tuple[int, int]:
    first, last = corpus.sentence_starts[corpus.passages[passage]]
    return int(first), min(int(last), int(first) + MAX_SENTENCE_TOKENS)


def _spans_of(corpus: Corpus, number: int) -> list[tuple[int, int]]:
    spans = corpus.spans[corpus.span_starts[number] : corpus.span_starts[number + 1]]
    return [(int(first), int(last)) for first, last in spans]


def _inside(spans: list[tuple[int, int]], passage: tuple[int, int]) -> list[tuple[int, int]]:
    return [span for span in spans if passage[0] <= span[0] and span[1] < passage[1]]


def _overlapping(spans: list[tuple[int, int]], passage: tuple[int, int]) -> list[tuple[int, int]]:
    low, high = passage
    return [
        (max(first, low), min(last, high - 1))
        for first, last in spans
        if first < high and last >= low
    ]


def _question_of(corpus: Corpus, number: int) -> Ints:
    return corpus.question_tokens[
        corpus.question_starts[number] : corpus.question_starts[number + 1]
    ].astype(np.int64)


def _draw_question(corpus: Corpus, mix: Mix, number: int, rng: np.random.Generator) -> Ints:
    question = _question_of(corpus, number)
    mark = 1029  # "?"
    return question[:-1] if question[-1] == mark and rng.random() < mix.drop_mark else question


def _draw_wrong(corpus: Corpus, mix: Mix, number: int, rng: np.random.Generator) -> int | None:
    near, far = (row[row >= 0] for row in (corpus.near[number], corpus.far[number]))
    choice = far if len(far) and (rng.random() < mix.far or not len(near)) else near
    if not len(choice):
        return None
    # Mostly the highest ranked: these are what a retriever would put beside the right passage.
    weights = 1.0 / np.arange(1, len(choice) + 1)
    return int(rng.choice(choice, p=weights / weights.sum()))


# --- from groups to batches
# -------------------------------------------------------------------------------------------


class Batch(NamedTuple):
    """Padded pairs of several groups: b pairs, l tokens, at most s sentences in a passage."""

    input_ids: Ints  # (b, l)
    attention_mask: Ints  # (b, l)
    token_type_ids: Ints  # (b, l)
    passage: NDArray[np.bool_]  # (b, l) tokens of the passage
    start: NDArray[np.bool_]  # (b, l) gold first tokens
    end: NDArray[np.bool_]  # (b, l) gold last tokens
    sentences: NDArray[
        np.float32
    ]  # (b, s, l) rows average over a sentence's tokens; all zero where there is none
    sentence: NDArray[np.bool_]  # (b, s) gold sentences
    has_words: NDArray[
        np.bool_
    ]  # (b,) whether start and end are trained: not where only sentences are marked
    group: Ints  # (b,)


def make_batch(corpus: Corpus, groups: list[Group]) -> Batch:
    """Pad the pairs of some groups to the longest."""
    pairs = [(number, pair) for number, group in enumerate(groups) for pair in group]
    lengths = [len(pair.question) + pair.last - pair.first + 3 for _, pair in pairs]
    bounds = [_sentence_bounds(corpus, pair) for _, pair in pairs]
    b, width, most = len(pairs), max(lengths), max(len(part) - 1 for part in bounds)
    ids, mask, types = (np.zeros((b, width), dtype=np.int64) for _ in range(3))
    passage, start, end = (np.zeros((b, width), dtype=np.bool_) for _ in range(3))
    sentences, sentence = (
        np.zeros((b, most, width), dtype=np.float32),
        np.zeros((b, most), dtype=np.bool_),
    )
    for row, ((_, pair), length, bound) in enumerate(zip(pairs, lengths, bounds, strict=True)):
        offset = len(pair.question) + 2
        ids[row, :length] = [CLS, *pair.question, SEP, *corpus.tokens[pair.first : pair.last], SEP]
        mask[row, :length] = 1
        types[row, offset:length] = 1
        passage[row, offset : length - 1] = True
        for number, (first, last) in enumerate(pairwise(bound)):
            sentences[row, number, offset + first : offset + last] = 1 / (last - first)
        for first, last in pair.spans:
            start[row, offset + first - pair.first] = end[row, offset + last - pair.first] = True
            here = np.searchsorted(bound, (first - pair.first, last - pair.first), side="right") - 1
            sentence[row, here[0] : (here[1] if pair.sentence_only else here[0]) + 1] = True
    group = np.array([number for number, _ in pairs], dtype=np.int64)
    has_words = np.array([not pair.sentence_only for _, pair in pairs])
    return Batch(ids, mask, types, passage, start, end, sentences, sentence, has_words, group)


def _sentence_bounds(corpus: Corpus, pair: Pair) -> list[int]:
    """Token offsets at which the passage's sentences begin, from 0 to its length."""
    starts = corpus.sentence_starts
    low, high = np.searchsorted(starts, (pair.first, pair.last))
    return [*(int(start) - pair.first for start in starts[low:high]), pair.last - pair.first]
