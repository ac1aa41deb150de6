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
   what hangs together with these. It reads no text, but looks through the signatures of the cluster table, piece by
   piece; `changes` tells the documents whose mentions now mean something else ("Vance", once a second Vance appears).

The result is that of linking everything from scratch: blocks that hang together are closed under every rule.
The id of an entity is a hash of its label and its smallest key: it knows no counter, no order and no date. It changes
only if a document brings a smaller key for the same entity ("Anna Huber, geborene Auer").

**Tables.** `clusters`: one row for each cluster, as above, with entity_id. `members`: which mention belongs to which
cluster, and the person's role beside it. `entities`: `build_entities`, with the name shown (`shown`), why the others
are of it (`evidence`), GeoNames id and country for places that mean one place only, and an id from an authority table
the user may give (id, label, name, aliases; see `authority`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import polars as pl

from stages.link_entities.blocks import hanging_together
from stages.link_entities.cluster import cluster_document
from stages.link_entities.document import Mentions
from stages.link_entities.entities import ENTITIES, build_entities
from stages.link_entities.resolve import APART, entity_id, read_signatures, resolve
from stages.link_entities.told import BETWEEN_BLOCKS, Told
from stages.tables.pieces import Merged
from stages.tables.schemas import NAME_LABELS

VERSION = "11"

__all__ = [
    "CLUSTERS",
    "ENTITIES",
    "MEMBERS",
    "VERSION",
    "Linked",
    "build_entities",
    "count_signatures",
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
_COUNTED = pl.Schema({"signature": pl.String(), "n_documents": pl.Int64(), "blocks": pl.List(pl.String)})
_RESOLVED = pl.Schema({"signature": pl.String, "entity_id": pl.String, "key": pl.String})
A_PART = 5_000  # signatures resolved at a time, or more where more hang together: each takes two kilobytes meanwhile
MEMBERS = pl.Schema({"doc_id": pl.String, "mention_no": pl.Int64, "cluster_no": pl.Int64, "role": pl.String})


@dataclass(frozen=True, slots=True)
class Linked:
    """What each signature means that linking looked at, and the documents whose rows it replaced.

    ``resolved``: signature, entity_id, and key where the name is ambiguous and stays apart in each document.
    """

    resolved: pl.DataFrame
    replaced: pl.Series

    @property
    def leaves(self) -> pl.Expr:
        """Whether a known cluster is of a document that was replaced or is gone."""
        return pl.col("doc_id").is_in(self.replaced.implode())

    @property
    def concerned(self) -> pl.Expr:
        """Whether linking looked at a cluster; all others keep their entity."""
        return pl.col("signature").is_in(self.resolved["signature"].implode())

    def fill(self, clusters: pl.DataFrame) -> pl.DataFrame:
        """Fill entity_id in some rows of clusters; those that linking did not look at keep theirs."""
        meant = self.resolved.rename({"entity_id": "meant"})
        linked = clusters.join(meant, on="signature", how="left", maintain_order="left").with_row_index("_row")
        apart = linked.filter(pl.col("key").is_not_null()).select("_row", "doc_id", "label", "key")
        own = [entity_id(label, key + doc_id) for _, doc_id, label, key in apart.iter_rows()]
        apart = apart.select("_row", pl.Series("own", own, dtype=pl.String))
        linked = linked.join(apart, on="_row", how="left", maintain_order="left")
        return linked.with_columns(entity_id=pl.coalesce("own", "meant", "entity_id")).select(clusters.columns)


def find_clusters(mentions: pl.DataFrame, documents: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cluster the names of each document; returns rows of clusters (entity_id empty) and of members.

    ``mentions`` needs doc_id, mention_no, text, label, kind, block_no, start, end; values take no part.
    ``documents`` needs doc_id and text. One document's rows depend on nothing but that document.
    """
    found = mentions.filter(pl.col("label").is_in(NAME_LABELS)).select("doc_id", *Mentions._fields)
    found = found.sort("doc_id", "start", "mention_no")
    texts = dict(documents.select("doc_id", "text").iter_rows())
    named = Mentions(*(found[name].to_list() for name in Mentions._fields))
    roles: list[str | None] = [None] * found.height
    cluster_nos = [0] * found.height
    clusters: list[tuple[str, int, int]] = []
    told: list[Told] = []
    begin = 0
    for doc_id, length in found.select(pl.col("doc_id").rle()).unnest("doc_id").select("value", "len").iter_rows():
        for number, cluster in enumerate(cluster_document(texts[doc_id], named, range(begin, begin + length), roles)):
            for row in cluster.rows:
                cluster_nos[row] = number
            clusters.append((doc_id, number, len(cluster.rows)))
            told.append(cluster.told)
        begin += length
    members = found.select("doc_id", "mention_no").with_columns(
        pl.Series("cluster_no", cluster_nos, dtype=pl.Int64), pl.Series("role", roles, dtype=pl.String)
    )
    # Column by column, and lists of strings as one string each: a list for each row costs more than all columns.
    columns = {name: [one[at] for one in clusters] for at, name in enumerate(("doc_id", "cluster_no", "n_mentions"))}
    columns |= {name: [one[at] for one in told] for at, name in enumerate(Told._fields)}
    written = pl.DataFrame(columns, schema=_WRITTEN)
    written = written.with_columns(pl.col("blocks").str.split(BETWEEN_BLOCKS), entity_id=None, linked_id=None)
    return written.cast(CLUSTERS), members.cast(MEMBERS).sort("doc_id", "mention_no")


def link_clusters(known: Iterable[pl.LazyFrame], new: Iterable[pl.LazyFrame], gone: Iterable[str] = ()) -> Linked:
    """Link the clusters of new and changed documents with a linked cluster table.

    ``known``: the table as it was, ``new``: rows of `find_clusters` for new and changed documents, ``gone``: the
    doc_ids of deleted ones. Both tables come in pieces of whole documents: one piece is held at a time, and of all that
    is in them the signatures, each once. Equal to linking all standing documents at once, whatever was linked before.
    """
    known, new = list(known), list(new)
    ids = [piece.select(pl.col("doc_id").unique()).collect()["doc_id"] for piece in new]
    linked = Linked(_RESOLVED.to_frame(eager=True), pl.concat([pl.Series([*gone], dtype=pl.String), *ids]).unique())
    leaving = [piece.filter(linked.leaves).select("blocks").collect() for piece in known]
    come, stay = count_signatures(new), count_signatures([piece.filter(~linked.leaves) for piece in known])
    touched = pl.concat([come.select("blocks"), *leaving])["blocks"].explode().drop_nulls().unique()
    counted = _added_up(pl.concat([come, stay]))
    part = counted.filter(_closure(counted, touched))
    return replace(linked, resolved=pl.concat([linked.resolved, *map(_resolved, hanging_together(part, A_PART))]))


def count_signatures(clusters: Iterable[pl.LazyFrame]) -> pl.DataFrame:
    """In how many documents each signature stands, and its blocks; ``clusters``: pieces of whole documents."""
    counts = (pl.col("doc_id").n_unique().cast(pl.Int64).alias("n_documents"), pl.col("blocks").first())
    counted = Merged(_added_up, _COUNTED)
    for piece in clusters:
        counted.add(piece.group_by("signature").agg(counts).collect())
    return counted.rows()


def _added_up(counted: pl.DataFrame) -> pl.DataFrame:
    return counted.group_by("signature").agg(pl.col("n_documents").sum(), pl.col("blocks").first())


def _closure(pool: pl.DataFrame, blocks: pl.Series) -> pl.Series:
    """Which signatures hang together with any of some blocks, directly or over others."""
    pairs = pool.select("blocks").with_row_index("row").explode("blocks")
    while True:
        rows = pairs.filter(pl.col("blocks").is_in(blocks.implode()))["row"].unique()
        grown = pairs.filter(pl.col("row").is_in(rows.implode()))["blocks"].unique()
        if len(grown) <= len(blocks.filter(blocks.is_in(grown.implode()))):
            return pl.int_range(pool.height, eager=True).is_in(rows.implode())
        blocks = pl.concat([blocks, grown]).unique()


def _resolved(counted: pl.DataFrame) -> pl.DataFrame:
    """The entity of each signature, and the key where it stays apart in each document: columns of `_RESOLVED`."""
    signatures = read_signatures(counted["signature"])
    keys = resolve(dict(zip(signatures.values(), counted["n_documents"], strict=True)))
    found = [keys[signature] for signature in signatures.values()]
    ids = [entity_id(signature.label, key) for signature, key in zip(signatures.values(), found, strict=True)]
    apart = [key if key.endswith(APART) else None for key in found]
    return pl.DataFrame({"signature": list(signatures), "entity_id": ids, "key": apart}, schema=_RESOLVED)


def fill_mentions(mentions: pl.DataFrame, members: pl.DataFrame, clusters: pl.DataFrame) -> pl.DataFrame:
    """The mentions with entity_id and role; values and unlinked rows have neither."""
    ids = members.join(clusters.select("doc_id", "cluster_no", "entity_id"), on=["doc_id", "cluster_no"])
    bare = mentions.drop("entity_id", "role", strict=False)
    filled = ids.select("doc_id", "mention_no", "entity_id", "role")
    return bare.join(filled, on=["doc_id", "mention_no"], how="left", maintain_order="left")
