"""Lines of a printed page: runs of characters put together along their base line, and how they are set."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from stages.lookups.signs import ENDS, closed_by

# Runs on one line further apart than this, in sizes of their type, stand in different cells of a row.
CELL_GAP = 1.6
# A justified line has so many gaps, that differ by no more than this, in sizes.
FEWEST_GAPS, SAME_GAP = 2, 0.1
# Between cells stands a tab.
CELL_BREAK = "\t"
# Base lines this close, in sizes, are one.
SAME_BASE = 0.35
BOLD_SHARE = 0.8


class Run(NamedTuple):
    """Characters beside each other on a page: a line or a part of one.

    The box and ``base`` (where the letters stand) in units of the page, origin top left; ``size`` of the type in the
    same units. ``bold``: share of the characters that are. ``marked``: it begins with a raised number or sign.
    ``block`` and ``role``: what the format says, else None. ``confidence``: of text recognition, else None.
    """

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    base: float
    size: float
    bold: float = 0.0
    marked: bool = False
    cells: int = 1
    block: int | None = None
    role: str | None = None
    confidence: float | None = None

    @property
    def is_bold(self) -> bool:
        """Whether the whole of it is set in bold."""
        return self.bold >= BOLD_SHARE

    @property
    def letter(self) -> float:
        """Mean width of a character."""
        return (self.x1 - self.x0) / max(len(self.text), 1)


class Column(NamedTuple):
    """Lines below each other, in reading order, and the edges between which they are set."""

    lines: list[Run]
    left: float
    right: float


def join_runs(runs: Iterable[Run]) -> list[Run]:
    """Put runs on the same base line together from left to right; the lines from top to bottom."""
    lines: list[Run] = []
    for row in rows_of(runs):
        gap = float("inf") if _is_spread(row) else CELL_GAP
        line = row[0]
        for run in row[1:]:
            line = _joined(line, run, gap)
        lines.append(line)
    return lines


def _is_spread(row: Sequence[Run]) -> bool:
    """Whether single words stand at the same distance from each other, as where a short line is justified."""
    gaps = [b.x0 - a.x1 for a, b in pairwise(row)]
    if len(gaps) < FEWEST_GAPS or max(gaps) - min(gaps) > SAME_GAP * row[0].size:
        return False
    return not any(" " in run.text for run in row) and any(run.text.isalpha() for run in row[1:])


def rows_of(runs: Iterable[Run]) -> list[list[Run]]:
    """Runs that stand on one base line, each row from left to right, the rows from top to bottom."""
    rows: list[list[Run]] = []
    for run in sorted(runs, key=lambda r: r.base):
        row = rows[-1] if rows else None
        if row and _same_row(row, run):
            row.append(run)
        else:
            rows.append([run])
    for row in rows:
        row.sort(key=lambda r: r.x0)
    return rows


def _same_row(row: Sequence[Run], run: Run) -> bool:
    biggest = max(row, key=lambda r: r.size)
    near = SAME_BASE * max(biggest.size, run.size)
    if abs(run.base - biggest.base) > near:
        return False
    return not any(run.x0 < r.x1 - 0.3 * r.size and r.x0 < run.x1 - 0.3 * r.size for r in row)


def _joined(a: Run, b: Run, most: float) -> Run:
    gap = b.x0 - a.x1
    size = max(a.size, b.size)
    wide = gap > most * size
    between = CELL_BREAK if wide else "" if gap < 0.12 * size else " "
    na, nb = len(a.text), len(b.text)
    main = a if na >= nb else b
    return main._replace(
        text=f"{a.text}{between}{b.text}", x0=a.x0, y0=min(a.y0, b.y0), x1=max(a.x1, b.x1), y1=max(a.y1, b.y1),
        bold=(a.bold * na + b.bold * nb) / (na + nb), marked=a.marked, cells=a.cells + b.cells - (not wide),
        confidence=_mean(a, b),
    )  # fmt: skip


def _mean(a: Run, b: Run) -> float | None:
    known = [(run.confidence, len(run.text)) for run in (a, b) if run.confidence is not None]
    weight = sum(count for _, count in known)
    return sum(value * count for value, count in known) / weight if weight else None


def common_size(lines: Iterable[Run]) -> float:
    """The size in which most characters are set, 0 where there are none."""
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[round(line.size * 5) / 5] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def usual_leading(columns: Iterable[Column], size: float, exact: float = 0.03) -> float:
    """The usual distance of base lines of lines of about this size, in units of the page; 1.2 sizes without any.

    ``exact``: distances that differ by no more than this, in sizes, are the same.
    """
    steps = [
        b.base - a.base
        for column in columns
        for a, b in pairwise(column.lines)
        if abs(a.size - b.size) <= 0.05 * size and abs(a.size - size) <= 0.05 * size and 0 < b.base - a.base < 3 * size
    ]
    return _lower_mode(sorted(steps), exact * size) if steps else 1.2 * size


def _lower_mode(steps: list[float], near: float) -> float:
    """The commonest step; of those about as common the smallest, as paragraphs of one line are set wider."""
    counts = [bisect_right(steps, step + near) - bisect_left(steps, step - near) for step in steps]
    most = max(counts)
    lowest = next(step for step, count in zip(steps, counts, strict=True) if 2 * count >= most)
    return median(step for step in steps if abs(step - lowest) <= 2 * near)


# A mark of a list: bullets, dashes, numbers and letters with full stop or bracket.
BULLETS = "\u2022\u2023\u25aa\u25ab\u25a0\u25a1\u25cf\u25cb\u25e6\u2043\u2219\u00b7\uf0b7*\u2013\u2014-"
ITEM = re.compile(f"(?:[{BULLETS}]|\\(?\\d{{1,2}}[.)]|\\(?[a-z]\\))[ \t]+(?=\\S)")
SENTENCE_END = closed_by(ENDS + ":;", note=True)
