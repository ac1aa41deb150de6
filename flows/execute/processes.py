"""Processes of this machine: Prefect's threads orchestrate, these compute.

Starting Prefect in every process instead would cost seconds for each; see the benchmark of the fixed cost.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from types import TracebackType
from typing import Any, Self, TypeVar

from pebble import ProcessExpired, ProcessPool

from flows.execute import TimeUpError, WorkerDiedError
from flows.execute.memory import seldom_look_for_cycles, share_one_heap
from stages.errors import StoppedError

T = TypeVar("T")

_MOST_PROCESSES = 61 if os.name == "nt" else 256
"""Windows waits for no more at a time; more than 256 the settings do not allow."""


def worthwhile(n_batches: int, at_least: int = 0) -> int:
    """Say how many worker processes pay off: none for one batch, else up to one a core."""
    return at_least if n_batches < 2 else min(n_batches, os.cpu_count() or 1)


class Processes:
    """A pool of ``n`` spawned processes that is opened at the first call; with ``n`` = 0 calls are made right here.

    Calls made here have no time limit: nothing could end them.
    """

    def __init__(self, n: int) -> None:
        self.n = min(n, _MOST_PROCESSES)
        self._pool: Any = None  # a ProcessPool; its methods have no types
        self._changing = threading.Lock()
        self._free = threading.Semaphore(max(1, n))
        self._under_way: set[Future[Any]] = set()
        self.stopped = False
        self.sees_folders = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changing:
            # Whoever stopped the run does not want to wait for batches that nobody will use.
            self.stopped = error is not None
            under_way = tuple(self._under_way) if self.stopped else ()
        if self.n == 0 and self.stopped:
            # But a call that is made right here nothing can end; it still needs its files.
            with self._free:
                return
        if self._pool is None:
            return
        if self.stopped:
            for made in under_way:
                made.cancel()
            self._pool.stop()
        else:
            self._pool.close()
        self._pool.join()

    def run(self, seconds: float, function: Callable[..., T], *args: object) -> T:
        """Make a call in one of the processes and wait for its result; see `flows.execute.Executor`."""
        with self._free:
            if self.n == 0 and not self.stopped:
                # One at a time here too: the tagger behind the names is no friend of threads.
                return function(*args)
            made = self._schedule(seconds, function, args)
            try:
                result: T = made.result()
                return result
            except TimeoutError as error:
                raise TimeUpError(f"the call took longer than {seconds:g} s") from error
            except (ProcessExpired, CancelledError) as error:
                if self.stopped:
                    raise StoppedError("the run was stopped") from None
                raise WorkerDiedError(f"the process ended itself or was killed ({error})") from error

    def _schedule(self, seconds: float, function: Callable[..., T], args: tuple[object, ...]) -> Any:
        with self._changing:
            if self.stopped:
                raise StoppedError("the run was stopped")
            made = self._open().schedule(function, args=args, timeout=seconds)
            self._under_way.add(made)
        made.add_done_callback(self._under_way.discard)
        return made

    def _open(self) -> Any:
        if self._pool is None:
            # Spawned, not forked: polars and the name models start threads that do not survive a fork.
            self._pool = ProcessPool(
                self.n, context=get_context("spawn"), initializer=_begin, initargs=(_share(self.n),)
            )
            with _sheltered():
                _ = self._pool.active  # starts the threads that start the processes
        return self._pool


@contextmanager
def _sheltered() -> Iterator[None]:
    """Keep Ctrl-C, which a terminal sends to all processes, from those that start here: the run ends them itself."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _share(n: int) -> int:
    """The cores for each of ``n`` processes."""
    return max(1, (os.cpu_count() or 1) // n)


def _begin(cores: int) -> None:
    """Keep to so many cores, and end this process when the one that started it is gone, even if that was killed."""
    # Read when the libraries are imported, which has not happened yet here; else each takes all cores in every process.
    for name in ("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, str(cores))
    share_one_heap()
    seldom_look_for_cycles()
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
