"""The main flow: new, changed and deleted files below the sources become validated, published tables.

Run it as ``fliesstext run``, as ``python flows/refresh.py``, or as a deployment of prefect.yaml.
"""

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import polars as pl
from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import as_completed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from expectations.gate import Verdict, check
from expectations.part_rows import BAD_ROW
from expectations.rules import RUN_RULES
from expectations.sum_up import sum_up
from flows import batches
from flows.progress import progress_bar
from flows.report import RunReport, as_markdown
from flows.settings import SAMPLES, TABLES, Settings, library_versions, stage_versions
from flows.workers import Workers, worthwhile
from stages import account, discover
from stages.annotate import StageOptions
from stages.errors import GateError
from stages.move import copy_documents
from stages.publish import Batch, build_snapshot, switch
from stages.read import ReadOptions
from stages.schemas import cast
from stages.snapshots import Snapshot, clear_leftovers, clear_old, read_current, read_table, scan_table, writing
from stages.sources import Source, parse_sources

_BATCH_BYTES = 32 << 20
_CLOCK_GRAIN = timedelta(seconds=2)
"""Files modified so shortly before the last run began may have changed again with the same time and size."""


@flow(name="refresh", task_runner=ThreadPoolTaskRunner(max_workers=8), validate_parameters=True)  # type: ignore[arg-type]
def refresh(
    sources: Annotated[
        list[str], Field(min_length=1, description="folders, files or globs; NAME=PATH names a source")
    ] = [SAMPLES],  # noqa: B006 - never changed; Prefect shows the default to people
    tables: Annotated[str, Field(description="folder of the published tables")] = TABLES,
    settings: Annotated[Settings, Field(description="how to read, mend and publish")] = Settings(),  # noqa: B008
) -> RunReport:
    """Process what is new, changed or deleted below the sources, validate it, and publish all tables at once.

    Every file below the sources ends as written, unchanged, duplicate or quarantined. Raises UsageError,
    LockedError, GateError or TablesError; in each case the published tables are as they were before.
    """
    started = datetime.now(UTC)
    run_id = f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    folder, named = Path(tables), parse_sources(sources)
    with writing(folder, run_id):
        previous = read_current(folder)
        clear_leftovers(folder, previous)
        work = folder / "work" / run_id
        work.mkdir(parents=True)
        report = _refresh(named, folder, work, previous, settings, run_id, started)
        clear_leftovers(folder, read_current(folder))
    create_markdown_artifact(as_markdown(report), key="refresh-report", description="what the run did")
    return report


def _refresh(
    named: list[Source],
    tables: Path,
    work: Path,
    previous: Snapshot | None,
    settings: Settings,
    run_id: str,
    started: datetime,
) -> RunReport:
    seconds: dict[str, float] = {}
    clock = time.perf_counter()
    prior = read_table(tables, previous, "sources")
    stages_sha256 = settings.stages_sha256()
    decided = pl.read_parquet(discover_sources(named, tables, work, stages_sha256, settings.verify))
    withheld = 0
    if not settings.confirm_deletions:
        decided, withheld = discover.withhold_deletions(decided, prior, settings.max_deleted)
    seconds["discover"] = time.perf_counter() - clock

    done = _process(decided, named, tables, work, previous, settings, run_id, started)
    outcomes = _gather(done, "outcomes", account.OUTCOMES)
    bad_rows = _gather(done, "bad_rows", pl.Schema(dict.fromkeys(BAD_ROW, pl.String())))
    sources = account.next_sources(decided, outcomes, prior, run_id, stages_sha256)
    counts = account.count(decided, sources)
    for folder in done:
        for noted in folder.glob("seconds-*.json"):
            for stage, spent in json.loads(noted.read_text(encoding="utf-8")).items():
                seconds[stage] = seconds.get(stage, 0.0) + spent

    snapshot, verdict = previous, Verdict(0, (), (), ())
    if account.changed(sources, prior):
        clock = time.perf_counter()
        quarantine = account.next_quarantine(
            sources, outcomes, bad_rows, read_table(tables, previous, "quarantine"), run_id
        )
        written_before = prior.filter(pl.col("status") == "written").select("doc_id")
        replaced = decided.filter(pl.col("action") != "keep").join(written_before, on="doc_id", how="semi")["doc_id"]
        verdict = judge(done, tables, work, previous, replaced.to_list(), sources, counts)
        seconds["validate"] = seconds.get("validate", 0.0) + time.perf_counter() - clock
        row = _run_row(run_id, started, counts, seconds, verdict, bad_rows.height)
        runs = pl.concat([read_table(tables, previous, "runs"), row])
        whole = {"sources": sources, "quarantine": quarantine, "runs": runs}
        clock = time.perf_counter()
        snapshot = publish_snapshot(tables, previous, run_id, replaced.to_list(), done, whole, verdict, settings)
        seconds["publish"] = time.perf_counter() - clock
    return _report(
        tables, snapshot, snapshot is not previous, run_id, counts, sources, decided, verdict, seconds, withheld
    )


