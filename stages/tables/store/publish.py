"""Publish: validated rows become an immutable snapshot, then one atomic replace of CURRENT.json.

A table lies in parts by the first hex digits of doc_id (``prefix_length`` of them). Only parts with changed
documents are written; the others are hard-linked from the snapshot before, once their SHA-256 was found right.
Readers that resolved CURRENT.json keep their snapshot until it is cleared away; there is no moment at which a
table is missing or mixed.
"""

import os
import shutil
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import polars as pl
import polars.selectors as cs

from stages.errors import GateError
from stages.tables.schemas import CONTENT, SCHEMA_VERSION, TABLES, cast, empty
from stages.tables.store.folder import point_link
from stages.tables.store.snapshots import (
    CURRENT,
    SNAPSHOT,
    Part,
    Snapshot,
    file_sha256,
    prefix_of,
    replace_file,
    scan_parts,
    sync_folder,
    unharmed,
)

if TYPE_CHECKING:  # loaded where it is needed: it takes thirty megabytes of every process, and few publish
    import pyarrow as pa

_MOST_ROWS, _MOST_BYTES = 100_000, 1 << 25
"""What a part of the largest table holds at the most, on average: a file costs milliseconds, however few its rows."""
_FULL_ENOUGH = 0.01
_ROW_GROUP = 10_000
"""Who asks for some documents of a part decodes those groups of rows that may hold them."""
_GROUP_BYTES = 1 << 26
"""Text in a row group, more only where one row has more: the 32-bit offsets of Arrow strings end at 2 GB."""


class NewRows(NamedTuple):
    """One Parquet file for each table of CONTENT, and the first and last doc_id that they may hold."""

    files: Mapping[str, Path]
    first: str
    last: str


def prefix_length(n_rows: float, n_bytes: float, now: int) -> int:
    """Choose into how many parts tables are cut: 16**k parts of at most 100,000 rows and 32 MB on average.

    ``n_rows`` and ``n_bytes`` are those of the largest table. The present cut ``now`` stands until a part has grown too
    large, or is down to a hundredth of that, so that a corpus at the border is not rewritten every night.

    >>> [prefix_length(n, 0, 0) for n in (5, 100_000, 100_001, 1_000_000, 40_000_000)]
    [0, 0, 1, 1, 3]
    >>> prefix_length(1_000, 1 << 30, 0), prefix_length(50_000, 0, 1), prefix_length(10_000, 0, 1)
    (2, 1, 0)
    """
    full = max(n_rows / _MOST_ROWS, n_bytes / _MOST_BYTES)
    wanted = 0
    while full / 16**wanted > 1:
        wanted += 1
    keeps = now > wanted and full / 16**now >= _FULL_ENOUGH
    return now if keeps else wanted


def build_snapshot(
    tables: Path,
    previous: Snapshot | None,
    run_id: str,
    *,
    replaced: Sequence[str],
    batches: Sequence[NewRows],
    whole: Mapping[str, pl.DataFrame | pl.LazyFrame],
    at_once: int = 1,
) -> Snapshot:
    """Write the next snapshot below ``tables`` without publishing it.

    ``replaced``: the doc_ids whose published rows go (their new rows, if any, are in ``batches``). ``whole``:
    the complete `entities`, `sources` and `quarantine` tables, and `runs` if it is known already; else `add_table`
    has to bring it. ``at_once``: parts that are made side by side, each of which is held in memory meanwhile.
    Every file and folder is flushed to disk.
    Raises TablesError when a part of ``previous`` that would be built upon is not what was published, GateError when
    a row lacks a value that the table promises.
    """
    folder = tables / "snapshots" / run_id
    folder.mkdir(parents=True)
    length, parts = assemble(_InFolder(tables, folder), previous, replaced, batches, whole, at_once)
    for made in (*(folder / table for table in parts), folder, folder.parent, tables):
        sync_folder(made)
    earlier = (previous.snapshot, *previous.previous) if previous else ()
    return Snapshot(
        snapshot=f"snapshots/{run_id}",
        run_id=run_id,
        published_at=datetime.now(UTC).isoformat(timespec="seconds"),
        tables=parts,
        prefix_length=length,
        validation={},
        previous=tuple(name for name in earlier if (tables / name).is_dir()),
    )


class Shelf(Protocol):
    """Where the parts of snapshots are put."""

    def scan(self, snapshot: Snapshot, table: str, prefixes: Sequence[str]) -> pl.LazyFrame:
        """Scan the published parts that may hold doc_ids with these prefixes; TablesError where one is damaged."""
        ...

    def keep(self, snapshot: Snapshot, part: Part) -> Part:
        """Take a published part over; TablesError where it is damaged."""
        ...

    def put(self, frame: pl.DataFrame, table: str, prefix: str) -> Part:
        """Write a new part."""
        ...


