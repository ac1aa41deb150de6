"""Readers of dates and times of day; see `stages.extract_entities.values.measures` for what a reader is.

A complete date becomes ISO 8601 ("2025-08-15"), a month or year the same with less precision ("2025-08", "1945"),
a time of day "20:15". What needs the day of writing to be known ("vergangenen Freitag", "3. Mai") has no value.
"""

import re
from datetime import date

from stages.extract_entities.values.measures import NO_VALUE
from stages.extract_entities.values.tokens import Tokens

CLOCK = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?(?::\d{2})?")
PARTS = re.compile(r"\d+")
DAY_MONTH = re.compile(r"\d{2}\.\d{2}")
OF_DAYS = frozenset({"am", "vom", "zum", "dem"})
OF_HOURS = frozenset({"um", "gegen"})
CENTURY_TURN = 69  # two-digit years: 70 to 99 are 19.., the rest 20.., as POSIX reads them
UNITS_OF_DAYS = frozenset("DWMY") | {"10Y", "6M", "3M"}


def read_digits_only(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "15.08.2025", "2025-08-15", "5/12/2024" (month first in English)."""
    numbers = [int(part) for part in PARTS.findall(tokens.texts[match.start("f")])]
    if numbers[0] > 31:
        year, month, day = numbers
    else:
        day, month, year = numbers
    if language == "en" and "/" in tokens.texts[match.start("f")] and day <= 12:
        day, month = month, day
    if year < 100:
        year += 1900 if year > CENTURY_TURN else 2000
    return _iso(year, month, day) or NO_VALUE


def read_day_and_month_digits(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "15.8." has no year; it is a date only where such a day exists."""
    day, month = (int(part) for part in PARTS.findall(tokens.texts[match.start("o")])[:2])
    return None if _iso(2000, month, day) else NO_VALUE


def read_dotted_digits(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "am 23.03": in German, which writes decimals with a comma, after a preposition or an opening bracket."""
    before = tokens.before(match.start())
    placed = before == "(" or (before in tokens.words.contexts["prepositions"] and before not in OF_HOURS)
    if language != "de" or not placed or not DAY_MONTH.fullmatch(tokens.texts[match.start()]):
        return NO_VALUE
    return read_day_and_month_digits(tokens, match, language)


def read_named_month(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "15. August 2025", "May 3, 2024", "le 3 mai 2024", "August 2025"."""
    month = tokens.payload(match.start("m"))
    groups = match.groupdict()
    day = int(tokens.texts[match.start("d")]) if groups.get("d") else None
    if day is not None and not _iso(2000, month, day):
        return NO_VALUE
    if not groups.get("y"):
        return None
    year = int(tokens.texts[match.start("y")])
    return f"{year:04}-{month:02}" if day is None else _iso(year, month, day) or NO_VALUE


def read_bare_month(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """A month alone counts after a preposition only: "Mai", "August" and "May" are names as well."""
    return None if tokens.before(match.start()) in tokens.words.contexts["prepositions"] else NO_VALUE


def read_day_before_range(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """The first day of "5. bis 7. Mai"."""
    return None if 1 <= int(tokens.texts[match.start()]) <= 31 else NO_VALUE


def read_day_alone(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "am 25." without a month: in German, where no noun follows."""
    day, before = int(tokens.texts[match.start()]), tokens.before(match.start())
    placed = language == "de" and before in OF_DAYS and 1 <= day <= 31
    return None if placed and not tokens.after(match.end())[:1].isupper() else NO_VALUE


def read_year(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """Four digits are a year where nothing is counted: not "2000 Soldaten", "WM 2014", "Nr. 1945"."""
    index = match.start("y")
    text, before, contexts = tokens.texts[index], tokens.before(index), tokens.words.contexts
    if before in contexts["strong_year"]:
        return text
    following = tokens.after(index + 1)
    counts = following[:1].isupper() if language == "de" else following.isalpha() and tokens.kind(index + 1) == "other"
    if counts or following in {"-", "/", ":", "%"} or before in {".", "-", "/", ":", "nr", "no"}:
        return NO_VALUE
    if before in contexts["prepositions"]:
        return text
    likely = "1500" <= text < "2100" and not text.endswith("000")
    return text if likely and _free(tokens, index) else NO_VALUE


def _free(tokens: Tokens, index: int) -> bool:
    """Whether no noun or name stands right before a number that it could belong to."""
    return index == 0 or not tokens.texts[index - 1][:1].isupper()


def read_year_in_range(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """The first year of "1939-1945" or "1939 bis 1945"."""
    first, second = tokens.texts[match.start("y")], tokens.texts[match.start("y2")]
    return first if first < second else NO_VALUE


def read_range_end(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """The second year of a range."""
    first, second = tokens.texts[match.start() - 2], tokens.texts[match.start()]
    return second if first < second else NO_VALUE


def read_span_of_days(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "vergangene Woche", "nächstes Jahr"; not "nächste Minute"."""
    return None if tokens.payload(match.start("u") if match["u"] else match.start("u2")) in UNITS_OF_DAYS else NO_VALUE


def read_season(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "im Sommer", "Sommer 2015"; a season alone is a common noun."""
    alone = len(match[0]) == 1
    return NO_VALUE if alone and tokens.before(match.start()) not in tokens.words.contexts["prepositions"] else None


def read_clock(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "20.15 Uhr", "20 Uhr 15", "8:30 p.m.", "12 h 30"."""
    groups = match.groupdict()
    text = tokens.texts[match.start("n")]
    parts = CLOCK.fullmatch(text)
    if not parts:
        return None if tokens.kind(match.start("n")) == "numeral" else NO_VALUE
    hour, minute = int(parts[1]), int(parts[2] or 0)
    if groups.get("d"):
        minute = int(tokens.texts[match.start("d")])
    if groups.get("q"):
        half = tokens.texts[match.start("q")][0].lower()
        hour = hour % 12 + (12 if half == "p" else 0)
    return f"{hour:02}:{minute:02}" if hour <= 24 and minute < 60 else NO_VALUE


def read_hour_after_at(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """French "à 20 heures" is a time, "20 heures" alone a duration."""
    if tokens.before(match.start()) not in tokens.words.contexts["at_words"]:
        return NO_VALUE
    return read_clock(tokens, match, language)


def read_named_hour(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """Midnight and noon."""
    hour: str = tokens.payload(match.start())
    return hour


def _iso(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
