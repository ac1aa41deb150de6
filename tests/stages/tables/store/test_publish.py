import errno
import fcntl
import hashlib
import json
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.errors import GateError, TablesError
from stages.tables.schemas import CONTENT, SCHEMA_VERSION, TABLES, cast, empty
from stages.tables.store.publish import NewRows, arrow_schema, build_snapshot, prefix_length, switch
from stages.tables.store.snapshots import files_of, read_current, read_table

NOW = datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)


def document(doc_id, text="Ein Satz.", run="run-1"):
    """The smallest rows of one document, one in each content table."""
    block = {"doc_id": doc_id, "block_no": 0, "text": text, "start": 0, "end": len(text)}
    block |= {"raw_start": 0, "raw_end": len(text), "language": "de", "language_confidence": 1.0, "kind": "paragraph"}
    rows = {
        "documents": block | {"source_uri": f"s/{doc_id}", "title": None, "entity_model": "none", "encoding": "utf-8"}
        | dict.fromkeys([c for c in TABLES["documents"].columns if c.startswith("n_")], 1)
        | {"content_sha256": doc_id, "run_id": run, "processed_at": NOW, "parted_by": "none", "metadata": []}
        | {"sketch": [1]},
        "blocks": block | {"spans": [{"start": 0, "raw_start": 0, "length": len(text)}]},
        "sentences": block | {"sentence_no": 0},
        "mentions": block | {"sentence_no": 0, "mention_no": 0, "label": "PER", "kind": "name"}
        | {"value": None, "value_derived": False}
        | dict.fromkeys(("value_number", "value_unit", "value_start", "value_end"))
        | {"score": 0.5, "extractor": "x", "role": None, "cluster_no": 0, "entity_id": "e"},
        "clusters": {"doc_id": doc_id, "cluster_no": 0, "label": "PER", "signature": "[]", "blocks": ["PER:satz"]}
        | {"forms": "{}", "n_mentions": 1, "entity_id": "e", "linked_id": "e"},
        "repairs": {"doc_id": doc_id, "repair_no": 0, "rule": "character", "raw_start": 0, "raw_end": 1}
        | {"before": "a", "after": "b"},
        "raw_texts": {"doc_id": doc_id, "text": text},
    }  # fmt: skip
    return {
        name: cast(pl.DataFrame([dict.fromkeys(TABLES[name].columns) | row], schema_overrides=_types(name)), name)
        for name, row in rows.items()
    }


def _types(table):
    return {name: column.dtype for name, column in TABLES[table].columns.items()}


def batch(folder, *made):
    folder.mkdir(parents=True)
    for name in CONTENT:
        pl.concat([one[name] for one in made]).write_parquet(folder / f"{name}.parquet")
    ids = pl.concat([one["documents"]["doc_id"] for one in made])
    return NewRows({name: folder / f"{name}.parquet" for name in CONTENT}, ids.min(), ids.max())


def whole(doc_ids, run):
    sources = pl.DataFrame(
        {"source_uri": [f"s/{i}" for i in doc_ids], "status": "written", "doc_id": doc_ids, "stages_sha256": "v"}
    ).with_columns(first_seen_run=pl.lit("run-1"), last_changed_run=pl.lit("run-1"))
    sources = pl.concat([empty("sources"), sources.cast(pl.String)], how="diagonal")
    counts = dict.fromkeys([c for c in TABLES["runs"].columns if c.startswith("n_")], 1)
    runs = cast(
        pl.DataFrame(
            [counts | {"run_id": run, "started_at": NOW, "finished_at": NOW, "validation": "passed"}
             | {"seconds": [{"stage": "read", "seconds": 0.5}], "versions": [{"name": "polars", "version": "2"}]}]
        ), "runs",
    )  # fmt: skip
    return {
        "entities": entities(len(doc_ids)),
        "sources": sources,
        "quarantine": empty("quarantine"),
        "runs": runs,
        "duplicates": empty("duplicates"),
        "drift": empty("drift"),
    }


