"""A word form -> the numbers the small network sees of it: pieces, letter triples, shape and lists."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from stages.names.features import lexicon, shape
from stages.names.pieces import PAD, piece_ids

PIECES_OF_A_FORM = 8
TRIPLES_OF_A_FORM = 24
TRIPLES = 16_384
MARKS = "BCFGLMP"
SHAPES = ("x", "Xx", "X", "X-Xx", "Xx-Xx", "XxX", "0", "x-x", "X.", "0.")
NO_PIECES = [PAD] * PIECES_OF_A_FORM
NO_TRIPLES = [0] * TRIPLES_OF_A_FORM
WIDTH = len(SHAPES) + 2 + 2 * len(MARKS)


class Forms(NamedTuple):
    """Word forms as arrays, one row a form; PAD and 0 fill the rows."""

    pieces: NDArray[np.int64]
    triples: NDArray[np.int64]
    flags: NDArray[np.float32]


def form_arrays(words: Sequence[str], tokenizer: Tokenizer, cache: dict[str, list[int]]) -> Forms:
    """Look at each form once."""
    rows = []
    for ids in piece_ids(words, tokenizer, cache):
        kept = ids if len(ids) <= PIECES_OF_A_FORM else [*ids[: PIECES_OF_A_FORM - 2], *ids[-2:]]
        rows.append(kept + NO_PIECES[len(kept) :])
    triples = [hashed + NO_TRIPLES[len(hashed) :] for hashed in map(letter_triples, words)]
    flags = [form_flags(word) for word in words]
    return Forms(np.array(rows, np.int64), np.array(triples, np.int64), np.array(flags, np.float32))


class TripleNumbers(dict[str, int]):
    """Triple of letters -> its number, from 1; worked out once."""

    def __missing__(self, triple: str) -> int:
        self[triple] = number = 1 + crc32(triple.encode("utf-8", "replace")) % (TRIPLES - 1)
        return number


_NUMBERS = TripleNumbers()


def letter_triples(word: str) -> list[int]:
    """Numbers of the overlapping triples of letters with both edges marked, lower case; 0 is kept for filling."""
    low = "<" + (word if len(word) <= TRIPLES_OF_A_FORM else word[:12] + word[-12:]).lower() + ">"
    return [_NUMBERS[low[i : i + 3]] for i in range(max(1, len(low) - 2))][:TRIPLES_OF_A_FORM]


@lru_cache(maxsize=4096)
def _shape_flags(kind: str) -> list[float]:
    return [*(float(kind == known) for known in SHAPES), float(kind not in SHAPES)]


@lru_cache(maxsize=256)
def _mark_flags(marks: str) -> list[float]:
    return [float(mark in marks) for mark in MARKS]


def form_flags(word: str) -> list[float]:
    """Shape, other shapes, a hyphen, and the lists of the word and of its first segment; lower case is in no list."""
    low = word.lower()
    shapes = _shape_flags(shape(word))
    if word[:1].islower():
        return [*shapes, float("-" in word[1:-1]), *_mark_flags(""), *_mark_flags("")]
    first = low.partition("-")[0]
    marks = [_marks(low), _marks(first) if first != low else ""]
    return [*shapes, float("-" in word[1:-1]), *_mark_flags(marks[0]), *_mark_flags(marks[1])]


def _marks(low: str) -> str:
    return lexicon().get(low) or (lexicon().get(low[:-1], "") if low.endswith("s") else "")
