"""Regions that text recognition found on a page: their order, and the columns and blocks in them."""

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from stages.read.printed.lines import Column, Run
from stages.read.printed.order import column_of, read_columns, read_order

# A line this much higher or lower than the middle one of its region is set in another type.
OTHER_HEIGHT = 1.45
# Regions that lie to the left of the one before them, more than this share: then the file's order is not one to read.
TURNS = 0.3
# A region has so many lines before its slope is measured, or columns are looked for in it.
FEWEST_LINES = 8
FEWEST_REGIONS = 4
# Regions of one column have so much of their width in common.
SAME_COLUMN = 0.6
Box = tuple[float, float, float, float]


# The letters stand on the base line with this share of the size below it; the size is this share of the whole height.
BELOW, TYPE = 0.22, 0.95
# Of the height of a type high letters take the first share, low ones the second, letters that reach down the rest.
LETTER_HEIGHT, LOW_LETTER = 0.77, 0.53
ASCENDING = re.compile("[^\\W_acegmnopqrsuvwxyz]|[/()\\[\\]!?\"'|]")
DESCENDING = re.compile("[gjpqyQJ\u00df\u017f\u00e7,;()\\[\\]/|]")
# Lines with letters that reach down are so much higher where boxes lie close.
CLOSE = 1.1


