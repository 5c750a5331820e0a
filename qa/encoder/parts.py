"""Texts and the places of their parts -> vectors of both, whichever way an encoder makes them."""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from qa.types import ContextEncoder, Encoder, Span, Vectors


def tell_parts(encoder: Encoder) -> str:
    """From what the vectors of a text's parts are made: the two kinds are not to be mixed."""
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
    # Each once: headings and formulas are repeated.
    rows = {part: n for n, part in enumerate(dict.fromkeys(part for row in alone for part in row))}
    if not rows:
        return []
    vectors = encoder.encode_passages(list(rows))[[rows[part] for row in alone for part in row]]
    return np.split(vectors, list(accumulate(map(len, alone)))[:-1])
