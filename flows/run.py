"""A run from beginning to end: new, changed and deleted files below the sources become validated, published tables.

`flows.refresh` is the same as a Prefect flow. Nothing here needs Prefect.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import polars as pl

from expectations import gate_process
from expectations.gate import Verdict
from expectations.rules import DRIFT_RULES, RUNS_RULES
from flows import corrections as said
from flows import steps
from flows.batch import Batch, concat_bad_rows, concat_met, concat_outcomes, tallies
from flows.execute.memory import forget, give_back, keep_large_apart, seldom_look_for_cycles, share_one_heap
from flows.process import process, require_cluster
from flows.report import RunReport
from flows.settings import Settings, library_versions, stage_versions
from flows.steps import Discovered, Run
from flows.whole import Whole
from stages.discover.again import Again
from stages.discover.decide import let_unread_stand
from stages.discover.sources import Source, parse_sources
from stages.errors import TablesError
from stages.extract_entities.names import check_engine
from stages.link_entities.authority import Authority, read_authority
from stages.tables import account, drift
from stages.tables.schemas import empty
from stages.tables.store import Snapshot
from stages.tables.store.choose import open_store
from stages.tables.store.folder import new_run_id

_DECIDED = ("source_uri", "doc_id", "in_scope", "action", "copy_of")
"""What is asked of the decisions once the sources are accounted for."""
_DONE_WITH = ("stages.reflow", "stages.identify_language", "stages.split_sentences", "stages.extract_entities")
"""What no step asks any more once the batches are through: a hundred megabytes, if that was in this process."""
_LINKED_WITH = ("stages.link_entities", "stages.lookups")
"""What no step asks once names are linked: lists of names and places, and what was made of them, forty megabytes."""
_MANY_BATCHES, _MANY_DOCUMENTS = 4, 1_000
"""So many of this run, or so many documents published already, leave room to make before tables are assembled; else to
load the models again in the next small run of this process would cost more."""
Tell = Callable[[Run, list[Source], pl.LazyFrame], object]
"""Is told what a run is about, once it has been decided (`stages.discover.decide`) what is to be done."""


def refresh_tables(
    sources: Sequence[str],
    tables: Path | str,
    settings: Settings,
    tell: Tell = lambda *_: None,
    again: Again | None = None,
) -> RunReport:
    """Process what is new, changed or deleted below the sources, validate it, and publish all tables at once.

    Every file below the sources ends as written, unchanged, duplicate or quarantined. ``again``: what is made anew
    although its file is as it was; without it all that other stages made. Raises UsageError,
    LockedError, GateError or TablesError, or OSError where the disk fails; in each case the published tables are
    as they were before.
    """
    share_one_heap()
    keep_large_apart()
    seldom_look_for_cycles()
    with _begun(sources, tables, settings) as (run, named, last_run_died):
        run = replace(run, again=again)
        clock = _Clock()
        # A wrong table is told before the work, not after it.
        authority = read_authority(settings.authority, steps.last_run(run)["versions"])
        require_cluster(run)
        with clock("discover"):
            discovered = steps.discover(run, named)
        tell(run, named, discovered.decided())
        if _has_to_do(discovered):
            gate_process.make_ready()  # it loads for seconds, beside the batches
        give_back()
        batches = process(run, discovered.decided(), sheltered=last_run_died)
        if _fill_memory(run, batches):
            forget(_DONE_WITH)
        clock.add(batch.seconds() for batch in batches)
        books = _account(run, discovered, batches)
        redo = discovered.again.get("made") or (run.previous and run.corrections.changed)
        if not (books.changed or authority.renewed or redo):
            return _report(run, named, discovered, books, clock, None)
        published = _publish(run, books, batches, authority, clock)
        return _report(run, named, discovered, books, clock, published)


def report_if_unchanged(sources: Sequence[str], tables: Path | str, settings: Settings) -> RunReport | None:
    """Report what `refresh_tables` would, where it had nothing to do; None where it has, or where that is not clear.

    Lists the sources and trusts sizes and times; opens no file and writes nothing to the tables. Raises UsageError or
    TablesError as `refresh_tables` does.
    """
    run, named = _prepare(sources, tables, settings)
    if run.previous is None or run.store.is_disturbed() or run.corrections.changed:
        return None
    if read_authority(settings.authority, steps.last_run(run)["versions"]).renewed:
        return None
    clock = _Clock()
    with TemporaryDirectory(prefix="fliesstext-") as work:
        run = replace(run, work=Path(work))
        with clock("discover"):
            discovered = steps.discover_listed(run, named)
        if discovered is None:
            return None
        books = _account(run, discovered, [])
        to_do = _has_to_do(discovered) or books.changed
        return None if to_do else _report(run, named, discovered, books, clock, None)


def _has_to_do(discovered: Discovered) -> bool:
    """Tell whether anything is to be read or moved."""
    to_do = discovered.decided().select(pl.col("action").is_in(["process", "move"]).any())
    return bool(to_do.collect().item())


def _prepare(sources: Sequence[str], tables: Path | str, settings: Settings) -> tuple[Run, list[Source]]:
    """Say what a run is about, and its sources; refuses what cannot go well, and writes nothing."""
    started = datetime.now(UTC)
    store = open_store(tables, settings.table_format)
    named = parse_sources(sources, partial(account.known_uris, store))
    roots = {source.name: source.root for source in named}
    check_engine(settings.engine)
    store.require_ours(roots.values())
    # Wherever a worker stands, they mean the same.
    roots = {name: root.absolute() if isinstance(root, Path) else root for name, root in roots.items()}
    corrections = said.Corrections(said.open_corrections(settings.corrections, tables), None)
    run = Run(new_run_id(started), started, roots, settings, store, None, Path(), corrections)
    return _building_upon(run, store.current()), named


def _building_upon(run: Run, previous: Snapshot | None) -> Run:
    """The run with the snapshot that it builds upon, and the corrections that were applied there."""
    run = replace(run, previous=previous)
    n_before = int(steps.last_run(run)["n_corrections"].sum())
    before = said.applied_before(run.store, previous, n_before)
    return replace(run, corrections=run.corrections._replace(before=before))


@contextmanager
def _begun(sources: Sequence[str], tables: Path | str, settings: Settings) -> Iterator[tuple[Run, list[Source], bool]]:
    """Hold the tables for a run, with its sources, and whether the last run died; clears away what it leaves."""
    run, named = _prepare(sources, tables, settings)
    store = run.store
    with store.writing(run.run_id, settings.wait_seconds) as last_run_died:
        # Another run may have published while this one waited.
        previous = store.current()
        work = store.work_folder(run.run_id).absolute()
        store.clear_leftovers(previous, run.run_id)
        try:
            run = replace(_building_upon(run, previous), work=work)
            steps.lay_out_corrections(run)
            yield run, named, last_run_died
        finally:
            with suppress(TablesError):
                store.clear_leftovers(store.current())


def _publish(run: Run, books: "Books", batches: Sequence[Batch], authority: Authority, clock: "_Clock") -> "Published":
    """Link, assemble, judge and publish what the batches brought."""
    with clock("link_entities"):
        linked = steps.link(run, batches, books.replaced, authority)
        give_back()
    if _fill_memory(run, batches):
        forget(_LINKED_WITH)
    with clock("find_duplicates"):
        duplicates = steps.find_duplicates(run, batches, books.replaced)
    with clock("assemble"):
        relinked = [doc_id for batch in linked.relinked for doc_id in batch.rows("documents", ["doc_id"])["doc_id"]]
        whole = [linked.entities, books.sources, books.quarantine, duplicates]
        candidate = steps.assemble(run, [*batches, *linked.relinked], [*books.replaced, *relinked], whole)
        give_back()
    rows, before = run.corrections.rows, said.met_before(run.corrections.rows, run.store, run.previous)
    moved = books.decided().filter(pl.col("action") == "move").collect()
    met = said.met_now(rows, before.rows, moved, books.replaced, concat_met(batches), linked.met)
    with clock("validate"):
        verdict = steps.judge(run, candidate, books.counts)
    with clock("publish"):
        counts = books.counts | {"n_corrections": rows.height, "n_corrections_without_effect": len(met.nothing)}
        row = _run_row(run, books._replace(counts=counts), authority, verdict, clock)
        runs, past = (run.store.read(run.previous, table) for table in ("runs", "drift"))
        made = drift.measure(tallies([batch for batch in batches if batch.is_new]))
        drifted = drift.compare(made, past, run.run_id, run.settings.drift_limits())
        said.keep(run.store, candidate.snapshot, rows, met.rows)
        snapshot = steps.publish(run, candidate, pl.concat([runs, row]), drift.next_drift(past, drifted), verdict)
        return Published(snapshot, verdict, drifted)


def _fill_memory(run: Run, batches: Sequence[Batch]) -> bool:
    """Whether the tables that come of these batches, and of what is published, will take much memory to assemble."""
    published = run.previous.n_rows()["documents"] if run.previous else 0
    return len(batches) >= _MANY_BATCHES or published >= _MANY_DOCUMENTS


class _Clock:
    """Seconds by step and stage; those of batches are summed over worker processes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        since = time.perf_counter()
        yield
        self.add([{stage: time.perf_counter() - since}])

    def add(self, spent: Iterable[Mapping[str, float]]) -> None:
        for stages in spent:
            for stage, seconds in stages.items():
                self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds


