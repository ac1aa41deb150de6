"""A run from sources to published tables, in order, as plain functions; `flows.refresh` is the same as a flow."""

import json
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from expectations.gate import Verdict
from expectations.part_rows import BAD_ROW
from flows import batches, steps
from flows.progress import progress_bar
from flows.report import RunReport
from flows.settings import Settings, library_versions, stage_versions
from flows.workers import Workers, worthwhile
from stages.discover import decide as discover
from stages.discover.sources import Source, parse_sources
from stages.errors import TablesError
from stages.extract_entities.names import check_engine
from stages.tables import account
from stages.tables.schemas import TABLES, cast
from stages.tables.store.snapshots import Snapshot, clear_leftovers, read_current, read_table, scan_table, writing


class Job(NamedTuple):
    """What every batch of a run is told."""

    roots: dict[str, Path]
    settings: Settings
    run_id: str
    started: datetime


def through(folders: Sequence[Path], workers: Workers, job: Job) -> Iterator[Path]:
    """Send batches through read, annotate and validate, one after the other; gives each folder when it is done."""
    for folder in folders:
        steps.read_batch(folder, workers, job.roots, job.settings)
        steps.annotate_batch(folder, workers, job.settings, job.run_id, job.started)
        yield steps.validate_batch(folder, workers, job.settings)


class Steps(NamedTuple):
    """How the steps are called: the defaults are plain calls, `flows.refresh` gives tasks."""

    discover: Callable[..., Path] = steps.discover_sources
    move: Callable[..., Path] = steps.move_batch
    through: Callable[[Sequence[Path], Workers, Job], Iterator[Path]] = through
    link: Callable[..., list[Path]] = steps.link
    judge: Callable[..., Verdict] = steps.judge
    publish: Callable[..., Snapshot] = steps.publish_snapshot


PLAIN = Steps()


def run(sources: Sequence[str], tables: Path, settings: Settings, call: Steps = PLAIN) -> RunReport:
    """Process what is new, changed or deleted below the sources, validate it, and publish all tables at once.

    Every file below the sources ends as written, unchanged, duplicate or quarantined. Raises UsageError,
    LockedError, GateError or TablesError, or OSError where the disk fails; in each case the published tables are
    as they were before.
    """
    started = datetime.now(UTC)
    run_id = f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    named = parse_sources(sources)
    check_engine(settings.engine)
    job = Job({source.name: source.root for source in named}, settings, run_id, started)
    with writing(tables, run_id) as last_run_died:
        previous = read_current(tables)
        clear_leftovers(tables, previous)
        work = tables / "work" / run_id
        try:
            work.mkdir(parents=True)
            return _run(named, tables, work, previous, job, call, apart=last_run_died)
        finally:
            with suppress(TablesError):
                clear_leftovers(tables, read_current(tables))


