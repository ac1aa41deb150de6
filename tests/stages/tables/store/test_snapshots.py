import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from stages.errors import LockedError, TablesError, UsageError
from stages.tables.schemas import TABLES
from stages.tables.store.snapshots import (
    CURRENT,
    MARKER,
    Part,
    Snapshot,
    claim,
    clear_leftovers,
    files_of,
    is_tables_folder,
    read_current,
    read_table,
    scan_table,
    stopped_being_current,
    worth_keeping,
    writing,
)  # fmt: skip

RUNS = [f"2024050{n}T120000Z-00000{n}" for n in range(7)]
"""Names of runs, one a day."""


def snapshot(tables, run, previous=(), published_at="2024-05-01T12:00:00+00:00"):
    """A snapshot with one real file, and its pointer."""
    folder = tables / "snapshots" / run
    (folder / "runs").mkdir(parents=True)
    file = folder / "runs" / "part.parquet"
    TABLES["runs"].schema.to_frame().write_parquet(file)
    parts = dict.fromkeys(TABLES, ()) | {"runs": (Part("runs/part.parquet", 0, file.stat().st_size, "0" * 64),)}
    made = Snapshot(f"snapshots/{run}", run, published_at, parts, 0, {"warnings": ["ü"]}, previous)
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


# Whose folder it is


def test_the_marker_makes_a_tables_folder(tmp_path):
    assert not is_tables_folder(tmp_path)
    assert not is_tables_folder(tmp_path / "missing")
    (tmp_path / MARKER).mkdir()
    assert not is_tables_folder(tmp_path), "a folder of that name is none of ours"
    (tmp_path / MARKER).rmdir()
    (tmp_path / MARKER).write_text("")
    assert is_tables_folder(tmp_path)
    assert not is_tables_folder(tmp_path / MARKER)


# One writer


def test_second_writer_is_told_who_holds_the_lock(tmp_path):
    tables = tmp_path / "deep" / "tables"
    claim(tables)
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
    with pytest.raises(TablesError, match="cannot be made"):
        claim(tmp_path / "file")
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


@pytest.mark.integration
def test_a_run_waits_for_another_and_says_for_which(tmp_path, project):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD.replace("60", "2"), tmp_path], stdout=subprocess.PIPE, cwd=project
    )
    told = []
    try:
        assert holder.stdout.readline() == b"held\n"
        with writing(tmp_path, "run-2", wait=60, tell=told.append) as last_died:
            assert holder.wait(10) == 0
            assert not last_died
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    assert [f"run run-dead (process {holder.pid} on " in line for line in told] == [True]


# Folders that are not ours


def tree(folder):
    return {path.relative_to(folder): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("harmless", [[], ["lost+found"], [".DS_Store", ".gitkeep"]])
def test_a_new_or_empty_folder_is_claimed(tmp_path, harmless):
    for name in harmless:
        (tmp_path / name).mkdir()
    for tables in (tmp_path, tmp_path / "new" / "deep"):
        claim(tables)
        assert (tables / MARKER).read_text(encoding="utf-8").startswith("This folder holds the tables")
        (tables / "notes.txt").write_text("a note beside the tables")
        claim(tables)


@pytest.mark.parametrize("name", ["a.txt", "work", "snapshots", "failed", ".hidden", CURRENT, "latest"])
def test_a_folder_that_holds_anything_else_is_refused(tmp_path, name):
    (tmp_path / name).write_text("somebody's")
    before = tree(tmp_path)
    with pytest.raises(UsageError, match=f"holds {name} and does not carry the marker .*choose a new or empty"):
        claim(tmp_path)
    assert tree(tmp_path) == before


def test_tables_from_before_the_marker_are_refused_with_a_way_on(tmp_path):
    snapshot(tmp_path, RUNS[1])
    with pytest.raises(UsageError, match=f"make {MARKER} there"):
        claim(tmp_path)
    (tmp_path / MARKER).touch()
    claim(tmp_path)
    assert read_current(tmp_path).run_id == RUNS[1]


@pytest.mark.parametrize("below", ["", "work", "snapshots/x", "failed"])
def test_a_source_where_tables_are_written_is_refused(tmp_path, below):
    claim(tmp_path)
    (tmp_path / below).mkdir(parents=True, exist_ok=True)
    with pytest.raises(UsageError, match="is a source and lies where tables are written"):
        claim(tmp_path, [tmp_path / below])
    claim(tmp_path, [tmp_path.parent, tmp_path / "beside"])


@pytest.mark.parametrize("name", ["work", "snapshots", "failed"])
def test_a_link_in_place_of_our_folders_is_refused(tmp_path, name):
    claim(tmp_path / "tables")
    elsewhere = tmp_path / "elsewhere" / RUNS[1]
    elsewhere.mkdir(parents=True)
    (tmp_path / "tables" / name).symlink_to(elsewhere.parent)
    with pytest.raises(UsageError, match="is a link or a file"):
        claim(tmp_path / "tables")
    assert elsewhere.is_dir()


def test_only_what_bears_the_name_of_a_run_is_cleared_away(tmp_path):
    made = snapshot(tmp_path, RUNS[2])
    theirs = [
        "",
        "mine",
        "2024",
        "20240501",
        f"{RUNS[1]}-copy",
        f"{RUNS[1]}.bak",
        f"x{RUNS[1]}",
        ".git",
        "run-1",
        "..old",
    ]
    for folder in ("work", "snapshots", "failed"):
        for name in theirs:
            (tmp_path / folder / name).mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / name / "a.txt").write_text("somebody's")
        (tmp_path / folder / f"{RUNS[3]}.txt").write_text("somebody's")
        (tmp_path / "elsewhere" / folder).mkdir(parents=True)
        (tmp_path / folder / RUNS[4]).symlink_to(tmp_path / "elsewhere" / folder)
    (tmp_path / ".mine.new").write_text("somebody's")
    before = tree(tmp_path)
    ours = [tmp_path / "work" / RUNS[1], tmp_path / "snapshots" / RUNS[1], tmp_path / "snapshots" / f".{RUNS[0]}.old"]
    for folder in ours:
        (folder / "blocks").mkdir(parents=True)
    clear_leftovers(tmp_path, made)
    assert tree(tmp_path) == before
    assert not any(folder.exists() for folder in ours)


