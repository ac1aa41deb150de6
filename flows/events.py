"""What other things can be started by: events, sent to the Prefect server that PREFECT_API_URL names.

Each concerns the resource ``fliesstext.tables.TABLES``. An automation of that server may act on them.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flows.report import RunReport
from stages.discover.inbox import Settled
from stages.tables.store.objects import is_url

SETTLED = "fliesstext.files.settled"
QUARANTINED = "fliesstext.sources.quarantined"
WITHHELD = "fliesstext.deletions.withheld"
DRIFTED = "fliesstext.drift"
_MOST_NAMED = 50


def resource(tables: str) -> dict[str, str]:
    """Name published tables as a resource, from wherever they are named."""
    where = tables if is_url(tables) else str(Path(tables).absolute())
    return {"prefect.resource.id": f"fliesstext.tables.{where}", "prefect.resource.name": where}


def send(event: str, tables: str, payload: Mapping[str, Any]) -> bool:
    """Send an event, where a server is named that somebody may listen on; tells whether it was taken to be sent."""
    from prefect.events import emit_event
    from prefect.settings import PREFECT_API_URL

    return bool(PREFECT_API_URL.value()) and emit_event(event, resource(tables), payload=dict(payload)) is not None


def about_files(settled: Settled) -> dict[str, Any]:
    """Say which files have settled: the payload of `SETTLED`, whose ``later`` is a parameter of the run to start."""
    return {"n": len(settled.uris), "first": settled.uris[:_MOST_NAMED], "later": settled.waiting}


def about_run(report: RunReport) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the events of a run that published, or found nothing to do: quarantine, withheld deletions, drift."""
    run = {"run_id": report.run_id, "snapshot": report.snapshot}
    if report.quarantined and report.published:
        first = [dict(zip(("source_uri", "code"), row[:2], strict=True)) for row in report.quarantined[:_MOST_NAMED]]
        yield QUARANTINED, run | {"n": len(report.quarantined), "first": first}
    if report.withheld:
        yield WITHHELD, run | {"documents": report.withheld}
    if report.drift:
        told = ("source", "measure", "value", "median", "verdict")
        yield DRIFTED, run | {"measures": [{name: row[name] for name in told} for row in report.drift]}
