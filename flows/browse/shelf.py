"""Which snapshot is shown: the one that CURRENT.json names, as soon as its index is built."""

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any
from weakref import finalize

import polars as pl

from flows.browse.index import Tell, connect, facts, open_index
from stages.discover.containers import RowOptions
from stages.errors import FliesstextError, UsageError
from stages.read.again import row_options
from stages.tables.store import Snapshot
from stages.tables.store.choose import open_store
from stages.tables.store.objects import Objects, is_url
from stages.tables.store.snapshots import CURRENT

_log = logging.getLogger(__name__)
_SECONDS_BETWEEN_LOOKS = 10
"""So often an object store is asked whether something new was published; it is asked once and answers soon, or not."""
_PATIENCE = timedelta(seconds=2)
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

    ``folder``: where the index lies. Else it lies in the snapshot, and that of tables on an object store, with the
    parts that were fetched, in a temporary folder that goes with this process.
    """

    def __init__(self, tables: Path | str, folder: Path | None, tell: Tell) -> None:
        self.store = open_store(tables)
        self._tables, self._folder, self._looked_at = tables, folder, 0.0
        if is_url(tables) and folder is None:
            self._folder = Path(mkdtemp(prefix="fliesstext-browse-"))
            finalize(self, rmtree, self._folder, ignore_errors=True)
        self._stamp = self._look()
        self.standing = self._open(tell)
        self._preparing = threading.Lock()

    @property
    def is_preparing(self) -> bool:
        """Whether a newer snapshot is being made ready."""
        return self._preparing.locked()

    def refresh(self) -> None:
        """See whether something new was published, and if so begin to prepare it; returns at once."""
        if is_url(self._tables) and time.monotonic() - self._looked_at < _SECONDS_BETWEEN_LOOKS:
            return
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

    def _look(self) -> tuple[int | str | None, ...] | None:
        self._looked_at = time.monotonic()
        try:
            if is_url(self._tables):
                return (Objects(str(self._tables), _PATIENCE).look(CURRENT).tag,)
            found = Path(self._tables, CURRENT).stat()
        except OSError:
            return None  # just being replaced, gone or out of reach: what was read stands
        return found.st_mtime_ns, found.st_ino

    def _open(self, tell: Tell) -> Standing:
        snapshot = self.store.current()
        if snapshot is None:
            raise UsageError(
                f"{self._tables}: nothing was published there; name the folder of the tables with --tables"
            )
        file = open_index(self.store, snapshot, self._folder, tell)
        with closing(connect(file)) as found:
            return Standing(snapshot, file, facts(found), row_options(self.store.read(snapshot, "runs")))

    @contextmanager
    def reading(self, standing: Standing) -> Iterator[sqlite3.Connection]:
        """Open the index of a snapshot for one request."""
        with closing(connect(standing.index)) as found:
            yield found

    def document(
        self, standing: Standing, doc_id: str, tables: Sequence[str] = _OF_A_DOCUMENT
    ) -> dict[str, pl.DataFrame]:
        """Read the rows of one document; the files that hold it are checked to be what was published."""
        return {
            name: self.store.scan_parts(standing.snapshot, name, [doc_id]).filter(pl.col("doc_id") == doc_id).collect()
            for name in tables
        }
