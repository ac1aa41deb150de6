"""The store as Delta Lake tables, in a folder or on an object store.

ROOT/.fliesstext-tables                       the marker: this place is ours
ROOT/CURRENT.json                             names the version of every table that belong together
ROOT/delta/<table>/_delta_log/                the log of one Delta table
ROOT/delta/<table>/<run>/part*.parquet        its files, which never change
ROOT/snapshots/<run>/                         copy of CURRENT.json and results of the gate, for each snapshot kept
ROOT/failed/<run>.json                        what the gate found where it refused to publish
ROOT/work/<run>/                              batches that are done, until the run ends
ROOT/.writer.json                             who writes

Delta commits one table at a time. So the files of all tables are written first and judged, then each table that changed
gets one commit, which puts the new files of its parts in the place of the old ones, and then CURRENT.json is replaced
under the condition that it is still the one this run began with. Whoever reads the versions that it names sees one
state of all tables; a writer that dies between two commits leaves it as it was, and the next one's commit starts from
what the log then says.
"""

import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import polars as pl

from stages.errors import LockedError, TablesError, UsageError
from stages.tables.schemas import CONTENT, SCHEMA_VERSION, TABLES, empty
from stages.tables.store import folder, publish
from stages.tables.store.objects import said
from stages.tables.store.places import Place, unreachable
from stages.tables.store.publish import NewRows
from stages.tables.store.snapshots import (
    CURRENT,
    SNAPSHOT,
    VALIDATION,
    Part,
    Snapshot,
    among,
    file_sha256,
    may_hold,
    prefix_of,
)

_log = logging.getLogger(__name__)
_STARTED = "started"
_KEPT_FAILED = 10