class Published(NamedTuple):
    """What a run published, what the gate said of it, and its rows of `drift`."""

    snapshot: Snapshot
    verdict: Verdict
    drift: pl.DataFrame


class Books(NamedTuple):
    """How the sources of a run ended: the next `sources` and `quarantine`, and the counts of `runs`.

    ``files``: what was decided on every path, the columns of `_DECIDED`. ``replaced``: documents whose published rows
    go; ``n_rejected``: rows that broke a rule; ``n_unread``: documents that were to be made again, could not be read,
    and stand; ``changed``: there is something to publish.
    """

    files: list[Path]
    sources: Whole
    quarantine: Whole
    counts: dict[str, int]
    replaced: list[str]
    n_rejected: int
    n_unread: int
    changed: bool

    def decided(self) -> pl.LazyFrame:
        """Scan what was decided on every path."""
        return pl.scan_parquet(self.files, glob=False)


class _Piece(NamedTuple):
    """How some of the sources ended; ``file``: what was decided on them, ``unread`` could not be read, and stand."""

    file: Path
    counts: dict[str, int]
    replaced: list[str]
    unread: pl.Series
    changed: bool


def _account(run: Run, discovered: Discovered, batches: Sequence[Batch]) -> Books:
    outcomes, bad_rows = concat_outcomes(batches), concat_bad_rows(batches)
    firsts = account.quarantined_firsts(*_firsts(run, discovered, outcomes), run.settings.stages_sha256())
    (run.work / "accounted").mkdir()
    pieces = [_account_for(run, *piece, outcomes, firsts) for piece in discovered.pieces.items()]
    unread = pl.concat(piece.unread for piece in pieces)
    books = Books(
        files=[piece.file for piece in pieces],
        sources=run.whole("sources"),
        quarantine=run.whole("quarantine"),
        counts={name: sum(piece.counts[name] for piece in pieces) for name in pieces[0].counts},
        replaced=[doc_id for piece in pieces for doc_id in piece.replaced],
        n_rejected=bad_rows.height,
        n_unread=unread.len(),
        changed=any(piece.changed for piece in pieces),
    )
    ended = outcomes.filter(~pl.col("source_uri").is_in(unread.implode()))
    _account_for_quarantine(run, books, ended, bad_rows)
    return books


