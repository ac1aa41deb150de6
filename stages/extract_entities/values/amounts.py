"""Numbers and units as written become normalised values."""

import re
from decimal import Decimal
from math import prod

from stages.extract_entities.values.digits import read_decimal, read_digits
from stages.extract_entities.values.tokens import Tokens

CURRENCY = re.compile(r"([0-9.]*)(\w*)")
DURATION = re.compile(r"([0-9.]*)(T?)([SMHDWY])")
ONE, FOUR, TEN, TWENTY = map(Decimal, (1, 4, 10, 20))
HALF = Decimal("0.5")
IN_DIGITS = frozenset({"day", "year", "number"})
MOST_BEFORE_ONES = 10**6  # of larger numbers the remainder may not be exact


Amount = tuple[Decimal, ...] | None  # one number, or the two of a range


def plain(number: Decimal) -> str:
    """A number without exponent and needless zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def read_numbers(tokens: Tokens, start: int, end: int, language: str) -> Amount:
    """The number that tokens say together, or both of a range ("10 bis 15"); None where one is no number."""
    joint = None
    if end - start > 2:  # else there is no room for two numbers
        joint = next((index for index in range(start + 1, end - 1) if _joins(tokens, index, start)), None)
    if joint is None:
        number = read_number(tokens, start, end, language)
        return None if number is None else (number,)
    low, high = read_number(tokens, start, joint, language), read_number(tokens, joint + 1, end, language)
    if low is None or high is None:
        return None
    scales = [tokens.payload(index) for index in range(joint, end) if tokens.kind(index) == "scale"]
    if tokens.kind(joint - 1) != "scale" and low * prod(scales) <= high:
        low *= prod(scales)  # "8 bis 10 Millionen", but "900.000 bis 1,2 Millionen"
    return (low, high) if low < high else None


def _joins(tokens: Tokens, index: int, start: int) -> bool:
    """Whether a token stands between the two numbers of a range; the hyphen of "twenty-five" does not."""
    kind = tokens.kind(index)
    if kind == "hyphen":
        return tokens.kind(index - 1) in IN_DIGITS and tokens.kind(index + 1) in IN_DIGITS
    return kind == "to" or (kind == "and" and start > 0 and tokens.kind(start - 1) == "between")


def read_number(tokens: Tokens, start: int, end: int, language: str) -> Decimal | None:
    """The number that tokens say together; None for an unspecific number or no number at all."""
    total: Decimal | None = None
    for index in range(start, end):
        kind = tokens.kind(index)
        if kind in {"hyphen", "and", "stop"}:
            continue
        if kind == "vague":
            return None
        value = read_digits(tokens.texts[index], language) if kind in IN_DIGITS else tokens.payload(index)
        if value is None:
            return None
        if kind == "scale":
            total = value * (ONE if index == start else total or 0)
        elif total is None or (kind == "fraction" and index == start + 1 and tokens.kind(start) == "one"):
            total = value  # the article goes in "eine halbe"
        elif _adds(total, value, kind) or (kind == "one" and total % 10 == 0 and tokens.kind(index - 1) == "and"):
            total += value  # "twenty-five", "vingt-deux", "vingt et un", "two and a half"
        elif language == "fr" and _adds_in_french(total, value):
            total = total * value if total == FOUR else total + value
        elif kind != "one":
            return None
    return total


def _adds_in_french(total: Decimal, value: Decimal) -> bool:
    """Whether French counts on by tens or twenties: "dix-huit", "soixante-douze", "quatre-vingt"."""
    return (total == TEN and 7 <= value < TEN) or (total == FOUR and value == TWENTY)


def _adds(total: Decimal, value: Decimal, kind: str) -> bool:
    """Whether a number word adds to what stands before it: "twenty-five", "1 1/2" with the sign of a half."""
    tens = kind == "numeral" and 20 <= total < MOST_BEFORE_ONES and total % 10 == 0 and value < 20
    return tens or kind == "fraction"


def money(amount: Amount, currency: str) -> str | None:
    """ "90000000000 USD", "8000000/10000000 EUR"; small coins are counted in the currency they belong to."""
    match = CURRENCY.fullmatch(currency)
    factor = read_decimal(match[1] or "1") if match else None
    if amount is None or factor is None or not match or not match[2]:
        return None
    return measured(tuple(number * factor for number in amount), match[2])


def duration(amount: Amount, unit: str) -> str | None:
    """An ISO 8601 duration, "P87D", "PT24H", "P3.5Y", or two with a slash between them, "P10D/P15D"."""
    match = DURATION.fullmatch(unit)
    factor = read_decimal(match[1] or "1") if match else None
    if amount is None or factor is None or not match:
        return None
    return "/".join(f"P{match[2]}{plain(number * factor)}{match[3]}" for number in amount)


def measured(amount: Amount, unit: str) -> str | None:
    """ "30 km", "10/15 km": a number, or both of a range, and the symbol of the unit."""
    return None if amount is None else f"{'/'.join(map(plain, amount))} {unit}"
