"""Calls in other processes: what hangs, dies or raises costs nobody else anything."""

import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows import process
from flows.execute import TimeUpError, WorkerDiedError
from flows.execute.processes import Processes, worthwhile
from flows.settings import Settings
from flows.steps import Run
from stages.errors import StoppedError
from stages.tables.store.local import LocalSnapshots

LONG = 60.0


def where() -> int:
    return os.getpid()


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def polars_threads() -> int:
    import polars

    return polars.thread_pool_size()


def threads_of_numpy() -> int:
    before = len(list(Path("/proc/self/task").iterdir()))
    import numpy as np

    assert (np.ones((700, 700)) @ np.ones((700, 700)))[0, 0] == 700
    return len(list(Path("/proc/self/task").iterdir())) - before


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def crash() -> None:
    ctypes.string_at(0)


def fail() -> None:
    raise ValueError("of the function")


def hang_in_native_code() -> None:
    re.match(r"(a+)+$", "a" * 60 + "b")


def test_without_processes_calls_are_made_here():
    with Processes(0) as executor:
        assert executor.run(LONG, where) == os.getpid()


@pytest.mark.integration
def test_processes_share_the_cores(monkeypatch):
    for name in ("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    cores = os.cpu_count() or 1
    with Processes(2 * cores) as executor:
        assert executor.run(LONG, polars_threads) == 1
        assert not sys.platform.startswith("linux") or executor.run(LONG, threads_of_numpy) == 0
    with Processes(1) as executor:
        assert executor.run(LONG, polars_threads) == cores


@pytest.mark.integration
def test_what_hangs_dies_or_raises_costs_no_other_call_anything():
    with Processes(2) as executor, ThreadPoolExecutor(6) as threads:
        fine = [threads.submit(executor.run, LONG, sleep, 0.2) for _ in range(6)]
        with pytest.raises(WorkerDiedError, match="killed"):
            executor.run(LONG, die)
        with pytest.raises(WorkerDiedError):
            executor.run(LONG, crash)
        with pytest.raises(TimeUpError, match="longer than 2 s"):
            executor.run(2, hang_in_native_code)
        with pytest.raises(ValueError, match="of the function"):
            executor.run(LONG, fail)
        assert [call.result(LONG) for call in fine] == [0.2] * 6
        assert executor.run(LONG, where) != os.getpid()


@pytest.mark.integration
def test_as_many_calls_as_processes_are_made_at_once():
    with Processes(8) as executor, ThreadPoolExecutor(8) as threads:
        # The processes start one after the other; then all are there.
        [call.result(LONG) for call in [threads.submit(executor.run, LONG, sleep, 3) for _ in range(8)]]
        since = time.monotonic()
        [call.result(LONG) for call in [threads.submit(executor.run, LONG, sleep, 2) for _ in range(8)]]
        assert time.monotonic() - since < 8 * 2 / 2


@pytest.mark.integration
def test_a_stopped_run_ends_its_calls_at_once():
    ended: list[BaseException] = []

    def call(executor: Processes) -> None:
        try:
            executor.run(LONG, sleep, 50)
        except StoppedError as stopped:
            ended.append(stopped)

    since = time.monotonic()
    executor = Processes(1)
    threads = [threading.Thread(target=call, args=(executor,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(2)
    with pytest.raises(KeyboardInterrupt), executor:
        raise KeyboardInterrupt
    for thread in threads:
        thread.join(10)
    assert len(ended) == 2
    assert time.monotonic() - since < 30


def test_a_call_made_here_ends_before_its_files_may_go():
    executor, ended, begun = Processes(0), [], threading.Event()

    def work() -> None:
        begun.set()
        time.sleep(1)
        ended.append("work")

    thread = threading.Thread(target=executor.run, args=(LONG, work))
    thread.start()
    assert begun.wait(10)
    with pytest.raises(KeyboardInterrupt), executor:
        raise KeyboardInterrupt
    assert ended == ["work"]
    with pytest.raises(StoppedError):
        executor.run(LONG, work)
    thread.join(10)


ORPHAN = """
import os, sys, threading, time
from flows.execute.processes import Processes
from tests.flows.execute.test_processes import sleep, where
if __name__ == "__main__":
    with Processes(1) as executor:
        print(executor.run(60, where), flush=True)
        executor.run(60, sleep, 50)
"""


@pytest.mark.integration
def test_no_process_outlives_a_killed_run(project, tmp_path):
    script = tmp_path / "run.py"
    script.write_text(ORPHAN)
    environment = os.environ | {"PYTHONPATH": str(project)}
    run = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, cwd=project, env=environment)
    try:
        worker = int(run.stdout.readline())
    finally:
        run.kill()
        run.wait()
        run.stdout.close()
    until = time.monotonic() + 20
    while time.monotonic() < until and os.path.exists(f"/proc/{worker}"):  # noqa: PTH110
        time.sleep(0.1)
    assert not os.path.exists(f"/proc/{worker}")  # noqa: PTH110


def test_windows_gets_as_many_processes_as_it_can_wait_for(monkeypatch):
    monkeypatch.setattr("flows.execute.processes._MOST_PROCESSES", 1)
    assert Processes(2).n == 1


def test_one_batch_needs_no_process():
    assert [worthwhile(n) for n in (0, 1)] == [0, 0]
    assert worthwhile(1, at_least=1) == 1
    assert worthwhile(1000) == (os.cpu_count() or 1)


@pytest.mark.parametrize(("workers", "batches", "n"), [(4, 2, 2), (2, 40, 2), (0, 3, 0), (4, 0, 0), (None, 1, 0)])
def test_no_more_processes_begin_than_there_are_batches(
    workers: int | None, batches: int, n: int, tmp_path: Path
) -> None:
    settings = Settings(workers=workers)
    run = Run("x", datetime.now(UTC), {}, settings, LocalSnapshots(tmp_path), None, tmp_path)
    place = process._place(run, batches, at_least=0, risky=False)
    assert isinstance(place, Processes)
    assert place.n == n
    assert process._place(run, batches, at_least=0, risky=True).n == max(1, n), "what may kill it is never done here"
