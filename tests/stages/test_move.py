from datetime import UTC, datetime

import polars as pl

from stages.move import copy_documents
from stages.publish import CONTENT
from stages.schemas import TABLES
from stages.snapshots import Part, Snapshot

NOW = datetime(2024, 6, 1, tzinfo=UTC)


def publish(folder, batch):
    """The least that makes a snapshot: one file a table."""
    parts = {}
    for name in CONTENT:
        (folder / "snapshots/run-1" / name).mkdir(parents=True)
        batch[name].write_parquet(folder / "snapshots/run-1" / name / "part.parquet")
        parts[name] = (Part(f"{name}/part.parquet", batch[name].height, 0, ""),)
    return Snapshot("snapshots/run-1", "run-1", "", parts, 0, {})


def test_rows_take_the_new_name_and_nothing_else_changes(tmp_path, batch):
    old = batch["documents"]["doc_id"][0]
    moves = pl.DataFrame({"doc_id": ["c" * 20], "source_uri": ["test/z.txt"], "copy_of": [old], "action": ["move"]})
    moved = copy_documents(moves, tmp_path, publish(tmp_path, batch), "run-2", NOW)
    for name in CONTENT:
        rows = batch[name].filter(pl.col("doc_id") == old).with_columns(doc_id=pl.lit("c" * 20))
        if name == "documents":
            rows = rows.with_columns(
                source_uri=pl.lit("test/z.txt"),
                run_id=pl.lit("run-2"),
                processed_at=pl.lit(NOW).dt.cast_time_unit("us"),
            )
        assert moved[name].schema == TABLES[name].schema
        assert moved[name].equals(rows)
    assert moved["mentions"].height == 2