def entities(n_mentions, *ids):
    rows = [
        {
            "entity_id": entity_id,
            "name": "Satz",
            "label": "PER",
            "aliases": ["Satzes"],
            "evidence": "[]",
            "n_mentions": n_mentions,
        }
        | {"n_documents": n_mentions, "evidence": "[]", "first_document": "s/a", "last_document": "s/z"}
        | {"geonames_id": None, "country": None, "authority_id": None, "corrected": False}
        for entity_id in ids or ("e",)
    ]
    return cast(pl.DataFrame(rows, schema_overrides=_types("entities")), "entities")


def publish(tables, run, ids, *, new=(), replaced=(), previous=None):
    batches = [batch(tables.parent / "work" / run, *new)] if new else []
    snapshot = build_snapshot(tables, previous, run, replaced=replaced, batches=batches, whole=whole(ids, run))
    snapshot = replace(snapshot, validation={"success": True})
    switch(tables, snapshot)
    return snapshot


A, B, C = "a" * 20, "b" * 20, "c" * 20


@pytest.fixture
def tables(tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    return folder


def inodes(tables, snapshot, table):
    return [file.stat().st_ino for file in files_of(tables, snapshot, table)]


def test_what_was_published_is_read_back(tables):
    snapshot = publish(tables, "run-1", [A, B], new=[document(A), document(B, "Noch einer.")])
    for name in CONTENT:
        expected = pl.concat([document(A)[name], document(B, "Noch einer.")[name]])
        assert read_table(tables, snapshot, name).equals(expected)
    for name, frame in whole([A, B], "run-1").items():
        assert read_table(tables, snapshot, name).equals(frame)


def test_rows_are_sorted_by_key(tables):
    snapshot = publish(tables, "run-1", [A, B, C], new=[document(C), document(A), document(B)])
    assert read_table(tables, snapshot, "blocks")["doc_id"].to_list() == [A, B, C]


@pytest.mark.parametrize("table", TABLES)
def test_schema_in_the_file(tables, table):
    snapshot = publish(tables, "run-1", [A], new=[document(A)])
    (file,) = files_of(tables, snapshot, table)
    written = pq.read_schema(file)
    assert written.names == list(TABLES[table].columns)
    assert written.metadata[b"fliesstext.key"].decode().split(",") == list(TABLES[table].key)
    assert written.metadata[b"fliesstext.schema_version"].decode() == SCHEMA_VERSION
    assert written.metadata[b"fliesstext.description"].decode() == TABLES[table].meaning
    for name, column in TABLES[table].columns.items():
        assert written.field(name).metadata[b"description"].decode() == column.meaning
        assert written.field(name).nullable == column.nullable


@pytest.mark.parametrize("table", TABLES)
def test_types_are_those_every_reader_knows(table):
    plain = {
        pl.String(): pa.string(),
        pl.Int64(): pa.int64(),
        pl.Float64(): pa.float64(),
        pl.Date(): pa.date32(),
        pl.Boolean(): pa.bool_(),
    }
    for field, dtype in zip(arrow_schema(table), TABLES[table].schema.dtypes(), strict=True):
        if isinstance(dtype, pl.List):
            assert pa.types.is_list(field.type)
            value = field.type.value_type
            assert pa.types.is_struct(value) or value in (pa.string(), pa.float64(), pa.int64())
            assert not any(
                pa.types.is_large_string(child.type) for child in (value if pa.types.is_struct(value) else ())
            )
        elif isinstance(dtype, pl.Struct):
            assert {child.type for child in field.type} == {pa.float64()}
        else:
            assert field.type == plain.get(dtype, pa.timestamp("us", "UTC"))


def test_compression_and_statistics(tables):
    snapshot = publish(tables, "run-1", [A], new=[document(A)])
    column = pq.read_metadata(files_of(tables, snapshot, "blocks")[0]).row_group(0).column(0)
    assert column.compression == "ZSTD"
    assert (column.statistics.min, column.statistics.max) == (A, A)


def test_null_where_none_may_be_is_refused(tables):
    broken = document(A)
    broken["blocks"] = broken["blocks"].with_columns(kind=pl.lit(None, pl.String))
    with pytest.raises(GateError, match=r"blocks\.kind\.not_null: .* 1 of 1 rows do not"):
        publish(tables, "run-1", [A], new=[broken])
    assert read_current(tables) is None


def test_current_json(tables):
    snapshot = publish(tables, "run-1", [A], new=[document(A)])
    plain = json.loads((tables / "CURRENT.json").read_text())
    assert plain["snapshot"] == "snapshots/run-1"
    assert (plain["run_id"], plain["schema_version"], plain["validation"]) == (
        "run-1",
        SCHEMA_VERSION,
        {"success": True},
    )
    assert set(plain["tables"]) == set(TABLES)
    rows = {name: table["rows"] for name, table in plain["tables"].items()}
    assert rows == dict.fromkeys(TABLES, 1) | {"quarantine": 0, "duplicates": 0, "drift": 0}
    for table in plain["tables"].values():
        for file in table["files"]:
            data = (tables / plain["snapshot"] / file["path"]).read_bytes()
            assert len(data) == file["bytes"]
            assert hashlib.sha256(data).hexdigest() == file["sha256"]
    assert read_current(tables) == snapshot
    assert (tables / "snapshots/run-1/snapshot.json").read_text() == (tables / "CURRENT.json").read_text()
    assert (tables / "latest").resolve() == tables / "snapshots/run-1"


def test_building_publishes_nothing(tables):
    first = publish(tables, "run-1", [A], new=[document(A)])
    build_snapshot(tables, first, "run-2", replaced=[A], batches=[], whole=whole([], "run-2"))
    assert read_current(tables) == first


def no_link(*_):
    raise OSError(1314, "A required privilege is not held by the client")


def test_snapshot_is_published_where_there_can_be_no_link(tables, monkeypatch):
    monkeypatch.setattr(Path, "symlink_to", no_link)
    snapshot = publish(tables, "run-1", [A], new=[document(A)])
    assert read_current(tables) == snapshot
    assert (tables / "snapshots/run-1/snapshot.json").exists()
    assert not (tables / "latest").exists()


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.write_text("precious")])
def test_snapshot_is_published_where_the_link_is_somebody_elses(tables, make):
    make(tables / "latest")
    before = (tables / "latest").stat()
    snapshot = publish(tables, "run-1", [A], new=[document(A)])
    assert read_current(tables) == snapshot
    assert (tables / "latest").stat() == before


