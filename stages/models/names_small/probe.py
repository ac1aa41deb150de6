"""Teach the tagger which words need no later block: ``python -m stages.models.names_small.probe DEVSETS/ner``.

Two blocks see two words to either side, which is enough to say of three words in four that they are no name. A linear
probe behind block `PROBED` learns from the whole graph, which `export` wrote, where it is certain of O. Then the graph
is written anew: the last block works on the words that the probe leaves open, the one before on these and on the words
that the last looks at, and so on; so what is said of an open word is what the whole graph says, and of others O.
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from scipy.optimize import minimize

from stages.extract_entities.names.labels import TAGS
from stages.extract_entities.names.small import REACH, TAGGER_MODEL, form_vectors, open_session, tagger_inputs
from stages.extract_entities.names.tokenise import tokenise_all
from stages.models.corpora import read_sentences
from stages.models.names_small.graph import Graph

TRAINING = ("germeval_train.tsv", "mobie_train.tsv", "europeana_sbb.tsv")
SENTENCES = 8_000  # of each file
PROBED = 2  # blocks before the probe
OUTER_SURE, INNER_SURE = 0.98, 0.95  # probabilities of O of both levels from which a word is closed
RARE = 5.0  # an open word counts so many times
DECAY = 1e-5
# Of the log odds: a higher bar closes more words; at -1 organisations of germeval_dev lose 0.2 F1, at -2 nothing does.
BAR = -3.0
FALSE = helper.make_tensor("false", TensorProto.BOOL, [1], [False])
Array = NDArray[Any]


class Seen(NamedTuple):
    """What the probe sees of each word [word, HIDDEN], and whether the word must stay open."""

    states: Array
    is_open: Array


def norms_of(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The last node of each block; raises ValueError where the graph has its probe already."""
    if any(output.name == "places" for output in model.graph.output):
        raise ValueError("the tagger has a probe already: write it anew with stages.models.names_small.export")
    return [node for node in model.graph.node if node.op_type == "LayerNormalization"]


def look(model: onnx.ModelProto, folder: Path) -> Seen:
    """Run the whole graph over training sentences."""
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    probed = norms_of(whole)[PROBED - 1].output[0]
    whole.graph.output.append(helper.make_tensor_value_info(probed, TensorProto.FLOAT, None))
    session = open_session(whole.SerializeToString())
    texts = [one.text for name in TRAINING for one in list(read_sentences(folder / name))[:SENTENCES]]
    words = tokenise_all(list(dict.fromkeys(texts)))
    forms, rows = np.unique(words.forms, return_inverse=True)
    asked = tagger_inputs(form_vectors(forms.tolist()).astype(np.float16), rows, np.array(words.bounds))
    parts = [session.run(["outer", "inner", probed], inputs) for inputs, _ in asked]
    outer, inner, states = (np.concatenate([rows[:-1] for rows in part]) for part in zip(*parts, strict=True))
    return Seen(states, (outer[:, 0] < OUTER_SURE) | (inner[:, 0] < INNER_SURE))


def fit(seen: Seen) -> tuple[Array, float]:
    """Weight and bias of a logistic regression: the log odds that a word must stay open."""
    weights = np.where(seen.is_open, RARE, 1.0).astype(np.float32)

    def loss(values: Array) -> tuple[float, Array]:
        weight, bias = values[:-1].astype(np.float32), np.float32(values[-1])
        odds = seen.states @ weight + bias
        cost = (weights * (np.logaddexp(0, odds) - seen.is_open * odds)).mean() + DECAY * (weight**2).sum()
        slope = weights * (1 / (1 + np.exp(-odds)) - seen.is_open) / len(odds)
        return float(cost), np.append(seen.states.T @ slope + 2 * DECAY * weight, slope.sum()).astype(float)

    nought = np.zeros(seen.states.shape[1] + 1)
    found = minimize(loss, nought, jac=True, method="L-BFGS-B", options={"maxiter": 120}).x
    return found[:-1].astype(np.float32), float(found[-1])


