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
    pairs = signatures.select("signature", "blocks").explode("blocks").with_columns(pl.col("blocks").rank("dense"))
    first = pairs.group_by("signature").agg(pl.col("blocks").min().alias("first"))
    beside = pairs.join(first, on="signature").filter(pl.col("blocks") != pl.col("first"))
    same = beside.select("first", "blocks").unique().rows()
    joined = smallest_of_group({block for pair in same for block in pair}, same)
    group = pl.col("first").replace(joined).alias("_group")
    grouped = signatures.join(first.select("signature", group), on="signature").sort("_group", "signature")
    # A part ends only where a group does: its number is that of the group's first row.
    numbered = grouped.with_row_index("_row").with_columns(_part=pl.col("_row").first().over("_group") // size)
    for part in numbered.partition_by("_part", maintain_order=True):
        yield part.select(signatures.columns).sort("signature")
