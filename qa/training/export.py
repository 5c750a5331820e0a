"""A checkpoint -> what the package ships: an int8 ONNX model, the tokenizer, and a description of
both.

Weights are int8 with one scale a column, word embeddings int8 with one scale a word; activations
are quantised as they come, with one scale for all. A few channels of the activations are some
fifteen times as large as the others and would take the scale for themselves: they stay float (as in
LLM.int8(), Dettmers et al. 2022), which makes the scores' mean error a third at no cost in time.
Which they are is looked up on training passages.
"""

import hashlib
import json
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor, nn

from qa.training.corpus.arrays import MAX_PASSAGE_TOKENS, MAX_QUESTION_TOKENS, Corpus
from qa.training.groups import Mix, draw_order, make_batch, make_group
from qa.training.model import ReaderModel, Scores

NAME = "minilm-l6-reader"
FORMAT = "1"
"""Version of the files' names, inputs and outputs."""
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OPSET = 17


class Inputs(NamedTuple):
    """The model's inputs: int64 (b, l) each."""

    input_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]
    token_type_ids: NDArray[np.int64]


class Quantising(NamedTuple):
    """Options of the quantisation."""

    outliers: float = 1 / 48
    """Share of the channels of a layer's input that stay float: the largest ones."""
    signed: bool = False
    """Unsigned weights were a quarter more accurate than signed ones, and a twelfth slower."""
    reduce_range: bool = False
    """7-bit weights, for processors whose products of 8-bit numbers saturate (AVX2, AVX512 without
    VNNI)."""


BEST = Quantising()


def export_float(model: ReaderModel, path: Path) -> None:
    """Write the float32 model, for any number of pairs of any length."""
    model.eval()
    example = tuple(torch.ones((2, 16), dtype=torch.int64) for _ in INPUTS)
    axes = {name: {0: "pairs", 1: "tokens"} for name in (*INPUTS, "start", "end", "sentence")} | {
        "null": {0: "pairs"}
    }
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
    """The reader with its attention mask computed arithmetically, which a trace keeps for all
    sizes.
    """

    def __init__(self, model: ReaderModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor
    ) -> tuple[Tensor, ...]:
        mask = (1.0 - attention_mask.to(torch.float32))[:, None, None, :] * -1e4
        return tuple(self.model(input_ids, mask, token_type_ids))


def quantise(
    source: Path, target: Path, *, samples: Sequence[Inputs], way: Quantising = BEST
) -> None:
    """Float ONNX model -> int8 ONNX model; the samples show which channels are outliers."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(source)
    layers = _find_layers(model)
    _split_outliers(model, layers, _measure_channels(source, layers, samples), share=way.outliers)
    _quantise_embeddings(model)
    with tempfile.TemporaryDirectory() as scratch:
        split = Path(scratch, "split.onnx")
        onnx.save(model, split)
        quantize_dynamic(
            split,
            target,
            per_channel=True,
            reduce_range=way.reduce_range,
            weight_type=QuantType.QInt8 if way.signed else QuantType.QUInt8,
            op_types_to_quantize=["MatMul"],
            nodes_to_quantize=[layer.name for layer in layers],
        )


def _find_layers(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The matrix products of the encoder that are quantised; the narrow ones of the heads stay
    float.
    """
    weights = {weight.name for weight in model.graph.initializer if min(weight.dims, default=0) > 8}
    return [
        node for node in model.graph.node if node.op_type == "MatMul" and node.input[1] in weights
    ]


def _measure_channels(
    source: Path, layers: Sequence[onnx.NodeProto], samples: Sequence[Inputs]
) -> dict[str, NDArray[np.float32]]:
    """Name of each layer's input -> the largest absolute value of each of its channels."""
    import onnxruntime

    model = onnx.load(source)
    names = sorted({layer.input[0] for layer in layers})
    model.graph.output.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names
    )
    onnxruntime.disable_telemetry_events()
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    largest: dict[str, NDArray[np.float32]] = {}
    for sample in samples:
        for name, values in zip(names, session.run(names, sample._asdict()), strict=True):
            peaks = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
            largest[name] = np.maximum(largest.get(name, peaks), peaks)
    return largest


