"""A word form -> the numbers the small network sees of it: pieces, letter triples, shape and lists."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from stages.extract_entities.names.features import lexicon, shape
from stages.extract_entities.names.pieces import PAD, cut_into_pieces

PIECES_OF_A_FORM = 8
LAST_PIECES = 2  # of a form with more pieces the first ones and so many of the last are kept
TRIPLES_OF_A_FORM = 24
TRIPLES = 16_384
MARKS = "BCFGLMP"
SHAPES = ("x", "Xx", "X", "X-Xx", "Xx-Xx", "XxX", "0", "x-x", "X.", "0.")
WIDTH = len(SHAPES) + 2 + 2 * len(MARKS)
# Odd multipliers, one a letter of a triple; the highest bits of the sum are the best mixed.
SPREAD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
HIGH_BITS = np.uint64(40)


class FormArrays(NamedTuple):
    """Word forms as arrays, one row a form; PAD and 0 fill the rows."""

    pieces: NDArray[np.int32]
    triples: NDArray[np.int32]
    flags: NDArray[np.float32]


def form_arrays(words: Sequence[str], tokenizer: Tokenizer) -> FormArrays:
    """Look at each form once; a form has at least one character."""
    return FormArrays(piece_rows(words, tokenizer), triple_rows(words), flag_rows(words))


def piece_rows(words: Sequence[str], tokenizer: Tokenizer) -> NDArray[np.int32]:
    """Sub-word pieces of each form, [form, PIECES_OF_A_FORM]."""
    found = cut_into_pieces(words, tokenizer)
    row, place, length = _places([len(ids) for ids in found])
    kept = (place < PIECES_OF_A_FORM - LAST_PIECES) | (length <= PIECES_OF_A_FORM) | (place >= length - LAST_PIECES)
    column = np.where(place < PIECES_OF_A_FORM - LAST_PIECES, place, place - np.maximum(0, length - PIECES_OF_A_FORM))
    rows = np.full((len(words), PIECES_OF_A_FORM), PAD, np.int32)
    rows[row[kept], column[kept]] = np.fromiter(chain.from_iterable(found), np.int32, len(row))[kept]
    return rows


def triple_rows(words: Sequence[str]) -> NDArray[np.int32]:
    """Numbers from 1 of the overlapping triples of letters with both edges marked, lower case.

    Of a long form the middle is left out.
    """
    half = TRIPLES_OF_A_FORM // 2
    marked = [f"<{(w if len(w) <= TRIPLES_OF_A_FORM else w[:half] + w[-half:]).lower()}>" for w in words]
    letters = np.frombuffer("".join(marked).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    row, place, length = _places([len(form) for form in marked])
    first = np.flatnonzero((place < length - 2) & (place < TRIPLES_OF_A_FORM))
    mixed = letters[first] * SPREAD[0] + letters[first + 1] * SPREAD[1] + letters[first + 2] * SPREAD[2]
    rows = np.zeros((len(words), TRIPLES_OF_A_FORM), np.int32)
    rows[row[first], place[first]] = 1 + (mixed >> HIGH_BITS) % np.uint64(TRIPLES - 1)
    return rows


def _places(lengths: Sequence[int]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Row, place in the row and length of the row of every item of rows that stand end to end."""
    counts = np.array(lengths)
    row = np.repeat(np.arange(len(counts)), counts)
    return row, np.arange(len(row)) - (np.cumsum(counts) - counts)[row], counts[row]


def flag_rows(words: Sequence[str]) -> NDArray[np.float32]:
    """Shape, other shapes, a hyphen, and the lists of the word and of its first segment; lower case is in no list."""
    bits = np.array([_form_bits(word) for word in words], np.int64)
    return (bits[:, None] >> np.arange(WIDTH) & 1).astype(np.float32)


def _form_bits(word: str) -> int:
    hyphen = "-" in word[1:-1]
    if word[:1].islower():
        return _bits(shape(word), hyphen, "", "")
    low = word.lower()
    return _bits(shape(word), hyphen, _marks(low), _marks(low.partition("-")[0]) if hyphen else "")


@lru_cache(maxsize=16_384)
def _bits(kind: str, hyphen: bool, marks: str, first_marks: str) -> int:
    shapes = [*(kind == known for known in SHAPES), kind not in SHAPES, hyphen]
    flags = [*shapes, *(m in marks for m in MARKS), *(m in first_marks for m in MARKS)]
    return sum(flag << place for place, flag in enumerate(flags))


def _marks(low: str) -> str:
    return lexicon().get(low) or (lexicon().get(low[:-1], "") if low.endswith("s") else "")