class DeltaTables:
    """The tables as Delta Lake tables; keeps `stages.tables.store.Store`."""

    def __init__(self, place: Place) -> None:
        _require_library(place.where)
        self.place, self.where = place, place.where
        self._tags: dict[str, str] = {}
        self._base: str | None = None
        self._seen_whole = ""

    # Writing

    def require_ours(self, roots: Iterable[object] = ()) -> None:
        """Refuse a place that is not ours, or that is a source of the run."""
        self.place.require_ours(roots)

    @contextmanager
    def writing(self, run_id: str, wait: float = 0.0) -> Iterator[bool]:
        """Hold the right to write; makes and marks the place where it is new."""
        with self.place.writing(run_id, wait) as died:
            yield died

    def is_disturbed(self) -> bool:
        """Look for the note that a writer leaves while it writes."""
        with self._told():
            return self.place.is_disturbed()

    def work_folder(self, run_id: str) -> Path:
        """Make a folder on this machine."""
        with self._told():
            return self.place.work_folder(run_id)

    def save(self, work: Path, path: Path) -> None:
        """Upload it to ROOT/work, where the tables are on an object store."""
        with self._told():
            self.place.save(work, path)

    def fetch_saved(self, left: Path) -> None:
        """Download from ROOT/work, where the tables are on an object store."""
        with self._told():
            self.place.fetch_saved(left)

    def build(
        self, previous: Snapshot | None, run_id: str, rows: Sequence[NewRows],
        whole: Mapping[str, pl.DataFrame | pl.LazyFrame], replaced: Sequence[str], at_once: int = 1,
    ) -> Snapshot:  # fmt: skip
        """Write the files of the parts that change; no table knows of them yet."""
        self._base = self._tags.get(previous.run_id) if previous else None
        with self._told(), TemporaryDirectory(prefix="fliesstext-") as disk:
            # By this name the files are found again if this run comes to no end.
            self.place.write(f"snapshots/{run_id}/{_STARTED}", b"")
            length, parts = publish.assemble(_Shelf(self, run_id, Path(disk)), previous, replaced, rows, whole, at_once)
        earlier = (previous.snapshot, *previous.previous) if previous else ()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return Snapshot(f"snapshots/{run_id}", run_id, now, parts, length, {}, earlier)

    def add(self, snapshot: Snapshot, table: str, frame: pl.DataFrame) -> Snapshot:
        """Write a table as one file."""
        with self._told(), TemporaryDirectory(prefix="fliesstext-") as disk:
            part = _Shelf(self, snapshot.run_id, Path(disk)).put(frame.sort(TABLES[table].key), table, "")
        return replace(snapshot, tables={**snapshot.tables, table: (part,)})

    def add_file(self, snapshot: Snapshot, name: str, text: str) -> None:
        """Write the file beside the copy of the snapshot's pointer."""
        with self._told():
            self.place.write(f"{snapshot.snapshot}/{name}", text.encode())

    def publish(self, snapshot: Snapshot, results: str, keep: int, keep_days: float) -> Snapshot:
        """Commit to each table that changed, then replace CURRENT.json; LockedError where another run was faster."""
        with self._told():
            named = self._still_kept(snapshot.previous, keep, keep_days)
            self.place.require_held()
            versions = {table: self._commit(table, snapshot) for table in TABLES}
            now = datetime.now(UTC).isoformat(timespec="seconds")
            snapshot = replace(snapshot, published_at=now, previous=named, versions=versions)
            self.place.write(f"{snapshot.snapshot}/{VALIDATION}", results.encode())
            self.place.require_held()
            self.place.replace(CURRENT, snapshot.to_json().encode(), self._base)
        with suppress(OSError):
            # It stands already; the next run writes the copy that is missing.
            self.place.write(f"{snapshot.snapshot}/{SNAPSHOT}", snapshot.to_json().encode())
        return snapshot

    def prune(self, keep: int, keep_days: float, keep_failed: int) -> tuple[int, int]:
        """Replace CURRENT.json without the names; then remove what only they needed, and old reports of failed runs."""
        current = self.current()
        if current is None:
            return 0, 0
        with self._told():
            # The published snapshot counts as the first of those that are kept.
            kept = self._still_kept((current.snapshot, *current.previous), keep + 1, keep_days)[1:]
            gone = len(current.previous) - len(kept)
            if gone:
                pointer = replace(current, previous=kept).to_json().encode()
                self.place.require_held()
                self.place.replace(CURRENT, pointer, self._tags.get(current.run_id))
                self.place.write(f"{current.snapshot}/{SNAPSHOT}", pointer)
            self.clear_leftovers(self.current())
            failed = sorted(self.place.sizes("failed"))
            old = failed[: max(0, len(failed) - keep_failed)]
            self.place.remove(old)
        return gone, len(old)

    def _still_kept(self, named: Sequence[str], keep: int, keep_days: float) -> tuple[str, ...]:
        """Those of the snapshots, newest first, that go on being named (`stages.tables.store.folder.worth_keeping`)."""
        copies = {name: self._copy_of(name) for name in named}
        there = [name for name, text in copies.items() if text is not None]
        return folder.still_kept(there, [folder.time_in(copies[name] or "") for name in there], keep, keep_days)

    def keep_failed(self, run_id: str, found: str) -> str:
        """Write ROOT/failed/<run>.json."""
        kept = f"failed/{run_id}.json"
        with self._told():
            self.place.write(kept, found.encode())
            others = sorted(path for path in self.place.sizes("failed") if path != kept)
            self.place.remove(others[: 1 - _KEPT_FAILED])
        return self.place.uri(kept)

    def clear_leftovers(self, current: Snapshot | None, working: str = "") -> None:
        """Remove the files of runs that came to no end, and of snapshots that are no longer named.

        What the versions need that ``current`` or a snapshot that it names has pinned stays, and so does what the
        newest version of a table needs.
        """
        self.place.clear_work(working)
        known = (current.snapshot, *current.previous) if current else ()
        with suppress(OSError, LockedError):
            self.place.require_held()  # else what lies there unnamed is another run's, which is about to name it
            if not working:
                self.place.clear_saved()
            if current and self._copy_of(current.snapshot) is None:
                self.place.write(f"{current.snapshot}/{SNAPSHOT}", current.to_json().encode())
            ours = [path for path in self.place.sizes("snapshots") if folder.RUN.fullmatch(path.split("/")[1])]
            stale = [path for path in ours if "/".join(path.split("/")[:2]) not in known]
            if not stale:
                return
            pinned, newest = self._pinned(current, known), self._newest()
            files = self.place.sizes("delta")
            self.place.remove([path for path in files if _is_part(path) and path not in pinned | newest])
            # What a dead run has committed stays until a newer version no longer needs it.
            waits = {path.split("/")[2] for path in newest - pinned}
            self.place.remove([path for path in stale if path.split("/")[1] not in waits])

    def _pinned(self, current: Snapshot | None, known: Sequence[str]) -> set[str]:
        """The files of all snapshots that are named."""
        kept = [current] if current else []
        for name in known[1:]:
            if (text := self._copy_of(name)) is not None:
                kept.append(Snapshot.from_json(text))
        return {_at(part) for snapshot in kept for parts in snapshot.tables.values() for part in parts}

    def _newest(self) -> set[str]:
        """The files of the newest version of each table."""
        opened = {table: self._open(table) for table in TABLES}
        return {f"delta/{table}/{path}" for table, one in opened.items() if one for path in _files_in(one)}

    def _copy_of(self, snapshot: str) -> str | None:
        found = self.place.read(f"{snapshot}/{SNAPSHOT}")
        return found[0].decode() if found else None

    # One Delta table

    def _open(self, table: str, version: int | None = None) -> Any:
        """The Delta table at a version; None where nothing was ever committed to it."""
        from deltalake import DeltaTable
        from deltalake.exceptions import TableNotFoundError

        with suppress(TableNotFoundError):
            return DeltaTable(self.place.uri(f"delta/{table}"), version=version, storage_options=self._options())
        return None

    def _options(self) -> dict[str, str]:
        return dict(self.place.options)

    def _commit(self, table: str, snapshot: Snapshot) -> int:
        """Bring a Delta table to the files of a snapshot by one commit, if it is not there yet; gives its version."""
        from deltalake import CommitProperties, PostCommitHookProperties, Schema
        from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

        told = CommitProperties(custom_metadata={"run_id": snapshot.run_id}, max_commit_retries=0)
        now = time.time_ns() // 1_000_000
        wanted = {part.path.partition("/")[2]: part for part in snapshot.tables[table]}
        opened = self._open(table)
        found = _files_in(opened) if opened else {}
        adds = [
            AddAction(path, part.bytes, {}, now, True, json.dumps(_statistics(part, table)))
            for path, part in wanted.items()
            if path not in found
        ]
        schema = Schema.from_arrow(publish.arrow_schema(table))
        if opened is None:
            at = self.place.uri(f"delta/{table}")
            create_table_with_add_actions(
                at, schema, adds, description=TABLES[table].meaning, storage_options=self._options(),
                configuration={"delta.enableExpiredLogCleanup": "false"}, commit_properties=told,
            )  # fmt: skip
            return 0
        removes = [RemoveAction(path, True, now, size) for path, size in found.items() if path not in wanted]
        if adds or removes:
            # Entries of the log stay: what versions hold that are still named may stand in old ones.
            hooks = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
            opened.create_write_transaction(
                [*adds, *removes], "append", schema, commit_properties=told, post_commithook_properties=hooks
            )
        return int(opened.version()) if not (adds or removes) else self._committed(table, snapshot.run_id)

    def _committed(self, table: str, run_id: str) -> int:
        """The version that a run has just made; LockedError where another was made meanwhile."""
        opened = self._open(table)
        last = opened.history(1)[0]
        if last.get("run_id") != run_id:
            raise LockedError(f"{self.where}: another run writes to {table}; nothing was published. Run again")
        return int(opened.version())

    # Reading

    def current(self) -> Snapshot | None:
        """Read CURRENT.json and see that the files are there, with the sizes that they had."""
        with self._told():
            found = self.place.read(CURRENT)
            if found is None:
                if any(path.endswith(f"/{SNAPSHOT}") for path in self.place.sizes("snapshots")):
                    raise TablesError(
                        f"{self.where}/{CURRENT} is missing but {self.where}/snapshots holds snapshots; copy the "
                        f"{SNAPSHOT} of the newest good one there, or choose a new place for the tables"
                    )
                return None
            current = self._parse(found[0])
            self._tags[current.run_id] = found[1]
            if self._seen_whole != current.run_id:
                self._require_whole(current)
                self._seen_whole = current.run_id
            return current

    def _parse(self, text: bytes) -> Snapshot:
        try:
            current = Snapshot.from_json(text.decode())
        except (KeyError, TypeError, ValueError) as error:
            raise TablesError(
                f"{self.where}/{CURRENT} cannot be read as a snapshot pointer ({error!r}); restore it"
            ) from error
        if current.schema_version != SCHEMA_VERSION:
            raise TablesError(
                f"{self.where}/{CURRENT} was written with schema version {current.schema_version}, this is "
                f"{SCHEMA_VERSION}; publish to a new place"
            )
        if not current.versions:
            raise UsageError(f"{self.where} holds Parquet files, no Delta tables; leave --format away")
        return current

    def _require_whole(self, current: Snapshot) -> None:
        sizes = self.place.sizes("delta")
        for table, parts in current.tables.items():
            for part in parts:
                if (size := sizes.get(_at(part))) != part.bytes:
                    raise TablesError(
                        f"{self.place.uri(_at(part))} (table {table}) should have {part.bytes} bytes, has {size}; "
                        "restore it"
                    )

    def read_file(self, snapshot: Snapshot | None, name: str) -> str | None:
        """Read a file beside the copy of the snapshot's pointer."""
        try:
            found = self.place.read(f"{snapshot.snapshot}/{name}") if snapshot else None
            return found[0].decode() if found else None
        except (OSError, UnicodeDecodeError):
            return None

    def scan(self, snapshot: Snapshot | None, table: str) -> pl.LazyFrame:
        """Scan the files of a table where they lie."""
        return self._scan(list(snapshot.tables[table]) if snapshot else [], table)

    def _scan(self, parts: Sequence[Part], table: str) -> pl.LazyFrame:
        if not parts:
            return empty(table).lazy()
        files = [self.place.uri(_at(part)) for part in parts]
        options = self._options() or None
        return pl.scan_parquet(
            files, schema=TABLES[table].schema, glob=False, hive_partitioning=False, storage_options=options
        )

    def read(self, snapshot: Snapshot | None, table: str) -> pl.DataFrame:
        """Read the files of a table once their SHA-256 was found right."""
        return self.scan_sound(snapshot, table).collect()

    def scan_sound(self, snapshot: Snapshot | None, table: str) -> pl.LazyFrame:
        """Scan the files of a table once their SHA-256 was found right."""
        return self.scan_parts(snapshot, table, ("",))

    def scan_parts(self, snapshot: Snapshot | None, table: str, prefixes: Iterable[str]) -> pl.LazyFrame:
        """Scan the parts that may hold doc_ids with one of these prefixes, once their SHA-256 was found right."""
        wanted = tuple(prefixes)
        parts = [part for part in snapshot.tables[table] if may_hold(part, wanted)] if snapshot else []
        if not parts:
            return empty(table).lazy()
        return pl.scan_parquet([self._unharmed(part) for part in parts], schema=TABLES[table].schema, glob=False)

    def _unharmed(self, part: Part) -> Path:
        where = self.place.uri(_at(part))
        with self._told():
            try:
                file = self.place.fetch(_at(part))
                found = file_sha256(file)
            except FileNotFoundError as error:
                raise TablesError(f"{where} is missing; restore it") from error
            if found != part.sha256:
                raise TablesError(f"{where} is not what was published: SHA-256 {found}; restore it")
        return file

    def scan_documents(
        self, snapshot: Snapshot | None, table: str, doc_ids: pl.Series, *, sound: bool = True
    ) -> pl.LazyFrame:
        """Scan the parts that may hold these documents."""
        if snapshot is None or doc_ids.is_empty():
            return empty(table).lazy()
        prefixes = tuple(doc_ids.str.head(snapshot.prefix_length).unique().sort())
        if sound:
            rows = self.scan_parts(snapshot, table, prefixes)
        else:
            rows = self._scan([part for part in snapshot.tables[table] if may_hold(part, prefixes)], table)
        return rows.filter(among(doc_ids))

    def changes(
        self, previous: Snapshot | None, snapshot: Snapshot, table: str
    ) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Read the files that are not those of ``previous``."""
        before = {prefix_of(part): part for part in previous.tables[table]} if previous else {}
        for part in snapshot.tables[table]:
            old = before.get(prefix_of(part))
            if old != part:
                yield self._scan([part], table).collect(), self._scan([old] if old else [], table).collect()

    # Checking

    def pointer(self) -> Snapshot:
        """Read CURRENT.json alone."""
        with self._told():
            if (found := self.place.read(CURRENT)) is None:
                raise TablesError(f"{self.where}/{CURRENT} is missing")
            return self._parse(found[0])

    def verify(self, snapshot: Snapshot) -> Iterator[str]:
        """Compare every file with what was published, and every Delta table with the files of its version."""
        for table in TABLES.keys() - snapshot.tables.keys():
            yield f"{CURRENT}: table {table} is missing"
        for table, parts in snapshot.tables.items():
            yield from self._verify_version(table, snapshot)
            for part in parts:
                yield from self._verify_part(table, part)

    def _verify_version(self, table: str, snapshot: Snapshot) -> Iterator[str]:
        version = snapshot.versions.get(table)
        try:
            with self._told():
                opened = self._open(table, version)
        except TablesError as error:
            yield f"{table}: version {version} cannot be read: {error}"
            return
        named = {part.path.partition("/")[2]: part.bytes for part in snapshot.tables[table]}
        if opened is None or _files_in(opened) != named:
            yield f"{table}: version {version} of the Delta table does not hold the files that were published"

    def _verify_part(self, table: str, part: Part) -> Iterator[str]:
        try:
            file = self._unharmed(part)
        except TablesError as error:
            yield str(error)
            return
        schema = pl.read_parquet_schema(file)
        if pl.Schema(schema) != TABLES[table].schema:
            yield f"{self.place.uri(_at(part))}: the schema is not that of {table}"
        elif (rows := pl.scan_parquet(file, glob=False).select(pl.len()).collect().item()) != part.rows:
            yield f"{self.place.uri(_at(part))}: has {rows:,} rows, {part.rows:,} were published"

    def parts(self, snapshot: Snapshot) -> Iterator[tuple[str, dict[str, pl.DataFrame]]]:
        """Read the files of each prefix."""
        for prefix in sorted(prefix_of(part) for part in snapshot.tables["documents"]):
            yield prefix, {table: self.scan_parts(snapshot, table, (prefix,)).collect() for table in CONTENT}

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in one sentence what a place or the library answers."""
        from deltalake.exceptions import CommitFailedError, DeltaError

        try:
            yield
        except CommitFailedError:
            raise LockedError(f"{self.where}: another run writes there; nothing was published. Run again") from None
        except DeltaError as error:
            raise TablesError(f"{self.where} is damaged, or cannot be reached ({said(error)}); restore it") from None
        except OSError as error:
            raise unreachable(self.where, error) from error


