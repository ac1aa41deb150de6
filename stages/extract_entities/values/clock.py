"""Readers of times of day; see `stages.extract_entities.values.measures` for what a reader is.

A time becomes hours and minutes, "20:15". What leaves open whether morning or evening is meant has no value.
"""

import re
from itertools import pairwise

from stages.extract_entities.values.amounts import HALF
from stages.extract_entities.values.digits import read_clock_time, read_whole
from stages.extract_entities.values.measures import NO_VALUE, at_an_hour
from stages.extract_entities.values.tokens import Tokens

GREETING = frozenset({"guten", "guter", "schönen"})
DOTTED = re.compile(r"(?:[01]?[0-9]|2[0-3])\.[0-5][0-9]")
ONE = frozenset({"ein", "one"})  # "ein Uhr" is a time, "eine Uhr" a watch
OF_PART = frozenset({"du", "de"})
AT_HALF = frozenset({"um", "gegen", "ab", "bis", "vor", "nach", "seit", "von", "kurz"})


def is_morning(tokens: Tokens, index: int, language: str) -> bool:
    """Whether German "morgen" is the time of day: the noun inside a sentence, and what follows "heute" or a weekday."""
    after_day = index > 0 and tokens.kind(index - 1) in {"relative_day", "weekday"}
    inside = index > 0 and tokens.texts[index - 1][-1:].isalpha()
    text = tokens.texts[index]
    return language == "de" and ((text == "Morgen" and inside) or (text == "morgen" and after_day))


