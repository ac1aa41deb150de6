"""Remove earlier snapshots and the reports of failed runs now, instead of with the next run that publishes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from stages.errors import UsageError
from stages.tables.store.choose import open_store
from stages.tables.store.folder import new_run_id


class Pruned(NamedTuple):
    """How many snapshots and reports of failed runs went, and how many snapshots are left, the published one too."""

    snapshots: int
    failed: int
    left: int

    def sentence(self) -> str:
        """Say it for people.

        >>> Pruned(3, 1, 2).sentence()
        'Removed 3 snapshots and 1 report of failed runs; 2 snapshots are left.'
        """
        gone = f"{_counted(self.snapshots, 'snapshot')} and {_counted(self.failed, 'report')} of failed runs"
        return f"Removed {gone}; {_counted(self.left, 'snapshot')} {'is' if self.left == 1 else 'are'} left."


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def prune_tables(
    tables: Path | str,
    keep_snapshots: int = 5,
    keep_days: float = 0.0,
    keep_failed: int = 10,
    wait_seconds: float = 300.0,
) -> Pruned:
    """Remove all but the newest ``keep_snapshots`` snapshots (the published one counts) and those of ``keep_days``.

    A snapshot counts by when it was replaced as the current one, as in a run. The published one stays, whatever is
    said. Of the reports that the gate kept of failed runs the newest ``keep_failed`` stay. Raises UsageError where
    nothing was published or a number is none, LockedError where a run goes on writing for ``wait_seconds``.
    """
    if keep_snapshots < 1 or keep_days < 0 or keep_failed < 0:
        raise UsageError("at least one snapshot stays, and days and reports are no less than 0; nothing was removed")
    store = open_store(tables)
    if store.current() is None:
        raise UsageError(f"{tables} holds no published tables; name their folder with --tables")
    with store.writing(new_run_id(datetime.now(UTC)), wait_seconds):
        gone, failed = store.prune(keep_snapshots, keep_days, keep_failed)
        current = store.current()
    return Pruned(gone, failed, 1 + len(current.previous) if current else 0)
