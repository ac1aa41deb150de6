"""Known entities: a table that the user gives, and what becomes of its ids while no table is given."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import polars as pl
import polars.selectors as cs

from stages.errors import UsageError
from stages.link_entities import names
from stages.link_entities.persons import parse_person
from stages.tables.schemas import NAME_LABELS
from stages.tables.store.objects import is_url, object_at
from stages.tables.store.snapshots import file_sha256

AUTHORITY = pl.Schema({"id": pl.String(), "label": pl.String(), "name": pl.String(), "aliases": pl.List(pl.String)})
_EXPECTED = {
    "id": "a string or a whole number",
    "label": "one of " + ", ".join(NAME_LABELS),
    "name": "a string",
    "aliases": "a list of strings, or nothing,",
}
_TEXT = (pl.String, pl.Categorical, pl.Enum, pl.Null)
_LONGEST_SHOWN = 80


class Authority(NamedTuple):
    """A table of known entities, the hash of its file, and whether the published ids come from another one."""

    table: pl.DataFrame | None
    sha256: str
    renewed: bool


def open_authority(file: str) -> tuple[pl.DataFrame, str]:
    """Read the table of known entities that the user gives, a file or an object; also returns the SHA-256 of it.

    Raises UsageError when the file is no Parquet file, or one with a row that is not as expected.
    """
    try:
        where, sha256 = _at_hand(file)
        table = pl.scan_parquet(where, glob=False).select(cs.by_name(*AUTHORITY, require_all=False)).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UsageError(
            f"{file} is no authority table: a Parquet file with id, label, name and aliases is expected ({error})"
        ) from error
    return checked_authority(table, file), sha256


def _at_hand(file: str) -> tuple[Path | BytesIO, str]:
    """A file, or the content of an object, with its SHA-256."""
    if not is_url(file):
        return Path(file), file_sha256(Path(file))
    objects, name = object_at(file)
    if (found := objects.read(name)) is None:
        raise FileNotFoundError("no such object")
    return BytesIO(found[0]), hashlib.sha256(found[0]).hexdigest()


def read_authority(file: str | None, last_versions: pl.Series) -> Authority:
    """Read the authority table, where there is one; ``last_versions``: `runs.versions` of the last run, or nothing.

    Without a table nothing is renewed: the published ids stand. Raises UsageError as `open_authority` does.
    """
    if file is None:
        return Authority(None, "", renewed=False)
    table, sha256 = open_authority(file)
    last = last_versions.explode().to_list()
    return Authority(table, sha256, bool(last) and {"name": "authority", "version": sha256} not in last)


def checked_authority(table: pl.DataFrame, file: str) -> pl.DataFrame:
    """Return the columns of `AUTHORITY` in its types; categories become strings, whole numbers become digits.

    Raises UsageError with ``file``, the first row at fault (counted from 1) and what is expected there: id, label and
    name in every row, each id once, a known label, and aliases that are a list of strings.
    """
    missing = [name for name in AUTHORITY if name not in table.columns]
    if missing:
        raise UsageError(f"{file} has no column {', '.join(missing)}: id, label, name and aliases are expected")
    for column, wrong in _wrong(table):
        if (row := wrong.arg_max()) is not None and wrong[row]:
            shown = repr(table.row(row, named=True)[column])[:_LONGEST_SHOWN]
            raise UsageError(f"{file}, row {row + 1}: {column} is {shown}, {_EXPECTED[column]} is expected")
    plain = table.select(pl.col(name).cast(dtype) for name, dtype in AUTHORITY.items())
    again = plain["id"].is_first_distinct().not_().arg_true()
    if len(again):
        number = plain["id"][again[0]]
        first = plain["id"].index_of(number)
        raise UsageError(
            f"{file}, row {again[0] + 1}: id is {number!r}, which row {(first or 0) + 1} has; each id is expected once"
        )
    return plain


def _wrong(table: pl.DataFrame) -> Iterator[tuple[str, pl.Series]]:
    """For each column, which rows are not as expected."""
    for column in ("id", "label", "name"):
        yield column, _no_text(table[column], whole_numbers=column == "id")
    yield "label", ~table["label"].cast(pl.String).is_in(NAME_LABELS)
    aliases = table["aliases"]
    inner = aliases.dtype.inner if isinstance(aliases.dtype, (pl.List, pl.Array)) else aliases.dtype
    listed = aliases.dtype == pl.Null or (inner != aliases.dtype and inner in _TEXT)
    if not listed:
        yield "aliases", aliases.is_not_null()
    elif aliases.dtype != pl.Null:
        lists = aliases.cast(pl.List(pl.String))
        yield "aliases", (lists.list.drop_nulls().list.len() != lists.list.len()).fill_null(False)


def _no_text(column: pl.Series, *, whole_numbers: bool) -> pl.Series:
    if not (column.dtype in _TEXT or (whole_numbers and column.dtype.is_integer())):
        return pl.repeat(True, len(column), eager=True)
    return column.cast(pl.String).str.strip_chars().fill_null("") == ""


def authority_keys(authority: pl.DataFrame | None) -> dict[str, set[str]]:
    """Label and key -> ids of the authority table that bear the name."""
    found: dict[str, set[str]] = {}
    if authority is None:
        return found
    for number, label, name, aliases in authority.select(list(AUTHORITY)).iter_rows():
        for form in (name, *(aliases or ())):
            key = parse_person(form).key if label == "PER" else names.name_key(form, label)
            found.setdefault(f"{label}:{key}", set()).add(number)
    return found


def kept_ids(before: pl.DataFrame, after: pl.DataFrame, entities: pl.DataFrame) -> dict[str, str]:
    """The authority id of each entity after a run without an authority table, by entity_id.

    ``before`` and ``after``: the clusters that the run looked at, as they were and as they are linked now (doc_id,
    signature, entity_id). ``entities``: the published ones (entity_id, authority_id). An id goes on to the one entity
    that has all that the old one was known by: its full names, or, where it had none, its surname or acronym in the
    same documents. Where several entities share these, or one gets several ids, there is none: rather none than wrong.
    """
    known = entities.drop_nulls("authority_id")
    ids = dict(known.select("entity_id", "authority_id").iter_rows())
    if not ids:
        return {}
    given: defaultdict[str, set[str]] = defaultdict(set)
    for old, new in _heirs(before.join(known, on="entity_id", how="semi"), after).iter_rows():
        given[new].add(ids[old])
    return {new: next(iter(found)) for new, found in given.items() if len(found) == 1}


def _heirs(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Pairs of an old entity and the only new one that takes its place."""
    # The second part of a signature are the full names: Signature.strong.
    full = pl.col("signature").str.json_path_match("$[1][0]").is_not_null()
    old = before.select("doc_id", "signature", full.alias("full"), old="entity_id")
    new = after.select("doc_id", "signature", new="entity_id")
    named = old.filter("full").join(new.drop("doc_id"), on="signature")
    nameless = old.filter(~pl.col("full").any().over("old")).join(new, on=["doc_id", "signature"])
    same = old.filter(pl.col("old").is_in(new["new"].implode())).with_columns(new="old")
    pairs = pl.concat([frame.select("old", "new") for frame in (named, nameless, same)]).unique()
    return pairs.filter(pl.len().over("old") == 1)
