"""Metadata: what a source says of its document (its facts), as columns of `documents`."""

from collections.abc import Mapping

import polars as pl

from stages.read.facts import DATELINE_AT_MOST, dateline_facts, in_order
from stages.read.raw_document import Fact
from stages.tables.schemas import FACT, PRECISIONS

_COLUMNS = ("author", "publisher", "section", "url")
_LENGTHS = {"day": 10, "month": 7, "year": 4}
_DATE = r"^(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?"


def read_facts(texts: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """Give one row for each raw text: all its columns but raw and the layout, and those that facts fill.

    ``texts``: as `stages.read.sources.read_sources` gives them; ``documents`` (doc_id, text) the mended texts, of which
    a dateline says when and where they were written. Adds published_at with published_precision, author, publisher,
    section, url, fact_title and metadata, which has every fact. A date that is none of a calendar is left to metadata.
    """
    rows = texts.drop("raw", "pieces", "in_file").rename({"facts": "metadata"})
    rows = _with_datelines(rows, documents)
    return rows.with_columns(
        *(_fact(name).alias(name) for name in _COLUMNS),
        fact_title=_fact("title"),
        published_precision=_precision(_fact("published_at")),
        published_at=_first_day(_fact("published_at")),
    ).with_columns(published_precision=pl.when(pl.col("published_at").is_not_null()).then("published_precision"))


def known_date() -> pl.Expr:
    """Give published_at as far as it is known: 2024, 2024-03 or 2024-03-05."""
    date = pl.col("published_at").dt.to_string("%Y-%m-%d")
    return date.str.head(pl.col("published_precision").replace_strict(_LENGTHS, default=0, return_dtype=pl.Int64))


def _with_datelines(rows: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    texts = dict(documents.select("doc_id", pl.col("text").str.head(DATELINE_AT_MOST)).iter_rows())
    told = [
        _listed(in_order(_facts_of(facts), dateline_facts(texts.get(doc_id, ""))))
        for doc_id, facts in rows.select("doc_id", "metadata").iter_rows()
    ]
    return rows.with_columns(pl.Series("metadata", told, dtype=pl.List(FACT)))


def _facts_of(listed: list[dict[str, str]]) -> dict[str, Fact]:
    return {fact["name"]: Fact(fact["value"], fact["found_in"]) for fact in listed}


def _listed(facts: Mapping[str, Fact]) -> list[dict[str, str]]:
    return [{"name": name, "value": fact.value, "found_in": fact.found_in} for name, fact in facts.items()]


def _fact(name: str) -> pl.Expr:
    named = pl.col("metadata").list.filter(pl.element().struct.field("name") == name)
    return named.list.first().struct.field("value")


def _parts(date: pl.Expr) -> list[pl.Expr]:
    return [date.str.extract(_DATE, group) for group in (1, 2, 3)]


def _precision(date: pl.Expr) -> pl.Expr:
    year, month, day = _parts(date)
    known = pl.when(day.is_not_null()).then(pl.lit(PRECISIONS[0])).when(month.is_not_null()).then(pl.lit(PRECISIONS[1]))
    return known.when(year.is_not_null()).then(pl.lit(PRECISIONS[2]))


def _first_day(date: pl.Expr) -> pl.Expr:
    year, month, day = _parts(date)
    whole = pl.format("{}-{}-{}", year, month.fill_null("01"), day.fill_null("01"))
    return whole.str.to_date("%Y-%m-%d", strict=False)
