import json
import os
from pathlib import Path

import pytest

from stages.errors import TablesError
from stages.tables.schemas import TABLES
from stages.tables.store.snapshots import (
    CURRENT,
    MARKER,
    Part,
    Snapshot,
    files_of,
    is_tables_folder,
    read_current,
    read_table,
    replace_file,
    scan_table,
    sync_folder,
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


# Windows


@pytest.fixture
def windows(monkeypatch):
    """What Windows refuses: to open a folder."""
    real = os.open

    def refusing(path, *arguments, **named):
        if os.path.isdir(path):  # noqa: PTH112 - also bytes and numbers
            raise PermissionError(13, "Permission denied", path)
        return real(path, *arguments, **named)

    monkeypatch.setattr("stages.tables.store.snapshots.WINDOWS", True)
    monkeypatch.setattr(os, "open", refusing)


@pytest.mark.usefixtures("windows")
def test_no_folder_is_opened_on_windows(tmp_path):
    with pytest.raises(PermissionError):
        os.open(tmp_path, os.O_RDONLY)
    sync_folder(tmp_path)


@pytest.mark.usefixtures("windows")
def test_a_reader_on_windows_only_delays_the_next_pointer(tmp_path, monkeypatch):
    """A file that somebody has open is not replaced there: here for the first three times."""
    real, refused = Path.replace, []

    def busy(path, target):
        if len(refused) < 3:
            refused.append(path)
            raise PermissionError(13, "Access is denied", path)
        return real(path, target)

    monkeypatch.setattr(Path, "replace", busy)
    monkeypatch.setattr("stages.tables.store.snapshots._SECONDS_BETWEEN", 0)
    replace_file(tmp_path / "pointer", "new")
    assert (tmp_path / "pointer").read_bytes() == b"new"
    monkeypatch.setattr("stages.tables.store.snapshots._TRIES", 2)
    refused.clear()
    with pytest.raises(PermissionError):
        replace_file(tmp_path / "pointer", "newer")
    assert (tmp_path / "pointer").read_bytes() == b"new"


def test_what_could_not_be_written_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    replace_file(tmp_path / "report", "old")
    monkeypatch.setattr("stages.tables.store.snapshots.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(tmp_path / "report", "new")
    with pytest.raises(UnicodeEncodeError):
        replace_file(tmp_path / "report", "half \ud83d")
    assert [file.name for file in tmp_path.iterdir()] == ["report"]
    assert (tmp_path / "report").read_text() == "old"
