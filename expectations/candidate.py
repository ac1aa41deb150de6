"""Candidate: a snapshot that is assembled and not published yet, and what the gate is shown of it.

These are the rows that the run changed, read from what is about to be published, chunk by chunk, with the evidence.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple, Protocol

import polars as pl
import polars.selectors as cs

from expectations.digests import DIGESTS, digest_documents, row_digests
from expectations.final_evidence import (
    MADE_BY,
    OnRecord,
    WholeTables,
    changed_with_evidence,
    duplicates_with_evidence,
    entities_with_evidence,
    quarantine_with_evidence,
    sources_with_evidence,
)
from expectations.gate import looked_at
from expectations.rules import Rule
from expectations.sum_up import sum_up
from stages.tables import agree
from stages.tables.pieces import stretches
from stages.tables.schemas import CONTENT, TABLES, empty
from stages.tables.store import Snapshot, Store

Frames = dict[str, pl.DataFrame]

_CHUNK_ROWS = 100_000
"""Rows of all content tables whose evidence is gathered at once."""
_CHUNK_CHARS = 32_000_000
"""Characters of text that are held at once, if not one batch alone has more."""
_WHOLE_ROWS = 50_000
"""Rows of a table that is given whole that are read at once, beside those that were published."""
_FAILED = ("rule_failed", "stage_failed", "timed_out", "worker_died", "system_failed")
"""Reasons that are a fault of ours or of the machine, not of the source."""
_EVIDENCE = pl.all_horizontal(cs.boolean())
_WITH_EVIDENCE = {
    "sources": sources_with_evidence,
    "quarantine": quarantine_with_evidence,
    "duplicates": duplicates_with_evidence,
}


class Made(Protocol):
    """A batch of new, moved or relinked documents: what it leaves on record before it is linked and assembled."""

    def digests(self) -> pl.DataFrame | None:
        """Give the digests of the rows as they were parted; None where they were published before."""
        ...

    def raw_texts(self) -> dict[str, str]:
        """Give the raw texts that were read, by doc_id."""
        ...

    def copies(self) -> pl.DataFrame:
        """Say which document's published rows (copy_of) each document (doc_id) has."""
        ...

    def weight(self) -> tuple[int, int]:
        """Count the rows of all content tables, and the characters of the mended texts."""
        ...

    def outcomes(self) -> pl.DataFrame:
        """Say how each source of it ended."""
        ...


class Candidate(NamedTuple):
    """A snapshot that is assembled and not published yet, and what it was made from.

    ``replaced``: doc_ids whose published rows go. ``whole``: the tables that are given whole, as they were made;
    ``made``: digests of all their rows. ``run_id`` and ``started`` are those of the run.
    """

    store: Store
    previous: Snapshot | None
    snapshot: Snapshot
    batches: Sequence[Made]
    replaced: Sequence[str]
    whole: WholeTables
    made: Mapping[str, pl.Series]
    started: datetime

    @property
    def run_id(self) -> str:
        """The run that made it."""
        return self.snapshot.run_id


class Shown(NamedTuple):
    """Rows of changed documents with their evidence, the entities they name, and how many rows were made, by table."""

    frames: Frames
    named: pl.Series
    made: Counter[str]


def changed(candidate: Candidate, rules: Sequence[Rule]) -> Iterator[Shown]:
    """Give the rows of changed documents with the evidence that ``rules`` look at, piece by piece.

    Texts are read piece by piece and left behind.
    """
    return (_show(candidate, record, rules) for record in on_record(candidate))


def _show(candidate: Candidate, record: OnRecord, rules: Sequence[Rule]) -> Shown:
    rows = changed_rows(candidate, record)
    evidence = changed_with_evidence(rows, record, candidate.whole)
    return Shown(
        {table: looked_at(frame, table, rules) for table, frame in evidence.items()},
        rows["clusters"]["entity_id"].unique(),
        Counter(dict(record.digests.group_by("table").agg(pl.col("n_rows").sum()).iter_rows())),
    )


