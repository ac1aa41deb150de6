"""The installed command and the tables folder: it makes one, and commands that meet in one wait for each other."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import article, assert_tidy, assert_whole

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_server")]

ROOT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("fliesstext")
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """A function that starts the installed command against the Prefect server of the tests."""
    from prefect.settings import PREFECT_API_URL

    environment = os.environ | {"PREFECT_API_URL": str(PREFECT_API_URL.value())}
    environment.pop("PREFECT_LOGGING_LEVEL", None)  # that of the other tests; users set none
    started: list[subprocess.Popen[str]] = []

    def run(source: Path, tables: Path, *options: str) -> subprocess.Popen[str]:
        command = [str(COMMAND), "run", str(source), "--tables", str(tables), "--workers", "0", "--engine", "fast"]
        with (source.parent / f"{len(started)}.err").open("w") as err:
            started.append(subprocess.Popen([*command, *options], env=environment, stdout=-1, stderr=err, text=True))
        started[-1].told = Path(err.name)  # type: ignore[attr-defined]
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


HOLD = """
import sys, time
from pathlib import Path
from stages.tables.store.folder import writing
with writing(Path(sys.argv[1]), "20240501T120000Z-abc123"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another run that is writing to tmp_path/tables and does not end."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "tables")]
    with subprocess.Popen(command, stdout=-1, text=True, cwd=ROOT) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def press(tmp_path: Path, name: str, *numbers: int) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    for number in numbers:
        (folder / f"{number}.txt").write_text(article(number), encoding="utf-8")
    return folder


def told(process: subprocess.Popen[str]) -> str:
    return process.told.read_text(encoding="utf-8")  # type: ignore[attr-defined, no-any-return]


def wait_until_waiting(process: subprocess.Popen[str], other: str) -> None:
    end = time.monotonic() + 180
    while other not in told(process):
        assert process.poll() is None, told(process)
        assert time.monotonic() < end, told(process)
        time.sleep(0.2)


def test_a_new_disk_is_as_good_as_an_empty_folder(tmp_path: Path, start: Start) -> None:
    tables = tmp_path / "disk"
    (tables / "lost+found").mkdir(parents=True)
    (tables / ".DS_Store").write_bytes(b"\0")
    process = start(press(tmp_path, "press", 1), tables)
    assert process.wait(300) == 0, told(process)
    assert_whole(tables)
    assert_tidy(tables)
    assert (tables / ".DS_Store").read_bytes() == b"\0"
    assert list((tables / "lost+found").iterdir()) == []


def test_two_commands_at_once_publish_in_turn(tmp_path: Path, start: Start, holder: subprocess.Popen[str]) -> None:
    """Both wait for a third, which is killed; then one waits for the other. Nothing of either is lost."""
    tables = tmp_path / "tables"
    runs = [start(press(tmp_path, name, *numbers), tables) for name, numbers in (("north", (1, 2)), ("south", (3,)))]
    for run in runs:
        wait_until_waiting(run, f"run 20240501T120000Z-abc123 (process {holder.pid} on ")
    holder.kill()
    for run in runs:
        assert run.wait(300) == 0, told(run)
        assert told(run).count("is being written by") == 1
        assert "waiting up to 300 seconds for it" in " ".join(told(run).split())
        assert "Traceback" not in told(run)
    assert_whole(tables)
    assert_tidy(tables)
    current = read_current(tables)
    assert current
    assert len(current.previous) == 1
    written = read_table(tables, current, "documents").select(pl.col("source_uri").str.split("/").list.first())
    assert sorted(written["source_uri"]) == ["north", "north", "south"]
    assert sorted(read_table(tables, current, "runs")["n_written"]) == [1, 2]


@pytest.mark.parametrize("way", ["its time is over", signal.SIGINT, signal.SIGTERM])
def test_a_command_that_waits_ends_with_one_line(
    tmp_path: Path, start: Start, holder: subprocess.Popen[str], way: str | signal.Signals
) -> None:
    tables, other = tmp_path / "tables", f"run 20240501T120000Z-abc123 (process {holder.pid} on "
    before = sorted(path.name for path in tables.iterdir())
    process = start(press(tmp_path, "press", 1), tables, "--wait", "3" if isinstance(way, str) else "300")
    wait_until_waiting(process, other)
    since = time.monotonic()
    if not isinstance(way, str):
        process.send_signal(way)
    code = process.wait(120)
    assert time.monotonic() - since < 60, "far less than the 300 seconds"
    waiting, *rest = told(process).split("fliesstext: ")
    assert waiting.count("is being written by") == 1
    assert "Traceback" not in told(process)
    (last,) = rest
    assert last.count("\n") == 1
    if isinstance(way, str):
        assert code == 4
        assert last.startswith(f"{tables} is being written by {other}")
        assert "waited 3 seconds for it. Run again when it has ended, or wait longer (--wait SECONDS" in last
    else:
        assert code == 1
        assert last.startswith("stopped; the published tables are as they were")
    assert holder.poll() is None
    assert sorted(path.name for path in tables.iterdir()) == before
