"""Link entities: which mentions, in one document and across all, name the same person, organisation or place.

**Rules, by label and never across labels.** Case, dots, accents and adjective endings never matter. A genitive -s
goes where the bare name is attested. "J.D. Vance" and "JD Vance" are one, initials and short forms join the full
given name, one misspelt vowel inside a given name too ("Georgia", "Giorgia"). A surname alone means the full name
in its paragraph, else in its document, else in the corpus, if there is just one and enough documents have it in full;
office and form of address ("Ministerin Müller", "Herr Müller") decide between several, and in the corpus fame does:
twenty times the documents of all others of that name together. What stays ambiguous stays apart, document by document.
An acronym means the name it is explained by, or whose initials it has; "früher", "geborene" and the like join two
names. For other documents than the one that says so this is evidence, which has to be enough (`resolve`).
Adjectives and inhabitants ("russische", "Wiener") mean their place. Known names lie in `lookups/linking`.

**In two steps, so that a night's ten files cost a night's ten files.**

1. `find_clusters`, per document: mentions that the document alone shows to be one become a cluster, which is kept
   with its keys (its *signature*) and its *blocks*: the surname for persons, every key for other names. This is the
   expensive part and it never has to be done again while the document stands.
2. `link_clusters`, over the corpus: signatures that share a block, directly or over others, are resolved together
   (`resolve`); all else is left as it is. So a run touches the names in its new, changed and deleted documents and
   what hangs together with these. It reads no text, but looks through one column of the cluster table (0.7 s of CPU
   for a million clusters), and reports the documents whose mentions now mean something else ("Vance", once a second
   Vance appears).

The result is that of linking everything from scratch: blocks that hang together are closed under every rule.
The id of an entity is a hash of its label and its smallest key: it knows no counter, no order and no date. It changes
only if a document brings a smaller key for the same entity ("Anna Huber, geborene Auer").

**Tables.** `clusters`: one row for each cluster, as above, with entity_id. `members`: which mention belongs to which
cluster, and the person's role beside it. `entities`: `build_entities`, with the name shown (`shown`), why the others
are of it (`evidence`), GeoNames id and country for places that mean one place only, and an id from an authority table
the user may give (id, label, name, aliases; see `authority`).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any

import polars as pl

from stages.link_entities import roles
from stages.link_entities.cluster import cluster_document
from stages.link_entities.document import Cluster, Mention
from stages.link_entities.entities import ENTITIES, build_entities
from stages.link_entities.resolve import APART, Signature, blocks_of, entity_id, read_signatures, resolve
from stages.lookups.fold import REMEMBERED
from stages.tables.schemas import NAME_LABELS

VERSION = "8"

__all__ = [
    "CLUSTERS",
    "ENTITIES",
    "MEMBERS",
    "VERSION",
    "Linked",
    "build_entities",
    "fill_mentions",
    "find_clusters",
    "link_clusters",
    "read_signatures",
]

_Dtypes = dict[str, pl.DataType | type[pl.DataType]]
_CLUSTERS: _Dtypes = {
    "doc_id": pl.String,
    "cluster_no": pl.Int64,
    "label": pl.String,
    "signature": pl.String,
    "blocks": pl.List(pl.String),
    "forms": pl.String,
    "n_mentions": pl.Int64,
    "entity_id": pl.String,
    "linked_id": pl.String,
}
CLUSTERS = pl.Schema(_CLUSTERS)
_LATER = ("entity_id", "linked_id")
_WRITTEN = {name: _CLUSTERS[name] for name in CLUSTERS if name not in _LATER} | {"blocks": pl.String}
_quoted = json.JSONEncoder(ensure_ascii=False).encode  # of a string; for lists it would make an encoder each time
_BETWEEN_BLOCKS = "\x1f"  # white space, which no key holds
MEMBERS = pl.Schema({"doc_id": pl.String, "mention_no": pl.Int64, "cluster_no": pl.Int64, "role": pl.String})


@dataclass(frozen=True, slots=True)
class Linked:
    """The cluster table with every entity_id, the documents in which one changed, and the entities to renew."""

    clusters: pl.DataFrame
    changed_documents: list[str]
    touched_entities: list[str]


def find_clusters(mentions: pl.DataFrame, documents: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cluster the names of each document; returns rows of clusters (entity_id empty) and of members.

    ``mentions`` needs doc_id, mention_no, text, label, kind, block_no, start, end; values take no part.
    ``documents`` needs doc_id and text. One document's rows depend on nothing but that document.
    """
    columns = ("doc_id", "mention_no", "text", "label", "kind", "block_no", "start", "end")
    found = mentions.filter(pl.col("label").is_in(NAME_LABELS)).select(columns).sort("doc_id", "start", "mention_no")
    texts = dict(documents.select("doc_id", "text").iter_rows())
    table: dict[str, list[Any]] = {name: [] for name in _WRITTEN}
    cluster_nos: list[int] = []
    roles_beside: list[str | None] = []
    for doc_id, rows in groupby(found.iter_rows(), key=itemgetter(0)):
        text = texts[doc_id]
        inside = [_mention(text, *row[1:]) for row in rows]
        clusters = cluster_document(inside)
        for name, column in _columns(doc_id, clusters).items():
            table[name] += column
        number_of = {member: number for number, cluster in enumerate(clusters) for member in cluster.members}
        cluster_nos += [number_of[one.mention_no] for one in inside]
        roles_beside += [one.role for one in inside]
    members = found.select("doc_id", "mention_no").with_columns(
        pl.Series("cluster_no", cluster_nos, dtype=pl.Int64), pl.Series("role", roles_beside, dtype=pl.String)
    )
    # A list of strings for each row costs more than all other columns: they travel as one string.
    written = pl.DataFrame(table, schema=_WRITTEN).with_columns(
        pl.col("blocks").str.split(_BETWEEN_BLOCKS), entity_id=None, linked_id=None
    )
    return written.cast(CLUSTERS), members.cast(MEMBERS).sort("doc_id", "mention_no")


