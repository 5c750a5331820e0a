"""A checkpoint -> what the package ships: an int8 ONNX model, the tokenizer, and a description of both.

Weights are int8, one scale per output channel; activations are quantised as they come. On processors without VNNI the
instruction that multiplies u8 by s8 adds pairs of products in 16 bits and saturates, so the weights use 7 bits
(`reduce_range`): that costs less than saturation does. The embedding matrix, half of the parameters, is int8 with one
scale as well.
"""

import hashlib
import json
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qa.reader.data import MAX_PASSAGE_TOKENS, MAX_QUESTION_TOKENS
from qa.reader.model import ReaderModel, Scores

NAME = "minilm-l6-reader"
FORMAT = "1"
"""Version of the files' names, inputs and outputs."""
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OPSET = 17


class Inputs(NamedTuple):
    """What the model reads: int64 (b, l) each."""

    input_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]
    token_type_ids: NDArray[np.int64]


class Quantising(NamedTuple):
    """How weights become integers."""

    signed: bool = True
    reduce_range: bool = True
    embeddings: bool = True


BEST = Quantising()


def export_float(model: ReaderModel, path: Path) -> None:
    """Writes the float32 model: any number of pairs, of any length."""
    model.eval()
    example = tuple(torch.ones((2, 16), dtype=torch.int64) for _ in INPUTS)
    axes = {name: {0: "pairs", 1: "tokens"} for name in (*INPUTS, "start", "end", "sentence")} | {"null": {0: "pairs"}}
    with warnings.catch_warnings():
        # The tracer warns of every Python number it fixes; the parity check finds what matters.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Plain(model),
            example,
            str(path),
            input_names=list(INPUTS),
            output_names=list(Scores._fields),
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )


class _Plain(nn.Module):
    """The reader with an attention mask made of arithmetic, which is all that a trace keeps for other sizes."""

    def __init__(self, model: ReaderModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, ...]:
        mask = (1.0 - attention_mask.to(torch.float32))[:, None, None, :] * -1e4
        return tuple(self.model(input_ids, mask, token_type_ids))


def quantise(source: Path, target: Path, *, way: Quantising = BEST) -> None:
    """Float ONNX model -> int8 ONNX model."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        source,
        target,
        per_channel=True,
        reduce_range=way.reduce_range,
        weight_type=QuantType.QInt8 if way.signed else QuantType.QUInt8,
        op_types_to_quantize=["MatMul", "Gather"] if way.embeddings else ["MatMul"],
    )


def run_onnx(path: Path, inputs: Inputs, *, threads: int = 2) -> Scores:
    """Scores of an exported model, as float32 arrays in the places of tensors."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return Scores(*session.run(list(Scores._fields), inputs._asdict()))


def export(checkpoint: Path, tokenizer: Path, folder: Path, *, way: Quantising = BEST) -> dict[str, Any]:
    """Writes model.onnx, tokenizer.json and config.json to a folder, all at once; returns the description."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    with tempfile.TemporaryDirectory() as scratch:
        export_float(ReaderModel.load(checkpoint), Path(scratch, "float.onnx"))
        quantise(Path(scratch, "float.onnx"), draft / "model.onnx", way=way)
    shutil.copyfile(tokenizer, draft / "tokenizer.json")
    description = {
        "name": NAME,
        "format": FORMAT,
        "inputs": list(INPUTS),
        "outputs": list(Scores._fields),
        "max_question_tokens": MAX_QUESTION_TOKENS,
        "max_passage_tokens": MAX_PASSAGE_TOKENS,
        "quantisation": way._asdict(),
        "checkpoint_sha256": hash_file(checkpoint / "model.safetensors"),
        "model_sha256": hash_file(draft / "model.onnx"),
        "tokenizer_sha256": hash_file(draft / "tokenizer.json"),
    }
    (draft / "config.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    draft.chmod(0o755)
    old = folder.with_name(f".{folder.name}-old")
    if folder.exists():
        folder.rename(old)
    draft.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    return description


def hash_file(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@click.command(help=__doc__)
@click.option(
    "--checkpoint", type=click.Path(exists=True, path_type=Path), required=True, help="Folder with the weights."
)
@click.option("--tokenizer", type=click.Path(exists=True, path_type=Path), required=True, help="The tokenizer.json.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write, or to replace.")
def main(checkpoint: Path, tokenizer: Path, out: Path) -> None:
    """Export a checkpoint."""
    click.echo(json.dumps(export(checkpoint, tokenizer, out), indent=2))


if __name__ == "__main__":
    main()
