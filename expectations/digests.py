"""Digests: what a step leaves on record of the rows it made, so that nothing can change them later unseen."""

from collections.abc import Mapping

import polars as pl

from stages.tables.schemas import TABLES

Frames = dict[str, pl.DataFrame]

GIVEN_LATER = {
    "documents": ("source_uri", "run_id", "processed_at"),
    "mentions": ("entity_id", "label"),
    "clusters": ("entity_id", "linked_id", "label"),
}
"""What moving and linking give to rows that were parted; doc_id as well. All else stays as it is, for good.

The label of a cluster stands in its signature too; that of its mentions is held to it by `agree.in_cluster`.
"""

DIGESTS = pl.Schema({"table": pl.String(), "doc_id": pl.String(), "n_rows": pl.Int64(), "digest": pl.UInt64()})


def digest_documents(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Give one row for each table and document: how many rows it has, and a digest of them in any order.

    The digest is of all columns but doc_id and those of `GIVEN_LATER`. It is the same in every process of one
    installation and meant for nothing beyond a run.
    """
    made = [_digest(frame, table) for table, frame in frames.items()]
    return pl.concat([pl.DataFrame(schema=DIGESTS), *made])


def _digest(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    lasting = [name for name in TABLES[table].columns if name not in ("doc_id", *GIVEN_LATER.get(table, ()))]
    hashed = frame.select("doc_id", digest=frame.select(*lasting, *_own_label(table)).hash_rows())
    # Sums of UInt64 wrap around; a row that changes, goes or comes twice changes the sum.
    return (
        hashed.group_by("doc_id", maintain_order=True)
        .agg(pl.lit(table).first().alias("table"), pl.len().cast(pl.Int64).alias("n_rows"), pl.col("digest").sum())
        .select(DIGESTS.names())
    )


def _own_label(table: str) -> list[pl.Expr]:
    """The label of a mention where nothing else holds it: that of a name is that of its cluster."""
    return [pl.when(pl.col("cluster_no").is_null()).then("label").alias("own_label")] if table == "mentions" else []


def row_digests(frame: pl.DataFrame, table: str) -> pl.Series:
    """Give a digest of each row of a published table, of all its columns."""
    return frame.select(list(TABLES[table].columns)).hash_rows().alias("digest")