def assemble(
    shelf: Shelf,
    previous: Snapshot | None,
    replaced: Sequence[str],
    batches: Sequence[NewRows],
    whole: Mapping[str, pl.DataFrame | pl.LazyFrame],
    at_once: int = 1,
) -> tuple[int, dict[str, tuple[Part, ...]]]:
    """Put the parts of the next snapshot on a shelf: those that change are written, the others kept.

    Gives how many hex digits the parts are cut by, and the parts of each table. See `build_snapshot`.
    """
    sizes = {table: _size(previous, replaced, batches, table) for table in CONTENT}
    n_rows, n_bytes = (max(counted) for counted in zip(*sizes.values(), strict=True))
    length = prefix_length(n_rows, n_bytes, previous.prefix_length if previous else 0)
    changed = set(replaced) | {doc_id for batch in batches for doc_id in _doc_ids(batch)}
    touched = {doc_id[:length] for doc_id in changed}
    comparable = previous if previous and previous.prefix_length == length else None
    to_put: list[tuple[str, _Stretch, list[str], list[NewRows]]] = []
    for table in CONTENT:
        stretches = prefixes_of(min(length, prefix_length(*sizes[table], 0)))
        gone = _group_ids(replaced, len(stretches[0]))
        come = _group_batches((batch for batch in batches if n_rows_in(batch.files[table])), stretches)
        to_put += [(table, _Stretch(begin, length), gone[begin], come[begin]) for begin in stretches]

    def put(one: tuple[str, _Stretch, list[str], list[NewRows]]) -> list[Part]:
        table, stretch, gone, come = one
        return _put_content(shelf, previous, comparable, table, stretch, touched, gone, come)

    parts: dict[str, tuple[Part, ...]] = dict.fromkeys(CONTENT, ())
    with ThreadPoolExecutor(at_once, thread_name_prefix="part") as threads:
        for (table, *_), made in zip(to_put, threads.map(put, to_put), strict=True):
            parts[table] += tuple(made)
    for table, frame in whole.items():
        parts[table] = tuple(_put_whole(shelf, comparable, frame.lazy(), table, length))
    return length, parts


class _Stretch(NamedTuple):
    """Parts that lie side by side and are made at once: those of the doc_ids that begin with ``begin``."""

    begin: str
    length: int

    @property
    def prefixes(self) -> list[str]:
        return [self.begin + rest for rest in prefixes_of(self.length - len(self.begin))]

    @property
    def holds(self) -> pl.Expr:
        # A doc_id is of hex digits: none below the prefix begins with it, none above it and a g.
        return pl.col("doc_id").is_between(pl.lit(self.begin), pl.lit(f"{self.begin}g"))

    def cut(self, frame: pl.DataFrame, table: str) -> dict[str, pl.DataFrame]:
        """Cut rows into the parts, each in key order, in one go: filtering them for each part is quadratic."""
        named = frame.sort(TABLES[table].key).with_columns(pl.col("doc_id").str.head(self.length).alias(""))
        parts = named.partition_by("", maintain_order=True, include_key=False, as_dict=True)
        return {prefix: part for (prefix,), part in parts.items()}


def prefixes_of(length: int) -> list[str]:
    """List how doc_ids begin, by so many hex digits, in order."""
    return ["".join(digits) for digits in product("0123456789abcdef", repeat=length)]


class _InFolder(NamedTuple):
    """A shelf in the folder of a snapshot that is not published yet."""

    tables: Path
    folder: Path

    def scan(self, snapshot: Snapshot, table: str, prefixes: Sequence[str]) -> pl.LazyFrame:
        return scan_parts(self.tables, snapshot, table, prefixes)

    def keep(self, snapshot: Snapshot, part: Part) -> Part:
        (self.folder / part.path).parent.mkdir(exist_ok=True)
        return _link(self.tables, snapshot, part, self.folder)

    def put(self, frame: pl.DataFrame, table: str, prefix: str) -> Part:
        (self.folder / table).mkdir(exist_ok=True)
        return write_part(frame, self.folder, table, prefix)


def add_table(tables: Path, snapshot: Snapshot, table: str, frame: pl.DataFrame) -> Snapshot:
    """Write a table that has no doc_id, complete, into a snapshot that is not published yet; flushed to disk."""
    folder = tables / snapshot.snapshot
    (folder / table).mkdir()
    part = write_part(frame.sort(TABLES[table].key), folder, table, "")
    for made in (folder / table, folder):
        sync_folder(made)
    return replace(snapshot, tables={**snapshot.tables, table: (part,)})


