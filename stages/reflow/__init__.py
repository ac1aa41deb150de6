"""Mend broken lines: raw text becomes blocks, each mapped back to its raw characters, with every repair on record.

The steps: cut the text into lines and mend their characters, drop page furniture, decide where blocks begin, decide
each line-end hyphen, put the lines together, part credits from captions, and name the kinds.
"""

from stages.reflow.assemble import Piece, as_line, cut_piece, hyphen_repair, join_lines, restore, settle
from stages.reflow.furniture import find_furniture
from stages.reflow.gaps import begins_block, begins_spaced, double_spaced, text_form
from stages.reflow.hyphens import Break, Join, decide_hyphens, ends_in_hyphen
from stages.reflow.kinds import name_kinds, part_credit
from stages.reflow.lines import FORM_FEED, Line, cut_lines, drop_lines
from stages.reflow.lists import mark_lists, mark_tables
from stages.reflow.records import Block, Reflowed, ReflowOptions, Repair, Span

__all__ = ["VERSION", "Block", "ReflowOptions", "Reflowed", "Repair", "Span", "reflow"]

VERSION = "3"
"""Raised when the same raw text gives other blocks than before."""

DEFAULT = ReflowOptions()
# So many line breaks in a gap, or a form feed, are a page break and not an empty line.
PAGE_GAP = 3


def reflow(raw: str, options: ReflowOptions = DEFAULT) -> Reflowed:
    """The blocks of a raw text in reading order.

    Joins lines that were wrapped, decides their hyphens, heals page breaks, removes page furniture and mends
    characters; what it is not sure of it leaves as separate blocks. Takes any string, empty ones too, and reads its own
    output (blocks parted by an empty line) back unchanged. Offsets are code points of ``raw``.

    >>> [block.text for block in reflow("Der Bericht blieb zu-\\nnächst unter Ver-\\nschluss.").blocks]
    ['Der Bericht blieb zunächst unter Verschluss.']
    """
    lines, repairs = cut_lines(raw, options.characters)
    if options.furniture and text_form(lines) == "wrapped":
        lines, removed = _without_furniture(raw, lines)
        repairs += removed
    begins = begins_block(lines) if options.join_lines else [True] * len(lines)
    if options.join_lines and text_form(lines) == "wrapped":
        begins = mark_tables(raw, lines, mark_lists(lines, begins))
    pieces, joined, n_joins = _join_blocks(raw, lines, begins, options)
    spaced = _join_spaced(raw, pieces, options) if options.join_lines else None
    if spaced:
        pieces, joined, n_joins = spaced[0], joined + spaced[1], n_joins + spaced[2]
    kinds = name_kinds([piece.text for piece in pieces])
    blocks = tuple(Block(kind, piece.text, tuple(piece.spans)) for kind, piece in zip(kinds, pieces, strict=True))
    # A second repair at the same place saw the text after the first; the record shows the raw characters.
    recorded = [r._replace(before=raw[r.raw_start : r.raw_end]) for r in repairs + joined]
    return Reflowed(blocks, tuple(sorted(recorded, key=_place)), n_joins)


def _join_spaced(raw: str, pieces: list[Piece], options: ReflowOptions) -> tuple[list[Piece], list[Repair], int] | None:
    """Join blocks that are still the lines of a double-spaced text, unless the result looks double-spaced again.

    Works on the texts alone: then reading the result again comes to the same end.
    """
    texts = [piece.text for piece in pieces]
    if not double_spaced(texts):
        return None
    lines = [as_line(piece) for piece in pieces]
    joined = _join_blocks(raw, lines, begins_spaced(texts), options)
    return None if double_spaced([piece.text for piece in joined[0]]) else joined


def _without_furniture(raw: str, lines: list[Line]) -> tuple[list[Line], list[Repair]]:
    """The other lines, and a repair for each line of page furniture."""
    found = find_furniture(lines, FORM_FEED in raw[lines[-1].raw_end :])
    spans = [(lines[at].raw_start, lines[at].raw_end) for at in sorted(found)]
    return drop_lines(lines, found), [Repair("furniture", start, end, raw[start:end], "") for start, end in spans]


def _join_blocks(
    raw: str, lines: list[Line], begins: list[bool], options: ReflowOptions
) -> tuple[list[Piece], list[Repair], int]:
    starts = [at for at, begin in enumerate(begins) if begin]
    hyphens = _decide_hyphens(lines, begins)
    pieces: list[Piece] = []
    repairs: list[Repair] = []
    n_joins = 0
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=False):
        joins = [hyphens.get(at, Join.SPACE) for at in range(start + 1, end)]
        piece = join_lines(lines[start:end], joins)
        piece, mended = settle(piece) if options.characters else (piece, [])
        piece, restored = restore(piece) if options.lost_hyphens else (piece, [])
        if piece.text:
            pieces += _part(piece) if options.credits else (piece,)
        repairs += mended + restored
        for at, join in zip(range(start + 1, end), joins, strict=True):
            last, line = lines[at - 1], lines[at]
            if join != Join.SPACE:
                repairs.append(hyphen_repair(raw, last, line, join))
            else:
                n_joins += 1
            if line.form_feeds or line.breaks >= PAGE_GAP:
                after = " " if join in (Join.SPACE, Join.KEEP_SPACE) else ""
                repairs.append(
                    Repair("page_break", last.raw_end, line.raw_start, raw[last.raw_end : line.raw_start], after)
                )
    return pieces, repairs, n_joins


def _decide_hyphens(lines: list[Line], begins: list[bool]) -> dict[int, Join]:
    """The join at every line, inside a block, whose line before ends in a hyphen."""
    places = [at for at in range(1, len(lines)) if not begins[at] and ends_in_hyphen(lines[at - 1].text)]
    if not places:
        return {}
    breaks = [Break(lines[at - 1].text.rpartition(" ")[2], lines[at].text.partition(" ")[0]) for at in places]
    joins = decide_hyphens(breaks, "\n".join(line.text for line in lines))
    return dict(zip(places, joins, strict=True))


def _part(piece: Piece) -> tuple[Piece, ...]:
    at = part_credit(piece.text)
    if not at:
        return (piece,)
    parts = cut_piece(piece, at)
    # Halves that would part again are no caption and credit.
    return (piece,) if any(part_credit(part.text) for part in parts) else parts


def _place(repair: Repair) -> tuple[int, int]:
    return repair.raw_start, repair.raw_end
