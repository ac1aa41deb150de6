"""The report of a run as one JSON object, for scripts: `fliesstext run --json`. Its keys stay."""

import json
from typing import Any

from flows.report import AttentionError, RunReport


def as_json(report: RunReport, wanted: AttentionError | None = None) -> str:
    """Give the report on one line; ``wanted``: why somebody has to look at it, else None.

    Names and reasons are as in the tables. No key is ever left out; docs/operations.md says what each means.
    """
    told: dict[str, Any] = {
        "exit_code": wanted.exit_code if wanted else 0,
        "state": wanted.state if wanted else "Completed",
        "message": str(wanted) if wanted else None,
        "run_id": report.run_id,
        "tables": report.tables,
        "snapshot": report.snapshot,
        "published": report.published,
        "counts": report.counts,
        "rows": report.rows,
        "languages": dict(report.languages),
        "n_expectations": report.n_expectations,
        "warnings": report.warnings,
        "quarantined": [_row(("source_uri", "reason_code", "reason"), row) for row in report.quarantined],
        "duplicates": [_row(("source_uri", "duplicate_of"), row) for row in report.duplicates],
        "withheld": report.withheld,
        "passed_over": report.passed_over,
        "empty": report.empty,
        "again": report.again,
        "n_corrections": report.n_corrections,
        "corrections_without_effect": report.without_effect,
        "drift": [
            {name: row[name] for name in ("source", "measure", "observed", "median", "n_runs", "deviation", "verdict")}
            for row in report.drift
        ],
        "seconds": {stage: round(spent, 3) for stage, spent in report.seconds.items()},
    }
    return json.dumps(told, ensure_ascii=False)


def error_as_json(message: str, exit_code: int) -> str:
    """Give what a command that did not publish has to say; the same keys as `as_json` has for it."""
    state = {2: "WrongUsage", 4: "Locked"}.get(exit_code, "Failed")
    return json.dumps({"exit_code": exit_code, "state": state, "message": message, "published": False})


def _row(names: tuple[str, ...], row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(names, row, strict=True))
