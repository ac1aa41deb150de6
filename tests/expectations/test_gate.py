import json

import pytest

from expectations.evidence import gather_evidence
from expectations.gate import check
from expectations.rules import RULES, Rule

MENTIONS = [rule for rule in RULES if rule.table == "mentions"]


@pytest.fixture(scope="module")
def good(batch, raw_texts):
    return gather_evidence(batch, raw_texts)


def test_good_batch_passes_in_silence(good, caplog):
    verdict = check(good, RULES)
    assert caplog.messages == []
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
