"""Sum up a run in one row, for the rules about the run as a whole."""

from collections.abc import Mapping

import polars as pl

from stages.tables.agree import DOCUMENT, held

_ENOUGH = 20
"""Documents from which on a share of failures says something about the stages and not about one bad file."""


def sum_up(
    counts: Mapping[str, int],
    documents: pl.DataFrame,
    sources: pl.DataFrame,
    n_failed: int,
    rows: Mapping[str, tuple[int, int]],
) -> pl.DataFrame:
    """Give the one row that `expectations.rules.RUN_RULES` read.

    ``counts`` as in the `runs` table, ``documents`` the numbers (doc_id, source_uri, n_chars, n_words, n_mentions,
    entity_model) of the documents that will stand after the run, ``sources`` the complete next table, ``n_failed`` the
    documents of this run at which a stage failed or that broke a rule, ``rows`` for each table how many rows it has
    and how many it must have.
    """
    present, tried = counts["n_sources"], counts["n_written"] + n_failed
    ended = sum(counts[f"n_{outcome}"] for outcome in ("written", "unchanged", "duplicate", "quarantined"))
    written = sources.filter(pl.col("status") == "written")
    match = documents.height == written.height and held(written, documents, DOCUMENT).all()
    known = documents.filter(pl.col("entity_model") != "none")
    words, mentions = int(known["n_words"].sum()), int(known["n_mentions"].sum())
    return pl.DataFrame(
        {
            "accounts_add_up": [present == ended],
            "documents_match_sources": [match],
            "tables_are_whole": [all(found == wanted for found, wanted in rows.values())],
            "share_failed": [n_failed / tried if tried >= _ENOUGH else 0.0],
            "share_quarantined": [counts["n_quarantined"] / max(1, present)],
            "chars_per_document": [documents["n_chars"].mean()],
            "mentions_per_1000_words": [1000 * mentions / words if words else None],
        },
        schema_overrides={"chars_per_document": pl.Float64, "mentions_per_1000_words": pl.Float64},
    )
