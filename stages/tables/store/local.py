"""The store in a folder: immutable snapshots of Parquet files, and one pointer. See `snapshots` for what lies where."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from stages.tables.schemas import CONTENT, TABLES, empty
from stages.tables.store import folder, publish, snapshots, verify
from stages.tables.store.publish import NewRows
from stages.tables.store.snapshots import Snapshot, among

_KEPT_FAILED = 10


class LocalSnapshots:
    """The tables in a folder of this machine, or of a drive that it mounts; keeps `stages.tables.store.Store`."""

    def __init__(self, tables: Path) -> None:
        self.tables = tables
        self.where = str(tables)

    def require_ours(self, roots: Iterable[object] = ()) -> None:
        """Refuse a folder that is not ours, or that is a source of the run."""
        folder.require_ours(self.tables, roots)

    def writing(self, run_id: str, wait: float = 0.0) -> AbstractContextManager[bool]:
        """Hold the lock on the folder; makes and marks it where it is new."""
        return folder.writing(self.tables, run_id, wait)

    def is_disturbed(self) -> bool:
        """Look for the note that a writer leaves while it writes."""
        return (self.tables / folder.OWNER).exists()

    def work_folder(self, run_id: str) -> Path:
        """Make DIR/work/<run>."""
        return folder.make_work(self.tables, run_id)

    def save(self, work: Path, path: Path) -> None:
        """Nothing: the work folder stays."""

    def fetch_saved(self, left: Path) -> None:
        """Nothing: all of it is there."""

    def build(
        self, previous: Snapshot | None, run_id: str, rows: Sequence[NewRows],
        whole: Mapping[str, pl.DataFrame | pl.LazyFrame], replaced: Sequence[str], at_once: int = 1,
    ) -> Snapshot:  # fmt: skip
        """Write the parts that change, link the others."""
        return publish.build_snapshot(
            self.tables, previous, run_id, replaced=replaced, batches=rows, whole=whole, at_once=at_once
        )

    def add(self, snapshot: Snapshot, table: str, frame: pl.DataFrame) -> Snapshot:
        """Write a table as one file."""
        return publish.add_table(self.tables, snapshot, table, frame)

    def add_file(self, snapshot: Snapshot, name: str, text: str) -> None:
        """Write the file beside the tables of the snapshot."""
        snapshots.replace_file(self.tables / snapshot.snapshot / name, text)

    def publish(self, snapshot: Snapshot, results: str, keep: int, keep_days: float) -> Snapshot:
        """Replace CURRENT.json in one step."""
        named = folder.worth_keeping(self.tables, snapshot.previous, keep, keep_days)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        snapshot = replace(snapshot, published_at=now, previous=named)
        snapshots.replace_file(self.tables / snapshot.snapshot / snapshots.VALIDATION, results)
        publish.switch(self.tables, snapshot)
        return snapshot

    def prune(self, keep: int, keep_days: float, keep_failed: int) -> tuple[int, int]:
        """Rewrite CURRENT.json without the names, then remove the folders; and DIR/failed but for the newest."""
        current = self.current()
        if current is None:
            return 0, 0
        # The published snapshot counts as the first of those that are kept.
        named = (current.snapshot, *current.previous)
        kept = folder.worth_keeping(self.tables, named, keep + 1, keep_days)
        gone = len(current.previous) - len(kept[1:])
        if gone:
            publish.switch(self.tables, replace(current, previous=kept[1:]))
        self.clear_leftovers(self.current())
        failed = folder.failed_runs(self.tables)
        old = failed[: max(0, len(failed) - keep_failed)]
        for file in old:
            file.unlink(missing_ok=True)
        return gone, len(old)

    def keep_failed(self, run_id: str, found: str) -> str:
        """Write DIR/failed/<run>.json."""
        kept = self.tables / "failed" / f"{run_id}.json"
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(found, encoding="utf-8")
        # This one stays wherever it sorts: the clock may have been set back.
        for old in [file for file in folder.failed_runs(self.tables) if file != kept][: 1 - _KEPT_FAILED]:
            old.unlink(missing_ok=True)
        return str(kept)

    def clear_leftovers(self, current: Snapshot | None, working: str = "") -> None:
        """Remove what bears a name of ours and is no longer needed."""
        folder.clear_leftovers(self.tables, current, working)

    def current(self) -> Snapshot | None:
        """Read CURRENT.json and see that the files are there."""
        return snapshots.read_current(self.tables)

    def read_file(self, snapshot: Snapshot | None, name: str) -> str | None:
        """Read the file beside the tables of the snapshot."""
        try:
            return (self.tables / snapshot.snapshot / name).read_text(encoding="utf-8") if snapshot else None
        except (OSError, UnicodeDecodeError):
            return None

    def scan(self, snapshot: Snapshot | None, table: str) -> pl.LazyFrame:
        """Scan the files of a table."""
        return snapshots.scan_table(self.tables, snapshot, table)

    def read(self, snapshot: Snapshot | None, table: str) -> pl.DataFrame:
        """Read the files of a table once their SHA-256 was found right."""
        return snapshots.read_table(self.tables, snapshot, table)

    def scan_sound(self, snapshot: Snapshot | None, table: str) -> pl.LazyFrame:
        """Scan the files of a table once their SHA-256 was found right."""
        return snapshots.scan_parts(self.tables, snapshot, table)

    def scan_parts(self, snapshot: Snapshot | None, table: str, prefixes: Iterable[str]) -> pl.LazyFrame:
        """Scan the parts that may hold doc_ids with one of these prefixes, once their SHA-256 was found right."""
        return snapshots.scan_parts(self.tables, snapshot, table, prefixes)

    def scan_documents(
        self, snapshot: Snapshot | None, table: str, doc_ids: pl.Series, *, sound: bool = True
    ) -> pl.LazyFrame:
        """Scan the parts that may hold these documents."""
        if snapshot is None or doc_ids.is_empty():
            return empty(table).lazy()
        prefixes = doc_ids.str.head(snapshot.prefix_length).unique().sort()
        if sound:
            rows = snapshots.scan_parts(self.tables, snapshot, table, prefixes)
        else:
            files = [self.tables / snapshot.snapshot / publish.part_name(table, prefix) for prefix in prefixes]
            rows = pl.scan_parquet(files, schema=TABLES[table].schema, glob=False)
        return rows.filter(among(doc_ids))

    def changes(
        self, previous: Snapshot | None, snapshot: Snapshot, table: str
    ) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Read the files that are not those of ``previous``."""
        before = {part.path: part for part in previous.tables[table]} if previous else {}
        for part in snapshot.tables[table]:
            if before.get(part.path) == part:
                continue
            published = empty(table)
            if previous and part.path in before:
                published = pl.read_parquet(self.tables / previous.snapshot / part.path, glob=False)
            yield pl.read_parquet(self.tables / snapshot.snapshot / part.path, glob=False), published

    def pointer(self) -> Snapshot:
        """Read CURRENT.json alone."""
        return verify.read_pointer(self.tables)

    def verify(self, snapshot: Snapshot) -> Iterator[str]:
        """Compare every file with the size, hash, rows and schema that were published."""
        return verify.verify_files(self.tables, snapshot)

    def parts(self, snapshot: Snapshot) -> Iterator[tuple[str, dict[str, pl.DataFrame]]]:
        """Read the files of each prefix."""
        at = self.tables / snapshot.snapshot
        for prefix in verify.part_prefixes(snapshot):
            files = {table: at / publish.part_name(table, prefix) for table in CONTENT}
            yield prefix, {table: pl.read_parquet(file, glob=False) for table, file in files.items()}
