"""The steps of a run, each a task where a flow runs them; `flows.refresh` has them in order.

Rows are handed on as batches and paths: a task's arguments travel through the orchestrator.
"""

import json
import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl

from expectations import judge as gate
from expectations.candidate import Candidate
from expectations.final_evidence import WholeTables
from expectations.gate import Verdict
from flows.assets import tables_made
from flows.batch import Batch, concat_rows, take_again
from flows.corrections import Corrections, read_where_named, stale_documents, with_stale
from flows.execute import Executor, TimeUpError, WorkerDiedError
from flows.progress import progress_bar
from flows.settings import Settings
from flows.step import step
from flows.travel import bring_home, do_there, pack
from flows.whole import Whole
from stages import find_duplicates as alike
from stages.correct import CORRECTIONS
from stages.correct.tables import Ground, link_corrected
from stages.discover import decide as deciding
from stages.discover import files, told
from stages.discover.again import Again, choose_again
from stages.discover.members import open_containers, unpack
from stages.discover.remote import Remote
from stages.discover.sources import DISK_FAILED, Source
from stages.errors import GateError, StoppedError
from stages.link_entities.authority import Authority
from stages.link_entities.tables import fill_entities
from stages.tables.store import Snapshot, Store
from stages.tables.store.publish import prefix_length, prefixes_of

_log = logging.getLogger(__name__)
_BYTES_A_SECOND = 4_000
"""Slower than any engine has been seen to work; what a large batch may take beyond the time limit."""
_A_PIECE = 8
"""Batches whose clusters are read at once: few rows cost as much as some more."""
_CLOCK_GRAIN = timedelta(seconds=2)
"""Files modified so shortly before the last run began may have changed again with the same time and size."""


_NOT_ASKED = ("first_seen_run", "last_changed_run")
"""Columns of the last `sources` that decide nothing."""
NO_CORRECTIONS = Corrections(pl.DataFrame(schema=CORRECTIONS), pl.DataFrame(schema=CORRECTIONS))


@dataclass(frozen=True, slots=True)
class Run:
    """What every step of a run is told: which run it is, where its sources, tables and batches lie, and the settings.

    ``previous``: the snapshot that is published while it runs, or None. ``corrections``: those to be applied.
    ``again``: documents to make again although their files are as they were.
    """

    run_id: str
    started: datetime
    roots: dict[str, Path | Remote]
    settings: Settings
    store: Store
    previous: Snapshot | None
    work: Path
    corrections: Corrections = NO_CORRECTIONS
    again: Again | None = None

    @property
    def spool(self) -> Path:
        """The file that holds the members of containers that are to be read."""
        return self.work / "members.bin"

    def whole(self, table: str) -> Whole:
        """The files of a table that is made whole."""
        return Whole(table, self.work / "whole" / table)

    @property
    def stale(self) -> Path:
        """The file that names the published documents made under other corrections."""
        return self.work / "stale.parquet"

    @property
    def corrected(self) -> Path:
        """The file of the corrections that are to be applied."""
        return self.work / "corrections.parquet"


class Discovered(NamedTuple):
    """What is to happen to every path (`stages.discover.decide`), in files, and what was passed over or withheld.

    ``pieces``: a file for each beginning of doc_id, all of which together hold each path once.
    ``strangers``: a sentence about rows of the metadata table that speak of nothing here, or nothing.
    ``again``: what `stages.discover.again.choose_again` counted; empty where nobody chose.
    """

    pieces: dict[str, Path]
    passed_over: dict[str, dict[str, int]]
    withheld: dict[str, int]
    again: dict[str, int]
    strangers: str = ""

    def decided(self) -> pl.LazyFrame:
        """Scan what is to happen to every path."""
        return pl.scan_parquet(list(self.pieces.values()), glob=False)


@step(name="discover_sources")
def discover(run: Run, named: list[Source]) -> Discovered:
    """Compare the sources with the `sources` table of the last snapshot: what is new, changed, moved, gone."""
    return _decide(run, named, _find(run, named))


def _find(run: Run, named: list[Source]) -> files.Listing:
    """List the files below the sources, and read those that are new, so that it is known what is in them."""
    found = _without_metadata(run, named, files.find_patiently(named, run.settings.selection()))
    known = _trust(run, found)
    with progress_bar("reading new files", files.unread(known).len()) as advance:
        hashed = files.hash_contents(known, run.roots, progress=lambda: advance(1))
    return found._replace(files=files.hash_patiently(hashed, run.roots))


