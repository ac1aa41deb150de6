"""What a compositor does to a paragraph: an initial beside its first lines, gaps so wide that two words fill a line."""

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from stages.read.printed.lines import CELL_BREAK, Column, Run

# A capital, with the quote before it, that is so much larger than the lines beside it, and these stand so near.
INITIAL = re.compile("[\"\u201e\u201c\u00ab\u00bb\u2018'(]?[^\\W\\d_a-z]")
LARGER, BESIDE = 1.7, 1.5
# It reaches down to so many lines.
FEWEST_LINES = 2
# Two words, pushed apart to the edges of their column; lines of such follow each other so often.
TWO_WORDS = re.compile(f"[^\\W\\d_]\\S*{CELL_BREAK}[^\\W\\d_]\\S*")
EDGE, MOST_IN_TURN = 0.25, 2
# A line of text beside them has so many characters, and stands no further off, in sizes.
FEWEST_CHARACTERS, FURTHEST = 14, 1.9


def is_initial(text: str) -> bool:
    """Whether a run of large type is a single capital, or one behind a quote."""
    return INITIAL.fullmatch(text) is not None


def with_initials(runs: Sequence[Run]) -> list[Run]:
    """Give a large initial back to the first of the lines that stand beside it.

    All of these then begin where it does, for they are not set in as the first line of a paragraph is.
    """
    found = list(runs)
    usual = median(run.size for run in runs) if runs else 0.0
    for initial in [run for run in runs if run.size >= LARGER * usual and is_initial(run.text)]:
        lines = sorted((run for run in found if _stands_beside(run, initial)), key=lambda run: run.base)
        if len(lines) < FEWEST_LINES:
            continue
        first = lines[0]._replace(text=initial.text + lines[0].text)
        put = {id(old): new._replace(x0=initial.x0) for old, new in zip(lines, [first, *lines[1:]], strict=True)}
        found = [put.get(id(run), run) for run in found if run is not initial]
    return found


def _stands_beside(run: Run, initial: Run) -> bool:
    near = -0.5 * run.size < run.x0 - initial.x1 < BESIDE * run.size
    high = initial.base - initial.size - 0.3 * run.size < run.base < initial.base + 0.3 * run.size
    return near and high and initial.size >= LARGER * run.size


def without_wide_gaps(column: Column) -> Column:
    """Take a line of two words at the two edges of justified text for what it is, and not for cells of a table."""
    lines = list(column.lines)
    at = 0
    while at < len(lines):
        end = at
        while end < len(lines) and _is_pushed_apart(column, lines[end]):
            end += 1
        if 0 < end - at <= MOST_IN_TURN and at > 0 and _goes_on_from(column, lines[at - 1 : end + 1]):
            lines[at:end] = [line._replace(text=line.text.replace(CELL_BREAK, " "), cells=1) for line in lines[at:end]]
        at = end + 1
    return column._replace(lines=lines)


def _is_pushed_apart(column: Column, line: Run) -> bool:
    return line.cells == 2 and TWO_WORDS.fullmatch(line.text) is not None and _is_full(column, line)


def _is_full(column: Column, line: Run) -> bool:
    return line.x0 - column.left < EDGE * line.size and column.right - line.x1 < EDGE * line.size


def _goes_on_from(column: Column, lines: Sequence[Run]) -> bool:
    """Whether the first of ``lines`` is a full one of text, and none of them is set apart or has other cells."""
    first, last = lines[0], lines[-1]
    if first.cells > 1 or len(first.text) < FEWEST_CHARACTERS or column.right - first.x1 > EDGE * first.size:
        return False
    close = all(0 < b.base - a.base < FURTHEST * a.size for a, b in pairwise(lines))
    return close and (last.cells == 1 or _is_pushed_apart(column, last))
