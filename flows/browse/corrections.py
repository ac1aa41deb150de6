"""The file of corrections as the pages use it: read, a row more, a row less; others may change it at the same time."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from filelock import FileLock

from flows.corrections import FILE, met_before
from stages.correct import COLUMNS, CORRECTIONS, keys_of, read_corrections, write_corrections
from stages.errors import UsageError
from stages.tables.store.local import LocalSnapshots
from stages.tables.store.snapshots import Snapshot, replace_file

_SECONDS = 10
APPLIED, VANISHED, WAITS = "applied", "met nothing", "waits for the next run"


def all_rows(file: Path) -> pl.DataFrame:
    """Read the corrections that there are; none where there is no file. Raises UsageError on a row that is wrong."""
    try:
        return read_corrections(file.read_text(encoding="utf-8"), str(file))
    except FileNotFoundError:
        return pl.DataFrame(schema=CORRECTIONS)


def add_row(file: Path, row: Mapping[str, str]) -> None:
    """Write one more correction below the others, with the time; raises UsageError where it makes no sense."""
    given = {name: row.get(name, "") for name in COLUMNS} | {"at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    if given["start"] and not (given["start"].isascii() and given["start"].isdigit()):
        raise UsageError(f"{file}: start {given['start']!r} should be a number, or empty; nothing was written")
    values = {name: [int(value) if name == "start" and value else value or None] for name, value in given.items()}
    schema = {name: dtype for name, dtype in CORRECTIONS.items() if name != "row"}
    with FileLock(file.with_name(f".{file.name}.lock"), timeout=_SECONDS):
        text = write_corrections(pl.concat([all_rows(file).select(list(COLUMNS)), pl.DataFrame(values, schema=schema)]))
        read_corrections(text, str(file))  # what cannot be read again is not written
        replace_file(file, text)


def with_states(rows: pl.DataFrame, tables: Path, snapshot: Snapshot) -> pl.DataFrame:
    """Say of each correction (``state``): the last run applied it, it met nothing there, or it waits for the next run.

    A correction that is in the file more than once has one state: a run knows rows by what they do.
    """
    store = LocalSnapshots(tables)
    before = read_corrections(store.read_file(snapshot, FILE) or ",".join(COLUMNS))
    known, keys = keys_of(before)["key"].implode(), keys_of(rows)
    met = met_before(rows, store, snapshot).rows["key"].implode()
    state = (
        pl.when(~pl.col("key").is_in(known)).then(pl.lit(WAITS))
        .when(pl.col("key").is_in(met)).then(pl.lit(APPLIED)).otherwise(pl.lit(VANISHED))
    )  # fmt: skip
    return rows.join(keys.select("row", state=state), on="row", how="left", maintain_order="left")


def take_back(file: Path, line: int, at: str) -> None:
    """Take out the correction of a line, if it is still the one made at that time."""
    with FileLock(file.with_name(f".{file.name}.lock"), timeout=_SECONDS):
        rows = all_rows(file)
        replace_file(file, write_corrections(rows.filter((pl.col("row") != line) | (pl.col("at") != at))))
