"""The tables of linking: the published clusters in pieces, the next `entities`, and the mentions of a batch."""

from collections.abc import Iterable, Mapping

import polars as pl

from stages.link_entities import build_entities, fill_mentions
from stages.link_entities.authority import Authority
from stages.tables.agree import linked_label
from stages.tables.pieces import stretches
from stages.tables.schemas import cast
from stages.tables.store import Snapshot, Store


def published_clusters(store: Store, previous: Snapshot | None) -> list[pl.LazyFrame]:
    """Scan the published clusters in pieces of whole documents; TablesError where they are not what was published."""
    if previous is None:
        return []
    clusters = store.scan_sound(previous, "clusters")
    return [clusters.filter(stretch) for stretch in stretches(previous.n_rows()["clusters"])]


def as_linked(clusters: pl.DataFrame) -> pl.DataFrame:
    """Give published clusters the entity and label that linking alone found."""
    return clusters.with_columns(entity_id="linked_id", label=linked_label())


def next_entities(
    clusters: Iterable[pl.DataFrame],
    touched: pl.Series,
    documents: pl.DataFrame,
    published: pl.DataFrame,
    authority: Authority,
    ids: Mapping[str, str],
) -> pl.DataFrame:
    """Give the complete `entities` table: all are made anew for a new authority table, else those that were touched.

    ``clusters``: pieces of those that standing and new documents have, for a new authority table all, else at least all
    of the entities that were ``touched``. ``documents`` (doc_id, source_uri) are all that will be published,
    ``published`` the entities that are; ``ids``: authority ids by entity_id, where there is no table.
    """
    only = None if authority.renewed else touched
    kept = published.clear() if only is None else published.filter(~pl.col("entity_id").is_in(only.implode()))
    entities = build_entities(clusters, documents, authority.table, only)
    if authority.table is None:
        stand = pl.col("entity_id").replace_strict(ids, default=None, return_dtype=pl.String)
        entities = entities.with_columns(authority_id=stand)
    return pl.concat([kept, cast(entities.with_columns(corrected=pl.lit(False)), "entities")])


def fill_entities(mentions: pl.DataFrame, clusters: pl.DataFrame) -> pl.DataFrame:
    """Fill entity_id in the mentions of a batch from its linked clusters; a name has the label of its cluster."""
    members = mentions.select("doc_id", "mention_no", "cluster_no", "role").drop_nulls("cluster_no")
    filled = fill_mentions(mentions, members, clusters)
    key = ("doc_id", "cluster_no")
    named = filled.join(clusters.select(*key, _label="label"), on=key, how="left", maintain_order="left")
    return named.with_columns(label=pl.coalesce("_label", "label")).drop("_label")
