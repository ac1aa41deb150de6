"""Many texts as one array of code points: one look at it tells what a loop over all their characters would."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint32]
Ints = npt.NDArray[np.int64]
_UNKNOWN = 255


def join_codes(texts: Sequence[str]) -> tuple[Codes, Ints]:
    """The code points of all texts, a line feed behind each of them, and where each text begins."""
    # NumPy keeps text as code points: no encoding is written, and none read.
    codes = np.array(["\n".join([*texts, ""])]).view(np.uint32) if texts else np.empty(0, np.uint32)
    sizes = np.fromiter(map(len, texts), np.int64, len(texts)) + 1
    return codes, np.cumsum(sizes) - sizes


def cut_codes(codes: Codes, starts: Ints) -> list[str]:
    """The texts that begin at ``starts``, without the line feed behind each of them."""
    text = codes.tobytes().decode("utf-32-le", "surrogatepass")  # a quarter of what NumPy takes for it
    ends = [*(starts[1:] - 1).tolist(), len(text) - 1]
    return [text[start:end] for start, end in zip(starts.tolist(), ends, strict=True)] if len(starts) else []


def find_runs(mask: npt.NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Where each run of what is in a mask begins and where it ends.

    >>> [edges.tolist() for edges in find_runs(np.array([True, False, True, True]))]
    [[0, 2], [1, 4]]
    """
    edges = np.concatenate((mask[:1], mask[1:] != mask[:-1], mask[-1:]))
    changes = np.flatnonzero(edges)
    return changes[::2], changes[1::2]


class Runs(NamedTuple):
    """Stretches of characters that have something in common: where each begins and ends.

    One of no characters stands before the first and one behind the last.
    """

    begins: Ints
    ends: Ints

    def behind(self, places: Ints) -> Ints:
        """Where the run that a place is in ends; the place itself where it is in none."""
        at = np.searchsorted(self.ends, places, "right")
        return np.where(self.begins[at] <= places, self.ends[at], places)

    def before(self, places: Ints) -> Ints:
        """Where the run that ends at a place, or goes on there, begins; the place itself where none does."""
        at = np.searchsorted(self.begins, places) - 1
        return np.where(self.ends[at] >= places, self.begins[at], places)


def runs_of(mask: npt.NDArray[np.bool_]) -> Runs:
    """The runs of what is in a mask.

    >>> runs = runs_of(np.array([False, True, True, False]))
    >>> runs.behind(np.array([0, 1, 2])).tolist(), runs.before(np.array([2, 3])).tolist()
    ([0, 3, 3], [1, 1])
    """
    begins, ends = find_runs(mask)
    beyond = len(mask) + 1
    return Runs(np.concatenate(([-1], begins, [beyond])), np.concatenate(([-1], ends, [beyond])))


def tell_kinds(codes: Codes, kind: Callable[[str], int]) -> npt.NDArray[np.uint8]:
    """What ``kind`` says of each character, a number below 255; it is asked once of each that ever occurs.

    >>> tell_kinds(join_codes(["Ab", "c"])[0], str.isupper).tolist()
    [1, 0, 0, 0, 0]
    """
    known = _known_kinds(kind)
    places = codes.astype(np.int64)
    # The last of the table stands for all beyond it, and is unknown.
    found = known.table.take(places, mode="clip")
    if (unknown := found == _UNKNOWN).any():
        known.ask(sorted(set(codes[unknown].tolist())))
        found = known.table.take(places)
    return found


class _Kinds:
    """What a function said of the characters it was asked about, by code point."""

    def __init__(self, kind: Callable[[str], int]) -> None:
        self._kind = kind
        self.table = np.full(1, _UNKNOWN, np.uint8)

    def ask(self, codes: Sequence[int]) -> None:
        """Ask about these, in order."""
        beyond = codes[-1] + 2 - len(self.table)
        self.table = np.append(self.table, np.full(max(beyond, 0), _UNKNOWN, np.uint8))
        self.table[codes] = [self._kind(chr(code)) for code in codes]


@cache
def _known_kinds(kind: Callable[[str], int]) -> _Kinds:
    return _Kinds(kind)