def read_morning(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "am Morgen", "heute morgen"."""
    greeting = tokens.before(match.start()) in GREETING
    return None if is_morning(tokens, match.start(), language) and not greeting else NO_VALUE


def read_part_of_day(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "am Abend", "in der Nacht", "in the morning"; not "der Abend war schön"."""
    at, contexts = match.start(), tokens.words.contexts
    inside = at > 1 and tokens.kind(at - 1) == "article" and tokens.before(at - 1) in contexts["in_part_of_day"]
    inside = inside or (tokens.before(at - 1) == "on" and tokens.after(at + 1) == "of")  # "on the night of the 12th"
    until = tokens.before(at) == "zum" and tokens.before(at - 1) == "bis"
    return None if inside or until or tokens.before(at) in contexts["before_part_of_day"] else NO_VALUE


def read_edge_of_day(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "am frühen Morgen", "bis in den späten Abend", "by late afternoon"; not "ein früher Morgen"."""
    at, placing = match.start(), tokens.words.contexts["prepositions"] | tokens.words.contexts["before_part_of_day"]
    first = at - 1 if at and tokens.kind(at - 1) == "article" else at
    return None if tokens.before(first) in placing else NO_VALUE


def read_early_hours(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "in the early hours"; not "in the early days"."""
    return None if language == "en" and tokens.payload(match.end() - 1) == "TH" else NO_VALUE


def read_clock(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "20.15 Uhr", "20 Uhr 15", "8:30 p.m.", "9 Uhr abends", "abends 9 Uhr", "12 h 30"; not "eine Uhr"."""
    groups, start = match.groupdict(), match.start("n")
    if tokens.kind(start) == "one" and tokens.texts[start].lower() not in ONE:
        return NO_VALUE
    if tokens.kind(start) in {"numeral", "one"}:
        return _in_words(tokens, match)
    clock = read_clock_time(tokens.texts[start])
    if clock is None or (tokens.kind(start) == "clock_time" and _is_score(tokens, start)):
        return NO_VALUE
    hour, minute = clock
    if groups.get("d"):
        minute = read_whole(tokens.texts[match.start("d")]) or 0
    if groups.get("q"):
        afternoon = tokens.texts[match.start("q")].lower().startswith("p")
        hour = hour % 12 + (12 if afternoon else 0)
    if groups.get("a") and _after_noon(tokens, match.start("a"), hour):
        hour += 12
    return f"{hour:02}:{minute:02}" if hour <= 24 and minute < 60 else NO_VALUE


def _in_words(tokens: Tokens, match: re.Match[str]) -> str | None:
    """ "acht Uhr abends", "drei Uhr früh"; "acht Uhr" alone is of the morning or of the evening."""
    hour = tokens.payload(match.start("n"))
    if not match.groupdict().get("a") or hour % 1 or not 1 <= hour <= 12:
        return None
    return f"{hour + 12 * _after_noon(tokens, match.start('a'), hour):02.0f}:00"


def _after_noon(tokens: Tokens, index: int, hour: int) -> bool:
    """Whether an hour is one of the second half of the day in the part of the day that a word names."""
    hours = tokens.payload(index)
    return bool(hours) and hours[0] <= hour <= hours[1]


def read_hour_and_minutes(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "6 Uhr 40 Minuten"; not "um 8 Uhr 2 Stunden"."""
    return read_clock(tokens, match, language) if tokens.payload(match.start("x")) == "TM" else NO_VALUE


def read_hour_of_part(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """French "huit heures du soir", "5 heures de l'après-midi"."""
    return read_clock(tokens, match, language) if tokens.texts[match.start("o")] in OF_PART else NO_VALUE


def _is_score(tokens: Tokens, index: int) -> bool:
    """Whether two numbers with a colon are goals or points: after a word of winning, before "Tore", the half-time
    score in brackets, or one of several of which a later one is less."""
    if tokens.before(index) in tokens.words.contexts["score_before"]:
        return True
    if tokens.after(index + 1).lower() in tokens.words.contexts["score_after"]:
        return True
    first, last = index, index
    while _is_clock_time(tokens, first - 2) and tokens.kind(first - 1) == "comma":
        first -= 2
    while _is_clock_time(tokens, last + 2) and tokens.kind(last + 1) == "comma":
        last += 2
    clocks = [read_clock_time(tokens.texts[at]) or (0, 0) for at in range(first, last + 1, 2)]
    if any(second < first for first, second in pairwise(clocks)):
        return True
    inside = index + 2 if tokens.after(index + 1) == "(" else index if tokens.before(index) == "(" else 0
    return inside > 1 and _is_at_half_time(tokens, inside)


def _is_clock_time(tokens: Tokens, index: int) -> bool:
    return 0 <= index < len(tokens.texts) and tokens.kind(index) == "clock_time"


def _is_at_half_time(tokens: Tokens, inside: int) -> bool:
    """Whether the score in brackets is nowhere above the one before them."""
    if not (_is_clock_time(tokens, inside) and _is_clock_time(tokens, inside - 2) and tokens.after(inside + 1) == ")"):
        return False
    first, second = read_clock_time(tokens.texts[inside]), read_clock_time(tokens.texts[inside - 2])
    return first is not None and second is not None and first[0] <= second[0] and first[1] <= second[1]


def read_dotted_clock(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "um 19.30" in German, where nothing follows that would be counted."""
    placed = language == "de" and tokens.before(match.start()) == "um" and not tokens.after(match.end())[:1].isupper()
    if not placed or not DOTTED.fullmatch(tokens.texts[match.start()]) or tokens.after(match.end()) in {"%", "-"}:
        return NO_VALUE
    return read_clock(tokens, match, language)


def read_hour_less_a_part(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "½8 Uhr abends" is 19:30, "¾9 Uhr" a quarter to nine of the morning or the evening."""
    hour, part = read_whole(tokens.texts[match.start("n")]), tokens.payload(match.start())
    if hour is None or not 1 <= hour <= 12:
        return NO_VALUE
    if not match["a"]:
        return None
    minutes = 60 * (hour - 1) + 60 * part
    minutes += 720 * (_after_noon(tokens, match.start("a"), hour) or minutes < 60)
    return f"{minutes // 60:02.0f}:{minutes % 60:02.0f}"


def read_hour_after_at(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """French "à 20 heures" is a time, "20 heures" alone a duration."""
    if tokens.before(match.start()) not in tokens.words.contexts["at_words"]:
        return NO_VALUE
    return read_clock(tokens, match, language)


def read_named_hour(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """Midnight and noon; French writes them small, so that "le Midi" inside a sentence is the south."""
    hour: str = tokens.payload(match.start())
    is_name = language == "fr" and tokens.texts[match.start()][0].isupper() and tokens.before(match.start())
    return NO_VALUE if is_name else hour


def read_half_hour(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "um halb acht", "bis halb 7"; not "halb zwei, halb drei"."""
    return None if tokens.before(match.start()) in AT_HALF and _is_hour(tokens, match.start() + 1) else NO_VALUE


def read_part_of_hour(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "Viertel nach neun", "half past seven", "quarter to five"; "um viertel neun"."""
    first = match.start()
    joint = first + 1 + (tokens.kind(first + 1) == "hyphen")
    if tokens.kind(joint) in {"numeral", "day"}:
        placed = tokens.kind(first) == "quarter" and tokens.before(first) in AT_HALF
        return None if placed and _is_hour(tokens, joint) else NO_VALUE
    half = tokens.kind(first) == "fraction"
    if tokens.texts[joint] not in tokens.words.contexts["of_hour"] or not _is_hour(tokens, joint + 1):
        return NO_VALUE
    return NO_VALUE if half and (tokens.payload(first) != HALF or tokens.texts[joint] != "past") else None


def _is_hour(tokens: Tokens, index: int) -> bool:
    counted = tokens.payload(index) if tokens.kind(index) == "numeral" else read_whole(tokens.texts[index])
    return counted is not None and 1 <= counted <= 12


def read_hour_sign(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "um 20h", "03:50 h" are times; "20 h" alone is a duration."""
    at = tokens.before(match.start()) in tokens.words.contexts["at_words"]
    if tokens.texts[match.start("u")] != "h" or not (at or tokens.kind(match.start()) == "clock_time"):
        return NO_VALUE
    return read_clock(tokens, match, language)


def read_hour_minute(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "à 8h15" is a time, "1h45" alone a duration."""
    return read_clock(tokens, match, language) if at_an_hour(tokens, match.start()) else NO_VALUE
