"""Serve the deployments from one process: scheduled every night, and ad hoc whenever somebody triggers it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from prefect import serve
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron, Schedule

from flows.refresh import refresh
from flows.server import require_server
from flows.settings import Settings
from stages.discover.sources import absolute
from stages.errors import UsageError
from stages.extract_entities.names.others import is_other
from stages.tables.store.objects import is_url

_NIGHTLY = "What is new, changed or deleted since last night becomes validated tables."
_AD_HOC = "The same flow whenever somebody triggers it, with parameters of their own."


def serve_deployments(parameters: dict[str, Any], cron: str, timezone: str, say: Callable[[str], object]) -> None:
    """Register ``refresh/nightly`` (by ``cron`` in ``timezone``) and ``refresh/ad-hoc`` and wait for runs.

    ``parameters`` come from `to_parameters`. Ends with the process. Raises UsageError when the schedule is none, or
    when no Prefect server is ready where PREFECT_API_URL says.
    """
    deployments = make_deployments(parameters, cron, timezone)
    require_server(say)
    serve(*deployments)


def to_parameters(sources: Sequence[str], tables: str, settings: Settings) -> dict[str, Any]:
    """Give the parameters of a deployment: those that were set, with paths that mean the same from any folder."""
    given = settings.model_dump(mode="json", exclude_unset=True)
    for name in ("authority", "metadata", "corrections"):
        if (file := getattr(settings, name)) is not None:
            given[name] = str(Path(file).absolute())
    if is_other(settings.engine):
        kind, _, folder = settings.engine.partition(":")
        given["engine"] = f"{kind}:{Path(folder).absolute()}"
    return {
        "sources": [absolute(spec) for spec in sources],
        "tables": tables if is_url(tables) else str(Path(tables).absolute()),
        **given,
    }


def make_deployments(parameters: dict[str, Any], cron: str, timezone: str) -> list[RunnerDeployment]:
    """Describe the two deployments, as prefect.yaml does for a work pool.

    Neither limits its runs: whatever writes to the same tables, from wherever, waits for its turn.
    """
    nightly = refresh.to_deployment(
        "nightly", schedule=_schedule(cron, timezone), parameters=parameters, description=_NIGHTLY
    )
    ad_hoc = refresh.to_deployment("ad-hoc", parameters=parameters, description=_AD_HOC)
    return [cast(RunnerDeployment, nightly), cast(RunnerDeployment, ad_hoc)]


def _schedule(cron: str, timezone: str) -> Schedule:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"--timezone {timezone}: no such time zone; write one like Europe/Berlin") from error
    try:
        return Cron(cron, timezone=timezone)
    except ValueError as error:
        raise UsageError(f"--cron {cron}: no schedule; write five fields like '0 2 * * *'") from error