def on_record(candidate: Candidate) -> Iterator[OnRecord]:
    """Give what is on record of the changed documents, for one chunk of batches after the other."""
    for batches in _chunks(candidate.batches):
        found = [_of_batch(batch, candidate) for batch in batches]
        yield OnRecord(
            pl.concat(record.digests for record in found),
            pl.concat(record.made_by for record in found),
            pl.concat(record.parted for record in found),
            partial(_raw_texts, batches),
        )


def _raw_texts(batches: Sequence[Made]) -> dict[str, str]:
    """The raw texts that were read in this run, by doc_id."""
    read = (batch.raw_texts() for batch in batches if batch.digests() is not None)
    return {doc_id: raw for texts in read for doc_id, raw in texts.items()}


def _chunks(batches: Sequence[Made]) -> Iterator[list[Made]]:
    """Gather batches in chunks of so many rows and characters at the most, each of one batch at the least."""
    chunk: list[Made] = []
    rows = chars = 0
    for batch in batches:
        more, longer = batch.weight()
        if chunk and (rows + more > _CHUNK_ROWS or chars + longer > _CHUNK_CHARS):
            yield chunk
            chunk, rows, chars = [], 0, 0
        chunk.append(batch)
        rows, chars = rows + more, chars + longer
    if chunk:
        yield chunk


def _count(rows: pl.LazyFrame) -> int:
    return int(rows.select(pl.len()).collect().item())


def _of_batch(batch: Made, candidate: Candidate) -> OnRecord:
    """What was parted in this run; of documents that were moved or linked anew, what was published before."""
    digests = batch.digests()
    if digests is not None:
        made_by = _made_by(digests["doc_id"], candidate)
        return OnRecord(digests, made_by, made_by["doc_id"], batch.raw_texts)
    copies = batch.copies()
    published = _rows_of(candidate.store, candidate.previous, copies["copy_of"])
    digests = digest_documents(published).rename({"doc_id": "copy_of"}).join(copies, on="copy_of")
    stays = pl.col("doc_id") == pl.col("copy_of")
    standing = published["documents"].join(copies.filter(stays), on="doc_id", how="semi").select(MADE_BY.names())
    moved = _made_by(copies.filter(~stays)["doc_id"], candidate)
    return OnRecord(digests.select(DIGESTS.names()), pl.concat([standing, moved]), moved["doc_id"].clear(), dict)


def _made_by(doc_ids: pl.Series, candidate: Candidate) -> pl.DataFrame:
    made = pl.DataFrame({"doc_id": doc_ids.unique()})
    return made.with_columns(run_id=pl.lit(candidate.run_id), processed_at=pl.lit(candidate.started)).cast(MADE_BY)


def changed_rows(candidate: Candidate, record: OnRecord) -> Frames:
    """Read the rows of the documents of one chunk from what is about to be published."""
    return _rows_of(candidate.store, candidate.snapshot, record.made_by["doc_id"])


def _rows_of(store: Store, snapshot: Snapshot | None, doc_ids: pl.Series) -> Frames:
    return {table: store.scan_documents(snapshot, table, doc_ids, sound=False).collect() for table in CONTENT}


def named_before(candidate: Candidate) -> pl.Series:
    """Give the entities that the documents named whose published rows go."""
    replaced = pl.Series("doc_id", candidate.replaced, dtype=pl.String)
    gone = candidate.store.scan_documents(candidate.previous, "clusters", replaced, sound=False)
    return gone.select(pl.col("entity_id").unique()).collect()["entity_id"]


def _clusters_of(candidate: Candidate, entity_ids: pl.Series) -> Iterator[pl.DataFrame]:
    """Read all clusters of some entities from what is about to be published, with the source_uri of the document.

    They come in pieces of whole documents.
    """
    documents = candidate.store.scan(candidate.snapshot, "documents").select(*agree.DOCUMENT)
    clusters = candidate.store.scan(candidate.snapshot, "clusters").filter(
        pl.col("entity_id").is_in(entity_ids.implode())
    )
    named = clusters.select("doc_id", "entity_id", "label", "n_mentions", "forms")
    for here in stretches(candidate.snapshot.n_rows()["clusters"]):
        yield named.filter(here).join(documents.filter(here), on="doc_id", how="left").collect()