def probed_graph(model: onnx.ModelProto, weight: Array, bias: float) -> bytes:
    """The graph with the probe in it: the rows of its outputs are words, a further output ``places`` says which.

    The last word is always open, so that no word ever stands alone (see `stages.extract_entities.names.small`).
    """
    graph, norms, nodes = Graph(), norms_of(model), list(model.graph.node)
    graph.stored = list(model.graph.initializer)
    graph.nodes = nodes[: nodes.index(norms[PROBED - 1]) + 1]
    for name, value in (("first", [0]), ("one", [1]), ("end", [-1]), ("before_last", [-2]), ("column", [-1, 1])):
        graph.store(name, np.array(value, np.int64))
    graph.store("true", np.array([True]))
    x = norms[PROBED - 1].output[0]
    odds = graph.node("MatMul", x, graph.store("probe.weight", weight[:, None]))
    above = graph.node("Greater", odds, graph.store("probe.bar", np.array(BAR - bias, np.float32)))
    wanted = places_and_last(graph, graph.node("Reshape", above, "end"), "end")
    graph.named("places")
    # From the last block to the first: what it works on, and what it looks at, which the block before must work on.
    blocks = []
    wanted = "places"
    for block in reversed(range(PROBED, len(REACH))):
        around = graph.node("Gather", graph.node("Gather", "around", f"block{block}"), wanted)
        blocks.append((block, wanted, around))
        if block > PROBED:
            wanted = places_and_last(graph, named_in(graph, around), "before_last")
    for block, wanted, around in reversed(blocks):
        found = block_at(graph, x, wanted, around, block)
        x = graph.node("ScatterND", x, graph.node("Reshape", wanted, "column"), found) if wanted != "places" else found
    for level in ("outer", "inner"):
        product = graph.node("MatMul", x, f"{level}.weight")
        graph.node("Softmax", graph.node("Add", product, f"{level}.bias"), axis=-1)
        graph.named(level)
    outputs = [
        helper.make_tensor_value_info("places", TensorProto.INT64, ["open"]),
        *(helper.make_tensor_value_info(level, TensorProto.FLOAT, ["open", len(TAGS)]) for level in ("outer", "inner")),
    ]
    return graph.model(list(model.graph.input), outputs)


def named_in(graph: Graph, around: str) -> str:
    """Which places are named in an array of them; the one behind the last word stands for all beyond the sentences."""
    none = graph.node("ConstantOfShape", graph.node("Add", graph.node("Shape", "rows"), "one"), value=FALSE)
    flat = graph.node("Reshape", around, "end")
    return graph.node("ScatterElements", none, flat, graph.node("Expand", "true", graph.node("Shape", flat)), axis=0)


def places_and_last(graph: Graph, is_there: str, end: str) -> str:
    """The places that are true before ``end``, and the one at it."""
    return graph.node(
        "Reshape",
        graph.node("NonZero", graph.node("Concat", graph.node("Slice", is_there, "first", end), "true", axis=0)),
        "end",
    )


def block_at(graph: Graph, x: str, wanted: str, around: str, block: int) -> str:
    """One block of the network at some places, as `export` writes it at all."""
    step, nought = f"step{block}", f"nought{block}"
    small = graph.node("Concat", graph.node("QuantizeLinear", x, step, nought), f"gap{block}", axis=0)
    seen = graph.node("Reshape", graph.node("Gather", small, around), "side_by_side")
    matrix, scale, zero, bias = (f"blocks.{block}.{part}" for part in ("q", "scale", "zero", "bias"))
    change = graph.node("Relu", graph.node("MatMulIntegerToFloat", seen, matrix, step, scale, nought, zero, bias))
    whole = graph.node("Add", graph.node("Gather", x, wanted), change)
    return graph.node("LayerNormalization", whole, f"norms.{block}.weight", f"norms.{block}.bias", epsilon=1e-5)


def main() -> None:
    """Read the options and write the tagger anew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of the annotated corpora")
    parser.add_argument("--tagger", type=Path, default=TAGGER_MODEL, help="the graph that export wrote")
    options = parser.parse_args()
    model = onnx.load(options.tagger)
    seen = look(model, options.folder)
    options.tagger.write_bytes(probed_graph(model, *fit(seen)))


if __name__ == "__main__":
    main()
