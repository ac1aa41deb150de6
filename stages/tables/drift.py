"""Drift: what each run made of each source, in a few measures, beside what the runs before made of it.

Pure functions on frames. Counted are the documents that a run made new, not those that stand: a change of the texts, of
a scanner or of a model shows in them at once.
"""

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from stages.tables.pieces import Merged
from stages.tables.schemas import cast, empty

TALLY = pl.Schema({"source": pl.String(), "what": pl.String(), "n": pl.Int64()})
"""Counts of a batch by source; ``what`` is what is counted, for languages and entities with their name."""
COUNTED = {
    "documents": ("doc_id", "source_uri", "n_words", "entity_model", "language"),
    "mentions": ("doc_id", "kind", "entity_id"),
    "repairs": ("doc_id", "rule"),
}
"""The columns of content tables that are looked at."""
VOLUMES = ("documents", "words")
_SHARES = ("quarantine_share", "entity_heads", "language ")
_HEADS = 10
_FEWEST_RUNS = 3
_LANGUAGE, _ENTITY = "language ", "entity "
_SOURCE = pl.col("source_uri").str.split("/").list.first()


class DriftLimits(NamedTuple):
    """From which deviation on (0 to 1) a measure is unusual: ``volume`` for documents and words, ``warn`` for all else.

    Beyond ``fail`` any measure is failed. Runs are compared with the last ``runs`` of the same source; runs that made
    fewer than ``documents`` of it are neither judged nor compared with.
    """

    warn: float = 0.5
    volume: float = 0.9
    fail: float = 1.0
    runs: int = 10
    documents: int = 20


def tally(
    outcomes: pl.DataFrame, documents: pl.DataFrame, mentions: pl.DataFrame, repairs: pl.DataFrame
) -> pl.DataFrame:
    """Count by source what a batch made; ``outcomes`` has `stages.tables.account.OUTCOMES`, the others `COUNTED`."""
    made = documents.select("doc_id", "n_words", "entity_model", "language", source=_SOURCE)
    tried = outcomes.select(source=_SOURCE, out=pl.col("status") == "quarantined")
    names = mentions.filter(pl.col("kind") != "value").join(made, on="doc_id").select("source", "entity_id")
    hyphens = repairs.filter(pl.col("rule").str.starts_with("hyphen_")).join(made, on="doc_id")
    read = made.filter(pl.col("entity_model") != "none")
    counted = [
        _count(tried, pl.lit("tried")),
        _count(tried.filter("out"), pl.lit("quarantined")),
        _count(made, pl.lit("documents")),
        _count(made, pl.format("language {}", "language")),
        _count(names, pl.lit("names")),
        _count(names, pl.format("entity {}", "entity_id")),
        _count(hyphens, pl.lit("hyphens")),
        *(
            frame.group_by("source").agg(what=pl.lit(what).first(), n=pl.col("n_words").sum()).cast(TALLY)
            for what, frame in (("words", made), ("words read for names", read))
        ),
    ]
    return pl.concat(counted)


def _count(rows: pl.DataFrame, what: pl.Expr) -> pl.DataFrame:
    counted = rows.select("source", what=what).drop_nulls().group_by("source", "what").len("n")
    return counted.select(pl.col(name).cast(dtype) for name, dtype in TALLY.items())


