"""An ONNX graph, node by node: tables and matrices as int8, the activations before a matrix as uint8."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

FUSED = "com.microsoft"
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
        domain = FUSED if kind in ("Gelu", "MatMulIntegerToFloat") else ""
        self.nodes.append(helper.make_node(kind, list(inputs), [name], domain=domain, **attributes))
        return name

    def table(self, name: str, values: Array, rows: str) -> str:
        """Look up rows of an int8 table."""
        scale = np.maximum(np.abs(values).max(axis=1, keepdims=True), 1e-8) / 127
        self.store(name, np.round(values / scale).astype(np.int8))
        self.store(name + ".scale", scale.astype(np.float32))
        found = self.node("Cast", self.node("Gather", name, rows), to=TensorProto.FLOAT)
        return self.node("Mul", found, self.node("Gather", name + ".scale", rows))

    def opened_table(self, name: str, values: Array, rows: str) -> str:
        """As `table`, with all rows made float32 when the graph is opened: many are looked up, and they are short."""
        scale = np.maximum(np.abs(values).max(axis=1, keepdims=True), 1e-8) / 127
        small = self.store(name, np.round(values / scale).astype(np.int8))
        whole = self.node("Cast", small, to=TensorProto.FLOAT)
        return self.node("Gather", self.node("Mul", whole, self.store(name + ".scale", scale.astype(np.float32))), rows)

    def linear(self, x: str, name: str, weights: dict[str, Array]) -> str:
        """Multiply by a float32 matrix and add its bias."""
        product = self.node("MatMul", x, self.store(name + ".weight", weights[name + ".weight"].T))
        return self.node("Add", product, self.store(name + ".bias", weights[name + ".bias"]))

    def quantised(self, x: str, step: str, nought: str, name: str, weights: dict[str, Array]) -> str:
        """Multiply uint8 values by an int8 matrix and add its bias."""
        matrix = weights[name + ".weight"].T
        scale = np.maximum(np.abs(matrix).max(axis=0), 1e-8) / 127
        stored = [
            self.store(name + ".q", np.round(matrix / scale).astype(np.int8)),
            step,
            self.store(name + ".scale", scale.astype(np.float32)),
            nought,
            self.store(name + ".zero", np.zeros(matrix.shape[1], np.int8)),
            self.store(name + ".bias", weights[name + ".bias"]),
        ]
        return self.node("MatMulIntegerToFloat", x, *stored)

    def norm(self, x: str, name: str, weights: dict[str, Array]) -> str:
        """Normalise rows."""
        parts = [self.store(f"{name}.{part}", weights[f"{name}.{part}"]) for part in ("weight", "bias")]
        return self.node("LayerNormalization", x, *parts, epsilon=1e-5)

    def count(self, rows: str, filler: int, name: str) -> str:
        """How many of each row are no fillers, [row, 1]."""
        same = self.node("Equal", rows, self.store(name, np.array(filler, np.int32)))
        return self.node("ReduceSum", self.node("Cast", self.node("Not", same), to=TensorProto.INT32), "axis1")

    def mean(self, vectors: str, count: str) -> str:
        """Mean over the second axis; the vectors of fillers are nought."""
        total = self.node("ReduceSum", vectors, "axis1", keepdims=0)
        return self.node("Div", total, self.node("Cast", count, to=TensorProto.FLOAT))

    def named(self, name: str) -> None:
        """Make what the last node gives an output of the graph."""
        self.nodes[-1].output[0] = name

    def model(self, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]) -> bytes:
        """Close the graph."""
        graph = helper.make_graph(self.nodes, "names", inputs, outputs, self.stored)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString(deterministic=True)
