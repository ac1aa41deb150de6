"""Sum up a run in one row, for the rules about the run as a whole."""

from collections.abc import Mapping

import polars as pl


def sum_up(
    counts: Mapping[str, int], documents: pl.DataFrame, sources: pl.DataFrame, n_rule_failed: int
) -> pl.DataFrame:
    """Give the one row that `expectations.rules.RUN_RULES` read.

    ``counts`` as in the `runs` table, ``documents`` the numbers (n_chars, n_words, n_mentions, entity_model) of
    the documents that will stand after the run, ``sources`` the complete next table, ``n_rule_failed`` the
    documents of this run that broke a rule.
    """
    present = counts["n_sources"]
    ended = sum(counts[f"n_{outcome}"] for outcome in ("written", "unchanged", "duplicate", "quarantined"))
    known = documents.filter(pl.col("entity_model") != "none")
    words, mentions = int(known["n_words"].sum()), int(known["n_mentions"].sum())
    return pl.DataFrame(
        {
            "accounts_add_up": [present == ended],
            "documents_match_sources": [documents.height == int((sources["status"] == "written").sum())],
            "share_rejected": [n_rule_failed / max(1, counts["n_written"] + n_rule_failed)],
            "share_quarantined": [counts["n_quarantined"] / max(1, present)],
            "chars_per_document": [documents["n_chars"].mean()],
            "mentions_per_1000_words": [1000 * mentions / words if words else None],
        },
        schema_overrides={"chars_per_document": pl.Float64, "mentions_per_1000_words": pl.Float64},
    )
