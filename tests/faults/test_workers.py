"""A document that kills or hangs its worker process waits in quarantine for a better day; all else is published."""

import os
import secrets
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from flows.execute.processes import Processes
from stages.tables.store.snapshots import MARKER, read_current, read_table
from tests.faults import deadly, long_form
from tests.faults.harness import ROOT, article, assert_same, assert_tidy, fast_gate, published, run_here

done = long_form.Tally("worker processes")


@pytest.fixture
def deadly_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.batch.Batch.annotate", deadly.annotate_batch)
    monkeypatch.setattr("flows.batch.Batch.validate", deadly.validate_batch)


@pytest.mark.integration
@pytest.mark.usefixtures("deadly_steps")
@pytest.mark.parametrize(("word", "code"), [(deadly.KILL, "worker_died"), (deadly.HANG, "timed_out")])
def test_the_document_at_fault_alone_is_quarantined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, code: str
) -> None:
    folder = tmp_path / "press"
    folder.mkdir()
    for i in range(5):
        (folder / f"{i:02}.txt").write_text(article(i) + (f"\n{word}.\n" if i == 3 else ""), encoding="utf-8")

    with fast_gate():
        # Loading the model takes seconds on a busy machine; less would call that a hang.
        report = run_here([folder], tmp_path / "tables", workers=1, batch_size=12, max_seconds=8, engine="fast")
        (folder / "05.txt").write_text(article(5), encoding="utf-8")
        # Alone and in a process of its own, though there is too little to do for one and none is wanted.
        again = run_here([folder], tmp_path / "tables", workers=0, max_seconds=8, engine="fast")
        quiet = run_here([folder], tmp_path / "tables", workers=0, max_seconds=8, engine="fast")
        monkeypatch.undo()
        with fast_gate():
            better = run_here([folder], tmp_path / "tables", workers=0, engine="fast")
            run_here([folder], tmp_path / "fresh", workers=0, engine="fast")

    assert [(uri, why) for uri, why, _ in report.quarantined] == [("press/03.txt", code)]
    assert (report.counts["n_written"], again.counts["n_written"]) == (4, 1)
    assert again.quarantined == quiet.quarantined == report.quarantined
    assert not quiet.published, "the same end is no news"
    assert (better.counts["n_written"], better.quarantined) == (1, []), "the file is as it was, the machine is better"
    assert_same(published(tmp_path / "tables"), published(tmp_path / "fresh"))
    assert_tidy(tmp_path / "tables")


def test_calls_in_this_process_are_one_at_a_time() -> None:
    """Threads call it side by side; native code behind the names crashes the process when they meet there."""
    inside = []

    def step(number: int) -> int:
        inside.append(number)
        time.sleep(0.01)
        assert len(inside) == 1
        inside.remove(number)
        return number

    with Processes(0) as executor, ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda n: executor.run(60, step, n), range(20))) == list(range(20))


@pytest.mark.integration
@pytest.mark.skipif(not long_form.LONG, reason="works for a while; in the long form")
def test_a_stopped_run_leaves_no_process(tmp_path: Path) -> None:
    folder, tables = tmp_path / "press", tmp_path / "tables"
    folder.mkdir()
    for i in range(600):
        (folder / f"{i}.txt").write_text(article(i, 40), encoding="utf-8")
    command = [sys.executable, "-m", "flows.cli", "run", str(folder), "--tables", str(tables), "--batch-size", "100"]
    with subprocess.Popen(command, cwd=ROOT, stderr=-1, text=True, start_new_session=True) as run:
        while not list(tables.glob("work/*/batches/*/texts.parquet")):
            assert run.poll() is None
            time.sleep(0.05)
        run.terminate()
        _, message = run.communicate(timeout=120)
    assert run.returncode == 1, message
    assert "the published tables are as they were" in message
    end = time.monotonic() + 20
    while (left := of_session(run.pid)) and time.monotonic() < end:
        time.sleep(0.2)
    assert not left
    assert not (tables / "CURRENT.json").exists()


@pytest.mark.integration
@pytest.mark.skipif(not long_form.LONG, reason="works for a while; in the long form")
@pytest.mark.parametrize("moment", [0.0, 0.5, 3.0, 6.0])
def test_a_killed_run_leaves_no_process(tmp_path: Path, moment: float) -> None:
    """``moment``: seconds after the start of the process of the gate."""
    folder, tables = tmp_path / "press", tmp_path / "tables"
    folder.mkdir()
    for i in range(600):
        (folder / f"{i}.txt").write_text(article(i, 40), encoding="utf-8")
    command = [sys.executable, "-m", "flows.cli", "run", str(folder), "--tables", str(tables), "--batch-size", "100"]
    environment = os.environ | {"FLIESSTEXT_TEST": secrets.token_hex(8)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as run:
        while not any("gate_process" in line for line in marked(environment["FLIESSTEXT_TEST"])):
            assert run.poll() is None
            time.sleep(0.01)
        time.sleep(moment)
        run.kill()
    assert run.returncode == -signal.SIGKILL
    assert_gone(environment["FLIESSTEXT_TEST"])
    done.add("killed command lines")


def assert_gone(mark: str) -> None:
    end = time.monotonic() + 120
    while (left := marked(mark)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not left


def marked(mark: str) -> list[str]:
    """The command lines of the processes with this mark in their environment, whoever their parent is by now."""
    found = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in file.read_bytes():
                found.append((file.parent / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it ended meanwhile
    return found


def of_session(leader: int) -> list[str]:
    """The command lines of the processes that a session leader left."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader and fields[0] != "Z":
                found.append((status.parent / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it ended meanwhile
    return found


@pytest.mark.integration
@pytest.mark.usefixtures("deadly_steps")
def test_a_run_after_a_death_works_in_another_process(tmp_path: Path) -> None:
    """A document that kills the run itself, because there was too little to do for workers, is found the next time."""
    folder, tables = tmp_path / "press", tmp_path / "tables"
    folder.mkdir()
    tables.mkdir()
    (folder / "good.txt").write_text(article(1), encoding="utf-8")
    (folder / "bad.txt").write_text(article(2) + f"\n{deadly.CRASH}.\n", encoding="utf-8")
    (tables / MARKER).touch()
    (tables / ".writer.json").write_text("{}", encoding="utf-8")  # what a dead run leaves

    with fast_gate():
        report = run_here([folder], tables, workers=None)

    assert [code for _, code, _ in report.quarantined] == ["worker_died"]
    assert read_table(tables, read_current(tables), "documents").select(pl.col("source_uri")).rows() == [
        ("press/good.txt",)
    ]
