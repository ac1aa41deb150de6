"""A Dask cluster: the run's threads orchestrate here, the workers of a `distributed.Client` compute.

Each call goes to one worker that is free, by its address: so a worker that dies, hangs or vanishes costs the call that
it was making and no other, and nothing waits for repetitions of the scheduler's own.
"""

import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from flows.execute import ClusterError, TimeUpError, WorkerDiedError
from stages.errors import StoppedError, UsageError

T = TypeVar("T")

_log = logging.getLogger("stages.cluster")  # what is told below `stages` reaches the terminal and the log of the run
_SECONDS_TO_CONNECT = 30.0
_SECONDS_TO_LOOK = 120.0
"""For the first call on a worker, which imports the stages there, maybe from a network drive."""
_SECONDS_TO_FETCH = 30.0
_SECONDS_TO_RESTART = 30.0
_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_WITHOUT_WORKER = 60.0
"""So long a run waits for a worker once all are gone; a nanny or a machine that starts again needs about that."""
_LIVES = 2
"""Workers that a call may cost: a machine goes for reasons of its own, a document that kills one kills the next too."""
REACHED = ".reached"
_MOST_ASKED = 32
_one_at_a_time = threading.Lock()


class Ground(NamedTuple):
    """What every worker has to reach and to have.

    ``work``: a folder of this run, under the same path; None where batches travel to the workers and back.
    ``folders``: sources, under the same path. ``urls``: sources on object stores. ``engine`` and ``ocr``: the settings.
    """

    work: Path | None
    folders: Sequence[Path] = ()
    urls: Sequence[str] = ()
    engine: str = "none"
    ocr: bool = False


