"""Where a block or a mention stands on the pages of its document: from its raw characters to page and box."""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

Range = tuple[int, int]
BOX = pl.Struct(dict.fromkeys(("x0", "y0", "x1", "y1"), pl.Float64))


class Place(NamedTuple):
    """A page, from 1, and a box on it in units of the page, origin top left; both None where they are not known."""

    page: int | None
    x0: float | None = None
    y0: float | None = None
    x1: float | None = None
    y1: float | None = None


def places_of(pieces: pl.DataFrame | None, ranges: Sequence[Range]) -> list[Place]:
    """The place of each range of raw characters: its first page, and the box around what of it stands there.

    Of a piece that a range cuts, the box is cut in proportion to its characters. ``pieces`` has the columns of
    `stages.read.raw_document.PIECES`; without pieces, or pages in them, nothing is known.

    >>> line = {"start": [0], "end": [10], "page": [1], "x0": [0.0], "y0": [5.0], "x1": [100.0], "y1": [9.0]}
    >>> places_of(pl.DataFrame(line), [(5, 10)])
    [Place(page=1, x0=50.0, y0=5.0, x1=100.0, y1=9.0)]
    """
    if pieces is None or not pieces.height:
        return [Place(None)] * len(ranges)
    ordered = pieces.sort("start")
    starts, rows = ordered["start"], ordered.select("start", "end", "page", "x0", "y0", "x1", "y1").rows()
    asked = pl.Series([start for start, _ in ranges], dtype=pl.Int64)
    firsts = starts.search_sorted(asked, side="right").to_list()
    return [_place(rows, max(first - 1, 0), *wanted) for first, wanted in zip(firsts, ranges, strict=True)]


def _place(
    rows: Sequence[tuple[int, int, int | None, float, float, float, float]], at: int, start: int, end: int
) -> Place:
    page: int | None = None
    boxes: list[tuple[float, float, float, float]] = []
    while at < len(rows) and rows[at][0] < end:
        first, last, number, x0, y0, x1, y1 = rows[at]
        at += 1
        if last <= start or number is None:
            continue
        if page is not None and number != page:
            break
        page = number
        if None not in (x0, y0, x1, y1):
            letter = (x1 - x0) / max(last - first, 1)
            left, right = max(start - first, 0), min(end, last) - first
            boxes.append((x0 + left * letter, y0, x0 + right * letter, y1))
    if not boxes:
        return Place(page)
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Place(page, min(lefts), min(tops), max(rights), max(bottoms))


def with_places(rows: pl.DataFrame, pieces: pl.DataFrame | None) -> pl.DataFrame:
    """Add ``page`` and ``box`` to rows of one document (blocks, mentions) that carry raw_start and raw_end."""
    places = places_of(pieces, rows.select("raw_start", "raw_end").rows())
    boxes = [None if p.x0 is None else {"x0": p.x0, "y0": p.y0, "x1": p.x1, "y1": p.y1} for p in places]
    return rows.with_columns(
        pl.Series("page", [place.page for place in places], dtype=pl.Int64), pl.Series("box", boxes, dtype=BOX)
    )
