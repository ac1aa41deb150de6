"""Killed at any step or failed by the disk at any call, the tables stay whole and the next run heals them."""

import errno
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import polars as pl
import pytest

from flows import cli
from flows.run import refresh_tables as run
from flows.settings import Settings
from stages.tables.store.snapshots import SNAPSHOT, read_current
from tests.faults import long_form
from tests.faults.harness import (
    ROOT,
    article,
    assert_same,
    assert_tidy,
    assert_whole,
    fast_gate,
    published,
)
from tests.faults.harness import run_here as run_with
from tests.faults.inject import WRITES, Fault, failing, faults

done = long_form.Tally("crash safety")
LAST_STEPS = 12  # from the folder flushes before the switch to the last removal
OPTIONS = ("--confirm-deletions", "--workers", "0", "--languages", "de", "--engine", "fast")
ERRORS = {"full disk": errno.ENOSPC, "broken disk": errno.EIO, "no permission": errno.EACCES}


run_here = partial(run_with, engine="fast")


class Scene(NamedTuple):
    """Tables of one run over a folder that has changed since, and what is right before and after the next run."""

    folder: Path
    base: Path
    before: dict[str, pl.DataFrame]
    after: dict[str, pl.DataFrame]


@pytest.fixture(scope="module", autouse=True)
def _plain_runs() -> Iterator[None]:
    """The command line of the product, but for the gate and for Prefect."""
    with (
        fast_gate(),
        patch("flows.refresh.refresh", lambda sources, tables, **given: run(sources, Path(tables), Settings(**given))),
    ):
        yield


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    home = tmp_path_factory.mktemp("scene")
    folder, base = home / "press", home / "base"
    folder.mkdir()
    for i in range(6):
        (folder / f"{i}.txt").write_text(article(i), encoding="utf-8")
    for seed in (7, 8, 9):  # so that old snapshots are there to be cleared away
        (folder / "5.txt").write_text(article(seed), encoding="utf-8")
        run_here([folder], base, keep_snapshots=3)
    before = published(base)
    (folder / "0.txt").write_text(article(10), encoding="utf-8")
    (folder / "1.txt").unlink()
    (folder / "2.txt").rename(folder / "renamed.txt")
    shutil.copy(folder / "3.txt", folder / "copy.txt")
    (folder / "new.txt").write_text(article(11), encoding="utf-8")
    run_here([folder], home / "after")
    return Scene(folder, base, before, published(home / "after"))


@pytest.fixture(scope="module")
def victim() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-m", "tests.faults.victim"], stdin=-1, stdout=-1, text=True, cwd=ROOT)
    yield process
    assert process.stdin
    process.stdin.close()
    assert process.wait(60) == 0
    assert process.stdout
    process.stdout.close()


def send(victim: subprocess.Popen[str], **job: Any) -> int:
    assert victim.stdin
    assert victim.stdout
    victim.stdin.write(json.dumps(job) + "\n")
    victim.stdin.flush()
    return int(victim.stdout.readline())


def fresh_copy(scene: Scene, tables: Path, first: bool) -> dict[str, pl.DataFrame]:
    """The tables to try it on, and what they hold; ``first``: nothing was ever published there."""
    shutil.rmtree(tables, ignore_errors=True)
    if first:
        return {table: frame.clear() for table, frame in scene.before.items()}
    shutil.copytree(scene.base, tables, symlinks=True)
    return scene.before


def assert_old_or_new(scene: Scene, tables: Path, before: dict[str, pl.DataFrame]) -> None:
    assert_whole(tables)
    found = published(tables)
    assert_same(found, scene.after if found["documents"].equals(scene.after["documents"]) else before)


def assert_heals(scene: Scene, tables: Path) -> None:
    run_here([scene.folder], tables)
    assert_whole(tables)
    assert_tidy(tables)
    assert_same(published(tables), scene.after)
    current = read_current(tables)
    assert current
    assert (tables / current.snapshot / SNAPSHOT).read_text() == (tables / "CURRENT.json").read_text()
    assert not run_here([scene.folder], tables).published


def n_writes(scene: Scene, tables: Path, first: bool, batch_size: int) -> int:
    fresh_copy(scene, tables, first)
    with faults(Fault(tables, 0, failing(0))) as counted:
        run_here([scene.folder], tables, batch_size=batch_size)
    return len(counted.seen)


