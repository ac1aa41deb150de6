"""Agree: what the rows of one table must say of the rows of others, as one boolean a row.

Written once: `verify` names the rows that disagree in published tables, and the gate takes the same as evidence on what
is about to be published.
"""

import json
from collections.abc import Iterable, Sequence

import polars as pl

from stages.tables.ids import to_doc_id

DOCUMENT = ("doc_id", "source_uri")
ENTITY = ("entity_id", "label")
COUNTED = {
    "n_mentions": "the sum over its clusters",
    "n_documents": "the number of documents that name it",
    "first_document": "the first source_uri that names it",
    "last_document": "the last source_uri that names it",
}
_COUNTS = ("n_written", "n_unchanged", "n_duplicate", "n_quarantined")


def held(rows: pl.DataFrame, others: pl.DataFrame, on: Sequence[str]) -> pl.Series:
    """True for each row whose values in the columns ``on`` stand in a row of ``others``; a null is a value too."""
    known = others.select(on).unique().with_columns(held=True)
    marked = rows.select(on).join(known, on=on, how="left", nulls_equal=True, maintain_order="left")
    return marked["held"].fill_null(False)


def in_cluster(mentions: pl.DataFrame, clusters: pl.DataFrame) -> pl.Series:
    """True for a name with a cluster of its number, label and entity, and for a value with neither."""
    found = held(mentions, clusters, ("doc_id", "cluster_no", "label", "entity_id"))
    told = mentions.select("kind", "cluster_no", "entity_id", found=found)
    alone = pl.col("cluster_no").is_null() & pl.col("entity_id").is_null()
    name = (pl.col("kind") != "value").fill_null(True)
    return told.select(
        pl.when(name).then(pl.col("found") & pl.col("entity_id").is_not_null()).otherwise(alone)
    ).to_series()


def has_its_mentions(clusters: pl.DataFrame, mentions: pl.DataFrame) -> pl.Series:
    """True for a cluster with n_mentions rows in mentions."""
    key = ("doc_id", "cluster_no")
    members = mentions.drop_nulls("cluster_no").group_by(key).len()
    sized = clusters.join(members, on=key, how="left", maintain_order="left")
    return sized.select((pl.col("len").fill_null(0) == pl.col("n_mentions")).fill_null(False)).to_series()


def as_linked(clusters: pl.DataFrame, entities: pl.DataFrame) -> pl.Series:
    """True for a cluster with the entity that linking found and the label its signature has, or a corrected entity."""
    known = entities.filter("corrected").select("entity_id").unique().with_columns(_corrected=True)
    marked = clusters.join(known, on="entity_id", how="left", maintain_order="left")
    same = (pl.col("entity_id") == pl.col("linked_id")) & (pl.col("label") == linked_label())
    return marked.select((same.fill_null(False)) | pl.col("_corrected").fill_null(False)).to_series()


def linked_label() -> pl.Expr:
    """The label of a cluster as linking found it: the first part of its signature."""
    # Of a list of JSON the first string; to read the list costs seven times as much.
    return pl.col("signature").str.extract(r'^\["([^"]*)"')


def count_entities(clusters: pl.DataFrame) -> pl.DataFrame:
    """Count anew what `entities` says of its clusters (entity_id, label, n_mentions, source_uri)."""
    named = pl.col("source_uri")
    return clusters.group_by(ENTITY).agg(
        pl.col("n_mentions").sum(),
        n_documents=named.n_unique().cast(pl.Int64),
        first_document=named.min(),
        last_document=named.max(),
    )


def add_up(counted: pl.DataFrame) -> pl.DataFrame:
    """Put together what `count_entities` found in pieces of whole documents."""
    return counted.group_by(ENTITY).agg(
        pl.col("n_mentions", "n_documents").sum(), pl.col("first_document").min(), pl.col("last_document").max()
    )


def well_counted(entities: pl.DataFrame, counted: pl.DataFrame) -> dict[str, pl.Series]:
    """For each counted column of `entities`: true where it is what `count_entities` found."""
    return {column: held(entities, counted, (*ENTITY, column)) for column in COUNTED}


def are_spellings(entities: pl.DataFrame, clusters: pl.DataFrame) -> pl.Series:
    """True for an entity whose aliases are all the spellings (forms) of its clusters but the name, and no others.

    The name is one of them, or a base form that no text has ("Deutscher Gewerkschaftsbund"). Of a corrected entity the
    names that it had, two more at the most, may be aliases.
    """
    spellings: dict[str, set[str]] = {}
    for entity_id, forms in clusters.select("entity_id", "forms").unique().iter_rows():
        spellings.setdefault(entity_id, set()).update(_spellings(forms))
    found = []
    for entity_id, name, aliases, corrected in entities.select("entity_id", "name", "aliases", "corrected").iter_rows():
        met = spellings.get(entity_id, set())
        more = set(aliases or ()) - met if corrected else set()
        as_said = len(more) <= 2 and sorted((met | more) - {name}) == aliases
        found.append(bool(met and name) and as_said)
    return pl.Series("spelt", found, dtype=pl.Boolean)


def _spellings(forms: str | None) -> Iterable[str]:
    """The spellings in clusters.forms; none where that is no JSON, so that no name can be one of them."""
    try:
        return [form for form, number in dict(json.loads(forms or "{}")).items() if number]
    except (TypeError, ValueError):
        return ()


