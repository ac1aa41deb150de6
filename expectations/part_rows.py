"""Part good rows from bad with Polars, by the rules of `expectations.rules`."""

from collections.abc import Iterable, Mapping

import polars as pl

from expectations.rules import LEAF_TABLES, RULES, Rule

Frames = dict[str, pl.DataFrame]

_STAGE_OF = {
    "documents": "validate",
    "blocks": "reflow",
    "repairs": "reflow",
    "sentences": "split_sentences",
    "mentions": "extract_entities",
    "clusters": "link_entities",
    "raw_texts": "read",
}


def holds(rule: Rule) -> pl.Expr:
    """Give the rule as a polars expression: true for a good row, never null."""
    column = pl.col(rule.columns[0])
    match rule.kind, rule.arguments:
        case "not_null", _:
            return column.is_not_null()
        case "unique", _:
            return pl.struct(rule.columns).is_unique()
        case "true", _:
            good = column
        case "in_set", values:
            good = column.is_in(list(values))
        case "matches", (pattern,):
            good = column.str.contains(str(pattern))
        case "less", _:
            good = column < pl.col(rule.columns[1])
        case "between", (low, high):
            above = pl.lit(True) if low is None else column >= pl.lit(low)
            good = above if high is None else above & (column <= pl.lit(high))
        case _:
            raise ValueError(f"{rule.name}: arguments {rule.arguments!r} do not fit a rule of kind {rule.kind}")
    # A null is judged by not_null alone, as Great Expectations does it.
    return good.fill_null(True)


def part_rows(frames: Mapping[str, pl.DataFrame], rules: Iterable[Rule] = RULES) -> tuple[Frames, pl.DataFrame]:
    """Return the good rows of every table, and the bad ones as rows for the `quarantine` table.

    A bad mention or repair is kept out alone; a bad row elsewhere keeps out every row of its document. The
    bad rows have the columns doc_id, table, stage, rule, reason and row (JSON).
    """
    by_table: dict[str, list[Rule]] = {name: [] for name in frames}
    for rule in rules:
        by_table[rule.table].append(rule)
    bad = pl.concat(_bad_rows(frame, by_table[name], name) for name, frame in frames.items())
    if bad.is_empty():  # nothing is kept out, so that all counts stand
        return {**frames}, bad
    whole = bad.filter(~pl.col("table").is_in(LEAF_TABLES))["doc_id"].unique()
    good = {}
    for name, frame in frames.items():
        kept = frame.filter(~pl.col("doc_id").is_in(whole.implode()))
        if name in LEAF_TABLES:
            kept = kept.filter(pl.all_horizontal(pl.lit(True), *map(holds, by_table[name])))
        good[name] = kept
    for name, key in (("documents", ["doc_id"]), ("clusters", ["doc_id", "cluster_no"])):
        good[name] = _recount(good[name], good["mentions"], key)
    # A cluster whose mentions were all kept out stands for nothing.
    good["clusters"] = good["clusters"].filter(pl.col("n_mentions") > 0)
    return good, bad


def _recount(rows: pl.DataFrame, mentions: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Make n_mentions the number of mentions that were not kept out."""
    counted = mentions.group_by(key).len(name="n")
    return (
        rows.join(counted, on=key, how="left", maintain_order="left")
        .with_columns(n_mentions=pl.col("n").fill_null(0).cast(pl.Int64))
        .drop("n")
    )


def _bad_rows(frame: pl.DataFrame, rules: list[Rule], table: str) -> pl.DataFrame:
    verdicts = frame.select(holds(rule).alias(rule.name) for rule in rules)
    found = [pl.DataFrame(schema=dict.fromkeys(BAD_ROW, pl.String))]
    kept = verdicts.select(pl.all().all()).row(0, named=True)
    for rule in rules:
        if kept[rule.name]:
            continue
        rows = frame.filter(~verdicts[rule.name])
        found.append(
            rows.select(
                "doc_id",
                table=pl.lit(table),
                stage=pl.lit(_STAGE_OF[table]),
                rule=pl.lit(rule.name),
                reason=pl.lit(f"broken rule: {rule.meaning}"),
                row=pl.struct(pl.exclude("spans")).struct.json_encode(),
            )
        )
    return pl.concat(found)


BAD_ROW = ("doc_id", "table", "stage", "rule", "reason", "row")