@task(cache_policy=NO_CACHE)
def discover_sources(named: list[Source], tables: Path, work: Path, stages_sha256: str, verify: bool) -> Path:
    """Compare the sources with the `sources` table of the last snapshot; the decisions go to a Parquet file."""
    previous = read_current(tables)
    prior = read_table(tables, previous, "sources")
    runs = read_table(tables, previous, "runs")
    last_start = runs.select(pl.col("started_at").max()).item()
    trusted_before = last_start - _CLOCK_GRAIN if last_start else None
    found = discover.find_files(named)
    roots = {source.name: source.root for source in named}
    with progress_bar("reading new files", found.height) as advance:
        hashed = discover.hash_contents(
            found, prior, roots, trusted_before=trusted_before, verify=verify, progress=lambda *_: advance(1)
        )
    file = work / "decided.parquet"
    discover.decide(hashed, prior, named, stages_sha256).write_parquet(file)
    return file


def _process(
    decided: pl.DataFrame,
    named: list[Source],
    tables: Path,
    work: Path,
    previous: Snapshot | None,
    settings: Settings,
    run_id: str,
    started: datetime,
) -> list[Path]:
    """Send the batches through read, annotate and validate; returns their folders in order of doc_id."""
    folders = _cut_batches(decided.filter(pl.col("action") == "process"), work / "batches", settings.batch_size)
    moves = _cut_batches(decided.filter(pl.col("action") == "move"), work / "moves", settings.batch_size)
    roots, options = {source.name: source.root for source in named}, settings.stage_options()
    n = worthwhile(len(folders)) if settings.workers is None else settings.workers
    total = sum(pl.scan_parquet(folder / "batch.parquet").select(pl.len()).collect().item() for folder in folders)
    with Workers(n) as workers, progress_bar("processing documents", total) as advance:
        finished = [move_batch.submit(folder, tables, previous, run_id, started) for folder in moves]
        for folder in folders:
            texts = read_batch.submit(folder, workers, roots, settings.read_options())
            annotated = annotate_batch.submit(texts, workers, options, run_id, started)  # type: ignore[call-overload]
            finished.append(validate_batch.submit(annotated, workers))
        for future in as_completed(finished):
            advance(pl.scan_parquet(future.result() / "batch.parquet").select(pl.len()).collect().item())
    return [*moves, *folders]


@task(cache_policy=NO_CACHE, retries=2, retry_delay_seconds=1, task_run_name="read {folder.name}")
def read_batch(folder: Path, workers: Workers, roots: dict[str, Path], options: ReadOptions) -> Path:
    """Read the files of a batch; the one task that meets other people's disks, so the one that is retried."""
    return workers.call(batches.read_batch, folder, roots, options)


@task(cache_policy=NO_CACHE, task_run_name="annotate {folder.name}")
def annotate_batch(folder: Path, workers: Workers, options: StageOptions, run_id: str, at: datetime) -> Path:
    """Reflow the texts of a batch, identify languages, split sentences, extract entities."""
    return workers.call(batches.annotate_batch, folder, options, run_id, at)


@task(cache_policy=NO_CACHE, task_run_name="validate {folder.name}")
def validate_batch(folder: Path, workers: Workers) -> Path:
    """Part good rows from bad and let the gate judge what is left."""
    return batches.judge_batch(workers.call(batches.part_batch, folder))


@task(cache_policy=NO_CACHE, task_run_name="move {folder.name}")
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


