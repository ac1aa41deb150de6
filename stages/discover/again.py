"""Which documents are made again although their files are as they were: named ones, and what earlier stages made.

Pure functions that change some decisions of `stages.discover.decide`, so that reprocessing is a run like any other.
"""

from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import NamedTuple

import polars as pl

from stages.discover.decide import CORRECTED, TOLD, TRANSIENT
from stages.errors import UsageError, printable


class Again(NamedTuple):
    """What to make again: whatever any of ``doc_ids``, ``patterns``, ``codes`` names, and what is ``outdated``.

    ``patterns`` are globs of source_uri, in which * goes over slashes too; ``codes`` are those of `quarantine.rule`;
    ``outdated``: other stages, models or options made it, or decided that it stays out. ``before``: only what was
    processed last before that moment. ``limit``: so many sources at the most, those first that were processed longest
    ago.
    """

    doc_ids: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    outdated: bool = False
    before: datetime | None = None
    limit: int | None = None


def choose_again(
    decided: pl.DataFrame, prior: pl.DataFrame, quarantine: pl.DataFrame, again: Again
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Turn ``keep`` into ``process`` for what is made again, and the other way round for all else that is outdated.

    ``prior`` and ``quarantine`` are the tables of the last snapshot. What is new, changed, moved or gone, what failed
    for want of time, memory or a disk, and what other corrections or facts beside the file concern, is decided as ever.
    Of a duplicate the source that is written in its place is made again. Also returns how many sources were chosen, are
    made now, and are left for the next slice; and ``outdated``: how many stand although other stages made them. Raises
    UsageError for a doc_id that no source has.
    """
    known = prior.select(
        "source_uri", "processed_run", was="status", was_code="reason_code", was_first="duplicate_of",
        was_sha256="content_sha256", was_corrected=pl.col("stages_sha256") == CORRECTED,
        **{f"was_{name}": name for name in TOLD},
    )  # fmt: skip
    _refuse_unknown(again.doc_ids, prior)
    rows = decided.join(known, on="source_uri", how="left", maintain_order="left")
    stands = ("in_scope", pl.col("was").is_in(["written", "quarantined"]))
    same = (pl.col("content_sha256") == pl.col("was_sha256")) & ~pl.col("was_corrected").fill_null(False)
    same &= pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"was_{name}")) for name in TOLD)
    lasting = ~pl.col("was_code").is_in(TRANSIENT).fill_null(False)
    outdated = rows.filter(*stands, same, lasting, pl.col("action") == "process")["source_uri"]
    kept = rows.filter(*stands, pl.col("action") == "keep", pl.col("content_sha256").is_not_null())["source_uri"]
    named = pl.Series("source_uri", sorted(_named(prior, quarantine, again)), dtype=pl.String)
    can = pl.col("source_uri").is_in(pl.concat([outdated, kept]).implode())
    wanted = pl.col("source_uri").is_in(named.implode())
    if again.outdated:
        wanted |= pl.col("source_uri").is_in(outdated.implode())
    if again.before is not None:
        wanted &= (pl.col("processed_run") < f"{again.before.astimezone(UTC):%Y%m%dT%H%M%SZ}").fill_null(True)
    chosen = rows.filter(can, wanted).sort("processed_run", "source_uri", nulls_last=False)["source_uri"]
    made = chosen if again.limit is None else chosen.head(again.limit)
    action = (
        pl.when(pl.col("source_uri").is_in(made.implode()))
        .then(pl.lit("process"))
        .when(pl.col("source_uri").is_in(outdated.implode()))
        .then(pl.lit("keep"))
        .otherwise("action")
    )
    stand = outdated.filter(~outdated.is_in(made.implode())).len()
    counts = {"chosen": chosen.len(), "made": made.len(), "left": chosen.len() - made.len(), "outdated": stand}
    return decided.with_columns(action=action), counts


def _refuse_unknown(doc_ids: tuple[str, ...], prior: pl.DataFrame) -> None:
    there = set(prior.filter(pl.col("status") != "deleted")["doc_id"])
    if strangers := [printable(doc_id) for doc_id in doc_ids if doc_id not in there]:
        raise UsageError(f"no source has the doc_id {', '.join(strangers[:3])}; look it up in the table sources")


def _named(prior: pl.DataFrame, quarantine: pl.DataFrame, again: Again) -> set[str]:
    """The sources that are named, each duplicate by the source that is written in its place."""
    codes = quarantine.filter(pl.col("rule").is_in(list(again.codes)))["source_uri"]
    firsts = dict(prior.select("source_uri", "duplicate_of").drop_nulls().iter_rows())
    uris = {*prior.filter(pl.col("doc_id").is_in(list(again.doc_ids)))["source_uri"], *codes}
    uris |= {uri for uri in prior["source_uri"] if any(fnmatchcase(uri, pattern) for pattern in again.patterns)}
    return {firsts.get(uri, uri) for uri in uris}
