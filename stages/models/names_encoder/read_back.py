"""Turn the shipped graph back into weights to go on from: ``python -m stages.models.names_encoder.read_back WORK``.

Writes ``WORK/weights.npz`` and ``WORK/pieces.tsv``. The matrices keep the rounding of the export (8 bits a weight).
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from stages.models.names_encoder.export import MODEL, Array
from stages.names.pieces import PIECES


def weights_of(path: Path) -> dict[str, Array]:
    """The weights of `network.Network` by name, from a graph that `export` wrote."""
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    weights = {}
    for name, values in stored.items():
        base, _, kind = name.rpartition(".")
        if kind == "q":
            matrix = values.astype(np.float32) * stored[base + ".scale"]
            weights[base + ".weight"] = matrix if base == "words" else matrix.T
        elif kind == "bias" or (kind == "weight" and "norm" in base):
            weights[name] = values
        elif name in ("outer.weight", "inner.weight"):
            weights[name] = values.T
    return weights | {"places.weight": stored["places"].astype(np.float32)}


def main() -> None:
    """Read the option and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work
    work.mkdir(parents=True, exist_ok=True)
    weights: dict[str, Any] = weights_of(MODEL)
    np.savez(work / "weights.npz", **weights)
    (work / "pieces.tsv").write_bytes(PIECES.read_bytes())


if __name__ == "__main__":
    main()
