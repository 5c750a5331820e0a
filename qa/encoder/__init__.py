"""Encoder: texts -> unit vectors whose inner product is their similarity.

In: a model's name. Out: an `Encoder`, loaded from this machine; nothing is downloaded unless
another model is named. May import: types, errors.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qa.types import Encoder

DEFAULT_ENCODER = "all-MiniLM-L6-v2"


def load_encoder(name: str = DEFAULT_ENCODER) -> "Encoder":
    """Load an encoder by the name or folder of its model.

    Raises:
        EncoderUnavailable: there is no such model here, or it cannot be fetched.
    """
    if name == DEFAULT_ENCODER:
        from qa.encoder.onnx import OnnxEncoder

        return OnnxEncoder.load()
    from qa.encoder.sentence_transformers import SentenceTransformerEncoder

    return SentenceTransformerEncoder.from_pretrained(name)
