"""The file of corrections as the pages use it: read, a row more, a row less; others may change it at the same time."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from filelock import FileLock

from flows.corrections import FILE, met_before
from stages.correct import COLUMNS, CORRECTIONS, keys_of, read_corrections, write_corrections
from stages.errors import UsageError
from stages.tables.store import Snapshot, Store
from stages.tables.store.objects import Conflict, is_url, object_at
from stages.tables.store.snapshots import replace_file

_SECONDS = 10
_TRIES = 5
APPLIED, VANISHED, WAITS = "applied", "met nothing", "waits for the next run"


def all_rows(file: Path | str) -> pl.DataFrame:
    """Read the corrections that there are, on an object store too; none where there is no file.

    Raises UsageError on a row that is wrong.
    """
    return _read(file)[0]


def _read(file: Path | str) -> tuple[pl.DataFrame, str | None]:
    """The corrections, and by which tag an object store knows this state of them: None where there is no file."""
    tag: str | None = None
    try:
        if is_url(file):
            objects, name = object_at(str(file))
            found = objects.read(name)
            if found is None:
                return pl.DataFrame(schema=CORRECTIONS), None
            text, tag = found[0].decode("utf-8-sig"), found[1]
        else:
            text = Path(file).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return pl.DataFrame(schema=CORRECTIONS), None
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: is not UTF-8 ({error.reason}); save it as UTF-8") from error
    return read_corrections(text, str(file)), tag


def _change(file: Path | str, changed: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Put other rows in the place of those of a file; what cannot be read again is not written.

    In a folder a lock keeps others away meanwhile. On an object store the write is refused where somebody else was
    faster, and done again upon theirs.
    """
    if not is_url(file):
        path = Path(file)
        with FileLock(path.with_name(f".{path.name}.lock"), timeout=_SECONDS):
            replace_file(path, _checked(changed(all_rows(path)), file))
        return
    objects, name = object_at(str(file))
    for _ in range(_TRIES):
        rows, tag = _read(file)
        with suppress(Conflict):
            objects.write(name, _checked(changed(rows), file).encode(), instead_of=tag)
            return
    raise UsageError(f"{file}: others go on changing it; nothing was written. Try again")


def _checked(rows: pl.DataFrame, file: Path | str) -> str:
    text = write_corrections(rows)
    read_corrections(text, str(file))
    return text


def add_row(file: Path | str, row: Mapping[str, str]) -> None:
    """Write one more correction below the others, with the time; raises UsageError where it makes no sense."""
    given = {name: row.get(name, "") for name in COLUMNS} | {"at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    if given["start"] and not (given["start"].isascii() and given["start"].isdigit()):
        raise UsageError(f"{file}: start {given['start']!r} should be a number, or empty; nothing was written")
    values = {name: [int(value) if name == "start" and value else value or None] for name, value in given.items()}
    schema = {name: dtype for name, dtype in CORRECTIONS.items() if name != "row"}
    _change(file, lambda rows: pl.concat([rows.select(list(COLUMNS)), pl.DataFrame(values, schema=schema)]))


def with_states(rows: pl.DataFrame, store: Store, snapshot: Snapshot) -> pl.DataFrame:
    """Say of each correction (``state``): the last run applied it, it met nothing there, or it waits for the next run.

    A correction that is in the file more than once has one state: a run knows rows by what they do.
    """
    before = read_corrections(store.read_file(snapshot, FILE) or ",".join(COLUMNS))
    known, keys = keys_of(before)["key"].implode(), keys_of(rows)
    met = met_before(rows, store, snapshot).rows["key"].implode()
    state = (
        pl.when(~pl.col("key").is_in(known)).then(pl.lit(WAITS))
        .when(pl.col("key").is_in(met)).then(pl.lit(APPLIED)).otherwise(pl.lit(VANISHED))
    )  # fmt: skip
    return rows.join(keys.select("row", state=state), on="row", how="left", maintain_order="left")


def take_back(file: Path | str, line: int, at: str) -> None:
    """Take out the correction of a line, if it is still the one made at that time."""
    _change(file, lambda rows: rows.filter((pl.col("row") != line) | (pl.col("at") != at)))