def switch(tables: Path, snapshot: Snapshot) -> None:
    """Make ``snapshot`` the published one: all tables change in one atomic replace of CURRENT.json.

    Raises OSError while the tables are as they were; what fails after the switch no longer fails the run.
    """
    text = snapshot.to_json()
    replace_file(tables / CURRENT, text)
    with suppress(OSError):
        # The copy comes second: where it lies, that snapshot was published once.
        replace_file(tables / snapshot.snapshot / SNAPSHOT, text)
        point_link(tables, snapshot.snapshot)


def part_name(table: str, prefix: str) -> str:
    """Name the file of a table that holds the doc_ids with a prefix, relative to its snapshot."""
    return f"{table}/part-{prefix}.parquet" if prefix else f"{table}/part.parquet"


def _size(
    previous: Snapshot | None, replaced: Sequence[str], batches: Sequence[NewRows], table: str
) -> tuple[float, float]:
    """How many rows and bytes a content table will have, about: replaced documents are taken to be like the others."""
    old = previous.tables[table] if previous else ()
    stays = 1 - min(1.0, len(replaced) / max(1, previous.n_rows()["documents"] if previous else 0))
    files = [batch.files[table] for batch in batches]
    n_rows = stays * sum(part.rows for part in old) + sum(map(n_rows_in, files))
    return n_rows, stays * sum(part.bytes for part in old) + sum(file.stat().st_size for file in files)


def _doc_ids(batch: NewRows) -> list[str]:
    return pl.read_parquet(batch.files["documents"], columns=["doc_id"], glob=False)["doc_id"].to_list()


def _group_ids(doc_ids: Iterable[str], length: int) -> defaultdict[str, list[str]]:
    """Group doc_ids by their first digits, once for all parts: looking through them for each part is quadratic."""
    grouped: defaultdict[str, list[str]] = defaultdict(list)
    for doc_id in doc_ids:
        grouped[doc_id[:length]].append(doc_id)
    return grouped


def _group_batches(batches: Iterable[NewRows], prefixes: Sequence[str]) -> defaultdict[str, list[NewRows]]:
    """Say for each of the sorted prefixes which batches may hold such doc_ids."""
    length, grouped = len(prefixes[0]), defaultdict[str, list[NewRows]](list)
    for batch in batches:
        begin, end = bisect_left(prefixes, batch.first[:length]), bisect_right(prefixes, batch.last[:length])
        for prefix in prefixes[begin:end]:
            grouped[prefix].append(batch)
    return grouped


def n_rows_in(file: Path) -> int:
    """Look up how many rows a Parquet file says that it has."""
    from pyarrow.parquet import read_metadata

    return int(read_metadata(file).num_rows)


def _put_content(
    shelf: Shelf,
    previous: Snapshot | None,
    comparable: Snapshot | None,
    table: str,
    stretch: _Stretch,
    touched: Collection[str],
    replaced: Sequence[str],
    batches: Sequence[NewRows],
) -> list[Part]:
    """Put the parts of a stretch: what stands of the last snapshot, and what this run made; all of it is read at once.

    Of a ``comparable`` snapshot, cut in the same way, parts that are not ``touched`` are kept as they are.
    """
    old = _by_prefix(comparable, table)
    asked = [prefix for prefix in stretch.prefixes if not comparable or prefix in touched]
    # Of plain texts several tables have no rows at all: an empty part that gets none is not written anew.
    asked = [prefix for prefix in asked if batches or not comparable or old[prefix].rows]
    frames = [empty(table).lazy()]
    if previous and asked:
        stays = ~pl.col("doc_id").is_in(replaced)
        published = shelf.scan(previous, table, asked if comparable else [stretch.begin])
        frames.append(published.filter(stretch.holds & stays))
    new = [batch.files[table] for batch in batches]
    frames += [pl.scan_parquet(new, glob=False).filter(stretch.holds)] if new else []
    cut = stretch.cut(pl.concat(frames).collect(), table)
    parts = []
    for prefix in stretch.prefixes:
        if comparable and (prefix not in asked or (old[prefix].rows == 0 and prefix not in cut)):
            parts.append(shelf.keep(comparable, old[prefix]))
        else:
            parts.append(shelf.put(cut.get(prefix, empty(table)), table, prefix))
    return parts


def _by_prefix(snapshot: Snapshot | None, table: str) -> dict[str, Part]:
    return {prefix_of(part): part for part in snapshot.tables[table]} if snapshot else {}


