"""What a flow run tells in Prefect while it runs: its name, its tags and its log.

What stages say goes into the log, tracebacks of errors that are raised on purpose stay out.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl
from prefect import get_client, get_run_logger
from prefect.context import FlowRunContext
from prefect.logging import get_logger

from flows.report import count_found, name_run, tell_found
from flows.steps import Run
from stages.discover.sources import Source
from stages.errors import FliesstextError


def label_run(run: Run, named: Sequence[Source], decided: pl.LazyFrame) -> None:
    """Say in the log, the name and the tags of the flow run what it is about; nothing where no flow runs."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    prior = run.store.scan(run.previous, "sources").filter(pl.col("status") != "deleted").select("source_uri").collect()
    asked = decided.select("source_uri", "action", "in_scope").collect()
    found = count_found([source.name for source in named], asked, prior["source_uri"])
    for line in tell_found(found):
        get_run_logger().info("%s", line)
    tags = {*context.flow_run.tags, *(f"source:{name}" for name in found), f"tables:{run.store.where}"}
    name = name_run(found)
    try:
        with get_client(sync_client=True) as client:
            client.update_flow_run(context.flow_run.id, name=name, tags=sorted(tags))
    except Exception as error:
        get_run_logger().warning("the run could not be named %r: %s", name, error)


@contextmanager
def told_in_run_log() -> Iterator[None]:
    """Bring what a stage says meanwhile (for whom it waits) into the log of the flow run."""
    handler, stages = _ToRunLog(get_run_logger()), logging.getLogger("stages")
    stages.addHandler(handler)
    try:
        yield
    finally:
        stages.removeHandler(handler)


class _ToRunLog(logging.Handler):
    def __init__(self, log: Any) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.log(record.levelno, "%s", record.getMessage())


def _quiet(record: logging.LogRecord) -> bool:
    """Pass an error of ours without its traceback, as its message says it all, and a cancelled task as no error.

    In the log of the flow run the message stands already: there, and where its process reports whatever made the flow
    fail, Prefect's own line ("unexpected exception") is dropped.
    """
    if record.getMessage().startswith("Finished in state Cancelled("):
        record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
    if not record.exc_info or not isinstance(record.exc_info[1], FliesstextError):
        return True
    record.exc_info = None
    return record.name == _TASK_RUNS.name


_TASK_RUNS = get_logger("task_runs")
for _log in (_TASK_RUNS, get_logger("flow_runs"), get_logger("engine")):
    _log.addFilter(_quiet)
