from datetime import UTC, datetime
from itertools import pairwise

import polars as pl
import pytest

from expectations.evidence import with_evidence
from expectations.gate import expectation, looked_at
from expectations.part_rows import holds
from expectations.rules import DRIFT_RULES, LEAF_TABLES, LINKED_RULES, RULES, RUN_RULES, RUNS_RULES, WHOLE_RULES, Rule
from stages.tables.schemas import CONTENT, TABLES

DAY = datetime(2024, 5, 1, tzinfo=UTC)
AT_THE_GATE = (*RULES, *LINKED_RULES, *WHOLE_RULES, *RUNS_RULES, *DRIFT_RULES)


def rule(kind, *arguments, columns=("a",)):
    return Rule("t", kind, columns, "meaning", arguments)


@pytest.mark.parametrize(
    ("checked", "column", "good"),
    [
        (rule("not_null"), ["x", None], [True, False]),
        (rule("unique"), ["x", "y", "x"], [False, True, False]),
        (rule("true"), [True, False, None], [True, False, True]),
        (rule("in_set", "x", "y"), ["x", "z", "X", None], [True, False, False, True]),
        (rule("matches", "^[a-z]{2}$"), ["de", "deu", "", None], [True, False, False, True]),
        (rule("between", 0, None), [0, 5, -1, None], [True, True, False, True]),
        (rule("between", 0.0, 1.0), [0.0, 1.0, 1.01, -0.01], [True, True, False, False]),
        (rule("between", None, 3), [3, 4, -9], [True, False, True]),
        (rule("between", DAY, None), [DAY, datetime(2019, 1, 1, tzinfo=UTC)], [True, False]),
    ],
)
def test_every_kind_on_a_good_and_a_bad_value(checked, column, good):
    assert pl.DataFrame({"a": column}).select(ok=holds(checked))["ok"].to_list() == good


def test_kinds_that_look_at_two_columns():
    frame = pl.DataFrame({"a": [1, 2, 3, None], "b": [2, 2, 2, 2]})
    assert frame.select(ok=holds(rule("less", columns=("a", "b"))))["ok"].to_list() == [True, False, False, True]
    assert frame[[0, 0, 1]].select(ok=holds(rule("unique", columns=("a", "b"))))["ok"].to_list() == [False, False, True]


@pytest.mark.parametrize("given", [holds, expectation])
@pytest.mark.parametrize("checked", [rule("between", 1), rule("matches")], ids=["between", "matches"])
def test_rule_whose_arguments_do_not_fit_is_a_bug(given, checked):
    with pytest.raises(ValueError, match=r"t\.a\..* do not fit"):
        given(checked)


def test_rules_come_from_the_contract():
    for table, contract in TABLES.items():
        own = [r for r in AT_THE_GATE if r.table == table]
        assert [r.columns for r in own if r.kind == "unique"] == [contract.key]
        known = {r.columns[0] for r in own if r.kind == "not_null"}
        assert known == {name for name, column in contract.columns.items() if not column.nullable}
    assert all(r.severity == "critical" for r in AT_THE_GATE)
    assert set(LEAF_TABLES) < {r.table for r in RULES} == set(CONTENT)
    assert len({r.name for r in (*AT_THE_GATE, *RUN_RULES)}) == len(AT_THE_GATE) + len(RUN_RULES)


def test_clusters_are_parted_before_they_have_an_entity():
    assert not [r for r in RULES if r.columns == ("entity_id",)]


def broken(checked, row):
    """A copy of a good row with the least that breaks one rule."""
    column = checked.columns[0]
    match checked.kind, checked.arguments:
        case "not_null", _:
            return {column: None}
        case "true", _:
            return {column: False}
        case (("in_set" | "matches"), _):
            return {column: "Unheard Of"}
        case "less", _:
            return {column: row[checked.columns[1]]}
        case "between", (datetime(), _):
            return {column: datetime(1999, 1, 1, tzinfo=UTC)}
        case "between", (low, _):
            return {column: low - 1}
    assert checked.kind == "unique"
    return {}


