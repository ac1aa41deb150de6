"""Account: how every source ended, so that nothing is lost and the counts add up.

Pure functions from the decisions of `stages.discover.decide` and the outcome of the batches to the next `sources` and
`quarantine` tables and the counts of the run.
"""

from collections.abc import Iterable, Mapping

import polars as pl

from stages.tables.schemas import TABLES, cast
from stages.tables.store import Store

OUTCOMES = pl.Schema(
    {
        "source_uri": pl.String(),
        "status": pl.String(),
        "encoding": pl.String(),
        "encoding_how": pl.String(),
        "n_raw_chars": pl.Int64(),
        "read_by": pl.String(),
        "stage": pl.String(),
        "reason_code": pl.String(),
        "reason": pl.String(),
    }
)
"""One row for every source that was processed or moved."""
_UNREAD = ("encoding", "encoding_how", "n_raw_chars", "read_by")
_TOLD = ("sidecar_sha256", "told_sha256")
_STATE = (
    *("status", "duplicate_of", "content_sha256", *_TOLD, "reason_code", "reason", "stages_sha256"),
    *("encoding_how", "read_by"),
)


def outcomes_of(
    texts: pl.DataFrame, rejected: Iterable[pl.DataFrame], documents: pl.DataFrame, bad_rows: pl.DataFrame
) -> pl.DataFrame:
    """Say how each source of a batch ended: one row of `OUTCOMES` for each.

    ``texts``: what was read; ``rejected``: what a step kept out (source_uri, stage, code, reason, n_raw_chars where it
    is known); ``documents`` are written; a document with ``bad_rows`` that is not written broke a rule.
    """
    kept_out = pl.concat(rejected, how="diagonal").select(
        *("source_uri", "stage", "reason"), status=pl.lit("quarantined"), reason_code="code", at_least="n_raw_chars"
    )
    broken = bad_rows.join(documents.select("doc_id"), on="doc_id", how="anti")
    rules = broken.group_by("doc_id").agg(rules=pl.col("rule").unique().sort())
    why = "rows of the document broke {}; please report it with the file"
    failed = texts.join(rules, on="doc_id").select(
        "source_uri",
        stage=pl.lit("validate"),
        status=pl.lit("quarantined"),
        reason_code=pl.lit("rule_failed"),
        reason=pl.format(why, pl.col("rules").list.join(", ")),
    )
    written = documents.select("source_uri", status=pl.lit("written"))
    n_raw_chars = pl.col("raw").str.len_chars().cast(pl.Int64)
    found = texts.select("source_uri", "encoding", "encoding_how", "read_by", n_raw_chars=n_raw_chars)
    return (
        pl.concat([kept_out, failed, written], how="diagonal")
        .join(found, on="source_uri", how="left")
        .with_columns(n_raw_chars=pl.coalesce("n_raw_chars", "at_least"))
        .select(pl.col(name).cast(dtype) for name, dtype in OUTCOMES.items())
    )


def moved_outcomes(moves: pl.DataFrame, prior: pl.DataFrame) -> pl.DataFrame:
    """Say how renamed sources ended: written, with what ``prior``, the last `sources`, knows of the text they copy."""
    known = prior.select(*_UNREAD, copy_of="doc_id")
    ended = {"status": "written", "stage": "move"}
    told = (
        name if name in ("source_uri", *_UNREAD) else pl.lit(ended.get(name), dtype).alias(name)
        for name, dtype in OUTCOMES.items()
    )
    return moves.join(known, on="copy_of", how="left").select(told)


def next_sources(
    decided: pl.DataFrame,
    outcomes: pl.DataFrame,
    prior: pl.DataFrame,
    run_id: str,
    stages_sha256: str,
    firsts: pl.DataFrame,
) -> pl.DataFrame:
    """Give the rows of `sources` after a run, in order of source_uri: all, or a piece of them.

    ``decided`` comes from `stages.discover.decide.decide`, ``prior`` has the rows of the last `sources` of the same
    piece. Paths the run does not speak for keep their row. A duplicate of a source that ended in quarantine
    (``firsts``, as `quarantined_firsts` gives them) is quarantined for the same reason: no copy of it was written.
    """
    ended = _follow_quarantine(_ended(decided, outcomes, prior, stages_sha256), firsts)
    untouched = prior.filter(~pl.col("source_uri").is_in(decided["source_uri"].implode()))
    return pl.concat([cast(_with_runs(ended, run_id), "sources"), untouched]).sort("source_uri")


def quarantined_firsts(
    decided: pl.DataFrame, outcomes: pl.DataFrame, prior: pl.DataFrame, stages_sha256: str
) -> pl.DataFrame:
    """Give source_uri, first_code and first_reason of those ``decided`` sources that end in quarantine.

    ``decided``: the sources of which others are duplicates; see `next_sources`.
    """
    ended = _ended(decided, outcomes, prior, stages_sha256).filter(pl.col("status") == "quarantined")
    return ended.select("source_uri", first_code="reason_code", first_reason="reason")


