"""Entities as they are published: the name shown, the other spellings, and why they are one."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import polars as pl

from stages.link_entities.authority import authority_keys
from stages.link_entities.evidence import evidence_of
from stages.link_entities.resolve import Signature, read_json, read_signatures
from stages.link_entities.shown import best_name
from stages.lookups.known_names import Place, place_of
from stages.tables.pieces import Merged

MOST_NAMED = 3  # documents that the evidence names for a spelling and rule
A_PART = 5_000  # entities, or rows of signatures and forms, that are read at a time

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

_COUNTS = ("entity_id", "label", "n_mentions", "n_documents", "first_document", "last_document")
_COUNTED = pl.Schema({name: ENTITIES[name] for name in _COUNTS})
_JUST_SO = ("entity_id", "signature", "forms")
_ALIKE = pl.Schema({**dict.fromkeys(_JUST_SO, pl.String()), "n_alike": pl.Int64(), "uris": pl.List(pl.String)})


def build_entities(
    clusters: Iterable[pl.DataFrame],
    documents: pl.DataFrame,
    authority: pl.DataFrame | None = None,
    only: pl.Series | None = None,
) -> pl.DataFrame:
    """The entities of a linked cluster table, or ``only`` some of them by id, sorted by id.

    ``clusters`` comes in pieces of whole documents, of which one is held at a time. ``documents`` (doc_id, source_uri)
    gives first and last document by source_uri. The name is the fullest spelling used most, in its base form (`shown`);
    aliases are all others, evidence says why they are of this entity.
    """
    uris = documents.select("doc_id", "source_uri")
    counted, alike = Merged(_added_up, _COUNTED), Merged(_put_together, _ALIKE)
    for rows in clusters:
        wanted = rows if only is None else rows.filter(pl.col("entity_id").is_in(only.implode()))
        placed = wanted.join(uris, on="doc_id", how="left")
        counted.add(_counted(placed))
        alike.add(_alike(placed))
    entities, said = counted.rows().sort("entity_id"), alike.rows().sort(_JUST_SO)
    authorities = authority_keys(authority)
    by_entity = groupby(_said(said), key=itemgetter(0))
    described = [ENTITIES.to_frame(eager=True)]
    for part in entities.iter_slices(A_PART):
        told = [_describe(label, [one for _, one in next(by_entity)[1]], authorities) for label in part["label"]]
        described.append(part.hstack(_as_columns(told)).select(list(ENTITIES)))
    return pl.concat(described)


def _counted(placed: pl.DataFrame) -> pl.DataFrame:
    """Count what each entity is named by; ``placed``: clusters with source_uri."""
    return placed.group_by("entity_id").agg(
        pl.col("label").first(),
        pl.col("n_mentions").sum(),
        n_documents=pl.col("doc_id").n_unique().cast(pl.Int64),
        first_document=pl.col("source_uri").min(),
        last_document=pl.col("source_uri").max(),
    )


def _added_up(counted: pl.DataFrame) -> pl.DataFrame:
    return counted.group_by("entity_id").agg(
        pl.col("label").first(),
        pl.col("n_mentions", "n_documents").sum(),
        pl.col("first_document").min(),
        pl.col("last_document").max(),
    )


def _alike(placed: pl.DataFrame) -> pl.DataFrame:
    """Put together what is said alike of an entity: famous names have the same few signatures and forms in thousands
    of documents, of which the first few are named.
    """
    return placed.group_by(_JUST_SO).agg(n_alike=pl.len().cast(pl.Int64), uris=_first(pl.col("source_uri")))


def _put_together(alike: pl.DataFrame) -> pl.DataFrame:
    return alike.group_by(_JUST_SO).agg(pl.col("n_alike").sum(), _first(pl.col("uris").explode()))


def _first(uris: pl.Expr) -> pl.Expr:
    return uris.unique().sort().head(MOST_NAMED)


def _said(alike: pl.DataFrame) -> Iterator[tuple[str, "Said"]]:
    """The entity and what documents say of it, row by row of `_ALIKE`."""
    cells = [pl.col("uris").list.get(at, null_on_oob=True).alias(f"uri_{at}") for at in range(MOST_NAMED)]
    # In parts, as what is read of signatures takes many times the memory of their text.
    for part in alike.iter_slices(A_PART):
        signatures, forms = read_signatures(part["signature"]), read_json(part["forms"])
        for entity, signature, spelt, n_alike, *uris in part.with_columns(cells).drop("uris").iter_rows():
            named = [uri for uri in uris if uri is not None]
            yield entity, Said(signatures[signature], forms[spelt], n_alike, named)


class Said(NamedTuple):
    """What a number of documents say of an entity alike; ``uris`` are some of them."""

    signature: Signature
    forms: dict[str, int]
    n_alike: int
    uris: list[str]


class _Description(NamedTuple):
    name: str
    aliases: str  # a list as JSON, as the evidence
    evidence: str
    geonames_id: int | None
    country: str | None
    authority_id: str | None


_DESCRIBED = {name: ENTITIES[name] for name in _Description._fields}


def _as_columns(described: Sequence[_Description]) -> pl.DataFrame:
    # Column by column, lists as JSON: rows and lists cost many times as much.
    columns = zip(*described, strict=True)
    told = pl.DataFrame(dict(zip(_DESCRIBED, columns, strict=True)), schema=_DESCRIBED | {"aliases": pl.String})
    return told.with_columns(pl.col("aliases").str.json_decode(ENTITIES["aliases"]))


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
    return _Description(
        name,
        _as_json(sorted(form for form, number in counts.items() if number and form != name)),
        _as_json(evidence_of(label, name, said)),
        place.geonames_id if place else None,
        place.country if place else None,
        next(iter(given)) if len(given) == 1 else None,
    )


def _as_json(found: Sequence[object]) -> str:
    return json.dumps(found, ensure_ascii=False) if found else "[]"


def _keys(signature: Signature) -> tuple[str, ...]:
    return signature.strong or signature.weak


def _place(keys: set[str]) -> Place | None:
    """The place whose GeoNames id is a key."""
    found = [key for key in keys if key.startswith("@")]
    return place_of(found[0]) if len(found) == 1 else None
