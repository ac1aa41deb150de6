"""Write the trained encoder as the shipped graph.

``python -m stages.models.names_encoder.export WORK/weights.npz DEVSETS/ner``

Matrices become int8 with one scale a column, the embedding int8 with one scale a row. Activations become uint8 with
fixed scales, measured on training sentences: scales taken from the batch at hand would let a sentence's neighbours
change its names. The last feed-forward runs on first pieces alone, since only these are tagged.
"""

import argparse
import random
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import Unigram

from stages.extract_entities.names.labels import TAGS
from stages.extract_entities.names.pieces import PIECES, UNKNOWN, piece_ids, read_pieces
from stages.models.names_encoder.base import WIDTH
from stages.models.names_encoder.examples import GERMEVAL, read_germeval, read_other
from stages.models.names_encoder.network import DEVICE, HEADS, network_of
from stages.models.names_encoder.train import batches, tensors

MODEL = PIECES.with_name("names.onnx")
LARGEST = 127
SHARE = 0.9999
TRANSITION_WEIGHT = 0.1  # chosen on germeval_dev and smartdata together: 0.2 helps the one and harms the other
CALIBRATION = ("germeval_train.tsv", "mobie_train.tsv", "europeana_sbb.tsv")
EPSILON = 1e-12
FUSED = "com.microsoft"
Array = NDArray[Any]
Ranges = dict[str, tuple[float, float]]


class Graph:
    """Nodes and weights of a graph under construction; every method adds a node and returns its output's name."""

    def __init__(self, weights: dict[str, Array], ranges: Ranges, largest: int) -> None:
        self.weights, self.ranges, self.largest = weights, ranges, largest
        self.nodes: list[onnx.NodeProto] = []
        self.stored: list[onnx.TensorProto] = []

    def store(self, name: str, values: Array) -> str:
        """Keep an array in the file."""
        self.stored.append(numpy_helper.from_array(np.array(values, order="C"), name))
        return name

    def node(self, kind: str, inputs: list[str], domain: str = "", outputs: int = 1, **attributes: Any) -> list[str]:
        """Add any node."""
        names = [f"{kind}{len(self.nodes)}.{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, domain=domain, **attributes))
        return names

    def linear(self, source: str, name: str, bias: bool = True) -> str:
        """Quantise the input by its fixed range and multiply by an int8 matrix."""
        matrix = self.weights[name + ".weight"].T
        scale = np.maximum(np.abs(matrix).max(axis=0), 1e-8) / self.largest
        low, high = self.ranges[name]
        step = (high - low) / 255
        fixed = [
            self.store(name + ".step", np.array(step, np.float32)),
            self.store(name + ".nought", np.array(round(-low / step), np.uint8)),
        ]
        inputs = [
            *self.node("QuantizeLinear", [source, *fixed]),
            self.store(name + ".q", np.round(matrix / scale).astype(np.int8)),
            fixed[0],
            self.store(name + ".scale", scale.astype(np.float32)),
            fixed[1],
            self.store(name + ".zero", np.zeros(matrix.shape[1], np.int8)),
        ]
        inputs += [self.store(name + ".bias", self.weights[name + ".bias"])] if bias else []
        return self.node("MatMulIntegerToFloat", inputs, FUSED)[0]

    def add_norm(self, left: str, right: str, name: str) -> str:
        """Add and normalise."""
        total = self.node("Add", [left, right])[0]
        parts = [self.store(f"{name}.{part}", self.weights[f"{name}.{part}"]) for part in ("weight", "bias")]
        return self.node("LayerNormalization", [total, *parts], epsilon=EPSILON)[0]

    def embed(self) -> str:
        """Look up pieces and places; ``ids`` are sentences of one length [sentence, piece]."""
        table = self.weights["words.weight"]
        scale = np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-8) / 127
        self.store("words.q", np.round(table / scale).astype(np.int8))
        self.store("words.scale", scale.astype(np.float32))
        self.store("places", self.weights["places.weight"].astype(np.float16))
        self.store("zero", np.array([0], np.int64))
        self.store("one", np.array([1], np.int64))
        rows = self.node("Cast", self.node("Gather", ["words.q", "ids"]), to=TensorProto.FLOAT)
        words = self.node("Mul", [*rows, *self.node("Gather", ["words.scale", "ids"])])
        length = self.node("Slice", [*self.node("Shape", ["ids"]), "one", self.store("two", np.array([2], np.int64))])
        places = self.node("Cast", self.node("Slice", ["places", "zero", *length, "zero"]), to=TensorProto.FLOAT)
        return self.add_norm(words[0], places[0], "norm")

    def layer(self, x: str, name: str, last: bool) -> str:
        """One transformer layer; the last one keeps first pieces alone after its attention."""
        thirds = self.store(name + "thirds", np.array([WIDTH] * 3, np.int64))
        qkv = self.node("Split", [self.linear(x, name + "qkv"), thirds], outputs=3, axis=-1)
        seen = self.node("MultiHeadAttention", qkv, FUSED, num_heads=HEADS)[0]
        if last:
            rows = self.store("rows", np.array([-1, WIDTH], np.int64))
            flat = [self.node("Reshape", [values, rows])[0] for values in (seen, x)]
            seen, x = (self.node("Gather", [values, "firsts"])[0] for values in flat)
        x = self.add_norm(self.linear(seen, name + "out"), x, name + "norm1")
        bias = self.store(name + "up.bias", self.weights[name + "up.bias"])
        wide = self.node("BiasGelu", [self.linear(x, name + "up", bias=False), bias], FUSED)[0]
        return self.add_norm(self.linear(wide, name + "down"), x, name + "norm2")

    def head(self, x: str, name: str) -> str:
        """Tag probabilities [word, tag]."""
        matrix = self.store(name + ".weight", self.weights[name + ".weight"].T)
        logits = self.node(
            "Add", [*self.node("MatMul", [x, matrix]), self.store(name + ".bias", self.weights[name + ".bias"])]
        )
        self.node("Softmax", logits, axis=-1)
        self.nodes[-1].output[0] = name
        return name


