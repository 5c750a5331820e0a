"""A training corpus as arrays, in memory and on disk.

All paragraphs lie behind each other in one array of wordpieces, so a passage is a slice of it and a
gold answer a pair of positions in it: cropping a passage at random costs nothing and needs no
second tokenisation.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

MAX_PASSAGE_TOKENS = 128
"""Passages are runs of whole sentences up to this size, in wordpieces."""
MAX_SENTENCE_TOKENS = 160
"""A longer sentence is cut, so no passage is longer than this."""
MAX_QUESTION_TOKENS = 40
NEAR, FAR = 8, 4
"""Wrong passages kept for each question, from the same article and from others."""
FOLDERS = (
    "squad1-train",
    "squad2-train-part",
    "qed",
    "selqa",
    "clapnq",
    "timeqa",
    "squadshifts-reddit",
    "squadshifts-amazon",
    "squadshifts-new-wiki",
    "tydi-en",
    "fairytaleqa",
    "onestopqa",
    "qmsum",
    "tatqa",
)
SOURCES = (*FOLDERS, "whether", "about")
"""Folders, and questions made of theirs: whether something happened, and what something was about.
"""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Everything a training run reads; one `.npy` file a field. Counts: t tokens, s sentences, p
    paragraphs, n passages, q questions, u tokens of questions, g gold spans.

    An answered question has gold spans; an unanswerable one (written by people, or rewritten by
    rule) has none, and `focus` names the sentence around which its passage is cut.
    """

    tokens: NDArray[np.uint16]  # (t,) wordpieces of all paragraphs
    sentence_starts: Ints  # (s + 1,) into tokens
    paragraph_starts: Ints  # (p + 1,) into sentences
    passages: Ints  # (n, 2) half-open sentence ranges, within a paragraph
    question_tokens: NDArray[np.uint16]  # (u,)
    question_starts: Ints  # (q + 1,) into question_tokens
    focus: Ints  # (q,) sentence
    span_starts: Ints  # (q + 1,) into spans
    spans: Ints  # (g, 2) first and last token of each gold answer
    near: Ints  # (q, NEAR) passages of the same article without the answer, by BM25, -1 padded
    far: Ints  # (q, FAR) the same from other articles
    rewritten_from: Ints  # (q,) question, -1 for real ones
    sentence_only: NDArray[np.bool_]  # (q,) spans say which sentences answer, not which words
    source: Ints  # (q,) index into SOURCES
    training: NDArray[np.bool_]  # (q,)

    @classmethod
    def load(cls, folder: Path) -> "Corpus":
        """Read what `save` wrote."""
        return cls(**{field.name: np.load(folder / f"{field.name}.npy") for field in fields(cls)})

    def save(self, folder: Path) -> None:
        """Write one file per field."""
        folder.mkdir(parents=True, exist_ok=True)
        for field in fields(self):
            np.save(folder / f"{field.name}.npy", getattr(self, field.name))

    def is_answered(self) -> NDArray[np.bool_]:
        """Which questions have gold spans, bool (q,)."""
        return np.diff(self.span_starts) > 0


def find_starts(lengths: list[int]) -> Ints:
    """(n + 1,) where each of n parts begins when they lie behind each other, and the end."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
