"""Snapshots: where the published tables lie, how they are read, locked, and cleared away when old.

DIR/.fliesstext-tables                      the marker: this folder is ours
DIR/CURRENT.json                            the one pointer; what it names is complete and never changes
DIR/snapshots/<run>/<table>/part*.parquet   one immutable state of all tables
DIR/latest                                  link for people; programs read CURRENT.json
DIR/work/<run>/                             batches of a run in progress
DIR/failed/<run>.json                       what the gate found in a run that it refused

Below the marker only what bears the name of a run is ever removed; whatever else lies there is somebody's.
"""

import hashlib
import json
import logging
import os
import re
import secrets
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from filelock import FileLock, Timeout

from stages.errors import LockedError, TablesError, UsageError, printable
from stages.tables.schemas import SCHEMA_VERSION, TABLES, empty

CURRENT = "CURRENT.json"
SNAPSHOT = "snapshot.json"
"""The same text inside a snapshot that was published, for the day CURRENT.json is lost."""
MARKER = ".fliesstext-tables"
"""A file of this name makes a folder a tables folder: without it nothing is written or removed there."""
_MARKED = """This folder holds the tables that fliesstext publishes. It removes old snapshots, unfinished work and old
reports of failed runs from here, each by the name of its run, and nothing else. Without this file it does not write.
"""
OURS = ("snapshots", "work", "failed")
"""Folders below the marker that hold one entry a run."""
_HARMLESS = {"lost+found", ".DS_Store", "Thumbs.db", "desktop.ini", ".gitkeep", ".gitignore", "$RECYCLE.BIN"}
"""What a system or a version control puts into a folder that holds nothing yet."""
_MOST_NAMED = 3
RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_TEMPORARY = (".CURRENT.json.new", ".latest.new")
_POLL = 0.2
"""Seconds between two looks at a lock that another run holds."""
_log = logging.getLogger("fliesstext")

_SNAPSHOT_PATH = re.compile(r"snapshots/[A-Za-z0-9][A-Za-z0-9_-]*")
_PART_PATH = re.compile(r"[a-z]+/part(?:-[0-9a-f]+)?\.parquet")


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file: its path relative to the snapshot, rows, bytes and SHA-256."""

    path: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What CURRENT.json says: where the tables of one run lie and what they hold."""

    snapshot: str
    run_id: str
    published_at: str
    tables: Mapping[str, tuple[Part, ...]]
    prefix_length: int
    validation: Mapping[str, Any]
    previous: tuple[str, ...] = ()
    schema_version: str = SCHEMA_VERSION

    def to_json(self) -> str:
        """Write the content of CURRENT.json; `from_json` reads it back."""
        tables = {
            name: {"rows": sum(part.rows for part in parts), "files": [asdict(part) for part in parts]}
            for name, parts in self.tables.items()
        }
        plain = {
            "snapshot": self.snapshot,
            "schema_version": self.schema_version,
            "run_id": self.run_id,
            "published_at": self.published_at,
            "prefix_length": self.prefix_length,
            "validation": dict(self.validation),
            "previous": list(self.previous),
            "tables": tables,
        }
        return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Snapshot":
        """Read the content of CURRENT.json; raises KeyError, TypeError or ValueError where it is something else.

        Every path in it has to lie below the tables folder.
        """
        plain = json.loads(text)
        for name in (plain["snapshot"], *plain["previous"]):
            if not _SNAPSHOT_PATH.fullmatch(name):
                raise ValueError(f"{name!r} is no snapshot below the tables folder")
        for name, table in plain["tables"].items():
            for file in table["files"]:
                if name not in TABLES or not _PART_PATH.fullmatch(file["path"]):
                    raise ValueError(f"{file['path']!r} is no part of a table")
        return cls(
            snapshot=plain["snapshot"],
            run_id=plain["run_id"],
            published_at=plain["published_at"],
            tables={name: tuple(Part(**file) for file in table["files"]) for name, table in plain["tables"].items()},
            prefix_length=plain["prefix_length"],
            validation=plain["validation"],
            previous=tuple(plain["previous"]),
            schema_version=plain["schema_version"],
        )


