from datetime import UTC, datetime

import polars as pl
import pytest

from stages.errors import TablesError
from stages.tables.move import copy_documents
from stages.tables.schemas import CONTENT, TABLES
from stages.tables.store.local import LocalSnapshots
from stages.tables.store.snapshots import Part, Snapshot, file_sha256

NOW = datetime(2024, 6, 1, tzinfo=UTC)


def publish(folder, batch):
    """The least that makes a snapshot: one file a table."""
    parts = {}
    for name in CONTENT:
        (folder / "snapshots/run-1" / name).mkdir(parents=True)
        file = folder / "snapshots/run-1" / name / "part.parquet"
        batch[name].write_parquet(file)
        parts[name] = (Part(f"{name}/part.parquet", batch[name].height, file.stat().st_size, file_sha256(file)),)
    return Snapshot("snapshots/run-1", "run-1", "", parts, 0, {})


def moves(batch):
    old = batch["documents"]["doc_id"][0]
    return pl.DataFrame({"doc_id": ["c" * 20], "source_uri": ["test/z.txt"], "copy_of": [old], "action": ["move"]})


def test_rows_take_the_new_name_and_nothing_else_changes(tmp_path, batch):
    moved = copy_documents(moves(batch), LocalSnapshots(tmp_path), publish(tmp_path, batch), "run-2", NOW)
    old = batch["documents"]["doc_id"][0]
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
    assert moved["mentions"].height == moved["clusters"].height == 2


@pytest.mark.parametrize("table", CONTENT)
def test_rows_that_are_not_what_was_published_are_not_copied(tmp_path, batch, table):
    snapshot = publish(tmp_path, batch)
    file = tmp_path / "snapshots/run-1" / table / "part.parquet"
    batch[table].reverse().write_parquet(file)
    with file.open("ab") as longer:
        longer.write(b"PAR1")
    with pytest.raises(TablesError, match=rf"table {table}\) is not what was published"):
        copy_documents(moves(batch), LocalSnapshots(tmp_path), snapshot, "run-2", NOW)
