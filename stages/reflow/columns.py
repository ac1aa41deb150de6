"""Read columns that are printed side by side one after the other.

An extractor that keeps the layout, or a terminal, prints two columns on one line with a gutter of blanks between. The
lines are cut at the gutter; between two lines that run across both columns the left one is read before the right one.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from stages.reflow.lines import Line, cut_part
from stages.reflow.records import Repair

# Blanks that may be a gutter: two at least, with text on both sides.
GAP = re.compile(r"(?<=\S)  +(?=\S)")
WORD = re.compile(r"\S+")
# A page shows its gutter on so many lines at least, on this share of its lines, and of those long enough to cross it.
FEWEST, SHARE, CLEAR, CANDIDATES = 6, 0.12, 0.9, 3
# Running text has so many words on either side on average, and fills the left column so far.
WORDS, FILLED = 2.5, 0.55
NARROWEST = 15
# A page whose gutter is clear on fewer of its long lines, but on so many, may be printed in two columns; on fewer still
# wide gaps stand in running text.
UNSURE = 0.6
# So many long lines show that a single blank column is a gutter, and at so many of them the right column begins there.
FEWEST_LONG, FLUSH = 12, 0.7


class Gutter(NamedTuple):
    """The column just left of where the right column's lines begin; ``narrow`` where it is the only blank one."""

    column: int
    narrow: bool = False


class Row(NamedTuple):
    """A line as it stands in the raw text: its characters from the left margin on, and where they begin."""

    line: Line
    text: str
    start: int


def read_columns(raw: str, lines: list[Line], characters: bool) -> tuple[list[Line], list[Repair], bool]:
    """The lines of each page column by column, and a repair for each page that was printed in two.

    Then whether another page may have been, which is left as it stands.
    """
    # Lines whose characters stand as they are have no gaps.
    if sum(line.mapped is not None or line.indent >= NARROWEST for line in lines) < FEWEST:
        return lines, [], False
    found: list[Line] = []
    repairs: list[Repair] = []
    unsure = False
    for page in _pages(lines):
        rows = [_row(raw, line) for line in page]
        gutter = _gutter(rows, CLEAR)
        if not gutter:
            found += page
            unsure = unsure or _gutter(rows, UNSURE) is not None
            continue
        found += _columns(raw, rows, gutter, characters)
        start, end = page[0].raw_start, page[-1].raw_end
        repairs.append(Repair("columns", start, end, raw[start:end], ""))
    return found, repairs, unsure


def _columns(raw: str, rows: Sequence[Row], gutter: Gutter, characters: bool) -> Iterator[Line]:
    """The lines of a page column by column; what stands on one side of the gutter may be two columns again."""
    parts = [cut_part(raw, line, line.raw_start, line.raw_end, characters) for line in _parts(rows, gutter)]
    # Where the right column begins the map to the raw text goes back.
    starts = [0, *(at for at, (a, b) in enumerate(pairwise(parts), start=1) if b.raw_start < a.raw_end), len(parts)]
    for start, end in pairwise(starts):
        inner = [_row(raw, line) for line in parts[start:end]]
        again = _gutter(inner, CLEAR)
        yield from _columns(raw, inner, again, characters) if again else parts[start:end]


