"""Passages -> the texts that are encoded for them, and the keys under which vectors are stored."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from qa.encoder.parts import encode_parts
from qa.types import Encoder, Passage, Span, Vectors

_WORD = re.compile(r"\S+")


class PassageText(NamedTuple):
    """The text that is encoded for a passage."""

    text: str
    """Title of the article and words of the passage, on one line; the title gives context."""
    sentences: tuple[Span, ...]
    """The spans of the passage's sentences in this text."""

    def key(self, salt: str = "") -> bytes:
        """Key of the vectors of passage and sentences: 16 bytes, a BLAKE2b hash.

        `salt` is different for each encoder, so that vectors of two encoders have different keys
        while an index is encoded again.
        """
        text = self.text.encode("utf-8", "surrogatepass")
        digest = blake2b(text, digest_size=16, key=salt.encode()[:64])
        digest.update(b"\0" + pack_spans(self.sentences))
        return digest.digest()


def passage_text(passage: Passage) -> PassageText:
    """The text that is encoded for a passage."""
    heading = f"{passage.article.title}. "
    words = [match.span() for match in _WORD.finditer(passage.text)]
    begins = [begin for begin, _ in words]
    placed = list(accumulate((end - begin + 1 for begin, end in words), initial=len(heading)))

    def place(position: int) -> int:
        word = bisect_right(begins, position) - 1
        return placed[word] + position - begins[word]

    shift = passage.start
    spans = (Span(place(s.start - shift), place(s.end - 1 - shift) + 1) for s in passage.sentences)
    return PassageText(
        heading + " ".join(passage.text[begin:end] for begin, end in words), tuple(spans)
    )


def encode_texts(encoder: Encoder, texts: Sequence[PassageText]) -> list[Vectors]:
    """For each passage float32 (1 + sentences, dim), unit rows: its own vector, then those of its
    sentences.
    """
    return encode_parts(encoder, [text.text for text in texts], [text.sentences for text in texts])


def pack_spans(spans: tuple[Span, ...]) -> bytes:
    """Spans as bytes: two 32-bit little-endian numbers each."""
    return np.array(spans, dtype="<u4").tobytes()


def unpack_spans(blob: bytes) -> tuple[Span, ...]:
    """Read what `pack_spans` wrote."""
    rows = np.frombuffer(blob, dtype="<u4").reshape(-1, 2).tolist()
    return tuple(Span(start, end) for start, end in rows)
