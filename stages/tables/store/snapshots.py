"""Snapshots: where the published tables lie, and how they are read and replaced in one step.

DIR/.fliesstext-tables                     the marker: this folder is ours, and what bears our names in it
DIR/CURRENT.json                           the one pointer; what it names is complete and never changes
DIR/snapshots/<run>/<table>/part*.parquet  one immutable state of all tables
DIR/latest                                 link for people; programs read CURRENT.json
DIR/work/<run>/                            batches of a run in progress
DIR/failed/<run>.json                      what the gate found where it refused to publish

Who may write there, and what is cleared away again, stands in `stages.tables.store.folder`.
"""

import hashlib
import json
import os
import re
import time
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from stages.errors import TablesError
from stages.tables.schemas import SCHEMA_VERSION, TABLES, empty

CURRENT = "CURRENT.json"
MARKER = ".fliesstext-tables"
"""A file of this name makes a folder a tables folder: without it nothing is written or removed there."""
SNAPSHOT = "snapshot.json"
"""The same text inside a snapshot that was published, for the day CURRENT.json is lost."""
VALIDATION = "validation.json"
"""What the gate checked, in full, inside a snapshot."""
WINDOWS = os.name == "nt"
SNAPSHOT_PATH = re.compile(r"snapshots/[A-Za-z0-9][A-Za-z0-9_-]*")
_TRIES, _SECONDS_BETWEEN = 20, 0.1
_PART_PATH = re.compile(r"[a-z_]+/(?:[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}/)?part(?:-[0-9a-f]+)?\.parquet")


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
    versions: Mapping[str, int] = field(default_factory=dict)
    """The version of each Delta table that belongs to it; empty where the tables are no Delta tables."""

    def n_rows(self) -> dict[str, int]:
        """Count the rows of each table."""
        return {name: sum(part.rows for part in parts) for name, parts in self.tables.items()}

    def to_json(self) -> str:
        """Write the content of CURRENT.json; `from_json` reads it back."""
        tables: dict[str, dict[str, Any]] = {
            name: {"rows": sum(part.rows for part in parts), "files": [asdict(part) for part in parts]}
            for name, parts in self.tables.items()
        }
        for name, version in self.versions.items():
            tables[name]["version"] = version
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
            if not SNAPSHOT_PATH.fullmatch(name):
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
            versions={name: table["version"] for name, table in plain["tables"].items() if "version" in table},
        )


def is_tables_folder(path: Path) -> bool:
    """Tell whether a folder carries the marker of a tables folder; False too where that cannot be looked at."""
    return os.path.isfile(path / MARKER)  # noqa: PTH113 - Path.is_file raises where a folder must not be looked into


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
    held = _holding(snapshot, table, tuple(prefixes)) if snapshot else []
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


def _holding(snapshot: Snapshot, table: str, prefixes: tuple[str, ...]) -> list[Part]:
    """Find the parts that may hold doc_ids with one of these prefixes, without looking at each part for each."""
    parts, length = snapshot.tables[table], snapshot.prefix_length
    if len(parts) < 2 or any(len(prefix) < length for prefix in prefixes):
        return [part for part in parts if may_hold(part, prefixes)]
    wanted = sorted({prefix[:length] for prefix in prefixes})
    # Parts are published in the order of their prefixes.
    places = [bisect_left(parts, prefix, key=prefix_of) for prefix in wanted]
    found = [parts[place] for place in places if place < len(parts)]
    return [part for part, prefix in zip(found, wanted, strict=False) if prefix_of(part) == prefix]


def prefix_of(part: Part) -> str:
    """Say how the doc_ids in a part begin."""
    return Path(part.path).stem.removeprefix("part").removeprefix("-")


def may_hold(part: Part, prefixes: tuple[str, ...]) -> bool:
    """Tell whether a part may hold a doc_id with one of these prefixes."""
    held = prefix_of(part)
    return held.startswith(prefixes) or any(prefix.startswith(held) for prefix in prefixes)


def among(doc_ids: pl.Series) -> pl.Expr:
    """Tell whether a row is of one of these documents; groups of rows that lie outside their range are not decoded."""
    first, last = (pl.lit(end, pl.String) for end in (doc_ids.min(), doc_ids.max()))
    return pl.col("doc_id").is_between(first, last) & pl.col("doc_id").is_in(doc_ids.implode())


def replace_file(file: Path, text: str) -> None:
    """Give a file new content in one step: who reads it meets the old or the new text, also after a crash.

    Raises OSError where the disk fails, UnicodeEncodeError for half a character; then the file is as it was, and
    nothing lies beside it.
    """
    new = file.with_name(f".{file.name}.new")
    try:
        with new.open("w", encoding="utf-8", newline="\n") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        _replace(new, file)
    except Exception:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise
    with suppress(OSError):
        # It stands already; a disk that will not confirm it cannot be argued with.
        sync_folder(file.parent)


def _replace(new: Path, file: Path) -> None:
    """Rename over a file. Windows refuses that while a reader has it open, which takes readers milliseconds."""
    for _ in range(_TRIES if WINDOWS else 0):
        with suppress(PermissionError):
            new.replace(file)
            return
        time.sleep(_SECONDS_BETWEEN)
    new.replace(file)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to disk; on Windows no folder can be opened, and NTFS keeps a journal of names."""
    if WINDOWS:
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
