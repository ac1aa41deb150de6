"""Tables as Delta Lake in a folder: the same rows, one state for all who read, whole after kills and damage."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from unittest.mock import patch

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable

from flows.check import check_tables
from stages.errors import GateError, LockedError, TablesError, UsageError
from stages.tables.schemas import TABLES
from stages.tables.store import Snapshot
from stages.tables.store.choose import open_store
from stages.tables.store.delta import DeltaTables
from stages.tables.store.places import Folder
from tests.faults.harness import COMMAND, OF_THE_RUN, article, assert_same, fast_gate, published, write_articles
from tests.faults.harness import run_here as run_with

run_here = partial(run_with, engine="fast")
delta = partial(run_with, engine="fast", table_format="delta")


class KilledError(BaseException):
    """Stands for a process that is gone: nothing after it reaches the disk."""


@pytest.fixture(scope="module", autouse=True)
def _fast() -> Iterator[None]:
    with fast_gate():
        yield


@pytest.fixture
def press(tmp_path: Path) -> Path:
    return write_articles(tmp_path / "press", 5)


def change(folder: Path) -> None:
    (folder / "0.txt").write_text(article(10), encoding="utf-8")
    (folder / "1.txt").unlink()
    (folder / "2.txt").rename(folder / "renamed.txt")
    shutil.copy(folder / "3.txt", folder / "copy.txt")
    (folder / "new.txt").write_text(article(11), encoding="utf-8")


def plain(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    if table == "sources":
        frame = frame.filter(pl.col("status") != "deleted")
    return frame.drop(OF_THE_RUN, strict=False).sort(TABLES[table].key)


def through_store(tables: Path | str) -> dict[str, pl.DataFrame]:
    store = open_store(tables)
    current = store.current()
    return {table: plain(store.read(current, table), table) for table in TABLES if table not in ("runs", "drift")}


def as_delta(tables: Path) -> dict[str, pl.DataFrame]:
    """As readers see it who know nothing of the store: the versions that CURRENT.json names."""
    named = json.loads((tables / "CURRENT.json").read_text())["tables"]
    return {
        table: plain(pl.scan_delta(str(tables / "delta" / table), version=named[table]["version"]).collect(), table)
        for table in TABLES
        if table not in ("runs", "drift")
    }


def test_same_rows_as_in_parquet_and_through_delta_itself(press: Path, tmp_path: Path) -> None:
    for changed in (False, True):
        if changed:
            change(press)
        run_here([press], tmp_path / "parquet")
        delta([press], tmp_path / "delta")
        expected = published(tmp_path / "parquet")
        assert expected["documents"].height >= 4
        assert_same(through_store(tmp_path / "delta"), expected)
        assert_same(as_delta(tmp_path / "delta"), expected)
        assert not check_tables(tmp_path / "delta", [str(press)]).problems
    assert not run_here([press], tmp_path / "delta").published, "without --format the folder keeps its own"


def test_one_commit_per_table_names_its_run(press: Path, tmp_path: Path) -> None:
    first = delta([press], tmp_path / "out")
    change(press)
    second = delta([press], tmp_path / "out")
    history = DeltaTable(str(tmp_path / "out" / "delta" / "documents")).history()
    assert [commit["run_id"] for commit in history] == [second.run_id, first.run_id]


def test_parts_that_do_not_change_are_not_written_again(press: Path, tmp_path: Path) -> None:
    with patch("stages.tables.store.publish._MOST_ROWS", 5):
        delta([press], tmp_path / "out")
        before = open_store(tmp_path / "out").current()
        (press / "0.txt").write_text(article(10), encoding="utf-8")
        delta([press], tmp_path / "out")
    after = open_store(tmp_path / "out").current()
    assert before
    assert after
    assert len(after.tables["documents"]) == 16
    assert len(set(after.tables["documents"]) - set(before.tables["documents"])) == 1
    assert_same(as_delta(tmp_path / "out"), through_store(tmp_path / "out"))


@pytest.mark.parametrize("first", [True, False], ids=["first run", "later run"])
@pytest.mark.parametrize("at", ["commit 1", "commit 6", "commit 11", "CURRENT.json", "snapshot.json"])
def test_killed_between_commits(press: Path, tmp_path: Path, at: str, first: bool) -> None:
    """Readers keep the old versions until CURRENT.json names the new ones; the next run heals."""
    out = tmp_path / "out"
    if not first:
        delta([press], out)
        change(press)
    before = None if first else through_store(out)
    with dying(at), pytest.raises(KilledError):
        delta([press], out)
    if at != "snapshot.json" and before is None:
        assert open_store(out, "delta").current() is None
    elif at != "snapshot.json":
        assert_same(as_delta(out), before)
        assert_same(through_store(out), before)
    run_here([press], tmp_path / "fresh")
    if at == "snapshot.json":
        assert_same(as_delta(out), published(tmp_path / "fresh"))
    delta([press], out)
    assert_same(as_delta(out), published(tmp_path / "fresh"))
    assert_same(through_store(out), published(tmp_path / "fresh"))
    assert not check_tables(out, [str(press)]).problems
    assert_tidy(out)


@contextmanager
def dying(at: str) -> Iterator[None]:
    """End the run before that commit, or before that file is written; nothing that it would clear away is."""
    commit, write, replace = DeltaTables._commit, Folder.write, Folder.replace
    commits = count(1)

    def commit_or_die(self: DeltaTables, table: str, snapshot: Snapshot) -> int:
        if at == f"commit {next(commits)}":
            raise KilledError
        return commit(self, table, snapshot)

    def write_or_die(self: Folder, path: str, data: bytes | Path) -> None:
        if path.endswith(f"/{at}"):
            raise KilledError
        write(self, path, data)

    def replace_or_die(self: Folder, path: str, data: bytes, tag: str | None) -> None:
        if path == at:
            raise KilledError
        replace(self, path, data, tag)

    with (
        patch.object(DeltaTables, "_commit", commit_or_die),
        patch.object(Folder, "write", write_or_die),
        patch.object(Folder, "replace", replace_or_die),
        patch.object(DeltaTables, "clear_leftovers"),
    ):
        yield


def assert_tidy(out: Path) -> None:
    """Nothing lies about that no snapshot names: neither files of dead runs nor batches."""
    store = open_store(out)
    current = store.current()
    assert current
    named = {current.snapshot, *current.previous}
    assert {f"snapshots/{path.name}" for path in (out / "snapshots").iterdir()} == named
    needed = set()
    for name in named:
        pointer = json.loads((out / name / "snapshot.json").read_text())
        needed |= {file["path"] for table in pointer["tables"].values() for file in table["files"]}
    found = {path.relative_to(out / "delta").as_posix() for path in (out / "delta").glob("*/2*/*.parquet")}
    assert found == needed
    assert not (out / "work").exists()


def test_a_refused_run_leaves_the_newest_versions_too(press: Path, tmp_path: Path) -> None:
    delta([press], tmp_path / "out")
    before = through_store(tmp_path / "out")
    change(press)
    with patch("flows.steps.gate.judge", side_effect=GateError("no")), pytest.raises(GateError):
        delta([press], tmp_path / "out")
    newest = DeltaTable(str(tmp_path / "out" / "delta" / "documents"))
    assert newest.version() == 0
    assert_same(as_delta(tmp_path / "out"), before)
    delta([press], tmp_path / "out")
    assert_tidy(tmp_path / "out")


def test_kept_snapshots_stay_readable_and_others_go(press: Path, tmp_path: Path) -> None:
    out, seen = tmp_path / "out", []
    for seed in range(20, 25):
        (press / "0.txt").write_text(article(seed), encoding="utf-8")
        delta([press], out, keep_snapshots=3)
        seen.append((json.loads((out / "CURRENT.json").read_text()), through_store(out)["documents"]))
    for pointer, expected in seen[-3:]:
        version = pointer["tables"]["documents"]["version"]
        found = pl.scan_delta(str(out / "delta" / "documents"), version=version).collect()
        assert plain(found, "documents").equals(expected)
    with pytest.raises(Exception, match=r"(?i)no such file|not found|os error 2"):
        pl.scan_delta(str(out / "delta" / "documents"), version=0).collect()
    assert_tidy(out)


def test_files_of_others_stay(press: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    delta([press], out)
    theirs = [out / "delta" / "notes.txt", out / "delta" / "documents" / "mine.parquet", out / "snapshots" / "mine"]
    for file in theirs:
        file.write_text("mine")
    for seed in (30, 31):
        (press / "0.txt").write_text(article(seed), encoding="utf-8")
        delta([press], out, keep_snapshots=1)
    assert all(file.read_text() == "mine" for file in theirs)


@pytest.mark.parametrize("how", ["gone", "cut", "changed"])
def test_a_damaged_version_is_refused_and_found(press: Path, tmp_path: Path, how: str) -> None:
    out = tmp_path / "out"
    delta([press], out)
    file = next((out / "delta" / "sources").glob("2*/part.parquet"))
    data = file.read_bytes()
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(data[:-1] if how == "cut" else data[:50] + bytes([data[50] ^ 1]) + data[51:])
    change(press)
    pointer = (out / "CURRENT.json").read_bytes()
    with pytest.raises(TablesError, match=r"part\.parquet"):
        delta([press], out)
    assert (out / "CURRENT.json").read_bytes() == pointer
    assert any("part.parquet" in line for line in check_tables(out).problems)


def test_a_lost_log_is_found(press: Path, tmp_path: Path) -> None:
    delta([press], tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "delta" / "blocks" / "_delta_log")
    assert any(line.startswith("blocks: version 0") for line in check_tables(tmp_path / "out").problems)


def test_what_others_commit_is_not_taken_over(press: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    delta([press], out)
    DeltaTable(str(out / "delta" / "documents")).delete("n_chars > 0")
    change(press)
    delta([press], out)
    run_here([press], tmp_path / "fresh")
    assert_same(as_delta(out), published(tmp_path / "fresh"))


def test_a_foreign_folder_is_refused(press: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.docx").write_text("mine")
    with pytest.raises(UsageError, match=r"thesis\.docx"):
        delta([press], out)
    assert [path.name for path in out.iterdir()] == ["thesis.docx"]


def test_a_folder_keeps_its_format(press: Path, tmp_path: Path) -> None:
    run_here([press], tmp_path / "parquet")
    with pytest.raises(UsageError, match="holds parquet tables"):
        delta([press], tmp_path / "parquet")
    delta([press], tmp_path / "delta")
    with pytest.raises(UsageError, match="holds delta tables"):
        run_with([press], tmp_path / "delta", engine="fast", table_format="parquet")


def test_two_writers_take_turns(press: Path, tmp_path: Path) -> None:
    delta([press], tmp_path / "out")
    with (
        open_store(tmp_path / "out").writing("20261128T000000Z-aaaaaa"),
        pytest.raises(LockedError, match="aaaaaa"),
    ):
        delta([press], tmp_path / "out", wait_seconds=0, verify=True)


@pytest.mark.integration
def test_the_command_and_what_reads_parquet_alone(press: Path, tmp_path: Path) -> None:
    def command(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*COMMAND, *words], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )

    options = ("--engine", "none", "--languages", "de", "--workers", "0")
    ended = command("run", str(press), "--tables", "out", "--format", "delta", *options)
    assert ended.returncode == 0, ended.stderr
    assert command("check", str(press), "--tables", "out").returncode == 0
    for form in ("csv", "sqlite", "duckdb"):
        exported = command("export", "--to", form, "--out", form, "--tables", "out")
        assert exported.returncode == 0, exported.stderr
    with closing(sqlite3.connect(tmp_path / "sqlite")) as made:
        (counted,) = made.execute("SELECT count(*) FROM sentences").fetchone()
    with duckdb.connect(str(tmp_path / "duckdb"), read_only=True) as made:
        assert made.execute("SELECT count(*) FROM sentences").fetchone() == (counted,)
    assert counted == pl.read_csv(tmp_path / "csv" / "sentences.csv").height > 20
    refused = command("views", "--tables", "out")
    assert refused.returncode == 2
    assert "holds Delta tables. Export them (fliesstext export)" in refused.stderr


def test_without_the_package_it_says_what_to_install(press: Path, tmp_path: Path) -> None:
    with patch.dict(sys.modules, {"deltalake": None}), pytest.raises(UsageError, match=r"fliesstext\[delta\]"):
        delta([press], tmp_path / "out")
