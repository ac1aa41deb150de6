"""The trained weights, and what they say about lines; NumPy alone, loaded once."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stages.reflow.features import Floats, measure_lines
from stages.reflow.lines import Line

WEIGHTS = Path(__file__).parents[1] / "models" / "reflow" / "weights.npz"
# OpenBLAS starts threads for products above this many multiplications; for a page they cost ten times what they bring,
# and a pipeline runs one process per core anyway.
SINGLE_THREAD = 4 * 65536
# Longer texts are read in windows of so many lines, with so many lines of context on either side: a file of many
# articles has no one layout.
WINDOW, CONTEXT = 240, 16


class Model(NamedTuple):
    """Weights by name, ready to multiply, and the codes of the words the network knows."""

    weights: dict[str, Floats]
    words: dict[str, int]


def block_scores(lines: Sequence[Line]) -> Floats:
    """For each line the log odds that a block begins with it."""
    if len(lines) <= WINDOW + 2 * CONTEXT:
        return _score(lines)
    parts = []
    for start in range(0, len(lines), WINDOW):
        begin = max(start - CONTEXT, 0)
        scores = _score(lines[begin : start + WINDOW + CONTEXT])
        parts.append(scores[start - begin : start - begin + WINDOW])
    return np.concatenate(parts)


def furniture_scores(features: list[list[float]]) -> Floats:
    """For each candidate the log odds that it is page furniture."""
    weights = load_model().weights
    hidden = np.maximum(_times(np.array(features, np.float32), weights["f1"]) + weights["f1_bias"], 0)
    hidden = np.maximum(_times(hidden, weights["f2"]) + weights["f2_bias"], 0)
    return _column(_times(hidden, weights["f3"]), weights["f3_bias"])


@cache
def load_model() -> Model:
    """Read the weights beside the model card; they hold plain arrays only."""
    with np.load(WEIGHTS, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    words = {str(word): code for code, word in enumerate(arrays.pop("words"), start=int(arrays.pop("first_word")))}
    return Model({name: array.astype(np.float32) for name, array in arrays.items()}, words)


def _score(lines: Sequence[Line]) -> Floats:
    weights, words = load_model()
    sheet = measure_lines(lines, weights["widths"], words)
    hidden = (
        _times(sheet.numbers, weights["in"]) + weights["last"][sheet.last_words] + weights["first"][sheet.first_words]
    )
    hidden = np.maximum(hidden + weights["in_bias"], 0)
    hidden = np.maximum(hidden + _pooled(hidden) @ weights["pool"] + weights["pool_bias"], 0)
    for layer in range(int(weights["layers"])):
        hidden = hidden + _convolved(hidden, weights[f"conv{layer}"], weights[f"conv{layer}_bias"], 2**layer)
    page = _pooled(hidden) @ weights["page"] + weights["page_bias"]
    hidden = np.maximum(_times(hidden, weights["mid"]) + weights["mid_bias"] + page, 0)
    return _column(_times(hidden, weights["out"]), weights["out_bias"])


def _column(products: Floats, bias: Floats) -> Floats:
    return np.asarray(products[:, 0] + bias[0], np.float32)


def _pooled(hidden: Floats) -> Floats:
    """Mean and maximum over the lines: what is common on this page."""
    return np.asarray(np.concatenate((hidden.mean(0), hidden.max(0))))


def _convolved(hidden: Floats, weights: Floats, bias: Floats, distance: int) -> Floats:
    """Each line with the lines at this distance before and after it."""
    padded = np.pad(hidden, ((distance, distance), (0, 0)))
    count = len(hidden)
    window = np.concatenate((padded[:count], hidden, padded[2 * distance : 2 * distance + count]), axis=1)
    return np.asarray(np.maximum(_times(window, weights) + bias, 0))


def _times(rows: Floats, weights: Floats) -> Floats:
    """The matrix product, in slices of rows small enough for one thread."""
    step = max(SINGLE_THREAD // weights.size, 1)
    if len(rows) <= step:
        return np.asarray(rows @ weights)
    return np.concatenate([rows[start : start + step] @ weights for start in range(0, len(rows), step)])
