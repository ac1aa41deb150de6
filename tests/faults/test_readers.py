"""Readers see one version across all tables while a writer publishes; of two writers one waits outside."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import IO

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

from flows import cli
from flows.run import refresh_tables as run
from flows.settings import Settings
from stages.errors import LockedError
from stages.tables.store.folder import writing
from tests.faults import long_form
from tests.faults.harness import ROOT, article, assert_tidy, assert_whole, fast_gate, run_here

SECONDS = long_form.choose(short=6.0, long=60.0)
done = long_form.Tally("readers and writers")
Texts = dict[str, list[str]]


def files(tables: Path) -> tuple[str, dict[str, list[str]]]:
    """Resolve CURRENT.json once, as the README tells readers to."""
    current = json.loads((tables / "CURRENT.json").read_text(encoding="utf-8"))
    folder = tables / current["snapshot"]
    parts = {name: [str(folder / part["path"]) for part in table["files"]] for name, table in current["tables"].items()}
    return current["run_id"], parts


def with_polars(paths: list[str], column: str) -> list[str]:
    return pl.read_parquet(paths)[column].to_list()


def with_duckdb(paths: list[str], column: str) -> list[str]:
    with duckdb.connect() as connection:
        return [row[0] for row in connection.execute(f"SELECT {column} FROM read_parquet(?)", [paths]).fetchall()]


def with_pandas(paths: list[str], column: str) -> list[str]:
    return list(pd.concat(pd.read_parquet(path, columns=[column]) for path in paths)[column])


def with_pyarrow(paths: list[str], column: str) -> list[str]:
    return pq.read_table(paths, columns=[column])[column].to_pylist()


READERS = {"polars": with_polars, "duckdb": with_duckdb, "pandas": with_pandas, "pyarrow": with_pyarrow}


def read_until(tables: Path, read: Callable[[list[str], str], list[str]], stop: Event) -> int:
    """Read all tables again and again, three times at least; each time all of them are of the same run."""
    n = 0
    while n < 3 or not stop.is_set():
        run_id, parts = files(tables)
        editions = set()
        for table in ("documents", "blocks", "sentences"):
            found = [text for text in read(parts[table], "text") if "Ausgabe" in text]
            editions |= {text.partition("Ausgabe ")[2][:6] for text in found}
            assert len(found) == 5, (table, found)
        assert len(editions) == 1, editions
        assert set(read(parts["documents"], "run_id")) == {run_id}
        runs = read(parts["runs"], "run_id")
        assert run_id in runs
        assert len(runs) == int(editions.pop()) + 1
        assert set(read(parts["mentions"], "doc_id")) <= set(read(parts["sources"], "doc_id"))
        n += 1
    return n


def lines_for(stream: IO[str], seconds: float) -> int:
    """Read lines for so long, but two at least however slow the machine is, and count them."""
    end, n = time.monotonic() + seconds, 0
    while n < 2 or time.monotonic() < end:
        assert stream.readline(), "the writer was at work meanwhile"
        n += 1
    return n


def read_beside_a_writer(
    folder: Path, tables: str, readers: Mapping[str, Callable[[Event], int]], seconds: float
) -> tuple[int, dict[str, int]]:
    """Let readers read while another process publishes for so long; counts the snapshots, and the reads of each."""
    folder.mkdir()
    command = [sys.executable, "-m", "tests.faults.writer", str(folder), tables]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True, cwd=ROOT) as writer:
        assert writer.stdout
        assert writer.stdout.readline().strip() == "1"
        stop = Event()
        with ThreadPoolExecutor(len(readers)) as threads:
            reading = {name: threads.submit(read, stop) for name, read in readers.items()}
            published = lines_for(writer.stdout, seconds)
            stop.set()
            counts = {name: future.result() for name, future in reading.items()}
        published += writer.communicate()[0].count("\n")
    assert writer.returncode == 0
    return published, counts


@pytest.mark.integration
def test_readers_see_one_version(tmp_path: Path) -> None:
    tables = tmp_path / "tables"
    readers = {name: partial(read_until, tables, read) for name, read in READERS.items()}
    published, counts = read_beside_a_writer(tmp_path / "press", str(tables), readers, SECONDS)
    assert_whole(tables)
    done.add("snapshots published", published)
    for name, n in counts.items():
        done.add(f"reads with {name}", n)


HOLD = """
import sys, time
from pathlib import Path
from stages.tables.store.folder import writing
with writing(Path(sys.argv[1]), "the-other-run"):
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def held(tables: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tables)], stdout=-1, text=True, cwd=ROOT) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.kill()


def test_the_second_run_says_who_is_at_work(tmp_path: Path) -> None:
    (tmp_path / "press").mkdir()
    with held(tmp_path / "tables") as holder, pytest.raises(LockedError, match=f"the-other-run .process {holder.pid}"):
        run_here([tmp_path / "press"], tmp_path / "tables", wait_seconds=0)


def test_the_lock_of_a_dead_run_is_taken_over(tmp_path: Path) -> None:
    folder, tables = tmp_path / "press", tmp_path / "tables"
    folder.mkdir()
    (folder / "a.txt").write_text(article(1), encoding="utf-8")
    with held(tables) as holder:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    assert (tables / ".writer.json").exists()
    with fast_gate():
        assert run_here([folder], tables).published
    assert_tidy(tables)


def test_the_lock_is_free_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), writing(tmp_path, "first"):
        raise ZeroDivisionError
    with writing(tmp_path, "second") as last_died:
        assert not last_died


def test_a_held_lock_has_its_own_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "press").mkdir()
    monkeypatch.setattr(
        "flows.refresh.refresh", lambda sources, tables, **given: run(sources, Path(tables), Settings(**given))
    )
    with held(tmp_path / "tables"):
        assert cli.main(["run", str(tmp_path / "press"), "--tables", str(tmp_path / "tables"), "--wait", "0"]) == 4
    assert "the-other-run" in capsys.readouterr().err