def whole_rows(candidate: Candidate, named: pl.Series, rules: Sequence[Rule]) -> Frames:
    """Read what is new in the tables that are given whole, and what the evidence speaks against.

    ``named``: the entities that changed documents name, or named before. Each row comes with the evidence, and with no
    more than ``rules`` look at: at a first load these are the rows of all files.
    """
    found = {"entities": looked_at(_entity_rows(candidate, named), "entities", rules)}
    for table, gather in _WITH_EVIDENCE.items():
        accounted = candidate.made[table]
        told = [looked_at(gather(empty(table), accounted, candidate.whole), table, rules)]
        for rows, published in _in_chunks(candidate.store.changes(candidate.previous, candidate.snapshot, table)):
            judged = gather(rows, accounted, candidate.whole)
            concerned = judged.filter(_is_new(rows, published, table) | ~judged.select(_EVIDENCE).to_series())
            told.append(looked_at(concerned, table, rules))
        found[table] = pl.concat(told)
    return found


def _in_chunks(pieces: Iterable[tuple[pl.DataFrame, pl.DataFrame]]) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Put pieces together: the evidence looks through the whole tables for each, and there are thousands."""
    waiting: list[tuple[pl.DataFrame, pl.DataFrame]] = []
    for piece in pieces:
        waiting.append(piece)
        if sum(rows.height for rows, _ in waiting) >= _WHOLE_ROWS:
            yield pl.concat([rows for rows, _ in waiting]), pl.concat([before for _, before in waiting])
            waiting.clear()
    if waiting:
        yield pl.concat([rows for rows, _ in waiting]), pl.concat([before for _, before in waiting])


def _entity_rows(candidate: Candidate, named: pl.Series) -> pl.DataFrame:
    rows = candidate.store.scan(candidate.snapshot, "entities").collect()
    published = candidate.store.scan(candidate.previous, "entities").collect()
    concerned = rows.filter(_is_new(rows, published, "entities") | rows["entity_id"].is_in(named.implode()))
    clusters = _clusters_of(candidate, concerned["entity_id"])
    return entities_with_evidence(concerned, candidate.made["entities"], clusters)


def _is_new(rows: pl.DataFrame, published: pl.DataFrame, table: str) -> pl.Series:
    """For each row: is it none that was published, or does its key stand there twice?"""
    doubled = rows.select(pl.struct(TABLES[table].key).is_duplicated()).to_series()
    return doubled | ~row_digests(rows, table).is_in(row_digests(published, table).implode())


def sum_up_run(candidate: Candidate, counts: Mapping[str, int], made: Mapping[str, int]) -> pl.DataFrame:
    """Sum up the run in one row; ``counts`` as in the `runs` table, ``made``: rows made, by table."""
    numbers = (*agree.DOCUMENT, "n_chars", "n_words", "n_mentions", "entity_model")
    documents = candidate.store.scan(candidate.snapshot, "documents").select(numbers).collect()
    n_failed = sum(int(batch.outcomes()["reason_code"].is_in(_FAILED).sum()) for batch in candidate.batches)
    return sum_up(counts, documents, candidate.whole.sources, n_failed, _row_counts(candidate, made))


def _row_counts(candidate: Candidate, made: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Give for each table how many rows it has, and how many it must have.

    These are the rows that were published before, but for those of replaced documents, and those that were ``made``.
    """
    store, previous = candidate.store, candidate.previous
    replaced = pl.Series("doc_id", candidate.replaced, dtype=pl.String)
    counts, published = {}, previous.n_rows() if previous else {}
    for table in CONTENT:
        found, before = _count(store.scan(candidate.snapshot, table)), published.get(table, 0)
        gone = _count(store.scan_documents(previous, table, replaced, sound=False))
        counts[table] = (found, before - gone + made.get(table, 0))
    for table, digests in candidate.made.items():
        counts[table] = (_count(store.scan(candidate.snapshot, table)), digests.len())
    return counts