def _ended(decided: pl.DataFrame, outcomes: pl.DataFrame, prior: pl.DataFrame, stages_sha256: str) -> pl.DataFrame:
    before = prior.select(pl.all().name.suffix("_prior")).rename({"source_uri_prior": "source_uri"})
    rows = decided.join(outcomes, on="source_uri", how="left", suffix="_out")
    return rows.join(before, on="source_uri", how="left").with_columns(**_state_after(stages_sha256))


def _with_runs(rows: pl.DataFrame, run_id: str) -> pl.DataFrame:
    """Say which run saw each source first, changed how it stands, and processed it last."""
    same = pl.all_horizontal(pl.col(c).eq_missing(pl.col(f"{c}_prior")) for c in _STATE)
    processed = pl.col("action").is_in(["process", "move"])
    return rows.with_columns(
        first_seen_run=pl.coalesce("first_seen_run_prior", pl.lit(run_id)),
        last_changed_run=pl.when(same).then("last_changed_run_prior").otherwise(pl.lit(run_id)),
        processed_run=pl.when(processed).then(pl.lit(run_id)).otherwise("processed_run_prior"),
    )


def _state_after(stages_sha256: str) -> dict[str, pl.Expr]:
    """How a source stands after a run: as it was where it is kept, else as it ended (``_out``) or was decided."""
    keep = pl.col("action") == "keep"
    status = (
        pl.when(keep)
        .then("status_prior")
        .when(pl.col("action").is_in(["process", "move"]))
        .then("status")
        .otherwise(pl.col("action").replace({"quarantine": "quarantined", "delete": "deleted", "open": "opened"}))
    )
    gone = pl.col("action") == "delete"
    return {
        "status": status,
        "encoding": pl.when(keep | gone).then("encoding_prior").otherwise("encoding"),
        "encoding_how": pl.when(keep | gone).then("encoding_how_prior").otherwise("encoding_how"),
        "read_by": pl.when(keep | gone).then("read_by_prior").otherwise("read_by"),
        "n_raw_chars": pl.when(keep).then("n_raw_chars_prior").otherwise("n_raw_chars"),
        "reason_code": pl.when(keep).then("reason_code_prior").otherwise(pl.coalesce("reason_code", "reason_code_out")),
        "reason": pl.when(keep).then("reason_prior").otherwise(pl.coalesce("reason", "reason_out")),
        # A copied text was made by the stages of the document it is copied from.
        "stages_sha256": pl.coalesce(
            "copy_stages",
            pl.when(keep | ~pl.col("in_scope")).then("stages_sha256_prior").otherwise(pl.lit(stages_sha256)),
        ),
        "content_sha256": pl.when(gone).then(pl.lit(None, pl.String)).otherwise("content_sha256"),
        "size_bytes": pl.when(gone).then(pl.lit(None, pl.Int64)).otherwise("size_bytes"),
        "modified_at": pl.when(gone).then(pl.lit(None, pl.Datetime("us", "UTC"))).otherwise("modified_at"),
    }


def _follow_quarantine(rows: pl.DataFrame, firsts: pl.DataFrame) -> pl.DataFrame:
    rows = rows.join(firsts, left_on="duplicate_of", right_on="source_uri", how="left")
    follows = pl.col("first_code").is_not_null()
    told = rows.filter(follows).select("source_uri", "duplicate_of", "first_reason")
    own = pl.DataFrame(
        [(uri, _of_itself(uri, first, reason)) for uri, first, reason in told.iter_rows()],
        schema={"source_uri": pl.String, "own_reason": pl.String},
        orient="row",
    )
    return rows.join(own, on="source_uri", how="left").with_columns(
        status=pl.when(follows).then(pl.lit("quarantined")).otherwise("status"),
        duplicate_of=pl.when(follows).then(pl.lit(None, pl.String)).otherwise("duplicate_of"),
        reason_code=pl.coalesce("first_code", "reason_code"),
        reason=pl.coalesce("own_reason", "reason"),
    )


def _of_itself(uri: str, first: str, reason: str) -> str:
    """The reason of another file with the same bytes, with this file's name where that one's stands in it.

    A name without a suffix is left alone, as it may be a word of the sentence.
    """
    name = _name(first)
    return reason.replace(name, _name(uri)) if "." in name else reason


def _name(uri: str) -> str:
    """The name of a file, or that of a member in its container, as readers tell it."""
    _, nest, member = uri.rpartition("!/")
    return member if nest else uri.rpartition("/")[2]


