import gc
import json

import pandas as pd
import polars as pl
import pytest

from expectations.evidence import with_evidence
from expectations.gate import check, looked_at
from expectations.rules import RULES, WHOLE_RULES, Rule
from stages.tables.schemas import TABLES

MENTIONS = [rule for rule in RULES if rule.table == "mentions"]


@pytest.fixture(scope="module")
def good(batch, raw_texts):
    return with_evidence(batch, raw_texts)


def test_good_batch_passes_in_silence(good, caplog):
    verdict = check(good, RULES)
    # A task that an earlier test left behind may be swept up right now, and asyncio tells of it.
    assert [record.message for record in caplog.records if record.name != "asyncio"] == []
    assert (verdict.critical, verdict.warnings) == ((), ())
    assert verdict.n_expectations == len(RULES)
    assert [result["meta"]["active_batch_definition"]["data_asset_name"] for result in verdict.results] == list(good)
    assert json.loads(json.dumps(verdict.results)) == list(verdict.results)


def test_one_line_says_what_failed(good, change):
    frames = {"mentions": change(good["mentions"], 1, label="CITY", score=1.5)}
    verdict = check(frames, MENTIONS)
    assert verdict.critical == (
        "mentions.label.in_set: expected that label is a known label; 1 of 2 rows do not, for example ['CITY']",
        "mentions.score.between: expected that score is a probability; 1 of 2 rows do not, for example [1.5]",
    )


def test_evidence_that_fails_is_named_by_its_rows(good):
    frames = {"mentions": good["mentions"].with_columns(in_parent=pl.col("mention_no") != 1)}
    verdict = check(frames, MENTIONS)
    assert verdict.critical == (
        "mentions.in_parent.true: expected that the mention lies inside its sentence, in the raw text too; "
        f"1 of 2 rows do not, for example [False]; doc_id {'0' * 19}a, mention_no 1",
    )


def test_what_has_no_value_at_all_is_not_judged_but_for_its_absence(good):
    """Of moved documents alone there is no raw text at hand; of files that cannot be read there is no hash."""
    blocks = good["blocks"].with_columns(raw_agrees=pl.lit(None, pl.Boolean))
    sources = pl.DataFrame([{"source_uri": "s/a"}, {"source_uri": "s/b"}], schema=TABLES["sources"].schema)
    sources = sources.with_columns(pl.lit(None, pl.Boolean).alias(name) for name in ("id_follows", "as_accounted"))
    rules = [r for r in (*RULES, *WHOLE_RULES) if {"copies_stand", "is_explained"}.isdisjoint(r.columns)]
    assert check({"blocks": blocks}, rules).critical == ()
    found = check({"sources": sources}, rules).critical
    never_null = {name for name, column in TABLES["sources"].columns.items() if not column.nullable} - {"source_uri"}
    assert {line.partition(":")[0] for line in found} == {f"sources.{name}.not_null" for name in never_null}


def test_great_expectations_is_not_shown_what_need_only_be_there(good):
    shown = looked_at(good["blocks"], "blocks", RULES)
    assert (shown["text"].to_list(), shown["spans"].to_list()) == ([1.0] * 3, [1.0] * 3)
    assert shown["kind"].to_list() == ["title", "paragraph", "paragraph"]
    absent = looked_at(good["blocks"].with_columns(text=pl.lit(None, pl.String)), "blocks", RULES)
    assert absent["text"].null_count() == 3


def test_severity_decides_between_critical_and_warning(good):
    rules = [
        Rule("mentions", "between", ("score",), "score is high", (0.9, 1.0), "warning"),
        Rule("mentions", "in_set", ("label",), "label is a place", ("LOC",)),
    ]
    verdict = check({"mentions": good["mentions"]}, rules)
    assert [line.split(":")[0] for line in verdict.critical] == ["mentions.label.in_set"]
    assert [line.split(":")[0] for line in verdict.warnings] == ["mentions.score.between"]


def test_rule_that_cannot_be_evaluated_fails(good):
    verdict = check({"mentions": good["mentions"].drop("label")}, MENTIONS)
    assert any(line.startswith("mentions.label.in_set") for line in verdict.critical)


def test_empty_tables_pass(good):
    verdict = check({table: frame.clear() for table, frame in good.items()}, RULES)
    assert verdict.critical == ()
    assert verdict.n_expectations == len(RULES)


def test_nothing_is_held_of_what_was_judged(good):
    many = pl.concat([good["mentions"]] * 1_237)
    check({"mentions": many, "blocks": good["blocks"]}, RULES)
    gc.collect()
    assert not [o for o in gc.get_objects() if isinstance(o, pd.DataFrame) and len(o) == many.height]
