"""What the gate is shown: the rows that a run changed, read from the assembled snapshot, chunk by chunk."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import polars as pl
import polars.selectors as cs

from expectations.digests import DIGESTS, digest_documents, row_digests
from expectations.final_evidence import (
    MADE_BY,
    OnRecord,
    Whole,
    gather_changed,
    gather_entities,
    gather_quarantine,
    gather_sources,
)
from expectations.gate import Verdict, looked_at
from expectations.rules import Rule
from expectations.sum_up import sum_up
from stages.errors import GateError
from stages.tables import agree, verify
from stages.tables.schemas import TABLES, empty
from stages.tables.store.folder import failed_runs
from stages.tables.store.publish import CONTENT
from stages.tables.store.snapshots import Snapshot, scan_table

Frames = dict[str, pl.DataFrame]

_CHUNK_ROWS = 100_000
"""Rows of all content tables whose evidence is gathered at once."""
_CHUNK_CHARS = 32_000_000
"""Characters of text that are held at once, if not one batch alone has more."""
_SHOWN_ROWS = 400_000
"""Rows, bare of their texts, that Great Expectations is shown at once."""
_EVIDENCE = pl.all_horizontal(cs.boolean())
_KEPT_FAILED = 10


class Candidate(NamedTuple):
    """A snapshot that is assembled and not published yet, and what it was made from.

    ``folders``: the batches of new, moved and relinked documents. ``replaced``: doc_ids whose published rows go.
    ``whole``: entities, sources and quarantine as they were made; ``linked``: digests of the rows of entities.
    """

    tables: Path
    previous: Snapshot | None
    snapshot: Snapshot
    folders: Sequence[Path]
    replaced: Sequence[str]
    whole: Whole
    linked: pl.Series


class Shown(NamedTuple):
    """Rows of changed documents with their evidence, the entities they name, and how many rows were made, by table."""

    frames: Frames
    named: pl.Series
    made: Counter[str]


def changed(candidate: Candidate, run_id: str, started: datetime, rules: Sequence[Rule]) -> Iterator[Shown]:
    """Give the rows of changed documents with the evidence that ``rules`` look at.

    Texts are read chunk by chunk and left behind; what is left is given in larger pieces, so that the half second
    Great Expectations takes for itself is forgotten.
    """
    waiting: list[Shown] = []
    for record in on_record(candidate, run_id, started):
        waiting.append(_show(candidate, record, rules))
        if sum(frame.height for shown in waiting for frame in shown.frames.values()) >= _SHOWN_ROWS:
            yield _together(waiting)
            waiting.clear()
    if waiting:
        yield _together(waiting)


def _show(candidate: Candidate, record: OnRecord, rules: Sequence[Rule]) -> Shown:
    rows = changed_rows(candidate, record)
    evidence = gather_changed(rows, record, candidate.whole)
    return Shown(
        {table: looked_at(frame, table, rules) for table, frame in evidence.items()},
        rows["clusters"]["entity_id"].unique(),
        Counter(dict(record.digests.group_by("table").agg(pl.col("n_rows").sum()).iter_rows())),
    )


def _together(shown: Sequence[Shown]) -> Shown:
    frames = {table: pl.concat([one.frames[table] for one in shown]) for table in CONTENT}
    return Shown(frames, pl.concat([one.named for one in shown]), sum((one.made for one in shown), Counter[str]()))


def on_record(candidate: Candidate, run_id: str, started: datetime) -> Iterator[OnRecord]:
    """Give what is on record of the changed documents, for one chunk of batches after the other."""
    for folders in _chunks(candidate.folders):
        found = [_of_batch(folder, candidate, run_id, started) for folder in folders]
        yield OnRecord(
            pl.concat(record.digests for record in found),
            pl.concat(record.made_by for record in found),
            {doc_id: raw for record in found for doc_id, raw in record.raw_texts.items()},
        )


def _chunks(folders: Sequence[Path]) -> Iterator[list[Path]]:
    """Cut batches into chunks of so many rows and characters at the most, each of one batch at the least."""
    chunk: list[Path] = []
    rows = chars = 0
    for folder in folders:
        more = sum(_count(pl.scan_parquet(folder / f"{table}.parquet", glob=False)) for table in CONTENT)
        longer = int(pl.read_parquet(folder / "documents.parquet", columns=["n_chars"], glob=False)["n_chars"].sum())
        if chunk and (rows + more > _CHUNK_ROWS or chars + longer > _CHUNK_CHARS):
            yield chunk
            chunk, rows, chars = [], 0, 0
        chunk.append(folder)
        rows, chars = rows + more, chars + longer
    if chunk:
        yield chunk


def _count(rows: pl.LazyFrame) -> int:
    return int(rows.select(pl.len()).collect().item())


def _of_batch(folder: Path, candidate: Candidate, run_id: str, started: datetime) -> OnRecord:
    """What was parted in this run; of documents that were moved or linked anew, what was published before."""
    parted = folder / "parted.parquet"
    if parted.exists():
        digests = pl.read_parquet(parted, glob=False)
        texts = pl.read_parquet(folder / "texts.parquet", columns=["doc_id", "raw"], glob=False)
        return OnRecord(digests, _made_by(digests["doc_id"], run_id, started), dict(texts.iter_rows()))
    copies = _copies(folder)
    published = _rows_of(candidate.tables, candidate.previous, copies["copy_of"])
    digests = digest_documents(published).rename({"doc_id": "copy_of"}).join(copies, on="copy_of")
    stays = pl.col("doc_id") == pl.col("copy_of")
    standing = published["documents"].join(copies.filter(stays), on="doc_id", how="semi").select(MADE_BY.names())
    moved = _made_by(copies.filter(~stays)["doc_id"], run_id, started)
    return OnRecord(digests.select(DIGESTS.names()), pl.concat([standing, moved]), {})


def _made_by(doc_ids: pl.Series, run_id: str, started: datetime) -> pl.DataFrame:
    made = pl.DataFrame({"doc_id": doc_ids.unique()})
    return made.with_columns(run_id=pl.lit(run_id), processed_at=pl.lit(started)).cast(MADE_BY)


def _copies(folder: Path) -> pl.DataFrame:
    """Which document's published rows each document of a batch has: itself, where it was only linked anew."""
    moves = folder / "batch.parquet"
    if moves.exists():
        return pl.read_parquet(moves, columns=["doc_id", "copy_of"], glob=False).drop_nulls()
    documents = pl.read_parquet(folder / "documents.parquet", columns=["doc_id"], glob=False)
    return documents.with_columns(copy_of="doc_id")


