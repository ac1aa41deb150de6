"""The tables of linking, corrected: what people say of entities, over what linking alone found.

Linking knows nothing of corrections: `clusters.linked_id` is what it found, `clusters.entity_id` what people made of
it. So a correction that is taken back leaves no trace, and a run over few documents ends as one over all.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import polars as pl

from stages.correct import correct_clusters, correct_entities, of_entities, relabel
from stages.link_entities import Linked, build_entities
from stages.link_entities.authority import Authority
from stages.link_entities.tables import as_linked, link_new, next_entities
from stages.tables.schemas import cast
from stages.tables.store import Snapshot, Store

_KEY = ("doc_id", "cluster_no")
_GIVEN = ("entity_id", "linked_id", "label")


class Corrected(NamedTuple):
    """The linked clusters and all entities after corrections, the published documents that change, and the rows met."""

    clusters: pl.DataFrame
    entities: pl.DataFrame
    changed_documents: list[str]
    met: list[int]


class Ground(NamedTuple):
    """What a run links upon: the store, its last snapshot, the documents whose rows go, and the authority table."""

    store: Store
    previous: Snapshot | None
    replaced: Sequence[str]
    authority: Authority


def link_corrected(
    new: pl.DataFrame, documents: pl.DataFrame, ground: Ground, before: pl.DataFrame, corrections: pl.DataFrame
) -> Corrected:
    """Link the clusters of new documents with the published ones, and apply the corrections of entities.

    ``documents`` (doc_id, source_uri) are all that will be published; ``before``: the corrections of the last run.
    """
    known, linked = link_new(new, ground.store, ground.previous, ground.replaced)
    before, rows = of_entities(before), of_entities(corrections)
    published = ground.store.read(ground.previous, "entities")
    more = _concerned(published, pl.concat([before, rows]), known, ground)
    met: list[int] = []
    final, names = linked.clusters, published.clear()
    if rows.height or more.height:
        pool = pl.concat([linked.clusters, as_linked(more)]).sort(_KEY)
        names = _names(pool, documents, published, linked.touched_entities)
        final, met = correct_clusters(pool, documents, rows, names)
    was = pl.concat([known, more])
    touched = _touched(was, final, [*linked.touched_entities, *published.filter("corrected")["entity_id"]])
    entities = next_entities(
        was, Linked(final, [], touched), documents, ground.store, ground.previous, ground.authority
    )
    entities = _without_pins(entities, touched, before, rows) if ground.authority.table is None else entities
    said, met_too = correct_entities(_named_as_target(entities, final, names), rows)
    said = said.with_columns(corrected=_corrected(final, entities, said))
    final = relabel(final, said)
    stay = was.filter(~pl.col("doc_id").is_in([*ground.replaced, *new["doc_id"].unique()]))
    return Corrected(
        final, cast(said, "entities"), _differing(stay, final)["doc_id"].unique().sort().to_list(), met + met_too
    )


def _concerned(published: pl.DataFrame, rows: pl.DataFrame, known: pl.DataFrame, ground: Ground) -> pl.DataFrame:
    """The published clusters, beside those ``known``, of entities that are corrected or that rows speak of."""
    names = [*rows["name"], *rows["value_name"]]
    spoken = pl.col("entity_id").is_in([*rows["entity_id"], *rows["value"]]) | pl.col("name").is_in(names)
    ids = published.filter(pl.col("corrected") | spoken)["entity_id"].to_list()
    if not ids:
        return known.clear()
    clusters = ground.store.scan_sound(ground.previous, "clusters")
    while True:
        found = clusters.filter(pl.col("entity_id").is_in(ids) | pl.col("linked_id").is_in(ids)).collect(
            engine="streaming"
        )
        grown = {*ids, *found["entity_id"], *found["linked_id"]}
        if len(grown) == len(ids):
            return found.join(known, on=_KEY, how="anti").select(known.columns)
        ids = sorted(grown)


def _names(
    pool: pl.DataFrame, documents: pl.DataFrame, published: pl.DataFrame, touched: Iterable[str]
) -> pl.DataFrame:
    """Name and label of all entities as linking alone found them."""
    columns = ("entity_id", "name", "label")
    built = build_entities(pool, documents).select(columns)
    gone = pl.col("entity_id").is_in([*built["entity_id"], *touched])
    return pl.concat([published.filter(~gone, ~pl.col("corrected")).select(columns), built])


def _touched(was: pl.DataFrame, final: pl.DataFrame, more: Iterable[str]) -> list[str]:
    """The entities that have to be made anew: those that lost, gained or share a cluster with what changed."""
    leaving = was.join(final, on=_KEY, how="anti")
    differ = _differing(was, final)
    come = final.join(was, on=_KEY, how="anti")
    corrected = final.filter(pl.col("entity_id") != pl.col("linked_id"))
    named = (
        leaving["entity_id"],
        differ["entity_id"],
        differ["entity_id_now"],
        come["entity_id"],
        corrected["entity_id"],
    )
    return sorted({*more, *(one for ids in named for one in ids.drop_nulls()), *corrected["linked_id"].drop_nulls()})


def _differing(was: pl.DataFrame, final: pl.DataFrame) -> pl.DataFrame:
    """The clusters that were there and have another entity or label now (entity_id_now)."""
    both = was.join(final.select(*_KEY, *_GIVEN), on=_KEY, suffix="_now")
    return both.filter(pl.any_horizontal(pl.col(name) != pl.col(f"{name}_now") for name in _GIVEN))


def _named_as_target(entities: pl.DataFrame, clusters: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """What others were merged into keeps the name that it has by itself, however often the others are named."""
    merged = clusters.filter(pl.col("entity_id") != pl.col("linked_id"))["entity_id"].unique()
    own = names.filter(pl.col("entity_id").is_in(merged.implode())).select("entity_id", _own="name")
    joined = entities.join(own, on="entity_id", how="left", maintain_order="left")
    all_names = pl.concat_list("aliases", "name").list.set_difference(pl.concat_list("_own")).list.sort()
    other = (pl.col("_own") != pl.col("name")).fill_null(False)
    aliases = pl.when(other).then(all_names).otherwise("aliases")
    return joined.with_columns(aliases=aliases, name=pl.coalesce("_own", "name")).drop("_own")


def _without_pins(
    entities: pl.DataFrame, touched: Sequence[str], before: pl.DataFrame, rows: pl.DataFrame
) -> pl.DataFrame:
    """Without an authority table ids go on from run to run; what was pinned and no longer is does not."""
    pins, now = (one.filter(pl.col("action") == "pin")["value"] for one in (before, rows))
    gone = pl.col("authority_id").is_in(sorted(set(pins) - set(now))) & pl.col("entity_id").is_in(touched)
    return entities.with_columns(authority_id=pl.when(~gone.fill_null(False)).then("authority_id"))


def _corrected(clusters: pl.DataFrame, entities: pl.DataFrame, said: pl.DataFrame) -> pl.Series:
    """For each entity: is it other than linking alone would have it? Both frames have the same rows."""
    moved = clusters.filter(pl.col("entity_id") != pl.col("linked_id"))
    other = said["entity_id"].is_in([*moved["entity_id"], *moved["linked_id"]])
    for name in ("name", "label", "authority_id"):
        other |= said[name].ne_missing(entities[name])
    return other