def discover_listed(run: Run, named: list[Source]) -> Discovered | None:
    """Do what `discover` does by listing alone; None where that does not do: a file has to be read, a disk failed.

    Sidecars and the metadata table are read here too: they are short, and no table remembers their times.
    """
    found = _without_metadata(run, named, files.find_files(named, run.settings.selection()))
    known = _trust(run, found)
    if files.unread(known).len() or DISK_FAILED in known["reason_code"]:
        return None
    return _decide(run, named, found._replace(files=known))


def _trust(run: Run, found: files.Listing) -> pl.DataFrame:
    known = prior_sources(run).select("source_uri", "size_bytes", "modified_at", "content_sha256", "status").collect()
    return files.trust(found.files, known, None if run.settings.verify else _trusted_before(run))


def _without_metadata(run: Run, named: list[Source], found: files.Listing) -> files.Listing:
    """Pass over the metadata table where it lies below a source."""
    uris = {uri: source.name for source in named if (uri := told.metadata_uri(run.settings.metadata, source))}
    here = found.files.filter(pl.col("source_uri").is_in(list(uris)))
    counts = {uris[uri]: {told.METADATA_FILE: 1} for uri in here["source_uri"]}
    rest = found.files.join(here, on="source_uri", how="anti", maintain_order="left")
    return found._replace(files=rest, passed_over=_add_up(found.passed_over, counts))


def _decide(run: Run, named: list[Source], found: files.Listing) -> Discovered:
    """Say what happens to all files that were ``found``, with what is in them, and to their members."""
    settings, prior = run.settings, prior_sources(run).drop(_NOT_ASKED).collect()
    selection, made, metadata = settings.selection(), settings.made(), told.read_metadata(settings.metadata)
    opened = open_containers(found.files, prior, run.roots, selection, made)
    passed_over = _add_up(found.passed_over, opened.passed_over)
    rows = told.with_told(opened.rows, found.sidecars, metadata, settings.path_pattern, run.roots)
    del found, opened  # of a million files 200 MB each
    strangers = metadata.strangers(rows["source_uri"])
    beside = rows.select("source_uri", "sidecar")
    decided = deciding.decide(rows, prior, named, made, selection)
    del rows
    decided = read_where_named(decided, run.corrections.rows, prior)
    withheld = deciding.count_unlisted(decided, prior)
    if not settings.confirm_deletions:
        decided, held = deciding.withhold_deletions(decided, prior, settings.max_deleted, settings.min_deleted)
        withheld |= held
    again: dict[str, int] = {}
    if wanted := _again(run):
        quarantine = run.store.read(run.previous, "quarantine")
        decided, again = choose_again(decided, prior, quarantine, wanted)
    decided = decided.join(beside, on="source_uri", how="left", maintain_order="left")
    decided = unpack(told.with_rows(decided, metadata), run.roots, run.spool, made.rows)
    return Discovered(_in_pieces(decided, run.work / "decided"), passed_over, withheld, again, strangers)


def _in_pieces(decided: pl.DataFrame, folder: Path) -> dict[str, Path]:
    """Write the decisions, so many at once as later steps are to hold in memory."""
    folder.mkdir()
    pieces = {}
    for prefix in prefixes_of(prefix_length(decided.height, 0, 0)):
        pieces[prefix] = folder / f"decided-{prefix}.parquet"
        here = decided.filter(pl.col("doc_id").str.starts_with(prefix))
        here.write_parquet(pieces[prefix], compression_level=1)
    return pieces


def _again(run: Run) -> Again | None:
    """What this run makes again; a run that nobody told makes all again that is outdated, or as many as it may."""
    most = run.settings.max_outdated
    return run.again or (None if most is None else Again(outdated=True, limit=most))


def lay_out_corrections(run: Run) -> None:
    """Write down for the steps which corrections are to be applied, and which documents were made under other ones."""
    if run.corrections.rows.height:
        run.corrections.rows.write_parquet(run.corrected)
    if run.previous and run.corrections.changed:
        stale = stale_documents(run.corrections, run.store, run.previous)
        pl.DataFrame({"doc_id": stale}, schema={"doc_id": pl.String}).write_parquet(run.stale)


