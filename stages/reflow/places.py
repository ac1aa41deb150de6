"""Places: page, box and OCR confidence of blocks and mentions, from the layout of the document they lie in."""

import numpy as np
import polars as pl

from stages.tables.schemas import TABLES

_PLACE = ("page", "box", "confidence")
_SCHEMA = pl.Schema({name: TABLES["blocks"].schema[name] for name in _PLACE})
_BOX = ("x0", "y0", "x1", "y1")


def with_places(rows: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """Add page, box and confidence to rows with doc_id, raw_start and raw_end; null where a document has no layout.

    ``texts`` has the columns doc_id and pieces (`stages.read.raw_document.PIECES`). Page and box are those of the
    printed lines that the row touches on the first page it touches; the confidence is the mean over these lines.
    """
    rows = rows.drop(_PLACE, strict=False)
    printed = texts.filter(pl.col("pieces").is_not_null()).select("doc_id", "pieces")
    if printed.is_empty() or rows.is_empty():
        return rows.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in _SCHEMA.items())
    numbered = rows.with_row_index("row")
    found = [
        _of_document(numbered.filter(pl.col("doc_id") == doc_id), pieces) for doc_id, pieces in printed.iter_rows()
    ]
    return numbered.join(pl.concat(found), on="row", how="left", maintain_order="left").drop("row")


def _of_document(rows: pl.DataFrame, pieces: list[dict[str, object]]) -> pl.DataFrame:
    lines = pl.DataFrame(pieces).sort("start").filter(pl.col("end") > pl.col("start"))
    starts, ends = lines["start"].to_numpy(), lines["end"].to_numpy()
    first = np.searchsorted(ends, rows["raw_start"].to_numpy(), side="right")
    last = np.searchsorted(starts, rows["raw_end"].to_numpy(), side="left")
    touched = [lines[int(a) : max(int(a) + 1, int(b))] for a, b in zip(first, last, strict=True)]
    places = pl.DataFrame([_place(lines) for lines in touched], schema=_SCHEMA, orient="row")
    return rows.select("row").hstack(places)


def _place(lines: pl.DataFrame) -> tuple[int | None, list[float] | None, float | None]:
    page = lines["page"].drop_nulls().first()
    here = lines.filter(pl.col("page") == page) if page is not None else lines.clear()
    sides = [here[name].min() if name in ("x0", "y0") else here[name].max() for name in _BOX]
    box = None if None in sides else [float(side) for side in sides]  # type: ignore[arg-type]
    confidence = here["confidence"].mean()
    return page, box, None if confidence is None else float(confidence)  # type: ignore[arg-type, return-value]