def _pages(lines: list[Line]) -> Iterator[list[Line]]:
    starts = [0, *(at for at, line in enumerate(lines) if at and line.form_feeds)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield lines[start:end]


def _row(raw: str, line: Line) -> Row:
    """A line with its blanks, as long as its characters stand there unchanged."""
    return Row(line, " " * line.indent + raw[line.raw_start : line.raw_end], line.raw_start - line.indent)


def _gutter(rows: Sequence[Row], clear: float) -> Gutter | None:
    """The gutter of a page, where one is clear on this share of the long lines."""
    if not any(row.line.mapped is not None or row.line.indent >= NARROWEST for row in rows):
        return None
    if any("\t" in row.text for row in rows):
        return None
    begins: Counter[int] = Counter()
    for row in rows:
        if row.line.indent >= NARROWEST:
            begins[row.line.indent] += 1
        if row.line.mapped is not None:
            begins.update(gap.end() for gap in GAP.finditer(row.text, row.line.indent) if gap.end() >= NARROWEST)
    common = begins.most_common(CANDIDATES)
    wide = [Gutter(column - 1) for column, count in common if count >= max(FEWEST, SHARE * len(rows))]
    narrow = [Gutter(column - 1, narrow=True) for column, count in common if count >= FEWEST]
    found = (gutter for gutter in wide if _is_gutter(rows, gutter, clear))
    return next(found, None) or next((gutter for gutter in narrow if _is_narrow(rows, gutter)), None)


def _is_narrow(rows: Sequence[Row], gutter: Gutter) -> bool:
    """Whether each of many long lines leaves the column free, and the right column's lines begin behind it.

    Words end at one place by chance in every sixth line or so.
    """
    long = [row.text for row in rows if len(row.text) > gutter.column + 3]
    if len(long) < FEWEST_LONG or any(text[gutter.column] != " " for text in long):
        return False
    flush = sum(text[gutter.column + 1] != " " for text in long)
    return flush >= FLUSH * len(long) and _is_gutter(rows, gutter, 1.0)


def _is_gutter(rows: Sequence[Row], gutter: Gutter, share: float) -> bool:
    """Whether running text stands on both sides of the column, which is clear on this share of the long lines."""
    column = gutter.column
    long = [row.text for row in rows if len(row.text) > column + 2]
    clear = [row.text for row in rows if _is_clear(row.text, gutter)]
    if sum(_is_clear(text, gutter) for text in long) < share * len(long):
        return False
    left = [text[:column].rstrip() for text in clear if text[:column].strip()]
    right = [text[column:].strip() for text in clear if text[column:].strip()]
    if min(len(left), len(right)) < FEWEST:
        return False
    margin = min(len(text) - len(text.lstrip()) for text in left)
    widest = max(map(len, left)) - margin
    filled = sum(len(text) - margin for text in left) / len(left)
    words = [sum(len(WORD.findall(text)) for text in side) / len(side) for side in (left, right)]
    return widest >= NARROWEST and filled >= FILLED * widest and min(words) >= WORDS


def _is_clear(text: str, gutter: Gutter) -> bool:
    column = gutter.column
    if gutter.narrow:
        return text[column : column + 1].strip() == ""
    return text[column - 1 : column + 1].strip() == "" or text[column : column + 2].strip() == ""


def _parts(rows: Sequence[Row], gutter: Gutter) -> Iterator[Line]:
    """The columns between lines that run across the gutter, left before right, and those lines in their place."""
    column = gutter.column
    edge = min((_first(row.text, column) for row in rows if not _crosses(row, gutter)), default=column)
    sides: tuple[list[Line], list[Line]] = [], []
    gaps = [0, 0]
    for row in rows:
        gaps = [gap + row.line.breaks for gap in gaps]
        if _crosses(row, gutter):
            yield from (*sides[0], *sides[1], row.line._replace(breaks=min(gaps)))
            sides, gaps = ([], []), [0, 0]
            continue
        for side, (start, end) in enumerate(((0, column), (column, len(row.text)))):
            if row.text[start:end].strip():
                sides[side].append(_part(row, start, end, gaps[side], edge * side))
                gaps[side] = 0
    yield from (*sides[0], *sides[1])


def _first(text: str, start: int) -> int:
    """Where the text behind a column begins."""
    rest = text[start:].lstrip()
    return len(text) - len(rest) if rest else len(text) + start


def _crosses(row: Row, gutter: Gutter) -> bool:
    return len(row.text) > gutter.column and not _is_clear(row.text, gutter)


def _part(row: Row, start: int, end: int, breaks: int, edge: int) -> Line:
    """One column's part of a line; the form feed before it goes with the left one."""
    text = row.text[start:end]
    first = start + len(text) - len(text.lstrip())
    raw_start = row.start + first
    return row.line._replace(
        raw_start=raw_start, raw_end=raw_start + len(text.strip()), breaks=max(breaks, 1),
        form_feeds=0 if start else row.line.form_feeds, indent=max(first - edge, 0),
    )  # fmt: skip
