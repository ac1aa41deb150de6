import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stages.errors import LockedError, TablesError
from stages.tables.schemas import TABLES
from stages.tables.store.snapshots import (
    CURRENT,
    Part,
    Snapshot,
    clear_leftovers,
    files_of,
    read_current,
    read_table,
    scan_table,
    worth_keeping,
    writing,
)  # fmt: skip


def snapshot(tables, run, previous=()):
    """A snapshot with one real file, and its pointer."""
    folder = tables / "snapshots" / run
    (folder / "runs").mkdir(parents=True)
    file = folder / "runs" / "part.parquet"
    TABLES["runs"].schema.to_frame().write_parquet(file)
    parts = dict.fromkeys(TABLES, ()) | {"runs": (Part("runs/part.parquet", 0, file.stat().st_size, "0" * 64),)}
    made = Snapshot(f"snapshots/{run}", run, "2024-05-01T12:00:00+00:00", parts, 0, {"warnings": ["ü"]}, previous)
    (folder / "snapshot.json").write_text(made.to_json(), encoding="utf-8")
    (tables / CURRENT).write_text(made.to_json(), encoding="utf-8")
    return made


def test_pointer_is_read_back(tmp_path):
    made = snapshot(tmp_path, "run-1", ("snapshots/run-0",))
    assert read_current(tmp_path) == made
    assert Snapshot.from_json(made.to_json()) == made
    assert files_of(tmp_path, made, "runs") == [tmp_path / "snapshots/run-1/runs/part.parquet"]


def test_nothing_was_ever_published(tmp_path):
    assert read_current(tmp_path) is None
    assert read_current(tmp_path / "missing") is None
    for name, table in TABLES.items():
        assert read_table(tmp_path, None, name).schema == table.schema
        assert scan_table(tmp_path, None, name).collect().is_empty()


def test_table_without_files_is_empty(tmp_path):
    assert read_table(tmp_path, snapshot(tmp_path, "run-1"), "blocks").is_empty()


def test_missing_pointer_beside_snapshots_is_no_fresh_start(tmp_path):
    snapshot(tmp_path, "run-1")
    (tmp_path / CURRENT).unlink()
    with pytest.raises(TablesError, match="is missing but"):
        read_current(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '"x"', '{"snapshot": 1}', "\udcff"])
def test_pointer_that_makes_no_sense(tmp_path, text):
    (tmp_path / CURRENT).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(TablesError, match="cannot be read as a snapshot pointer"):
        read_current(tmp_path)


def test_pointer_of_another_schema(tmp_path):
    snapshot(tmp_path, "run-1")
    plain = json.loads((tmp_path / CURRENT).read_text()) | {"schema_version": "99"}
    (tmp_path / CURRENT).write_text(json.dumps(plain))
    with pytest.raises(TablesError, match="schema version 99, this is"):
        read_current(tmp_path)


def test_truncated_part_is_noticed(tmp_path):
    (file,) = files_of(tmp_path, snapshot(tmp_path, "run-1"), "runs")
    size = file.stat().st_size
    os.truncate(file, size - 1)
    with pytest.raises(TablesError, match=f"should have {size} bytes, has {size - 1}"):
        read_current(tmp_path)
    file.unlink()
    with pytest.raises(TablesError, match="has None"):
        read_current(tmp_path)


# One writer


def test_second_writer_is_told_who_holds_the_lock(tmp_path):
    tables = tmp_path / "deep" / "tables"
    holder = rf"run run-1 \(process {os.getpid()} on "
    with writing(tables, "run-1"), pytest.raises(LockedError, match=holder), writing(tables, "run-2"):
        pass
    with writing(tables, "run-3"):
        pass


def test_lock_is_free_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), writing(tmp_path, "run-1"):
        raise ZeroDivisionError
    with writing(tmp_path, "run-2"):
        assert json.loads((tmp_path / ".writer.json").read_text())["run_id"] == "run-2"
    assert not (tmp_path / ".writer.json").exists()


def test_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TablesError, match="cannot be made"), writing(tmp_path / "file", "run-1"):
        pass
    (tmp_path / "tables" / ".writer.lock").mkdir(parents=True)
    with pytest.raises(TablesError, match="cannot be written to"), writing(tmp_path / "tables", "run-1"):
        pass


HOLD = """
import sys, time
from pathlib import Path
from stages.tables.store.snapshots import writing
with writing(Path(sys.argv[1]), "run-dead"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.integration
def test_lock_of_a_killed_process_is_free(tmp_path, project):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, cwd=project)
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LockedError, match=f"run run-dead .process {holder.pid} "), writing(tmp_path, "run-2"):
            pass
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        holder.stdout.close()
    with writing(tmp_path, "run-3"):
        assert json.loads((tmp_path / ".writer.json").read_text())["run_id"] == "run-3"


# Clearing away


def folders(tables):
    return sorted(path.name for path in (tables / "snapshots").iterdir())


@pytest.fixture
def history(tmp_path):
    """Four snapshots, run-4 is the current one; run-1 is 30 days old, run-2 20, run-3 10."""
    names = [f"snapshots/run-{n}" for n in (1, 2, 3)]
    for n in (1, 2, 3):
        snapshot(tmp_path, f"run-{n}", tuple(reversed(names[: n - 1])))
        then = (datetime.now(UTC) - timedelta(days=40 - 10 * n)).timestamp()
        os.utime(tmp_path / "snapshots" / f"run-{n}", (then, then))
    return snapshot(tmp_path, "run-4", tuple(reversed(names)))


@pytest.mark.parametrize(
    ("keep", "days", "left"),
    [(1, 0, [4]), (2, 0, [3, 4]), (4, 0, [1, 2, 3, 4]), (9, 0, [1, 2, 3, 4]), (1, 15, [3, 4]), (3, 99, [1, 2, 3, 4])],
)
def test_old_snapshots_go(tmp_path, history, keep, days, left):
    """Those that the pointer names no longer go when the next run clears away what is not named."""
    kept = worth_keeping(tmp_path, history.previous, keep, days)
    assert (*kept[::-1], "snapshots/run-4") == tuple(f"snapshots/run-{n}" for n in left)
    assert folders(tmp_path) == ["run-1", "run-2", "run-3", "run-4"]
    (tmp_path / CURRENT).write_text(replace(history, previous=kept).to_json(), encoding="utf-8")
    clear_leftovers(tmp_path, read_current(tmp_path))
    assert folders(tmp_path) == [f"run-{n}" for n in left]
    assert read_current(tmp_path).previous == kept


def test_a_snapshot_that_is_gone_is_not_named(tmp_path, history):
    (tmp_path / "snapshots" / "run-3").rename(tmp_path / "elsewhere")
    assert worth_keeping(tmp_path, history.previous, 3, 0) == ("snapshots/run-2", "snapshots/run-1")


def test_what_a_killed_run_left_goes(tmp_path, history):
    (tmp_path / "work" / "run-5" / "batches").mkdir(parents=True)
    (tmp_path / "snapshots" / "run-5" / "blocks").mkdir(parents=True)
    (tmp_path / "snapshots" / ".run-0.old").mkdir()
    (tmp_path / ".CURRENT.json.new").write_text("{")
    clear_leftovers(tmp_path, history)
    assert folders(tmp_path) == ["run-1", "run-2", "run-3", "run-4"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [CURRENT, "snapshots"]


def test_half_a_first_run_goes_too(tmp_path):
    (tmp_path / "snapshots" / "run-1" / "blocks").mkdir(parents=True)
    clear_leftovers(tmp_path, read_current(tmp_path))
    assert folders(tmp_path) == []