def next_quarantine(
    sources: pl.DataFrame,
    outcomes: pl.DataFrame,
    bad_rows: pl.DataFrame,
    prior: pl.DataFrame,
    run_id: str,
    decided: pl.DataFrame,
) -> pl.DataFrame:
    """Give the complete `quarantine` table: every whole file kept out, and every row kept out, as things stand.

    ``sources``: the next ones, at least those in quarantine, those of rows in ``bad_rows`` and ``prior``, and those of
    documents that move.
    ``bad_rows`` comes from `expectations.part_rows`. Rows of documents that this run neither replaced nor
    removed stay, those of a document that moved go with it; a whole file that was in quarantine before keeps the run
    and the stage that put it there, but for those that this run ``decided`` upon without reading them.
    """
    unread = decided.filter(pl.col("action").is_in(["quarantine", "duplicate"]))["source_uri"]
    whole = (
        sources.filter(pl.col("status") == "quarantined")
        .join(outcomes.select("source_uri", "stage"), on="source_uri", how="left")
        .join(
            prior.filter(pl.col("table") == "sources", ~pl.col("source_uri").is_in(unread.implode())).select(
                "source_uri", stage_prior="stage"
            ),
            on="source_uri",
            how="left",
        )
        .select(
            "source_uri",
            "doc_id",
            run_id="last_changed_run",
            table=pl.lit("sources"),
            stage=pl.coalesce("stage", "stage_prior", pl.lit("discover")),
            rule="reason_code",
            reason="reason",
            row=pl.lit("{}"),
        )
    )
    made = pl.concat([bad_rows, _moved_rows(prior, decided).select(bad_rows.columns)])
    named = made.join(sources.select("doc_id", "source_uri"), on="doc_id").with_columns(run_id=pl.lit(run_id))
    fresh = sources.filter(pl.col("last_changed_run") == run_id)["source_uri"]
    stays = prior.filter(
        pl.col("table") != "sources",
        ~pl.col("source_uri").is_in(fresh.implode()),
        ~pl.col("source_uri").is_in(outcomes["source_uri"].implode()),
    )
    rows = [cast(frame, "quarantine") for frame in (whole, named, stays)]
    return pl.concat(rows).unique(TABLES["quarantine"].key, keep="first").sort(TABLES["quarantine"].key)


def _moved_rows(prior: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """The rows kept out of documents that this run copies to another doc_id, as they would have been kept out there."""
    moves = decided.filter(pl.col("action") == "move").select("copy_of", to="doc_id")
    rows = prior.filter(pl.col("table") != "sources").join(moves, left_on="doc_id", right_on="copy_of")
    told = [
        row.replace(f'"doc_id":"{old}"', f'"doc_id":"{new}"', 1)
        for row, old, new in rows.select("row", "doc_id", "to").iter_rows()
    ]
    return rows.with_columns(pl.Series("row", told, dtype=pl.String), doc_id="to")


def count(decided: pl.DataFrame, sources: pl.DataFrame) -> dict[str, int]:
    """Count how the sources of this run ended: n_sources, n_written, n_unchanged and so on, as in `runs`.

    ``n_sources`` counts the files and members that the disk showed, but for containers that were opened; the
    outcomes are counted from ``sources``, so that comparing both means something.
    """
    present = decided.filter(~pl.col("action").is_in(["delete", "open"]), "in_scope").select("source_uri", "action")
    ended = present.join(sources, on="source_uri", how="left")
    stands = (pl.col("action") == "keep") & (pl.col("status") == "written")
    tally = ended.select(
        n_written=((pl.col("status") == "written") & ~stands).sum(),
        n_unchanged=stands.sum(),
        n_duplicate=(pl.col("status") == "duplicate").sum(),
        n_quarantined=(pl.col("status") == "quarantined").sum(),
    ).row(0, named=True)
    deleted = decided.filter(pl.col("action") == "delete", ~pl.col("opened")).height
    return {"n_sources": present.height, **{k: int(v) for k, v in tally.items()}, "n_deleted": deleted}


def changed(sources: pl.DataFrame, run_id: str) -> bool:
    """Tell whether a run has anything to publish: `next_sources` says of each row whether it stands otherwise now.

    A file that was only touched is no change.
    """
    return bool((sources["last_changed_run"] == run_id).any())


def run_row(facts: Mapping[str, object], seconds: Mapping[str, float], versions: Mapping[str, str]) -> pl.DataFrame:
    """Give the row of `runs` for a run; ``facts`` are its other columns."""
    spent = [{"stage": stage, "seconds": spent} for stage, spent in seconds.items()]
    known = [{"name": name, "version": version} for name, version in versions.items()]
    return cast(pl.DataFrame([{**facts, "seconds": spent, "versions": known}]), "runs")


def known_uris(store: Store) -> frozenset[str]:
    """Give the source_uris that stand in the published tables; their sources may be missing for a while."""
    prior = store.read(store.current(), "sources")
    return frozenset(prior.filter(pl.col("status") != "deleted")["source_uri"])
