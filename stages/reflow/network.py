"""The trained weights, and what they say about lines; NumPy alone, loaded once."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stages.lookups.code_points import Ints
from stages.reflow.features import Floats, Sheet, Widths, measure_lines, word_coder
from stages.reflow.lines import Line

WEIGHTS = Path(__file__).parents[1] / "models" / "reflow" / "weights.npz"
# So many rows are multiplied at once. OpenBLAS starts threads for products above 4 * 65536 multiplications; for a page
# they cost ten times what they bring, and a pipeline runs one process per core anyway.
GROUP = 8
# The network looks so many lines up and down; so many empty rows part the windows that go through it together.
GAP = 8
# Longer texts are read in windows of so many lines, with so many lines of context on either side: a file of many
# articles has no one layout.
WINDOW, CONTEXT = 240, 16
# So many lines are measured at once: enough that one more costs what it costs alone.
AT_ONCE = 4096


class Model(NamedTuple):
    """Weights by name, ready to multiply, the widths of glyphs, and what gives the code of a word."""

    weights: dict[str, Floats]
    widths: Widths
    code_of: Callable[[str], int]


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
    rows = np.zeros((-(-len(features) // GROUP) * GROUP, len(weights["f1"])), np.float32)
    rows[: len(features)] = features
    hidden = np.maximum(_times(rows, weights["f1"]) + weights["f1_bias"], 0)
    hidden = np.maximum(_times(hidden, weights["f2"]) + weights["f2_bias"], 0)
    return _column(_times(hidden, weights["f3"])[: len(features)], weights["f3_bias"])


@cache
def load_model() -> Model:
    """Read the weights beside the model card; they hold plain arrays only."""
    with np.load(WEIGHTS, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    words = {str(word): code for code, word in enumerate(arrays.pop("words"), start=int(arrays.pop("first_word")))}
    widths = arrays.pop("widths").astype(np.float64)
    return Model({name: array.astype(np.float32) for name, array in arrays.items()}, widths, word_coder(words))


def _windows(lines: Sequence[Line]) -> list[Window]:
    if len(lines) <= WINDOW + 2 * CONTEXT:
        return [Window(lines, 0, len(lines))]
    begins = [max(start - CONTEXT, 0) for start in range(0, len(lines), WINDOW)]
    starts = [start - begin for start, begin in zip(range(0, len(lines), WINDOW), begins, strict=True)]
    cuts = [lines[begin : begin + start + WINDOW + CONTEXT] for begin, start in zip(begins, starts, strict=True)]
    return [Window(cut, start, min(start + WINDOW, len(cut))) for cut, start in zip(cuts, starts, strict=True)]


def _window_scores(windows: Sequence[Window]) -> Iterator[Floats]:
    weights, widths, code_of = load_model()
    size = 0
    batch: list[Window] = []
    for window in [*windows, None]:
        if batch and (window is None or size + len(window.lines) > AT_ONCE):
            sizes = np.array([len(one.lines) for one in batch])
            scores = _score(measure_lines([one.lines for one in batch], widths, code_of), sizes, weights)
            for one, own in zip(batch, np.split(scores, np.cumsum(sizes)[:-1]), strict=True):
                yield own[one.start : one.end]
            batch, size = [], 0
        if window is not None:
            batch.append(window)
            size += len(window.lines)


class _Rows(NamedTuple):
    """Where the lines of windows stand among rows of which at least `GAP` empty ones follow each window.

    ``lines``: the row of each line; ``gaps``: the empty rows; ``of``: the window of each row; ``groups``: at which
    group of `GROUP` rows each window begins; ``sizes``: how many lines each has.
    """

    lines: Ints
    gaps: Ints
    of: Ints
    groups: Ints
    sizes: Ints


def _space(sizes: Ints) -> _Rows:
    room = -(-(sizes + GAP) // GROUP) * GROUP
    starts = np.cumsum(room) - room
    of = np.repeat(np.arange(len(sizes)), room)
    held = np.arange(len(of)) - starts[of] < sizes[of]
    return _Rows(np.flatnonzero(held), np.flatnonzero(~held), of, starts // GROUP, sizes)


def _score(sheet: Sheet, sizes: Ints, weights: dict[str, Floats]) -> Floats:
    """The network over the lines of windows of these sizes: the same numbers whatever else a window is scored with."""
    rows = _space(sizes)
    numbers = np.zeros((len(rows.of), sheet.numbers.shape[1]), np.float32)
    numbers[rows.lines] = sheet.numbers
    hidden = _times(numbers, weights["in"])
    hidden[rows.lines] += weights["last"][sheet.last_words] + weights["first"][sheet.first_words]
    hidden = _bent(hidden + weights["in_bias"], rows)
    hidden = _bent(hidden + _common(hidden, rows, weights, "pool"), rows)
    for layer in range(int(weights["layers"])):
        products = _times(_beside(hidden, 2**layer), weights[f"conv{layer}"])
        hidden = hidden + _bent(products + weights[f"conv{layer}_bias"], rows)
    page = _common(hidden, rows, weights, "page")
    hidden = _bent(_times(hidden, weights["mid"]) + weights["mid_bias"] + page, rows)
    return _column(_times(hidden, weights["out"])[rows.lines], weights["out_bias"])


def _column(products: Floats, bias: Floats) -> Floats:
    return np.asarray(products[:, 0] + bias[0], np.float32)


def _bent(hidden: Floats, rows: _Rows) -> Floats:
    """What is positive; the empty rows stay empty."""
    np.maximum(hidden, 0, out=hidden)
    hidden[rows.gaps] = 0
    return hidden


def _common(hidden: Floats, rows: _Rows, weights: dict[str, Floats], layer: str) -> Floats:
    """For each row what its window has in common: from mean and maximum over its lines, which are never negative."""
    grouped = hidden.reshape(-1, GROUP, hidden.shape[1])
    means = np.add.reduceat(grouped.sum(1), rows.groups) / rows.sizes[:, None].astype(np.float32)
    pooled = np.concatenate((means, np.maximum.reduceat(grouped.max(1), rows.groups)), axis=1)
    # One by one: of a product of several rows each may depend on how many there are.
    products = (pooled[:, None, :] @ weights[layer])[:, 0] + weights[f"{layer}_bias"]
    return np.asarray(products[rows.of])


def _beside(hidden: Floats, distance: int) -> Floats:
    """Each row between those at this distance before and after it; beyond a window's ends there is nothing."""
    size = hidden.shape[1]
    found = np.zeros((len(hidden), 3 * size), np.float32)
    found[distance:, :size] = hidden[:-distance]
    found[:, size : 2 * size] = hidden
    found[:-distance, 2 * size :] = hidden[distance:]
    return found


def _times(rows: Floats, weights: Floats) -> Floats:
    """The matrix product, by groups of rows: small enough for one thread, of one size and so always of one result."""
    return np.asarray((rows.reshape(-1, GROUP, rows.shape[1]) @ weights).reshape(len(rows), -1))