def _put_whole(
    shelf: Shelf, comparable: Snapshot | None, rows: pl.LazyFrame, table: str, length: int
) -> Iterator[Part]:
    """Put a table given whole, in parts where it has a doc_id; keep the parts that are as they were."""
    if "doc_id" not in TABLES[table].columns:
        yield shelf.put(rows.collect().sort(TABLES[table].key), table, "")
        return
    old = _by_prefix(comparable, table)
    n_rows = rows.select(pl.len()).collect().item()
    for begin in prefixes_of(min(length, prefix_length(n_rows, 0, 0))):
        stretch = _Stretch(begin, length)
        cut = stretch.cut(cast(rows.filter(stretch.holds).collect(), table), table)
        before = stretch.cut(shelf.scan(comparable, table, [begin]).collect(), table) if comparable else {}
        for prefix in stretch.prefixes:
            part = cut.get(prefix, empty(table))
            if comparable and before.get(prefix, empty(table)).equals(part):
                yield shelf.keep(comparable, old[prefix])
            else:
                yield shelf.put(part, table, prefix)


def _link(tables: Path, snapshot: Snapshot, part: Part, folder: Path) -> Part:
    source, target = unharmed(tables, snapshot, part), folder / part.path
    try:
        target.hardlink_to(source)
    except OSError:
        # A file system without hard links: the same bytes, at the price of a copy.
        shutil.copyfile(source, target)
        with target.open("rb+") as copied:  # Windows flushes only what is open for writing
            os.fsync(copied.fileno())
    return part


@cache
def arrow_schema(table: str) -> "pa.Schema":
    """Give the Arrow schema of a table: plain string and list types, nullability, and a description per column."""
    import pyarrow as pa

    plain = pa.schema(_plain(field) for field in empty(table).to_arrow().schema)
    columns = TABLES[table].columns
    fields = [
        field.with_nullable(columns[field.name].nullable).with_metadata({"description": columns[field.name].meaning})
        for field in plain
    ]
    about = {"table": table, "description": TABLES[table].meaning, "key": ",".join(TABLES[table].key)}
    about["schema_version"] = SCHEMA_VERSION
    return pa.schema(fields, metadata={f"fliesstext.{k}": v for k, v in about.items()})


def _plain(field: "pa.Field") -> "pa.Field":
    """Use the 32-bit string and list types, which every reader knows."""
    import pyarrow as pa

    if pa.types.is_large_string(field.type) or pa.types.is_string_view(field.type):
        return field.with_type(pa.string())
    if pa.types.is_large_list(field.type):
        return field.with_type(pa.list_(_plain(field.type.value_field)))
    if pa.types.is_struct(field.type):
        return field.with_type(pa.struct([_plain(child) for child in field.type]))
    return field


def write_part(frame: pl.DataFrame, folder: Path, table: str, prefix: str) -> Part:
    """Write one Parquet file below a folder, flushed to disk; GateError where a promised value is missing."""
    from pyarrow.parquet import ParquetWriter

    name = part_name(table, prefix)
    file = folder / name
    schema = arrow_schema(table)
    _refuse_nulls(frame, table)
    with file.open("wb") as out:
        with ParquetWriter(out, schema, compression="zstd", write_statistics=True, version="2.6") as writer:
            for rows in _row_groups(cast(frame, table)):
                writer.write_table(rows.to_arrow().cast(schema))
        out.flush()
        os.fsync(out.fileno())
    return Part(name, frame.height, file.stat().st_size, file_sha256(file))


def _refuse_nulls(frame: pl.DataFrame, table: str) -> None:
    """Raise GateError where a value is missing that the files themselves promise."""
    missing = {name: frame[name].null_count() for name, column in TABLES[table].columns.items() if not column.nullable}
    lines = [
        f"{table}.{name}.not_null: expected that {name} is always known; {n} of {frame.height} rows do not"
        for name, n in missing.items()
        if n
    ]
    if lines:
        raise GateError("\n  ".join(lines))


def _row_groups(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Cut rows into groups that are neither too many rows nor too much text; one group without rows at the least."""
    for at in range(0, max(1, frame.height), _ROW_GROUP):
        rows = frame[at : at + _ROW_GROUP]
        if rows.estimated_size() <= _GROUP_BYTES:
            yield rows
            continue
        text = [cs.string().str.len_bytes(), cs.by_dtype(pl.List(pl.String)).list.join("").str.len_bytes()]
        group = rows.select(pl.sum_horizontal(*text).cast(pl.Int64).cum_sum() // _GROUP_BYTES).to_series()
        yield from rows.with_columns(group.alias("")).partition_by("", maintain_order=True, include_key=False)
