"""Offsets: from characters of the clean text back to characters of the raw text.

A span {start, raw_start, length} says that ``length`` clean characters from ``start`` are the raw characters
from ``raw_start``. Between spans stand characters that the raw text does not have there: the space of a line
join, or what a character repair put in.
"""

import polars as pl

_DOCUMENT_BITS = 32
"""A document's offsets stay below 2**32, so document number and offset fit one sortable integer."""


def with_raw_range(rows: pl.DataFrame, blocks: pl.DataFrame) -> pl.DataFrame:
    """Add ``raw_start`` and ``raw_end`` to rows that carry doc_id, start and end in document coordinates.

    ``blocks`` holds the spans of every document of ``rows``, in reading order. A character without a raw
    counterpart counts to the raw characters between its neighbours, so that a repaired word points at the
    broken one.
    """
    spans = _spans_in_order(blocks)
    number = blocks.select(pl.col("doc_id").unique(maintain_order=True)).with_row_index("n")
    doc = rows.select("doc_id").join(number, on="doc_id", how="left", maintain_order="left")["n"].cast(pl.Int64)
    first = _span_at(spans, doc, rows["start"])
    last = _span_at(spans, doc, rows["end"] - 1)
    begin = pl.DataFrame({"p": rows["start"]}).hstack(first)
    finish = pl.DataFrame({"p": rows["end"]}).hstack(last)
    raw_start = begin.select(
        (pl.col("raw_at") + pl.min_horizontal(pl.col("p") - pl.col("at"), "length")).alias("raw_start")
    )
    inside = pl.col("p") - pl.col("at") <= pl.col("length")
    raw_end = finish.select(
        pl.when(inside)
        .then(pl.col("raw_at") + pl.col("p") - pl.col("at"))
        .otherwise(pl.coalesce("next_raw", pl.col("raw_at") + pl.col("length")))
        .alias("raw_end")
    )
    return rows.hstack(raw_start).hstack(raw_end)


def _spans_in_order(blocks: pl.DataFrame) -> pl.DataFrame:
    spans = (
        blocks.select("doc_id", "spans")
        .explode("spans", empty_as_null=False)
        .unnest("spans")
        .rename({"start": "at", "raw_start": "raw_at"})
    )
    number = pl.col("doc_id").rle_id().cast(pl.Int64)
    return spans.with_columns(
        key=number * 2**_DOCUMENT_BITS + pl.col("at"), next_raw=pl.col("raw_at").shift(-1).over("doc_id")
    )


def _span_at(spans: pl.DataFrame, doc: pl.Series, position: pl.Series) -> pl.DataFrame:
    """The span that holds each position, or the last one before it."""
    index = spans["key"].search_sorted(doc * 2**_DOCUMENT_BITS + position, side="right").cast(pl.Int64) - 1
    found: pl.DataFrame = spans.select("at", "raw_at", "length", "next_raw")[index.clip(0)]
    return found
