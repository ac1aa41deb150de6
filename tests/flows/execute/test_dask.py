"""A Dask cluster does what processes of this machine do; what dies, hangs or is not there costs nobody else anything.

Scheduler and workers are real ones on the loopback, started by Dask's own command.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from distributed import Client

from flows.execute import ClusterError, TimeUpError, WorkerDiedError
from flows.execute.dask import Cluster, Ground, look
from flows.report import RunReport
from stages.errors import StoppedError
from tests.faults import deadly
from tests.faults.harness import COMMAND, ROOT, article, assert_same, assert_tidy, fast_gate, published, run_here

pytestmark = pytest.mark.integration
LONG = 120.0
DASK = str(Path(sys.executable).with_name("dask"))


@contextmanager
def started(
    *arguments: str, folder: Path, before: tuple[str, ...] = (), **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """One of Dask's programs, and what it started, ended by its group; ``before`` it: a program that starts it."""
    told = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    with (folder / "log").open("ab") as log:
        program = subprocess.Popen(
            [*before, DASK, *arguments], cwd=folder, env=told, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield program
        finally:
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()


@contextmanager
def scheduler(folder: Path, **environment: str) -> Iterator[str]:
    named = folder / "scheduler.json"
    wanted = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(named))
    with started("scheduler", *wanted, folder=folder, **environment):
        with Client(scheduler_file=str(named), timeout=LONG, set_as_default=False) as client:
            address = client.scheduler.address
        yield address


@contextmanager
def cluster(folder: Path, n: int, *options: str, before: tuple[str, ...] = (), **environment: str) -> Iterator[str]:
    """The address of a scheduler with ``n`` workers of one thread each."""
    with ExitStack() as stack:
        address = stack.enter_context(scheduler(folder, **environment))
        for _ in range(n):
            wanted = ("--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard", *options)
            stack.enter_context(started("worker", address, *wanted, folder=folder, before=before))
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(n, timeout=LONG)
        yield address


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with cluster(tmp_path_factory.mktemp("cluster"), 2) as address:
        yield address


@pytest.fixture
def press(tmp_path: Path) -> Path:
    folder = tmp_path / "press"
    folder.mkdir()
    for i in range(60):
        (folder / f"{i:02}.txt").write_text(article(i), encoding="utf-8")
    return folder


def run_there(press: Path, tables: Path, address: str, **settings: object) -> RunReport:
    with fast_gate():
        return run_here([press], tables, dask=address, batch_size=5, engine="none", **settings)


def assert_as_here(press: Path, tables: Path) -> None:
    with fast_gate():
        run_here([press], tables.with_name("here"), engine="none")
    assert_same(published(tables), published(tables.with_name("here")))
    assert_tidy(tables)


def test_what_hangs_dies_or_raises_costs_no_other_call_anything(two_workers: str, tmp_path: Path) -> None:
    with Cluster(two_workers, Ground(tmp_path)) as executor, ThreadPoolExecutor(6) as threads:
        assert executor.n == 2
        assert executor.run(LONG, len, bytes(12 << 20)) == 12 << 20, "and nobody is warned of what travels"
        fine = [threads.submit(executor.run, LONG, time.sleep, 0.2) for _ in range(6)]
        with pytest.raises(WorkerDiedError):
            executor.run(LONG, deadly.die)
        with pytest.raises(TimeUpError, match="longer than 2 s"):
            executor.run(2, deadly.hang, 3_600)
        with pytest.raises(ValueError, match="negative"):
            executor.run(LONG, time.sleep, -1)
        assert [call.result(LONG) for call in fine] == [None] * 6
        until, there = time.monotonic() + LONG, set[int]()
        while len(there) < 2 and time.monotonic() < until:
            since = time.monotonic()
            there = set(threads.map(lambda _: executor.run(LONG, deadly.pid_after, 0.5), range(6)))
            seconds = time.monotonic() - since
        assert len(there) == 2, "those that died or hung are there again"
        assert os.getpid() not in there
        assert seconds > 1.5, "one call at a time on each"


