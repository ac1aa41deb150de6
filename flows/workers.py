"""Worker processes: Prefect's threads orchestrate, these compute.

A task hands a plain function to `Workers.call` and waits. Starting Prefect in every worker instead would cost
seconds for each; see the benchmark of the fixed cost.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from flows.batches import die_with_parent

P = ParamSpec("P")
T = TypeVar("T")


def worthwhile(n_batches: int) -> int:
    """Say how many worker processes pay off: none for one batch, else up to one a core."""
    return 0 if n_batches < 2 else min(n_batches, os.cpu_count() or 1)


class Workers:
    """A pool of ``n`` spawned processes that is opened at the first call; with ``n`` = 0 calls run right here."""

    def __init__(self, n: int) -> None:
        self.n = n
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=error is None, cancel_futures=True)

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``function`` in a worker and wait for its result.

        When a worker dies (killed for memory, a crash in native code) every call under way fails with it; each
        is tried once more in a process of its own. Raises BrokenProcessPool when that dies too.
        """
        if self.n == 0:
            return function(*args, **kwargs)
        pool = self._open()
        try:
            return pool.submit(function, *args, **kwargs).result()
        except BrokenProcessPool:
            with self._lock:
                if self._pool is pool:
                    self._pool = None
            with _new_pool(1) as alone:
                return alone.submit(function, *args, **kwargs).result()

    def _open(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = _new_pool(self.n)
            return self._pool


def _new_pool(n: int) -> ProcessPoolExecutor:
    # Spawned, not forked: polars and the name models start threads that do not survive a fork.
    return ProcessPoolExecutor(n, mp_context=get_context("spawn"), initializer=die_with_parent)
