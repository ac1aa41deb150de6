"""What a run changes: the published documents that name others now, and the entities that have to be made anew."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import polars as pl

from stages.tables.pieces import Merged

_GIVEN = ("entity_id", "linked_id", "label")
_TOLD = pl.Schema({"doc_id": pl.String, "entity_id": pl.String, "linked_id": pl.String, "now": pl.Boolean})
_MOVED = pl.col("entity_id") != pl.col("linked_id")


class Changes(NamedTuple):
    """What is other than it was; ``documents``: those that stand and in which a cluster has another entity or label.

    ``entities``: the ids of those that lost, gained or share a cluster with what changed, in order. ``moved``:
    entity_id and linked_id of the clusters in which they differ now.
    """

    documents: list[str]
    entities: pl.Series
    moved: pl.DataFrame


def changes(
    known: Iterable[pl.DataFrame],
    new: Iterable[pl.DataFrame],
    leaves: pl.Expr,
    given: Callable[[pl.DataFrame], pl.DataFrame],
) -> Changes:
    """Compare clusters as they were with what they are ``given`` now: the same rows, with entity_id and linked_id.

    ``known``: pieces of the clusters that were looked at, ``leaves``: whether one goes; ``new``: pieces of those that
    come.
    """
    merged = Merged(pl.DataFrame.unique, _TOLD)
    for rows in _told(known, new, leaves, given):
        merged.add(rows)
    told = merged.rows()
    return Changes(
        told["doc_id"].drop_nulls().unique().sort().to_list(),
        pl.concat([told["entity_id"], told["linked_id"].alias("entity_id")]).drop_nulls().unique().sort(),
        told.filter("now", _MOVED).select("entity_id", "linked_id").unique(),
    )


def _told(
    known: Iterable[pl.DataFrame],
    new: Iterable[pl.DataFrame],
    leaves: pl.Expr,
    given: Callable[[pl.DataFrame], pl.DataFrame],
) -> Iterator[pl.DataFrame]:
    """Give rows of `_TOLD`: the entities of what leaves, comes and was moved, and both of what differs, with doc_id."""
    for rows in known:
        was = rows.filter(~leaves)
        now = given(was)
        # Whatever differs was something else before: a published cluster has all three.
        differs = pl.any_horizontal((was[name] != now[name]).fill_null(value=False) for name in _GIVEN)
        yield _of(rows.filter(leaves), now=False)
        yield _of(was.filter(differs), now=False, named=True)
        yield _of(now.filter(differs), now=True, named=True)
        yield _of(now.filter(_MOVED), now=True)
    for rows in new:
        yield _of(given(rows), now=True)


def _of(rows: pl.DataFrame, *, now: bool, named: bool = False) -> pl.DataFrame:
    named_by = pl.col("doc_id") if named else pl.lit(None, pl.String)
    return rows.select(named_by.alias("doc_id"), "entity_id", "linked_id", now=now).unique()
