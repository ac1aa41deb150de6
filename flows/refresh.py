"""The main flow: new, changed and deleted files below the sources become validated, published tables.

`refresh_tables` is the run from beginning to end, in order. `refresh` is the same as a Prefect flow, with parameters,
log and states; it runs as ``fliesstext run``, or as a deployment of prefect.yaml or ``fliesstext serve``.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from inspect import Parameter, getdoc, signature
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import polars as pl
from prefect import State, flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.states import Failed
from pydantic import Field

from expectations.final_evidence import Whole
from expectations.gate import Verdict
from expectations.rules import RUNS_RULES
from flows import steps
from flows.batch import Batch, gather_bad_rows, gather_outcomes
from flows.process import process
from flows.report import RunReport, as_markdown, attention, story
from flows.run_log import label_run, told_in_run_log
from flows.settings import SAMPLES, TABLES, Settings, as_parameters, library_versions, stage_versions
from flows.steps import Discovered, Run
from stages.discover.sources import Source, parse_sources
from stages.errors import FliesstextError, TablesError
from stages.extract_entities.names import check_engine
from stages.link_entities.authority import Authority, read_authority
from stages.tables import account
from stages.tables.store import Snapshot
from stages.tables.store.folder import new_run_id
from stages.tables.store.local import LocalSnapshots

F = TypeVar("F", bound=Callable[..., Any])


def refresh_tables(sources: Sequence[str], tables: Path, settings: Settings) -> RunReport:
    """Process what is new, changed or deleted below the sources, validate it, and publish all tables at once.

    Every file below the sources ends as written, unchanged, duplicate or quarantined. Raises UsageError,
    LockedError, GateError or TablesError, or OSError where the disk fails; in each case the published tables are
    as they were before.
    """
    started = datetime.now(UTC)
    run_id, store = new_run_id(started), LocalSnapshots(tables)
    named = parse_sources(sources, partial(account.known_uris, store))
    roots = {source.name: source.root for source in named}
    check_engine(settings.engine)
    store.require_ours(roots.values())
    with store.writing(run_id, settings.wait_seconds) as last_run_died:
        previous = store.current()
        store.clear_leftovers(previous)
        try:
            run = Run(run_id, started, roots, settings, store, previous, store.work_folder(run_id))
            return _refresh(run, named, sheltered=last_run_died)
        finally:
            with suppress(TablesError):
                store.clear_leftovers(store.current())


def _refresh(run: Run, named: list[Source], *, sheltered: bool) -> RunReport:
    clock = _Clock()
    # A wrong table is told before the work, not after it.
    authority = read_authority(run.settings.authority, steps.last_run(run)["versions"])
    with clock("discover"):
        discovered = steps.discover(run, named)
    decided = discovered.decided()
    label_run(run, named, decided)
    batches = process(run, decided, sheltered=sheltered)
    clock.add(batch.seconds() for batch in batches)
    books = _account(run, decided, batches)
    if not (books.changed or authority.renewed):
        return _report(run, named, discovered, books, clock, None)
    with clock("link_entities"):
        linked = steps.link(run, batches, books.replaced, authority)
    with clock("assemble"):
        relinked = [doc_id for batch in linked.relinked for doc_id in batch.rows("documents")["doc_id"]]
        whole = Whole(pl.read_parquet(linked.entities, glob=False), books.sources, books.quarantine)
        replaced = [*books.replaced, *relinked]
        candidate = steps.assemble(run, [*batches, *linked.relinked], replaced, whole, linked.digests)
    with clock("validate"):
        verdict = steps.judge(candidate, books.counts)
    with clock("publish"):
        runs = pl.concat([run.store.read(run.previous, "runs"), _run_row(run, books, authority, verdict, clock)])
        snapshot = steps.publish(run, candidate, runs, verdict)
    return _report(run, named, discovered, books, clock, (snapshot, verdict))


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


class Books(NamedTuple):
    """How the sources of a run ended: the next `sources` and `quarantine`, and the counts of `runs`.

    ``replaced``: documents whose published rows go; ``n_rejected``: rows that broke a rule; ``changed``: there is
    something to publish.
    """

    decided: pl.DataFrame
    sources: pl.DataFrame
    quarantine: pl.DataFrame
    counts: dict[str, int]
    replaced: list[str]
    n_rejected: int
    changed: bool


def _account(run: Run, decided: pl.DataFrame, batches: Sequence[Batch]) -> Books:
    prior = run.store.read(run.previous, "sources")
    outcomes, bad_rows = gather_outcomes(batches), gather_bad_rows(batches)
    sources = account.next_sources(decided, outcomes, prior, run.run_id, run.settings.stages_sha256())
    before = run.store.read(run.previous, "quarantine")
    quarantine = account.next_quarantine(sources, outcomes, bad_rows, before, run.run_id, decided)
    written = prior.filter(pl.col("status") == "written").select("doc_id")
    replaced = decided.filter(pl.col("action") != "keep").join(written, on="doc_id", how="semi")["doc_id"].to_list()
    counts, changed = account.count(decided, sources), account.changed(sources, prior)
    return Books(decided, sources, quarantine, counts, replaced, bad_rows.height, changed)


def _run_row(run: Run, books: Books, authority: Authority, verdict: Verdict, clock: _Clock) -> pl.DataFrame:
    versions = {**library_versions(), **{f"stage {name}": v for name, v in stage_versions().items()}}
    if authority.sha256:
        versions["authority"] = authority.sha256
    facts = {
        "run_id": run.run_id,
        "started_at": run.started,
        "finished_at": datetime.now(UTC),
        **books.counts,
        # The row itself is judged last.
        "n_expectations": verdict.n_expectations + len(RUNS_RULES),
        "n_rows_rejected": books.n_rejected,
        "validation": "warned" if verdict.warnings else "passed",
    }
    return account.run_row(facts, clock.seconds, versions)


def _report(
    run: Run,
    named: list[Source],
    discovered: Discovered,
    books: Books,
    clock: _Clock,
    published: tuple[Snapshot, Verdict] | None,
) -> RunReport:
    snapshot, verdict = published or (run.previous, Verdict(0, (), (), ()))
    codes = run.store.scan(snapshot, "documents").select("language").collect()["language"]
    present = books.decided.filter("in_scope", pl.col("action") != "delete")
    here = books.sources.join(present, on="source_uri", how="semi")
    kept_out = here.filter(pl.col("status") == "quarantined").select("source_uri", "reason_code", "reason")
    found = set(present["source_uri"].str.split("/").list.first())
    return RunReport(
        run_id=run.run_id,
        tables=run.store.where,
        snapshot=snapshot.snapshot if snapshot else None,
        published=published is not None,
        counts=books.counts,
        rows=snapshot.n_rows() if snapshot else {},
        languages=list(codes.value_counts(sort=True).iter_rows()),
        n_expectations=verdict.n_expectations,
        warnings=list(verdict.warnings),
        quarantined=list(kept_out.iter_rows()),
        duplicates=list(here.filter(pl.col("status") == "duplicate").select("source_uri", "duplicate_of").iter_rows()),
        seconds=clock.seconds,
        withheld=discovered.withheld,
        passed_over=discovered.passed_over,
        empty={source.name: str(source.root) for source in named if source.name not in found},
    )


def _takes_settings(function: F) -> F:
    """Show every field of Settings as a parameter of a function that takes them as ``**settings``.

    Prefect takes types, bounds and defaults from the signature, but what a parameter means from the docstring alone.
    """
    own = [given for given in signature(function).parameters.values() if given.kind is not Parameter.VAR_KEYWORD]
    flat = [*own, *as_parameters()]
    function.__signature__ = signature(function).replace(parameters=flat)  # type: ignore[attr-defined]
    told = [f"    {given.name}: {given.annotation.__metadata__[-1].description}" for given in flat]
    function.__doc__ = "\n".join([str(getdoc(function)), "", "Args:", *told])
    return function


@flow(name="refresh", validate_parameters=True)
@_takes_settings
def refresh(
    sources: Annotated[
        list[str], Field(min_length=1, description="folders, files or globs; NAME=PATH names a source")
    ] = [SAMPLES],  # noqa: B006 - never changed; Prefect shows the default to people
    tables: Annotated[str, Field(description="folder of the published tables")] = TABLES,
    **settings: Any,
) -> RunReport | State[Any]:
    """Process what is new, changed or deleted below the sources, validate it, and publish all tables at once.

    ``settings`` are the fields of `Settings`, each a parameter of its own. Every file below the sources ends as
    written, unchanged, duplicate or quarantined. Raises UsageError, LockedError, GateError or TablesError, or OSError
    where the disk fails; in each case the published tables are as they were before. Raises AttentionError after
    publishing where deletions were withheld or, with ``strict``, a source is in quarantine.
    """
    chosen = Settings.model_validate(settings)
    try:
        with told_in_run_log():
            report = refresh_tables(sources, Path(tables), chosen)
    except FliesstextError as error:
        # A state of our own instead of an exception: the message says it all, a traceback in the log nothing more.
        get_run_logger().error("%s", error)
        return Failed(message=str(error), data=error)
    for level, line in story(report):
        get_run_logger().log(level, "%s", line)
    _keep(report)
    wanted = attention(report, chosen.strict)
    return Failed(name=wanted.state, message=str(wanted), data=wanted) if wanted else report


def _keep(report: RunReport) -> None:
    try:
        create_markdown_artifact(as_markdown(report), key="refresh-report", description="what the run did")
    except Exception as error:
        # The tables are published; a server that cannot take the report must not call that a failure.
        get_run_logger().warning("the report could not be kept as an artifact: %s", error)