class Cluster:
    """The workers of the Dask scheduler at ``address``, one call at a time on each; keeps `flows.execute.Executor`.

    Entering raises ClusterError, which says what to do, where there is no scheduler or no worker, or where a worker
    does not have the ``ground`` or has other versions installed. Workers that come later and can do the work are taken
    in.
    """

    def __init__(self, address: str, ground: Ground) -> None:
        self.address = address
        self.n = 0
        self.stopped = False
        self.sees_folders = ground.work is not None
        self._ground = ground
        self._token, self._versions = secrets.token_hex(16), _versions(ground.ocr)
        self._client: Any = None
        self._changing = threading.Condition()
        self._met: set[str] = set()  # all that the scheduler names
        self._able: set[str] = set()  # those of them that can do the work
        self._free: list[str] = []
        self._under_way: dict[Future[None], str] = {}
        self._looks: dict[Future[None], threading.Thread] = {}
        self._last_able = time.monotonic()
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self._client = _connect(self.address)
        try:
            self._meet_first()
        except BaseException:
            self._client.close()
            raise
        self.n = len(self._able)
        threading.Thread(target=self._watch, daemon=True, name="cluster").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        with self._changing:
            self.stopped = error is not None
            busy = sorted({worker for worker in self._under_way.values() if worker in self._able})
            for call in self._under_way:
                _end(call, StoppedError("the run was stopped"))
            self._changing.notify_all()
            self._changing.wait_for(lambda: not self._under_way, _SECONDS_TO_FETCH)
        if busy:
            # Whoever stopped the run does not want the cluster to go on with batches that nobody will use.
            self._restart(busy)
        self._end_looks()
        self._client.close()

    def run(self, seconds: float, function: Callable[..., T], *args: object) -> T:
        """Make a call on a worker and wait for its result; see `flows.execute.Executor`.

        Where the worker dies, another one makes the call, before that counts as its fault.
        """
        for _ in range(_LIVES - 1):
            with suppress(WorkerDiedError):
                return self._run_once(seconds, function, args)
        return self._run_once(seconds, function, args)

    def _run_once(self, seconds: float, function: Callable[..., T], args: tuple[object, ...]) -> T:
        worker, call = self._begin()
        try:
            return self._run_on(worker, call, seconds, function, args)
        except TimeUpError:
            self._give_up(worker)
            raise
        finally:
            self._give_back(call)

    def _run_on(
        self, worker: str, call: Future[None], seconds: float, function: Callable[..., T], args: tuple[object, ...]
    ) -> T:
        """Make a call on this worker; ``call`` is what ends when it does, or when someone else ends it."""
        where = {"workers": [worker], "allow_other_workers": False}
        made = self._client.submit(make, function, args, pure=False, retries=0, **where)
        made.add_done_callback(lambda _: _end(call))
        try:
            _wait(call, seconds)
            result: T = _fetch(made, worker)
            return result
        finally:
            made.release()

    def _begin(self) -> tuple[str, Future[None]]:
        """Wait for a free worker, and note that it makes a call."""
        with self._changing:
            while not (self._free or self.stopped):
                if not self._able and time.monotonic() - self._last_able > _SECONDS_WITHOUT_WORKER:
                    raise ClusterError(
                        f"no worker is left at {self.address}; the published tables are as they were. See what ended "
                        "the workers, start some, and run again"
                    )
                self._changing.wait(_SECONDS_BETWEEN_LOOKS)
            if self.stopped:
                raise StoppedError("the run was stopped")
            worker, call = self._free.pop(0), Future[None]()
            self._under_way[call] = worker
            return worker, call

    def _give_back(self, call: Future[None]) -> None:
        with self._changing:
            worker = self._under_way.pop(call)
            if worker in self._able:
                self._free.append(worker)
            self._changing.notify()

    def _give_up(self, worker: str) -> None:
        """Use a worker no more that hangs; its nanny, if it has one, starts another in its place."""
        with self._changing:
            self._able.discard(worker)
        threading.Thread(target=self._restart, args=([worker],), daemon=True).start()

    def _restart(self, workers: list[str]) -> None:
        """End what workers are doing: in a library that can only be done by ending the process."""
        try:
            self._client.restart_workers(workers, timeout=_SECONDS_TO_RESTART, raise_for_error=False)
        except (OSError, ValueError, CancelledError) as error:  # the network; a worker without a nanny
            if self._ended.is_set() and not self.stopped:
                return  # the run has ended meanwhile, and with it the connection
            _log.warning("%s could not be started anew (%s); end them yourself", ", ".join(workers), error)
        with self._changing:
            self._met -= set(workers)

    # Who is there

    def _meet_first(self) -> None:
        if self._ground.work:
            (self._ground.work / REACHED).write_text(self._token, encoding="utf-8")
        problems = self._meet(self._present())
        if problems:
            raise ClusterError("\n  ".join([f"workers of {self.address} cannot do the work:", *problems]))
        if not self._able:
            raise ClusterError(
                f"the scheduler at {self.address} has no worker; start some (dask worker {self.address} --nthreads 1)"
            )

    def _present(self) -> set[str]:
        return set(self._client.nthreads())

    def _watch(self) -> None:
        while not self._ended.wait(_SECONDS_BETWEEN_LOOKS):
            try:
                present = self._present()
            except (OSError, ValueError, CancelledError) as error:
                # The client goes on trying to reach its scheduler; meanwhile no worker can be reached.
                _log.warning("the scheduler at %s does not answer (%s)", self.address, error)
                present = set()
            with self._changing:
                new = present - self._met
                self._let_go(self._met - present)
                if self._able:
                    self._last_able = time.monotonic()
            if new:
                threading.Thread(target=self._meet_later, args=(new,), daemon=True).start()

    def _let_go(self, gone: set[str]) -> None:
        self._met -= gone
        self._able -= gone
        self._free = [worker for worker in self._free if worker not in gone]
        for call, worker in self._under_way.items():
            if worker in gone:
                _end(call, WorkerDiedError(f"the worker {worker} is gone"))

    def _meet_later(self, new: set[str]) -> None:
        for problem in self._meet(new):
            _log.warning("a worker that came later is left out: %s", problem)

    def _meet(self, new: Iterable[str]) -> list[str]:
        """Use those of new workers that can do the work; gives what is wrong with the others."""
        with self._changing:
            self._met |= set(new)
        with ThreadPoolExecutor(_MOST_ASKED) as threads:
            problems = list(threads.map(self._ask, sorted(new)))
        return [problem for problem in problems if problem]

    def _end_looks(self) -> None:
        """Let those that ask workers who came late come to their end, as the connection does not outlive the run."""
        looks = dict(self._looks)
        for call in looks:
            _end(call, StoppedError("the run has ended"))
        for thread in looks.values():
            thread.join(_SECONDS_TO_FETCH)

    def _ask(self, worker: str) -> str | None:
        """Use a worker if it can do the work; gives what is wrong with it.

        One that does not answer is left out with a warning: a machine may hang while others work.
        """
        call = Future[None]()
        self._looks[call] = threading.current_thread()
        try:
            problem = self._run_on(worker, call, _SECONDS_TO_LOOK, look, (self._ground, self._token, self._versions))
        except StoppedError:
            return None
        except (TimeUpError, WorkerDiedError) as error:
            _log.warning("the worker %s is left out: it does not answer (%s)", worker, error)
            return None
        except Exception as error:  # whatever keeps it from importing this very module
            problem = f"fliesstext cannot be used there ({error}); install the version of this machine"
        finally:
            self._looks.pop(call, None)
        if problem:
            return f"{worker}: {problem}"
        with self._changing:
            if worker in self._met:
                self._able.add(worker)
                self._free.append(worker)
                self._changing.notify()
        return None