def changed_rows(candidate: Candidate, record: OnRecord) -> Frames:
    """Read the rows of the documents of one chunk from the files that are about to be published."""
    return _rows_of(candidate.tables, candidate.snapshot, record.made_by["doc_id"])


def _rows_of(tables: Path, snapshot: Snapshot | None, doc_ids: pl.Series) -> Frames:
    return {table: _scan_documents(tables, snapshot, table, doc_ids).collect() for table in CONTENT}


def _scan_documents(tables: Path, snapshot: Snapshot | None, table: str, doc_ids: pl.Series) -> pl.LazyFrame:
    if snapshot is None or doc_ids.is_empty():
        return empty(table).lazy()
    prefixes = doc_ids.str.head(snapshot.prefix_length).unique().sort()
    files = [verify.part_file(tables, snapshot, table, prefix) for prefix in prefixes]
    rows = pl.scan_parquet(files, schema=TABLES[table].schema, glob=False)
    return rows.filter(pl.col("doc_id").is_in(doc_ids.implode()))


def named_before(candidate: Candidate) -> pl.Series:
    """Give the entities that the documents named whose published rows go."""
    replaced = pl.Series("doc_id", candidate.replaced, dtype=pl.String)
    gone = _scan_documents(candidate.tables, candidate.previous, "clusters", replaced)
    return gone.select(pl.col("entity_id").unique()).collect()["entity_id"]


def _clusters_of(candidate: Candidate, entity_ids: pl.Series) -> pl.LazyFrame:
    """Scan what is about to be published for all clusters of some entities, with the source_uri of the document."""
    named = scan_table(candidate.tables, candidate.snapshot, "documents").select(*agree.DOCUMENT)
    clusters = scan_table(candidate.tables, candidate.snapshot, "clusters")
    wanted = clusters.filter(pl.col("entity_id").is_in(entity_ids.implode()))
    return wanted.select("doc_id", "entity_id", "label", "n_mentions", "forms").join(named, on="doc_id", how="left")


def whole_rows(candidate: Candidate, named: pl.Series) -> Frames:
    """Read what is new in the tables that are given whole, and what the evidence speaks against, with the evidence.

    ``named``: the entities that changed documents name, or named before.
    """
    found = {"entities": _entity_rows(candidate, named)}
    for table, gather in (("sources", gather_sources), ("quarantine", gather_quarantine)):
        accounted = row_digests(getattr(candidate.whole, table), table)
        told = [gather(empty(table), accounted, candidate.whole)]
        for rows, published in _changed_parts(candidate, table):
            judged = gather(rows, accounted, candidate.whole)
            told.append(judged.filter(_is_new(rows, published, table) | ~judged.select(_EVIDENCE).to_series()))
        found[table] = pl.concat(told)
    return found


