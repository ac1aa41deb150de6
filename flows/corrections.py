"""Corrections on their way through a run: read once, compared with those of the last run, kept in the snapshot.

A snapshot holds `corrections.csv`, the rows that were applied, and `corrections-met.csv`, which of them met something
and in which documents (none for rows about entities). So the next run knows what to do again, and what to say of rows
about documents that it does not touch.
"""

from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import polars as pl

from stages.correct import (
    CORRECTIONS,
    concerned_documents,
    keys_of,
    named_documents,
    read_corrections,
    same_corrections,
    without_effect,
    write_corrections,
)
from stages.discover.decide import CORRECTED
from stages.errors import UsageError
from stages.tables.store import Snapshot, Store
from stages.tables.store.objects import is_url, object_at

FILE = "corrections.csv"
_MET = "corrections-met.csv"
_MET_SCHEMA = pl.Schema({"doc_id": pl.String(), "key": pl.String()})


class Corrections(NamedTuple):
    """The rows that are to be applied, and those of the last run; None where it is not known what that applied."""

    rows: pl.DataFrame
    before: pl.DataFrame | None

    @property
    def changed(self) -> bool:
        """Tell whether these corrections do anything else than those of the last run."""
        return self.before is None or not same_corrections(self.before, self.rows)


def open_corrections(file: str | None, tables: Path | str) -> pl.DataFrame:
    """Read the file of corrections; the default one, beside the tables, need not be there.

    Raises UsageError that names the file, the line at fault and what to do.
    """
    path = file or f"{tables}/{FILE}"
    try:
        text = _read(path).decode("utf-8-sig")
    except FileNotFoundError:
        if file is None:
            return pl.DataFrame(schema=CORRECTIONS)
        raise UsageError(f"{path}: there is no such file of corrections; nothing was read or changed") from None
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path}, line {error.object[: error.start].count(10) + 1}: is not UTF-8; save it as UTF-8. "
            "Nothing was changed"
        ) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error}); nothing was read or changed") from error
    try:
        return read_corrections(text, path)
    except UsageError as error:
        raise UsageError(f"{error}. Correct or remove that line and run again; nothing was changed") from error


def _read(path: str) -> bytes:
    if not is_url(path):
        return Path(path).read_bytes()
    objects, name = object_at(path)
    if (found := objects.read(name)) is None:
        raise FileNotFoundError(path)
    return found[0]


def applied_before(store: Store, previous: Snapshot | None, n_before: int) -> pl.DataFrame | None:
    """Read the corrections of the last run, which `runs` says had ``n_before``; None where its copy is not sound."""
    text = store.read_file(previous, FILE)
    if text is None:
        return pl.DataFrame(schema=CORRECTIONS) if n_before == 0 else None
    try:
        rows = read_corrections(text)
    except UsageError:
        return None
    return rows if rows.height == n_before else None


def with_stale(sources: pl.LazyFrame, stale: Iterable[str]) -> pl.LazyFrame:
    """Mark the `sources` of documents made under other corrections, so that who reads them next makes them new."""
    meant = pl.col("doc_id").is_in(list(stale)) & (pl.col("status") == "written")
    meant |= pl.col("reason_code").is_in(["rule_failed", "stage_failed"]).fill_null(False)  # maybe of a correction
    return sources.with_columns(stages_sha256=pl.when(meant).then(pl.lit(CORRECTED)).otherwise("stages_sha256"))


def stale_documents(corrections: Corrections, store: Store, previous: Snapshot | None) -> list[str]:
    """List the published documents that the corrections of mentions and blocks would make other than they are."""
    documents = store.scan(previous, "documents")
    if corrections.before is None:
        return documents.select("doc_id").collect()["doc_id"].to_list()
    return concerned_documents(corrections.before, corrections.rows, documents.select("doc_id", "source_uri", "text"))


def read_where_named(decided: pl.DataFrame, corrections: pl.DataFrame, prior: pl.DataFrame) -> pl.DataFrame:
    """Let renamed files be read anew where rows speak of their old or new name: published rows would not fit them.

    Where the file is out of reach its rows are copied all the same, and it is made anew when it is read next.
    """
    named = named_documents(corrections)
    if not named:
        return decided
    of_named = prior.filter(pl.col("source_uri").is_in(named))["doc_id"]
    concerned = (pl.col("action") == "move") & (
        pl.col("source_uri").is_in(named) | pl.col("copy_of").is_in(of_named.implode())
    )
    again = concerned & pl.col("in_scope")
    return decided.with_columns(
        action=pl.when(again).then(pl.lit("process")).otherwise("action"),
        copy_of=pl.when(~again).then("copy_of"),
        copy_stages=pl.when(again).then(None).when(concerned).then(pl.lit(CORRECTED)).otherwise("copy_stages"),
    )


class Met(NamedTuple):
    """What corrections met: ``rows`` as they are kept in a snapshot, and the corrections that met nothing, in words."""

    rows: pl.DataFrame
    nothing: list[str]


def met_before(corrections: pl.DataFrame, store: Store, previous: Snapshot | None) -> Met:
    """Say what the corrections met in the last run."""
    text = store.read_file(previous, _MET)
    try:
        rows = pl.read_csv(StringIO(text or ""), schema=_MET_SCHEMA).fill_null("")
    except (pl.exceptions.PolarsError, ValueError):
        rows = pl.DataFrame(schema=_MET_SCHEMA)
    return _told(corrections, rows)


def met_now(
    corrections: pl.DataFrame,
    before: pl.DataFrame,
    decided: pl.DataFrame,
    replaced: Sequence[str],
    found: pl.DataFrame,
    entities: Sequence[int],
) -> Met:
    """Say what the corrections meet after a run.

    ``before``: what they met in the last one, which stands for documents that are not ``replaced`` and goes with those
    that are ``decided`` to move; ``found``: what those about mentions and blocks met in new documents (doc_id, row),
    ``entities`` the rows about entities.
    """
    moves = decided.filter(pl.col("action") == "move").select("copy_of", to="doc_id")
    moved = before.join(moves, left_on="doc_id", right_on="copy_of").select("key", doc_id="to").select("doc_id", "key")
    about = pl.DataFrame({"doc_id": "", "row": list(entities)}, schema={"doc_id": pl.String, "row": pl.Int64})
    new = pl.concat([found, about]).join(keys_of(corrections), on="row").select(_MET_SCHEMA.names())
    stand = before.filter(~pl.col("doc_id").is_in(["", *replaced]))
    return _told(corrections, pl.concat([stand, moved, new]))


def _told(corrections: pl.DataFrame, rows: pl.DataFrame) -> Met:
    keys = keys_of(corrections)
    stand = rows.join(keys, on="key", how="semi").unique().sort("doc_id", "key")
    met = keys.join(stand, on="key", how="semi")["row"]
    return Met(stand, without_effect(corrections, met))


def keep(store: Store, snapshot: Snapshot, corrections: pl.DataFrame, met: pl.DataFrame) -> None:
    """Write the corrections that were applied, and what they met, into a snapshot that is not published yet."""
    if corrections.height:
        store.add_file(snapshot, FILE, write_corrections(corrections))
        store.add_file(snapshot, _MET, met.write_csv())