def test_replaced_and_removed_documents(tables):
    first = publish(tables, "run-1", [A, B, C], new=[document(A), document(B), document(C)])
    new = document(B, "Jetzt anders.", "run-2")
    second = publish(tables, "run-2", [B, C], new=[new], replaced=[A, B], previous=first)
    assert read_table(tables, second, "documents").select("doc_id", "text", "run_id").rows() == [
        (B, "Jetzt anders.", "run-2"),
        (C, "Ein Satz.", "run-1"),
    ]
    for name in CONTENT:
        assert read_table(tables, second, name)["doc_id"].to_list() == [B, C]
    assert read_table(tables, first, "documents")["doc_id"].to_list() == [A, B, C]
    assert second.previous == ("snapshots/run-1",)


def test_untouched_tables_are_linked(tables):
    first = publish(tables, "run-1", [A], new=[document(A)])
    second = publish(tables, "run-2", [A], previous=first)
    for name in (*CONTENT, "sources", "quarantine"):
        assert inodes(tables, first, name) == inodes(tables, second, name)
    assert inodes(tables, first, "runs") != inodes(tables, second, "runs")


def test_entities_are_one_file_sorted_by_id_and_written_anew(tables):
    first = publish(tables, "run-1", [A], new=[document(A)])
    more = whole([A], "run-2") | {"entities": entities(2, "f", "0", "e")}
    second = build_snapshot(tables, first, "run-2", replaced=[], batches=[], whole=more)
    assert [part.path for part in second.tables["entities"]] == ["entities/part.parquet"]
    assert read_table(tables, second, "entities").equals(entities(2, "0", "e", "f"))
    assert read_table(tables, first, "entities").equals(entities(1))


# Parts

