"""Label the lines of a laid-out document from its clean text: page furniture, and where blocks begin."""

import re
from bisect import bisect_right
from collections import Counter
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy.typing as npt
from rapidfuzz.distance import Levenshtein

from stages.reflow.lines import Line, cut_lines

Arrays = dict[str, npt.NDArray[Any]]
# A line of which less than this share is found in the clean text is page furniture.
FOUND = 0.5
KINDS = ("paragraph", "heading", "title", "item", "aside")
# Furniture of real documents stands so near to a page break, and comes on more than one page but for its numbers.
PAGE_EDGE = 5
DIGITS = re.compile(r"\d+")


class Labelled(NamedTuple):
    """The lines of a document; whether each is furniture, begins a block, and the kind of its block.

    ``asides`` are lines that the gold leaves out though they are text: captions, notes, stamps.
    """

    lines: list[Line]
    furniture: list[bool]
    begins: list[bool]
    kinds: list[int]
    asides: list[bool]


def label_real(raw: str, blocks: list[dict[str, Any]], asides: bool) -> Labelled:
    """The labels of a real document; ``asides`` keeps what the gold leaves out and is no furniture among the lines.

    A block begins with an aside and after it; where blocks begin inside one is not known.
    """
    labels = label_lines(raw, blocks)
    if not asides:
        return labels
    edges = _page_edges(labels.lines)
    times = Counter(DIGITS.sub("0", line.text) for line in labels.lines)
    repeated = [times[DIGITS.sub("0", line.text)] > 1 or len(line.text) < 5 for line in labels.lines]
    furniture = [unknown and edge and often
                 for unknown, edge, often in zip(labels.furniture, edges, repeated, strict=True)]  # fmt: skip
    aside = [unknown and not page for unknown, page in zip(labels.furniture, furniture, strict=True)]
    kept = [at for at, page in enumerate(furniture) if not page]
    begins = list(labels.begins)
    for last, at in pairwise(kept):
        begins[at] = begins[at] or aside[last] != aside[at]
    kinds = [KINDS.index("aside") if own else kind for own, kind in zip(aside, labels.kinds, strict=True)]
    return Labelled(labels.lines, furniture, begins, kinds, aside)


def _page_edges(lines: list[Line]) -> list[bool]:
    """Whether each line stands near a page break or at an end of the text."""
    breaks = [0, *(at for at, line in enumerate(lines) if line.form_feeds), len(lines)]
    return [
        min(at - breaks[bisect_right(breaks, at) - 1], breaks[bisect_right(breaks, at)] - 1 - at) < PAGE_EDGE
        for at in range(len(lines))
    ]


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
        kind = {"li": "item"}.get(blocks[block]["kind"], blocks[block]["kind"]) if own else ""
        kinds.append(KINDS.index(kind) if kind in KINDS else 0)
        if not furniture[-1]:
            last = bisect_right(ends, own[-1])
    return Labelled(lines, furniture, begins, kinds, [False] * len(lines))


def _found(raw: str, clean: str) -> list[int]:
    """For each raw character its place in the clean text, or -1."""
    places = [-1] * len(raw)
    for op in Levenshtein.opcodes(raw, clean):
        if op.tag in ("equal", "replace"):
            length = min(op.src_end - op.src_start, op.dest_end - op.dest_start)
            places[op.src_start : op.src_start + length] = range(op.dest_start, op.dest_start + length)
    return places