def _mention(text: str, number: int, form: str, label: str, kind: str, block_no: int, start: int, end: int) -> Mention:
    # What stands in another block (parted by a blank line) says nothing about the name.
    after = text[end : end + roles.AFTER].split("\n\n", 1)[0]
    if label != "PER":
        return Mention(number, form, label, kind, block_no, start, end, "", after, None)
    before = text[max(0, start - roles.BEFORE) : start].rsplit("\n\n", 1)[-1]
    return Mention(number, form, label, kind, block_no, start, end, before, after, roles.role_beside(before, after))


def _columns(doc_id: str, clusters: list[Cluster]) -> dict[str, list[Any]]:
    """The clusters of a document as columns of `_WRITTEN`: a third of the time that rows cost."""
    said = [_written(Signature(one.label, one.strong, one.weak, one.bases, one.roles, one.claims)) for one in clusters]
    return {
        "doc_id": [doc_id] * len(clusters),
        "cluster_no": [*range(len(clusters))],
        "label": [cluster.label for cluster in clusters],
        "signature": [signature for signature, _ in said],
        "blocks": [blocks for _, blocks in said],
        "forms": [_counted(cluster.forms) for cluster in clusters],
        "n_mentions": [len(cluster.members) for cluster in clusters],
    }


@lru_cache(REMEMBERED)
def _written(signature: Signature) -> tuple[str, str]:
    """A signature and its blocks as the table has them; most clusters say what others said before."""
    *names, claims = signature[1:]
    lists = ", ".join([*map(_listed, names), f"[{', '.join(map(_listed, claims))}]"])
    return f"[{_quoted(signature.label)}, {lists}]", _BETWEEN_BLOCKS.join(sorted(blocks_of(signature)))


def _listed(texts: tuple[str, ...]) -> str:
    """Strings as a list of JSON."""
    return f"[{', '.join(map(_quoted, texts))}]"