def new_run_id(started: datetime) -> str:
    """Name a run by the second it began and six random hex digits, so that names sort by time.

    >>> RUN_ID.fullmatch(new_run_id(datetime(2026, 1, 2, 3, 4, 5))) is not None
    True
    """
    return f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def is_tables_folder(path: Path) -> bool:
    """Tell whether a folder carries the marker of a tables folder; False too where that cannot be looked at."""
    return os.path.isfile(path / MARKER)  # noqa: PTH113 - Path.is_file raises where a folder must not be looked into


def claim(tables: Path, sources: Iterable[Path] = ()) -> None:
    """Make ``tables`` the folder of our tables, with the marker in it, or refuse it.

    It is ours when it is new, empty or marked already; nothing is written into any other. ``sources`` are the folders
    of the run: one that is the tables folder itself, or lies in its ``snapshots`` or ``work``, would be read and
    cleared away at once. Raises UsageError that says what was found, or TablesError when it cannot be made.
    """
    _refuse_sources(tables, sources)
    try:
        tables.mkdir(parents=True, exist_ok=True)
        if not is_tables_folder(tables):
            _refuse_strangers(tables)
            # First of all that is written: a run that is killed now leaves a folder that the next one takes.
            with suppress(FileExistsError), (tables / MARKER).open("x", encoding="utf-8") as marker:
                marker.write(_MARKED)
    except OSError as error:
        why = f"{tables} cannot be made or written to ({error.strerror})"
        raise TablesError(f"{why}; check its permissions or choose another --tables folder") from error
    for folder in (tables / name for name in OURS):
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise UsageError(f"{folder} is a link or a file; tables need a folder of their own there, move it away")


def _refuse_sources(tables: Path, sources: Iterable[Path]) -> None:
    home = tables.resolve()
    for source in map(Path.resolve, sources):
        if source == home or any(source.is_relative_to(home / name) for name in OURS):
            raise UsageError(f"{source} is a source and lies where tables are written; choose another --tables folder")


def _refuse_strangers(tables: Path) -> None:
    """Raise UsageError when a folder without the marker holds anything of somebody's."""
    found = sorted(path.name for path in tables.iterdir() if path.name not in _HARMLESS)
    if not found or is_tables_folder(tables):  # marked by another run since
        return
    named = ", ".join(map(printable, found[:_MOST_NAMED])) + (" and more" if len(found) > _MOST_NAMED else "")
    what = f"{tables} holds {named} and does not carry the marker {MARKER}; nothing was read, written or removed"
    if _is_pointer(tables / CURRENT):
        what += (
            f". These look like tables of a version without the marker: if all in it may be ours, make {MARKER} there"
        )
    raise UsageError(f"{what}; choose a new or empty --tables folder")


def _is_pointer(file: Path) -> bool:
    try:
        Snapshot.from_json(file.read_text(encoding="utf-8"))
    except (OSError, KeyError, TypeError, ValueError):
        return False
    return True


