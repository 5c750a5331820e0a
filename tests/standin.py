"""An encoder that needs no model: a text's vector is the sum of its words' vectors, each drawn from
the word's hash."""

from collections.abc import Sequence
from functools import lru_cache, partial
from hashlib import blake2b

import numpy as np

from qa.types import Vectors


class HashEncoder:
    """An `Encoder`; texts that share words are similar, and encoding takes microseconds."""

    name = "hash"
    max_tokens = 256

    def __init__(self, *, dim: int = 64, version: str = "1", may_encode: bool = True) -> None:
        self.dim = dim
        self.version = version
        self.fingerprint = f"hash-{dim}-{version}"
        self.may_encode = may_encode
        self.encoded: list[str] = []
        """Every text that was encoded as a passage or sentence."""
        self._word_vector = lru_cache(maxsize=100_000)(self._draw)

    def __reduce__(self) -> tuple[partial["HashEncoder"], tuple[()]]:
        """Where it is sent to another process, it is made anew."""
        return partial(type(self), dim=self.dim, version=self.version), ()

    def count_tokens(self, texts: Sequence[str], /) -> list[int]:
        return [len(text.split()) for text in texts]

    def encode_passages(self, texts: Sequence[str], /) -> Vectors:
        assert self.may_encode, "nothing was to be encoded"
        self.encoded += texts
        return self._encode(texts)

    def encode_queries(self, texts: Sequence[str], /) -> Vectors:
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split() or [""]:
                row += self._word_vector(word.strip(".,:;?!"))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def _draw(self, word: str) -> Vectors:
        seed = blake2b(
            f"{self.fingerprint} {word}".encode("utf-8", "replace"), digest_size=8
        ).digest()
        return (
            np.random.default_rng(int.from_bytes(seed, "little"))
            .standard_normal(self.dim)
            .astype(np.float32)
        )
