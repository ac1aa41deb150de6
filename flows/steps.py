"""The steps of a run as plain functions over folders of Parquet files; `flows.refresh` makes tasks of them.

Frames are handed on as paths: a task's arguments travel through the orchestrator.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl
import polars.selectors as cs

from expectations.digests import row_digests
from expectations.final_evidence import Whole, gather_runs
from expectations.gate import Verdict, check
from expectations.rules import LINKED_RULES, RULES, RUN_RULES, RUNS_RULES, WHOLE_RULES
from flows import batches, judging
from flows.execute import Executor, TimeUpError, WorkerDiedError
from flows.judging import Candidate
from flows.progress import progress_bar
from flows.settings import Settings
from stages import link_entities
from stages.discover import decide as discover
from stages.discover import files
from stages.discover.selection import Selection
from stages.discover.sources import DISK_FAILED, Source
from stages.errors import GateError, UsageError
from stages.link_entities.authority import AUTHORITY, checked_authority, kept_ids
from stages.link_entities.corpus import concerned_clusters
from stages.tables import account
from stages.tables.move import copy_documents
from stages.tables.schemas import TABLES, cast
from stages.tables.store.folder import worth_keeping
from stages.tables.store.publish import CONTENT, Batch, add_table, build_snapshot, switch
from stages.tables.store.snapshots import (
    VALIDATION,
    Snapshot,
    file_sha256,
    read_current,
    read_table,
    replace_file,
    scan_parts,
    scan_table,
)

_BATCH_BYTES = 32 << 20
_BYTES_A_SECOND = 4_000
"""Slower than any engine has been seen to work; what a large batch may take beyond the time limit."""
_CLOCK_GRAIN = timedelta(seconds=2)
"""Files modified so shortly before the last run began may have changed again with the same time and size."""


def discover_sources(named: list[Source], tables: Path, work: Path, settings: Settings) -> Path:
    """Compare the sources with the `sources` table of the last snapshot; the decisions go to a Parquet file.

    How much was passed over goes to ``passed_over.json`` beside it. What the disk fails to give is tried again.
    """
    previous = read_current(tables)
    prior = read_table(tables, previous, "sources")
    runs = read_table(tables, previous, "runs")
    # The last run by name, not by time: the clock may have been set back since.
    last = runs.filter(pl.col("run_id") == (previous.run_id if previous else ""))["started_at"]
    trusted_before = last[0] - _CLOCK_GRAIN if last.len() else None
    selection, made = settings.selection(), discover.Made(settings.stages_sha256(), settings.max_chars)
    found = _find_patiently(named, selection)
    (work / "passed_over.json").write_text(json.dumps(found.passed_over), encoding="utf-8")
    roots = {source.name: source.root for source in named}
    with progress_bar("reading new files", found.files.height) as advance:
        hashed = files.hash_contents(
            found.files,
            prior,
            roots,
            trusted_before=trusted_before,
            verify=settings.verify,
            progress=lambda *_: advance(1),
        )
    for pause in batches.PAUSES:
        if DISK_FAILED in hashed["reason_code"]:
            time.sleep(pause)
            hashed = files.hash_again(hashed, roots)
    file = work / "decided.parquet"
    discover.decide(hashed, prior, named, made, selection).write_parquet(file)
    return file


def _find_patiently(named: list[Source], selection: Selection) -> files.Found:
    found = files.find_files(named, selection)
    for pause in batches.PAUSES:
        if DISK_FAILED in found.files["reason_code"]:
            time.sleep(pause)
            found = files.find_files(named, selection)
    return found


def read_batch(folder: Path, executor: Executor, roots: dict[str, Path], settings: Settings) -> Path:
    """Read the files of a batch."""
    return _work(executor, settings, batches.read_batch, folder, roots, settings.read_options())


def annotate_batch(folder: Path, executor: Executor, settings: Settings, run_id: str, at: datetime) -> Path:
    """Reflow the texts of a batch, identify languages, split sentences, extract entities."""
    return _work(executor, settings, batches.annotate_batch, folder, settings.stage_options(), run_id, at)


def validate_batch(folder: Path, executor: Executor, settings: Settings) -> Path:
    """Part good rows from bad."""
    return _work(executor, settings, batches.validate_batch, folder)


def _work(executor: Executor, settings: Settings, step: Callable[..., Path], folder: Path, *args: object) -> Path:
    """Make a step of `flows.batches` on a batch folder where the executor makes it, and wait for it.

    Where its process dies, lacks memory or takes longer than ``settings.max_seconds`` (and a little more for every
    byte of the batch), the folder is set apart with the reason, its later steps do nothing, and the caller goes on.
    """
    if batches.is_apart(folder):
        return folder
    try:
        return executor.call(settings.max_seconds + batches.n_bytes(folder) / _BYTES_A_SECOND, step, folder, *args)
    except TimeUpError:
        return batches.set_apart(folder, "timed_out")
    except WorkerDiedError:
        return batches.set_apart(folder, "worker_died")
    except MemoryError:
        return batches.set_apart(folder, "system_failed")


def move_batch(folder: Path, tables: Path, previous: Snapshot | None, run_id: str, at: datetime) -> Path:
    """Give the published rows of renamed files their new doc_id."""
    moves = pl.read_parquet(folder / "batch.parquet", glob=False)
    for table, frame in copy_documents(moves, tables, previous, run_id, at).items():
        frame.write_parquet(folder / f"{table}.parquet")
    known = read_table(tables, previous, "sources").select("encoding", "encoding_how", "n_raw_chars", copy_of="doc_id")
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
    row_digests(entities, "entities").to_frame().write_parquet(work / "linked.parquet")
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
    clusters = pl.read_parquet(folder / "clusters.parquet", glob=False)
    clusters = clusters.update(linked.select("doc_id", "cluster_no", "entity_id"), on=["doc_id", "cluster_no"])
    mentions = pl.read_parquet(folder / "mentions.parquet", glob=False)
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


def assemble(
    tables: Path,
    previous: Snapshot | None,
    work: Path,
    replaced: Sequence[str],
    done: Sequence[Path],
    whole: Whole,
) -> Candidate:
    """Write the next snapshot, but for `runs`, without publishing it.

    Raises GateError as `judge` does when a row lacks a value that its table promises.
    """
    made = [Batch(folder, ids["doc_id"][0], ids["doc_id"][-1]) for folder in done if (ids := _ids(folder)).height]
    try:
        snapshot = build_snapshot(
            tables, previous, work.name, replaced=replaced, batches=made, whole=whole._asdict(), validation={}
        )
    except GateError as error:
        missing = tuple(line.strip() for line in str(error).splitlines())
        raise judging.refusal(tables, work.name, Verdict(0, missing, (), ())) from error
    linked = pl.read_parquet(work / "linked.parquet", glob=False)["digest"]
    return Candidate(tables, previous, snapshot, done, replaced, whole, linked)


def judge(candidate: Candidate, run_id: str, started: datetime, counts: dict[str, int]) -> Verdict:
    """Let the gate judge all rows that changed, as they lie in the assembled snapshot, and the run as a whole.

    Raises GateError when anything critical failed; the full results then stay below the tables in failed/, beside
    those of a few failed runs before.
    """
    rules = (*RULES, *LINKED_RULES)
    parts, made, named = [], Counter[str](), [judging.named_before(candidate)]
    for shown in judging.changed(candidate, run_id, started, rules):
        parts.append(check(shown.frames, rules))
        named.append(shown.named)
        made.update(shown.made)
    parts.append(check(judging.whole_rows(candidate, pl.concat(named).unique()), WHOLE_RULES))
    parts.append(check({"run": judging.sum_up_run(candidate, counts, made)}, RUN_RULES))
    return judging.settle(candidate.tables, run_id, parts)


def publish_snapshot(candidate: Candidate, runs: pl.DataFrame, verdict: Verdict, settings: Settings) -> Snapshot:
    """Write `runs`, let the gate judge it too, and switch CURRENT.json to the snapshot.

    It no longer names snapshots that are old enough to go. Raises GateError as `judge` does.
    """
    tables = candidate.tables
    snapshot = add_table(tables, candidate.snapshot, "runs", runs)
    written = gather_runs(scan_table(tables, snapshot, "runs").collect(), row_digests(runs, "runs"))
    verdict = judging.settle(tables, snapshot.run_id, [verdict, check({"runs": written}, RUNS_RULES)])
    snapshot = replace(
        snapshot,
        published_at=datetime.now(UTC).isoformat(timespec="seconds"),
        validation={"success": True, "n_expectations": verdict.n_expectations, "warnings": list(verdict.warnings)},
        previous=worth_keeping(tables, snapshot.previous, settings.keep_snapshots, settings.keep_days),
    )
    results = json.dumps(verdict.results, ensure_ascii=False)
    replace_file(tables / snapshot.snapshot / VALIDATION, results)
    switch(tables, snapshot)
    return snapshot


def _ids(folder: Path) -> pl.DataFrame:
    # A row without an id can be in no range of ids; it will be missed at the gate.
    return pl.read_parquet(folder / "documents.parquet", columns=["doc_id"], glob=False).drop_nulls().sort("doc_id")


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
    found = [folder / f"{name}.parquet" for folder in folders]
    return pl.concat(
        [pl.DataFrame(schema=schema), *(pl.read_parquet(file, glob=False) for file in found if file.exists())]
    )