def read_current(tables: Path) -> Snapshot | None:
    """Read ``tables``/CURRENT.json; None where nothing was ever published.

    Raises TablesError when the pointer cannot be understood, was written by another schema version, or names
    a file that is missing or has another size.
    """
    pointer = tables / CURRENT
    try:
        current = Snapshot.from_json(pointer.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if any((tables / "snapshots").glob(f"*/{SNAPSHOT}")):
            raise TablesError(
                f"{pointer} is missing but {tables / 'snapshots'} holds snapshots; copy the {SNAPSHOT} of the "
                "newest good one to CURRENT.json, or remove the folder to start afresh"
            ) from None
        return None
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise TablesError(f"{pointer} cannot be read as a snapshot pointer ({error}); restore it") from error
    if current.schema_version != SCHEMA_VERSION:
        raise TablesError(
            f"{pointer} was written with schema version {current.schema_version}, this is {SCHEMA_VERSION}; "
            "publish to a new folder"
        )
    for name, parts in current.tables.items():
        for part in parts:
            file = tables / current.snapshot / part.path
            size = file.stat().st_size if file.is_file() else None
            if size != part.bytes:
                raise TablesError(f"{file} (table {name}) should have {part.bytes} bytes, has {size}; restore it")
    return current


def files_of(tables: Path, snapshot: Snapshot, table: str) -> list[Path]:
    """Give the Parquet files of one table of a snapshot, in key order."""
    return [tables / snapshot.snapshot / part.path for part in snapshot.tables[table]]


def scan_table(tables: Path, snapshot: Snapshot | None, table: str) -> pl.LazyFrame:
    """Scan one published table; an empty one where there is no snapshot."""
    if snapshot is None or not snapshot.tables[table]:
        return empty(table).lazy()
    return pl.scan_parquet(files_of(tables, snapshot, table), schema=TABLES[table].schema, glob=False)


def read_table(tables: Path, snapshot: Snapshot | None, table: str) -> pl.DataFrame:
    """Read one published table whole, its files checked; an empty one where there is no snapshot."""
    return scan_parts(tables, snapshot, table).collect()


def scan_parts(tables: Path, snapshot: Snapshot | None, table: str, prefixes: Iterable[str] = ("",)) -> pl.LazyFrame:
    """Scan the parts of a published table that may hold a doc_id with one of these prefixes, to build upon them.

    Raises TablesError when such a part is not byte for byte what was published.
    """
    parts = snapshot.tables[table] if snapshot else ()
    wanted = tuple(prefixes)
    held = [part for part in parts if _may_hold(part, wanted)]
    if snapshot is None or not held:
        return empty(table).lazy()
    files = [unharmed(tables, snapshot, part) for part in held]
    return pl.scan_parquet(files, schema=TABLES[table].schema, glob=False)


def unharmed(tables: Path, snapshot: Snapshot, part: Part) -> Path:
    """Give the file of a part; raises TablesError when it is not byte for byte what was published."""
    file = tables / snapshot.snapshot / part.path
    if (found := file_sha256(file)) != part.sha256:
        table = part.path.partition("/")[0]
        raise TablesError(f"{file} (table {table}) is not what was published: SHA-256 {found}; restore it")
    return file


def file_sha256(file: Path) -> str:
    """Give the SHA-256 of a file in hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _may_hold(part: Part, prefixes: tuple[str, ...]) -> bool:
    held = Path(part.path).stem.removeprefix("part").removeprefix("-")
    return held.startswith(prefixes) or any(prefix.startswith(held) for prefix in prefixes)


@contextmanager
def writing(
    tables: Path, run_id: str, wait: float = 0.0, tell: Callable[[str], object] = _log.warning
) -> Iterator[bool]:
    """Hold the right to write below ``tables``; the operating system frees it when the process ends, however.

    Where another run holds it, ``tell`` is told so and this one waits up to ``wait`` seconds. Gives whether the last
    writer died in the middle. Raises LockedError with the name of the run that holds it, or TablesError.
    """
    owner = tables / ".writer.json"
    lock = FileLock(tables / ".writer.lock")
    _acquire(lock, tables, wait, tell)
    try:
        last_died = owner.exists()
        started = datetime.now(UTC).isoformat(timespec="seconds")
        owner.write_text(
            json.dumps({"run_id": run_id, "pid": os.getpid(), "host": socket.gethostname(), "since": started}),
            encoding="utf-8",
        )
        yield last_died
    finally:
        with suppress(OSError):
            owner.unlink(missing_ok=True)
        lock.release()


def _acquire(lock: FileLock, tables: Path, wait: float, tell: Callable[[str], object]) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if wait > 0:
            tell(f"{tables} is being written by {_owner(tables)}; waiting up to {wait:g} seconds for it to end")
            with suppress(Timeout):
                lock.acquire(timeout=wait, poll_interval=_POLL)
                return
        what = f"{tables} is being written by {_owner(tables)}"
        raise LockedError(f"{what}; wait for it (--wait, wait_seconds) or use another tables folder") from None
    except OSError as error:
        raise TablesError(f"{tables} cannot be written to ({error.strerror}); check its permissions") from error


def _owner(tables: Path) -> str:
    try:
        who = json.loads((tables / ".writer.json").read_text(encoding="utf-8"))
        return f"run {who['run_id']} (process {who['pid']} on {who['host']}, since {who['since']})"
    except (OSError, ValueError, KeyError):
        return "another run that has just started"


def clear_leftovers(tables: Path, current: Snapshot | None) -> None:
    """Remove what a run left: its batches in work/, and snapshots that ``current`` no longer or does not yet name.

    Only folders that bear the name of a run are ours; all others stay. A published snapshot that has no copy of
    CURRENT.json yet gets one. To be called by the one writer only; what cannot be removed waits for the next run.
    """
    for folder in _of_runs(tables / "work"):
        shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        (tables / "work").rmdir()  # only when nothing of anybody's is left in it
    known = {current.snapshot, *current.previous} if current else set()
    for folder in _of_runs(tables / "snapshots"):
        if f"snapshots/{folder.name}" not in known:
            _remove(folder)
    with suppress(OSError):
        for name in _TEMPORARY:
            (tables / name).unlink(missing_ok=True)
        if current and not (tables / current.snapshot / SNAPSHOT).exists():
            replace_file(tables / current.snapshot / SNAPSHOT, current.to_json())


def _of_runs(folder: Path) -> list[Path]:
    """The folders that bear the name of a run, also of a snapshot on its way out; never a link."""
    found = [path for path in folder.glob("*") if RUN_ID.fullmatch(path.name.removeprefix(".").removesuffix(".old"))]
    return [path for path in found if path.is_dir() and not path.is_symlink()]


def _remove(folder: Path) -> None:
    """Remove a snapshot, first out of the way in one step, so that nobody meets half of one."""
    trash = folder if folder.name.startswith(".") else folder.with_name(f".{folder.name}.old")
    with suppress(OSError):
        folder.rename(trash)
        shutil.rmtree(trash)


def replace_file(file: Path, text: str) -> None:
    """Give a file new content in one step: who reads it meets the old or the new text, also after a crash."""
    new = file.with_name(f".{file.name}.new")
    with new.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)
    with suppress(OSError):
        # It stands already; a disk that will not confirm it cannot be argued with.
        sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to disk, where a system lets a folder be opened for it (Windows does not)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def worth_keeping(tables: Path, current: Snapshot | None, keep: int, keep_days: float) -> tuple[str, ...]:
    """Give the snapshots that the next one goes on naming, newest first; ``current`` is the one it takes over from.

    These are the newest ``keep`` (the next one counts) and those that stopped being the current one less than
    ``keep_days`` ago. The others are cleared away by `clear_leftovers` once a CURRENT.json without their names is
    published.
    """
    if current is None:
        return ()
    there = [name for name in (current.snapshot, *current.previous) if (tables / name).is_dir()]
    now = datetime.now(UTC)
    ended = stopped_being_current([_published_at(tables / name) for name in there], now)
    youngest = now - timedelta(days=keep_days)
    return tuple(name for n, (name, end) in enumerate(zip(there, ended, strict=True), 1) if n < keep or end > youngest)


def stopped_being_current(published: Sequence[datetime | None], now: datetime) -> list[datetime]:
    """Give when each snapshot stopped being the current one: when the one after it was published, the first one now.

    ``published`` are the times of publishing, newest snapshot first, None where one is not known. A time still to
    come (the clock was ahead, or is behind now) counts as not known, and a snapshot published before an older one (the
    clock was behind) as published with that one: so none ends before it began, and none stays for ever.

    >>> day = [datetime(2026, 1, n, tzinfo=UTC) for n in range(1, 10)]
    >>> [end.day for end in stopped_being_current([day[5], day[3], day[1]], now=day[8])]
    [9, 6, 4]
    """
    times: list[datetime] = []
    for time in published:
        times.append(time if time and time <= now else times[-1] if times else now)
    latest = datetime.min.replace(tzinfo=UTC)
    for n in range(len(times) - 1, -1, -1):
        latest = times[n] = max(latest, times[n])
    return [now, *times[:-1]] if times else []


def _published_at(folder: Path) -> datetime | None:
    try:
        return datetime.fromisoformat(Snapshot.from_json((folder / SNAPSHOT).read_text(encoding="utf-8")).published_at)
    except (OSError, KeyError, TypeError, ValueError):
        return None
