"""Move: a document whose file was renamed, or whose first copy went, takes its published rows with it."""

from datetime import datetime

import polars as pl

from stages.tables.schemas import CONTENT, cast
from stages.tables.store import Snapshot, Store


def copy_documents(
    moves: pl.DataFrame, store: Store, snapshot: Snapshot | None, run_id: str, processed_at: datetime
) -> dict[str, pl.DataFrame]:
    """Copy the rows of published documents to the doc_ids of files with the same bytes.

    ``moves`` has the columns doc_id, source_uri and copy_of (the doc_id to copy). Everything but doc_id,
    source_uri, run_id and processed_at stays.
    """
    ids = moves.select("doc_id", "source_uri", "copy_of")
    frames = {}
    for table in CONTENT:
        rows = store.scan_documents(snapshot, table, ids["copy_of"]).collect()
        renamed = rows.rename({"doc_id": "copy_of"}).drop("source_uri", strict=False).join(ids, on="copy_of")
        if table == "documents":
            renamed = renamed.with_columns(run_id=pl.lit(run_id), processed_at=pl.lit(processed_at))
        frames[table] = cast(renamed, table)
    return frames
