"""Choose: which store keeps the tables that a user names."""

import json
from pathlib import Path
from typing import Literal

from stages.errors import UsageError
from stages.tables.store import Store
from stages.tables.store.local import LocalSnapshots
from stages.tables.store.objects import is_url, is_web
from stages.tables.store.snapshots import CURRENT, MARKER

Format = Literal["parquet", "delta"]


def open_store(tables: str | Path, wanted: Format | None = None) -> Store:
    """Give the store for a folder or a URL; writes nothing.

    A folder keeps the format that it has; a new one is of Parquet files unless Delta is ``wanted``. On an object store
    tables are Delta tables. Raises UsageError where something else is wanted than is there or can be.
    """
    if is_web(str(tables)):
        raise UsageError(
            f"{tables}: a web server keeps no tables; name a folder, or a prefix of an object store (s3://)"
        )
    there = format_of(tables)
    if wanted and there and wanted != there:
        what = "on an object store tables are Delta tables" if is_url(tables) else f"{tables} holds {there} tables"
        raise UsageError(f"--format {wanted}: {what}; leave --format away, or choose another place for the tables")
    if (there or wanted) != "delta":
        return LocalSnapshots(Path(tables))
    from stages.tables.store.delta import DeltaTables
    from stages.tables.store.places import place_of

    return DeltaTables(place_of(tables))


def format_of(tables: str | Path) -> Format | None:
    """Say of which format the tables of a place are; None where nothing was ever written there."""
    if is_url(tables):
        return "delta"
    folder = Path(tables)
    try:
        plain = json.loads((folder / CURRENT).read_text(encoding="utf-8"))
        return "delta" if any("version" in table for table in plain["tables"].values()) else "parquet"
    except FileNotFoundError:
        # A first run that came to no end.
        marked = (folder / MARKER).is_file()
        return ("delta" if (folder / "delta").is_dir() else None) if marked else None
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        return "delta" if (folder / "delta").is_dir() else "parquet"


def require_parquet(tables: str | Path, what: str) -> Path:
    """Give the folder of tables that are Parquet files, for ``what`` reads no other; else UsageError."""
    if format_of(tables) == "delta":
        raise UsageError(
            f"{what} reads tables of the format parquet in a folder; {tables} holds Delta tables. Export them "
            "(fliesstext export), read them as docs/object_stores.md shows, or run into another folder without --format"
        )
    return Path(tables)
