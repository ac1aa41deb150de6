"""Where blocks begin in a column of printed lines: by distance, indent, type, and lines that end early."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from stages.read.printed.lines import ITEM, SENTENCE_END, Column, Run

# An indent, in sizes of the type.
INDENT = 0.6
# Sizes that differ by more than this share are different ones.
OTHER_SIZE = 0.06
# So far from the right edge, in sizes, a line of justified text ends its paragraph.
SHORT = 0.8
JUSTIFIED = 0.5
# Of hanging entries more than this share of the lines is set in.
SET_IN = 0.4
EDGE = 0.25
CENTRED = 0.35
DASHES, CLOSERS = "-\u2013\u2014*", ")]},;.:"
# Of a word that does not fit on a line at least so many letters do; an address is not divided so.
WORD_PART = 6
ADDRESS = re.compile(r"[(\[<]*(?:https?:|www\.|doi)")


class Setting(NamedTuple):
    """How a document is set: the size of its text and the usual distance of its lines.

    ``slack``: by how much more sizes have to differ where they were measured on a picture; ``wide``: lines further
    apart than this, in usual distances, are of different blocks.
    """

    size: float
    leading: float
    slack: float = 1.0
    wide: float = 1.22


def begins_block(column: Column, setting: Setting) -> list[bool]:
    """For each line of a column whether a block begins there.

    The first does, though the text may go on from the column before: that is for the join to decide.
    """
    lines = column.lines
    begins = [True] * bool(lines)
    justified = _is_justified(column)
    hanging = _hanging(column, setting)
    block: list[Run] = lines[:1]
    for at in range(1, len(lines)):
        begin = _begins(column, at, block, setting, justified, hanging[at])
        begins.append(begin)
        block = [lines[at]] if begin else [*block[-3:], lines[at]] if len(block) > 4 else [*block, lines[at]]
    return begins


def _begins(column: Column, at: int, block: Sequence[Run], setting: Setting, justified: bool, hanging: bool) -> bool:
    a, b = column.lines[at - 1], column.lines[at]
    if a.block != b.block or a.role != b.role:
        return True
    if _is_set_apart(a, b, setting):
        return True
    big = a.size > (1 + OTHER_SIZE * setting.slack) * setting.size
    if (a.cells > 1 or b.cells > 1) and not big:
        return not (ITEM.match(a.text) and b.cells == 1 and b.x0 > a.x0)
    ends = _ends_here(column, at, justified)
    if a.is_bold != b.is_bold and (ends or (all(line.is_bold for line in block) and not b.text[0].islower())):
        return True
    if b.marked and a.size < 0.97 * setting.size:
        return True
    if _is_centred(column, a) and _is_centred(column, b) and abs(a.x0 - b.x0) > EDGE * b.size:
        return False
    if big or (a.is_bold and b.is_bold):
        return b.x0 > a.x0 + INDENT * b.size and not _is_centred(column, b)
    return _begins_by_indent(column, at, block, hanging, ends) or ends


def _is_set_apart(a: Run, b: Run, setting: Setting) -> bool:
    big, small = max(a.size, b.size), min(a.size, b.size)
    if big - small > OTHER_SIZE * setting.slack * big:
        return True
    usual = setting.leading * big / setting.size if big > 1.1 * setting.size else setting.leading
    if big < 0.95 * setting.size:
        usual = max(setting.leading * big / setting.size, 1.15 * big)
    return b.base - a.base > setting.wide * usual or b.base < a.base


def _begins_by_indent(column: Column, at: int, block: Sequence[Run], hanging: bool, ends: bool) -> bool:
    a, b = column.lines[at - 1], column.lines[at]
    step = b.x0 - a.x0
    if ITEM.match(b.text) and _begins_item(a, b, block, ends):
        return True
    if abs(step) <= INDENT * b.size:
        return False
    if ITEM.match(block[0].text) and b.x0 > block[0].x0:
        return len(block) > 2 and step > 0
    if step > 0:
        return not hanging
    inset = len(block) > 1 and abs(block[-2].x0 - a.x0) <= EDGE * b.size
    return hanging or inset


def _begins_item(a: Run, b: Run, block: Sequence[Run], ends: bool) -> bool:
    """Whether a mark opens an item: a bullet does, a dash or a number only where more than the mark says so."""
    if not b.text[0].isalnum() and b.text[0] not in DASHES:
        return True
    apart = abs(b.x0 - a.x0) > EDGE * b.size
    if b.text[0] in DASHES:
        return apart or ends or ITEM.match(block[0].text) is not None
    return apart or ends or SENTENCE_END.search(a.text) is not None


def _ends_here(column: Column, at: int, justified: bool) -> bool:
    """Whether the line before ``at`` ends early though the text that follows would have had room."""
    a, b = column.lines[at - 1], column.lines[at]
    room = column.right - a.x1
    if (b.text[0].islower() or b.text[0] in CLOSERS) and not SENTENCE_END.search(a.text):
        return False
    if a.text[-1] == "-" and b.text[0].isalpha():
        return False
    word = b.text.split(" ", 1)[0]
    if not justified:
        return room > (len(word) + 1.5) * b.letter
    before = column.lines[at - 2] if at > 1 else b
    beside = [other for other in (before, b) if abs(other.x1 - a.x1) < EDGE * a.size and other is not a]
    if beside and any(abs(other.x0 - a.x0) < EDGE * a.size for other in beside):
        return False  # set to a narrower measure
    parts = len(word) if ADDRESS.match(word) else min(len(word), WORD_PART)
    return room > max(SHORT * a.size, parts * b.letter * 0.8)


def _is_centred(column: Column, line: Run) -> bool:
    before, after = line.x0 - column.left, column.right - line.x1
    return min(before, after) > line.size and abs(before - after) < CENTRED * 2 * line.size


def _is_justified(column: Column) -> bool:
    lines = column.lines
    if len(lines) < 4:
        return True
    full = sum(column.right - line.x1 < EDGE * line.size for line in lines)
    return full >= JUSTIFIED * len(lines)


def _hanging(column: Column, setting: Setting) -> list[bool]:
    """For each line whether it stands in a stretch whose entries begin at the left edge and go on set in.

    As in a list of literature. A stretch is what no wider distance and no other type parts.
    """
    lines = column.lines
    starts = [at for at in range(len(lines)) if at == 0 or _is_set_apart(lines[at - 1], lines[at], setting)]
    found: list[bool] = []
    for start, end in pairwise([*starts, len(lines)]):
        found += [_is_hanging(column, lines[start:end])] * (end - start)
    return found


def _is_hanging(column: Column, lines: Sequence[Run]) -> bool:
    """There a line before one that is set in is full; before the indent of a paragraph stands the end of another."""
    left = min(line.x0 for line in lines)
    full = short = down = 0
    for a, b in pairwise(lines):
        step = (b.x0 - a.x0) / b.size
        down += step < -INDENT
        if step > INDENT and a.x0 - left < EDGE * a.size:
            word = b.text.split(" ", 1)[0]
            fits = column.right - a.x1 > max(SHORT * a.size, min(len(word), WORD_PART) * b.letter)
            full, short = full + (not fits), short + fits
    inset = sum(line.x0 - left > INDENT * line.size for line in lines)
    return full > short and (down > 0 or inset == len(lines) - 1) and inset > SET_IN * len(lines)
