"""The gate: Great Expectations over what is about to be published. The one place that imports it.

It has no polars engine, so the frames cross to pandas here. Importing it costs seconds; it happens on the first
call, in the process that calls.
"""

import logging
import os
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from expectations.part_rows import holds
from expectations.rules import Rule
from stages.tables.schemas import TABLES

_NOT_NEEDED = ("pyspark", "sqlalchemy", "boto3", "botocore")
"""What Great Expectations imports where it is installed, and does without elsewhere: no rule needs it, and it takes a
sixth of the time to load. Spark without gRPC even ends a process that was begun with -c, as that of the gate is."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate found: expectations evaluated, and one line for each that failed, by severity."""

    n_expectations: int
    critical: tuple[str, ...]
    warnings: tuple[str, ...]
    results: tuple[dict[str, Any], ...]


def check(frames: Mapping[str, pl.DataFrame], rules: Iterable[Rule]) -> Verdict:
    """Evaluate the rules on the frames, one suite per table.

    ``results`` are the validation results of Great Expectations as plain JSON data, to be kept with the run.
    Nothing is changed and nothing is raised; the caller decides what a critical failure means.
    """
    load()
    with _ONE_AT_A_TIME:
        return _check(frames, list(rules))


def load() -> None:
    """Import Great Expectations, which takes seconds the first time."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    absent: Any = {name: None for name in _NOT_NEEDED if name not in sys.modules}
    sys.modules.update(absent)
    try:
        import great_expectations  # noqa: F401
    finally:
        for name in absent:
            sys.modules.pop(name, None)


# A context of Great Expectations makes itself the one of the whole process.
_ONE_AT_A_TIME = threading.Lock()


def _check(frames: Mapping[str, pl.DataFrame], rules: list[Rule]) -> Verdict:
    import great_expectations as gx
    from great_expectations.data_context.types import base

    # It sets its own level while it is imported, and tells of temporary folders.
    base.logger.setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = base.ProgressBarsConfig(globally=False)
    failed: dict[str, list[str]] = {"critical": [], "warning": []}
    results = []
    for table, frame in frames.items():
        own = [rule for rule in rules if rule.table == table]
        by_name = {rule.name: rule for rule in own}
        suite = gx.ExpectationSuite(name=table, expectations=[expectation(rule) for rule in own])
        asset = context.data_sources.add_pandas(table).add_dataframe_asset(table)
        # Without a batch definition, for which the context would write down all of its configuration again.
        shown = {"dataframe": looked_at(frame, table, own).to_pandas()}
        batch = asset.get_batch(asset.build_batch_request(shown))
        result = batch.validate(suite, result_format="BASIC")
        results.append(result.to_json_dict())  # type: ignore[no-untyped-call]
        # Else it holds what it was shown until there is another context.
        context.data_sources.delete(table)
        for one in result.results:
            if not one.success:
                rule = by_name[_rule_name(one)]
                found = f"{_found(one)}{_where(frame, rule)}"
                failed[rule.severity].append(f"{rule.name}: expected that {rule.meaning}; {found}")
    n = sum(len(result["results"]) for result in results)
    return Verdict(n, tuple(failed["critical"]), tuple(failed["warning"]), tuple(results))


def _where(frame: pl.DataFrame, rule: Rule) -> str:
    """The keys of some rows that evidence speaks against: their values, all false, would tell nobody where to look."""
    if rule.kind != "true" or rule.table not in TABLES or rule.columns[0] not in frame.columns:
        return ""
    key = [name for name in TABLES[rule.table].key if name in frame.columns]
    rows = frame.filter(~holds(rule)).select(key).head(3).iter_rows(named=True)
    return "".join(f"; {', '.join(f'{name} {value}' for name, value in row.items())}" for row in rows)


def looked_at(frame: pl.DataFrame, table: str, rules: Iterable[Rule]) -> pl.DataFrame:
    """Give the columns that the rules on a table look at; of one that must only be there, 1 or null for its value."""
    own = [rule for rule in rules if rule.table == table]
    compared = {column for rule in own for column in rule.columns if rule.kind != "not_null"}
    there = {column for rule in own for column in rule.columns} - compared
    return frame.select(
        pl.col(name)
        if name in compared
        else pl.when(pl.col(name).is_not_null()).then(pl.lit(1.0, pl.Float32)).alias(name)
        for name in frame.columns
        if name in compared | there
    )


def expectation(rule: Rule) -> Any:
    """Give the rule as an expectation of Great Expectations."""
    import great_expectations

    # Its expectations are re-exported without type information.
    gxe: Any = great_expectations.expectations

    column = rule.columns[0]

    common: dict[str, Any] = {"meta": {"rule": rule.name}, "severity": rule.severity}
    match rule.kind, rule.arguments:
        case "not_null", _:
            return gxe.ExpectColumnValuesToNotBeNull(column=column, **common)
        case "unique", _ if len(rule.columns) == 1:
            return gxe.ExpectColumnValuesToBeUnique(column=column, **common)
        case "unique", _:
            return gxe.ExpectCompoundColumnsToBeUnique(column_list=list(rule.columns), **common)
        case "true", _:
            return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=[True], **common)
        case "in_set", values:
            return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=list(values), **common)
        case "matches", (pattern,):
            return gxe.ExpectColumnValuesToMatchRegex(column=column, regex=pattern, **common)
        case "less", _:
            return gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A=rule.columns[1], column_B=column, ignore_row_if="either_value_is_missing", **common
            )
        case "between", (low, high):
            return gxe.ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high, **common)
    raise ValueError(f"{rule.name}: arguments {rule.arguments!r} do not fit a rule of kind {rule.kind}")


def _rule_name(result: Any) -> str:
    return str(result.expectation_config.meta["rule"])


def _found(result: Any) -> str:
    if message := result.exception_info.get("exception_message"):
        return f"it could not be evaluated ({message})"
    count = result.result.get("unexpected_count")
    examples = result.result.get("partial_unexpected_list", [])[:3]
    return f"{count} of {result.result.get('element_count')} rows do not, for example {examples}"
