"""The main flow: new, changed and deleted files below the sources become validated, published tables.

Run it as ``fliesstext run``, or as a deployment of prefect.yaml or ``fliesstext serve``. What happens in which order
stands in `flows.run`; here it meets Prefect.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from inspect import Parameter, getdoc, signature
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import Annotated, Any, TypeVar

import polars as pl
from prefect import State, flow, get_client, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture
from prefect.states import Cancelled, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from flows import steps
from flows.execute import Executor
from flows.report import RunReport, as_markdown, attention, count_found, name_run, story, tell_found
from flows.run import Job, Steps, run
from flows.run_log import told_in_run_log
from flows.settings import SAMPLES, TABLES, Settings, as_parameters
from stages.discover.sources import Source
from stages.errors import FliesstextError
from stages.tables.store.snapshots import read_current, read_table

F = TypeVar("F", bound=Callable[..., Any])


def _quiet(step: Callable[..., Path]) -> Callable[..., Any]:
    """Let a step end as cancelled, without an error in the log, when it fails because the run was stopped."""

    @wraps(step)
    def call(folder: Path, executor: Executor, *rest: Any) -> Any:
        try:
            return step(folder, executor, *rest)
        except Exception:
            if executor.stopped:
                return Cancelled(message="the run was stopped")
            raise

    return call


discover_sources = task(cache_policy=NO_CACHE)(steps.discover_sources)
# The one task that meets other people's disks, so the one that is retried.
read_batch = task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=1, task_run_name="read {folder.name}")(
    _quiet(steps.read_batch)
)
annotate_batch = task(cache_policy=NO_CACHE, task_run_name="annotate {folder.name}")(_quiet(steps.annotate_batch))
validate_batch = task(cache_policy=NO_CACHE, task_run_name="validate {folder.name}")(_quiet(steps.validate_batch))
move_batch = task(cache_policy=NO_CACHE, task_run_name="move {folder.name}")(steps.move_batch)
link = task(cache_policy=NO_CACHE)(steps.link)
assemble = task(cache_policy=NO_CACHE)(steps.assemble)
judge = task(cache_policy=NO_CACHE)(steps.judge)
publish_snapshot = task(cache_policy=NO_CACHE)(steps.publish_snapshot)


def _discover(named: list[Source], tables: Path, *rest: Any) -> Path:
    """Discover, then say in the log, the name and the tags of the flow run what it is about."""
    file: Path = discover_sources(named, tables, *rest)
    prior = read_table(tables, read_current(tables), "sources").filter(pl.col("status") != "deleted")
    found = count_found([source.name for source in named], pl.read_parquet(file, glob=False), prior["source_uri"])
    for line in tell_found(found):
        get_run_logger().info("%s", line)
    _label(name_run(found), [*(f"source:{name}" for name in found), f"tables:{tables.resolve()}"])
    return file


def _label(name: str, tags: Sequence[str]) -> None:
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    try:
        with get_client(sync_client=True) as client:
            client.update_flow_run(context.flow_run.id, name=name, tags=sorted({*context.flow_run.tags, *tags}))
    except Exception as error:
        get_run_logger().warning("the run could not be named %r: %s", name, error)


def _through(folders: Sequence[Path], executor: Executor, job: Job) -> Iterator[Path]:
    """Send batches through read, annotate and validate side by side; gives each folder when it is done.

    A step is handed to Prefect when the one before it has ended: one that waits would hold a thread. Twice as many
    batches as worker processes are under way, so that a worker never waits for Prefect's books, and no more.
    """
    chain: tuple[Callable[[Path], PrefectFuture[Path]], ...] = (
        lambda folder: read_batch.submit(folder, executor, job.roots, job.settings),
        lambda folder: annotate_batch.submit(folder, executor, job.settings, job.run_id, job.started),
        lambda folder: validate_batch.submit(folder, executor, job.settings),
    )
    ended: SimpleQueue[tuple[int, PrefectFuture[Path]]] = SimpleQueue()

    def start(step: int, folder: Path) -> None:
        chain[step](folder).add_done_callback(lambda future: ended.put((step, future)))

    waiting, under_way = iter(folders), 0
    while True:
        for folder in islice(waiting, 2 * max(1, executor.n) - under_way):
            start(0, folder)
            under_way += 1
        if not under_way:
            return
        step, future = ended.get()
        folder = future.result()
        if step + 1 < len(chain):
            start(step + 1, folder)
        else:
            under_way -= 1
            yield folder


_TASKS = Steps(_discover, move_batch, _through, link, assemble, judge, publish_snapshot)


def _takes_settings(function: F) -> F:
    """Show every field of Settings as a parameter of a function that takes them as ``**settings``.

    Prefect takes types, bounds and defaults from the signature, but what a parameter means from the docstring alone.
    """
    own = [given for given in signature(function).parameters.values() if given.kind is not Parameter.VAR_KEYWORD]
    flat = [*own, *as_parameters()]
    function.__signature__ = signature(function).replace(parameters=flat)  # type: ignore[attr-defined]
    told = [f"    {given.name}: {given.annotation.__metadata__[-1].description}" for given in flat]
    function.__doc__ = "\n".join([str(getdoc(function)), "", "Args:", *told])
    return function


# As many threads as there are batches under way; `_through` bounds those.
@flow(name="refresh", task_runner=ThreadPoolTaskRunner(), validate_parameters=True)  # type: ignore[arg-type]
@_takes_settings
def refresh(
    sources: Annotated[
        list[str], Field(min_length=1, description="folders, files or globs; NAME=PATH names a source")
    ] = [SAMPLES],  # noqa: B006 - never changed; Prefect shows the default to people
    tables: Annotated[str, Field(description="folder of the published tables")] = TABLES,
    **settings: Any,
) -> RunReport | State[Any]:
    """Process what is new, changed or deleted below the sources, validate it, and publish all tables at once.

    ``settings`` are the fields of `Settings`, each a parameter of its own. Every file below the sources ends as
    written, unchanged, duplicate or quarantined. Raises UsageError, LockedError, GateError or TablesError, or OSError
    where the disk fails; in each case the published tables are as they were before. Raises AttentionError after
    publishing where deletions were withheld or, with ``strict``, a source is in quarantine.
    """
    chosen = Settings.model_validate(settings)
    try:
        with told_in_run_log():
            report = run(sources, Path(tables), chosen, _TASKS)
    except FliesstextError as error:
        # A state of our own instead of an exception: the message says it all, a traceback in the log nothing more.
        get_run_logger().error("%s", error)
        return Failed(message=str(error), data=error)
    for level, line in story(report):
        get_run_logger().log(level, "%s", line)
    _keep(report)
    wanted = attention(report, chosen.strict)
    return Failed(name=wanted.state, message=str(wanted), data=wanted) if wanted else report


def _keep(report: RunReport) -> None:
    try:
        create_markdown_artifact(as_markdown(report), key="refresh-report", description="what the run did")
    except Exception as error:
        # The tables are published; a server that cannot take the report must not call that a failure.
        get_run_logger().warning("the report could not be kept as an artifact: %s", error)
