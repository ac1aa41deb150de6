"""Metadata: what a source says of its document (its facts), as columns of `documents`."""

import polars as pl

from stages.tables.schemas import PRECISIONS

_COLUMNS = ("author", "publisher", "section", "url")
_DATE = r"^(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?"


def read_facts(texts: pl.DataFrame) -> pl.DataFrame:
    """Give one row for each raw text: all its columns but raw and the layout, and those that facts fill.

    ``texts``: as `stages.read.sources.read_sources` gives them. Adds published_at with published_precision, author,
    publisher, section, url, fact_title and metadata, which has every fact. A date that is none of a calendar is left
    to metadata.
    """
    rows = texts.drop("raw", "pieces", "in_file").rename({"facts": "metadata"})
    return rows.with_columns(
        *(_fact(name).alias(name) for name in _COLUMNS),
        fact_title=_fact("title"),
        published_precision=_precision(_fact("published_at")),
        published_at=_first_day(_fact("published_at")),
    ).with_columns(published_precision=pl.when(pl.col("published_at").is_not_null()).then("published_precision"))


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