# Clearing away


def folders(tables):
    return sorted(path.name for path in (tables / "snapshots").iterdir())


@pytest.fixture
def history(tmp_path):
    """Four snapshots; the fourth is the current one. The first was the current one until 20 days ago, the second
    until 10, the third until now.
    """
    names = [f"snapshots/{run}" for run in RUNS[1:4]]
    for n in (1, 2, 3):
        then = (datetime.now(UTC) - timedelta(days=40 - 10 * n)).isoformat(timespec="seconds")
        snapshot(tmp_path, RUNS[n], tuple(reversed(names[: n - 1])), then)
    # A folder that is touched is no younger for it.
    os.utime(tmp_path / "snapshots" / RUNS[1])
    return read_current(tmp_path)


@pytest.mark.parametrize(
    ("keep", "days", "left"),
    [(1, 0, []), (2, 0, [3]), (4, 0, [1, 2, 3]), (9, 0, [1, 2, 3]), (1, 5, [3]), (1, 15, [2, 3]), (3, 99, [1, 2, 3])],
)
def test_old_snapshots_go(tmp_path, history, keep, days, left):
    """Those that the pointer names no longer go when the next run clears away what is not named."""
    kept = worth_keeping(tmp_path, history, keep, days)
    assert kept[::-1] == tuple(f"snapshots/{RUNS[n]}" for n in left)
    assert folders(tmp_path) == RUNS[1:4]
    snapshot(tmp_path, RUNS[4], kept)
    clear_leftovers(tmp_path, read_current(tmp_path))
    assert folders(tmp_path) == [RUNS[n] for n in (*left, 4)]
    assert read_current(tmp_path).previous == kept


def test_a_snapshot_that_is_gone_is_not_named(tmp_path, history):
    (tmp_path / "snapshots" / RUNS[2]).rename(tmp_path / "elsewhere")
    assert worth_keeping(tmp_path, history, 9, 0) == (f"snapshots/{RUNS[3]}", f"snapshots/{RUNS[1]}")


def days(*numbers):
    return [None if n is None else datetime(2026, 1, n, tzinfo=UTC) for n in numbers]


@pytest.mark.parametrize(
    ("published", "ended"),
    [
        ([20, 18, 16], [25, 20, 18]),
        ([20, 31, 16], [25, 20, 20]),  # the clock was ahead once: as if published with the one after it
        ([31, 30, 16], [25, 25, 25]),  # it is behind now: nothing is known to have ended before today
        ([20, 1, 16], [25, 20, 16]),  # it was behind once
        ([20, None, 16], [25, 20, 20]),
        ([], []),
    ],
)
def test_no_clock_makes_a_snapshot_go_early_or_stay_for_ever(published, ended):
    assert stopped_being_current(days(*published), now=datetime(2026, 1, 25, tzinfo=UTC)) == days(*ended)


def test_what_a_killed_run_left_goes(tmp_path, history):
    (tmp_path / "work" / RUNS[5] / "batches").mkdir(parents=True)
    (tmp_path / "snapshots" / RUNS[5] / "blocks").mkdir(parents=True)
    (tmp_path / "snapshots" / f".{RUNS[0]}.old").mkdir()
    (tmp_path / ".CURRENT.json.new").write_text("{")
    clear_leftovers(tmp_path, history)
    assert folders(tmp_path) == RUNS[1:4]
    assert sorted(path.name for path in tmp_path.iterdir()) == [CURRENT, "snapshots"]


def test_half_a_first_run_goes_too(tmp_path):
    (tmp_path / "snapshots" / RUNS[1] / "blocks").mkdir(parents=True)
    clear_leftovers(tmp_path, read_current(tmp_path))
    assert folders(tmp_path) == []