def _split_outliers(
    model: onnx.ModelProto,
    layers: Sequence[onnx.NodeProto],
    channels: dict[str, NDArray[np.float32]],
    *,
    share: float,
) -> None:
    """Split x W into (x without its largest channels) W, in int8, and (those channels) (their
    rows of W), in float.
    """
    graph = model.graph
    weights = {weight.name: weight for weight in graph.initializer}
    split = {layer.name for layer in layers} if share else set()
    chosen: dict[str, NDArray[np.int64]] = {}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        nodes.append(node)
        if node.name not in split:
            continue
        source, weight, result = node.input[0], node.input[1], node.output[0]
        if source not in chosen:
            peaks = channels[source]
            large = np.sort(np.argsort(-peaks, kind="stable")[: max(1, round(share * len(peaks)))])
            small = np.ones(len(peaks), dtype=np.float32)
            small[large] = 0
            graph.initializer.append(numpy_helper.from_array(large, f"{source}_large"))
            graph.initializer.append(numpy_helper.from_array(small, f"{source}_small"))
            nodes.insert(
                -1, helper.make_node("Mul", [source, f"{source}_small"], [f"{source}_rest"])
            )
            nodes.insert(
                -1,
                helper.make_node(
                    "Gather", [source, f"{source}_large"], [f"{source}_outliers"], axis=-1
                ),
            )
            chosen[source] = large
        rows = numpy_helper.to_array(weights[weight])[chosen[source]]
        graph.initializer.append(numpy_helper.from_array(rows, f"{weight}_outliers"))
        node.input[0], node.output[0] = f"{source}_rest", f"{result}_rest"
        nodes.append(
            helper.make_node(
                "MatMul", [f"{source}_outliers", f"{weight}_outliers"], [f"{result}_outliers"]
            )
        )
        nodes.append(helper.make_node("Add", [f"{result}_rest", f"{result}_outliers"], [result]))
    del graph.node[:]
    graph.node.extend(nodes)


def _quantise_embeddings(model: onnx.ModelProto) -> None:
    """Store word and position embeddings as int8 with a scale for each row; those of words are
    half of the model.
    """
    graph = model.graph
    tables = {
        weight.name: weight
        for weight in graph.initializer
        if len(weight.dims) == 2 and weight.dims[0] > 100
    }
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        name = node.input[0] if node.op_type == "Gather" else ""
        if name not in tables:
            nodes.append(node)
            continue
        values = numpy_helper.to_array(tables[name])
        scales = (np.abs(values).max(axis=1, keepdims=True).clip(1e-8) / 127).astype(np.float32)
        graph.initializer.append(
            numpy_helper.from_array(np.round(values / scales).astype(np.int8), f"{name}_int8")
        )
        graph.initializer.append(numpy_helper.from_array(scales, f"{name}_scales"))
        graph.initializer.remove(tables[name])
        nodes += [
            helper.make_node("Gather", [f"{name}_int8", node.input[1]], [f"{name}_integers"]),
            helper.make_node("Gather", [f"{name}_scales", node.input[1]], [f"{name}_factors"]),
            helper.make_node(
                "Cast", [f"{name}_integers"], [f"{name}_floats"], to=onnx.TensorProto.FLOAT
            ),
            helper.make_node("Mul", [f"{name}_floats", f"{name}_factors"], list(node.output)),
        ]
    del graph.node[:]
    graph.node.extend(nodes)


def draw_samples(corpus: Corpus, *, questions: int = 48, seed: int = 5) -> list[Inputs]:
    """Training questions with their passages, each as one pair."""
    mix, rng = Mix(), np.random.default_rng(seed)
    numbers = draw_order(corpus, mix, seed=seed, epoch=0)[:questions]
    groups = [make_group(corpus, mix, int(number), rng=rng) for number in numbers]
    return [Inputs(*make_batch(corpus, [[pair]])[:3]) for group in groups for pair in group]


def run_onnx(path: Path, inputs: Inputs, *, threads: int = 2) -> Scores:
    """Scores of an exported model, as float32 arrays instead of tensors."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    onnxruntime.disable_telemetry_events()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return Scores(*session.run(list(Scores._fields), inputs._asdict()))


def export(
    checkpoint: Path,
    tokenizer: Path,
    folder: Path,
    *,
    samples: Sequence[Inputs],
    way: Quantising = BEST,
) -> dict[str, Any]:
    """Write model.onnx, tokenizer.json and config.json to a folder, atomically; returns the
    description in config.json.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    with tempfile.TemporaryDirectory() as scratch:
        export_float(ReaderModel.load(checkpoint), Path(scratch, "float.onnx"))
        quantise(Path(scratch, "float.onnx"), draft / "model.onnx", samples=samples, way=way)
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
    "--checkpoint",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="Folder with the weights.",
)
@click.option(
    "--tokenizer",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="The tokenizer.json.",
)
@click.option(
    "--corpus",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="Folder made by qa.training.corpus.build.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder to write, or to replace."
)
def main(checkpoint: Path, tokenizer: Path, corpus: Path, out: Path) -> None:
    """Export a checkpoint."""
    description = export(checkpoint, tokenizer, out, samples=draw_samples(Corpus.load(corpus)))
    click.echo(json.dumps(description, indent=2))


if __name__ == "__main__":
    main()
