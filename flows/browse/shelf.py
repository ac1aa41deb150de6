"""Which snapshot is shown: the one that CURRENT.json names, as soon as its index is built."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from flows.browse.index import Tell, connect, facts, open_index
from stages.discover.containers import RowOptions
from stages.errors import FliesstextError, UsageError
from stages.read.again import row_options
from stages.tables.store.snapshots import CURRENT, Snapshot, read_current, read_table, scan_parts

_log = logging.getLogger(__name__)
_OF_A_DOCUMENT = ("documents", "blocks", "mentions", "repairs", "raw_texts")


@dataclass(frozen=True, slots=True)
class Standing:
    """A snapshot with its index, what was counted there, and how its last run read tables."""

    snapshot: Snapshot
    index: Path
    facts: dict[str, Any]
    rows: RowOptions


class Shelf:
    """The published tables as they stand now. When a run publishes, the next snapshot is prepared beside the requests
    and shown when it is ready; until then the one before it is.
    """

    def __init__(self, tables: Path, folder: Path | None, tell: Tell) -> None:
        self.tables, self._folder = tables, folder
        self._stamp = self._look()
        self.standing = self._open(tell)
        self._preparing = threading.Lock()

    @property
    def is_preparing(self) -> bool:
        """Whether a newer snapshot is being made ready."""
        return self._preparing.locked()

    def refresh(self) -> None:
        """See whether something new was published, and if so begin to prepare it; returns at once."""
        stamp = self._look()
        if stamp and stamp != self._stamp and self._preparing.acquire(blocking=False):
            self._stamp = stamp
            threading.Thread(target=self._prepare, daemon=True).start()

    def _prepare(self) -> None:
        try:
            self.standing = self._open(lambda *_: None)
        except FliesstextError as error:
            _log.warning("the next snapshot is not shown: %s", error)
        finally:
            self._preparing.release()

    def _look(self) -> tuple[int, int] | None:
        try:
            found = (self.tables / CURRENT).stat()
        except OSError:
            return None  # just being replaced, or gone: what was read stands
        return found.st_mtime_ns, found.st_ino

    def _open(self, tell: Tell) -> Standing:
        snapshot = read_current(self.tables)
        if snapshot is None:
            raise UsageError(f"{self.tables}: nothing was published there; name the folder of the tables with --tables")
        file = open_index(self.tables, snapshot, self._folder, tell)
        with closing(connect(file)) as found:
            return Standing(snapshot, file, facts(found), row_options(read_table(self.tables, snapshot, "runs")))

    @contextmanager
    def reading(self, standing: Standing) -> Iterator[sqlite3.Connection]:
        """Open the index of a snapshot for one request."""
        with closing(connect(standing.index)) as found:
            yield found

    def document(self, standing: Standing, doc_id: str) -> dict[str, pl.DataFrame]:
        """Read the rows of one document; the files that hold it are checked to be what was published."""
        return {
            name: scan_parts(self.tables, standing.snapshot, name, [doc_id])
            .filter(pl.col("doc_id") == doc_id)
            .collect()
            for name in _OF_A_DOCUMENT
        }
