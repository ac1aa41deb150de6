"""Verify: do published rows keep the contract by themselves.

Pure functions on frames. Every finding is one line that names the file or table, what is wrong, and by how much.
"""

import json
from collections.abc import Iterator

import polars as pl

from stages.errors import printable
from stages.tables import agree
from stages.tables.schemas import TABLES

Frames = dict[str, pl.DataFrame]
_MOST_NAMED = 3
# References: rows of the first table whose key is not in the second.
_PARENTS = (
    ("blocks", ("doc_id",), "documents"),
    ("repairs", ("doc_id",), "documents"),
    ("raw_texts", ("doc_id",), "documents"),
    ("sentences", ("doc_id", "block_no"), "blocks"),
    ("mentions", ("doc_id", "sentence_no"), "sentences"),
    ("clusters", ("doc_id",), "documents"),
)


def verify_part(frames: Frames, prefix: str) -> Iterator[str]:
    """Check keys and references within one part of the content tables; ``prefix``: how its doc_ids begin."""
    for table, frame in frames.items():
        key = TABLES[table].key
        yield from _rows(
            f"{table}: the key {', '.join(key)} is not unique", frame.filter(pl.struct(key).is_duplicated())
        )
        strangers = frame.filter(~pl.col("doc_id").str.starts_with(prefix))
        yield from _rows(f"{table}: doc_id does not begin with {prefix}, so it is in the wrong part", strangers)
        if not frame.equals(frame.sort(key)):
            yield f"{table}: part {prefix or 'whole'} is not sorted by its key"
    for child, key, parent in _PARENTS:
        yield from _rows(f"{child}: no such row in {parent}", frames[child].join(frames[parent], on=key, how="anti"))
    mentions, clusters = frames["mentions"], frames["clusters"]
    lost = mentions.filter(~agree.in_cluster(mentions, clusters))
    yield from _rows("mentions: no cluster with this number and entity", lost)
    wrong = clusters.filter(~agree.has_its_mentions(clusters, mentions))
    yield from _rows("clusters: n_mentions is not the number of rows in mentions", wrong)
    documents = frames["documents"]
    for name in ("blocks", "sentences", "mentions"):
        counted = frames[name].group_by("doc_id").len()
        wrong = documents.join(counted, on="doc_id", how="left").filter(
            pl.col("len").fill_null(0) != pl.col(f"n_{name}")
        )
        yield from _rows(f"documents: n_{name} is not the number of rows in {name}", wrong)


def verify_entities(entities: pl.DataFrame, clusters: pl.DataFrame) -> Iterator[str]:
    """Check entities against all clusters (entity_id, label, n_mentions, source_uri), both ways and in all counts."""
    yield from _rows("entities: the key entity_id is not unique", entities.filter(pl.col("entity_id").is_duplicated()))
    counted = agree.count_entities(clusters)
    yield from _rows(
        "clusters: no such entity", counted.filter(~agree.held(counted, entities, agree.ENTITY)), "entity_id"
    )
    for column, right in agree.well_counted(entities, counted).items():
        yield from _rows(f"entities: {column} is not {agree.COUNTED[column]}", entities.filter(~right), "entity_id")


def verify_whole(frames: Frames, documents: pl.DataFrame, run_id: str) -> Iterator[str]:
    """Check sources, quarantine and runs against each other and against the documents (doc_id, source_uri)."""
    sources, quarantine, runs = frames["sources"], frames["quarantine"], frames["runs"]
    for table in ("sources", "quarantine", "runs", "duplicates", "drift"):
        key = TABLES[table].key
        duplicated = frames[table].filter(pl.struct(key).is_duplicated())
        yield from _rows(f"{table}: the key {', '.join(key)} is not unique", duplicated)
    strangers = documents.filter(~agree.is_written(documents, sources))
    yield from _rows("documents: no source is written under this name", strangers)
    absent = (pl.col("status") == "written") & ~agree.held(sources, documents, agree.DOCUMENT)
    yield from _rows("sources: written, but not in documents", sources.filter(absent))
    yield from _rows("sources: doc_id does not follow from source_uri", sources.filter(~agree.id_follows(sources)))
    orphans = sources.filter(~agree.copies_stand(sources, sources))
    yield from _rows("sources: duplicate of a source that is not written", orphans)
    lost = sources.filter(~agree.is_explained(sources, quarantine))
    yield from _rows("sources: quarantined, but not in quarantine", lost)
    yield from _rows(
        "quarantine: the source is not quarantined", quarantine.filter(~agree.has_source(quarantine, sources))
    )
    duplicates = frames["duplicates"]
    alone = duplicates.filter(~agree.stands(duplicates, sources))
    yield from _rows("duplicates: the document is not written", alone)
    one_sided = duplicates.filter(~agree.is_mutual(duplicates, duplicates))
    yield from _rows("duplicates: the others do not name it, or otherwise", one_sided)
    wrong = duplicates.filter(~agree.clusters_agree(duplicates, duplicates))
    yield from _rows("duplicates: cluster or similarity is not that of the others", wrong)
    unreasoned = (pl.col("status") == "quarantined") & pl.col("reason_code").is_null()
    yield from _rows("sources: quarantined without a reason", sources.filter(unreasoned), "source_uri")
    wrong = runs.filter(~agree.adds_up(runs))
    yield from _rows("runs: the sources are not the sum of their outcomes", wrong, "run_id")
    if run_id not in runs["run_id"]:
        yield f"runs: run {run_id} of CURRENT.json is missing"


def _rows(what: str, wrong: pl.DataFrame, named_by: str = "doc_id") -> Iterator[str]:
    if wrong.height:
        column = named_by if named_by in wrong.columns else wrong.columns[0]
        examples = ", ".join(printable(str(value)) for value in wrong[column].unique(maintain_order=True)[:_MOST_NAMED])
        yield f"{what}: {wrong.height:,} rows, for example {column} {examples}"


def rejected_row(row: str) -> str:
    """Name a row of a table in few words, from its JSON."""
    wanted = ("block_no", "sentence_no", "mention_no", "repair_no", "start", "end")
    return ", ".join(f"{k} {v}" for k, v in json.loads(row).items() if k in wanted)
