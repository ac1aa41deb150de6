"""From digits to numbers, days and times: the one place where the text of a sentence is converted.

Every function takes any text and returns None for what it cannot read: a rule that meets something else than it
looked for then finds nothing. The readers in `dates` and `measures` convert nothing themselves, so none can fail on a
text, and nothing has to be caught around them.
"""

import re
from datetime import date, timedelta
from decimal import Decimal

from dateutil.easter import easter

FIRST_GREGORIAN, LAST_YEAR = 1583, 9998
MOST_DIGITS = 18  # longer numbers are no amounts; so many times a scale word stays exact in `decimal`
NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
SEPARATOR = re.compile("['\u2019\u00a0\u202f ]")  # always thousands: apostrophes and spaces
NO_CENTS = re.compile("[,.][-\u2013\u2014]+$")  # "12,-", Swiss "12.\u2013"
RUNS = re.compile("[0-9]+")
DAY_AND_MONTH = re.compile(r"([0-9]{1,2})\. ?([0-9]{1,2})\.?")
CLOCK = re.compile(r"([0-9]{1,2})(?:[:.h]([0-9]{2}))?(?::[0-9]{2})?")
CENTURY_TURN = 69  # two-digit years: 70 to 99 are 19.., the rest 20.., as POSIX reads them


def read_whole(text: str) -> int | None:
    """The number of a run of digits.

    >>> read_whole("015"), read_whole("1.5"), read_whole("\u0665"), read_whole("")
    (15, None, None, None)
    """
    return int(text) if RUNS.fullmatch(text) and len(text) <= MOST_DIGITS else None


def read_decimal(text: str) -> Decimal | None:
    """The number of digits with a point or without."""
    return Decimal(text) if NUMBER.fullmatch(text) and len(text) - text.count(".") <= MOST_DIGITS else None


def read_digits(text: str, language: str) -> Decimal | None:
    """The number of a string of digits: what a lone separator before three digits means depends on the language.

    >>> read_digits("1.500", "de"), read_digits("1.500", "en"), read_digits("1,5", "de"), read_digits("10 000,5", "fr")
    (Decimal('1500'), Decimal('1.500'), Decimal('1.5'), Decimal('10000.5'))
    >>> read_digits("9" * 40, "de"), read_digits(".", "de")
    (None, None)
    """
    text = NO_CENTS.sub("", SEPARATOR.sub("", text))
    last = max(text.rfind("."), text.rfind(","))
    if last < 0:
        return read_decimal(text)
    mark, thousands = text[last], "," if language == "en" else "."
    if text.count(mark) > 1 or (mark == thousands and len(text) - last == 4):
        return read_decimal(text.replace(".", "").replace(",", ""))
    return read_decimal(text[:last].replace(".", "").replace(",", "") + "." + text[last + 1 :])


def read_day(text: str, *, month_first: bool) -> str | None:
    """The ISO date of three numbers: year first where the first is no day of a month.

    >>> read_day("15. 8. 97", month_first=False), read_day("5/12/2024", month_first=True)
    ('1997-08-15', '2024-05-12')
    >>> read_day("31.2.2024", month_first=False), read_day("5.12.", month_first=False)
    (None, None)
    """
    match [read_whole(run) for run in RUNS.findall(text)]:
        case [int(year), int(month), int(day)] if year > 31:
            return calendar_day(year, month, day)
        case [int(day), int(month), int(year)]:
            year += (1900 if year > CENTURY_TURN else 2000) if year < 100 else 0
            return calendar_day(year, *((day, month) if month_first and day <= 12 else (month, day)))
    return None


def read_day_and_month(text: str) -> tuple[int, int] | None:
    """Day and month of "15.8." or "29.03", where such a day exists; not of "100" or "10,5".

    >>> read_day_and_month("29.2."), read_day_and_month("30.2."), read_day_and_month("100")
    ((29, 2), None, None)
    """
    match = DAY_AND_MONTH.fullmatch(text)
    if not match or not calendar_day(2000, int(match[2]), int(match[1])):
        return None
    return int(match[1]), int(match[2])


def read_clock_time(text: str) -> tuple[int, int] | None:
    """Hour and minute of "20.15", "8:30", "20:15:30" or "9"; which of them exist is left to the reader.

    >>> read_clock_time("20.15"), read_clock_time("9"), read_clock_time("1.000")
    ((20, 15), (9, 0), None)
    """
    match = CLOCK.fullmatch(text)
    return (int(match[1]), int(match[2] or 0)) if match else None


def calendar_day(year: int, month: int, day: int) -> str | None:
    """The ISO date of a day; None where the calendar has none such.

    >>> calendar_day(2024, 2, 29), calendar_day(2023, 2, 29), calendar_day(0, 1, 1), calendar_day(10**12, 1, 1)
    ('2024-02-29', None, None, None)
    """
    try:
        return date(year, month, day).isoformat()
    except (ValueError, OverflowError):
        return None


def feast_day(year: int, feast: str | int) -> str | None:
    """The ISO date of a feast in a year: of "12-24" that day, of a number so many days from Easter Sunday.

    None before the Gregorian calendar, in which the feasts that move are counted.

    >>> feast_day(2022, "12-24"), feast_day(2024, -2), feast_day(2026, 49), feast_day(1500, 0)
    ('2022-12-24', '2024-03-29', '2026-05-24', None)
    """
    if isinstance(feast, str):
        month, _, day = feast.partition("-")
        return calendar_day(year, int(month), int(day))
    return (easter(year) + timedelta(feast)).isoformat() if FIRST_GREGORIAN <= year <= LAST_YEAR else None
