"""Drift as a page shows it: what the last run measured in each source, beside the runs before it."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

_SHARES = ("quarantine_share", "entity_heads", "language ")
_WORST = {"failed": 0, "unusual": 1, "usual": 2, "unjudged": 3}


class Measure(NamedTuple):
    """One measure of a source: the value of the last run, those of all runs in order, and what is to be said of it."""

    source: str
    name: str
    value: float
    median: float | None
    verdict: str
    n_runs: int
    is_share: bool
    values: Sequence[float]


def drift_of(rows: Iterable[Mapping[str, Any]], runs: Sequence[Mapping[str, Any]]) -> list[Measure]:
    """Give what the newest run that measured anything found, what is unusual first; ``runs``: the newest first."""
    order = {run["run_id"]: number for number, run in enumerate(runs)}
    by = itemgetter("source", "measure")
    known = sorted((row for row in rows if row["run_id"] in order), key=lambda row: (*by(row), -order[row["run_id"]]))
    last = min((order[row["run_id"]] for row in known), default=0)
    found = []
    for _, group in groupby(known, by):
        measured = list(group)
        if order[measured[-1]["run_id"]] == last:
            found.append(_measure(measured))
    return sorted(found, key=lambda one: (_WORST.get(one.verdict, 3), one.source, one.is_share, one.name))


def _measure(rows: Sequence[Mapping[str, Any]]) -> Measure:
    now = rows[-1]
    return Measure(
        now["source"], now["measure"], now["observed"], now["median"], now["verdict"], now["n_runs"],
        now["measure"].startswith(_SHARES), [row["observed"] for row in rows],
    )  # fmt: skip
