"""The main flow: `flows.run` as Prefect sees it, with parameters, log and states.

Run it as ``fliesstext run`` where a server is named, or as a deployment of prefect.yaml or ``fliesstext serve``.
"""

from collections.abc import Callable
from inspect import Parameter, getdoc, signature
from typing import Annotated, Any, TypeVar

from httpx import HTTPError
from prefect import State, flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.states import Failed
from pydantic import Field

from flows.events import about_run, send
from flows.report import RunReport, as_markdown, attention, story
from flows.run import refresh_tables
from flows.run_log import label_run, told_in_run_log
from flows.settings import SAMPLES, TABLES, Settings, as_parameters
from stages.discover.again import Again
from stages.errors import FliesstextError

F = TypeVar("F", bound=Callable[..., Any])
_ended: list[RunReport | FliesstextError] = []
"""How the last run of this process ended, whatever became of the server that was to keep it."""


def takes_settings(function: F) -> F:
    """Show every field of Settings as a parameter of a function that takes them as ``**settings``.

    Prefect takes types, bounds and defaults from the signature, but what a parameter means from the docstring alone.
    """
    own = [given for given in signature(function).parameters.values() if given.kind is not Parameter.VAR_KEYWORD]
    flat = [*own, *as_parameters()]
    function.__signature__ = signature(function).replace(parameters=flat)  # type: ignore[attr-defined]
    told = [f"    {given.name}: {given.annotation.__metadata__[-1].description}" for given in flat]
    function.__doc__ = "\n".join([str(getdoc(function)), "", "Args:", *told])
    return function


@flow(name="refresh", validate_parameters=True)
@takes_settings
def refresh(
    sources: Annotated[
        list[str], Field(min_length=1, description="folders, files or globs; NAME=PATH names a source")
    ] = [SAMPLES],  # noqa: B006 - never changed; Prefect shows the default to people
    tables: Annotated[
        str, Field(min_length=1, description="folder of the published tables, or URL of an object store")
    ] = TABLES,
    **settings: Any,
) -> RunReport | State[Any]:
    """Process what is new, changed or deleted below the sources, validate it, and publish all tables at once.

    ``settings`` are the fields of `Settings`, each a parameter of its own. Every file below the sources ends as
    written, unchanged, duplicate or quarantined. Raises UsageError, LockedError, GateError or TablesError, or OSError
    where the disk fails; in each case the published tables are as they were before. Raises AttentionError after
    publishing where deletions were withheld or, with ``strict``, a source is in quarantine.
    """
    return run_as_flow(sources, tables, Settings.model_validate(settings))


def run_as_flow(
    sources: list[str], tables: str, chosen: Settings, again: Again | None = None
) -> RunReport | State[Any]:
    """Do what `flows.run.refresh_tables` does, and tell it in the log, the artifacts and the state of the flow run."""
    _ended.clear()
    try:
        with told_in_run_log():
            report = refresh_tables(sources, tables, chosen, label_run, again)
        _ended.append(report)
    except FliesstextError as error:
        _ended.append(error)
        # A state of our own instead of an exception: the message says it all, a traceback in the log nothing more.
        get_run_logger().error("%s", error)
        return Failed(message=str(error), data=error)
    for level, line in story(report):
        get_run_logger().log(level, "%s", line)
    _keep(report)
    for event, payload in about_run(report):
        send(event, report.tables, payload)
    wanted = attention(report, chosen.strict)
    return Failed(name=wanted.state, message=str(wanted), data=wanted) if wanted else report


def how_it_ended(error: HTTPError) -> RunReport:
    """Give the report of a run whose end the Prefect server did not take; ``error`` says why.

    Raises what the run itself raised, and FliesstextError where it had not ended.
    """
    if not _ended:
        told = f"the Prefect server failed ({error}); the published tables are as they were, run again when it is back"
        raise FliesstextError(told) from error
    if isinstance(_ended[0], FliesstextError):
        raise _ended[0]
    return _ended[0]


def _keep(report: RunReport) -> None:
    try:
        create_markdown_artifact(as_markdown(report), key="refresh-report", description="what the run did")
    except Exception as error:
        # The tables are published; a server that cannot take the report must not call that a failure.
        get_run_logger().warning("the report could not be kept as an artifact: %s", error)
