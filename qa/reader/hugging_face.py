"""A question and passages -> readings, by any extractive question-answering model of Hugging Face.

Such models are trained on single passages: their scores say which words of a passage answer, but
are not calibrated between passages. A sentence gets the score of its best words.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from qa.errors import ReaderUnavailable
from qa.reader.onnx import MAX_QUESTION_TOKENS, MAX_TOKENS, read_scores
from qa.types import Passage, Reading


class HuggingFaceReader:
    """A model with a span head, run by transformers."""

    scores_sentences = False

    def __init__(self, model: Any, tokenizer: Any, *, name: str) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self.name = name

    @classmethod
    def from_pretrained(cls, name: str) -> Self:
        """Load a model by folder or name; a name that is not on this machine is looked up on the
        model hub.

        Raises:
            ReaderUnavailable: it is missing, or not a question-answering model, or transformers is
            not installed.
        """
        try:
            from transformers import AutoModelForQuestionAnswering, AutoTokenizer
        except ImportError as error:
            raise ReaderUnavailable(
                f"the reader {name!r} needs a library that is not installed ({error}): run "
                "`pip install transformers torch`, or leave it out for the bundled one"
            ) from error

        if not Path(name).exists() and name.startswith((".", "/", "~")):
            raise ReaderUnavailable(f"there is no folder {name}: name another with --reader")
        try:
            tokenizer = AutoTokenizer.from_pretrained(name, use_fast=True)
            model = AutoModelForQuestionAnswering.from_pretrained(name).eval()
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise ReaderUnavailable(
                f"no question-answering model {name!r} can be loaded: {reason}"
            ) from error
        return cls(model, tokenizer, name=name)

    def read(self, question: str, passages: Sequence[Passage], /) -> list[Reading]:
        """One reading for each passage."""
        places = self._tokenizer(
            question,
            add_special_tokens=False,
            truncation=True,
            max_length=MAX_QUESTION_TOKENS,
            return_offsets_mapping=True,
        )["offset_mapping"]
        cut = question[: places[-1][1]] if len(places) == MAX_QUESTION_TOKENS else question
        return [self._read_one(cut, passage) for passage in passages]

    def _read_one(self, question: str, passage: Passage) -> Reading:
        import torch

        encoded = self._tokenizer(
            question,
            passage.text,
            truncation="only_second",
            max_length=MAX_TOKENS,
            return_tensors="pt",
        )
        with torch.no_grad():
            output = self._model(**encoded)
        start, end = output.start_logits[0].numpy(), output.end_logits[0].numpy()
        # The first token stands for "no answer"; subtracting its scores puts that at 0.
        start, end = start - start[0], end - end[0]
        reading = read_scores(
            passage, encoded.encodings[0], start, end, np.zeros_like(start), silence=0.0
        )
        sentences = tuple(
            sentence._replace(score=sentence.answer_score) for sentence in reading.sentences
        )
        return Reading(sentences, -max((s.answer_score for s in sentences), default=0.0))