class Region(NamedTuple):
    """Lines that the format holds together, in its order; ``role`` as it says, else None."""

    lines: list[Run]
    role: str | None = None

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of its lines."""
        return (
            min(line.x0 for line in self.lines), min(line.y0 for line in self.lines),
            max(line.x1 for line in self.lines), max(line.y1 for line in self.lines),
        )  # fmt: skip


class RegionPage(NamedTuple):
    """The regions of a page; ``ordered`` where the format says in what order they are read, ``is_sized`` where it says
    how large the page is.
    """

    regions: list[Region]
    width: float
    height: float
    ordered: bool = False
    is_sized: bool = True


def by_letters(pages: Sequence[RegionPage]) -> list[RegionPage]:
    """The pages with sizes and base lines by the letters, where boxes lie close around these.

    There lines with letters that reach down have higher boxes than lines without. Sizes that the file itself gives, and
    boxes that are all drawn to the full height, stay.
    """
    lines = [line for page in pages for region in page.regions for line in region.lines if _is_boxed(line)]
    low = [line.y1 - line.y0 for line in lines if DESCENDING.search(line.text)]
    high = [line.y1 - line.y0 for line in lines if not DESCENDING.search(line.text) and ASCENDING.search(line.text)]
    if min(len(low), len(high)) < FEWEST_REGIONS or median(low) < CLOSE * median(high):
        return list(pages)
    return [
        page._replace(regions=[Region([_by_letters(line) for line in region.lines], region.role)
                               for region in page.regions])
        for page in pages
    ]  # fmt: skip


def _is_boxed(line: Run) -> bool:
    """Whether the size of a line is only that of its box."""
    return abs(line.size - TYPE * (line.y1 - line.y0)) < 0.01 * line.size


def _by_letters(line: Run) -> Run:
    if not _is_boxed(line):
        return line
    low = DESCENDING.search(line.text) is not None
    share = (LETTER_HEIGHT if ASCENDING.search(line.text) else LOW_LETTER) + (1 - LETTER_HEIGHT) * low
    size = TYPE * (line.y1 - line.y0) / share
    return line._replace(size=size, base=line.y1 - BELOW * size if low else line.y1)


def columns_of(page: RegionPage) -> list[Column]:
    """The columns of a page in reading order.

    The order of the format where it gives one. Else that of the file, unless it jumps from column to column.
    """
    regions = [Region([_sized(line, region) for line in region.lines], region.role) for region in page.regions]
    if not page.ordered and _jumps(regions):
        regions = _by_place(regions)
    return [column for region in regions for column in _columns_in(region)]


def _sized(line: Run, region: Region) -> Run:
    """The line with the size that is usual in its region, unless it is clearly another."""
    usual = median(other.size for other in region.lines)
    return line._replace(size=usual) if usual / OTHER_HEIGHT < line.size < usual * OTHER_HEIGHT else line


def _jumps(regions: Sequence[Region]) -> bool:
    if len(regions) < FEWEST_REGIONS:
        return False
    boxes = [region.box for region in regions]
    back = sum(b[2] <= a[0] + 0.1 * (a[2] - a[0]) for a, b in pairwise(boxes))
    up = sum(b[3] <= a[1] and min(a[2], b[2]) > max(a[0], b[0]) for a, b in pairwise(boxes))
    return back + up + _rows(boxes) > TURNS * len(regions)


def _rows(boxes: Sequence[Box]) -> int:
    """How often the region that follows stands to the right, while the one below, of the same column, comes later."""
    found = 0
    for at, (a, b) in enumerate(pairwise(boxes)):
        beside = b[0] >= a[2] - 0.1 * (a[2] - a[0]) and b[1] < a[3] and a[1] < b[3]
        found += beside and any(c[1] >= a[3] and _same_column(a, c) for c in boxes[at + 2 :])
    return found


def _same_column(a: Box, b: Box) -> bool:
    return min(a[2], b[2]) - max(a[0], b[0]) > SAME_COLUMN * max(a[2] - a[0], b[2] - b[0])


def _by_place(regions: Sequence[Region]) -> list[Region]:
    runs = []
    for at, region in enumerate(regions):
        x0, _, x1, _ = region.box
        size = median(line.size for line in region.lines)
        text = "x" * round((x1 - x0) / max(0.5 * size, 1e-6))
        runs += [Run(text, x0, line.y0, x1, line.y1, line.base, line.size, block=at, role=region.role)
                 for line in region.lines]  # fmt: skip
    seen: dict[int, None] = {}
    for group in read_order(runs):
        for run in sorted(group, key=lambda r: (r.base, r.x0)):
            seen.setdefault(run.block or 0)
    return [regions[at] for at in seen]


def _columns_in(region: Region) -> list[Column]:
    """The region as one column, its lines in their order; as several where they stand side by side."""
    lines = [line._replace(role=region.role) for line in region.lines]
    if len(lines) >= FEWEST_LINES and _side_by_side(lines):
        return read_columns(lines)
    return [column_of(lines)]


def _side_by_side(lines: Sequence[Run]) -> bool:
    """Whether many lines stand beside another and not below it."""
    beside = sum(b.y0 < a.y1 - 0.5 * a.size and b.x0 >= a.x1 - 0.5 * a.size for a, b in pairwise(lines))
    return beside > len(lines) / 4


def downward(lines: list[Run]) -> list[Run]:
    """The lines of a region from top to bottom, where the file has them in another order."""
    if _side_by_side(lines):
        return lines
    upward = any(b.base < a.base - 0.5 * a.size and min(a.x1, b.x1) > max(a.x0, b.x0) for a, b in pairwise(lines))
    return sorted(lines, key=lambda line: line.base) if upward else lines


def straightened(lines: Sequence[Run]) -> list[Run]:
    """The lines as they would stand on a page that was scanned upright, so that edges can be compared."""
    if len(lines) < FEWEST_LINES:
        return list(lines)
    third = len(lines) // 3
    first, last = lines[:third], lines[-third:]
    fall = median(line.base for line in last) - median(line.base for line in first)
    drift = median(line.x1 for line in last) - median(line.x1 for line in first)
    left = median(line.x0 for line in last) - median(line.x0 for line in first)
    slope = min((drift, left), key=abs) / fall if fall > 0 and drift * left > 0 else 0.0
    top = lines[0].base
    return [
        line._replace(x0=line.x0 - slope * (line.base - top), x1=line.x1 - slope * (line.base - top)) for line in lines
    ]
