"""The steps of a run, each a task where a flow runs them; `flows.refresh` has them in order.

Rows are handed on as batches and paths: a task's arguments travel through the orchestrator.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl

from expectations import judge as gate
from expectations.candidate import Candidate
from expectations.digests import row_digests
from expectations.final_evidence import Whole
from expectations.gate import Verdict
from flows.batch import Batch, gather_rows, take_again
from flows.execute import Executor, TimeUpError, WorkerDiedError
from flows.progress import progress_bar
from flows.settings import Settings
from flows.step import step
from stages.discover import decide as deciding
from stages.discover import files
from stages.discover.again import Again, choose_again
from stages.discover.members import open_containers, unpack
from stages.discover.sources import DISK_FAILED, Source
from stages.errors import GateError, StoppedError
from stages.link_entities.authority import Authority
from stages.link_entities.tables import fill_entities, link_new, next_entities
from stages.tables.store import Snapshot, Store

_BYTES_A_SECOND = 4_000
"""Slower than any engine has been seen to work; what a large batch may take beyond the time limit."""
_CLOCK_GRAIN = timedelta(seconds=2)
"""Files modified so shortly before the last run began may have changed again with the same time and size."""


@dataclass(frozen=True, slots=True)
class Run:
    """What every step of a run is told: which run it is, where its sources, tables and batches lie, and the settings.

    ``previous``: the snapshot that is published while it runs, or None. ``again``: documents to make again although
    their files are as they were.
    """

    run_id: str
    started: datetime
    roots: dict[str, Path]
    settings: Settings
    store: Store
    previous: Snapshot | None
    work: Path
    again: Again | None = None

    @property
    def spool(self) -> Path:
        """The file that holds the members of containers that are to be read."""
        return self.work / "members.bin"


class Discovered(NamedTuple):
    """A file with what is to happen to every path (`stages.discover.decide`), and what was passed over or withheld.

    ``again``: what `stages.discover.again.choose_again` counted; empty where nobody chose.
    """

    file: Path
    passed_over: dict[str, dict[str, int]]
    withheld: dict[str, int]
    again: dict[str, int]

    def decided(self) -> pl.DataFrame:
        """Read what is to happen to every path."""
        return pl.read_parquet(self.file, glob=False)


@step(name="discover_sources")
def discover(run: Run, named: list[Source]) -> Discovered:
    """Compare the sources with the `sources` table of the last snapshot: what is new, changed, moved, gone."""
    found = files.find_patiently(named, run.settings.selection())
    known = files.trust(found.files, _prior(run), None if run.settings.verify else _trusted_before(run))
    with progress_bar("reading new files", files.unread(known).len()) as advance:
        hashed = files.hash_contents(known, run.roots, progress=lambda: advance(1))
    return _decide(run, named, files.hash_patiently(hashed, run.roots), found.passed_over)


def discover_listed(run: Run, named: list[Source]) -> Discovered | None:
    """Do what `discover` does by listing alone; None where that does not do: a file has to be read, a disk failed."""
    found = files.find_files(named, run.settings.selection())
    known = files.trust(found.files, _prior(run), None if run.settings.verify else _trusted_before(run))
    if files.unread(known).len() or DISK_FAILED in known["reason_code"]:
        return None
    return _decide(run, named, known, found.passed_over)


def _decide(run: Run, named: list[Source], hashed: pl.DataFrame, passed_over: dict[str, dict[str, int]]) -> Discovered:
    settings, prior = run.settings, _prior(run)
    selection, made = settings.selection(), settings.made()
    opened = open_containers(hashed, prior, run.roots, selection, made)
    decided = deciding.decide(opened.rows, prior, named, made, selection)
    withheld = deciding.count_unlisted(decided, prior)
    if not settings.confirm_deletions:
        decided, held = deciding.withhold_deletions(decided, prior, settings.max_deleted, settings.min_deleted)
        withheld |= held
    again: dict[str, int] = {}
    if wanted := _again(run):
        quarantine = run.store.read(run.previous, "quarantine")
        decided, again = choose_again(decided, prior, quarantine, wanted)
    file = run.work / "decided.parquet"
    unpack(decided, run.roots, run.spool).write_parquet(file)
    return Discovered(file, _add_up(passed_over, opened.passed_over), withheld, again)


def _again(run: Run) -> Again | None:
    """What this run makes again; a run that nobody told makes all again that is outdated, or as many as it may."""
    most = run.settings.max_outdated
    return run.again or (None if most is None else Again(outdated=True, limit=most))


def _prior(run: Run) -> pl.DataFrame:
    return run.store.read(run.previous, "sources")


def _add_up(*counts: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Add counts by source and reason."""
    total: dict[str, Counter[str]] = {}
    for by_source in counts:
        for name, reasons in by_source.items():
            total.setdefault(name, Counter()).update(reasons)
    return {name: dict(sorted(reasons.items())) for name, reasons in total.items()}


def _trusted_before(run: Run) -> datetime | None:
    """Say how old a file must be for its time and size to be trusted: older than the last run, and a little more."""
    last = last_run(run)["started_at"]
    return last[0] - _CLOCK_GRAIN if last.len() else None


def last_run(run: Run) -> pl.DataFrame:
    """Read the row of the last run: by name, not by time, as the clock may have been set back since."""
    last = run.previous.run_id if run.previous else ""
    return run.store.read(run.previous, "runs").filter(pl.col("run_id") == last)


