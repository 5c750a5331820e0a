"""Texts and the spans of their parts -> vectors of both, by any encoder."""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from qa.types import ContextEncoder, Encoder, Span, Vectors


def describe_parts(encoder: Encoder) -> str:
    """What an encoder makes the vectors of a text's parts from; an index must not mix the two."""
    return "whole text" if isinstance(encoder, ContextEncoder) else "part alone"


def encode_parts(
    encoder: Encoder, texts: Sequence[str], spans: Sequence[Sequence[Span]]
) -> list[Vectors]:
    """For each text float32 (1 + parts, dim), unit rows: its own vector, then those of the parts at
    its spans.
    """
    if isinstance(encoder, ContextEncoder):
        return encoder.encode_parts(texts, spans)
    alone = [
        [text, *(text[start:end] for start, end in places)]
        for text, places in zip(texts, spans, strict=True)
    ]
    # Each part is encoded once: headings and formulas repeat.
    rows = {part: n for n, part in enumerate(dict.fromkeys(part for row in alone for part in row))}
    if not rows:
        return []
    vectors = encoder.encode_passages(list(rows))[[rows[part] for row in alone for part in row]]
    return np.split(vectors, list(accumulate(map(len, alone)))[:-1])