def build(weights: dict[str, Array], ranges: Ranges, largest: int = LARGEST) -> onnx.ModelProto:
    """Build the graph: ids [sentence, piece], firsts [word] -> outer, inner [word, tag] probabilities.

    ``firsts`` are the places of the words' first pieces in the flattened ids.
    """
    graph = Graph(weights, ranges, largest)
    layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("layers."))
    x = graph.embed()
    for number in range(layers):
        x = graph.layer(x, f"layers.{number}.", last=number == layers - 1)
    graph.head(x, "outer")
    graph.head(x, "inner")
    tags = weights["outer.bias"].shape[0]
    inputs = [
        helper.make_tensor_value_info("ids", TensorProto.INT64, ["sentences", "pieces"]),
        helper.make_tensor_value_info("firsts", TensorProto.INT64, ["words"]),
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["words", tags]) for name in ("outer", "inner")]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(FUSED, 1)]
    return helper.make_model(
        helper.make_graph(graph.nodes, "names", inputs, outputs, graph.stored), opset_imports=opsets, ir_version=9
    )


def measure_ranges(weights: dict[str, Array], tokenizer: Tokenizer, folder: Path, share: float) -> Ranges:
    """Run training sentences through the float network and take the range that holds ``share`` of each input."""
    network = network_of(weights).eval().to(DEVICE)
    seen: dict[str, list[Array]] = {}
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.Linear) and name.startswith("layers"):
            module.register_forward_pre_hook(partial(_keep, seen.setdefault(name, [])))
    examples = [e for n in CALIBRATION for e in read_other(folder / n, 1.0)[:300:2]]
    items = [(e, piece_ids(e.words, tokenizer, {})) for e in examples]
    with torch.no_grad():
        for group in batches(items, random.Random(1)):
            network(*tensors(group))
    return {name: _range(np.concatenate(values), share) for name, values in seen.items()}


def _keep(kept: list[Array], _module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
    kept.append(inputs[0].reshape(-1)[::7].cpu().numpy())


def _range(values: Array, share: float) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - share) / 2, (1 + share) / 2])
    return min(float(low), 0.0), max(float(high), 0.0)


def transition_gains(path: Path) -> Array:
    """How much likelier one tag is after another than anywhere, in logarithms, times a small weight."""
    counts = np.full((len(TAGS) + 1, len(TAGS)), 0.1)
    for example in read_germeval(path):
        for before, tag in zip([len(TAGS), *example.outer], example.outer, strict=False):
            counts[before, tag] += 1
    gains = np.log(counts / counts.sum(axis=1, keepdims=True)) - np.log(counts.sum(axis=0) / counts.sum())
    return (TRANSITION_WEIGHT * gains).astype(np.float32)


def main() -> None:
    """Read the options and write the graph, its pieces and the transitions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, help="a weights.npz with pieces.tsv beside it")
    parser.add_argument("folder", type=Path, help="folder of the annotated corpora, to measure activations on")
    parser.add_argument("--share", type=float, default=SHARE, help="share of the activations inside the fixed range")
    parser.add_argument("--to", type=Path, default=MODEL)
    parser.add_argument(
        "--largest",
        type=int,
        default=LARGEST,
        help="largest weight; 63 keeps 16-bit sums of processors without VNNI from overflowing and costs 0.5 F1",
    )
    options = parser.parse_args()
    with np.load(options.weights, allow_pickle=False) as arrays:
        weights = {name: arrays[name] for name in arrays.files}
    tokenizer = Tokenizer(Unigram(read_pieces(options.weights.with_name("pieces.tsv")), UNKNOWN))
    ranges = measure_ranges(weights, tokenizer, options.folder, options.share)
    model = build(weights, ranges, options.largest)
    options.to.write_bytes(model.SerializeToString(deterministic=True))
    np.save(options.to.with_name("transitions.npy"), transition_gains(options.folder / GERMEVAL), allow_pickle=False)
    options.to.with_name("pieces.tsv").write_bytes(options.weights.with_name("pieces.tsv").read_bytes())


if __name__ == "__main__":
    main()
