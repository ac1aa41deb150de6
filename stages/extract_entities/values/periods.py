"""Readers of the first of two days that share a month or a year: "5. bis 7. Mai 2024"; see `measures` for readers.

Each day is a value of its own, as exact as the two say together.
"""

import re

from stages.extract_entities.values.digits import calendar_day, read_day, read_day_and_month, read_whole
from stages.extract_entities.values.measures import NO_VALUE
from stages.extract_entities.values.tokens import Tokens

Day = tuple[int, int]  # month and day


def read_day_of_month(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """The first day of "5. bis 7. Mai 2024", "12./13. März", "du 5 au 7 mai"."""
    first, second = (read_whole(tokens.texts[match.start(name)]) for name in ("d", "d2"))
    if not _joined(tokens, match) or first is None or second is None or not 0 < first < second < 32:
        return NO_VALUE
    year = read_whole(tokens.texts[match.start("y")]) if match["y"] else None
    return calendar_day(year, tokens.payload(match.start("m")), first) if year is not None else None


def read_day_of_year(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """The first day of "3. Mai bis 10. September 2023"."""
    first, second = (_day(tokens, match, *names) for names in (("m", "d"), ("m2", "d2")))
    year = read_whole(tokens.texts[match.start("y")])
    return _in_year(first, second, year, tokens, match) if _joined(tokens, match) else NO_VALUE


def read_digits_of_year(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """The first day of "12.3. bis 14.3.2024"."""
    first = read_day_and_month(tokens.texts[match.start("o")])
    second = read_day(tokens.texts[match.start("f")], month_first=False)
    if first is None or second is None:
        return NO_VALUE
    year, month, day = (read_whole(part) or 0 for part in second.split("-"))
    return _in_year((first[1], first[0]), (month, day), year, tokens, match)


def read_digits_of_month(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """The first day of "12.-14.3.2024" and "12.-14.3."."""
    first, text = read_whole(tokens.texts[match.start("d")]), tokens.texts[match.start("f")]
    if tokens.kind(match.start("f")) == "day_month":
        later = read_day_and_month(text)
        return None if later and first in range(1, later[0]) else NO_VALUE
    second = read_day(text, month_first=False)
    if first is None or second is None or not 0 < first < (read_whole(second[8:]) or 0):
        return NO_VALUE
    return f"{second[:8]}{first:02}"


def _joined(tokens: Tokens, match: re.Match[str]) -> bool:
    """Whether the word between two days is one that joins them: of other words "/", French "au" and the like."""
    return not match["j"] or tokens.texts[match.start("j")].lower() in tokens.words.contexts["joining"]


def _day(tokens: Tokens, match: re.Match[str], month: str, day: str) -> Day:
    return tokens.payload(match.start(month)), read_whole(tokens.texts[match.start(day)]) or 0


def _in_year(first: Day, second: Day, year: int | None, tokens: Tokens, match: re.Match[str]) -> str | None:
    """The first day of two of which the second has a year: of that year, or of the one before ("28. 12. bis 6. 1.")."""
    if year is None or first == second:
        return NO_VALUE
    if first > second and tokens.kind(match.end()) == "and":
        return None
    return calendar_day(year - (first > second), *first) or NO_VALUE