# The one step that meets other people's disks, so the one that is retried.
@step(name="read_batch", retries=2, retry_delay_seconds=1, task_run_name="read {batch.name}")
def read(run: Run, batch: Batch, executor: Executor) -> Batch:
    """Read the files of a batch."""
    return _work(run, batch, executor, Batch.read, run.roots, run.settings.read_options(), run.spool)


@step(name="annotate_batch", task_run_name="annotate {batch.name}")
def annotate(run: Run, batch: Batch, executor: Executor) -> Batch:
    """Reflow the texts of a batch, identify languages, split sentences, extract entities."""
    return _work(run, batch, executor, Batch.annotate, run.settings.stage_options(), run.run_id, run.started)


@step(name="validate_batch", task_run_name="validate {batch.name}")
def validate(run: Run, batch: Batch, executor: Executor) -> Batch:
    """Part good rows from bad."""
    return _work(run, batch, executor, Batch.validate)


def _work(run: Run, batch: Batch, executor: Executor, function: Callable[..., Batch], *args: object) -> Batch:
    """Let the executor do something with a batch, and wait for it.

    Where its process dies, lacks memory or takes longer than ``max_seconds`` of the settings (and a little more for
    every byte of the batch), the batch is set apart with the reason and its later steps do nothing. Raises
    StoppedError for whatever fails because the run was stopped.
    """
    if batch.is_apart:
        return batch
    try:
        seconds = run.settings.max_seconds + batch.n_bytes / _BYTES_A_SECOND
        return executor.call(seconds, function, batch, *args)
    except TimeUpError:
        return batch.set_apart("timed_out")
    except WorkerDiedError:
        return batch.set_apart("worker_died")
    except MemoryError:
        return batch.set_apart("system_failed")
    except Exception as error:
        if executor.stopped:
            raise StoppedError("the run was stopped") from error
        raise


@step(name="move_batch", task_run_name="move {batch.name}")
def move(run: Run, batch: Batch) -> Batch:
    """Give the published rows of renamed files their new doc_id."""
    return batch.move(run.store, run.previous, run.run_id, run.started)


class Linked(NamedTuple):
    """Files of the next `entities` and of the digests of its rows, and batches of documents that name others now."""

    entities: Path
    digests: Path
    relinked: list[Batch]


@step(name="link")
def link(run: Run, batches: Sequence[Batch], replaced: Sequence[str], authority: Authority) -> Linked:
    """Link the names of new documents with those of the corpus; fills entity_id in the batches.

    ``replaced``: documents whose published rows go. Published documents whose names mean something else now ("Vance",
    once there is a second Vance) are taken into batches of their own.
    """
    new, made = gather_rows(batches, "clusters"), gather_rows(batches, "documents")
    known, linked = link_new(new, run.store, run.previous, replaced)
    fresh, size = set(new["doc_id"]), run.settings.batch_size
    others = [doc_id for doc_id in linked.changed_documents if doc_id not in fresh]
    relinked = [
        take_again(others[at : at + size], run.store, run.previous, run.work / "relinked" / f"relinked-{at:07}")
        for at in range(0, len(others), size)
    ]
    for batch in (*batches, *relinked):
        batch.replace(fill_entities(batch.rows("mentions"), batch.rows("clusters"), linked.clusters))
    named = ("doc_id", "source_uri")
    standing = run.store.scan(run.previous, "documents").select(named).filter(~pl.col("doc_id").is_in(replaced))
    documents = pl.concat([standing.collect(), made.select(named)])
    entities = next_entities(known, linked, documents, run.store, run.previous, authority)
    found = Linked(run.work / "entities.parquet", run.work / "linked.parquet", relinked)
    row_digests(entities, "entities").to_frame().write_parquet(found.digests)
    entities.write_parquet(found.entities)
    return found


@step(name="assemble")
def assemble(run: Run, batches: Sequence[Batch], replaced: Sequence[str], whole: Whole, digests: Path) -> Candidate:
    """Write the next snapshot, but for `runs`, without publishing it.

    ``digests``: those of the rows of entities, as linking made them. Raises GateError when a row lacks a value that
    its table promises.
    """
    rows = [rows for batch in batches if (rows := batch.new_rows())]
    try:
        snapshot = run.store.build(run.previous, run.run_id, rows, whole._asdict(), replaced)
    except GateError as error:
        missing = tuple(line.strip() for line in str(error).splitlines())
        raise gate.refusal(run.store, run.run_id, Verdict(0, missing, (), ())) from error
    linked = pl.read_parquet(digests, glob=False)["digest"]
    return Candidate(run.store, run.previous, snapshot, batches, replaced, whole, linked, run.started)


@step(name="judge")
def judge(candidate: Candidate, counts: dict[str, int]) -> Verdict:
    """Let the gate judge all rows that changed, and the run as a whole; GateError where anything critical failed."""
    return gate.judge(candidate, counts)


@step(name="publish_snapshot")
def publish(run: Run, candidate: Candidate, runs: pl.DataFrame, drift: pl.DataFrame, verdict: Verdict) -> Snapshot:
    """Write `runs` and `drift`, let the gate judge them too, and make the snapshot the published one."""
    snapshot = run.store.add(run.store.add(candidate.snapshot, "runs", runs), "drift", drift)
    verdict = gate.judge_runs(run.store, snapshot, runs, drift, verdict)
    told = {"success": True, "n_expectations": verdict.n_expectations, "warnings": list(verdict.warnings)}
    results = json.dumps(verdict.results, ensure_ascii=False)
    return run.store.publish(
        replace(snapshot, validation=told), results, run.settings.keep_snapshots, run.settings.keep_days
    )