def _entity_rows(candidate: Candidate, named: pl.Series) -> pl.DataFrame:
    rows = scan_table(candidate.tables, candidate.snapshot, "entities").collect()
    published = scan_table(candidate.tables, candidate.previous, "entities").collect()
    concerned = rows.filter(_is_new(rows, published, "entities") | rows["entity_id"].is_in(named.implode()))
    clusters = _clusters_of(candidate, concerned["entity_id"])
    return gather_entities(concerned, candidate.linked, clusters)


def _changed_parts(candidate: Candidate, table: str) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Read the parts of a table that are not as they were, each with the rows that were published in it before."""
    previous = candidate.previous
    before = {part.path: part for part in previous.tables[table]} if previous else {}
    for part in candidate.snapshot.tables[table]:
        if before.get(part.path) == part:
            continue
        published = empty(table)
        if previous and part.path in before:
            published = pl.read_parquet(candidate.tables / previous.snapshot / part.path, glob=False)
        yield pl.read_parquet(candidate.tables / candidate.snapshot.snapshot / part.path, glob=False), published


def _is_new(rows: pl.DataFrame, published: pl.DataFrame, table: str) -> pl.Series:
    """For each row: is it none that was published, or does its key stand there twice?"""
    doubled = rows.select(pl.struct(TABLES[table].key).is_duplicated()).to_series()
    return doubled | ~row_digests(rows, table).is_in(row_digests(published, table).implode())


def sum_up_run(candidate: Candidate, counts: Mapping[str, int], made: Mapping[str, int]) -> pl.DataFrame:
    """Sum up the run in one row; ``counts`` as in the `runs` table, ``made``: rows made, by table."""
    numbers = (*agree.DOCUMENT, "n_chars", "n_words", "n_mentions", "entity_model")
    documents = scan_table(candidate.tables, candidate.snapshot, "documents").select(numbers).collect()
    n_failed = sum(_n_failed(folder) for folder in candidate.folders)
    return sum_up(counts, documents, candidate.whole.sources, n_failed, _row_counts(candidate, made))


_FAILED = ("rule_failed", "stage_failed", "timed_out", "worker_died", "system_failed")


def _n_failed(folder: Path) -> int:
    codes = pl.read_parquet(folder / "outcomes.parquet", columns=["reason_code"], glob=False)["reason_code"]
    return int(codes.is_in(_FAILED).sum())


def _row_counts(candidate: Candidate, made: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Give for each table how many rows it has, and how many it must have.

    These are the rows that were published before, but for those of replaced documents, and those that were ``made``.
    """
    tables, previous = candidate.tables, candidate.previous
    replaced = pl.Series("doc_id", candidate.replaced, dtype=pl.String)
    counts = {}
    for table in CONTENT:
        found = _count(scan_table(tables, candidate.snapshot, table))
        before = _count(scan_table(tables, previous, table))
        gone = _count(_scan_documents(tables, previous, table, replaced))
        counts[table] = (found, before - gone + made.get(table, 0))
    for table, frame in candidate.whole._asdict().items():
        counts[table] = (_count(scan_table(tables, candidate.snapshot, table)), frame.height)
    return counts


def settle(tables: Path, run_id: str, parts: Sequence[Verdict]) -> Verdict:
    """Bring verdicts together. Raises GateError when anything critical failed, and keeps what was found."""
    verdict = Verdict(
        sum(part.n_expectations for part in parts),
        tuple(line for part in parts for line in part.critical),
        tuple(line for part in parts for line in part.warnings),
        tuple(result for part in parts for result in part.results),
    )
    if verdict.critical:
        raise refusal(tables, run_id, verdict)
    return verdict


def refusal(tables: Path, run_id: str, verdict: Verdict) -> GateError:
    """Keep what the gate found below ``tables``/failed, and give the error that says so."""
    kept = _keep_failed(tables, run_id, verdict)
    lines = "\n  ".join(verdict.critical)
    return GateError(f"the gate refused to publish; details are in {kept}\n  {lines}")


def _keep_failed(tables: Path, run_id: str, verdict: Verdict) -> Path:
    """Write what the gate found, and keep that of the last few failed runs only."""
    kept = tables / "failed" / f"{run_id}.json"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(asdict(verdict), ensure_ascii=False, indent=1), encoding="utf-8")
    # This one stays wherever it sorts: the clock may have been set back.
    for old in [file for file in failed_runs(tables) if file != kept][: 1 - _KEPT_FAILED]:
        old.unlink(missing_ok=True)
    return kept
