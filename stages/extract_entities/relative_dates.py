"""Dates that need the day of writing ("vergangenen Freitag", "gestern", "3. Mai"), from the date of publication."""

import datetime as dt
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\d+")
_TABLE = Path(__file__).parents[1] / "lookups" / "relative_dates.json"
_DAY_MONTH = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.?")


def resolve_date(text: str, language: str, published_at: str) -> str | None:
    """Give the ISO date that a relative one names, seen from the day (month, year) of publication.

    Without a value stays what a reader could take two ways, "am Freitag" or "am 25.", and what needs a finer date of
    publication than is known. A day or month without a year is the nearest one.

    >>> [resolve_date(text, "de", "2024-03-05") for text in ("vergangenen Freitag", "24. Dezember", "am Freitag")]
    ['2024-03-01', '2023-12-24', None]
    """
    table = _tables().get(language)
    published = _date(published_at)
    if table is None or published is None:
        return None
    words = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
    found = _whole_unit(words, table, published, published_at.count("-"))
    if found or published_at.count("-") < 2:
        return found
    return _relative_day(words, table, published) or _without_year(text, words, table, published)


def resolve_dates(mentions: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """Fill the values of relative dates in mentions (doc_id, label, text, value) and say which are derived.

    ``documents`` has doc_id, language and published_at (null where unknown). The result has the columns and rows of
    ``mentions``, and ``value_derived``: true where the value comes from the publication date, and not from the text.
    """
    known = mentions.join(
        documents.select("doc_id", "language", "published_at"), on="doc_id", how="left", maintain_order="left"
    )
    wanted = (pl.col("label") == "DATE") & pl.col("value").is_null() & pl.col("published_at").is_not_null()
    asked = known.filter(wanted).select("text", "language", "published_at").unique()
    rows = [(*row, resolve_date(*row)) for row in asked.iter_rows()]
    schema = {"text": pl.String, "language": pl.String, "published_at": pl.String, "derived": pl.String}
    derived = pl.DataFrame(rows, schema=schema, orient="row")
    joined = known.join(derived, on=["text", "language", "published_at"], how="left", maintain_order="left")
    derived_here = wanted & pl.col("derived").is_not_null()
    return joined.select(
        *(pl.col(name) for name in mentions.columns if name != "value"),
        value=pl.when(derived_here).then("derived").otherwise("value"),
        value_derived=derived_here,
    ).select(*mentions.columns, "value_derived")


@cache
def _tables() -> dict[str, dict[str, Any]]:
    tables = json.loads(_TABLE.read_text(encoding="utf-8"))
    return {language: table for language, table in tables.items() if isinstance(table, dict)}


def _date(published_at: str) -> dt.date | None:
    try:
        parts = [int(part) for part in published_at.split("-")]
        return dt.date(*[*parts, 1, 1][:3])
    except ValueError:
        return None


def _direction(words: list[str], table: Mapping[str, Any]) -> int | None:
    """-1 for "vergangen", 1 for "kommend", 0 for "dieses"; None without such a word."""
    for step, key in ((-1, "before"), (1, "after"), (0, "this")):
        if any(re.fullmatch(rf"{form}(?:e[nmrs]?)?", word) for form in table[key] for word in words):
            return step
    return None


def _whole_unit(words: list[str], table: Mapping[str, Any], published: dt.date, n_parts: int) -> str | None:
    forms = "(?:e[ns]?|s)?"
    units = [(n, u) for f, u in table["units"].items() for n, w in enumerate(words) if re.fullmatch(f + forms, w)]
    if not units or any(word.isdigit() for word in words):
        return None
    place, unit = units[0]
    beside = words[max(0, place - 1) : place + (2 if place == 0 or len(words) == place + 2 else 1)]
    step = _direction(beside, table)
    if step is None:
        return None
    if unit == "year":
        return f"{published.year + step:04}"
    months = published.year * 12 + published.month - 1 + step
    return f"{months // 12:04}-{months % 12 + 1:02}" if n_parts >= 1 else None


def _relative_day(words: list[str], table: Mapping[str, Any], published: dt.date) -> str | None:
    if words and words[0] in table["days"]:
        return (published + dt.timedelta(table["days"][words[0]])).isoformat()
    step = _direction(words, table)
    days = [table["also"].get(w.rstrip("s"), w.rstrip("s")) for w in words]
    weekday = next((table["weekdays"].index(day) for day in days if day in table["weekdays"]), None)
    if not step or weekday is None or any(word.isdigit() for word in words):
        return None
    away = (weekday - published.weekday()) % 7 or 7
    return (published + dt.timedelta(away if step > 0 else away - 7 if away < 7 else -7)).isoformat()


def _without_year(text: str, words: list[str], table: Mapping[str, Any], published: dt.date) -> str | None:
    """A day and month, or a month: of the year in which it is nearest, or as "vergangen" and "kommend" say."""
    if digits := _DAY_MONTH.fullmatch(text.strip()):
        return _nearest(int(digits[1]), int(digits[2]), published, None)
    month = next((table["months"].index(word) + 1 for word in words if word in table["months"]), None)
    numbers = [int(word) for word in words if word.isdigit()]
    if month is None or len(numbers) > 1 or (not numbers and len(words) > 2):
        return None
    return _nearest(numbers[0] if numbers else None, month, published, _direction(words, table))


def _nearest(day: int | None, month: int, published: dt.date, step: int | None) -> str | None:
    found = []
    for year in (published.year - 1, published.year, published.year + 1):
        try:
            date = dt.date(year, month, 15 if day is None else day)
        except ValueError:
            continue
        same = (date.year, date.month) == (published.year, published.month) if day is None else date == published
        if step in (None, 0) or (not same and (date > published) == (step > 0)):
            found.append(date)
    if not found:
        return None
    nearest = min(found, key=lambda date: (abs((date - published).days), date))
    return nearest.isoformat() if day is not None else nearest.isoformat()[:7]
