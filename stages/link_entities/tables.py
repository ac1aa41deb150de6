"""The tables of linking: the names of new documents against the published clusters, and the next `entities`."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from stages.link_entities import Linked, build_entities, fill_mentions, link_clusters
from stages.link_entities.authority import Authority, kept_ids
from stages.link_entities.corpus import concerned_clusters
from stages.tables.agree import linked_label
from stages.tables.schemas import cast
from stages.tables.store import Snapshot, Store


def link_new(
    new: pl.DataFrame, store: Store, previous: Snapshot | None, replaced: Sequence[str]
) -> tuple[pl.DataFrame, Linked]:
    """Link the clusters of new documents with the published ones; ``replaced``: documents whose rows go.

    Returns the published clusters that are concerned, as they were, and what linking made of them and the new ones;
    corrections take no part in it.
    """
    bare = as_linked(new).with_columns(pl.lit(None, pl.String).alias(name) for name in ("entity_id", "linked_id"))
    known = concerned_clusters(store.scan_sound(previous, "clusters"), bare, replaced)
    linked = link_clusters(as_linked(known), bare, replaced)
    return known, replace(linked, clusters=linked.clusters.with_columns(linked_id="entity_id"))


def as_linked(clusters: pl.DataFrame) -> pl.DataFrame:
    """Give published clusters the entity and label that linking alone found."""
    return clusters.with_columns(entity_id="linked_id", label=linked_label())


def next_entities(
    known: pl.DataFrame,
    linked: Linked,
    documents: pl.DataFrame,
    store: Store,
    previous: Snapshot | None,
    authority: Authority,
) -> pl.DataFrame:
    """Give the complete `entities` table: all are made anew for a new authority table, else those that linking touched.

    ``known`` and ``linked`` come from `link_new`; ``documents`` (doc_id, source_uri) are all that will be published.
    """
    touched, clusters = linked.touched_entities, linked.clusters
    published = store.read(previous, "entities")
    kept = published.filter(~pl.col("entity_id").is_in(touched))
    if authority.renewed:
        of_kept = pl.col("entity_id").is_in(kept["entity_id"].implode())
        standing = store.scan(previous, "clusters").filter(of_kept).collect()
        clusters = pl.concat([clusters, standing]).unique(["doc_id", "cluster_no"], keep="first")
        touched, kept = clusters["entity_id"].unique().to_list(), kept.clear()
    entities = build_entities(clusters, documents, authority.table, only=touched)
    if authority.table is None:
        ids = kept_ids(known, linked.clusters, published)
        stand = pl.col("entity_id").replace_strict(ids, default=None, return_dtype=pl.String)
        entities = entities.with_columns(authority_id=stand)
    return pl.concat([kept, cast(entities.with_columns(corrected=pl.lit(False)), "entities")])


def fill_entities(mentions: pl.DataFrame, clusters: pl.DataFrame, linked: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Fill entity_id in the clusters and mentions of a batch; a cluster that was not linked keeps its entity.

    ``linked``: the clusters as linking and corrections left them, also of other documents. A name has the label of its
    cluster.
    """
    key = ["doc_id", "cluster_no"]
    # A batch has documents of one stretch of ids; to look each up among all would cost the corpus once a batch.
    first, last = clusters.select(pl.min("doc_id"), last=pl.max("doc_id")).row(0)
    linked = linked.filter(pl.col("doc_id").is_between(pl.lit(first), pl.lit(last)))
    clusters = clusters.update(linked.select(*key, "entity_id", "linked_id", "label"), on=key)
    members = mentions.select("doc_id", "mention_no", "cluster_no", "role").drop_nulls("cluster_no")
    filled = fill_mentions(mentions, members, clusters)
    labels = clusters.select(*key, _label="label")
    named = filled.join(labels, on=key, how="left", maintain_order="left")
    return {"clusters": clusters, "mentions": named.with_columns(label=pl.coalesce("_label", "label")).drop("_label")}
