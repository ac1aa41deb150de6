"""Resume: a run takes over the batches that a run before it had read and annotated when it died.

Whether a batch is still good is told by what its rows were made of: the bytes of its sources and what is told of them,
the stages, models and options, the corrections, the libraries. Only `validate` runs on it again. What a run left that
was stopped, and came to its end, is gone. Where tables are on an object store, batches that are done are kept beside
them, so that the next run may be on another machine.
"""

import hashlib
import json
import logging
from pathlib import Path

import polars as pl

from flows.batch import Batch
from flows.settings import library_versions
from flows.steps import Run
from stages.discover.decide import TRANSIENT
from stages.errors import TablesError
from stages.tables.schemas import SCHEMA_VERSION
from stages.tables.store.folder import LEFT

_log = logging.getLogger("stages.resume")  # what is told below `stages` reaches the terminal and the log of the run
_MADE_OF = "made_of"
_SAME = ("source_uri", "doc_id", "size_bytes", "content_sha256", "sidecar_sha256", "told_sha256", "sidecar", "told")


def take_over(run: Run, rows: pl.DataFrame) -> tuple[list[Batch], pl.DataFrame]:
    """Give the batches of dead runs that are as good as new ones, now batches of this run, and the ``rows`` they leave.

    ``rows``: what is to be read and annotated. Notes down what the batches of this run are made of, for the next one.
    """
    made_of = _made_of(run)
    (run.work / _MADE_OF).write_text(made_of, encoding="utf-8")
    if rows.height:
        _keep(run, run.work / _MADE_OF)
    taken: list[Batch] = []
    for note in sorted((run.work / LEFT).rglob(_MADE_OF)):
        if note.read_text(encoding="utf-8") != made_of:
            continue
        run.store.fetch_saved(note.parent)
        for batch in _annotated(note.parent):
            if (found := _same_sources(batch, rows)) is None:
                continue
            taken.append(batch.take_over(run.work / "taken" / f"taken-{len(taken):05}", found, run.run_id, run.started))
            rows = rows.join(found, on="source_uri", how="anti", maintain_order="left")
    if taken:
        n = sum(batch.n_sources for batch in taken)
        _log.warning("%s documents of the last run, which did not come to its end, need not be read again", f"{n:,}")
    return taken, rows


def keep(run: Run, batch: Batch) -> Batch:
    """Keep a batch that was read and annotated for the next run, should this one die."""
    if batch.is_annotated:
        _keep(run, batch.folder)
    return batch


def _keep(run: Run, path: Path) -> None:
    try:
        run.store.save(run.work, path)
    except TablesError as error:
        # The batch itself is good; only should this run die it has to be made again.
        _log.warning("%s is not kept for the next run, should this one die: %s", path.name, error)


def _made_of(run: Run) -> str:
    """Hash all that decides what a batch becomes, but for its sources."""
    corrections = run.corrections.rows.write_csv()
    decides = [run.settings.made(), library_versions(), SCHEMA_VERSION, corrections]
    return hashlib.sha256(json.dumps(decides, default=str).encode()).hexdigest()


def _annotated(left: Path) -> list[Batch]:
    """The batches of a dead run that were annotated, also those it had taken over, or cut from larger ones."""
    places = (left / name for name in ("batches", "taken"))
    found = [Batch(path.parent) for place in places for path in sorted(place.rglob("batch.parquet"))]
    return [batch for batch in found if batch.is_annotated]


def _same_sources(batch: Batch, rows: pl.DataFrame) -> pl.DataFrame | None:
    """What this run has in the place of a batch's sources; None where any is other than it was, or was out of reach."""
    try:
        before, codes = batch.sources(), batch.rejected()
        batch.require_whole()
    except (OSError, pl.exceptions.PolarsError) as error:
        # The power may have failed before all of a file was on the disk.
        _log.warning("%s of a run that died cannot be read and is made anew: %s", batch.name, error)
        return None
    found = rows.join(before.select(_SAME), on=_SAME, how="semi", nulls_equal=True, maintain_order="left")
    return found if found.height == before.height and not codes.is_in(TRANSIENT).any() else None