def prior_sources(run: Run, prefix: str = "") -> pl.LazyFrame:
    """Scan the last `sources`, or a piece of them: those whose doc_id begins with ``prefix``.

    Documents made under other corrections are marked, so that they are made again.
    """
    sources = run.store.scan_parts(run.previous, "sources", [prefix])
    sources = sources.filter(pl.col("doc_id").str.starts_with(prefix))
    return with_stale(sources, pl.read_parquet(run.stale, glob=False)["doc_id"]) if run.stale.exists() else sources


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
    said = run.corrected if run.corrected.exists() else None
    return _work(run, batch, executor, Batch.annotate, run.settings.stage_options(), run.run_id, run.started, said)


@step(name="validate_batch", task_run_name="validate {batch.name}")
def validate(run: Run, batch: Batch, executor: Executor) -> Batch:
    """Part good rows from bad."""
    return _work(run, batch, executor, Batch.validate)


def _work(run: Run, batch: Batch, executor: Executor, function: Callable[..., Batch], *args: object) -> Batch:
    """Let the executor do something with a batch, and wait for it.

    Where its process dies, lacks memory or takes longer than ``max_seconds`` of the settings (and a little more for
    every byte of the batch), the batch is marked as failed with the reason and its later steps do nothing. Raises
    StoppedError for whatever fails because the run was stopped.
    """
    if batch.has_failed:
        return batch
    try:
        seconds = run.settings.max_seconds + batch.n_bytes / _BYTES_A_SECOND
        if executor.sees_folders:
            return executor.run(seconds, function, batch, *args)
        packed = pack(batch, run.work, args, run.spool)
        return bring_home(batch, run.work, executor.run(seconds, do_there, packed, function, *args))
    except TimeUpError:
        return batch.fail("timed_out")
    except WorkerDiedError:
        return batch.fail("worker_died")
    except MemoryError:
        return batch.fail("system_failed")
    except Exception as error:
        if executor.stopped:
            raise StoppedError("the run was stopped") from error
        raise


@step(name="move_batch", task_run_name="move {batch.name}")
def move(run: Run, batch: Batch) -> Batch:
    """Give the published rows of renamed files their new doc_id."""
    return batch.move(run.store, run.previous, run.run_id, run.started)


class Linked(NamedTuple):
    """The next `entities`, and batches of documents that name others now.

    ``met``: the rows of the corrections about entities that met something.
    """

    entities: Whole
    relinked: list[Batch]
    met: list[int]


@step(name="link")
def link(run: Run, batches: Sequence[Batch], replaced: Sequence[str], authority: Authority) -> Linked:
    """Link the names of new documents with those of the corpus; fills entity_id in the batches.

    ``replaced``: documents whose published rows go. Published documents whose names mean something else now ("Vance",
    once there is a second Vance) are taken into batches of their own.
    """
    named = ("doc_id", "source_uri")
    pieces = [batches[at : at + _A_PIECE] for at in range(0, len(batches), _A_PIECE)]
    new = [pl.concat([batch.scan("clusters") for batch in piece]) for piece in pieces]
    # Their texts, which no one asks for here, would take more memory than all else.
    made = concat_rows(batches, "documents", named)
    standing = run.store.scan(run.previous, "documents").select(named).filter(~pl.col("doc_id").is_in(replaced))
    documents = pl.concat([standing.collect(), made])
    before, rows = run.corrections.before, run.corrections.rows
    ground = Ground(run.store, run.previous, replaced, authority)
    linked = link_corrected(new, documents, ground, rows if before is None else before, rows)
    others, size = linked.changed_documents, run.settings.batch_size
    relinked = [
        take_again(others[at : at + size], run.store, run.previous, run.work / "relinked" / f"relinked-{at:07}")
        for at in range(0, len(others), size)
    ]

    def fill(batch: Batch) -> None:
        clusters = linked.given(batch.rows("clusters"))
        batch.replace({"clusters": clusters, "mentions": fill_entities(batch.rows("mentions"), clusters)})

    with ThreadPoolExecutor(run.settings.at_once(), thread_name_prefix="link") as threads:
        deque(threads.map(fill, (*batches, *relinked)), maxlen=0)
    return Linked(run.whole("entities").add(linked.entities), relinked, linked.met)


