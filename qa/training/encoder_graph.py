"""The default encoder's safetensors file -> `minilm.onnx`: BERT's graph, its weights left there.

    python -m qa.training.encoder_graph

Every product with a weight matrix is a `Gemm` with the matrix as PyTorch keeps it, outputs first,
so that nothing has to be copied or turned; attention, GELU and layer norms are ONNX Runtime's own
fused operators.
"""

import json
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from qa.encoder.onnx import GRAPH, WEIGHTS, find_bundled

LAYERS, HEADS = 6, 12
EPSILON = 1e-12
FUSED = "com.microsoft"


class _Graph:
    """Collects the nodes of a graph; weights have the names of the safetensors file."""

    def __init__(self, weights: Path) -> None:
        with weights.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            self._tensors = json.loads(file.read(length))
        self._start = 8 + length
        self._file = weights.name
        self.nodes: list[onnx.NodeProto] = []
        self.initializers = [helper.make_tensor("rows", TensorProto.INT64, [2], [-1, 384])]

    def add(
        self,
        operator: str,
        inputs: list[str],
        *outputs: str,
        domain: str = "",
        **attributes: int | float,
    ) -> str:
        node = helper.make_node(operator, inputs, outputs, domain=domain)
        node.attribute.extend(
            helper.make_attribute(name, value) for name, value in attributes.items()
        )
        self.nodes.append(node)
        return outputs[0]

    def weight(self, name: str) -> str:
        begin, end = self._tensors[name]["data_offsets"]
        tensor = TensorProto(
            name=name,
            data_type=TensorProto.FLOAT,
            dims=self._tensors[name]["shape"],
            data_location=TensorProto.EXTERNAL,
        )
        place = {"location": self._file, "offset": self._start + begin, "length": end - begin}
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        self.initializers.append(tensor)
        return name

    def layer(self, name: str) -> list[str]:
        return [self.weight(f"{name}.weight"), self.weight(f"{name}.bias")]

    def product(self, source: str, name: str) -> str:
        return self.add("Gemm", [source, *self.layer(name)], f"{name}.out", transB=1)

    def add_and_normalise(self, one: str, other: str, name: str) -> str:
        inputs = [one, other, *self.layer(name)]
        return self.add(
            "SkipLayerNormalization", inputs, f"{name}.out", domain=FUSED, epsilon=EPSILON
        )


def build_graph(weights: Path) -> onnx.ModelProto:
    """int32 (b, l) token ids, token types (zeros) and mask -> float32 (b, l, 384) token states."""
    graph = _Graph(weights)
    tables = [
        graph.weight(f"embeddings.{kind}_embeddings.weight")
        for kind in ("word", "position", "token_type")
    ]
    inputs = ["input_ids", "token_type_ids", *tables, *graph.layer("embeddings.LayerNorm")]
    embedded = graph.add(
        "EmbedLayerNormalization", inputs, "embedded", "lengths", domain=FUSED, epsilon=EPSILON
    )
    shape = graph.add("Shape", [embedded], "shape")
    # Products run over all tokens in one matrix, (b l, 384); attention needs the texts apart.
    state = graph.add("Reshape", [embedded, "rows"], "tokens")
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        heads = [
            graph.add(
                "Reshape",
                [graph.product(state, f"{layer}.attention.self.{part}"), shape],
                f"{layer}.{part}",
            )
            for part in ("query", "key", "value")
        ]
        inputs = [*heads, "", "attention_mask"]
        seen = graph.add(
            "MultiHeadAttention", inputs, f"{layer}.seen", domain=FUSED, num_heads=HEADS
        )
        seen = graph.add("Reshape", [seen, "rows"], f"{layer}.seen.rows")
        seen = graph.product(seen, f"{layer}.attention.output.dense")
        seen = graph.add_and_normalise(seen, state, f"{layer}.attention.output.LayerNorm")
        wide = graph.product(seen, f"{layer}.intermediate.dense")
        wide = graph.add("Gelu", [wide], f"{layer}.gelu", domain=FUSED)
        state = graph.add_and_normalise(
            graph.product(wide, f"{layer}.output.dense"), seen, f"{layer}.output.LayerNorm"
        )
    graph.add("Reshape", [state, shape], "states")
    names = ("input_ids", "token_type_ids", "attention_mask")
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "all-MiniLM-L6-v2",
            [
                helper.make_tensor_value_info(name, TensorProto.INT32, ["texts", "tokens"])
                for name in names
            ],
            [helper.make_tensor_value_info("states", TensorProto.FLOAT, ["texts", "tokens", 384])],
            graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(FUSED, 1)],
        ir_version=8,
    )


if __name__ == "__main__":
    GRAPH.write_bytes(build_graph(find_bundled() / WEIGHTS).SerializeToString())
