"""Signatures that share a block, directly or over others, are brought together, so that few are resolved at a time."""

from collections.abc import Iterator

import polars as pl

from stages.link_entities.union import smallest_of_group


def hanging_together(signatures: pl.DataFrame, size: int) -> Iterator[pl.DataFrame]:
    """Cut signatures into parts of ``size`` rows, or more where more hang together; in each they are in order.

    ``signatures`` needs signature and blocks (a list). What shares a block is in one part.
    """
    if signatures.is_empty():
        return
    # A signature goes by its smallest block, that one by the smallest that it hangs together with; numbers for names.
    numbered = signatures.select("signature", "blocks").explode("blocks").with_columns(pl.col("blocks").rank("dense"))
    first = numbered.group_by("signature").agg(pl.col("blocks").min().alias("first"))
    beside = numbered.join(first, on="signature").filter(pl.col("blocks") != pl.col("first"))
    pairs = beside.select("first", "blocks").unique().rows()
    joined = smallest_of_group({block for pair in pairs for block in pair}, pairs)
    group = pl.col("first").replace(joined).alias("_group")
    grouped = signatures.join(first.select("signature", group), on="signature").sort("_group", "signature")
    number = pl.int_range(pl.len()) // size
    # A part ends only where a group does: its number is that of the group's first row.
    parts = grouped.with_columns(number.first().over("_group").alias("_part"))
    for part in parts.partition_by("_part", maintain_order=True, include_key=False):
        yield part.drop("_group").sort("signature")
