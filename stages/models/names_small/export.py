"""Write the small network as two graphs: ``python -m stages.models.names_small.export WORK/weights.npz``.

``forms.onnx`` turns word forms into vectors, ``tagger.onnx`` tags rows of vectors. Tables are int8 with one scale a
row; the matrices stay float32, since they are small and every sentence then comes out the same in any company.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from stages.models.names_small.network import BLOCKS, HIDDEN, PIECE_WIDTH
from stages.names.forms import PIECES_OF_A_FORM, TRIPLES_OF_A_FORM, WIDTH
from stages.names.pieces import PAD
from stages.names.small import FORMS_MODEL, TAGGER_MODEL

Array = NDArray[Any]


class Graph:
    """Nodes and weights of a graph under construction."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.stored: list[onnx.TensorProto] = []

    def store(self, name: str, values: Array) -> str:
        """Keep an array in the file."""
        self.stored.append(numpy_helper.from_array(np.array(values, order="C"), name))
        return name

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node and return its output."""
        name = f"{kind}{len(self.nodes)}"
        domain = "com.microsoft" if kind == "Gelu" else ""
        self.nodes.append(helper.make_node(kind, list(inputs), [name], domain=domain, **attributes))
        return name

    def table(self, name: str, values: Array, rows: str) -> str:
        """Look up rows of an int8 table."""
        scale = np.maximum(np.abs(values).max(axis=1, keepdims=True), 1e-8) / 127
        self.store(name, np.round(values / scale).astype(np.int8))
        self.store(name + ".scale", scale.astype(np.float32))
        found = self.node("Cast", self.node("Gather", name, rows), to=TensorProto.FLOAT)
        return self.node("Mul", found, self.node("Gather", name + ".scale", rows))

    def linear(self, x: str, name: str, weights: dict[str, Array]) -> str:
        """Multiply by a float32 matrix and add its bias."""
        product = self.node("MatMul", x, self.store(name + ".weight", weights[name + ".weight"].T))
        return self.node("Add", product, self.store(name + ".bias", weights[name + ".bias"]))

    def norm(self, x: str, name: str, weights: dict[str, Array]) -> str:
        """Normalise rows."""
        parts = [self.store(f"{name}.{part}", weights[f"{name}.{part}"]) for part in ("weight", "bias")]
        return self.node("LayerNormalization", x, *parts, epsilon=1e-5)

    def mean(self, vectors: str, there: str) -> str:
        """Mean over the second axis of the vectors that are there."""
        total = self.node("ReduceSum", self.node("Mul", vectors, there), "axis1", keepdims=0)
        return self.node("Div", total, self.node("ReduceSum", there, "axis1", keepdims=0))

    def there(self, rows: str, filler: int, name: str) -> str:
        """1.0 where a row number is no filler, with an axis for the vector."""
        same = self.node("Equal", rows, self.store(name, np.array(filler, np.int64)))
        real = self.node("Cast", self.node("Not", same), to=TensorProto.FLOAT)
        return self.node("Unsqueeze", real, "axis2")

    def model(self, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto], last: str) -> bytes:
        """Close the graph; the last node gets the name of the first output."""
        self.nodes[-1].output[0] = outputs[0].name if last else self.nodes[-1].output[0]
        graph = helper.make_graph(self.nodes, "names", inputs, outputs, self.stored)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString(deterministic=True)


def forms_graph(weights: dict[str, Array]) -> bytes:
    """pieces, triples, flags [form, .] -> vectors [form, HIDDEN]."""
    graph = Graph()
    for name, values in (("axis1", [1]), ("axis2", [2])):
        graph.store(name, np.array(values, np.int64))
    there = graph.there("pieces", PAD, "pad")
    vectors = graph.table("table", weights["forms.pieces.weight"], "pieces")
    first = graph.node("Gather", vectors, graph.store("number0", np.array(0, np.int64)), axis=1)
    # The last piece is the one that is there while its right neighbour is not.
    right = graph.node(
        "Slice",
        there,
        graph.store("from1", np.array([1], np.int64)),
        graph.store("to", np.array([PIECES_OF_A_FORM], np.int64)),
        "axis1",
    )
    right = graph.node("Pad", right, graph.store("pads", np.array([0, 0, 0, 0, 1, 0], np.int64)))
    last = graph.node("ReduceSum", graph.node("Mul", vectors, graph.node("Sub", there, right)), "axis1", keepdims=0)
    letters = graph.mean(
        graph.table("letters", weights["forms.triples.weight"], "triples"), graph.there("triples", 0, "nought")
    )
    seen = graph.node("Concat", first, last, graph.mean(vectors, there), letters, "flags", axis=1)
    graph.norm(graph.linear(seen, "forms.mix", weights), "forms.norm", weights)
    inputs = [
        helper.make_tensor_value_info("pieces", TensorProto.INT64, ["forms", PIECES_OF_A_FORM]),
        helper.make_tensor_value_info("triples", TensorProto.INT64, ["forms", TRIPLES_OF_A_FORM]),
        helper.make_tensor_value_info("flags", TensorProto.FLOAT, ["forms", WIDTH]),
    ]
    return graph.model(
        inputs, [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["forms", HIDDEN])], "vectors"
    )


def tagger_graph(weights: dict[str, Array]) -> bytes:
    """vectors [word, HIDDEN], mask [word, 1] -> tag probabilities [word, 2, tag] of both levels."""
    graph = Graph()
    numbers = {"zero": [0], "one": [1], "minus1": [-1], "end": [2**31 - 1]}
    for name, values in numbers.items():
        graph.store(name, np.array(values, np.int64))
    graph.store("gap", np.zeros((1, HIDDEN), np.float32))
    x = graph.node("Mul", "words", "mask")
    for block in range(BLOCKS):
        left = graph.node("Concat", "gap", graph.node("Slice", x, "zero", "minus1", "zero"), axis=0)
        right = graph.node("Concat", graph.node("Slice", x, "one", "end", "zero"), "gap", axis=0)
        step = graph.node(
            "Gelu", graph.linear(graph.node("Concat", left, x, right, axis=1), f"blocks.{block}", weights)
        )
        x = graph.node("Mul", graph.norm(graph.node("Add", x, step), f"norms.{block}", weights), "mask")
    tags = weights["heads.bias"].shape[0] // 2
    shape = graph.store("shape", np.array([-1, 2, tags], np.int64))
    graph.node("Softmax", graph.node("Reshape", graph.linear(x, "heads", weights), shape), axis=-1)
    inputs = [
        helper.make_tensor_value_info("words", TensorProto.FLOAT, ["words", HIDDEN]),
        helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["words", 1]),
    ]
    return graph.model(inputs, [helper.make_tensor_value_info("tags", TensorProto.FLOAT, ["words", 2, tags])], "tags")


def main() -> None:
    """Read the options and write both graphs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--to", type=Path, default=FORMS_MODEL.parent)
    options = parser.parse_args()
    with np.load(options.weights, allow_pickle=False) as arrays:
        weights = {name: arrays[name] for name in arrays.files}
    assert weights["forms.pieces.weight"].shape[1] == PIECE_WIDTH
    (options.to / FORMS_MODEL.name).write_bytes(forms_graph(weights))
    (options.to / TAGGER_MODEL.name).write_bytes(tagger_graph(weights))


if __name__ == "__main__":
    main()
