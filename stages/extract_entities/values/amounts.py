"""Numbers and units as written become normalised values."""

import re
from decimal import Decimal

from stages.extract_entities.values.digits import read_decimal, read_digits
from stages.extract_entities.values.tokens import Tokens

CURRENCY = re.compile(r"([0-9.]*)(\w*)")
DURATION = re.compile(r"([0-9.]*)(T?)([SMHDWY])")
ONE = Decimal(1)
HALF = Decimal("0.5")
MOST_BEFORE_ONES = 10**6  # of larger numbers the remainder may not be exact


def plain(number: Decimal) -> str:
    """A number without exponent and needless zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def read_number(tokens: Tokens, start: int, end: int, language: str) -> Decimal | None:
    """The number that tokens say together; None for a range, an unspecific number or no number at all."""
    total: Decimal | None = None
    for index in range(start, end):
        kind = tokens.kind(index)
        if kind in {"hyphen", "and", "stop"}:
            continue
        if kind in {"to", "vague"} or (kind == "and" and tokens.before(start) and tokens.kind(start - 1) == "between"):
            return None
        in_digits = kind in {"day", "year", "number"}
        value = read_digits(tokens.texts[index], language) if in_digits else tokens.payload(index)
        if value is None:
            return None
        if kind == "scale":
            total = value * (ONE if index == start else total or 0)
        elif total is None or (kind == "fraction" and index == start + 1 and tokens.kind(start) == "one"):
            total = value  # the article goes in "eine halbe"
        elif _adds(total, value, kind):
            total += value  # "twenty-five", "vingt-deux", "two and a half"
        elif kind != "one":
            return None
    return total


def _adds(total: Decimal, value: Decimal, kind: str) -> bool:
    """Whether a number word adds to what stands before it: "twenty-five", "1 1/2" with the sign of a half."""
    tens = kind == "numeral" and 20 <= total < MOST_BEFORE_ONES and total % 10 == 0 and value < 20
    return tens or kind == "fraction"


def money(amount: Decimal | None, currency: str) -> str | None:
    """ "90000000000 USD"; small coins are counted in the currency they belong to."""
    match = CURRENCY.fullmatch(currency)
    factor = read_decimal(match[1] or "1") if match else None
    if amount is None or factor is None or not match or not match[2]:
        return None
    return f"{plain(amount * factor)} {match[2]}"


def duration(amount: Decimal | None, unit: str) -> str | None:
    """An ISO 8601 duration: "P87D", "PT24H", "P3.5Y"."""
    match = DURATION.fullmatch(unit)
    factor = read_decimal(match[1] or "1") if match else None
    if amount is None or factor is None or not match:
        return None
    return f"P{match[2]}{plain(amount * factor)}{match[3]}"


def measured(amount: Decimal | None, unit: str) -> str | None:
    """ "30 km": a number and the symbol of its unit."""
    return None if amount is None else f"{plain(amount)} {unit}"
