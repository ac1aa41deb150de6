"""Final evidence: boolean columns on what is about to be published, for what only shows once all is put together."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import polars as pl

from expectations.digests import digest_documents, row_digests
from expectations.evidence import with_evidence
from expectations.rules import RULES
from stages.tables import agree
from stages.tables.pieces import Merged
from stages.tables.schemas import TABLES

Frames = dict[str, pl.DataFrame]


MADE_BY = pl.Schema({name: TABLES["documents"].schema[name] for name in ("doc_id", "run_id", "processed_at")})


class OnRecord(NamedTuple):
    """What was put on record of changed documents before they were linked and assembled.

    ``digests``: as `digest_documents` gives them, of the rows as they were parted or published. ``made_by``: for each
    document the run_id and processed_at that it must have. ``parted``: the documents that were read in this run, whose
    rows were found good; ``raw_texts`` reads their raw texts, by doc_id.
    """

    digests: pl.DataFrame
    made_by: pl.DataFrame
    parted: pl.Series
    raw_texts: Callable[[], Mapping[str, str]]


_OF_SOURCES = ("source_uri", "doc_id", "status", "content_sha256", "encoding")
"""What the evidence on other rows asks of `sources`, which has a row for every file."""

_COUNTED = pl.Schema({name: TABLES["entities"].schema[name] for name in (*agree.ENTITY, *agree.COUNTED)})
_SPELT = pl.Schema({name: TABLES["clusters"].schema[name] for name in ("entity_id", "forms")})


class WholeTables(NamedTuple):
    """The tables that are given whole, as the run made them; of sources the columns that are asked for."""

    entities: pl.DataFrame
    sources: pl.DataFrame
    quarantine: pl.DataFrame
    duplicates: pl.DataFrame

    @classmethod
    def shown(cls, made: Mapping[str, pl.LazyFrame]) -> "WholeTables":
        """Read what is asked of the tables."""
        sources = made["sources"].select(_OF_SOURCES).collect()
        return cls(made["entities"].collect(), sources, made["quarantine"].collect(), made["duplicates"].collect())


def changed_with_evidence(frames: Mapping[str, pl.DataFrame], record: OnRecord, whole: WholeTables) -> Frames:
    """Add the boolean columns of `RULES` and `LINKED_RULES` to the assembled rows of changed documents.

    What was found good in this run, and still has the digest that it had then, is as good as it was; on all else the
    evidence is taken anew.
    """
    digests = digest_documents(frames)
    stand = digests.filter(agree.held(digests, record.digests, digests.columns))
    whole_ids = frames["documents"].filter(_are_complete(frames["documents"], stand, digests, record.digests))["doc_id"]
    found = _seen_again(frames, record, whole_ids.filter(whole_ids.is_in(record.parted.implode())))
    found = {table: rows.with_columns(as_parted=_named(rows, stand, table)) for table, rows in found.items()}
    documents, mentions, clusters = (found[name] for name in ("documents", "mentions", "clusters"))
    found["documents"] = found["documents"].with_columns(
        is_complete=_are_complete(documents, stand, digests, record.digests),
        made_by_run=agree.held(documents, record.made_by, MADE_BY.names()),
        id_follows=agree.id_follows(documents),
        is_written=agree.is_written(documents.select(*agree.DOCUMENT, "content_sha256", "encoding"), whole.sources),
    )
    found["mentions"] = found["mentions"].with_columns(in_cluster=agree.in_cluster(mentions, clusters))
    found["clusters"] = found["clusters"].with_columns(
        has_its_mentions=agree.has_its_mentions(clusters, mentions),
        is_entity=agree.held(clusters, _of(clusters, whole.entities), ("entity_id", "label")),
        as_linked=agree.as_linked(clusters, _of(clusters, whole.entities)),
    )
    return found


def _seen_again(frames: Mapping[str, pl.DataFrame], record: OnRecord, good: pl.Series) -> Frames:
    """Add the boolean columns of `RULES`: true for documents that are known to be ``good``, else what is found now."""
    held = {table: rows["doc_id"].is_in(good.implode()).fill_null(False) for table, rows in frames.items()}
    columns = {
        table: [rule.columns[0] for rule in RULES if (rule.table, rule.kind) == (table, "true")] for table in frames
    }
    known = {
        table: rows.filter(held[table]).with_columns(pl.lit(True).alias(name) for name in columns[table])
        for table, rows in frames.items()
    }
    rest = {table: rows.filter(~held[table]) for table, rows in frames.items()}
    if all(rows.is_empty() for rows in rest.values()):
        return known
    read = record.raw_texts()
    looked_at = with_evidence(rest, read, set(record.made_by["doc_id"]) - read.keys())
    return {table: pl.concat([rows, looked_at[table].select(rows.columns)]) for table, rows in known.items()}


def _named(rows: pl.DataFrame, digests: pl.DataFrame, table: str) -> pl.Series:
    """For each row: is there a digest of its document in its table?"""
    return agree.held(rows, digests.filter(pl.col("table") == table), ("doc_id",))


def _are_complete(
    documents: pl.DataFrame, stand: pl.DataFrame, found: pl.DataFrame, recorded: pl.DataFrame
) -> pl.Series:
    """For each document: are its rows in all tables those on record, none more and none fewer?"""
    key = ("table", "doc_id")
    differ = pl.concat(
        [found.filter(~agree.held(found, stand, key)), recorded.filter(~agree.held(recorded, stand, key))]
    )
    return ~agree.held(documents, differ, ("doc_id",))


def _of(clusters: pl.DataFrame, entities: pl.DataFrame) -> pl.DataFrame:
    """The few entities that some clusters name; joining with all of them for each chunk would cost."""
    return entities.filter(pl.col("entity_id").is_in(clusters["entity_id"].unique().implode()))


def entities_with_evidence(entities: pl.DataFrame, linked: pl.Series, clusters: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Add the boolean columns of `WHOLE_RULES` to rows of entities.

    ``linked``: the digests of the rows as linking made them, ``clusters``: all clusters of these entities (entity_id,
    label, n_mentions, forms, source_uri), in pieces of whole documents.
    """
    numbers, spelt = Merged(agree.add_up, _COUNTED), Merged(pl.DataFrame.unique, _SPELT)
    for piece in clusters:
        numbers.add(agree.count_entities(piece))
        spelt.add(piece.select(_SPELT.names()).unique())
    counted, forms = numbers.rows(), spelt.rows()
    return entities.with_columns(
        as_linked=row_digests(entities, "entities").is_in(linked.implode()),
        counts_agree=pl.all_horizontal(*agree.well_counted(entities, counted).values()),
        are_spellings=agree.are_spellings(entities, forms),
    )


