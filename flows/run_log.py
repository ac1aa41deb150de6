"""The log of a flow run: what stages say goes in, tracebacks of errors that are raised on purpose stay out."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect import get_run_logger
from prefect.logging import get_logger

from stages.errors import FliesstextError


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
