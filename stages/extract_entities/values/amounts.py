"""Numbers and units as written become normalised values."""

import re
from decimal import Decimal

from stages.extract_entities.values.tokens import Tokens

SEPARATOR = re.compile("['\u2019\u00a0\u202f ]")  # always thousands: apostrophes and spaces
CURRENCY = re.compile(r"([\d.]*)(\w*)")
DURATION = re.compile(r"([\d.]*)(T?)([SMHDWY])")


def plain(number: Decimal) -> str:
    """A number without exponent and needless zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def read_digits(text: str, language: str) -> Decimal:
    """The number of a string of digits: what a lone separator before three digits means depends on the language.

    >>> read_digits("1.500", "de"), read_digits("1.500", "en"), read_digits("1,5", "de"), read_digits("10 000,5", "fr")
    (Decimal('1500'), Decimal('1.500'), Decimal('1.5'), Decimal('10000.5'))
    """
    text = SEPARATOR.sub("", text)
    last = max(text.rfind("."), text.rfind(","))
    if last < 0:
        return Decimal(text)
    mark, thousands = text[last], "," if language == "en" else "."
    if text.count(mark) > 1 or (mark == thousands and len(text) - last == 4):
        return Decimal(text.replace(".", "").replace(",", ""))
    return Decimal(text[:last].replace(".", "").replace(",", "") + "." + text[last + 1 :])


def read_number(tokens: Tokens, start: int, end: int, language: str) -> Decimal | None:
    """The number that tokens say together; None for a range, an unspecific number or no number at all."""
    total: Decimal | None = None
    for index in range(start, end):
        kind = tokens.kind(index)
        if kind in {"day", "year", "number"}:
            value = read_digits(tokens.texts[index], language)
        elif kind == "numeral":
            value = Decimal(str(tokens.payload(index)))
        elif kind == "one":
            value = Decimal(1)
        elif kind == "scale":
            total = (Decimal(1) if total is None and index == start else total) or Decimal(0)
            total *= Decimal(tokens.payload(index))
            continue
        elif kind in {"to", "vague"}:
            return None
        else:
            continue
        if total is None or (kind == "numeral" and index == start + 1 and tokens.kind(start) == "one"):
            total = value  # the article goes in "eine halbe"
        elif _adds(total, value, kind):
            total += value  # "twenty-five", "vingt-deux", "two and a half"
        elif kind != "one":
            return None
    return total


def _adds(total: Decimal, value: Decimal, kind: str) -> bool:
    return kind == "numeral" and (value < 1 or (total >= 20 and total % 10 == 0 and value < 20))


def money(amount: Decimal | None, currency: str) -> str | None:
    """ "90000000000 USD"; small coins are counted in the currency they belong to."""
    match = CURRENCY.fullmatch(currency)
    if amount is None or not match or not match[2]:
        return None
    return f"{plain(amount * Decimal(match[1] or 1))} {match[2]}"


def duration(amount: Decimal | None, unit: str) -> str | None:
    """An ISO 8601 duration: "P87D", "PT24H", "P3.5Y"."""
    match = DURATION.fullmatch(unit)
    if amount is None or not match:
        return None
    return f"P{match[2]}{plain(amount * Decimal(match[1] or 1))}{match[3]}"


def measured(amount: Decimal | None, unit: str) -> str | None:
    """ "30 km": a number and the symbol of its unit."""
    return None if amount is None else f"{plain(amount)} {unit}"