@task(cache_policy=NO_CACHE)
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

    Raises GateError when anything critical failed; the full results then stay below ``tables``/failed.
    """
    numbers = ("doc_id", "n_chars", "n_words", "n_mentions", "entity_model")
    files = [folder / "documents.parquet" for folder in done]
    standing = scan_table(tables, previous, "documents").filter(~pl.col("doc_id").is_in(replaced)).select(numbers)
    made = [pl.scan_parquet(files, glob=False).select(numbers)] if files else []
    documents = pl.concat([standing, *made]).collect()
    n_rule_failed = sum(
        int((pl.read_parquet(folder / "outcomes.parquet")["reason_code"] == "rule_failed").sum()) for folder in done
    )
    parts = [Verdict(*json.loads((f / "verdict.json").read_text(encoding="utf-8"))) for f in done if _has_verdict(f)]
    parts.append(check({"run": sum_up(counts, documents, sources, n_rule_failed)}, RUN_RULES))
    verdict = Verdict(
        sum(part.n_expectations for part in parts),
        tuple(line for part in parts for line in part.critical),
        tuple(line for part in parts for line in part.warnings),
        tuple(result for part in parts for result in part.results),
    )
    if verdict.critical:
        kept = tables / "failed" / f"{work.name}.json"
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps(asdict(verdict), ensure_ascii=False, indent=1), encoding="utf-8")
        lines = "\n  ".join(verdict.critical)
        raise GateError(f"the gate refused to publish; details are in {kept}\n  {lines}")
    return verdict


def _has_verdict(folder: Path) -> bool:
    """Moved documents were judged when they were written."""
    return (folder / "verdict.json").exists()


@task(cache_policy=NO_CACHE)
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
    """Write the next snapshot, switch CURRENT.json to it, and clear away snapshots that are old enough."""
    made = [Batch(folder, ids["doc_id"][0], ids["doc_id"][-1]) for folder in done if (ids := _ids(folder)).height]
    summary = {"success": True, "n_expectations": verdict.n_expectations, "warnings": list(verdict.warnings)}
    snapshot = build_snapshot(
        tables, previous, run_id, replaced=replaced, batches=made, whole=whole, validation=summary
    )
    results = tables / snapshot.snapshot / "validation.json"
    results.write_text(json.dumps(verdict.results, ensure_ascii=False), encoding="utf-8")
    switch(tables, snapshot)
    clear_old(tables, snapshot, settings.keep_snapshots, settings.keep_days)
    return snapshot


def _ids(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "documents.parquet", columns=["doc_id"]).sort("doc_id")


def _cut_batches(rows: pl.DataFrame, parent: Path, size: int) -> list[Path]:
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


def _gather(folders: Sequence[Path], name: str, schema: pl.Schema) -> pl.DataFrame:
    files = [folder / f"{name}.parquet" for folder in folders]
    return pl.concat([pl.DataFrame(schema=schema), *(pl.read_parquet(file) for file in files if file.exists())])


def _run_row(
    run_id: str,
    started: datetime,
    counts: dict[str, int],
    seconds: dict[str, float],
    verdict: Verdict,
    n_rejected: int,
) -> pl.DataFrame:
    versions = {**library_versions(), **{f"stage {name}": v for name, v in stage_versions().items()}}
    row: dict[str, Any] = {
        "run_id": run_id,
        "started_at": started,
        "finished_at": datetime.now(UTC),
        **counts,
        "seconds": [{"stage": stage, "seconds": spent} for stage, spent in seconds.items()],
        "versions": [{"name": name, "version": v} for name, v in versions.items()],
        "n_expectations": verdict.n_expectations,
        "n_rows_rejected": n_rejected,
        "validation": "warned" if verdict.warnings else "passed",
    }
    return cast(pl.DataFrame([row]), "runs")


def _report(
    tables: Path,
    snapshot: Snapshot | None,
    published: bool,
    run_id: str,
    counts: dict[str, int],
    sources: pl.DataFrame,
    decided: pl.DataFrame,
    verdict: Verdict,
    seconds: dict[str, float],
    withheld: int,
) -> RunReport:
    codes = scan_table(tables, snapshot, "documents").select("language").collect()["language"]
    here = sources.join(decided.filter("in_scope", pl.col("action") != "delete"), on="source_uri", how="semi")
    kept_out = here.filter(pl.col("status") == "quarantined").select("source_uri", "reason_code", "reason")
    return RunReport(
        run_id=run_id,
        tables=str(tables),
        snapshot=snapshot.snapshot if snapshot else None,
        published=published,
        counts=counts,
        rows={name: sum(part.rows for part in parts) for name, parts in snapshot.tables.items()} if snapshot else {},
        languages=list(codes.value_counts(sort=True).iter_rows()),
        n_expectations=verdict.n_expectations,
        warnings=list(verdict.warnings),
        quarantined=list(kept_out.iter_rows()),
        duplicates=list(here.filter(pl.col("status") == "duplicate").select("source_uri", "duplicate_of").iter_rows()),
        seconds=seconds,
        withheld=withheld,
    )


if __name__ == "__main__":
    refresh()
