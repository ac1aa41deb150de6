"""The tags both engines predict, and how a row of tags becomes names."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TYPES = ("PER", "ORG", "LOC", "MISC")
KINDS = ("", "deriv", "part")
LABELS = tuple(name + kind for kind in KINDS for name in TYPES)
TAGS = ("O", *(f"{place}-{label}" for label in LABELS for place in "BI"))


class Runs(NamedTuple):
    """Stretches of words that are one name each: first word, word after the last, number in `LABELS`."""

    firsts: NDArray[np.intp]
    ends: NDArray[np.intp]
    labels: NDArray[np.intp]


def runs_of(tags: NDArray[np.intp]) -> Runs:
    """Turn a row of numbers in `TAGS` into runs; an I- without its B- opens a run of its own."""
    named = np.flatnonzero(tags)
    labels, continues = np.divmod(tags[named] - 1, 2)
    beside = (np.diff(named, prepend=-1) == 1) & (np.diff(labels, prepend=-1) == 0)
    begins = np.flatnonzero(~(continues.astype(bool) & beside))
    lasts = np.append(begins[1:], len(named))[: len(begins)] - 1
    return Runs(named[begins], named[lasts] + 1, labels[begins])


def tag_runs(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """Turn BIO tags into (first word, end word, label).

    >>> tag_runs(["B-PER", "I-PER", "O", "I-LOC"])
    [(0, 2, 'PER'), (3, 4, 'LOC')]
    """
    runs = runs_of(np.array([TAGS.index(tag) for tag in tags], np.intp))
    return [(first, end, LABELS[label]) for first, end, label in zip(*(c.tolist() for c in runs), strict=True)]
