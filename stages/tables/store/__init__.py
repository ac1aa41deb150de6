"""Store: what keeps the published tables. Runs, checks and readers of this project ask it and nothing else.

A state of all tables is a *snapshot*. It is written beside the published one and then becomes the published one in a
single step. `local.LocalSnapshots` keeps snapshots in a folder; another kind of place is one more module here with a
class that keeps `Store`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import polars as pl

from stages.tables.store.publish import NewRows
from stages.tables.store.snapshots import Snapshot

__all__ = ["NewRows", "Snapshot", "Store"]


class Store(Protocol):
    """Keeps the tables of one corpus; ``where`` names the place for people.

    Its errors: UsageError where the place is not ours, LockedError where another run writes, TablesError where what
    was published is damaged or the place gives out.
    """

    where: str

    # Writing

    def require_ours(self, roots: Iterable[object] = ()) -> None:
        """Refuse a place that a run over sources with these roots must not publish in; writes nothing."""
        ...

    def writing(self, run_id: str, wait: float = 0.0) -> AbstractContextManager[bool]:
        """Hold the right to write, waiting up to ``wait`` seconds for it; gives whether the last writer died."""
        ...

    def is_disturbed(self) -> bool:
        """Tell whether a run is writing, or the last one that was did not come to its end."""
        ...

    def work_folder(self, run_id: str) -> Path:
        """Make a folder for the batches of a run; `clear_leftovers` removes it.

        It is empty, but for what runs that died have left in theirs, which then lies in its folder ``left``.
        """
        ...

    def save(self, work: Path, path: Path) -> None:
        """Keep a file or a batch of the work folder ``work`` for the run after it, should this one die.

        Does nothing where the work folder itself lies with the tables.
        """
        ...

    def fetch_saved(self, left: Path) -> None:
        """Bring what a run that died has saved into its folder in ``left``; what cannot be read stays away."""
        ...

    def build(
        self, previous: Snapshot | None, run_id: str, rows: Sequence[NewRows],
        whole: Mapping[str, pl.DataFrame | pl.LazyFrame], replaced: Sequence[str], at_once: int = 1,
    ) -> Snapshot:  # fmt: skip
        """Write the next snapshot, but for `runs`, without publishing it.

        The rows of the documents ``replaced`` go, ``rows`` come; ``whole`` are the tables that are given whole.
        ``at_once``: parts that are made side by side; each is held in memory meanwhile.
        Raises GateError where a row lacks a value that its table promises.
        """
        ...

    def add(self, snapshot: Snapshot, table: str, frame: pl.DataFrame) -> Snapshot:
        """Write a table that has no doc_id, complete, into a snapshot that is not published yet."""
        ...

    def add_file(self, snapshot: Snapshot, name: str, text: str) -> None:
        """Write a file that is no table into a snapshot that is not published yet; it goes with the snapshot."""
        ...

    def publish(self, snapshot: Snapshot, results: str, keep: int, keep_days: float) -> Snapshot:
        """Make a snapshot the published one, all tables at once, with the ``results`` of its validation beside it.

        It goes on naming the newest ``keep`` snapshots and those that were current less than ``keep_days`` ago.
        """
        ...

    def prune(self, keep: int, keep_days: float, keep_failed: int) -> tuple[int, int]:
        """Remove snapshots before the published one that `publish` would no longer name, and reports of failed runs.

        To be called while writing. Gives how many snapshots and how many reports went.
        """
        ...

    def keep_failed(self, run_id: str, found: str) -> str:
        """Keep what the gate found where it refused to publish, with that of a few failed runs before; say where."""
        ...

    def clear_leftovers(self, current: Snapshot | None, working: str = "") -> None:
        """Remove what runs left that ended early, and snapshots that ``current`` no longer names.

        ``working``: the run whose work folder stays.
        """
        ...

    # Reading

    def current(self) -> Snapshot | None:
        """Give the published snapshot; None where nothing was ever published."""
        ...

    def read_file(self, snapshot: Snapshot | None, name: str) -> str | None:
        """Read a file that `add_file` wrote; None where there is none that can be read."""
        ...

    def scan(self, snapshot: Snapshot | None, table: str) -> pl.LazyFrame:
        """Scan a table; an empty one where there is no snapshot."""
        ...

    def read(self, snapshot: Snapshot | None, table: str) -> pl.DataFrame:
        """Read a table whole to build upon it: refused with TablesError where it is not what was published."""
        ...

    def scan_sound(self, snapshot: Snapshot | None, table: str) -> pl.LazyFrame:
        """Scan a table to build upon it: refused with TablesError where it is not what was published."""
        ...

    def scan_parts(self, snapshot: Snapshot | None, table: str, prefixes: Iterable[str]) -> pl.LazyFrame:
        """Scan the parts that may hold doc_ids with one of these prefixes, refused as by `scan_sound`."""
        ...

    def scan_documents(
        self, snapshot: Snapshot | None, table: str, doc_ids: pl.Series, *, sound: bool = True
    ) -> pl.LazyFrame:
        """Scan the rows of some documents in a content table; ``sound`` as in `scan_sound`."""
        ...

    def changes(
        self, previous: Snapshot | None, snapshot: Snapshot, table: str
    ) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Read a table that is given whole, piece by piece where it changed, each with what was published there."""
        ...

    # Checking

    def pointer(self) -> Snapshot:
        """Give the published snapshot without looking at what it names; TablesError where there is none."""
        ...

    def verify(self, snapshot: Snapshot) -> Iterator[str]:
        """Compare what lies there with what was published; one line for each difference."""
        ...

    def parts(self, snapshot: Snapshot) -> Iterator[tuple[str, dict[str, pl.DataFrame]]]:
        """Read the content tables part by part, each with how its doc_ids begin; memory holds one part."""
        ...
