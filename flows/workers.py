"""Worker processes: Prefect's threads orchestrate, these compute.

A task hands a plain function to `Workers.call` and waits. Starting Prefect in every worker instead would cost
seconds for each; see the benchmark of the fixed cost.
"""

import faulthandler
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from flows import batches

T = TypeVar("T")


_MOST_PROCESSES = 61 if os.name == "nt" else 256
"""Windows waits for no more at a time; more than 256 the settings do not allow."""
_BYTES_A_SECOND = 4_000
"""Slower than any engine has been seen to work; what a large batch may take beyond the time limit."""


def worthwhile(n_batches: int, at_least: int = 0) -> int:
    """Say how many worker processes pay off: none for one batch, else up to one a core."""
    return at_least if n_batches < 2 else min(n_batches, os.cpu_count() or 1)


class Workers:
    """A pool of ``n`` spawned processes that is opened at the first call; with ``n`` = 0 calls run right here."""

    def __init__(self, n: int) -> None:
        self.n = n
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()
        self._free = threading.Semaphore(max(1, n))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=error is None, cancel_futures=True)
        if error is not None:
            # Whoever stopped the run does not want to wait for batches that nobody will use.
            for child in active_children():
                child.terminate()

    def work(self, seconds: float, function: Callable[..., Path], folder: Path, *args: object) -> Path:
        """Run a step of `flows.batches` on a batch folder in a worker and wait for it.

        Where the worker dies or takes longer than ``seconds`` (and a little more for every byte of the batch),
        the folder is set apart, its later steps do nothing, and the caller goes on.
        """
        if batches.is_apart(folder):
            return folder
        limit = seconds + batches.n_bytes(folder) / _BYTES_A_SECOND
        try:
            return self.call(limit, function, folder, *args)
        except BrokenProcessPool:
            return batches.set_apart(folder)

    def call(self, seconds: float, function: Callable[..., T], *args: object) -> T:
        """Run ``function`` in a worker and wait for its result; a worker that takes longer ends itself.

        When a worker dies (killed for memory, a crash in native code) every call under way fails with it; each
        is tried once more in a process of its own. Raises BrokenProcessPool when that dies too, or at once when
        the time was up. Calls in this process have no limit: nothing could end them.
        """
        with self._free:
            if self.n == 0:
                # One at a time here too: the tagger behind the names is no friend of threads.
                return function(*args)
            pool, since = self._open(), time.monotonic()
            try:
                return pool.submit(_within, seconds, function, *args).result()
            except BrokenProcessPool:
                with self._lock:
                    if self._pool is pool:
                        self._pool = None
                if time.monotonic() - since >= seconds:
                    raise
            with _new_pool(1) as alone:
                return alone.submit(_within, seconds, function, *args).result()

    def _open(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = _new_pool(self.n)
            return self._pool


def _within(seconds: float, function: Callable[..., T], *args: object) -> T:
    """Run in the worker. The clock is a native thread: it also ends a loop that never comes back to Python."""
    with Path(os.devnull).open("w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            return function(*args)
        finally:
            faulthandler.cancel_dump_traceback_later()


def _new_pool(n: int) -> ProcessPoolExecutor:
    # Spawned, not forked: polars and the name models start threads that do not survive a fork.
    n = min(n, _MOST_PROCESSES)
    return ProcessPoolExecutor(n, mp_context=get_context("spawn"), initializer=batches.die_with_parent)
