"""The trained weights, and what they say about lines; NumPy alone, loaded once."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stages.reflow.features import Floats, Sheet, measure_lines
from stages.reflow.lines import Line

WEIGHTS = Path(__file__).parents[1] / "models" / "reflow" / "weights.npz"
# OpenBLAS starts threads for products above this many multiplications; for a page they cost ten times what they bring,
# and a pipeline runs one process per core anyway.
SINGLE_THREAD = 4 * 65536
# Longer texts are read in windows of so many lines, with so many lines of context on either side: a file of many
# articles has no one layout.
WINDOW, CONTEXT = 240, 16
# So many lines are measured at once: enough that one more costs what it costs alone.
AT_ONCE = 4096


class Model(NamedTuple):
    """Weights by name, ready to multiply, and the codes of the words the network knows."""

    weights: dict[str, Floats]
    words: dict[str, int]


class Window(NamedTuple):
    """Lines that are read together, and the run of them whose scores count; the others are context."""

    lines: Sequence[Line]
    start: int
    end: int


def block_scores(documents: Sequence[Sequence[Line]]) -> list[Floats]:
    """For each document the log odds of each line that a block begins with it.

    Features are computed for many documents at once, since a page alone costs NumPy nearly as much; no document's
    scores depend on the others.
    """
    windows = [_windows(document) for document in documents]
    scores = _window_scores([window for own in windows for window in own])
    return [np.concatenate([next(scores) for _ in own]) if len(own) > 1 else next(scores) for own in windows]


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


def _windows(lines: Sequence[Line]) -> list[Window]:
    if len(lines) <= WINDOW + 2 * CONTEXT:
        return [Window(lines, 0, len(lines))]
    begins = [max(start - CONTEXT, 0) for start in range(0, len(lines), WINDOW)]
    starts = [start - begin for start, begin in zip(range(0, len(lines), WINDOW), begins, strict=True)]
    cuts = [lines[begin : begin + start + WINDOW + CONTEXT] for begin, start in zip(begins, starts, strict=True)]
    return [Window(cut, start, min(start + WINDOW, len(cut))) for cut, start in zip(cuts, starts, strict=True)]


def _window_scores(windows: Sequence[Window]) -> Iterator[Floats]:
    weights, words = load_model()
    size = 0
    batch: list[Window] = []
    for window in [*windows, None]:
        if batch and (window is None or size + len(window.lines) > AT_ONCE):
            sheet = measure_lines([one.lines for one in batch], weights["widths"], words)
            ends = list(accumulate(len(one.lines) for one in batch))
            for one, end in zip(batch, ends, strict=True):
                own = slice(end - len(one.lines), end)
                part = Sheet(sheet.numbers[own], sheet.last_words[own], sheet.first_words[own])
                yield _score(part, weights)[one.start : one.end]
            batch, size = [], 0
        if window is not None:
            batch.append(window)
            size += len(window.lines)


def _score(sheet: Sheet, weights: dict[str, Floats]) -> Floats:
    """The network over one window: the same numbers whatever else was measured with it."""
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
    """Each line with the lines at this distance before and after it; beyond the ends there is nothing."""
    count, size = hidden.shape
    window = np.zeros((count, 3 * size), np.float32)
    window[distance:, :size] = hidden[: max(count - distance, 0)]
    window[:, size : 2 * size] = hidden
    window[: max(count - distance, 0), 2 * size :] = hidden[distance:]
    return np.asarray(np.maximum(_times(window, weights) + bias, 0))


def _times(rows: Floats, weights: Floats) -> Floats:
    """The matrix product, in slices of rows small enough for one thread."""
    step = max(SINGLE_THREAD // weights.size, 1)
    if len(rows) <= step:
        return np.asarray(rows @ weights)
    return np.concatenate([rows[start : start + step] @ weights for start in range(0, len(rows), step)])