@pytest.fixture(scope="module")
def validate():
    """A function that gives the rows that Great Expectations finds bad, for each rule. The import takes seconds."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_pandas("test")

    def bad_rows(frame, rules):
        table = rules[0].table
        suite = gx.ExpectationSuite(name=table, expectations=[expectation(r) for r in rules])
        asset = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("batch")
        shown = looked_at(frame, table, rules).to_pandas()
        result = asset.get_batch({"dataframe": shown}).validate(suite, result_format="COMPLETE")
        return {
            one.expectation_config.meta["rule"]: sorted(one.result["unexpected_index_list"]) for one in result.results
        }

    return bad_rows


WHOLE = {
    "entities": {
        "entity_id": "e" * 16, "name": "Anna Huber", "label": "PER", "aliases": ["Huber"], "evidence": "[]",
        "n_mentions": 3,
        "n_documents": 2, "first_document": "s/a", "last_document": "s/b", "geonames_id": None, "country": None,
        "authority_id": None, "corrected": False,
    },
    "sources": {
        "source_uri": "s/a", "status": "quarantined", "doc_id": "d", "duplicate_of": None, "content_sha256": "0" * 64,
        "sidecar_sha256": "1" * 64, "told_sha256": "2" * 64,
        "size_bytes": 5, "modified_at": DAY, "encoding": None, "encoding_how": None, "reason_code": "empty",
        "reason": "no text", "stages_sha256": "v", "first_seen_run": "r", "last_changed_run": "r", "processed_run": "r",
    },
    "duplicates": {
        "doc_id": "d" * 20, "duplicate_cluster": "c" * 20, "similarity": 0.9,
        "others": [{"doc_id": "c" * 20, "similarity": 0.9}],
    },
    "quarantine": {
        "run_id": "r", "source_uri": "s/a", "doc_id": "d", "table": "sources", "stage": "read", "rule": "empty",
        "reason": "no text", "row": "{}",
    },
    "runs": {
        "run_id": "r", "started_at": DAY, "finished_at": DAY, "n_sources": 1, "n_written": 0, "n_unchanged": 0,
        "n_duplicate": 0, "n_quarantined": 1, "n_deleted": 0, "seconds": [{"stage": "read", "seconds": 0.1}],
        "versions": [{"name": "polars", "version": "2"}], "n_expectations": 9, "n_rows_rejected": 0,
        "n_corrections": 0, "n_corrections_without_effect": 0,
        "validation": "passed",
    },
    "drift": {
        "run_id": "r", "source": "s", "measure": "words", "observed": 90.0, "n_documents": 20, "n_runs": 3,
        "median": 100.0, "deviation": 0.1, "verdict": "usual",
    },
}  # fmt: skip


def good_row(table, rules, batch, raw_texts):
    """A row that breaks no rule, with all its evidence."""
    if table in CONTENT:
        row = with_evidence(batch, raw_texts)[table][:1]
    else:
        row = pl.DataFrame([WHOLE[table]], schema=TABLES[table].schema)
    return row.with_columns(pl.lit(True).alias(r.columns[0]) for r in rules if r.kind == "true")


@pytest.mark.parametrize("table", TABLES)
def test_polars_and_great_expectations_find_the_same_bad_rows(table, batch, raw_texts, validate):
    """One good row, then for each rule a copy of it that breaks this rule; the copies have keys of their own.

    Last a row with nothing but its key: what may be null is judged by no other rule.
    """
    rules = [r for r in AT_THE_GATE if r.table == table]
    good = good_row(table, rules, batch, raw_texts)
    row, key = good.row(0, named=True), TABLES[table].key[0]
    own = [{key: f"{0x100 + n:0{len(row[key])}x}"} for n in range(len(rules) + 1)]
    copies = [mine | broken(r, row) for mine, r in zip(own, rules, strict=False)]
    twin = next(n for n, r in enumerate(rules, 1) if r.kind == "unique")
    copies[twin - 1] = {key: row[key]}
    bare = dict.fromkeys(row) | own[-1]
    frame = pl.DataFrame([row, *(row | copy for copy in copies), bare], schema=good.schema)
    by_polars = {r.name: frame.select(bad=~holds(r))["bad"].arg_true().to_list() for r in rules}
    assert {r.name for n, r in enumerate(rules, 1) if n not in by_polars[r.name]} == set()
    assert by_polars[rules[twin - 1].name] == [0, twin]
    assert not any(0 in rows for name, rows in by_polars.items() if not name.endswith(".unique"))
    last = frame.height - 1
    assert {name for name, rows in by_polars.items() if last in rows} == {
        r.name for r in rules if r.kind == "not_null" and r.columns != (key,)
    }
    assert validate(frame, rules) == by_polars


def test_run_rules_are_read_the_same(validate):
    good = {
        "accounts_add_up": True, "documents_match_sources": True, "tables_are_whole": True, "share_failed": 0.5,
        "share_quarantined": 0.0, "chars_per_document": 900.0, "mentions_per_1000_words": 40.0,
    }  # fmt: skip
    bad = {
        "accounts_add_up": False, "documents_match_sources": False, "tables_are_whole": False, "share_failed": 0.51,
        "share_quarantined": 0.51, "chars_per_document": 19.0, "mentions_per_1000_words": 401.0,
    }  # fmt: skip
    unknown = good | {"chars_per_document": None, "mentions_per_1000_words": None}
    frame = pl.DataFrame([good, bad, unknown])
    by_polars = {r.name: frame.select(bad=~holds(r))["bad"].arg_true().to_list() for r in RUN_RULES}
    assert by_polars == {name: [1] for name in by_polars}
    assert validate(frame, list(RUN_RULES)) == by_polars


def test_bounds_of_a_rule_are_in_order():
    bounds = [r.arguments for r in (*RULES, *RUN_RULES) if r.kind == "between" and None not in r.arguments]
    assert bounds
    assert all(low <= high for pair in bounds for low, high in pairwise(pair))
