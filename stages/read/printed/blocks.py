"""Where blocks begin in a column of printed lines: by distance, indent, type, and lines that end early."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from stages.read.printed.lines import ITEM, SENTENCE_END, Column, Run

# Lines further apart than this, in usual distances, are of different blocks; an indent in sizes of the type.
WIDE, INDENT = 1.22, 0.6
# Sizes that differ by more than this share are different ones.
OTHER_SIZE = 0.06
# So far from the right edge, in sizes, a line of justified text ends its paragraph.
SHORT = 0.8
JUSTIFIED = 0.5
EDGE = 0.25
CENTRED = 0.35


class Setting(NamedTuple):
    """How a document is set: the size of its text, the usual distance of its lines, and the tolerance for it."""

    size: float
    leading: float
    slack: float = 1.0


def begins_block(column: Column, setting: Setting) -> list[bool]:
    """For each line of a column whether a block begins there.

    The first does, though the text may go on from the column before: that is for the join to decide.
    """
    lines = column.lines
    begins = [True] * bool(lines)
    justified = _is_justified(column)
    hanging = _is_hanging(column)
    block: list[Run] = lines[:1]
    for at in range(1, len(lines)):
        begin = _begins(column, at, block, setting, justified, hanging)
        begins.append(begin)
        block = [lines[at]] if begin else [*block[-3:], lines[at]] if len(block) > 4 else [*block, lines[at]]
    return begins


def _begins(
    column: Column, at: int, block: Sequence[Run], setting: Setting, justified: bool, hanging: bool
) -> bool:
    a, b = column.lines[at - 1], column.lines[at]
    if a.block != b.block or a.role != b.role:
        return True
    if _is_set_apart(a, b, setting):
        return True
    if a.cells > 1 or b.cells > 1:
        return not (ITEM.match(a.text) and b.cells == 1 and b.x0 > a.x0)
    if a.is_bold != b.is_bold and (_ends_here(column, a, b, justified) or a.is_bold):
        return True
    if b.marked and a.size < 0.97 * setting.size:
        return True
    if _is_centred(column, a) and _is_centred(column, b) and abs(a.x0 - b.x0) > EDGE * b.size:
        return False
    if a.size > (1 + OTHER_SIZE) * setting.size or (a.is_bold and b.is_bold):
        return b.x0 > a.x0 + INDENT * b.size and not _is_centred(column, b)
    return _begins_by_indent(column, at, block, hanging) or _ends_here(column, a, b, justified)


def _is_set_apart(a: Run, b: Run, setting: Setting) -> bool:
    big, small = max(a.size, b.size), min(a.size, b.size)
    if big - small > OTHER_SIZE * setting.slack * big:
        return True
    usual = setting.leading * big / setting.size if big > 1.1 * setting.size else setting.leading
    if big < 0.95 * setting.size:
        usual = max(setting.leading * big / setting.size, 1.15 * big)
    return b.base - a.base > WIDE * setting.slack * usual or b.base < a.base


def _begins_by_indent(column: Column, at: int, block: Sequence[Run], hanging: bool) -> bool:
    a, b = column.lines[at - 1], column.lines[at]
    step = b.x0 - a.x0
    if ITEM.match(b.text) and (SENTENCE_END.search(a.text) or not b.text[0] in "-\u2013\u2014*"):
        return True
    if abs(step) <= INDENT * b.size:
        return False
    if ITEM.match(block[0].text) and b.x0 > block[0].x0:
        return len(block) > 2 and step > 0
    if step > 0:
        return not hanging
    inset = len(block) > 1 and abs(block[-2].x0 - a.x0) <= EDGE * b.size
    return hanging or inset


def _ends_here(column: Column, a: Run, b: Run, justified: bool) -> bool:
    """Whether line ``a`` ends early though the text of ``b`` would have had room."""
    room = column.right - a.x1
    if b.text[0].islower() and not SENTENCE_END.search(a.text):
        return False
    if a.text[-1] == "-" and b.text[0].isalpha():
        return False
    if justified:
        return room > SHORT * a.size
    word = b.text.split(" ", 1)[0]
    return room > (len(word) + 1.5) * b.letter


def _is_centred(column: Column, line: Run) -> bool:
    before, after = line.x0 - column.left, column.right - line.x1
    return min(before, after) > line.size and abs(before - after) < CENTRED * 2 * line.size


def _is_justified(column: Column) -> bool:
    lines = column.lines
    if len(lines) < 4:
        return True
    full = sum(column.right - line.x1 < EDGE * line.size for line in lines)
    return full >= JUSTIFIED * len(lines)


def _is_hanging(column: Column) -> bool:
    """Whether entries begin at the left edge and go on set in, as in a list of literature."""
    steps = [(b.x0 - a.x0) / b.size for a, b in pairwise(column.lines)]
    inset = [line.x0 - column.left > INDENT * line.size for line in column.lines]
    twice = sum(a and b for a, b in pairwise(inset))
    down = sum(step < -INDENT for step in steps)
    return sum(inset) > 0.5 * len(inset) and twice > 1 and down > 1