def id_follows(rows: pl.DataFrame) -> pl.Series:
    """True where doc_id is the one that source_uri gives."""
    told = rows.select("source_uri", "doc_id").iter_rows()
    return pl.Series("follows", [uri is not None and to_doc_id(uri) == own for uri, own in told], dtype=pl.Boolean)


def is_written(documents: pl.DataFrame, sources: pl.DataFrame) -> pl.Series:
    """True for a document (doc_id, source_uri, and more if wanted) whose source is written."""
    on = [name for name in documents.columns if name in sources.columns]
    mine = pl.col("doc_id").is_in(documents["doc_id"].implode())
    return held(documents, sources.filter(mine, pl.col("status") == "written"), on)


def copies_stand(rows: pl.DataFrame, sources: pl.DataFrame) -> pl.Series:
    """True for a duplicate of a written source with the same bytes, and for other rows of sources that name none."""
    named = pl.col("source_uri").is_in(rows["duplicate_of"].drop_nulls().unique().implode())
    written = sources.filter(named, pl.col("status") == "written")
    firsts = written.select("content_sha256", duplicate_of="source_uri")
    found = held(rows, firsts, ("duplicate_of", "content_sha256"))
    copy = (pl.col("status") == "duplicate").fill_null(False)
    alone = pl.col("duplicate_of").is_null()
    return rows.select(pl.when(copy).then(found & ~alone).otherwise(alone)).to_series()


def is_explained(sources: pl.DataFrame, quarantine: pl.DataFrame) -> pl.Series:
    """True for a quarantined source with its reason in `quarantine`, and for other sources that have none."""
    told = quarantine.filter(pl.col("table") == "sources").rename({"rule": "reason_code"})
    found = held(sources, told, (*DOCUMENT, "reason_code", "reason"))
    out = (pl.col("status") == "quarantined").fill_null(False)
    none = pl.col("reason_code").is_null() & pl.col("reason").is_null()
    return sources.select(pl.when(out).then(found).otherwise(none)).to_series()


def has_source(quarantine: pl.DataFrame, sources: pl.DataFrame) -> pl.Series:
    """True for a row kept out of a source that is there, and for a whole file whose source is quarantined."""
    out = held(quarantine, sources.filter(pl.col("status") == "quarantined"), DOCUMENT)
    known = held(quarantine, sources.filter(pl.col("status") != "deleted"), DOCUMENT)
    return quarantine.select(pl.when(pl.col("table") == "sources").then(out).otherwise(known)).to_series()


def adds_up(runs: pl.DataFrame) -> pl.Series:
    """True for a run whose sources are the sum of their outcomes."""
    return runs.select((pl.col("n_sources") == pl.sum_horizontal(_COUNTS)).fill_null(False)).to_series()


def stands(rows: pl.DataFrame, sources: pl.DataFrame) -> pl.Series:
    """True for a row of a document that is written."""
    return held(rows, sources.filter(pl.col("status") == "written"), ("doc_id",))


def is_mutual(rows: pl.DataFrame, duplicates: pl.DataFrame) -> pl.Series:
    """True for a row of `duplicates` whose others all name it too, and that is no other of itself."""
    pairs, others = _listed(rows), _listed(duplicates)
    mirrored = others.select("similarity", doc_id="other_id", other_id="doc_id")
    right = held(pairs, mirrored, ("doc_id", "other_id", "similarity")) & (pairs["doc_id"] != pairs["other_id"])
    unnamed = mirrored.filter(~held(mirrored, pairs, ("doc_id", "other_id", "similarity")))
    wrong = pl.concat([pairs.filter(~right).select("doc_id"), unnamed.select("doc_id")])
    return ~held(rows, wrong, ("doc_id",)) & (rows["others"].list.len() > 0).fill_null(False)


def clusters_agree(rows: pl.DataFrame, duplicates: pl.DataFrame) -> pl.Series:
    """True for a row of `duplicates` with the greatest similarity of its others, and with their cluster.

    That has the name of a document of it, and no doc_id is smaller.
    """
    named = duplicates.select("doc_id", "duplicate_cluster").unique("doc_id", keep="none")
    pairs = _listed(rows).join(rows.select("doc_id", "duplicate_cluster").unique("doc_id"), on="doc_id")
    apart = pairs.filter(~held(pairs, named.rename({"doc_id": "other_id"}), ("other_id", "duplicate_cluster")))
    first = named.select(duplicate_cluster=pl.col("doc_id"), doc_id="duplicate_cluster")
    begun = held(rows.select(duplicate_cluster="duplicate_cluster", doc_id="duplicate_cluster"), first, first.columns)
    nearest = pl.col("others").list.eval(pl.element().struct.field("similarity")).list.max()
    told = rows.select(
        good=(pl.col("similarity") == nearest) & (pl.col("duplicate_cluster") <= pl.col("doc_id"))
    ).to_series()
    return told.fill_null(False) & begun & ~held(rows, apart, ("doc_id",))


def _listed(rows: pl.DataFrame) -> pl.DataFrame:
    found = rows.select("doc_id", "others").explode("others", empty_as_null=True).drop_nulls("others")
    named = pl.col("others").struct
    return found.select("doc_id", other_id=named.field("doc_id"), similarity=named.field("similarity"))
