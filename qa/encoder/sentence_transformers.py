"""Texts -> unit vectors by any sentence-transformers model; the default one needs only `onnx`."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from qa.encoder import DEFAULT_ENCODER
from qa.encoder.onnx import find_bundled
from qa.errors import EncoderUnavailable
from qa.types import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BATCH_SIZE = 32
"""Texts in one forward pass; more gains nothing on a CPU and costs padding."""


class SentenceTransformerEncoder:
    """An `Encoder` around any sentence-transformers model."""

    def __init__(self, model: "SentenceTransformer", *, name: str, fingerprint: str) -> None:
        self._model = model
        self.name = name
        self.fingerprint = fingerprint

    @classmethod
    def from_pretrained(cls, name: str) -> Self:
        """Load a model by name or path.

        A name that is not a folder is looked up on the model hub, over the network. The default
        encoder comes with an installed package and needs no network.

        Raises:
            EncoderUnavailable: the model is not on this machine and cannot be downloaded, or
            sentence-transformers is not installed.
        """
        location = str(find_bundled()) if name == DEFAULT_ENCODER else name
        is_local = Path(location).is_dir()
        if is_local:
            os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise EncoderUnavailable(
                f"the encoder {name!r} needs a library that is not installed ({error}): run "
                f"`pip install sentence-transformers`, or leave it out for {DEFAULT_ENCODER}"
            ) from error

        try:
            with _no_progress_bars() if is_local else nullcontext():
                model = SentenceTransformer(location, device="cpu")
        except (OSError, ValueError) as error:
            raise EncoderUnavailable(
                f"the encoder {name!r} cannot be loaded ({error}): name a sentence-transformers "
                "model "
                f"or a folder that holds one, or leave it out for {DEFAULT_ENCODER}"
            ) from error
        model.eval()
        return cls(model, name=name, fingerprint=_fingerprint(model))

    @cached_property
    def dim(self) -> int:
        """Length of a vector."""
        dim = self._model.get_embedding_dimension()
        if dim is None:
            raise EncoderUnavailable(
                f"the encoder {self.name!r} does not state the length of its vectors"
            )
        return dim

    @cached_property
    def max_tokens(self) -> int:
        """Length beyond which a text is cut, in tokens, special tokens included."""
        return int(self._model.max_seq_length or 512)

    def count_tokens(self, texts: Sequence[str], /) -> list[int]:
        """Number of tokens of each text, without special tokens."""
        if not texts:
            return []
        encoded = self._model.tokenizer(
            _encodable(texts), add_special_tokens=False, truncation=False, verbose=False
        )
        return [len(ids) for ids in encoded["input_ids"]]

    def encode_passages(self, texts: Sequence[str], /) -> Vectors:
        """float32 (n, dim), unit rows, for texts that are searched in."""
        return self._encode(texts, self._model.encode_document)

    def encode_queries(self, texts: Sequence[str], /) -> Vectors:
        """float32 (n, dim), unit rows, for texts that are searched for."""
        return self._encode(texts, self._model.encode_query)

    def _encode(self, texts: Sequence[str], encode: Callable[..., Any]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        vectors = encode(
            _encodable(texts),
            batch_size=BATCH_SIZE,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, dtype=np.float32)


def _encodable(texts: Sequence[str]) -> list[str]:
    """Texts with lone surrogates replaced: tokenizers refuse them, and they come from invalid UTF-8
    on a command line.
    """
    return [text.encode("utf-8", "replace").decode("utf-8") for text in texts]


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    """Hide the progress bar that transformers shows while it loads weights."""
    from transformers.utils import logging

    was_shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_shown:
            logging.enable_progress_bar()


def _fingerprint(model: "SentenceTransformer") -> str:
    """Hash of weights and maximum length, 32 hexadecimal digits."""
    import torch

    digest = sha256(str(model.max_seq_length).encode())
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(key.encode())
        # As bytes: NumPy has no bfloat16.
        digest.update(tensor.flatten().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:32]
