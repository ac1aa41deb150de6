"""Linking of cluster tables that are at hand as frames, in two pieces each, as a run links them from files."""

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from stages.link_entities import Linked, link_clusters
from stages.link_entities.changes import changes


class LinkedFrames(NamedTuple):
    """The cluster table with every entity_id, the documents in which one changed, and the entities to renew.

    ``found``: what linking says of signatures.
    """

    clusters: pl.DataFrame
    changed_documents: list[str]
    touched_entities: list[str]
    found: Linked


def link_frames(known: pl.DataFrame, new: pl.DataFrame, gone: Iterable[str] = ()) -> LinkedFrames:
    """Link the clusters of new and changed documents into a linked cluster table."""
    found = link_clusters(_pieces(known), _pieces(new), gone)
    looked_at, coming = ([piece.collect() for piece in _pieces(rows)] for rows in (known, new))
    changed = changes(
        [rows.filter(found.leaves | found.concerned) for rows in looked_at], coming, found.leaves, found.fill
    )
    clusters = pl.concat([found.fill(rows) for rows in (known.filter(~found.leaves), new)])
    return LinkedFrames(clusters.sort("doc_id", "cluster_no"), changed.documents, changed.entities.to_list(), found)


def _pieces(clusters: pl.DataFrame) -> list[pl.LazyFrame]:
    ids = clusters["doc_id"].unique().sort()
    return [clusters.lazy().filter(pl.col("doc_id").is_in(half)) for half in (ids[::2].implode(), ids[1::2].implode())]