@step(name="find_duplicates")
def find_duplicates(run: Run, batches: Sequence[Batch], replaced: Sequence[str]) -> Whole:
    """Find near-duplicates: what is new is compared with one another and with what stands.

    ``replaced``: documents whose published rows go. Gives the next `duplicates`.
    """
    sketched, store = ("doc_id", "sketch"), run.store
    new = concat_rows(batches, "documents", sketched)
    published = store.scan_sound(run.previous, "documents").select(sketched)
    known, gone = alike.to_pairs(store.read(run.previous, "duplicates")), pl.Series(replaced, dtype=pl.String)
    todo, pairs = alike.renew_candidates(published, new, gone, known)
    made, met = new["doc_id"], alike.documents_of(todo).cast(pl.String)
    del new  # 200 bytes a document that nobody looks at again
    texts = _texts_of(run, met, batches, made)
    return run.whole("duplicates").add(alike.to_rows(pl.concat([pairs, alike.compare(todo, texts)])))


def _texts_of(run: Run, doc_ids: pl.Series, batches: Sequence[Batch], new: pl.Series) -> pl.DataFrame:
    """Read what is compared of some documents: of new ones from the batches, of others what is published."""
    known = doc_ids.filter(~doc_ids.is_in(new.implode()))
    here = pl.col("doc_id").is_in(doc_ids.implode())
    compared = ("doc_id", "block_no", "kind", "text")
    blocks = [found for batch in batches if (found := batch.rows("blocks", compared).filter(here)).height]
    standing = run.store.scan_documents(run.previous, "blocks", known).select(compared).collect()
    return alike.bodies(pl.concat([standing, *(found.select(compared) for found in blocks)]))


@step(name="assemble")
def assemble(run: Run, batches: Sequence[Batch], replaced: Sequence[str], whole: Sequence[Whole]) -> Candidate:
    """Write the next snapshot, but for `runs`, without publishing it.

    ``whole``: entities, sources, quarantine and duplicates. Raises GateError when a row lacks a value that its table
    promises.
    """
    rows = [rows for batch in batches if (rows := batch.new_rows())]
    try:
        given, at_once = {one.table: one.rows() for one in whole}, run.settings.at_once()
        snapshot = run.store.build(run.previous, run.run_id, rows, given, replaced, at_once)
    except GateError as error:
        missing = tuple(line.strip() for line in str(error).splitlines())
        raise gate.refusal(run.store, run.run_id, Verdict(0, missing, (), ())) from error
    made = {one.table: one.digests() for one in whole}
    shown = WholeTables.shown({one.table: one.rows() for one in whole})
    return Candidate(run.store, run.previous, snapshot, batches, replaced, shown, made, run.started)


@step(name="judge")
def judge(run: Run, candidate: Candidate, counts: dict[str, int]) -> Verdict:
    """Let the gate judge all rows that changed, and the run as a whole; GateError where anything critical failed."""
    # One thread gathers pieces beside this one while the gate thinks, and holds four of them at the most.
    return gate.judge(candidate, counts, 4 if run.settings.at_once() > 1 else 0)


@step(name="publish_snapshot", makes=tables_made)
def publish(run: Run, candidate: Candidate, runs: pl.DataFrame, drift: pl.DataFrame, verdict: Verdict) -> Snapshot:
    """Write `runs` and `drift`, let the gate judge them too, and make the snapshot the published one."""
    snapshot = run.store.add(run.store.add(candidate.snapshot, "runs", runs), "drift", drift)
    verdict = gate.judge_runs(run.store, snapshot, runs, drift, verdict)
    told = {"success": True, "n_expectations": verdict.n_expectations, "warnings": list(verdict.warnings)}
    results, snapshot = json.dumps(verdict.results, ensure_ascii=False), replace(snapshot, validation=told)
    _add_report(run, snapshot)
    return run.store.publish(snapshot, results, run.settings.keep_snapshots, run.settings.keep_days)


def _add_report(run: Run, snapshot: Snapshot) -> None:
    """Write the page that tells what the run did; the tables are good without it, so no error of its ends the run."""
    try:
        from flows.browse.page import REPORT, report_page  # here, for what it brings along

        run.store.add_file(
            snapshot, REPORT, report_page(run.store, snapshot, [Source(*one) for one in run.roots.items()])
        )
    except Exception:
        _log.warning("the page report.html of run %s could not be written", run.run_id, exc_info=True)
