"""Process: batches side by side through read, annotate and validate, and what becomes of those no worker survives."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path

import polars as pl

from flows import steps
from flows.batch import Batch, cut_batches
from flows.execute import Executor
from flows.execute.processes import Processes, worthwhile
from flows.progress import progress_bar
from flows.resume import keep, take_over
from flows.steps import Run
from stages.discover.remote import Remote
from stages.tables.store.objects import is_url


def process(run: Run, decided: pl.LazyFrame, *, sheltered: bool) -> list[Batch]:
    """Make the rows of all documents that are new, changed or moved; returns their batches in order.

    A batch that its worker process does not survive, or whose texts are too much for memory, is cut into smaller
    ones, until a document at fault stands alone and goes to quarantine. ``sheltered``: work in another process even if
    there is little to do.
    """
    size, to_process = run.settings.batch_size, pl.col("action") == "process"
    moves = cut_batches(decided.filter(pl.col("action") == "move").collect(), run.work / "moves", size)
    left, rest = take_over(run, decided.filter(to_process, ~pl.col("alone")).collect())
    todo = left + cut_batches(rest, run.work / "batches", size)
    del rest  # of a million documents hundreds of megabytes
    # What no worker process survived the last time must neither end this process nor take others along.
    risky = cut_batches(decided.filter(to_process, "alone").collect(), run.work / "alone", 1)
    todo += risky
    made = [steps.move(run, batch) for batch in moves]
    with _place(run, len(todo), at_least=int(sheltered), risky=bool(risky)) as executor:
        total = sum(batch.n_sources for batch in todo)
        with progress_bar("processing documents", total) as advance:
            while todo:
                smaller: list[Batch] = []
                for batch in side_by_side(run, todo, executor):
                    if batch.has_failed and batch.n_sources > 1:
                        smaller += batch.split()
                        continue
                    advance(batch.n_sources)
                    made.append(batch.give_up() if batch.has_failed else batch)
                todo = smaller
    return sorted(made)


def require_cluster(run: Run) -> None:
    """Raise ClusterError where a cluster is named that cannot do the work; before anything is done, not after."""
    if run.settings.dask:
        with _cluster(run, run.settings.dask):
            pass


def _cluster(run: Run, address: str) -> Executor:
    # Needed by whoever names one alone.
    from flows.execute.dask import Cluster, Ground

    folders = [root for root in run.roots.values() if isinstance(root, Path) and root.exists()]
    urls = [str(root) for root in run.roots.values() if isinstance(root, Remote) and not root.refusal()]
    # Beside tables on an object store there is no drive that machines share.
    work = None if is_url(run.store.where) else run.work
    return Cluster(address, Ground(work, folders, urls, run.settings.engine, run.settings.ocr))


def _place(run: Run, n_batches: int, *, at_least: int, risky: bool) -> Executor:
    """Say where the batches are worked on."""
    if run.settings.dask and n_batches:
        return _cluster(run, run.settings.dask)
    wanted = run.settings.workers
    # A process for which there is no batch would still begin and load.
    n = worthwhile(n_batches, at_least) if wanted is None else min(wanted, n_batches)
    return Processes(max(n, int(risky)))


def side_by_side(run: Run, batches: Sequence[Batch], executor: Executor) -> Iterator[Batch]:
    """Send batches through their steps, and give each when it has gone through.

    Twice as many are under way as the executor works on at once, so that a worker never waits for the orchestrator's
    books, and no more.
    """
    with _threads(2 * max(1, executor.n)) as threads:
        # Each thread tells Prefect in a context of its own that it belongs to this flow run.
        under_way = [threads.submit(copy_context().run, _go_through, run, batch, executor) for batch in batches]
        for ended in as_completed(under_way):
            yield ended.result()


def _go_through(run: Run, batch: Batch, executor: Executor) -> Batch:
    if not batch.is_annotated:
        batch = keep(run, steps.annotate(run, steps.read(run, batch, executor), executor))
    return steps.validate(run, batch, executor)


@contextmanager
def _threads(n: int) -> Iterator[ThreadPoolExecutor]:
    """Threads of which no more begin anything once one has failed; whoever leaves with an error does not wait."""
    threads = ThreadPoolExecutor(n, thread_name_prefix="batch")
    try:
        yield threads
    except BaseException:
        threads.shutdown(wait=False, cancel_futures=True)
        raise
    threads.shutdown()