MANY = [f"{digit:x}{n:019x}" for digit in range(16) for n in range(150)]


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr("stages.tables.store.publish._MOST_ROWS", 2_000)


@pytest.fixture
def parted(tables, small_parts):  # noqa: ARG001 - it must be there before
    """2,400 rows: one more than fits a single part makes sixteen."""
    return publish(tables, "run-1", MANY, new=[documents(MANY)])


def documents(ids):
    one = document(A)
    return {
        name: pl.concat([frame] * len(ids)).with_columns(doc_id=pl.Series(ids)) for name, frame in one.items()
    }  # fmt: skip


def test_parts_by_the_first_digit(tables, parted):
    assert parted.prefix_length == 1
    for name in (*CONTENT, "sources", "quarantine"):
        assert [part.path for part in parted.tables[name]] == [f"{name}/part-{d:x}.parquet" for d in range(16)]
    for name in ("entities", "runs"):
        assert [part.path for part in parted.tables[name]] == [f"{name}/part.parquet"]
    assert [part.rows for part in parted.tables["blocks"]] == [150] * 16
    for file in files_of(tables, parted, "blocks"):
        assert pl.read_parquet(file)["doc_id"].str.starts_with(file.stem[-1]).all()
    assert read_table(tables, parted, "blocks")["doc_id"].to_list() == MANY


def test_only_parts_with_changes_are_written(tables, parted):
    changed = MANY[3 * 150 + 7]
    second = publish(tables, "run-2", MANY, new=[document(changed, "Anders.")], replaced=[changed], previous=parted)
    for name in CONTENT:
        pairs = zip(inodes(tables, parted, name), inodes(tables, second, name), strict=True)
        assert [digit for digit, (old, new) in enumerate(pairs) if old != new] == [3]
        assert second.tables[name][4] == parted.tables[name][4]
    assert read_table(tables, second, "documents").filter(text="Anders.")["doc_id"].to_list() == [changed]
    assert read_table(tables, second, "documents").height == 2400


@pytest.mark.usefixtures("small_parts")
def test_parts_made_side_by_side_are_those_made_one_after_the_other(tables):
    several = {"replaced": [], "batches": [batch(tables.parent / "work" / "b", documents(MANY))], "whole": {}}
    alone, together = (build_snapshot(tables / str(n), None, "run-1", **several, at_once=n) for n in (1, 4))
    assert together.tables == alone.tables
    assert len(alone.tables["blocks"]) == 16


@pytest.mark.usefixtures("small_parts")
def test_parts_without_rows_that_get_none_are_not_written_anew(tables):
    bare = ("repairs", "raw_texts")
    first = publish(tables, "run-1", MANY, new=[documents(MANY) | {name: empty(name) for name in bare}])
    changed = MANY[3 * 150 + 7]
    new = document(changed, "Anders.") | {"raw_texts": empty("raw_texts")}
    second = publish(tables, "run-2", MANY, new=[new], replaced=[changed], previous=first)
    written = {}
    for name in ("blocks", *bare):
        pairs = zip(inodes(tables, first, name), inodes(tables, second, name), strict=True)
        written[name] = [digit for digit, (old, new) in enumerate(pairs) if old != new]
    assert written == {"blocks": [3], "repairs": [3], "raw_texts": []}
    assert read_table(tables, second, "repairs").height == 1
    assert read_table(tables, second, "raw_texts").height == 0


def test_another_cut_rewrites_all_and_loses_nothing(tables, parted):
    gone, stay = MANY[16:], MANY[:16]
    second = publish(tables, "run-2", stay, replaced=gone, previous=parted)
    assert second.prefix_length == 0
    assert [part.path for part in second.tables["blocks"]] == ["blocks/part.parquet"]
    assert read_table(tables, second, "blocks")["doc_id"].to_list() == stay
    third = publish(tables, "run-3", MANY, new=[documents(gone)], previous=second)
    assert third.prefix_length == 1
    assert read_table(tables, third, "blocks")["doc_id"].to_list() == MANY