def _run(
    named: list[Source], tables: Path, work: Path, previous: Snapshot | None, job: Job, call: Steps, *, apart: bool
) -> RunReport:
    seconds: dict[str, float] = {}
    clock = time.perf_counter()
    settings, run_id = job.settings, job.run_id
    last_runs = read_table(tables, previous, "runs")
    # A wrong table is told before the work, not after it.
    authority = steps.read_authority(settings.authority, last_runs, previous)
    prior = read_table(tables, previous, "sources")
    stages_sha256 = settings.stages_sha256()
    decided = pl.read_parquet(call.discover(named, tables, work, stages_sha256, settings.verify))
    withheld = 0
    if not settings.confirm_deletions:
        decided, withheld = discover.withhold_deletions(decided, prior, settings.max_deleted)
    seconds["discover"] = time.perf_counter() - clock

    done = _process(decided, tables, work, previous, job, call, apart)
    outcomes = steps.gather(done, "outcomes", account.OUTCOMES)
    bad_rows = steps.gather(done, "bad_rows", pl.Schema(dict.fromkeys(BAD_ROW, pl.String())))
    sources = account.next_sources(decided, outcomes, prior, run_id, stages_sha256)
    counts = account.count(decided, sources)
    for folder in done:
        for noted in folder.glob("seconds-*.json"):
            for stage, spent in json.loads(noted.read_text(encoding="utf-8")).items():
                seconds[stage] = seconds.get(stage, 0.0) + spent

    snapshot, verdict = previous, Verdict(0, (), (), ())
    if account.changed(sources, prior) or authority.renewed:
        clock = time.perf_counter()
        quarantine = account.next_quarantine(
            sources, outcomes, bad_rows, read_table(tables, previous, "quarantine"), run_id, decided
        )
        written_before = prior.filter(pl.col("status") == "written").select("doc_id")
        replaced = decided.filter(pl.col("action") != "keep").join(written_before, on="doc_id", how="semi")["doc_id"]
        relinked = call.link(done, tables, previous, work, replaced.to_list(), settings.batch_size, authority)
        seconds["link_entities"] = seconds.get("link_entities", 0.0) + time.perf_counter() - clock
        clock = time.perf_counter()
        done = [*done, *relinked]
        replaced = pl.concat([replaced, steps.gather(relinked, "documents", TABLES["documents"].schema)["doc_id"]])
        verdict = call.judge(done, tables, work, previous, replaced.to_list(), sources, counts)
        seconds["validate"] = seconds.get("validate", 0.0) + time.perf_counter() - clock
        row = _run_row(run_id, job.started, counts, seconds, verdict, bad_rows.height, authority)
        runs = pl.concat([last_runs, row])
        whole = {
            "entities": pl.read_parquet(work / "entities.parquet"),
            "sources": sources,
            "quarantine": quarantine,
            "runs": runs,
        }
        clock = time.perf_counter()
        snapshot = call.publish(tables, previous, run_id, replaced.to_list(), done, whole, verdict, settings)
        seconds["publish"] = time.perf_counter() - clock
    return _report(
        tables, snapshot, snapshot is not previous, run_id, counts, sources, decided, verdict, seconds, withheld
    )


def _process(
    decided: pl.DataFrame,
    tables: Path,
    work: Path,
    previous: Snapshot | None,
    job: Job,
    call: Steps,
    apart: bool,
) -> list[Path]:
    """Send the batches through their steps; returns the folders of all that became rows, in order of doc_id.

    A batch that its worker process does not survive, or whose texts are too much for memory, is cut into smaller
    ones, until a document at fault stands alone and goes to quarantine. ``apart``: work in another process even if
    there is little to do.
    """
    settings = job.settings
    moves = steps.cut_batches(decided.filter(pl.col("action") == "move"), work / "moves", settings.batch_size)
    todo = steps.cut_batches(decided.filter(pl.col("action") == "process"), work / "batches", settings.batch_size)
    n = worthwhile(len(todo), at_least=int(apart)) if settings.workers is None else settings.workers
    done = [call.move(folder, tables, previous, job.run_id, job.started) for folder in moves]
    with Workers(n) as workers, progress_bar("processing documents", sum(map(batches.size, todo))) as advance:
        while todo:
            smaller: list[Path] = []
            for folder in call.through(todo, workers, job):
                if not batches.is_apart(folder):
                    advance(batches.size(folder))
                    done.append(folder)
                elif batches.size(folder) > 1:
                    smaller += batches.take_apart(folder)
                else:
                    advance(1)
                    done.append(batches.give_up(folder))
            todo = smaller
    return sorted(done)


def _run_row(
    run_id: str,
    started: datetime,
    counts: dict[str, int],
    seconds: dict[str, float],
    verdict: Verdict,
    n_rejected: int,
    authority: steps.Authority,
) -> pl.DataFrame:
    versions = {**library_versions(), **{f"stage {name}": v for name, v in stage_versions().items()}}
    if authority.sha256:
        versions["authority"] = authority.sha256
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
