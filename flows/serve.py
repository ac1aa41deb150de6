"""Serve the deployments from one process: scheduled every night, and ad hoc whenever somebody triggers it."""

from typing import cast

from prefect import serve
from prefect.deployments.runner import RunnerDeployment

from flows.refresh import refresh
from flows.settings import Settings


def serve_deployments(sources: list[str], tables: str, cron: str) -> None:
    """Register ``refresh/nightly`` (by ``cron``, one run at a time) and ``refresh/ad-hoc`` and wait for runs.

    Both need a Prefect server (``prefect server start``) that PREFECT_API_URL names. Ends with the process.
    """
    parameters = {"sources": sources, "tables": tables, "settings": Settings().model_dump(mode="json")}
    nightly = refresh.to_deployment(
        "nightly", cron=cron, parameters=parameters, concurrency_limit=1, description="every night, one at a time"
    )
    ad_hoc = refresh.to_deployment(
        "ad-hoc", parameters=parameters, concurrency_limit=1, description="when somebody asks for it"
    )
    serve(cast(RunnerDeployment, nightly), cast(RunnerDeployment, ad_hoc))
