"""Which rows of a large cluster table a run has to look at, found without reading the table into memory."""

from collections.abc import Iterable

import polars as pl


def concerned_clusters(known: pl.LazyFrame, new: pl.DataFrame, gone: Iterable[str] = ()) -> pl.DataFrame:
    """Give the rows of ``known`` that `link_clusters` needs to link ``new`` clusters and take back ``gone`` documents.

    These are the rows of the documents that go, and all that share a block with them or with new clusters, directly
    or over others. Linking with these rows alone ends as linking with the whole table does, for all other rows
    keep their entity. A signature says in which blocks its clusters are: so the chain of shared blocks is followed
    among the signatures, each in memory once, and the table is read in streams: for them, and for what is concerned.
    """
    replaced = pl.Series([*new["doc_id"].unique(), *gone], dtype=pl.String).unique()
    leaves = pl.col("doc_id").is_in(replaced.implode())
    leaving = known.filter(leaves).collect(engine="streaming")
    blocks = pl.concat([leaving["blocks"], new["blocks"]]).explode(empty_as_null=False).unique()
    standing = known.filter(~leaves)
    signatures = standing.group_by("signature").agg(pl.col("blocks").first()).collect(engine="streaming")
    concerned = pl.col("signature").is_in(_sharing(signatures, blocks).implode())
    return pl.concat([leaving, standing.filter(concerned).collect(engine="streaming")]).sort("doc_id", "cluster_no")


def _sharing(signatures: pl.DataFrame, blocks: pl.Series) -> pl.Series:
    """The signatures that hang together with some blocks, directly or over others."""
    pairs = signatures.explode("blocks", empty_as_null=False)
    while True:
        shared = pairs.filter(pl.col("blocks").is_in(blocks.implode()))["signature"].unique()
        grown = pairs.filter(pl.col("signature").is_in(shared.implode()))["blocks"]
        further = pl.concat([blocks, grown]).unique()
        if len(further) == len(blocks):
            return shared
        blocks = further
