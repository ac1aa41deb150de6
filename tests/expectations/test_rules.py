from datetime import UTC, datetime
from itertools import pairwise

import polars as pl
import pytest

from expectations.evidence import gather_evidence
from expectations.gate import expectation
from expectations.part_rows import holds
from expectations.rules import LEAF_TABLES, RULES, RUN_RULES, Rule
from stages.tables.schemas import TABLES
from stages.tables.store.publish import CONTENT

DAY = datetime(2024, 5, 1, tzinfo=UTC)
# Clusters get their entity when all batches are linked together; the run as a whole is judged by names_are_linked.
FILLED_LATER = {"clusters": {"entity_id"}}


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
    for table in CONTENT:
        own = [r for r in RULES if r.table == table]
        assert [r.columns for r in own if r.kind == "unique"] == [TABLES[table].key]
        known = {r.columns[0] for r in own if r.kind == "not_null"}
        never_null = {name for name, column in TABLES[table].columns.items() if not column.nullable}
        assert known == never_null - FILLED_LATER.get(table, set())
    assert all(r.severity == "critical" for r in RULES)
    assert set(LEAF_TABLES) < {r.table for r in RULES}
    assert len({r.name for r in (*RULES, *RUN_RULES)}) == len(RULES) + len(RUN_RULES)


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
        result = asset.get_batch({"dataframe": frame.to_pandas()}).validate(suite, result_format="COMPLETE")
        return {
            one.expectation_config.meta["rule"]: sorted(one.result["unexpected_index_list"]) for one in result.results
        }

    return bad_rows


@pytest.mark.parametrize("table", CONTENT)
def test_polars_and_great_expectations_find_the_same_bad_rows(table, batch, raw_texts, validate):
    """One good row, then for each rule a copy of it that breaks this rule; the copies have keys of their own."""
    rules = [r for r in RULES if r.table == table]
    good = gather_evidence(batch, raw_texts)[table][0]
    row = good.row(0, named=True)
    copies = [{"doc_id": f"{0x100 + n:020x}"} | broken(r, row) for n, r in enumerate(rules, 1)]
    twin = next(n for n, r in enumerate(rules, 1) if r.kind == "unique")
    copies[twin - 1] = {"doc_id": row["doc_id"]}
    frame = pl.DataFrame([row, *(row | copy for copy in copies)], schema=good.schema)
    by_polars = {r.name: frame.select(bad=~holds(r))["bad"].arg_true().to_list() for r in rules}
    assert {r.name for n, r in enumerate(rules, 1) if n not in by_polars[r.name]} == set()
    assert by_polars[rules[twin - 1].name] == [0, twin]
    assert not any(0 in rows for name, rows in by_polars.items() if not name.endswith(".unique"))
    assert validate(frame, rules) == by_polars


def test_run_rules_are_read_the_same(validate):
    good = {
        "accounts_add_up": True, "documents_match_sources": True, "names_are_linked": True, "share_failed": 0.5,
        "share_quarantined": 0.0, "chars_per_document": 900.0, "mentions_per_1000_words": 40.0,
    }  # fmt: skip
    bad = {
        "accounts_add_up": False, "documents_match_sources": False, "names_are_linked": False, "share_failed": 0.51,
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