@pytest.mark.integration
@pytest.mark.parametrize("first", [True, False], ids=["first run", "later run"])
def test_killed_at_a_step(scene: Scene, victim: subprocess.Popen[str], tmp_path: Path, first: bool) -> None:
    tables = tmp_path / "tables"
    n = n_writes(scene, tables, first, batch_size=2)
    steps = long_form.choose(short=[*range(3, n, n // 4), *range(n - LAST_STEPS, n + 1, 3)], long=range(1, n + 1))
    for at in steps:
        before = fresh_copy(scene, tables, first)
        assert send(victim, sources=[str(scene.folder)], tables=str(tables), at=at) == signal.SIGKILL, at
        assert_old_or_new(scene, tables, before)
        assert_heals(scene, tables)
        done.add("kills at a step")


@pytest.mark.integration
def test_killed_at_random_moments(scene: Scene, victim: subprocess.Popen[str], tmp_path: Path) -> None:
    """Also again and again without a run in between that goes through."""
    chance = random.Random(5)
    tables = tmp_path / "tables"
    kills = 0
    for _ in range(long_form.choose(short=2, long=40)):
        before = fresh_copy(scene, tables, first=chance.random() < 0.3)
        for _ in range(3):
            after = chance.uniform(0.0, 0.5)
            kills += send(victim, sources=[str(scene.folder)], tables=str(tables), after=after) == signal.SIGKILL
            assert_old_or_new(scene, tables, before)
        assert_heals(scene, tables)
    assert kills
    done.add("kills at random moments", kills)


@pytest.mark.parametrize("first", [True, False], ids=["first run", "later run"])
@pytest.mark.parametrize("error", ERRORS)
def test_a_failing_call(
    scene: Scene,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    error: str,
    first: bool,
) -> None:
    """Exit code 1, a message and the tables as before; or 0 and the new tables, where it failed after the switch."""
    tables = tmp_path / "tables"
    arguments = ["run", str(scene.folder), "--tables", str(tables), *OPTIONS]
    n = n_writes(scene, tables, first, batch_size=250)
    number = ERRORS[error]
    steps = long_form.choose(
        short=[*range(number % 5 + 1, n, n // 3), *range(n - LAST_STEPS + number % 3, n + 1, 4)], long=range(1, n + 1)
    )
    for at in steps:
        before = fresh_copy(scene, tables, first)
        with faults(Fault(tables, at, failing(number))) as fault:
            code = cli.main(arguments)
        message = capsys.readouterr().err
        where = f"{fault.seen[at - 1]}, call {at} of {n}: {message}"
        if code == 0:
            assert_same(published(tables), scene.after)
        else:
            assert code == 1, where
            assert message.startswith("fliesstext: "), where
            assert os.strerror(number) in message, where
            assert_whole(tables)
            assert_same(published(tables), before)
            assert not (tables / "work").exists() or fault.seen[at - 1] in ("unlink", "rmdir", "mkdir"), where
        assert_heals(scene, tables)
        done.add("failed calls")


def test_every_call_is_met(scene: Scene, tmp_path: Path) -> None:
    """The harness would prove nothing if the product wrote by other calls than those it watches."""
    tables = tmp_path / "tables"
    fresh_copy(scene, tables, first=False)
    with faults(Fault(tables, 0, failing(0))) as counted:
        run_here([scene.folder], tables, keep_snapshots=1)
    assert set(counted.seen) == set(WRITES)


@pytest.mark.parametrize("limit", [0, 500, 5_000, 10_000])
def test_the_system_refuses_to_write_more(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str], limit: int
) -> None:
    """A real failure of write(2), in the middle of a file, also below the libraries that write Parquet."""
    tables = tmp_path / "tables"
    before = fresh_copy(scene, tables, first=False)
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, usual[1]))
    try:
        code = cli.main(["run", str(scene.folder), "--tables", str(tables), *OPTIONS])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert code == 1
    told = capsys.readouterr().err
    assert "the disk or the system failed" in told
    assert "File too large" in told or "is there room left on it?" in told
    assert_same(published(tables), before)
    assert_heals(scene, tables)


class _ClockBehind(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) - timedelta(days=400)


def test_a_clock_set_back_makes_nothing_new(scene: Scene, tmp_path: Path) -> None:
    """The run with the older name is the last one all the same, and its snapshot the one that stays."""
    tables = tmp_path / "tables"
    fresh_copy(scene, tables, first=False)
    with (
        patch("flows.run.datetime", _ClockBehind),
        patch("stages.tables.store.publish.datetime", _ClockBehind),
        patch("stages.tables.store.folder.datetime", _ClockBehind),
        patch("stages.tables.store.local.datetime", _ClockBehind),
    ):
        made = run_here([scene.folder], tables, keep_snapshots=1)
        assert made.published
        assert not run_here([scene.folder], tables).published
    assert not run_here([scene.folder], tables).published
    assert_same(published(tables), scene.after)
    current = read_current(tables)
    assert current
    assert current.run_id == made.run_id < min(path.name for path in (scene.base / "snapshots").iterdir())
    assert [path.name for path in (tables / "snapshots").iterdir()] == [made.run_id]
    assert_tidy(tables)