def measure(tallies: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Give source, measure and what was observed from the tallies of all batches; no row where nothing can be said."""
    total = Merged(lambda rows: rows.group_by("source", "what").agg(pl.col("n").sum()), TALLY)
    for counted in tallies:
        total.add(counted)
    by_source: dict[str, dict[str, int]] = {}
    for source, what, n in total.rows().iter_rows():
        by_source.setdefault(source, {})[what] = n
    rows = [
        (source, name, float(value), n.get("documents", 0))
        for source, n in sorted(by_source.items())
        for name, value in _measures(n).items()
    ]
    schema = {"source": pl.String, "measure": pl.String, "observed": pl.Float64, "n_documents": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _measures(n: dict[str, int]) -> dict[str, float]:
    """The measures of one source, from its counts.

    >>> _measures({"tried": 4, "quarantined": 1, "documents": 3, "words": 200, "hyphens": 3, "language de": 3})
    {'documents': 3, 'words': 200, 'quarantine_share': 0.25, 'hyphens_per_1000_words': 15.0, 'language de': 1.0}
    """
    documents, words, names = (n.get(what, 0) for what in ("documents", "words", "names"))
    found: dict[str, float] = {"documents": documents, "words": words}
    if tried := n.get("tried"):
        found["quarantine_share"] = n.get("quarantined", 0) / tried
    if read := n.get("words read for names"):
        found["names_per_1000_words"] = 1000 * names / read
    if words:
        found["hyphens_per_1000_words"] = 1000 * n.get("hyphens", 0) / words
    if names:
        entities = sorted((count for what, count in n.items() if what.startswith(_ENTITY)), reverse=True)
        found["entity_heads"] = sum(entities[:_HEADS]) / names
    languages = sorted(what for what in n if what.startswith(_LANGUAGE))
    return found | {language: n[language] / documents for language in languages}


def compare(measured: pl.DataFrame, past: pl.DataFrame, run_id: str, limits: DriftLimits) -> pl.DataFrame:
    """Give the rows of `drift` for a run: each measure beside its median over the last runs of the same source.

    ``past`` is the table as it stands. A language that this run did not meet, but the runs before did, counts as 0, and
    so does one that only this run met.
    """
    judged = past.filter(pl.col("n_documents") >= limits.documents)
    recent = judged.filter(
        pl.col("run_id").rank("dense", descending=True).over("source") <= limits.runs,
    )
    n_runs = recent.group_by("source").agg(n_runs=pl.col("run_id").n_unique().cast(pl.Int64))
    rows = _with_languages(measured, recent).join(n_runs, on="source", how="left")
    medians = recent.group_by("source", "measure").agg(seen=pl.col("observed"))
    rows = rows.with_columns(pl.col("n_runs").fill_null(0)).join(medians, on=["source", "measure"], how="left")
    language = pl.col("measure").str.starts_with(_LANGUAGE)
    seen = pl.col("seen").fill_null([])
    # A run that did not meet a language has no row of it, and had a share of 0.
    zeros = pl.when(language).then(pl.col("n_runs") - seen.list.len()).otherwise(0).cast(pl.UInt32)
    whole = seen.list.concat(pl.lit(0.0).repeat_by(zeros))
    rows = rows.with_columns(median=whole.list.median(), run_id=pl.lit(run_id))
    return cast(_judged(rows, limits), "drift").sort("source", "measure")


def _with_languages(measured: pl.DataFrame, recent: pl.DataFrame) -> pl.DataFrame:
    """Add languages that the runs before met and this one did not."""
    sizes = measured.select("source", "n_documents").unique()
    known = recent.filter(pl.col("measure").str.starts_with(_LANGUAGE)).select("source", "measure").unique()
    missing = known.join(measured, on=["source", "measure"], how="anti").join(sizes, on="source")
    zero = missing.with_columns(observed=pl.lit(0.0)).select(measured.columns)
    return pl.concat([measured, zero])


def _judged(rows: pl.DataFrame, limits: DriftLimits) -> pl.DataFrame:
    """Add how far what was observed is from the median, from 0 (the same) to 1, and what that means.

    Shares differ by their difference, all else by the part that the smaller lacks of the greater: half as much and
    twice as much are both 0.5.
    """
    observed, median = pl.col("observed"), pl.col("median")
    greater = pl.max_horizontal(observed, median)
    difference = (observed - median).abs()
    is_share = pl.any_horizontal(pl.col("measure").str.starts_with(name) for name in _SHARES)
    relative = pl.when(greater > 0).then(difference / greater).otherwise(0.0)
    rows = rows.with_columns(deviation=pl.when(is_share).then(difference).otherwise(relative))
    limit = pl.when(pl.col("measure").is_in(VOLUMES)).then(limits.volume).otherwise(limits.warn)
    known = (pl.col("n_runs") >= _FEWEST_RUNS) & (pl.col("n_documents") >= limits.documents)
    verdict = (
        pl.when(~known | pl.col("deviation").is_null())
        .then(pl.lit("unjudged"))
        .when(pl.col("deviation") > limits.fail)
        .then(pl.lit("failed"))
        .when(pl.col("deviation") > limit)
        .then(pl.lit("unusual"))
        .otherwise(pl.lit("usual"))
    )
    return rows.with_columns(verdict=verdict)


def next_drift(past: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Give the complete table after a run."""
    return pl.concat([empty("drift"), past, rows])
