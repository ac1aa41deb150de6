import subprocess
import sys
from datetime import date

import polars as pl
import pytest

from expectations.digests import GIVEN_LATER, digest_documents, row_digests
from stages.tables.schemas import TABLES


def test_one_row_for_each_table_and_document(batch):
    found = digest_documents(batch).sort("table", "doc_id")
    ids = batch["documents"]["doc_id"].to_list()
    assert found.select("table", "doc_id", "n_rows").rows() == [
        ("blocks", ids[0], 2), ("blocks", ids[1], 1), ("clusters", ids[0], 2), ("documents", ids[0], 1),
        ("documents", ids[1], 1), ("mentions", ids[0], 2),
        ("raw_texts", ids[1], 1), ("repairs", ids[0], 1), ("sentences", ids[0], 2),
        ("sentences", ids[1], 1),
    ]  # fmt: skip


def test_order_and_document_do_not_matter(batch):
    other = {name: frame.reverse().with_columns(doc_id=pl.lit("f") + pl.col("doc_id")) for name, frame in batch.items()}
    key = ["table", "n_rows", "digest"]
    assert digest_documents(other).select(key).sort(key).equals(digest_documents(batch).select(key).sort(key))


TABLE_AND_COLUMN = [
    (table, name)
    for table in ("documents", "blocks", "mentions", "clusters")
    for name in TABLES[table].columns
    if name != "doc_id"
]


@pytest.mark.parametrize(("table", "column"), TABLE_AND_COLUMN, ids=[".".join(names) for names in TABLE_AND_COLUMN])
def test_every_column_counts_but_those_that_are_given_later(batch, table, column):
    frame = batch[table]
    of_type = {
        pl.Boolean: True,
        pl.String: "x",
        pl.Int64: 4711,
        pl.Float64: 0.1,
        pl.List: [],
        pl.Date: date(2024, 2, 3),
    }
    of_type[pl.Struct] = dict.fromkeys(("x0", "y0", "x1", "y1"), 1.0)
    fact = {"name": "author", "value": "x", "found_in": "y"}
    value = (
        [fact] if column == "metadata" else [7] if column == "sketch" else of_type.get(frame.schema[column].base_type())
    )
    other = frame.with_columns(pl.lit(value, frame.schema[column]).alias(column))
    same = digest_documents({table: other})["digest"].equals(digest_documents({table: frame})["digest"])
    assert same == (column in GIVEN_LATER.get(table, ()))


def test_rows_that_go_come_twice_or_trade_values_are_seen(batch):
    mentions = batch["mentions"]
    whole = digest_documents({"mentions": mentions})["digest"].to_list()
    traded = mentions.with_columns(pl.Series("text", mentions["text"].reverse()))
    for other in (mentions[:1], mentions[[0, 1, 1]], mentions[[0, 0]], traded):
        assert digest_documents({"mentions": other})["digest"].to_list() != whole
    # The label of a name is held to that of its cluster; that of a value stands here.
    values = mentions.with_columns(cluster_no=pl.lit(None, pl.Int64))
    other = values.with_columns(label=pl.lit("DATE"))
    assert not digest_documents({"mentions": other}).equals(digest_documents({"mentions": values}))


def test_row_digests_tell_rows_apart(batch):
    found = row_digests(batch["mentions"], "mentions")
    assert found.n_unique() == 2
    assert row_digests(batch["mentions"].reverse(), "mentions").to_list() == found.reverse().to_list()


def test_another_process_finds_the_same(batch, tmp_path, project):
    """Batches are parted in worker processes and judged in the main process."""
    for name, frame in batch.items():
        frame.write_parquet(tmp_path / f"{name}.parquet")
    code = (
        "import sys, pathlib, polars as pl; from expectations.digests import digest_documents\n"
        "files = sorted(pathlib.Path(sys.argv[1]).glob('*.parquet'))\n"
        "found = digest_documents({f.stem: pl.read_parquet(f) for f in files}).sort('table', 'doc_id')\n"
        "print(found['digest'].to_list())"
    )
    command = [sys.executable, "-c", code, tmp_path]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(digest_documents(batch).sort("table", "doc_id")["digest"].to_list())
