"""The records reflow returns, and its options."""

from dataclasses import dataclass
from typing import NamedTuple

Span = tuple[int, int, int]
"""(start in the block's text, start in the raw text, length): the characters there are the same."""


class Block(NamedTuple):
    """One mended block: kind, text without line breaks, and the map from its characters to the raw text."""

    kind: str
    text: str
    spans: tuple[Span, ...]


class Repair(NamedTuple):
    """One repair: its rule, the raw characters it touched, and how they read before and after."""

    rule: str
    raw_start: int
    raw_end: int
    before: str
    after: str


class Reflowed(NamedTuple):
    """A mended text: blocks in reading order, repairs by raw offset, the number of plain line joins, the signal.

    ``parted_by`` is one of `stages.tables.schemas.PARTED_BY`; ``doubt`` one of ``DOUBTS`` there, or None.
    """

    blocks: tuple[Block, ...]
    repairs: tuple[Repair, ...]
    n_joins: int
    parted_by: str
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class ReflowOptions:
    """What reflow may repair; with everything off each line becomes a block as it stands."""

    join_lines: bool = True
    characters: bool = True
    furniture: bool = True
    credits: bool = True
    lost_hyphens: bool = True
