"""Flows that look after published tables: `check` verifies them again, `prune` removes what is old.

Run them as ``fliesstext check`` and ``fliesstext prune``, or as the deployments ``check/published`` and
``prune/snapshots``.
"""

from typing import Annotated, Any

from prefect import State, flow, get_run_logger
from prefect.states import Failed
from pydantic import Field

from flows.check import Check, check_tables
from flows.prune import Pruned, prune_tables
from flows.settings import TABLES
from stages.errors import FliesstextError

_MOST_LOGGED = 100

Tables = Annotated[str, Field(description="folder of the published tables")]


@flow(name="check", validate_parameters=True)
def check(tables: Tables = TABLES, sources: list[str] = []) -> Check | State[Any]:  # noqa: B006 - never changed
    """Verify everything that is published; ends as failed, in the state ``Wrong``, where anything is not right.

    Nothing is written. Raises UsageError where nothing was published in ``tables``.

    Args:
        tables: folder of the published tables
        sources: sources whose raw files are compared too, named as for a run
    """
    log = get_run_logger()
    try:
        done = check_tables(tables, sources)
    except FliesstextError as error:
        return _refused(error)
    for problem in done.problems[:_MOST_LOGGED]:
        log.error("%s", problem)
    log.info("%s", done.sentence())
    return Failed(name="Wrong", message=done.sentence(), data=None) if done.problems else done


@flow(name="prune", validate_parameters=True)
def prune(
    tables: Tables = TABLES,
    keep_snapshots: Annotated[int, Field(ge=1)] = 5,
    keep_days: Annotated[float, Field(ge=0)] = 0.0,
    keep_failed: Annotated[int, Field(ge=0)] = 10,
    wait_seconds: Annotated[float, Field(ge=0)] = 300.0,
) -> Pruned | State[Any]:
    """Remove earlier snapshots and the reports of failed runs; the published snapshot stays.

    Raises as `flows.prune.prune_tables` does.

    Args:
        tables: folder of the published tables
        keep_snapshots: published snapshots to keep, the current one included
        keep_days: keep a snapshot at least so many days after the next one was published
        keep_failed: reports of failed runs to keep, the newest
        wait_seconds: seconds to wait for a run that is writing to the same tables
    """
    try:
        done = prune_tables(tables, keep_snapshots, keep_days, keep_failed, wait_seconds)
    except FliesstextError as error:
        return _refused(error)
    get_run_logger().info("%s", done.sentence())
    return done


def _refused(error: FliesstextError) -> State[Any]:
    """Give a state of our own: the message says it all, a traceback in the log nothing more."""
    get_run_logger().error("%s", error)
    return Failed(message=str(error), data=error)