def _account_for(run: Run, prefix: str, file: Path, outcomes: pl.DataFrame, firsts: pl.DataFrame) -> _Piece:
    """Add to the next `sources` those whose doc_id begins with ``prefix``; ``file``: what was decided on them."""
    prior, decided = steps.prior_sources(run, prefix).collect(), pl.read_parquet(file, glob=False)
    decided, ended = _settled(decided, outcomes, prior)
    sources = account.next_sources(decided, ended, prior, run.run_id, run.settings.stages_sha256(), firsts)
    run.whole("sources").add(sources)
    accounted = run.work / "accounted" / file.name
    decided.select(_DECIDED).write_parquet(accounted)
    written = prior.filter(pl.col("status") == "written").select("doc_id")
    keep = pl.col("action") == "keep"
    return _Piece(
        accounted,
        account.count(decided, sources),
        decided.filter(~keep).join(written, on="doc_id", how="semi")["doc_id"].to_list(),
        decided.filter(keep).join(outcomes, on="source_uri", how="semi")["source_uri"],
        account.changed(sources, run.run_id),
    )


def _settled(decided: pl.DataFrame, outcomes: pl.DataFrame, prior: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What is decided on some sources once it is known what could not be read, and how those that were read ended."""
    decided = let_unread_stand(decided, outcomes, prior)
    read = decided.filter(pl.col("action") != "keep").select("source_uri")
    return decided, outcomes.join(read, on="source_uri", how="semi")


def _firsts(
    run: Run, discovered: Discovered, outcomes: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """What is decided on the sources of which others are duplicates, how they ended, and their last rows."""
    named = discovered.decided().select(pl.col("duplicate_of").drop_nulls().unique()).collect().to_series()
    here = pl.col("source_uri").is_in(named.implode())
    rows, prior = (found.filter(here).collect() for found in (discovered.decided(), steps.prior_sources(run)))
    return *_settled(rows, outcomes, prior), prior


def _account_for_quarantine(run: Run, books: Books, outcomes: pl.DataFrame, bad_rows: pl.DataFrame) -> None:
    """Make the next `quarantine`; of the sources and decisions are read those that have to do with it."""
    before = run.store.read(run.previous, "quarantine")
    decided = books.decided().filter(pl.col("action").is_in(["quarantine", "duplicate", "move"])).collect()
    ids = pl.concat([bad_rows["doc_id"], decided.filter(pl.col("action") == "move")["doc_id"]])
    concerned = (pl.col("status") == "quarantined") | pl.col("doc_id").is_in(ids.implode())
    concerned |= pl.col("source_uri").is_in(before["source_uri"].implode())
    sources = books.sources.rows().filter(concerned).collect()
    books.quarantine.add(account.next_quarantine(sources, outcomes, bad_rows, before, run.run_id, decided))


def _run_row(run: Run, books: Books, authority: Authority, verdict: Verdict, clock: _Clock) -> pl.DataFrame:
    versions = {**library_versions(), **{f"stage {name}": v for name, v in stage_versions().items()}}
    if authority.sha256:
        versions["authority"] = authority.sha256
    # Whoever reads the rows of a table again has to find the same text in them.
    versions |= {name: column for name, column in asdict(run.settings.made().rows).items() if column}
    facts = {
        "run_id": run.run_id,
        "started_at": run.started,
        "finished_at": datetime.now(UTC),
        **books.counts,
        # The row itself is judged last.
        "n_expectations": verdict.n_expectations + len(RUNS_RULES) + len(DRIFT_RULES),
        "n_rows_rejected": books.n_rejected,
        "validation": "warned" if verdict.warnings else "passed",
    }
    return account.run_row(facts, clock.seconds, versions)


def _about_unread(n: int) -> str:
    told = "could not be read now and stand as they were; see that their files can be opened, the next run tries again"
    return f"{n:,} documents that were to be made again {told}" if n else ""


def _report(
    run: Run,
    named: list[Source],
    discovered: Discovered,
    books: Books,
    clock: _Clock,
    published: "Published | None",
) -> RunReport:
    snapshot, verdict, drifted = published or (run.previous, Verdict(0, (), (), ()), empty("drift"))
    codes = run.store.scan(snapshot, "documents").select("language").collect()["language"]
    present = books.decided().filter("in_scope", pl.col("action") != "delete").select("source_uri")
    told = books.sources.rows().filter(pl.col("status").is_in(["quarantined", "duplicate"]))
    here = told.join(present, on="source_uri", how="semi").collect().sort("source_uri")
    kept_out = here.filter(pl.col("status") == "quarantined").select("source_uri", "reason_code", "reason")
    found = set(present.select(pl.col("source_uri").str.extract("^([^/]*)").unique()).collect().to_series())
    return RunReport(
        run_id=run.run_id,
        tables=run.store.where,
        snapshot=snapshot.snapshot if snapshot else None,
        published=published is not None,
        counts=books.counts,
        rows=snapshot.n_rows() if snapshot else {},
        languages=list(codes.value_counts(sort=True).iter_rows()),
        n_expectations=verdict.n_expectations,
        warnings=[*filter(None, [discovered.strangers, _about_unread(books.n_unread)]), *verdict.warnings],
        quarantined=list(kept_out.iter_rows()),
        duplicates=list(here.filter(pl.col("status") == "duplicate").select("source_uri", "duplicate_of").iter_rows()),
        seconds=clock.seconds,
        withheld=discovered.withheld,
        again=discovered.again,
        drift=drifted.filter(pl.col("verdict").is_in(["unusual", "failed"])).to_dicts(),
        passed_over=discovered.passed_over,
        n_corrections=run.corrections.rows.height,
        without_effect=said.met_before(run.corrections.rows, run.store, snapshot).nothing,
        empty={source.name: str(source.root) for source in named if source.name not in found},
    )
