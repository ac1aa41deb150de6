"""Metrics: what the last run did and what stands, in the text form that Prometheus reads."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from stages.errors import UsageError
from stages.tables.store.choose import open_store


def metrics_of(tables: Path | str) -> str:
    """Give the metrics of published tables; raises UsageError where nothing was published."""
    store = open_store(tables)
    current = store.current()
    if current is None:
        raise UsageError(f"{tables}: nothing was published there; name the folder of the tables with --tables")
    last = store.read(current, "runs").filter(pl.col("run_id") == current.run_id).row(0, named=True)
    reasons = store.read(current, "quarantine").group_by("rule").agg(pl.col("source_uri").n_unique()).sort("rule")
    drift = store.read(current, "drift").filter(pl.col("run_id") == current.run_id, pl.col("deviation").is_not_null())
    registry = CollectorRegistry()
    _tell(
        registry,
        "started_timestamp_seconds",
        "start of the last run that published",
        (),
        [((), _unix(last, "started_at"))],
    )
    _tell(registry, "finished_timestamp_seconds", "its end", (), [((), _unix(last, "finished_at"))])
    seconds = [((one["stage"],), one["seconds"]) for one in last["seconds"]]
    _tell(registry, "stage_seconds", "seconds of the last run by stage", ("stage",), seconds)
    counts = [((name.removeprefix("n_"),), last[name]) for name in last if name.startswith("n_")]
    _tell(registry, "run_count", "what the last run counted, as in the table runs", ("what",), counts)
    rows = [((name,), n) for name, n in current.n_rows().items()]
    _tell(registry, "rows", "rows that are published", ("table",), rows)
    _tell(
        registry, "quarantined", "sources in quarantine", ("rule",), [((rule,), n) for rule, n in reasons.iter_rows()]
    )
    far = [
        ((source, measure), far) for source, measure, far in drift.select("source", "measure", "deviation").iter_rows()
    ]
    _tell(registry, "drift_deviation", "deviation from the last runs, 0 to 1", ("source", "measure"), far)
    return generate_latest(registry).decode()


def _unix(row: Mapping[str, object], name: str) -> float:
    return float(row[name].timestamp())  # type: ignore[attr-defined]


def _tell(
    registry: CollectorRegistry, name: str, what: str, labels: tuple[str, ...],
    values: Iterable[tuple[tuple[str, ...], float]],
) -> None:  # fmt: skip
    gauge = Gauge(f"fliesstext_{name}", what, labels, registry=registry)
    for label, value in values:
        (gauge.labels(*label) if labels else gauge).set(value)
