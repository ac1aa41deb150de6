"""Whole: a table that a run makes whole, in files of its work folder, with a digest of each row as it was made.

These may be rows of all files below the sources: made, assembled and judged piece by piece, they are never held all.
"""

from pathlib import Path
from typing import NamedTuple

import polars as pl

from expectations.digests import row_digests
from stages.tables.schemas import TABLES, empty


class Whole(NamedTuple):
    """One such table; ``folder``: where its pieces lie, of which no two have a row of the same document."""

    table: str
    folder: Path

    def add(self, rows: pl.DataFrame) -> "Whole":
        """Write a piece."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{len(self._files('rows')):06}"
        row_digests(rows, self.table).to_frame().write_parquet(self.folder / f"digests-{name}.parquet")
        rows.write_parquet(self.folder / f"rows-{name}.parquet", compression_level=1)
        return self

    def rows(self) -> pl.LazyFrame:
        """Scan the rows."""
        files, schema = self._files("rows"), TABLES[self.table].schema
        return pl.scan_parquet(files, schema=schema, glob=False) if files else empty(self.table).lazy()

    def digests(self) -> pl.Series:
        """Read the digests of the rows as they were made."""
        files = self._files("digests")
        read = [pl.read_parquet(file, glob=False)["digest"] for file in files]
        return pl.concat([pl.Series("digest", dtype=pl.UInt64), *read])

    def _files(self, kind: str) -> list[Path]:
        return sorted(self.folder.glob(f"{kind}-*.parquet"))
