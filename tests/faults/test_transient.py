"""What fails for want of memory or disk is tried again: at once where the disk may answer, else in the next run."""

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from flows.batch import Batch
from stages.annotate import Frames, annotate
from stages.discover.decide import TRANSIENT
from stages.errors import SourceError
from stages.tables.schemas import REASONS
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import COMMAND, article, assert_same, fast_gate, published, run_here

WEAK = "Hier fehlt es."


@pytest.fixture(autouse=True)
def _gate() -> Iterator[None]:
    with fast_gate():
        yield


@pytest.fixture
def press(tmp_path: Path) -> Path:
    folder = tmp_path / "press"
    folder.mkdir()
    for i in range(5):
        (folder / f"{i}.txt").write_text(article(i) + f"\n{WEAK}\n" * (i == 3), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "error",
    [MemoryError("allocation of 3 GB"), OSError(errno.ENOSPC, "No space left on device")],
    ids=["memory", "disk"],
)
def test_a_stage_that_lacks_memory_or_disk(
    tmp_path: Path, press: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def failing(texts: pl.DataFrame, *rest: object) -> tuple[Frames, pl.DataFrame, dict[str, float]]:
        if texts["raw"].str.contains(WEAK).any():
            raise error
        return annotate(texts, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr("flows.batch.annotate", failing)
        report = run_here([press], tmp_path / "tables", engine="fast")
        again = run_here([press], tmp_path / "tables", engine="fast")
    assert [(uri, code) for uri, code, _ in report.quarantined] == [("press/3.txt", "system_failed")]
    assert str(error) in report.quarantined[0][2]
    assert report.counts["n_written"] == 4
    assert not again.published, "the same end is no news"
    better = run_here([press], tmp_path / "tables", engine="fast")
    assert (better.counts["n_written"], better.quarantined) == (1, [])
    run_here([press], tmp_path / "fresh", engine="fast")
    assert_same(published(tmp_path / "tables"), published(tmp_path / "fresh"))


def test_a_step_that_lacks_memory_is_done_in_smaller_pieces(
    tmp_path: Path, press: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in a stage but around it: reading, parting and writing whole batches."""
    validate = Batch.validate

    def failing(batch: Batch) -> Batch:
        texts = [*batch.raw_texts().values()]
        if len(texts) > 1 or WEAK in texts[0]:
            raise MemoryError
        return validate(batch)

    with monkeypatch.context() as patched:
        patched.setattr("flows.batch.Batch.validate", failing)
        report = run_here([press], tmp_path / "tables", engine="fast")
    assert report.counts["n_written"] == 4
    assert [(uri, code) for uri, code, _ in report.quarantined] == [("press/3.txt", "system_failed")]
    assert run_here([press], tmp_path / "tables", engine="fast").counts["n_written"] == 1


class Disk:
    """Opening ``name`` fails ``times`` times with ``number``; says how often it was tried."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, number: int, times: int, call: str = "open") -> None:
        self.tried = 0
        real = getattr(os, call)

        def failing(path: object, *arguments: object, **named: object) -> object:
            if str(path).endswith(name):
                self.tried += 1
                if self.tried <= times:
                    raise OSError(number, os.strerror(number), str(path))
            return real(path, *arguments, **named)

        monkeypatch.setattr(os, call, failing)


PASSING = [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN]


@pytest.mark.parametrize("number", PASSING, ids=[errno.errorcode[number] for number in PASSING])
@pytest.mark.parametrize("where", ["hashing", "reading", "listing"])
def test_a_file_that_fails_twice_is_written_in_the_same_run(
    tmp_path: Path, press: Path, monkeypatch: pytest.MonkeyPatch, number: int, where: str
) -> None:
    monkeypatch.setattr("stages.discover.patience.PAUSES", (0.01, 0.01))
    with monkeypatch.context() as patched:
        if where == "reading":
            patched.setattr("stages.read.patiently.read_sources", failing_twice(patched, number))
        else:
            Disk(
                patched,
                "2.txt" if where == "hashing" else "/press",
                number,
                2,
                {"listing": "scandir"}.get(where, "open"),
            )
        report = run_here([press], tmp_path / "tables", engine="fast")
    assert (report.counts["n_written"], report.quarantined) == (5, [])
    run_here([press], tmp_path / "fresh", engine="fast")
    assert_same(published(tmp_path / "tables"), published(tmp_path / "fresh"))


def failing_twice(patched: pytest.MonkeyPatch, number: int) -> Callable[..., object]:
    """Reads batches from a disk that begins to fail once the files have been hashed."""
    from stages.read.sources import read_sources

    disks: list[Disk] = []

    def reading(*arguments: object) -> object:
        if not disks:
            disks.append(Disk(patched, "2.txt", number, 2))
        return read_sources(*arguments)  # type: ignore[arg-type]

    return reading


def test_a_disk_that_stays_dead_ends_in_quarantine_until_it_lives(
    tmp_path: Path, press: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stages.discover.patience.PAUSES", (0.01, 0.01))
    with monkeypatch.context() as patched:
        disk = Disk(patched, "2.txt", errno.EIO, 1_000)
        report = run_here([press], tmp_path / "tables", engine="fast")
    assert disk.tried == 3
    assert [(uri, code) for uri, code, _ in report.quarantined] == [("press/2.txt", "disk_failed")]
    assert run_here([press], tmp_path / "tables", engine="fast").counts["n_written"] == 1


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.ENOENT])
def test_what_is_refused_is_not_tried_again_in_the_same_run(
    tmp_path: Path, press: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr("stages.discover.patience.PAUSES", (600.0,))
    with monkeypatch.context() as patched:
        disk = Disk(patched, "2.txt", number, 1)
        report = run_here([press], tmp_path / "tables", engine="fast")
    assert disk.tried == 1
    assert [(uri, code) for uri, code, _ in report.quarantined] == [("press/2.txt", "unreadable")]
    assert run_here([press], tmp_path / "tables", engine="fast").counts["n_written"] == 1


def test_every_outcome_of_the_surroundings_has_its_sentence() -> None:
    assert set(TRANSIENT) <= set(REASONS)
    assert {"timed_out", "worker_died", "system_failed", "disk_failed"} <= set(TRANSIENT)
    assert not {"stage_failed", "rule_failed", "empty", "too_large"} & set(TRANSIENT)


BAD_DISK = """
import errno, os
real, left = os.open, {"2.txt": 2, "4.txt": 2}

def failing(path, *arguments, **named):
    name = os.path.basename(os.fspath(path))
    if left.get(name):
        left[name] -= 1
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)
    return real(path, *arguments, **named)

os.open = failing
"""


@pytest.mark.integration
@pytest.mark.usefixtures("press")
def test_the_command_over_a_disk_that_fails_twice_in_every_process(tmp_path: Path) -> None:
    """Through Prefect, with worker processes: while hashing here, while reading there."""
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "sitecustomize.py").write_text(BAD_DISK, encoding="utf-8")
    command = [*COMMAND, "run", "press", "--tables", "out", "--engine", "fast", "--batch-size", "3", "--workers", "1"]
    path = os.pathsep.join([str(tmp_path / "bad"), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "5 sources = 5 written + 0 unchanged + 0 duplicate + 0 quarantined" in done.stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB, where the system allows to make one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may make a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.integration
@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_command_on_a_full_disk(tmp_path: Path, press: Path, small_disk: Path, workers: str) -> None:
    """A real one: the run fails, the tables stay, no document pays for it, and with space all are written."""
    tables = small_disk / "tables"
    command = [*COMMAND, "run", "press", "--tables", str(tables), "--engine", "fast"]
    command += ["--workers", workers, "--batch-size", "20"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0
    before = published(tables)
    for i in range(40):
        (press / f"new{i}.txt").write_text(article(100 + i, 40), encoding="utf-8")
    with (small_disk / "ballast").open("wb") as out:
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        out.write(b"x" * (free - (200 << 10)))
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    message = done.stderr.splitlines()[-1]
    assert message.startswith("fliesstext: the disk or the system failed"), done.stderr
    # What Polars says of a full disk depends on where in the file it met the end; the hint is ours.
    assert "No space left on device" in message or "(is there room left on it?)" in message
    assert message.endswith("the published tables are as they were")
    assert_same(published(tables), before)
    (small_disk / "ballast").unlink()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    sources = read_table(tables, read_current(tables), "sources")
    assert sources["status"].to_list() == ["written"] * 45


def test_a_drive_that_lists_and_does_not_read_empties_nothing(press: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other languages make every document anew; for those that cannot be read now, the rows of the last run stand."""
    tables = press.parent / "tables"
    run_here([press], tables, engine="none")
    before = published(tables)

    def refuses(path: Path) -> None:
        raise SourceError("unreadable", f"{path.name} cannot be opened")

    with monkeypatch.context() as broken:
        broken.setattr("stages.read.sources.open_source", refuses)
        report = run_here([press], tables, engine="none", languages=("de", "fr"))
    assert (report.counts["n_unchanged"], report.counts["n_quarantined"]) == (5, 0)
    assert report.warnings[0].startswith("5 documents that were to be made again could not be read now and stand")
    assert_same(published(tables), before)
    assert run_here([press], tables, engine="none", languages=("de", "fr")).counts["n_written"] == 5
