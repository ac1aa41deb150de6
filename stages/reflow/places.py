"""Where a block or a mention stands on the pages of its document: from its raw characters to page and box."""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from stages.read.raw_document import PIECES
from stages.tables.schemas import TABLES

Range = tuple[int, int]
_COLUMNS = ("start", "end", "page", "x0", "y0", "x1", "y1", "confidence")
_ADDED = ("page", "box", "confidence")
_SCHEMA = pl.Schema({name: TABLES["blocks"].schema[name] for name in _ADDED})


class Place(NamedTuple):
    """A page, from 1, and a box on it in units of the page, origin top left; None where it is not known.

    ``confidence``: the mean confidence of the OCR in the pieces there.
    """

    page: int | None
    x0: float | None = None
    y0: float | None = None
    x1: float | None = None
    y1: float | None = None
    confidence: float | None = None


def places_of(pieces: pl.DataFrame | None, ranges: Sequence[Range]) -> list[Place]:
    """The place of each range of raw characters: its first page, and the box around what of it stands there.

    Of a piece that a range cuts, the box is cut in proportion to its characters. ``pieces`` has the columns of
    `stages.read.raw_document.PIECES`; without pieces, or pages in them, nothing is known.

    >>> line = {"start": [0], "end": [10], "page": [1], "x0": [0.0], "y0": [5.0], "x1": [100.0], "y1": [9.0]}
    >>> places_of(pl.DataFrame(line | {"confidence": [0.9]}), [(5, 10)])
    [Place(page=1, x0=50.0, y0=5.0, x1=100.0, y1=9.0, confidence=0.9)]
    """
    if pieces is None or not pieces.height:
        return [Place(None)] * len(ranges)
    ordered = pieces.sort("start")
    starts, rows = ordered["start"], ordered.select(_COLUMNS).rows()
    asked = pl.Series([start for start, _ in ranges], dtype=pl.Int64)
    firsts = starts.search_sorted(asked, side="right").to_list()
    return [_place(rows, max(first - 1, 0), *wanted) for first, wanted in zip(firsts, ranges, strict=True)]


def _place(
    rows: Sequence[tuple[int, int, int | None, float, float, float, float, float | None]], at: int, start: int, end: int
) -> Place:
    page: int | None = None
    boxes: list[tuple[float, float, float, float]] = []
    sure: list[float] = []
    while at < len(rows) and rows[at][0] < end:
        first, last, number, x0, y0, x1, y1, confidence = rows[at]
        at += 1
        if last <= start or number is None:
            continue
        if page is not None and number != page:
            break
        page = number
        sure += [] if confidence is None else [confidence]
        if None not in (x0, y0, x1, y1):
            letter = (x1 - x0) / max(last - first, 1)
            left, right = max(start - first, 0), min(end, last) - first
            boxes.append((x0 + left * letter, y0, x0 + right * letter, y1))
    mean = sum(sure) / len(sure) if sure else None
    if not boxes:
        return Place(page, confidence=mean)
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Place(page, min(lefts), min(tops), max(rights), max(bottoms), mean)


def with_places(rows: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """Add page, box and confidence to rows with doc_id, raw_start and raw_end; null where a document has no layout.

    ``texts`` has the columns doc_id and pieces (`stages.read.raw_document.PIECES`).
    """
    rows = rows.drop(_ADDED, strict=False)
    printed = texts.filter(pl.col("pieces").is_not_null()).select("doc_id", "pieces")
    if printed.is_empty() or rows.is_empty():
        return rows.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in _SCHEMA.items())
    numbered = rows.with_row_index("row")
    of = numbered.partition_by("doc_id", as_dict=True)
    found = [_of_document(of[doc_id,], pieces) for doc_id, pieces in printed.iter_rows() if (doc_id,) in of]
    empty = (
        numbered.clear().select("row").with_columns(pl.lit(None, kind).alias(name) for name, kind in _SCHEMA.items())
    )
    return numbered.join(pl.concat([empty, *found]), on="row", how="left", maintain_order="left").drop("row")


def _of_document(rows: pl.DataFrame, pieces: list[dict[str, object]]) -> pl.DataFrame:
    places = places_of(pl.DataFrame(pieces, schema=PIECES), rows.select("raw_start", "raw_end").rows())
    boxes = [None if p.x0 is None else {"x0": p.x0, "y0": p.y0, "x1": p.x1, "y1": p.y1} for p in places]
    told = [(p.page, box, p.confidence) for p, box in zip(places, boxes, strict=True)]
    return rows.select("row").hstack(pl.DataFrame(told, schema=_SCHEMA, orient="row"))
