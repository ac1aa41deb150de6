"""The deployments: a run every night, and runs, reprocessing, checks and pruning whenever somebody triggers them.

`serve_deployments` runs them from one process, `deploy_all` registers them for the workers of a work pool.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from prefect import get_client, serve
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentEventTrigger
from prefect.exceptions import ObjectNotFound
from prefect.schedules import Cron, Schedule
from prefect.types.entrypoint import EntrypointType
from prefect.workers.utilities import get_default_base_job_template_for_infrastructure_type

from flows.events import SETTLED, resource
from flows.refresh import refresh
from flows.reprocess import reprocess
from flows.server import require_server
from flows.settings import Settings
from flows.upkeep import check, prune
from stages.discover.sources import absolute
from stages.errors import UsageError
from stages.extract_entities.names.others import is_other
from stages.tables.store.objects import is_url

_NIGHTLY = "What is new, changed or deleted since last night becomes validated tables."
_AD_HOC = "The same flow whenever somebody triggers it, with parameters of their own."
_SLICE = "Documents whose files are as they were are made again: named ones, or what earlier stages and models made."
_CHECK = "Everything that is published is verified again, down to the raw characters; nothing is written."
_PRUNE = "Earlier snapshots and reports of failed runs go; the published snapshot stays."


def serve_deployments(parameters: dict[str, Any], cron: str, timezone: str, say: Callable[[str], object]) -> None:
    """Register all deployments (``refresh/nightly`` by ``cron`` in ``timezone``) and wait for runs.

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
            given[name] = file if is_url(file) else str(Path(file).absolute())
    if is_other(settings.engine):
        kind, _, folder = settings.engine.partition(":")
        given["engine"] = f"{kind}:{Path(folder).absolute()}"
    return {
        "sources": [absolute(spec) for spec in sources],
        "tables": tables if is_url(tables) else str(Path(tables).absolute()),
        **given,
    }


def deploy_all(
    parameters: dict[str, Any], cron: str, timezone: str, pool: str, say: Callable[[str], object]
) -> list[str]:
    """Register all deployments for the process work pool ``pool``, which is made where it is missing; runs nothing.

    A worker of that pool has to have fliesstext installed. Returns their names. Raises UsageError as
    `serve_deployments` does, and where the pool is of another type.
    """
    deployments = make_deployments(parameters, cron, timezone)
    require_server(say)
    _require_pool(pool)
    for deployment in deployments:
        deployment.apply(work_pool_name=pool)
    return [f"{deployment.flow_name}/{deployment.name}" for deployment in deployments]


def _require_pool(name: str) -> None:
    with get_client(sync_client=True) as client:
        try:
            found = client.read_work_pool(name)
        except ObjectNotFound:
            template = asyncio.run(get_default_base_job_template_for_infrastructure_type("process"))
            client.create_work_pool(WorkPoolCreate(name=name, type="process", base_job_template=template or {}))
            return
    if found.type != "process":
        raise UsageError(f"the work pool {name} is of type {found.type}; name a process work pool with --pool")


def make_deployments(parameters: dict[str, Any], cron: str, timezone: str) -> list[RunnerDeployment]:
    """Describe all deployments, as prefect.yaml does for a work pool; the code is found where it is installed.

    None limits its runs: whatever writes to the same tables, from wherever, waits for its turn.
    """
    # By file, a deployment that prefect.yaml had registered would keep the folder of that, which is none.
    found_by = EntrypointType.MODULE_PATH
    kept = _only(parameters, "tables", "keep_snapshots", "keep_days")
    read = _only(parameters, "tables", "sources")
    schedule = _schedule(cron, timezone)
    made = [
        refresh.to_deployment(
            "nightly", schedule=schedule, parameters=parameters, description=_NIGHTLY, entrypoint_type=found_by
        ),
        refresh.to_deployment(
            "ad-hoc",
            parameters=parameters,
            description=_AD_HOC,
            entrypoint_type=found_by,
            triggers=[_when_files_have_settled(parameters["tables"])],
        ),
        reprocess.to_deployment("slice", parameters=parameters, description=_SLICE, entrypoint_type=found_by),
        check.to_deployment("published", parameters=read, description=_CHECK, entrypoint_type=found_by),
        prune.to_deployment("snapshots", parameters=kept, description=_PRUNE, entrypoint_type=found_by),
    ]
    return [cast(RunnerDeployment, deployment) for deployment in made]


def _when_files_have_settled(tables: str) -> DeploymentEventTrigger:
    """What `fliesstext watch` sends about these tables starts a run that leaves what is still being written."""
    later = {"__prefect_kind": "jinja", "template": "{{ event.payload.later | tojson }}"}
    return DeploymentEventTrigger(
        name=f"files have settled: {tables}",
        expect={SETTLED},
        match={"prefect.resource.id": resource(tables)["prefect.resource.id"]},
        parameters={"later": {"__prefect_kind": "json", "value": later}},
    )


def _only(parameters: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name in names}


def _schedule(cron: str, timezone: str) -> Schedule:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"--timezone {timezone}: no such time zone; write one like Europe/Berlin") from error
    try:
        return Cron(cron, timezone=timezone)
    except ValueError as error:
        raise UsageError(f"--cron {cron}: no schedule; write five fields like '0 2 * * *'") from error