def _connect(address: str) -> Any:
    try:
        import dask
        from distributed import Client
    except ImportError as error:
        raise ClusterError(f"--dask needs the extra dask: pip install 'fliesstext[dask]' ({error})") from error
    # It warns of calls that take along more than 10 MB, as batches do that travel.
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"})
    try:
        return Client(address, timeout=_SECONDS_TO_CONNECT, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {address} ({error}); start one (dask scheduler) or name another (--dask)"
        ) from error


def _end(call: "Future[None]", error: BaseException | None = None) -> None:
    """End a call, unless it has ended already."""
    with suppress(InvalidStateError):
        if error is None:
            call.set_result(None)
        else:
            call.set_exception(error)


def _wait(call: "Future[None]", seconds: float) -> None:
    try:
        call.result(seconds)
    except TimeoutError as error:
        raise TimeUpError(f"the call took longer than {seconds:g} s") from error


def _fetch(made: Any, worker: str) -> Any:
    """Give what a call that has ended returned, or raise what it raised."""
    from distributed import KilledWorker

    try:
        error = made.exception(timeout=_SECONDS_TO_FETCH)
        if error is None:
            return made.result(timeout=_SECONDS_TO_FETCH)
    except (TimeoutError, CancelledError) as lost:
        raise WorkerDiedError(f"the worker {worker} was lost with what it had made ({lost})") from lost
    if isinstance(error, KilledWorker):
        raise WorkerDiedError(str(error)) from error
    raise error


def _versions(ocr: bool) -> dict[str, str]:
    """What has to be the same here and there: rows, and digests of rows, depend on it."""
    from flows.settings import library_versions, stage_versions
    from stages.read.versions import reader_versions

    stages = {f"stage {name}": version for name, version in stage_versions().items()}
    readers = dict(told.split(" ", 1) for told in reader_versions(ocr))
    return {"python": f"{sys.version_info.major}.{sys.version_info.minor}", **library_versions(), **readers, **stages}


# What workers do


def make(function: Callable[..., T], args: tuple[object, ...]) -> T:
    """Make a call on a worker, one at a time there: the tagger behind the names is no friend of threads."""
    with _one_at_a_time:
        return function(*args)


def look(ground: Ground, token: str, wanted: Mapping[str, str]) -> str | None:
    """Say what keeps this worker from doing the work; None where nothing does.

    ``token``: what stands in a file of the run's folder; ``wanted``: the versions of the run, as `_versions` has them.
    """
    # Read when Polars is imported, which has not happened here yet; else each worker takes all cores of its machine.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    from stages.discover.remote import Remote

    found = _versions(ground.ocr)
    other = [
        f"{name} {found[name]} instead of {version}" if name in found else f"no {name} instead of {version}"
        for name, version in wanted.items()
        if found.get(name) != version
    ]
    if other:
        return f"it has {', '.join(other)}; install the versions of the machine that the run is started on"
    if ground.work and not _holds(ground.work / REACHED, token):
        return f"it does not see {ground.work}; put the tables (--tables) on a drive that all workers mount there"
    if unseen := [str(folder) for folder in ground.folders if not folder.exists()]:
        return f"it does not see {', '.join(unseen)}; mount the sources there under the same path"
    for url in ground.urls:
        if why := Remote(url).refusal():
            return f"it cannot list {url} ({why}); give it the variables of the object store that this machine has"
    return _engine_lacks(ground.engine)


def _holds(file: Path, token: str) -> bool:
    try:
        return file.read_text(encoding="utf-8") == token
    except OSError:
        return False


def _engine_lacks(engine: str) -> str | None:
    from stages.extract_entities.names import check_engine

    try:
        check_engine(engine)
    except UsageError as error:
        return str(error)
    return None