@lru_cache(REMEMBERED)
def _counted(forms: tuple[tuple[str, int], ...]) -> str:
    return f"{{{', '.join(f'{_quoted(form)}: {number}' for form, number in forms)}}}"


def link_clusters(known: pl.DataFrame, new: pl.DataFrame, gone: Iterable[str] = ()) -> Linked:
    """Link the clusters of new and changed documents into a linked cluster table.

    ``known``: the table as it was, ``new``: rows of `find_clusters` for new and changed documents, ``gone``: the
    doc_ids of deleted ones. Equal to linking all standing documents at once, whatever was linked before.
    """
    replaced = pl.Series([*new["doc_id"].unique(), *gone], dtype=pl.String).unique()
    leaving = known.filter(pl.col("doc_id").is_in(replaced.implode()))
    pool = pl.concat([known.filter(~pl.col("doc_id").is_in(replaced.implode())), new])
    concerned = _closure(pool, pl.concat([leaving, new])["blocks"].explode().drop_nulls().unique())
    part = pool.filter(concerned)
    linked = _with_entities(part)
    before, after = part["entity_id"], linked["entity_id"]
    differs = before.is_null() | (before != after)
    ids = pl.concat([leaving["entity_id"], before.filter(differs), after.filter(differs)])
    clusters = pl.concat([pool.filter(~concerned), linked]).sort("doc_id", "cluster_no")
    return Linked(
        clusters,
        sorted(part.filter(differs & before.is_not_null())["doc_id"].unique()),
        sorted(ids.drop_nulls().unique()),
    )


def _closure(pool: pl.DataFrame, blocks: pl.Series) -> pl.Series:
    """Which clusters hang together with any of some blocks, directly or over other clusters."""
    pairs = pool.select("blocks").with_row_index("row").explode("blocks")
    while True:
        rows = pairs.filter(pl.col("blocks").is_in(blocks.implode()))["row"].unique()
        grown = pairs.filter(pl.col("row").is_in(rows.implode()))["blocks"].unique()
        if len(grown) <= len(blocks.filter(blocks.is_in(grown.implode()))):
            return pl.int_range(pool.height, eager=True).is_in(rows.implode())
        blocks = pl.concat([blocks, grown]).unique()


def _with_entities(clusters: pl.DataFrame) -> pl.DataFrame:
    """The rows with their entity_id, resolved by their signatures alone."""
    counts = clusters.group_by("signature").agg(pl.col("doc_id").n_unique()).sort("signature")
    signatures = read_signatures(counts["signature"])
    keys = resolve(dict(zip(signatures.values(), counts["doc_id"].to_list(), strict=True)))
    found = {text: keys[signature] for text, signature in signatures.items()}
    ids = {text: entity_id(signature.label, found[text]) for text, signature in signatures.items()}
    apart = {text for text, key in found.items() if key.endswith(APART)}
    linked = clusters.with_columns(pl.col("signature").replace_strict(ids, return_dtype=pl.String).alias("entity_id"))
    if not apart:
        return linked
    rows = linked.select("doc_id", "label", "signature", "entity_id").iter_rows()
    own = [entity_id(label, found[text] + doc_id) if text in apart else known for doc_id, label, text, known in rows]
    return linked.with_columns(pl.Series("entity_id", own, dtype=pl.String))


def fill_mentions(mentions: pl.DataFrame, members: pl.DataFrame, clusters: pl.DataFrame) -> pl.DataFrame:
    """The mentions with entity_id and role; values and unlinked rows have neither."""
    ids = members.join(clusters.select("doc_id", "cluster_no", "entity_id"), on=["doc_id", "cluster_no"])
    bare = mentions.drop("entity_id", "role", strict=False)
    filled = ids.select("doc_id", "mention_no", "entity_id", "role")
    return bare.join(filled, on=["doc_id", "mention_no"], how="left", maintain_order="left")
