import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from qa import ReaderUnavailable
from qa.articles.passages import split_passages
from qa.articles.read import read_article
from qa.encoder.onnx import OnnxEncoder
from qa.reader import load_reader
from qa.reader.onnx import CROSSING_COST, MAX_ANSWER_TOKENS, WEIGHTS, OnnxReader, find_span
from qa.types import Article, Passage, Sentence
from tests.conftest import ROOT, SAMPLES

# What the float model says of passages of the sample articles; the shipped one is its int8 form.
GOLDEN = json.loads((ROOT / "tests/data/reader-golden.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def reader() -> OnnxReader:
    return OnnxReader.from_folder()


def make_passage(*sentences: str) -> Passage:
    text = "Before. " + " ".join(sentences)
    places, start = [], 8
    for sentence in sentences:
        places.append(Sentence(start, start + len(sentence), 1))
        start += len(sentence) + 1
    article = Article("a.txt", "A", text, "0" * 64)
    return Passage(article, 8, len(text), tuple(places))


def test_the_int8_model_agrees_with_the_float_model(reader: OnnxReader, encoder: OnnxEncoder):
    gaps = []
    for golden in GOLDEN:
        article = read_article(SAMPLES / golden["article"], SAMPLES)
        [passage] = [
            passage
            for passage in split_passages(article, encoder.count_tokens)
            if (passage.start, passage.end) == (golden["start"], golden["end"])
        ]
        [reading] = reader.read(golden["question"], [passage])
        assert len(reading.sentences) == len(golden["sentences"])
        gaps += [
            found.score - score
            for found, score in zip(reading.sentences, golden["sentences"], strict=True)
        ]
        gaps.append(reading.silence - golden["silence"])
    assert len(gaps) > 40
    assert np.abs(gaps).mean() < 0.15
    assert np.abs(gaps).max() < 0.8


def test_the_sentence_and_the_words_that_answer_score_highest(reader: OnnxReader):
    passage = make_passage(
        "The mill ground rye.", "It was built by Anna Kern in 1820.", "A fire took the roof."
    )
    [reading] = reader.read("Who built the mill?", [passage])
    scores = [sentence.score for sentence in reading.sentences]
    assert scores.index(max(scores)) == 1
    start, end = reading.sentences[1].answer
    assert passage.article.text[start:end] == "Anna Kern"
    assert reading.silence < 0


def test_a_passage_on_something_else_is_silent(reader: OnnxReader):
    [reading] = reader.read(
        "Who built the mill?", [make_passage("Foxes hunt mice at night.", "They sleep by day.")]
    )
    assert reading.silence > 2
    assert max(sentence.score for sentence in reading.sentences) < 0


def test_scores_do_not_depend_on_the_other_passages(reader: OnnxReader):
    one, other = (
        make_passage("The mill ground rye."),
        make_passage("Foxes hunt mice at night. " * 9),
    )
    assert (
        reader.read("What did it grind?", [one])[0]
        == reader.read("What did it grind?", [other, one])[1]
    )


def test_long_questions_and_passages_are_cut_not_refused(reader: OnnxReader):
    passage = make_passage(*["The mill ground rye and oats for the villages."] * 60)
    [reading] = reader.read("Who built the mill and why? " * 30, [passage])
    assert len(reading.sentences) == 60
    for sentence, place in zip(reading.sentences, passage.sentences, strict=True):
        assert place.start <= sentence.answer.start < sentence.answer.end <= passage.end


@pytest.mark.parametrize("question", ["會" * 380, "why " * 5000])
def test_a_question_longer_than_the_model_reads_is_cut(reader: OnnxReader, question: str):
    passage = make_passage("The mill ground rye.")
    [reading] = reader.read(question, [passage])
    assert len(reading.sentences) == 1
    assert reading == reader.read(question + " and more words still", [passage])[0]


def test_a_span_starts_before_it_ends_and_is_not_too_long():
    start, end = np.zeros(4, dtype=np.float32), np.zeros(60, dtype=np.float32)
    start[2], end[1], end[59] = 3.0, 5.0, 4.0
    head, tail, score = find_span(start, end)
    assert 0 <= tail - head < MAX_ANSWER_TOKENS
    assert (head, tail, score) == (0, 1, 5.0)


def test_a_span_runs_on_into_the_next_sentence_only_if_that_is_far_better():
    start, end = np.array([2.0, 0.0], dtype=np.float32), np.array([0.0, 1.0, 4.5], dtype=np.float32)
    assert find_span(start, end) == (0, 1, 3.0)
    end[2] = 6.0
    assert find_span(start, end) == (0, 2, 2.0 + 6.0 - CROSSING_COST)


def test_the_files_are_those_that_the_description_names():
    import hashlib

    config = json.loads((WEIGHTS / "config.json").read_text(encoding="utf-8"))
    for name in ("model", "tokenizer"):
        file = WEIGHTS / ("model.onnx" if name == "model" else "tokenizer.json")
        assert hashlib.sha256(file.read_bytes()).hexdigest() == config[f"{name}_sha256"]
    assert config["model_sha256"] in (WEIGHTS / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_a_folder_without_a_reader_is_named(tmp_path: Path):
    with pytest.raises(ReaderUnavailable, match=r"model\.onnx is missing"):
        OnnxReader.from_folder(tmp_path)
    with pytest.raises(ReaderUnavailable, match="there is no folder"):
        load_reader(str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("name", "content"),
    [("model.onnx", "no model"), ("tokenizer.json", "{}"), ("config.json", '{"version": 1}')],
)
def test_a_damaged_reader_is_named_with_what_to_do(tmp_path: Path, name: str, content: str):
    for part in ("model.onnx", "tokenizer.json", "config.json"):
        (tmp_path / part).symlink_to(WEIGHTS / part)
    (tmp_path / name).unlink()
    (tmp_path / name).write_text(content)
    with pytest.raises(ReaderUnavailable, match=r"cannot be opened \(.+\): export it again"):
        load_reader(str(tmp_path))


def test_any_extractive_model_of_hugging_face_reads_too(tmp_path: Path):
    from transformers import BertConfig, BertForQuestionAnswering, BertTokenizerFast

    config = BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    BertForQuestionAnswering(config).save_pretrained(tmp_path)
    BertTokenizerFast(tokenizer_file=str(WEIGHTS / "tokenizer.json")).save_pretrained(tmp_path)
    assert load_file(tmp_path / "model.safetensors")
    reader = load_reader(str(tmp_path))
    assert not reader.scores_sentences
    passage = make_passage("The mill ground rye.", "It was built by Anna Kern in 1820.")
    [reading] = reader.read("Who built the mill?", [passage])
    assert len(reading.sentences) == 2
    for sentence, place in zip(reading.sentences, passage.sentences, strict=True):
        assert place.start <= sentence.answer.start < place.end
        assert sentence.score == sentence.answer_score
    shutil.rmtree(tmp_path)


def test_without_transformers_another_reader_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ReaderUnavailable, match="run `pip install transformers torch`"):
        load_reader("another/model")
