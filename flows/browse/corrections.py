"""The file of corrections as the pages use it: read, a row more, a row less; others may change it at the same time."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from filelock import FileLock

from stages.correct import COLUMNS, CORRECTIONS, read_corrections, write_corrections
from stages.tables.store.snapshots import replace_file

_SECONDS = 10


def all_rows(file: Path) -> pl.DataFrame:
    """Read the corrections that there are; none where there is no file. Raises UsageError on a row that is wrong."""
    try:
        return read_corrections(file.read_text(encoding="utf-8"), str(file))
    except FileNotFoundError:
        return pl.DataFrame(schema=CORRECTIONS)


def add_row(file: Path, row: Mapping[str, str]) -> None:
    """Write one more correction below the others, with the time; raises UsageError where it makes no sense."""
    given = {name: row.get(name, "") for name in COLUMNS} | {"at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    values = {name: [int(value) if name == "start" and value else value or None] for name, value in given.items()}
    schema = {name: dtype for name, dtype in CORRECTIONS.items() if name != "row"}
    with FileLock(file.with_name(f".{file.name}.lock"), timeout=_SECONDS):
        text = write_corrections(pl.concat([all_rows(file).select(list(COLUMNS)), pl.DataFrame(values, schema=schema)]))
        read_corrections(text, str(file))  # what cannot be read again is not written
        replace_file(file, text)


def take_back(file: Path, line: int, at: str) -> None:
    """Take out the correction of a line, if it is still the one made at that time."""
    with FileLock(file.with_name(f".{file.name}.lock"), timeout=_SECONDS):
        rows = all_rows(file)
        replace_file(file, write_corrections(rows.filter((pl.col("row") != line) | (pl.col("at") != at))))
