"""A question and passages -> readings, by the reader model that comes with the package.

For each token the model gives scores of being the first and the last of the answer and of being in
a sentence that answers; for each passage, the log-odds that it does not answer. All are relative to
"no answer" at 0, so that scores of different passages can be compared. See weights/MODEL_CARD.md.
"""

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from qa.errors import ReaderUnavailable
from qa.types import Passage, Reading, SentenceReading, Span

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Encoding, Tokenizer

WEIGHTS = Path(__file__).with_name("weights")
MAX_QUESTION_TOKENS = 40
MAX_TOKENS = 320
"""Of question and passage together; of an index only long sentences in other scripts than Latin may
be longer, and are then read from their beginning."""
MAX_ANSWER_TOKENS = 40
CROSSING_COST = 4.0
"""Subtracted, in log-odds, from a span that continues into the next sentence: fewer than one answer
in a hundred does."""

TokenScores = NDArray[np.float32]


class OnnxReader:
    """The reader as exported by `qa.training.export`, run by onnxruntime."""

    scores_sentences = True

    def __init__(
        self,
        session: "InferenceSession",
        tokenizer: "Tokenizer",
        questions: "Tokenizer",
        *,
        name: str,
        threads: int,
    ) -> None:
        self._session = session
        self.tokenizer = tokenizer
        self._questions = questions
        # Each core reads whole passages: sharing matrix products costs more in waiting.
        self._threads = threads
        self._pool = self._start_threads()
        self.name = name

    @classmethod
    def from_folder(cls, folder: Path = WEIGHTS, *, threads: int | None = None) -> Self:
        """Open `model.onnx`, `tokenizer.json` and `config.json`; read `threads` passages at once,
        by default one for each core.

        Raises:
            ReaderUnavailable: the folder does not hold a reader, or a damaged one.
        """
        import onnxruntime
        from tokenizers import Tokenizer

        for name in ("model.onnx", "tokenizer.json", "config.json"):
            if not (folder / name).is_file():
                raise ReaderUnavailable(
                    f"there is no reader in {folder}, {name} is missing: name another with --reader"
                )
        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(
                str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
            )
            # Questions are cut first, separately: truncation of the pair only cuts the passage.
            tokenizer, questions = (
                Tokenizer.from_file(str(folder / "tokenizer.json")) for _ in range(2)
            )
            name = json.loads((folder / "config.json").read_text(encoding="utf-8"))["name"]
        except Exception as error:  # of kinds of their own, by ONNX Runtime and tokenizers
            raise ReaderUnavailable(
                f"the reader in {folder} cannot be opened ({str(error)[:200]}): "
                "export it again, or name another with --reader"
            ) from error
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS, strategy="only_second")
        questions.no_padding()
        questions.enable_truncation(MAX_QUESTION_TOKENS)
        return cls(
            session,
            tokenizer,
            questions,
            name=str(name),
            threads=threads or _count_cores(),
        )

    def read(self, question: str, passages: Sequence[Passage], /) -> list[Reading]:
        """One reading for each passage. Passages are not batched, so that an int8 score does not
        depend on the other passages.
        """
        if self._process != os.getpid():  # threads do not survive a fork
            self._pool = self._start_threads()
        question = self._cut_question(question)
        return list(self._pool.map(lambda passage: self._read_one(question, passage), passages))

    def _start_threads(self) -> ThreadPoolExecutor:
        self._process = os.getpid()
        return ThreadPoolExecutor(self._threads, thread_name_prefix="qa-reader")

    def _cut_question(self, question: str) -> str:
        encoding = self._questions.encode(question, add_special_tokens=False)
        return (
            question[: encoding.offsets[-1][1]]
            if len(encoding.ids) == MAX_QUESTION_TOKENS
            else question
        )

    def _read_one(self, question: str, passage: Passage) -> Reading:
        encoding = self.tokenizer.encode(question, passage.text)
        inputs = {
            "input_ids": np.array([encoding.ids], dtype=np.int64),
            "attention_mask": np.array([encoding.attention_mask], dtype=np.int64),
            "token_type_ids": np.array([encoding.type_ids], dtype=np.int64),
        }
        start, end, sentence, null = self._session.run(["start", "end", "sentence", "null"], inputs)
        return read_scores(passage, encoding, start[0], end[0], sentence[0], silence=float(null[0]))


def _count_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_scores(
    passage: Passage,
    encoding: "Encoding",
    start: TokenScores,
    end: TokenScores,
    sentence: TokenScores,
    *,
    silence: float,
) -> Reading:
    """Token scores, each float32 (tokens,), -> scores and best span of each sentence."""
    bounds = [*_find_sentences(passage, encoding)]
    readings = []
    for number, (first, last) in enumerate(bounds):
        if first >= last:  # truncated, or without any token
            place = passage.sentences[number]
            readings.append(SentenceReading(-20.0, Span(place.start, place.end), -40.0))
            continue
        stop = bounds[number + 1][1] if number + 1 < len(bounds) else last
        head, tail, best = find_span(start[first:last], end[first : max(stop, last)])
        offsets = encoding.offsets
        answer = Span(
            passage.start + offsets[first + head][0], passage.start + offsets[first + tail][1]
        )
        readings.append(SentenceReading(float(sentence[first:last].mean()), answer, best))
    return Reading(tuple(readings), silence)


def find_span(start: TokenScores, end: TokenScores) -> tuple[int, int, float]:
    """First token, last token and score of the best span.

    `start` is float32 (n,), the scores of the sentence's tokens; `end` float32 (m,) with m >= n,
    those of the same tokens and of the next sentence's.
    """
    cost = np.where(np.arange(len(end)) < len(start), np.float32(0.0), np.float32(CROSSING_COST))
    totals = start[:, None] + (end - cost)[None, :]
    lengths = np.arange(len(end))[None, :] - np.arange(len(start))[:, None]
    totals = np.where((lengths >= 0) & (lengths < MAX_ANSWER_TOKENS), totals, -np.inf)
    best = int(np.argmax(totals))
    head, tail = divmod(best, len(end))
    return head, tail, float(totals[head, tail])


def _find_sentences(passage: Passage, encoding: "Encoding") -> list[tuple[int, int]]:
    """Token range of each sentence of the passage."""
    places = [
        (number, offsets[0] + passage.start)
        for number, (offsets, kind) in enumerate(
            zip(encoding.offsets, encoding.sequence_ids, strict=True)
        )
        if kind == 1
    ]
    tokens = np.array([number for number, _ in places], dtype=np.int64)
    begins = np.array([begin for _, begin in places], dtype=np.int64)
    ranges = []
    for sentence in passage.sentences:
        low, high = np.searchsorted(begins, (sentence.start, sentence.end))
        ranges.append((int(tokens[low]), int(tokens[high - 1]) + 1) if low < high else (0, 0))
    return ranges
