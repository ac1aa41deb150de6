"""Which rows of a large cluster table a run has to look at, found without reading the table into memory."""

from collections.abc import Iterable

import polars as pl

_KEY = ("doc_id", "cluster_no")


def concerned_clusters(known: pl.LazyFrame, new: pl.DataFrame, gone: Iterable[str] = ()) -> pl.DataFrame:
    """Give the rows of ``known`` that `link_clusters` needs to link ``new`` clusters and take back ``gone`` documents.

    These are the rows of the documents that go, and all that share a block with them or with new clusters, directly
    or over others. Linking with these rows alone ends as linking with the whole table does, for all other rows
    keep their entity. The table is read in streams, one column of it as often as the chain of shared
    blocks is long (rarely more than three times); memory holds what is concerned.
    """
    replaced = pl.Series([*new["doc_id"].unique(), *gone], dtype=pl.String).unique()
    leaves = pl.col("doc_id").is_in(replaced.implode())
    leaving = known.filter(leaves).collect(engine="streaming")
    standing = known.filter(~leaves)
    pairs = standing.select(*_KEY, "blocks").explode("blocks", empty_as_null=False)
    blocks = pl.concat([leaving["blocks"], new["blocks"]]).explode(empty_as_null=False).unique()
    while True:
        shared = pairs.filter(pl.col("blocks").is_in(blocks.implode())).select(_KEY).unique()
        rows = standing.join(shared, on=_KEY, how="semi").collect(engine="streaming")
        grown = pl.concat([blocks, rows["blocks"].explode(empty_as_null=False)]).unique()
        if len(grown) == len(blocks):
            return pl.concat([leaving, rows]).sort(_KEY)
        blocks = grown
