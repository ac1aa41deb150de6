"""Label the lines of a laid-out document from its clean text: page furniture, and where blocks begin."""

from bisect import bisect_right
from itertools import accumulate
from typing import Any, NamedTuple

import numpy.typing as npt
from rapidfuzz.distance import Levenshtein

from stages.reflow.lines import Line, cut_lines

Arrays = dict[str, npt.NDArray[Any]]
# A line of which less than this share is found in the clean text is page furniture.
FOUND = 0.5
KINDS = ("paragraph", "heading", "title")


class Labelled(NamedTuple):
    """The lines of a document; whether each is furniture, begins a block, and the kind of its block."""

    lines: list[Line]
    furniture: list[bool]
    begins: list[bool]
    kinds: list[int]


def label_lines(raw: str, blocks: list[dict[str, Any]]) -> Labelled:
    """Align the raw characters with the clean ones, white space aside, and read the labels off the alignment."""
    lines, _ = cut_lines(raw)
    clean = ["".join(block["text"].split()) for block in blocks]
    ends = list(accumulate(map(len, clean)))
    texts = ["".join(line.text.split()) for line in lines]
    found = _found("".join(texts), "".join(clean))
    furniture, begins, kinds = [], [], []
    at, last = 0, -1
    for text in texts:
        own = [place for place in found[at : at + len(text)] if place >= 0]
        at += len(text)
        furniture.append(len(own) < FOUND * len(text))
        block = bisect_right(ends, own[0]) if own else last
        begins.append(not furniture[-1] and block != last)
        kinds.append(KINDS.index(blocks[block]["kind"]) if own and blocks[block]["kind"] in KINDS else 0)
        if not furniture[-1]:
            last = bisect_right(ends, own[-1])
    return Labelled(lines, furniture, begins, kinds)


def _found(raw: str, clean: str) -> list[int]:
    """For each raw character its place in the clean text, or -1."""
    places = [-1] * len(raw)
    for op in Levenshtein.opcodes(raw, clean):
        if op.tag in ("equal", "replace"):
            length = min(op.src_end - op.src_start, op.dest_end - op.dest_start)
            places[op.src_start : op.src_start + length] = range(op.dest_start, op.dest_start + length)
    return places
