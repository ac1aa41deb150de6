"""A run from sources to published tables, in order, as plain functions; `flows.refresh` is the same as a flow."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from expectations.final_evidence import Whole
from expectations.gate import Verdict
from expectations.part_rows import BAD_ROW
from expectations.rules import RUNS_RULES
from flows import batches, steps
from flows.execute import Executor
from flows.execute.processes import Processes, worthwhile
from flows.judging import Candidate
from flows.progress import progress_bar
from flows.report import RunReport
from flows.settings import Settings, library_versions, stage_versions
from stages.discover import decide as discover
from stages.discover.sources import Source, parse_sources
from stages.errors import TablesError
from stages.extract_entities.names import check_engine
from stages.tables import account
from stages.tables.schemas import TABLES, cast
from stages.tables.store.folder import clear_leftovers, new_run_id, require_ours, writing
from stages.tables.store.snapshots import Snapshot, read_current, read_table, scan_table


class Job(NamedTuple):
    """What every batch of a run is told."""

    roots: dict[str, Path]
    settings: Settings
    run_id: str
    started: datetime


def through(folders: Sequence[Path], executor: Executor, job: Job) -> Iterator[Path]:
    """Send batches through read, annotate and validate, one after the other; gives each folder when it is done."""
    for folder in folders:
        steps.read_batch(folder, executor, job.roots, job.settings)
        steps.annotate_batch(folder, executor, job.settings, job.run_id, job.started)
        yield steps.validate_batch(folder, executor, job.settings)


class Steps(NamedTuple):
    """How the steps are called: the defaults are plain calls, `flows.refresh` gives tasks."""

    discover: Callable[..., Path] = steps.discover_sources
    move: Callable[..., Path] = steps.move_batch
    through: Callable[[Sequence[Path], Executor, Job], Iterator[Path]] = through
    link: Callable[..., list[Path]] = steps.link
    assemble: Callable[..., Candidate] = steps.assemble
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
    run_id = new_run_id(started)
    named = parse_sources(sources, lambda: known_uris(tables))
    check_engine(settings.engine)
    job = Job({source.name: source.root for source in named}, settings, run_id, started)
    require_ours(tables, job.roots.values())
    with writing(tables, run_id, settings.wait_seconds) as last_run_died:
        previous = read_current(tables)
        clear_leftovers(tables, previous)
        work = tables / "work" / run_id
        try:
            work.mkdir(parents=True)
            return _run(named, tables, work, previous, job, call, apart=last_run_died)
        finally:
            with suppress(TablesError):
                clear_leftovers(tables, read_current(tables))


def known_uris(tables: Path) -> frozenset[str]:
    """Give the source_uris that stand in the published tables; their sources may be missing for a while."""
    prior = read_table(tables, read_current(tables), "sources")
    return frozenset(prior.filter(pl.col("status") != "deleted")["source_uri"])


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
    decided = pl.read_parquet(call.discover(named, tables, work, settings), glob=False)
    passed_over = json.loads((work / "passed_over.json").read_text(encoding="utf-8"))
    empty = _nothing_in(named, decided)
    withheld = discover.count_unlisted(decided, prior)
    if not settings.confirm_deletions:
        decided, held = discover.withhold_deletions(decided, prior, settings.max_deleted, settings.min_deleted)
        withheld |= held
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
        replaced = pl.concat([replaced, steps.gather(relinked, "documents", TABLES["documents"].schema)["doc_id"]])
        whole = Whole(pl.read_parquet(work / "entities.parquet", glob=False), sources, quarantine)
        candidate = call.assemble(tables, previous, work, replaced.to_list(), [*done, *relinked], whole)
        seconds["assemble"] = time.perf_counter() - clock
        clock = time.perf_counter()
        verdict = call.judge(candidate, run_id, job.started, counts)
        seconds["validate"] = seconds.get("validate", 0.0) + time.perf_counter() - clock
        row = _run_row(run_id, job.started, counts, seconds, verdict, bad_rows.height, authority)
        clock = time.perf_counter()
        snapshot = call.publish(candidate, pl.concat([last_runs, row]), verdict, settings)
        seconds["publish"] = time.perf_counter() - clock
    report = _report(tables, snapshot, snapshot is not previous, run_id, counts, sources, decided, verdict, seconds)
    return replace(report, withheld=withheld, passed_over=passed_over, empty=empty)


def _nothing_in(named: list[Source], decided: pl.DataFrame) -> dict[str, str]:
    """The sources of this run, with their folders, in which nothing was found to read."""
    present = decided.filter(pl.col("in_scope"), pl.col("action") != "delete")["source_uri"]
    found = set(present.str.split("/").list.first())
    return {source.name: str(source.root) for source in named if source.name not in found}


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
    process = pl.col("action") == "process"
    todo = steps.cut_batches(decided.filter(process, ~pl.col("alone")), work / "batches", settings.batch_size)
    # What no worker process survived the last time must neither end this process nor take others along.
    risky = steps.cut_batches(decided.filter(process, "alone"), work / "alone", 1)
    todo += risky
    n = worthwhile(len(todo), at_least=int(apart)) if settings.workers is None else settings.workers
    n = max(n, int(bool(risky)))
    done = [call.move(folder, tables, previous, job.run_id, job.started) for folder in moves]
    with Processes(n) as executor, progress_bar("processing documents", sum(map(batches.size, todo))) as advance:
        while todo:
            smaller: list[Path] = []
            for folder in call.through(todo, executor, job):
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
        # The row itself is judged last.
        "n_expectations": verdict.n_expectations + len(RUNS_RULES),
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
    )