class _Shelf(NamedTuple):
    """Puts the new parts of a run beside the files of the Delta tables; see `publish.Shelf`."""

    store: DeltaTables
    run_id: str
    disk: Path

    def scan(self, snapshot: Snapshot, table: str, prefixes: Sequence[str]) -> pl.LazyFrame:
        return self.store.scan_parts(snapshot, table, prefixes)

    def keep(self, snapshot: Snapshot, part: Part) -> Part:  # noqa: ARG002 - it stays where it lies
        return part

    def put(self, frame: pl.DataFrame, table: str, prefix: str) -> Part:
        (self.disk / table).mkdir(exist_ok=True)
        made = publish.write_part(frame, self.disk, table, prefix)
        part = replace(made, path=made.path.replace("/", f"/{self.run_id}/", 1))
        self.store.place.write(_at(part), self.disk / made.path)
        (self.disk / made.path).unlink(missing_ok=True)
        return part


def _at(part: Part) -> str:
    return f"delta/{part.path}"


def _is_part(path: str) -> bool:
    """Tell whether a file bears the name of a part that a run wrote."""
    names = path.split("/")
    return len(names) == 4 and names[1] in TABLES and bool(folder.RUN.fullmatch(names[2]))


def _files_in(opened: Any) -> dict[str, int]:
    """The files of a Delta table with their bytes."""
    actions = pl.DataFrame(opened.get_add_actions(flatten=True))
    return dict(actions.select("path", "size_bytes").iter_rows())


def _statistics(part: Part, table: str) -> dict[str, Any]:
    """What the log tells readers of a file: its rows, and in which range of doc_ids they lie."""
    prefix = prefix_of(part)
    if "doc_id" not in TABLES[table].columns or not prefix:
        return {"numRecords": part.rows}
    # A doc_id is of hex digits: none with this prefix is below it, none above it and a g.
    bounds = {"minValues": {"doc_id": prefix}, "maxValues": {"doc_id": f"{prefix}g"}, "nullCount": {"doc_id": 0}}
    return {"numRecords": part.rows, **bounds}


def _require_library(where: str) -> None:
    try:
        import deltalake  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"{where}: Delta tables need a package that is not installed; pip install 'fliesstext[delta]'"
        ) from error
