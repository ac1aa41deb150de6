"""A run that died in the middle of its batches: the next one takes over those that were done, and no other."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from flows.batch import Batch
from flows.check import check_tables
from flows.report import RunReport
from tests.faults.harness import COMMAND, article, assert_same, fast_gate, rows, run_here

pytestmark = pytest.mark.integration
OPTIONS = ("--engine", "fast", "--languages", "de", "--batch-size", "3")
SETTINGS = {"engine": "fast", "batch_size": 3}


@pytest.fixture(autouse=True)
def _fast() -> Iterator[None]:
    with fast_gate():
        yield


@pytest.fixture
def press(tmp_path: Path) -> Path:
    return write_long_texts(tmp_path / "press")


def write_long_texts(folder: Path) -> Path:
    """Ten batches of three documents, each of which takes a while."""
    folder.mkdir(exist_ok=True)
    for number in range(30):
        text = "\n\n".join(article(number * 100 + i) for i in range(60))
        (folder / f"{number:02}.txt").write_text(text, encoding="utf-8")
    return folder


def kill_in_the_middle(press: Path, tables: Path, *options: str, done: int = 4) -> list[Batch]:
    """Run the command, kill it and its processes once so many batches are annotated; gives these."""
    before = set(tables.glob("work/*"))

    def new() -> list[Batch]:
        return [batch for batch in annotated(tables) if batch.folder.parents[1] not in before]

    kill_when(lambda: len(new()) >= done, press, tables, tables.parent, *options)
    assert len(new()) < 10, "killed too late"
    return new()


def kill_when(
    reached: Callable[[], bool], press: Path, tables: Path | str, home: Path, *options: str, **environment: str
) -> None:
    """Run the command with one worker, and kill it and its processes once something is reached."""
    environment |= {"PREFECT_HOME": str(home / "prefect")}
    process = subprocess.Popen(
        [*COMMAND, "run", str(press), "--tables", str(tables), "--workers", "1", *OPTIONS, *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, env=os.environ | environment,
    )  # fmt: skip
    until = time.monotonic() + 200
    while not reached():
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)


def annotated(tables: Path) -> list[Batch]:
    found = (Batch(path.parent) for path in tables.glob("work/*/batches/*/batch.parquet"))
    return sorted(batch for batch in found if batch.is_annotated)


def read_by(press: Path, tables: Path | str, **settings: object) -> tuple[RunReport, set[str]]:
    """Run again, and say of which sources the batches were read."""
    seen: set[str] = set()
    read = Batch.read

    def noted(batch: Batch, *args: object) -> Batch:
        seen.update(uri.partition("/")[2] for uri in batch.sources()["source_uri"])
        return read(batch, *args)  # type: ignore[arg-type]

    with patch.object(Batch, "read", noted):
        return run_here([press], tables, **(SETTINGS | settings)), seen


def assert_as_fresh(press: Path, tables: Path, **settings: object) -> None:
    fresh = tables.with_name("fresh")
    run_here([press], fresh, **(SETTINGS | settings))
    assert_same(rows(tables), rows(fresh))
    assert not (tables / "work").exists()
    assert check_tables(tables, [str(press)]).problems == []
    assert not run_here([press], tables, **(SETTINGS | settings)).published


@pytest.mark.parametrize("form", ["parquet", "delta"])
def test_batches_that_are_done_are_not_read_again(press: Path, tmp_path: Path, form: str) -> None:
    tables = tmp_path / "tables"
    left = kill_in_the_middle(press, tables, "--format", form)
    done = [[uri.partition("/")[2] for uri in batch.sources()["source_uri"]] for batch in left]
    # One of them is another one by now, so its batch is no longer what it was.
    (press / done[0][0]).write_text(article(9_999), encoding="utf-8")
    report, seen = read_by(press, tables)
    assert report.counts["n_written"] == 30
    assert seen == {file.name for file in press.iterdir()} - {name for names in done[1:] for name in names}
    assert_as_fresh(press, tables)


def test_with_other_options_nothing_is_taken_over(press: Path, tmp_path: Path) -> None:
    tables = tmp_path / "tables"
    kill_in_the_middle(press, tables)
    _, seen = read_by(press, tables, languages=("de", "en"))
    assert len(seen) == 30
    assert_as_fresh(press, tables, languages=("de", "en"))


def test_killed_twice_and_a_batch_that_cannot_be_read(press: Path, tmp_path: Path) -> None:
    tables = tmp_path / "tables"
    first = kill_in_the_middle(press, tables)
    (first[0].folder / "rejected-read.parquet").write_bytes(b"")
    second = kill_in_the_middle(press, tables, done=2)
    assert second, "batches that the second run annotated itself"
    (second[0].folder / "annotated" / "mentions.parquet").write_bytes(b"")
    _, seen = read_by(press, tables)
    assert len(seen) <= 30 - 3 * (len(first) - 1 + len(second) - 1)
    assert_as_fresh(press, tables)
