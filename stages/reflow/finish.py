"""Finish blocks whose lines were put together: repair what only the joined text shows, and part credits from captions.

Few blocks need any of it, so the blocks of many texts are looked at together, and only those in doubt are read.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stages.lookups.code_points import join_codes, tell_kinds
from stages.reflow.assemble import Piece, cut_piece, offsets_of
from stages.reflow.characters import SOFT_HYPHEN, Mapped, drop_soft_hyphen, mend_characters, spans_of
from stages.reflow.kinds import LONGEST_CAPTION, part_credit
from stages.reflow.lines import odd_places, signs_of
from stages.reflow.lost_hyphens import lost_places, restore_hyphens
from stages.reflow.records import ReflowOptions, Repair

# Every place where a hyphen was lost has two capitals before three small letters; every credit has one of these signs.
CAPITAL, SMALL, CREDIT_SIGN = (
    re.compile("[A-Z\u00d6]"),
    re.compile("[a-z\u00e4\u00f6\u00fc\u00df]"),
    re.compile("[:/|\u00a9(]"),
)
# Signs of characters beyond those of `stages.reflow.lines.signs_of`.
_CAPITAL, _SMALL, _CREDIT = 32, 64, 128


class Put(NamedTuple):
    """A block whose lines were put together, and the repairs made so far."""

    piece: Piece
    repairs: list[Repair]


class Finished(NamedTuple):
    """What became of a block: nothing where no text is left, two where a credit ended it, and all repairs."""

    pieces: tuple[Piece, ...]
    repairs: list[Repair]


class _Doubt(NamedTuple):
    """Whether a block may hold characters to mend or none at all, may lack a hyphen, and may end in a credit."""

    odd: bool
    lost: bool
    credited: bool


def finish_blocks(blocks: Sequence[Put], options: ReflowOptions) -> list[Finished]:
    """Settle the characters of each block, put back its lost hyphens, and part a credit from it."""
    doubts = _find_doubts([block.piece.text for block in blocks])
    return [
        _finish(block, doubt, options) if doubt else Finished((block.piece,), block.repairs)
        for block, doubt in zip(blocks, doubts, strict=True)
    ]


def _finish(block: Put, doubt: _Doubt, options: ReflowOptions) -> Finished:
    piece, made = _settle(block.piece) if doubt.odd and options.characters else (block.piece, [])
    piece, restored = _restore(piece) if doubt.lost and options.lost_hyphens else (piece, [])
    repairs = [*made, *restored, *block.repairs]
    if not piece.text:
        return Finished((), repairs)
    return Finished(_part(piece) if doubt.credited and options.credits else (piece,), repairs)


def _find_doubts(texts: Sequence[str]) -> list[_Doubt | None]:
    """What is in doubt of each block; nothing of most."""
    if not texts:
        return []
    codes, starts = join_codes(texts)
    ends = np.append(starts[1:], len(codes)) - 1
    signs = tell_kinds(codes, _signs)
    capital, small = signs & _CAPITAL > 0, signs & _SMALL > 0
    places = (
        odd_places(codes, signs),
        np.flatnonzero(capital[:-4] & capital[1:-3] & small[2:-2] & small[3:-1] & small[4:]),
        np.flatnonzero(signs & _CREDIT),
    )
    odd, lost, credited = (np.searchsorted(found, starts) < np.searchsorted(found, ends) for found in places)
    credited &= ends - starts <= LONGEST_CAPTION
    odd |= starts == ends
    # Mended characters may bring forth what was not there.
    doubts = np.stack((odd, lost | odd, credited | odd), axis=1)
    found: list[_Doubt | None] = [None] * len(texts)
    for at in np.flatnonzero(doubts.any(axis=1)).tolist():
        found[at] = _Doubt(*doubts[at].tolist())
    return found


def _signs(character: str) -> int:
    kinds = ((_CAPITAL, CAPITAL), (_SMALL, SMALL), (_CREDIT, CREDIT_SIGN))
    return signs_of(character) + sum(sign for sign, pattern in kinds if pattern.match(character))


def _restore(piece: Piece) -> tuple[Piece, list[Repair]]:
    """Put back the hyphens that the extractor swallowed."""
    if not lost_places(piece.text):
        return piece, []
    mapped, repairs = restore_hyphens(Mapped(piece.text, offsets_of(piece)))
    return Piece(mapped.text, spans_of(mapped.offsets)), repairs


def _settle(piece: Piece) -> tuple[Piece, list[Repair]]:
    """Repair what only the joined text shows, so that a second reflow finds nothing to do."""
    mapped, repairs = mend_characters(Mapped(piece.text, offsets_of(piece)))
    if mapped.text.endswith(SOFT_HYPHEN):
        mapped, more = drop_soft_hyphen(mapped)
        repairs += more
    return Piece(mapped.text, spans_of(mapped.offsets)), repairs


def _part(piece: Piece) -> tuple[Piece, ...]:
    at = part_credit(piece.text)
    if not at:
        return (piece,)
    parts = cut_piece(piece, at)
    # Halves that would part again are no caption and credit.
    return (piece,) if any(part_credit(part.text) for part in parts) else parts