def test_cut_stands_until_it_no_longer_fits():
    assert [prefix_length(n, 0, 0) for n in (0, 100_000, 100_001)] == [0, 0, 1]
    assert [prefix_length(n, 0, 1) for n in (16_000, 15_999, 1_600_001)] == [1, 0, 2]
    megabytes = 1 << 20
    assert [prefix_length(5, n * megabytes, 0) for n in (32, 33, 513)] == [0, 1, 2]
    assert prefix_length(5, 6 * megabytes, 1) == 1


def test_links_are_copied_where_the_file_system_has_none(tables, monkeypatch):
    def no_links(*_):
        raise OSError(95, "not supported")

    def flush_what_is_written(handle, real=os.fsync):
        """As on Windows, which flushes no file that is open for reading only."""
        if stat.S_ISREG(os.fstat(handle).st_mode) and fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        real(handle)

    monkeypatch.setattr(os, "fsync", flush_what_is_written)
    first = publish(tables, "run-1", [A], new=[document(A)])
    monkeypatch.setattr(Path, "hardlink_to", no_links)
    second = publish(tables, "run-2", [A], previous=first)
    assert inodes(tables, first, "blocks") != inodes(tables, second, "blocks")
    assert read_current(tables) == second
    assert read_table(tables, second, "blocks").equals(read_table(tables, first, "blocks"))


# Parts that are built upon


def flip(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.unlink()  # not in place: the file of the snapshot before is the same one
    file.write_bytes(data)


@pytest.mark.parametrize("table", CONTENT)
def test_a_part_that_would_only_be_linked_is_checked_too(tables, monkeypatch, table):
    """Same size, other bytes: nothing of it is read, for no document in it changed."""
    monkeypatch.setattr("stages.tables.store.publish._MOST_ROWS", 1)
    first = publish(tables, "run-1", [A, B], new=[document(A), document(B)])
    assert first.prefix_length == 1
    flip(tables / first.snapshot / table / "part-a.parquet")
    assert read_current(tables) == first, "the size is right"
    with pytest.raises(TablesError, match=rf"part-a.parquet .table {table}. is not what was published"):
        publish(tables, "run-2", [A, B], new=[document(B, "Jetzt anders.")], replaced=[B], previous=first)
    assert read_current(tables) == first


# Row groups


def long_document(doc_id, n_chars):
    made = document(doc_id, doc_id[0] * n_chars)
    clusters = made["clusters"].with_columns(blocks=pl.lit([doc_id[0] * n_chars]))
    return made | {"clusters": cast(clusters, "clusters")}


def test_row_groups_are_cut_before_their_text_is_too_much(tables, monkeypatch):
    """Arrow's plain strings count in 32 bits; a part may hold more text than that."""
    monkeypatch.setattr("stages.tables.store.publish._GROUP_BYTES", 1_000)
    ids = [letter * 20 for letter in "abcdef"]
    made = [long_document(doc_id, n) for doc_id, n in zip(ids, (400, 400, 400, 5_000, 10, 10), strict=True)]
    snapshot = publish(tables, "run-1", ids, new=made)
    for table in ("documents", "blocks", "clusters"):
        (file,) = files_of(tables, snapshot, table)
        groups = pq.ParquetFile(file)
        rows = [groups.metadata.row_group(n).num_rows for n in range(groups.num_row_groups)]
        assert sum(rows) == len(ids)
        assert len(rows) > 2, table
        column = "blocks" if table == "clusters" else "text"
        for n in range(len(rows)):
            lengths = [len(str(text)) for text in groups.read_row_group(n)[column].to_pylist()]
            assert sum(lengths) - max(lengths) <= 1_000, "at most one row beyond the bound"
        assert read_table(tables, snapshot, table).equals(pl.concat([one[table] for one in made]))


def test_rows_of_a_group_are_bounded_too(tables, monkeypatch):
    monkeypatch.setattr("stages.tables.store.publish._ROW_GROUP", 2)
    snapshot = publish(tables, "run-1", [A, B, C], new=[document(A), document(B), document(C)])
    assert pq.read_metadata(files_of(tables, snapshot, "documents")[0]).num_row_groups == 2
    assert pq.read_metadata(files_of(tables, snapshot, "quarantine")[0]).num_rows == 0
