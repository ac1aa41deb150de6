"""The steps of a run as plain functions over folders of Parquet files; `flows.refresh` makes tasks of them.

Frames are handed on as paths: a task's arguments travel through the orchestrator.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl
import polars.selectors as cs

from expectations.gate import Verdict, check
from expectations.rules import RUN_RULES
from expectations.sum_up import sum_up
from flows import batches
from flows.progress import progress_bar
from flows.settings import Settings
from flows.workers import Workers
from stages import link_entities
from stages.discover import decide as discover
from stages.discover.sources import Source
from stages.errors import GateError, UsageError
from stages.link_entities.authority import AUTHORITY, checked_authority, kept_ids
from stages.link_entities.corpus import concerned_clusters
from stages.tables import account
from stages.tables.move import copy_documents
from stages.tables.schemas import TABLES, cast
from stages.tables.store.publish import CONTENT, Batch, build_snapshot, switch
from stages.tables.store.snapshots import (
    Snapshot,
    file_sha256,
    read_current,
    read_table,
    replace_file,
    scan_parts,
    scan_table,
    worth_keeping,
)

_BATCH_BYTES = 32 << 20
_KEPT_FAILED = 10
_CLOCK_GRAIN = timedelta(seconds=2)
"""Files modified so shortly before the last run began may have changed again with the same time and size."""


def discover_sources(named: list[Source], tables: Path, work: Path, stages_sha256: str, verify: bool) -> Path:
    """Compare the sources with the `sources` table of the last snapshot; the decisions go to a Parquet file."""
    previous = read_current(tables)
    prior = read_table(tables, previous, "sources")
    runs = read_table(tables, previous, "runs")
    # The last run by name, not by time: the clock may have been set back since.
    last = runs.filter(pl.col("run_id") == (previous.run_id if previous else ""))["started_at"]
    trusted_before = last[0] - _CLOCK_GRAIN if last.len() else None
    found = discover.find_files(named)
    roots = {source.name: source.root for source in named}
    with progress_bar("reading new files", found.height) as advance:
        hashed = discover.hash_contents(
            found, prior, roots, trusted_before=trusted_before, verify=verify, progress=lambda *_: advance(1)
        )
    file = work / "decided.parquet"
    discover.decide(hashed, prior, named, stages_sha256).write_parquet(file)
    return file


def read_batch(folder: Path, workers: Workers, roots: dict[str, Path], settings: Settings) -> Path:
    """Read the files of a batch."""
    return workers.work(settings.max_seconds, batches.read_batch, folder, roots, settings.read_options())


def annotate_batch(folder: Path, workers: Workers, settings: Settings, run_id: str, at: datetime) -> Path:
    """Reflow the texts of a batch, identify languages, split sentences, extract entities."""
    return workers.work(settings.max_seconds, batches.annotate_batch, folder, settings.stage_options(), run_id, at)


def validate_batch(folder: Path, workers: Workers, settings: Settings) -> Path:
    """Part good rows from bad and let the gate judge what is left."""
    workers.work(settings.max_seconds, batches.validate_batch, folder)
    return folder if batches.is_apart(folder) else batches.judge_batch(folder)


def move_batch(folder: Path, tables: Path, previous: Snapshot | None, run_id: str, at: datetime) -> Path:
    """Give the published rows of renamed files their new doc_id."""
    moves = pl.read_parquet(folder / "batch.parquet")
    for table, frame in copy_documents(moves, tables, previous, run_id, at).items():
        frame.write_parquet(folder / f"{table}.parquet")
    known = read_table(tables, previous, "sources").select("encoding", "encoding_how", copy_of="doc_id")
    outcomes = moves.join(known, on="copy_of", how="left").with_columns(status=pl.lit("written"), stage=pl.lit("move"))
    missing = [name for name in account.OUTCOMES if name not in outcomes.columns]
    outcomes.with_columns(pl.lit(None, pl.String).alias(name) for name in missing).select(
        account.OUTCOMES.names()
    ).write_parquet(folder / "outcomes.parquet")
    return folder


class Authority(NamedTuple):
    """A table of known entities, the hash of its file, and whether the published ids come from another one."""

    table: pl.DataFrame | None
    sha256: str
    renewed: bool


def open_authority(file: str) -> tuple[pl.DataFrame, str]:
    """Read the table of known entities that the user gives; also returns the SHA-256 of its file.

    Raises UsageError when the file is no Parquet file, or one with a row that is not as expected.
    """
    try:
        sha256 = file_sha256(Path(file))
        table = pl.scan_parquet(file, glob=False).select(cs.by_name(*AUTHORITY, require_all=False)).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UsageError(
            f"{file} is no authority table: a Parquet file with id, label, name and aliases is expected ({error})"
        ) from error
    return checked_authority(table, file), sha256


def read_authority(file: str | None, runs: pl.DataFrame, previous: Snapshot | None) -> Authority:
    """Read the authority table, where there is one; the run of ``previous``, in ``runs``, tells which was used last.

    Without a table nothing is renewed: the published ids stand. Raises UsageError as `open_authority` does.
    """
    if file is None:
        return Authority(None, "", renewed=False)
    table, sha256 = open_authority(file)
    # The last run by name, not by time: the clock may have been set back since.
    last = runs.filter(pl.col("run_id") == (previous.run_id if previous else ""))["versions"].explode().to_list()
    return Authority(table, sha256, bool(last) and {"name": "authority", "version": sha256} not in last)


def link(
    done: Sequence[Path],
    tables: Path,
    previous: Snapshot | None,
    work: Path,
    replaced: Sequence[str],
    size: int,
    authority: Authority,
) -> list[Path]:
    """Link the names of new documents with those of the corpus; ``entities.parquet`` in ``work`` is the new table.

    Fills entity_id in the batches. Returns batches, of ``size`` documents at the most, of published documents
    whose names mean something else now ("Vance", once there is a second Vance).
    """
    new = gather(done, "clusters", TABLES["clusters"].schema).with_columns(entity_id=pl.lit(None, pl.String))
    known = concerned_clusters(scan_parts(tables, previous, "clusters"), new, replaced)
    linked = link_entities.link_clusters(known, new, replaced)
    fresh = set(new["doc_id"])
    others = [doc_id for doc_id in linked.changed_documents if doc_id not in fresh]
    relinked = [
        _take_again(others[at : at + size], tables, previous, work / "relinked" / f"relinked-{at:07}")
        for at in range(0, len(others), size)
    ]
    for folder in (*done, *relinked):
        _fill_entities(folder, linked.clusters)
    named = ("doc_id", "source_uri")
    standing = scan_table(tables, previous, "documents").select(named).filter(~pl.col("doc_id").is_in(replaced))
    made = [pl.scan_parquet(folder / "documents.parquet", glob=False).select(named) for folder in done]
    documents = pl.concat([standing, *made]).collect()
    entities = _next_entities(known, linked, documents, tables, previous, authority)
    entities.write_parquet(work / "entities.parquet")
    return relinked


def _next_entities(
    known: pl.DataFrame,
    linked: link_entities.Linked,
    documents: pl.DataFrame,
    tables: Path,
    previous: Snapshot | None,
    authority: Authority,
) -> pl.DataFrame:
    """The complete `entities` table: all are made anew for a new authority table, else those that linking touched."""
    touched, clusters = linked.touched_entities, linked.clusters
    published = read_table(tables, previous, "entities")
    kept = published.filter(~pl.col("entity_id").is_in(touched))
    if authority.renewed:
        standing = scan_table(tables, previous, "clusters").filter(
            pl.col("entity_id").is_in(kept["entity_id"].implode())
        )
        clusters = pl.concat([clusters, standing.collect()]).unique(["doc_id", "cluster_no"], keep="first")
        touched, kept = clusters["entity_id"].unique().to_list(), kept.clear()
    entities = link_entities.build_entities(clusters, documents, authority.table, only=touched)
    if authority.table is None:
        ids = kept_ids(known, linked.clusters, published)
        stand = pl.col("entity_id").replace_strict(ids, default=None, return_dtype=pl.String)
        entities = entities.with_columns(authority_id=stand)
    return pl.concat([kept, cast(entities, "entities")])


def _fill_entities(folder: Path, linked: pl.DataFrame) -> None:
    """Fill entity_id in a batch; a cluster that linking did not look at keeps its entity."""
    clusters = pl.read_parquet(folder / "clusters.parquet")
    clusters = clusters.update(linked.select("doc_id", "cluster_no", "entity_id"), on=["doc_id", "cluster_no"])
    mentions = pl.read_parquet(folder / "mentions.parquet")
    members = mentions.select("doc_id", "mention_no", "cluster_no", "role").drop_nulls("cluster_no")
    filled = link_entities.fill_mentions(mentions, members, clusters)
    cast(filled, "mentions").write_parquet(folder / "mentions.parquet")
    cast(clusters, "clusters").write_parquet(folder / "clusters.parquet")


def _take_again(doc_ids: Sequence[str], tables: Path, previous: Snapshot | None, folder: Path) -> Path:
    """Copy the rows of published documents into a batch folder."""
    folder.mkdir(parents=True)
    for table in CONTENT:
        rows = scan_parts(tables, previous, table, set(doc_ids)).filter(pl.col("doc_id").is_in(doc_ids)).collect()
        rows.write_parquet(folder / f"{table}.parquet")
    pl.DataFrame(schema=account.OUTCOMES).write_parquet(folder / "outcomes.parquet")
    return folder


def judge(
    done: Sequence[Path],
    tables: Path,
    work: Path,
    previous: Snapshot | None,
    replaced: list[str],
    sources: pl.DataFrame,
    counts: dict[str, int],
) -> Verdict:
    """Bring the verdicts of the batches and the one on the run as a whole together.

    Raises GateError when anything critical failed; the full results then stay below ``tables``/failed, beside
    those of a few failed runs before.
    """
    numbers = ("doc_id", "n_chars", "n_words", "n_mentions", "entity_model")
    files = [folder / "documents.parquet" for folder in done]
    standing = scan_table(tables, previous, "documents").filter(~pl.col("doc_id").is_in(replaced)).select(numbers)
    made = [pl.scan_parquet(files, glob=False).select(numbers)] if files else []
    documents = pl.concat([standing, *made]).collect()
    n_failed = sum(
        int(pl.read_parquet(folder / "outcomes.parquet")["reason_code"].is_in(["rule_failed", "stage_failed"]).sum())
        for folder in done
    )
    parts = [Verdict(*json.loads((f / "verdict.json").read_text(encoding="utf-8"))) for f in done if _has_verdict(f)]
    unlinked = pl.col("entity_id").is_null() & (pl.col("kind") != "value")
    n_unlinked = sum(int(pl.read_parquet(folder / "mentions.parquet").select(unlinked.sum()).item()) for folder in done)
    parts.append(check({"run": sum_up(counts, documents, sources, n_failed, n_unlinked)}, RUN_RULES))
    verdict = Verdict(
        sum(part.n_expectations for part in parts),
        tuple(line for part in parts for line in part.critical),
        tuple(line for part in parts for line in part.warnings),
        tuple(result for part in parts for result in part.results),
    )
    if verdict.critical:
        kept = _keep_failed(tables / "failed", work.name, verdict)
        lines = "\n  ".join(verdict.critical)
        raise GateError(f"the gate refused to publish; details are in {kept}\n  {lines}")
    return verdict


def _keep_failed(folder: Path, run_id: str, verdict: Verdict) -> Path:
    """Write what the gate found, and keep that of the last few failed runs only."""
    folder.mkdir(exist_ok=True)
    kept = folder / f"{run_id}.json"
    kept.write_text(json.dumps(asdict(verdict), ensure_ascii=False, indent=1), encoding="utf-8")
    for old in sorted(folder.glob("*.json"))[:-_KEPT_FAILED]:
        old.unlink(missing_ok=True)
    return kept


def _has_verdict(folder: Path) -> bool:
    """Moved documents were judged when they were written."""
    return (folder / "verdict.json").exists()


def publish_snapshot(
    tables: Path,
    previous: Snapshot | None,
    run_id: str,
    replaced: list[str],
    done: Sequence[Path],
    whole: dict[str, pl.DataFrame],
    verdict: Verdict,
    settings: Settings,
) -> Snapshot:
    """Write the next snapshot and switch CURRENT.json to it; it no longer names snapshots that are old enough to go."""
    made = [Batch(folder, ids["doc_id"][0], ids["doc_id"][-1]) for folder in done if (ids := _ids(folder)).height]
    summary = {"success": True, "n_expectations": verdict.n_expectations, "warnings": list(verdict.warnings)}
    snapshot = build_snapshot(
        tables, previous, run_id, replaced=replaced, batches=made, whole=whole, validation=summary
    )
    kept = worth_keeping(tables, snapshot.previous, settings.keep_snapshots, settings.keep_days)
    snapshot = replace(snapshot, previous=kept)
    results = json.dumps(verdict.results, ensure_ascii=False)
    replace_file(tables / snapshot.snapshot / "validation.json", results)
    switch(tables, snapshot)
    return snapshot


def _ids(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "documents.parquet", columns=["doc_id"]).sort("doc_id")


def cut_batches(rows: pl.DataFrame, parent: Path, size: int) -> list[Path]:
    """Cut rows into batches in order of doc_id, so that a batch touches few parts of the tables."""
    rows = rows.sort("doc_id").with_columns(bytes=pl.col("size_bytes").fill_null(0).cum_sum() // _BATCH_BYTES)
    number = (
        (
            (pl.int_range(pl.len()) // size != (pl.int_range(pl.len()) // size).shift(1))
            | (pl.col("bytes") != pl.col("bytes").shift(1))
        )
        .fill_null(False)
        .cum_sum()
    )
    folders = []
    for at, batch in enumerate(rows.with_columns(number=number).partition_by("number", maintain_order=True)):
        folder = parent / f"{parent.name}-{at:05}"
        folder.mkdir(parents=True)
        batch.write_parquet(folder / "batch.parquet")
        folders.append(folder)
    return folders


def gather(folders: Sequence[Path], name: str, schema: pl.Schema) -> pl.DataFrame:
    """Bring what the batches wrote as ``name`` together; ``schema`` is that of the frame when there is none."""
    files = [folder / f"{name}.parquet" for folder in folders]
    return pl.concat([pl.DataFrame(schema=schema), *(pl.read_parquet(file) for file in files if file.exists())])
