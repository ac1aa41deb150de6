"""The tables of linking, corrected: what people say of entities, over what linking alone found.

Linking knows nothing of corrections: `clusters.linked_id` is what it found, `clusters.entity_id` what people made of
it. So a correction that is taken back leaves no trace, and a run over few documents ends as one over all.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import polars as pl

from stages.correct import correct_clusters, correct_entities, of_entities, relabel
from stages.link_entities import Linked, build_entities, link_clusters
from stages.link_entities.authority import Authority, kept_ids
from stages.link_entities.changes import changes
from stages.link_entities.tables import as_linked, next_entities, published_clusters
from stages.tables.schemas import cast, empty
from stages.tables.store import Snapshot, Store

Given = Callable[[pl.DataFrame], pl.DataFrame]
"""Gives rows of clusters the entity_id, linked_id and label that they have after linking and corrections."""


class Corrected(NamedTuple):
    """All entities after corrections, the published documents that change, the rows met, and what clusters are given.

    ``given`` is for new clusters and for all those of published documents.
    """

    entities: pl.DataFrame
    changed_documents: list[str]
    met: list[int]
    given: Given


class Ground(NamedTuple):
    """What a run links upon: the store, its last snapshot, the documents whose rows go, and the authority table."""

    store: Store
    previous: Snapshot | None
    replaced: Sequence[str]
    authority: Authority


class _Pool(NamedTuple):
    """The published clusters that are looked at, and the new ones, in pieces of whole documents.

    ``leaves``: whether a published one goes.
    """

    known: Sequence[pl.LazyFrame]
    new: Sequence[pl.LazyFrame]
    leaves: pl.Expr

    def given(self, given: Given) -> Iterator[pl.DataFrame]:
        """Give, piece by piece, the clusters that stand or come with the entities that they are ``given``."""
        yield from map(given, _read([*(piece.filter(~self.leaves) for piece in self.known), *self.new]))


def _read(pieces: Iterable[pl.LazyFrame]) -> Iterator[pl.DataFrame]:
    return (piece.drop("blocks").collect() for piece in pieces)


def link_corrected(
    new: Sequence[pl.LazyFrame],
    documents: pl.DataFrame,
    ground: Ground,
    before: pl.DataFrame,
    corrections: pl.DataFrame,
) -> Corrected:
    """Link the clusters of new documents with the published ones, and apply the corrections of entities.

    ``new`` comes in pieces of whole documents, which are read one by one and several times. ``documents`` (doc_id,
    source_uri) are all that will be published; ``before``: the corrections of the last run.
    """
    clusters = published_clusters(ground.store, ground.previous)
    linked = link_clusters(clusters, new, ground.replaced)
    before, rows = of_entities(before), of_entities(corrections)
    published = ground.store.read(ground.previous, "entities")
    more = _concerned(published, pl.concat([before, rows]), linked, clusters)
    known = [*(piece.filter(linked.leaves | linked.concerned) for piece in clusters), more.lazy()]
    pool = _Pool(known, new, linked.leaves)

    def by_linking(found: pl.DataFrame) -> pl.DataFrame:
        return linked.fill(as_linked(found)).with_columns(linked_id="entity_id")

    given: Given = by_linking
    met: list[int] = []
    names = published.clear()
    if rows.height or more.height:
        names = _names(pool, documents, published, by_linking)
        for found in pool.given(by_linking):
            met += correct_clusters(found, documents, rows, names)[1]

        def by_people(found: pl.DataFrame) -> pl.DataFrame:
            return correct_clusters(by_linking(found), documents, rows, names)[0]

        given = by_people
    changed = changes(_read(known), _read(new), linked.leaves, given)
    touched = pl.concat([changed.entities, published.filter("corrected")["entity_id"]]).unique()
    # An authority table that is new may mean any entity.
    whole = _Pool(clusters, new, linked.leaves) if ground.authority.renewed else pool
    ids = _ids(pool, given, published) if ground.authority.table is None else {}
    entities = next_entities(whole.given(given), touched, documents, published, ground.authority, ids)
    entities = _without_pins(entities, touched, before, rows) if ground.authority.table is None else entities
    said, met_too = correct_entities(_named_as_target(entities, changed.moved, names), rows)
    said = said.with_columns(corrected=_corrected(changed.moved, entities, said))
    retyped = said.filter(said["label"] != entities["label"])

    def by_all(found: pl.DataFrame) -> pl.DataFrame:
        return relabel(given(found), retyped)

    if retyped.height:
        changed = changes(_read(known), _read(new), linked.leaves, by_all)
    return Corrected(cast(said, "entities"), changed.documents, sorted({*met, *met_too}), by_all)


def _concerned(
    published: pl.DataFrame, rows: pl.DataFrame, linked: Linked, clusters: Sequence[pl.LazyFrame]
) -> pl.DataFrame:
    """The published clusters that linking did not look at, of entities that are corrected or that rows speak of."""
    names = [*rows["name"], *rows["value_name"]]
    spoken = pl.col("entity_id").is_in([*rows["entity_id"], *rows["value"]]) | pl.col("name").is_in(names)
    ids = published.filter(pl.col("corrected") | spoken)["entity_id"].to_list()
    if not ids:
        return empty("clusters")
    while True:
        meant = pl.col("entity_id").is_in(ids) | pl.col("linked_id").is_in(ids)
        found = pl.concat([piece.filter(meant).collect() for piece in clusters])
        grown = {*ids, *found["entity_id"], *found["linked_id"]}
        if len(grown) == len(ids):
            return found.filter(~linked.leaves, ~linked.concerned)
        ids = sorted(grown)


def _names(pool: _Pool, documents: pl.DataFrame, published: pl.DataFrame, by_linking: Given) -> pl.DataFrame:
    """Name and label of all entities as linking alone found them."""
    columns = ("entity_id", "name", "label")
    touched = changes(_read(pool.known), _read(pool.new), pool.leaves, by_linking).entities
    built = build_entities(pool.given(by_linking), documents).select(columns)
    gone = pl.col("entity_id").is_in(pl.concat([built["entity_id"], touched]).implode())
    return pl.concat([published.filter(~gone, ~pl.col("corrected")).select(columns), built])


def _ids(pool: _Pool, given: Given, published: pl.DataFrame) -> dict[str, str]:
    """The authority id of each entity, where no table gives it; of the clusters only those are held that may tell."""
    having = published.drop_nulls("authority_id")["entity_id"]
    if having.is_empty():
        return {}
    of_having, told = pl.col("entity_id").is_in(having.implode()), ("doc_id", "signature", "entity_id")
    found = (rows.filter(of_having).select(told) for rows in _read(pool.known))
    was = pl.concat([empty("clusters").select(told), *found])
    tells = of_having | pl.col("signature").is_in(was["signature"].implode())
    now = [rows.filter(tells).select(told) for rows in pool.given(given)]
    return kept_ids(was, pl.concat([was.clear(), *now]), published)


def _named_as_target(entities: pl.DataFrame, moved: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """What others were merged into keeps the name that it has by itself, however often the others are named."""
    own = names.filter(pl.col("entity_id").is_in(moved["entity_id"].implode())).select("entity_id", _own="name")
    joined = entities.join(own, on="entity_id", how="left", maintain_order="left")
    all_names = pl.concat_list("aliases", "name").list.set_difference(pl.concat_list("_own")).list.sort()
    other = (pl.col("_own") != pl.col("name")).fill_null(False)
    aliases = pl.when(other).then(all_names).otherwise("aliases")
    return joined.with_columns(aliases=aliases, name=pl.coalesce("_own", "name")).drop("_own")


def _without_pins(entities: pl.DataFrame, touched: pl.Series, before: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Without an authority table ids go on from run to run; what was pinned and no longer is does not."""
    pins, now = (one.filter(pl.col("action") == "pin")["value"] for one in (before, rows))
    gone = pl.col("authority_id").is_in(sorted(set(pins) - set(now))) & pl.col("entity_id").is_in(touched.implode())
    return entities.with_columns(authority_id=pl.when(~gone.fill_null(False)).then("authority_id"))


def _corrected(moved: pl.DataFrame, entities: pl.DataFrame, said: pl.DataFrame) -> pl.Series:
    """For each entity: is it other than linking alone would have it? Both frames have the same rows."""
    other = said["entity_id"].is_in([*moved["entity_id"], *moved["linked_id"]])
    for name in ("name", "label", "authority_id"):
        other |= said[name].ne_missing(entities[name])
    return other