def test_the_rows_are_those_of_this_machine(press: Path, two_workers: str, tmp_path: Path) -> None:
    run_there(press, tmp_path / "tables", two_workers)
    (press / "07.txt").write_text(article(99), encoding="utf-8")
    (press / "08.txt").unlink()
    again = run_there(press, tmp_path / "tables", two_workers)
    assert (again.counts["n_written"], again.counts["n_deleted"]) == (1, 1)
    assert_as_here(press, tmp_path / "tables")


def test_a_model_is_loaded_once_by_each_worker(press: Path, two_workers: str, tmp_path: Path) -> None:
    with Client(two_workers, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=LONG)
        before = client.run(deadly.models_loaded)
        with fast_gate():
            run_here([press], tmp_path / "tables", dask=two_workers, batch_size=5, engine="fast")
        after = client.run(deadly.models_loaded)
    assert len(after) == 2
    for worker, (loaded, asked) in after.items():
        assert loaded == 1
        assert asked > before[worker][1], "and it worked"


def test_the_command_works_there_with_paths_below_the_current_folder(
    press: Path, two_workers: str, tmp_path: Path
) -> None:
    wanted = ("run", "press", "--tables", "tables", "--dask", two_workers, "--languages", "de", "--engine", "none")
    told = subprocess.run([*COMMAND, *wanted], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "distributed" not in told.stderr, "what Dask says to itself is not for people"
    assert_as_here(press, tmp_path / "tables")


def test_the_commands_of_the_readme(press: Path, tmp_path: Path) -> None:
    """Typed as they stand, but for what one machine has others of: the address, the folders, how many workers."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [lines] = re.findall(r"<!-- recipe: dask -->\n```sh\n(.*?)```", readme, re.DOTALL)
    first, *others = (line.partition("#")[0].strip() for line in lines.splitlines())
    assert first == "dask scheduler"
    with scheduler(tmp_path) as address:
        put = {
            "tcp://scheduler:8786": address,
            "/mnt/press": str(press),
            "/mnt/tables": "tables",
            "workers 8": "workers 2",
        }
        worker, run = (re.sub("|".join(put), lambda found: put[found[0]], line) for line in others)
        with started(*worker.split()[1:], "--no-dashboard", folder=tmp_path):
            with Client(address, set_as_default=False) as client:
                client.wait_for_workers(2, timeout=LONG)
            words = (*run.split()[1:], "--languages", "de", "--engine", "none")
            done = subprocess.run([*COMMAND, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
    assert_as_here(press, tmp_path / "tables")


@contextmanager
def in_mid_run(address: str, tables: Path, number: int) -> Iterator[None]:
    """Send a signal to one of the workers as soon as it has read a batch."""
    with Client(address, set_as_default=False) as client:
        worker, *_ = client.run(os.getpid).values()
    sent: list[bool] = []

    def send() -> None:
        until = time.monotonic() + LONG
        while not list(tables.glob("work/*/batches/*/texts.parquet")) and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(worker, number)
        sent.append((tables / "work").exists())

    sender = threading.Thread(target=send)
    sender.start()
    yield
    sender.join(LONG)
    assert sent == [True], "a worker met it while the run was at work"


def test_a_worker_killed_in_mid_run_costs_no_document(press: Path, two_workers: str, tmp_path: Path) -> None:
    with in_mid_run(two_workers, tmp_path / "tables", signal.SIGKILL):
        report = run_there(press, tmp_path / "tables", two_workers)
    assert report.quarantined == []
    assert_as_here(press, tmp_path / "tables")


def test_the_document_that_kills_workers_alone_is_quarantined(
    press: Path, two_workers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.batch.Batch.annotate", deadly.annotate_batch)
    (press / "31.txt").write_text(f"{article(31)}\n{deadly.KILL}.\n", encoding="utf-8")
    report = run_there(press, tmp_path / "tables", two_workers)
    assert [(uri, code) for uri, code, _ in report.quarantined] == [("press/31.txt", "worker_died")]
    assert report.counts["n_written"] == 59
    monkeypatch.undo()
    run_there(press, tmp_path / "tables", two_workers)
    assert_as_here(press, tmp_path / "tables")


@pytest.mark.parametrize(("nanny", "seconds"), [("--nanny", 15.0), ("--no-nanny", 15.0), ("--no-nanny", 300.0)])
def test_a_worker_that_stops_for_good_costs_no_document(
    press: Path, tmp_path: Path, nanny: str, seconds: float
) -> None:
    """Found out by the time limit of its call or, where that is long, by the scheduler, which misses its heartbeat."""
    tables = tmp_path / "tables"
    with (
        cluster(tmp_path, 2, nanny, DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL="12s") as address,
        in_mid_run(address, tables, signal.SIGSTOP),
    ):
        report = run_there(press, tables, address, max_seconds=seconds)
    assert report.quarantined == []
    assert_as_here(press, tmp_path / "tables")


def test_what_the_cluster_lacks_is_said_before_the_work(
    press: Path, two_workers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.execute.dask._SECONDS_TO_CONNECT", 2.0)
    tables = tmp_path / "tables"
    with scheduler(tmp_path) as alone, pytest.raises(ClusterError, match=f"{alone} has no worker; start some"):
        run_there(press, tables, alone)
    with pytest.raises(ClusterError, match="no Dask scheduler answers at tcp"):
        run_there(press, tables, "tcp://127.0.0.1:9")
    with pytest.raises(ClusterError, match="does not see /nowhere; mount the sources there"):
        Cluster(two_workers, Ground(tmp_path, [Path("/nowhere")])).__enter__()
    with pytest.raises(ClusterError, match=r"cannot list s3://nowhere/press \(.*give it the variables"):
        Cluster(two_workers, Ground(None, urls=["s3://nowhere/press"])).__enter__()
    with pytest.raises(ClusterError, match="there is no folder /nowhere"):
        Cluster(two_workers, Ground(tmp_path, engine="spacy:/nowhere")).__enter__()
    # Another drive under the same path is another folder: what the run wrote there is not there.
    ground = Ground(tmp_path)
    with Cluster(two_workers, ground) as one:
        assert "put the tables" in str(one.run(LONG, look, ground, "of another run", {}))
        assert "it has polars" in str(one.run(LONG, look, ground, one._token, {"polars": "1.0"}))
        assert "it has no antiword instead of 1.0" in str(one.run(LONG, look, ground, one._token, {"antiword": "1.0"}))
    assert not (tables / "CURRENT.json").exists()
    assert not (tables / "work").exists()


def test_workers_that_all_die_end_the_run_with_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.execute.dask._SECONDS_WITHOUT_WORKER", 3.0)
    with (
        cluster(tmp_path, 1, "--no-nanny") as address,
        Cluster(address, Ground(tmp_path)) as executor,
        pytest.raises(ClusterError, match="no worker is left"),
    ):
        executor.run(LONG, deadly.die)


def interrupt_after(seconds: float) -> None:
    time.sleep(seconds)
    raise KeyboardInterrupt


def test_a_stopped_run_ends_what_its_workers_do(two_workers: str, tmp_path: Path) -> None:
    ended: list[BaseException] = []

    def call(executor: Cluster) -> None:
        try:
            executor.run(LONG, deadly.hang, 3_600)
        except StoppedError as stopped:
            ended.append(stopped)

    with Client(two_workers, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=LONG)
        before = set(client.run(os.getpid).values())
        executor = Cluster(two_workers, Ground(tmp_path))
        threads = [threading.Thread(target=call, args=(executor,)) for _ in range(3)]
        since = time.monotonic()
        for thread in threads:
            thread.start()  # they wait until the executor is entered
        with pytest.raises(KeyboardInterrupt), executor:
            interrupt_after(3)
        for thread in threads:
            thread.join(LONG)
        assert (len(ended), executor.stopped) == (3, True)
        assert time.monotonic() - since < 60
        assert not before & set(client.run(os.getpid).values()), "nobody goes on with what was stopped"
