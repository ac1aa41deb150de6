import polars as pl
import pytest

from expectations.part_rows import holds
from expectations.rules import RUN_RULES
from expectations.sum_up import sum_up

COUNTS = {"n_sources": 10, "n_written": 4, "n_unchanged": 3, "n_duplicate": 1, "n_quarantined": 2, "n_deleted": 5}
DOCUMENTS = pl.DataFrame(
    {"n_chars": [600] * 7, "n_words": [100] * 7, "n_mentions": [5] * 7, "entity_model": ["trained"] * 6 + ["none"]}
)
SOURCES = pl.DataFrame({"status": ["written"] * 7 + ["duplicate", "quarantined", "quarantined", "deleted"]})


def broken(counts=COUNTS, documents=DOCUMENTS, sources=SOURCES, n_rule_failed=0):
    row = sum_up(counts, documents, sources, n_rule_failed)
    assert row.height == 1
    return [rule.columns[0] for rule in RUN_RULES if not row.select(holds(rule)).item()]


def test_figures_of_a_good_run():
    # 6 documents with a model: 30 mentions in 600 words.
    assert sum_up(COUNTS, DOCUMENTS, SOURCES, 1).row(0, named=True) == {
        "accounts_add_up": True,
        "documents_match_sources": True,
        "share_rejected": pytest.approx(1 / 5),
        "share_quarantined": pytest.approx(2 / 10),
        "chars_per_document": 600.0,
        "mentions_per_1000_words": 50.0,
    }
    assert broken() == []


@pytest.mark.parametrize("outcome", ["n_written", "n_unchanged", "n_duplicate", "n_quarantined", "n_sources"])
@pytest.mark.parametrize("by", [1, -1])
def test_source_that_is_lost_or_counted_twice(outcome, by):
    assert broken(COUNTS | {outcome: COUNTS[outcome] + by}) == ["accounts_add_up"]


def test_document_without_a_source_and_the_other_way_round():
    assert broken(documents=DOCUMENTS[:6]) == ["documents_match_sources"]
    assert broken(sources=SOURCES[1:]) == ["documents_match_sources"]


def test_floors_and_ceilings():
    assert broken(n_rule_failed=4) == []  # half of them, just
    assert broken(n_rule_failed=5) == ["share_rejected"]
    assert broken(COUNTS | {"n_quarantined": 6, "n_written": 0}) == ["share_quarantined"]
    assert broken(documents=DOCUMENTS.with_columns(n_chars=5)) == ["chars_per_document"]
    assert broken(documents=DOCUMENTS.with_columns(n_mentions=0)) == ["mentions_per_1000_words"]


def test_run_without_documents_or_models_has_no_rates():
    nothing = dict.fromkeys(COUNTS, 0)
    assert broken(nothing, DOCUMENTS.clear(), SOURCES.clear()) == []
    assert broken(documents=DOCUMENTS.with_columns(entity_model=pl.lit("none"), n_mentions=0)) == []
