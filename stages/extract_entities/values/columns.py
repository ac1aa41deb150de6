"""Values as numbers, units and days, so that one can compute with them: columns beside the normalised string.

| label | value | value_number, value_unit | value_start, value_end |
|---|---|---|---|
| MONEY | 1500000 EUR | 1500000, EUR (ISO 4217) | |
| PERCENT, QUANTITY | 5 %, 30 km | 5, %; 30, km | |
| the same as a range | 10/12 %, P2W/P3W | none, %; none, wk | |
| DURATION | P87D, PT2H30M | 87, d; 150, min (UCUM: s, min, h, d, wk, mo, a) | |
| DATE | 2025-08-15, 2025-08, 1945, 2015-22, 2015/2016 | | the first and the last day of it |

A season has the number that ISO 8601-2 gives it (21 spring to 24 winter), a quarter as well (33 to 36); a season is
counted in whole months, and winter ends in the year after. Halves of a year are 40 and 41.
"""

import re
from calendar import monthrange
from datetime import date
from functools import lru_cache
from typing import NamedTuple

import polars as pl

AMOUNT = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?) (\S.*)")
PERIOD = re.compile(r"P(?:([0-9.]+)([YMWD]))?(?:T(?:([0-9.]+)H)?(?:([0-9.]+)M)?(?:([0-9.]+)S)?)?")
UNITS = {"Y": "a", "M": "mo", "W": "wk", "D": "d"}
RANGE = re.compile(r"-?[0-9]+(?:\.[0-9]+)?/-?[0-9]+(?:\.[0-9]+)? (\S.*)")
SECONDS = (("h", 3600.0), ("min", 60.0), ("s", 1.0))
DAY = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
FIRST_SEASON, FIRST_QUARTER, FIRST_HALF = 21, 33, 40


class Computable(NamedTuple):
    """What can be computed with: a number and its unit, or the first and last day of a date."""

    number: float | None = None
    unit: str | None = None
    start: date | None = None
    end: date | None = None


SCHEMA = {"value_number": pl.Float64, "value_unit": pl.String, "value_start": pl.Date, "value_end": pl.Date}


@lru_cache(maxsize=50_000)
def computable(label: str, value: str | None) -> Computable:
    """Read a normalised value; all parts are None for times of day, and where there is no value.

    >>> computable("MONEY", "1500000 EUR")[:2], computable("DURATION", "PT2H30M")[:2]
    ((1500000.0, 'EUR'), (150.0, 'min'))
    >>> [str(day) for day in computable("DATE", "2024-02")[2:]], [str(day) for day in computable("DATE", "2015-24")[2:]]
    (['2024-02-01', '2024-02-29'], ['2015-12-01', '2016-02-29'])
    """
    if value is None or label == "TIME":
        return Computable()
    if label == "DATE":
        return _days(value)
    if label == "DURATION":
        return _periods(*map(_period, value.split("/")))
    if match := RANGE.fullmatch(value):
        return Computable(unit=match[1])
    match = AMOUNT.fullmatch(value)
    return Computable(float(match[1]), match[2]) if match else Computable()


def _periods(first: Computable, last: Computable | None = None) -> Computable:
    """A length of time; of a range the unit that both ends have."""
    if last is None:
        return first
    return Computable(unit=first.unit) if first.unit == last.unit else Computable()


def _period(value: str) -> Computable:
    match = PERIOD.fullmatch(value)
    if match is None:
        return Computable()
    if match[1]:
        whole = not any(match.group(3, 4, 5))
        return Computable(float(match[1]), UNITS[match[2]]) if whole else Computable()
    told = zip(SECONDS, match.group(3, 4, 5), strict=True)
    parts = [(unit, seconds, float(part)) for (unit, seconds), part in told if part]
    if not parts:
        return Computable()
    unit, smallest, _ = parts[-1]
    return Computable(sum(part * seconds for _, seconds, part in parts) / smallest, unit)


def _days(value: str) -> Computable:
    first, _, last = value.partition("/")
    start, end = _span(first), _span(last or first)
    if start is None or end is None or start[0] > end[1]:
        return Computable()
    return Computable(start=start[0], end=end[1])


def _span(value: str) -> tuple[date, date] | None:
    """First and last day of a day, month, season, quarter or year; None where there is no such day."""
    match = DAY.fullmatch(value)
    if match is None or match[1] == "0000":
        return None
    year, month, day = int(match[1]), int(match[2] or 0), int(match[3] or 0)
    if month == 0:
        return date(year, 1, 1), date(year, 12, 31)
    if month > 12:
        return _months(year, month)
    if not day:
        return date(year, month, 1), date(year, month, monthrange(year, month)[1])
    return (date(year, month, day),) * 2 if day <= monthrange(year, month)[1] else None


def _months(year: int, part: int) -> tuple[date, date] | None:
    """A season of three months from March on, a quarter or a half from January on."""
    months = 3
    if FIRST_SEASON <= part < FIRST_SEASON + 4:
        first = 3 * (part - FIRST_SEASON) + 3
    elif FIRST_QUARTER <= part < FIRST_QUARTER + 4:
        first = 3 * (part - FIRST_QUARTER) + 1
    elif FIRST_HALF <= part < FIRST_HALF + 2:
        first, months = 6 * (part - FIRST_HALF) + 1, 6
    else:
        return None
    ends, last = (year + 1, first - 10) if first > 10 else (year, first + months - 1)
    return (date(year, first, 1), date(ends, last, monthrange(ends, last)[1])) if ends <= date.max.year else None


def with_computable(mentions: pl.DataFrame) -> pl.DataFrame:
    """The mentions with value_number, value_unit, value_start and value_end, read from label and value."""
    key = ["label", "value"]
    met = mentions.select(key).drop_nulls("value").unique()
    rows = [(label, value, *computable(label, value)) for label, value in met.iter_rows()]
    told = pl.DataFrame(rows, schema={**met.schema, **SCHEMA}, orient="row")
    return mentions.drop(list(SCHEMA), strict=False).join(told, on=key, how="left", maintain_order="left")
