import polars as pl
import pytest

from expectations.part_rows import holds
from expectations.rules import RUN_RULES
from expectations.sum_up import sum_up

COUNTS = {"n_sources": 10, "n_written": 4, "n_unchanged": 3, "n_duplicate": 1, "n_quarantined": 2, "n_deleted": 5}
DOCUMENTS = pl.DataFrame(
    {"doc_id": list("abcdefg"), "source_uri": [f"s/{name}" for name in "abcdefg"], "n_chars": [600] * 7}
    | {"n_words": [100] * 7, "n_mentions": [5] * 7, "entity_model": ["trained"] * 6 + ["none"]}
)
SOURCES = pl.DataFrame(
    {"doc_id": list("abcdefghij"), "source_uri": [f"s/{name}" for name in "abcdefghij"]}
    | {"status": ["written"] * 7 + ["duplicate", "quarantined", "deleted"]}
)
ROWS = {"blocks": (70, 70), "runs": (3, 3)}


def broken(counts=COUNTS, documents=DOCUMENTS, sources=SOURCES, n_failed=0, rows=ROWS):
    row = sum_up(counts, documents, sources, n_failed, rows)
    assert row.height == 1
    return [rule.columns[0] for rule in RUN_RULES if not row.select(holds(rule)).item()]


def test_figures_of_a_good_run():
    # 6 documents with a model: 30 mentions in 600 words.
    assert sum_up(COUNTS, DOCUMENTS, SOURCES, 1, ROWS).row(0, named=True) == {
        "accounts_add_up": True,
        "documents_match_sources": True,
        "tables_are_whole": True,
        "share_failed": 0.0,  # 1 of 5 is too few to tell
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


@pytest.mark.parametrize("column", ["doc_id", "source_uri"])
def test_as_many_documents_as_sources_are_not_enough(column):
    other = pl.when(pl.col(column) == pl.col(column).first()).then(pl.lit("x")).otherwise(column).alias(column)
    assert broken(documents=DOCUMENTS.with_columns(other)) == ["documents_match_sources"]
    assert broken(documents=DOCUMENTS[[0, 0, 2, 3, 4, 5, 6]]) == ["documents_match_sources"]


def test_floors_and_ceilings():
    assert broken(COUNTS | {"n_quarantined": 6, "n_written": 0}) == ["share_quarantined"]
    assert broken(documents=DOCUMENTS.with_columns(n_chars=5)) == ["chars_per_document"]
    assert broken(documents=DOCUMENTS.with_columns(n_mentions=0)) == ["mentions_per_1000_words"]


@pytest.mark.parametrize(
    ("n_written", "n_failed", "share"),
    [
        (0, 19, 0.0),  # 19 tried: one bad folder says nothing about the stages
        (0, 20, 1.0),
        (19, 1, 1 / 20),
        (10, 10, 0.5),
        (10, 11, 11 / 21),
    ],
)
def test_share_of_failures_counts_from_twenty_documents_on(n_written, n_failed, share):
    counts = COUNTS | {"n_written": n_written, "n_sources": COUNTS["n_sources"] - COUNTS["n_written"] + n_written}
    row = sum_up(counts, DOCUMENTS, SOURCES, n_failed, ROWS)
    assert row["share_failed"].to_list() == [pytest.approx(share)]
    assert broken(counts, n_failed=n_failed) == (["share_failed"] if share > 0.5 else [])


@pytest.mark.parametrize("found", [69, 71])
def test_one_row_too_few_or_too_many(found):
    assert broken(rows=ROWS | {"blocks": (found, 70)}) == ["tables_are_whole"]


def test_run_without_documents_or_models_has_no_rates():
    nothing = dict.fromkeys(COUNTS, 0)
    assert broken(nothing, DOCUMENTS.clear(), SOURCES.clear()) == []
    assert broken(documents=DOCUMENTS.with_columns(entity_model=pl.lit("none"), n_mentions=0)) == []
