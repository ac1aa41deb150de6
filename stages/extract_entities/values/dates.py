"""Readers of dates and times of day; see `stages.extract_entities.values.measures` for what a reader is.

A complete date becomes ISO 8601 ("2025-08-15"), a month or year the same with less precision ("2025-08", "1945"),
a time of day "20:15". What needs the day of writing to be known ("vergangenen Freitag", "3. Mai") has no value.
"""

import re

from stages.extract_entities.values.digits import (
    calendar_day,
    read_clock_time,
    read_day,
    read_day_and_month,
    read_whole,
)
from stages.extract_entities.values.measures import NO_VALUE
from stages.extract_entities.values.tokens import Tokens

DAY_MONTH = re.compile(r"[0-9]{2}\.[0-9]{2}")
OF_DAYS = frozenset({"am", "vom", "zum", "dem"})
OF_HOURS = frozenset({"um", "gegen"})
GREETING = frozenset({"guten", "guter", "schönen"})
QUARTER = re.compile("Q[1-4]")
FIRST_QUARTER = 33
UNITS_OF_DAYS = frozenset("DWMY") | {"10Y", "6M", "3M"}


def read_digits_only(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "15.08.2025", "2025-08-15", "5/12/2024" (month first in English)."""
    text = tokens.texts[match.start("f")]
    return read_day(text, month_first=language == "en" and "/" in text) or NO_VALUE


def read_day_and_month_digits(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "15.8." has no year; it is a date only where such a day exists, so "Freitag, 100" is none."""
    return None if read_day_and_month(tokens.texts[match.start("o")]) else NO_VALUE


def read_dotted_digits(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "am 23.03": in German, which writes decimals with a comma, after a preposition or an opening bracket."""
    before = tokens.before(match.start())
    placed = before == "(" or (before in tokens.words.contexts["prepositions"] and before not in OF_HOURS)
    if language != "de" or not placed or not DAY_MONTH.fullmatch(tokens.texts[match.start()]):
        return NO_VALUE
    return read_day_and_month_digits(tokens, match, language)


def read_named_month(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "15. August 2025", "May 3, 2024", "le 3 mai 2024", "August 2025"."""
    month, groups = tokens.payload(match.start("m")), match.groupdict()
    day = read_whole(tokens.texts[match.start("d")]) if groups.get("d") else None
    if day is not None and not calendar_day(2000, month, day):
        return NO_VALUE
    year = read_whole(tokens.texts[match.start("y")]) if groups.get("y") else None
    if year is None:
        return None
    return f"{year:04}-{month:02}" if day is None else calendar_day(year, month, day) or NO_VALUE


def read_bare_month(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """A month alone counts after a preposition only: "Mai", "August" and "May" are names as well."""
    return None if tokens.before(match.start()) in tokens.words.contexts["prepositions"] else NO_VALUE


def read_day_before_range(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """The first day of "5. bis 7. Mai"."""
    return None if _is_day(tokens.texts[match.start()]) else NO_VALUE


def read_day_alone(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "am 25." without a month: in German, where no noun follows."""
    placed = language == "de" and tokens.before(match.start()) in OF_DAYS and _is_day(tokens.texts[match.start()])
    return None if placed and not tokens.after(match.end())[:1].isupper() else NO_VALUE


def _is_day(text: str) -> bool:
    return read_whole(text) in range(1, 32)


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
    """ "im Sommer", "Sommer 2015" ("2015-22", by ISO 8601-2); a season alone is a common noun."""
    alone = len(match[0]) == 1
    if alone and tokens.before(match.start()) not in tokens.words.contexts["prepositions"]:
        return NO_VALUE
    last = match.end() - 1
    number = tokens.payload(last - 1) if tokens.kind(last) == "year" and last > match.start() else ""
    return f"{tokens.texts[last]}-{number}" if number and tokens.kind(last - 1) == "season" else None


def read_quarter(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "2. Quartal 2015", "Q3 2015": "2015-34", "2015-35", by ISO 8601-2."""
    word = tokens.texts[match.start("q")]
    named = "u" in match.re.groupindex
    digit = word if named else word[1:] if QUARTER.fullmatch(word) else ""
    number = read_whole(digit) or 0
    if number not in range(1, 5) or (named and tokens.payload(match.start("u")) != "3M"):
        return NO_VALUE
    return f"{tokens.texts[match.start('y')]}-{FIRST_QUARTER + number - 1}"


def read_two_years(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "2015/16" and "2015/2016" are two years where one follows the other: "2015/2016"."""
    first, sign, second = (match.start(name) for name in ("y", "s", "z"))
    begin, end = tokens.texts[first], tokens.texts[second]
    together = tokens.texts[sign] == "/" and tokens.touch(first, sign)
    following = str((read_whole(begin) or 0) + 1)
    return f"{begin}/{following}" if together and end in (following, following[2:]) else NO_VALUE


def read_season_of_two_years(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "Winter 2015/16" is the winter that began in 2015."""
    number = tokens.payload(match.start("w"))
    found = read_two_years(tokens, match, language)
    return f"{tokens.texts[match.start('y')]}-{number}" if number and found != NO_VALUE else NO_VALUE


def read_relative_day(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "gestern"; the noun "Morgen" is a time of day, and nothing in "Guten Morgen"."""
    return NO_VALUE if _is_noun_morning(tokens, match.start(), language) else None


def read_morning(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "am Morgen", "heute Morgen"."""
    greeting = tokens.before(match.start()) in GREETING
    return None if _is_noun_morning(tokens, match.start(), language) and not greeting else NO_VALUE


def _is_noun_morning(tokens: Tokens, index: int, language: str) -> bool:
    inside = index > 0 and tokens.texts[index - 1][-1:].isalpha()
    return language == "de" and tokens.texts[index] == "Morgen" and inside


def read_clock(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "20.15 Uhr", "20 Uhr 15", "8:30 p.m.", "12 h 30"."""
    groups, start = match.groupdict(), match.start("n")
    if tokens.kind(start) == "numeral":
        return None  # "acht Uhr": of the morning or of the evening
    clock = read_clock_time(tokens.texts[start])
    if clock is None:
        return NO_VALUE
    hour, minute = clock
    if groups.get("d"):
        minute = read_whole(tokens.texts[match.start("d")]) or 0
    if groups.get("q"):
        afternoon = tokens.texts[match.start("q")].lower().startswith("p")
        hour = hour % 12 + (12 if afternoon else 0)
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
