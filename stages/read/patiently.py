"""Read a batch of sources, and what the disk fails to give once more after a while."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from stages.discover.patience import patiently
from stages.discover.remote import Remote
from stages.discover.sources import DISK_FAILED
from stages.read.sources import ReadOptions, read_sources


def read_patiently(
    batch: pl.DataFrame, roots: Mapping[str, Path | Remote], options: ReadOptions, spool: Path | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Do what `read_sources` does; sources that the disk fails to give are tried again after a few seconds."""

    def again(found: tuple[pl.DataFrame, pl.DataFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
        texts, rejected = found
        failed = rejected.filter(pl.col("code") == DISK_FAILED)
        more, still = read_sources(batch.join(failed, on="source_uri", how="semi"), dict(roots), options, spool)
        rest = rejected.join(failed, on="source_uri", how="anti")
        return pl.concat([texts, more]).sort("doc_id"), pl.concat([rest, still])

    return patiently(
        read_sources(batch, dict(roots), options, spool), lambda found: DISK_FAILED in found[1]["code"], again
    )
