"""Write the small network as two graphs: ``python -m stages.models.names_small.export WORK/weights.npz DEVSETS/ner``.

``forms.onnx`` turns word forms into vectors, ``tagger.onnx`` tags rows of forms by these vectors. Tables are int8 with
one scale a row, the tagger's matrices int8 with one scale a column; its activations become uint8 with fixed scales,
measured on training sentences: scales taken from the batch at hand would let a sentence's neighbours change its names.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from stages.extract_entities.names.forms import WIDTH, form_arrays
from stages.extract_entities.names.pieces import PAD, shipped_tokenizer
from stages.extract_entities.names.small import FORMS_MODEL, TAGGER_MODEL
from stages.extract_entities.names.tokenise import tokenise
from stages.models.corpora import read_sentences
from stages.models.names_small.network import HIDDEN, PIECE_WIDTH, SmallNetwork

FUSED = "com.microsoft"
CALIBRATION = ("germeval_train.tsv", "mobie_train.tsv", "europeana_sbb.tsv")
SHARE = 0.9999  # of the activations that lie inside the fixed range
Array = NDArray[Any]
Ranges = list[tuple[float, float]]


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

    def steps(self, number: int, span: tuple[float, float]) -> tuple[str, str, int]:
        """The size of a step of uint8 between two values, and which of the 256 stands for nought, also as a number."""
        low, high = span
        fixed = round(-low / ((high - low) / 255))
        step = self.store(f"step{number}", np.array((high - low) / 255, np.float32))
        return step, self.store(f"nought{number}", np.array(fixed, np.uint8)), fixed


def forms_graph(weights: dict[str, Array], span: tuple[float, float]) -> bytes:
    """pieces, triples, flags [form, .] -> vectors [form, HIDDEN], uint8 between the two values of ``span``."""
    graph = Graph()
    graph.store("axis1", np.array([1], np.int64))
    table = weights["forms.pieces.weight"].copy()
    table[PAD] = 0
    vectors = graph.table("table", table, "pieces")
    count = graph.count("pieces", PAD, "pad")
    first = graph.node("Gather", vectors, graph.store("number0", np.array(0, np.int64)), axis=1)
    place = graph.node("Sub", graph.node("Cast", count, to=TensorProto.INT64), "axis1")
    last = graph.node("GatherND", vectors, place, batch_dims=1)
    letters = graph.mean(
        graph.opened_table("letters", weights["forms.triples.weight"], "triples"), graph.count("triples", 0, "nought")
    )
    seen = graph.node("Concat", first, last, graph.mean(vectors, count), letters, "flags", axis=1)
    mixed = graph.linear(seen, "forms.mix", weights)
    deep = graph.linear(graph.node("Gelu", mixed), "forms.deep", weights)
    vectors = graph.norm(graph.node("Add", mixed, deep), "forms.norm", weights)
    step, nought, _ = graph.steps(0, span)
    graph.node("QuantizeLinear", vectors, step, nought)
    graph.named("vectors")
    inputs = [
        helper.make_tensor_value_info("pieces", TensorProto.INT32, ["forms", "most pieces"]),
        helper.make_tensor_value_info("triples", TensorProto.INT32, ["forms", "most triples"]),
        helper.make_tensor_value_info("flags", TensorProto.FLOAT, ["forms", WIDTH]),
    ]
    return graph.model(inputs, [helper.make_tensor_value_info("vectors", TensorProto.UINT8, ["forms", HIDDEN])])


def tagger_graph(weights: dict[str, Array], ranges: Ranges) -> bytes:
    """forms [form, HIDDEN], rows [word], around [block, word, 3] -> tag probabilities [word, tag] of both levels.

    ``forms`` are uint8 as `forms_graph` gives them between the first of the ``ranges``.
    ``rows`` are the numbers of the words' forms, ``around`` for each block the places of the word `REACH` before, of
    the word, and of that as far after; -1 beyond the ends of the sentence.
    """
    graph = Graph()
    words = graph.node("Gather", "forms", "rows")
    x = ""
    side_by_side = graph.store("side_by_side", np.array([-1, 3 * HIDDEN], np.int64))
    for block, span in enumerate(ranges):
        step, nought, fixed = graph.steps(block, span)
        if block:
            words = graph.node("QuantizeLinear", x, step, nought)
        else:
            x = graph.node("DequantizeLinear", words, step, nought)
        # The last row, which -1 means, is what stands beyond the ends of a sentence.
        gap = graph.store(f"gap{block}", np.full((1, HIDDEN), fixed, np.uint8))
        small = graph.node("Concat", words, gap, axis=0)
        of_block = graph.node("Gather", "around", graph.store(f"block{block}", np.array(block, np.int64)))
        around = graph.node("Reshape", graph.node("Gather", small, of_block), side_by_side)
        change = graph.node("Relu", graph.quantised(around, step, nought, f"blocks.{block}", weights))
        x = graph.norm(graph.node("Add", x, change), f"norms.{block}", weights)
    tags = weights["heads.bias"].shape[0] // 2
    for level, name in enumerate(("outer", "inner")):
        of_level = slice(level * tags, (level + 1) * tags)
        head = {f"{name}.{part}": weights[f"heads.{part}"][of_level] for part in ("weight", "bias")}
        graph.node("Softmax", graph.linear(x, name, head), axis=-1)
        graph.named(name)
    inputs = [
        helper.make_tensor_value_info("forms", TensorProto.UINT8, ["forms", HIDDEN]),
        helper.make_tensor_value_info("rows", TensorProto.INT64, ["words"]),
        helper.make_tensor_value_info("around", TensorProto.INT64, [len(ranges), "words", 3]),
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["words", tags]) for name in ("outer", "inner")]
    return graph.model(inputs, outputs)


def measure_ranges(weights: dict[str, Array], folder: Path) -> Ranges:
    """Run training sentences through the float network and take the range that holds `SHARE` of each input."""
    network = SmallNetwork(len(weights["forms.pieces.weight"]), len(weights["heads.bias"]) // 2).eval()
    network.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})
    seen: list[Array] = []
    for block in network.blocks:
        block.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][:, HIDDEN : 2 * HIDDEN].numpy()))
    texts = [sentence.text for name in CALIBRATION for sentence in read_sentences(folder / name)[:600:2]]
    rows = [[text[start:end] for start, end in tokenise(text)] for text in texts]
    unique, places = np.unique([word for words in rows for word in words], return_inverse=True)
    sentences = np.repeat(np.arange(len(rows)), [len(words) for words in rows])
    with torch.no_grad():
        vectors = network.forms(*map(torch.from_numpy, form_arrays(unique.tolist(), shipped_tokenizer())))
        network(vectors, torch.from_numpy(places), torch.from_numpy(sentences))
    quantiles = [np.quantile(values, [(1 - SHARE) / 2, (1 + SHARE) / 2]) for values in seen]
    return [(min(float(low), 0.0), max(float(high), 0.0)) for low, high in quantiles]


def main() -> None:
    """Read the options and write both graphs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path, help="folder of the annotated corpora, to measure activations on")
    parser.add_argument("--to", type=Path, default=FORMS_MODEL.parent)
    options = parser.parse_args()
    with np.load(options.weights, allow_pickle=False) as arrays:
        weights = {name: arrays[name] for name in arrays.files}
    assert weights["forms.pieces.weight"].shape[1] == PIECE_WIDTH
    ranges = measure_ranges(weights, options.folder)
    (options.to / FORMS_MODEL.name).write_bytes(forms_graph(weights, ranges[0]))
    (options.to / TAGGER_MODEL.name).write_bytes(tagger_graph(weights, ranges))


if __name__ == "__main__":
    main()
