"""Verify: are the files of a snapshot those that were published. Reads only; a finding is one line."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from stages.errors import TablesError
from stages.tables.schemas import SCHEMA_VERSION, TABLES
from stages.tables.store.snapshots import CURRENT, Part, Snapshot, file_sha256


def read_pointer(tables: Path) -> Snapshot:
    """Read CURRENT.json without looking at what it names.

    Raises TablesError when it is missing, damaged, or of another schema version.
    """
    pointer = tables / CURRENT
    try:
        current = Snapshot.from_json(pointer.read_text(encoding="utf-8"))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise TablesError(f"{pointer} cannot be read as a snapshot pointer ({error!r})") from error
    if current.schema_version != SCHEMA_VERSION:
        raise TablesError(f"{pointer} was written with schema version {current.schema_version}, not {SCHEMA_VERSION}")
    return current


def verify_files(tables: Path, current: Snapshot) -> Iterator[str]:
    """Compare every file of a snapshot with the size, hash, rows and schema that were published."""
    folder = tables / current.snapshot
    for table in TABLES.keys() - current.tables.keys():
        yield f"{CURRENT}: table {table} is missing"
    named = {part.path for parts in current.tables.values() for part in parts}
    for file in sorted(folder.rglob("*.parquet")):
        if file.relative_to(folder).as_posix() not in named:
            yield f"{file}: no file of this snapshot; CURRENT.json does not name it"
    for table, parts in current.tables.items():
        for part in parts:
            yield from _verify_file(folder / part.path, table, part)


def _verify_file(file: Path, table: str, part: Part) -> Iterator[str]:
    if not file.is_file():
        yield f"{file}: is missing"
        return
    if (size := file.stat().st_size) != part.bytes:
        yield f"{file}: has {size:,} bytes, {part.bytes:,} were published"
        return
    if (found := file_sha256(file)) != part.sha256:
        yield f"{file}: SHA-256 is {found}, {part.sha256} was published"
        return
    schema = pl.scan_parquet(file, glob=False).collect_schema()
    if schema != TABLES[table].schema:
        columns = sorted({n for n, t in (schema.items() ^ TABLES[table].schema.items())}) or "the order of columns"
        yield f"{file}: the schema is not that of {table}: {columns}"
    elif (rows := pl.scan_parquet(file, glob=False).select(pl.len()).collect().item()) != part.rows:
        yield f"{file}: has {rows:,} rows, {part.rows:,} were published"


def part_prefixes(current: Snapshot) -> list[str]:
    """List how the doc_ids of the parts begin, in order."""
    return sorted(Path(part.path).stem.removeprefix("part").removeprefix("-") for part in current.tables["documents"])
