"""Entities as they are published: the name shown, the other spellings, and why they are one."""

import json
from typing import Any, NamedTuple

import polars as pl

from stages.link_entities.authority import authority_keys
from stages.link_entities.evidence import evidence_of
from stages.link_entities.resolve import Signature, read_json, read_signatures
from stages.link_entities.shown import best_name
from stages.lookups.known_names import Place, place_of

MOST_NAMED = 3  # documents that the evidence names for a spelling and rule
A_PART = 5_000  # entities that are described at a time

ENTITIES = pl.Schema(
    {
        "entity_id": pl.String(),
        "name": pl.String(),
        "label": pl.String(),
        "aliases": pl.List(pl.String),
        "evidence": pl.String(),
        "n_mentions": pl.Int64(),
        "n_documents": pl.Int64(),
        "first_document": pl.String(),
        "last_document": pl.String(),
        "geonames_id": pl.Int64(),
        "country": pl.String(),
        "authority_id": pl.String(),
    }
)


def build_entities(
    clusters: pl.DataFrame,
    documents: pl.DataFrame,
    authority: pl.DataFrame | None = None,
    only: list[str] | None = None,
) -> pl.DataFrame:
    """The entities of a linked cluster table, or ``only`` some of them by id, sorted by id.

    ``documents`` (doc_id, source_uri) gives first and last document by source_uri. The name is the fullest
    spelling used most, in its base form (`shown`); aliases are all others, evidence says why they are of this entity.
    """
    rows = clusters if only is None else clusters.filter(pl.col("entity_id").is_in(only))
    placed = rows.join(documents.select("doc_id", "source_uri"), on="doc_id", how="left")
    counted = placed.group_by("entity_id").agg(
        pl.col("label").first(),
        pl.col("n_mentions").sum(),
        pl.col("doc_id").n_unique().cast(pl.Int64).alias("n_documents"),
        pl.col("source_uri").min().alias("first_document"),
        pl.col("source_uri").max().alias("last_document"),
    )
    # Famous names have the same few signatures and forms in thousands of documents.
    alike = placed.group_by("entity_id", "signature", "forms").agg(
        pl.len().alias("n_alike"), pl.col("source_uri").unique().sort().head(MOST_NAMED).alias("uris")
    )
    said = (
        alike.sort("entity_id", "signature", "forms").group_by("entity_id").agg("signature", "forms", "n_alike", "uris")
    )
    grouped = counted.join(said, on="entity_id")
    authorities = authority_keys(authority)
    # In parts, as what is read of the signatures takes many times the memory of their text.
    told = [pl.DataFrame(schema=_DESCRIBED), *(_described(part, authorities) for part in grouped.iter_slices(A_PART))]
    bare = grouped.drop("signature", "forms", "n_alike", "uris")
    return bare.hstack(pl.concat(told)).select(list(ENTITIES)).sort("entity_id")


def _described(entities: pl.DataFrame, authorities: dict[str, set[str]]) -> pl.DataFrame:
    """A row of `_Description` for each entity, from the lists of what documents say of it."""
    signatures = read_signatures(entities["signature"].explode())
    forms = read_json(entities["forms"].explode())
    rows = [
        _describe(label, [Said(signatures[s], forms[f], *more) for s, f, *more in zip(*row, strict=True)], authorities)
        for label, *row in entities.select("label", "signature", "forms", "n_alike", "uris").iter_rows()
    ]
    # Column by column: rows cost three times as much.
    return pl.DataFrame(dict(zip(_DESCRIBED, zip(*rows, strict=True), strict=True)), schema=_DESCRIBED)


class Said(NamedTuple):
    """What a number of documents say of an entity alike; ``uris`` are some of them."""

    signature: Signature
    forms: dict[str, int]
    n_alike: int
    uris: list[str]


class _Description(NamedTuple):
    name: str
    aliases: list[str]
    evidence: str
    geonames_id: int | None
    country: str | None
    authority_id: str | None


_DESCRIBED = {name: ENTITIES[name] for name in _Description._fields}


def _describe(label: str, said: list[Said], authorities: dict[str, set[str]]) -> _Description:
    counts: dict[str, int] = {}
    for one in said:
        for spelling, number in one.forms.items():
            counts[spelling] = counts.get(spelling, 0) + number * one.n_alike
    keys = {key for one in said for key in _keys(one.signature)}
    bare = {key for one in said for key in one.signature.bases} & keys
    name = best_name(label, counts, keys, bare)
    place = _place(keys) if label == "LOC" else None
    given = {number for key in keys for number in authorities.get(f"{label}:{key}", ())} if authorities else set()
    evidence: list[dict[str, Any]] = evidence_of(label, name, said)
    return _Description(
        name,
        sorted({form for form, number in counts.items() if number} - {name}),
        json.dumps(evidence, ensure_ascii=False) if evidence else "[]",
        place.geonames_id if place else None,
        place.country if place else None,
        next(iter(given)) if len(given) == 1 else None,
    )


def _keys(signature: Signature) -> tuple[str, ...]:
    return signature.strong or signature.weak


def _place(keys: set[str]) -> Place | None:
    """The place whose GeoNames id is a key."""
    found = [key for key in keys if key.startswith("@")]
    return place_of(found[0]) if len(found) == 1 else None