def sources_with_evidence(rows: pl.DataFrame, accounted: pl.Series, whole: WholeTables) -> pl.DataFrame:
    """Add the boolean columns of `WHOLE_RULES` to rows of sources; ``accounted``: the digests of the rows as made."""
    return rows.with_columns(
        as_accounted=row_digests(rows, "sources").is_in(accounted.implode()),
        id_follows=agree.id_follows(rows),
        copies_stand=agree.copies_stand(rows, whole.sources),
        is_explained=agree.is_explained(rows, whole.quarantine),
    )


def quarantine_with_evidence(rows: pl.DataFrame, accounted: pl.Series, whole: WholeTables) -> pl.DataFrame:
    """Add the boolean columns of `WHOLE_RULES` to rows of quarantine; ``accounted``: the digests of rows as made."""
    return rows.with_columns(
        as_accounted=row_digests(rows, "quarantine").is_in(accounted.implode()),
        has_source=agree.has_source(rows, whole.sources),
    )


def duplicates_with_evidence(rows: pl.DataFrame, accounted: pl.Series, whole: WholeTables) -> pl.DataFrame:
    """Add the boolean columns of `WHOLE_RULES` to rows of duplicates; ``accounted``: the digests of rows as made."""
    return rows.with_columns(
        as_found=row_digests(rows, "duplicates").is_in(accounted.implode()),
        has_document=agree.stands(rows, whole.sources),
        is_mutual=agree.is_mutual(rows, whole.duplicates),
        clusters_agree=agree.clusters_agree(rows, whole.duplicates),
    )


def runs_with_evidence(rows: pl.DataFrame, accounted: pl.Series) -> pl.DataFrame:
    """Add the boolean columns of `WHOLE_RULES` to rows of runs; ``accounted``: the digests of the rows as made."""
    return rows.with_columns(
        as_accounted=row_digests(rows, "runs").is_in(accounted.implode()), adds_up=agree.adds_up(rows)
    )


def drift_with_evidence(rows: pl.DataFrame, accounted: pl.Series) -> pl.DataFrame:
    """Add the boolean column of `DRIFT_RULES` to rows of drift; ``accounted``: the digests of the rows as made."""
    return rows.with_columns(as_accounted=row_digests(rows, "drift").is_in(accounted.implode()))
