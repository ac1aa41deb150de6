"""Readers of dates; see `stages.extract_entities.values.measures` for what a reader is.

A complete date becomes ISO 8601 ("2025-08-15"), a month or year the same with less precision ("2025-08", "1945").
What needs the day of writing to be known ("vergangenen Freitag", "3. Mai") has no value.
"""

import re

from stages.extract_entities.values.amounts import HALF, IN_DIGITS
from stages.extract_entities.values.clock import is_morning
from stages.extract_entities.values.digits import (
    calendar_day,
    feast_day,
    read_day,
    read_day_and_month,
    read_whole,
)
from stages.extract_entities.values.measures import NO_VALUE
from stages.extract_entities.values.tokens import Tokens

DAY_MONTH = re.compile(r"[0-9]{2}\.[0-9]{2}")
OF_DAYS = frozenset({"am", "vom", "zum", "dem"})
GIVEN_NAMES = frozenset({"August", "Mai"})  # of months that are written out
BEFORE_PERSONS = frozenset({"und", "von", "vor", "nach", "für", "gegen", "gegenüber"})
OF_HOURS = frozenset({"um", "gegen"})
PARTS_OF_YEAR = {"3M": (33, 4), "6M": (40, 2)}  # quarters and halves: the number of the first, and how many there are
ARTICLES = frozenset({"the", "le"})
LASTING = frozenset({"in", "hintereinander", "nacheinander", "running"})  # "das dritte Quartal in Folge"
ROMAN_NUMBERS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
ROMAN_MONTHS = {roman: number for number, roman in enumerate(ROMAN_NUMBERS, start=1)}
ROMAN = re.compile("[IVX]+(?:e|ème)?")
BEFORE_CHRIST, AFTER_CHRIST = frozenset({"v", "av"}), frozenset({"n", "ap"})
CHRIST = frozenset({"Chr", "J"})
LIKELY, RECENT = "1500", "1900"  # from which on four digits are rather a year
LONG = 4  # letters of a word that is hardly an abbreviation
SHARES = frozenset({"%", "\u2030"})
BETWEEN_GROUPS = frozenset("()/-\u2013")
EN_DASH = "\u2013"
UNITS_OF_DAYS = frozenset("DWMY") | {"10Y", "6M", "3M"}


def read_digits_only(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "15.08.2025", "2025-08-15", "5/12/2024" (month first in English)."""
    text = tokens.texts[match.start("f")]
    return read_day(text, month_first=language == "en" and "/" in text) or NO_VALUE


def read_day_and_month_digits(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "15.8." has no year; it is a date only where such a day exists, so "Freitag, 100" is none.

    With a space, "12. 2.", it is one after a weekday, a preposition or an opening bracket.
    """
    placed = len(match[0]) > 1 or tokens.before(match.start()) in tokens.words.contexts["prepositions"] | {"("}
    if " " in tokens.texts[match.start("o")] and not placed:
        return NO_VALUE
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


def read_month_first(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "May 3, 2024"; in German a number that a noun follows counts it: "im Mai 23 Stellen"."""
    counted = language == "de" and not match["y"] and tokens.after(match.end())[:1].isupper()
    return NO_VALUE if counted else read_named_month(tokens, match, language)


def read_day_in_words(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "dritter Oktober 1990"; after a preposition or weekday, for "der erste Mai" may be a man."""
    day = tokens.words.ordinals[tokens.texts[match.start("w")].casefold()]
    placed = match.start("w") > match.start() or tokens.before(match.start()) in tokens.words.contexts["prepositions"]
    if not (match["y"] or placed):
        return NO_VALUE
    if not match["y"]:
        return None
    year = read_whole(tokens.texts[match.start("y")])
    return (year and calendar_day(year, tokens.payload(match.start("m")), day)) or NO_VALUE


def _after_article(tokens: Tokens, index: int) -> bool:
    return index > 0 and tokens.kind(index - 1) == "article"


def read_weekday(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "Freitag", "vergangenen Freitag"; not "Herr Freitag"."""
    return NO_VALUE if tokens.before(match.start()) in tokens.words.contexts["address"] else None


def read_weekday_and_day(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """German "Freitag, 9."; elsewhere the full stop is that of the sentence.

    "am Mittwoch der 12. Ärztetag" is no 12th: without a comma "der" begins what is counted.
    """
    day = match.end() - 2
    counted = tokens.before(day) == "der" and tokens.kind(day - 2) != "comma"
    if language != "de" or not _is_day(tokens.texts[day]) or (counted and tokens.after(match.end())[:1].isupper()):
        return NO_VALUE
    return read_weekday(tokens, match, language)


def read_weekday_and_number(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "mardi 11", "Tuesday 11", where nothing follows that would be counted."""
    placed = tokens.kind(match.end()) != "other" if match.end() < len(tokens.texts) else True
    contexts = tokens.words.contexts
    placed = placed or tokens.after(match.end()) in contexts["prepositions"] | contexts["at_words"]
    ranged = tokens.after(match.end()) in contexts["ranges"] and language == "en"  # "Tuesday 20 to 30 people"
    is_day = _is_day(tokens.texts[match.start("d")])
    return None if language != "de" and placed and is_day and not ranged else NO_VALUE


def read_day_of_this_month(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "the 14th instant", as newspapers wrote it."""
    return None if tokens.after(match.end()) in tokens.words.contexts["of_month"] else NO_VALUE


def read_edge(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "Ende des Jahres", "late Friday", "the end of the week"; not "in the early days", "seine späten Jahre"."""
    bare = len(match[0]) == 2 and tokens.kind(match.end() - 1) != "weekday"
    return NO_VALUE if bare and tokens.texts[match.start()].islower() else None


def read_bare_month(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """A month alone counts after a preposition only: "Mai", "August" and "May" are names as well."""
    at, contexts = match.start(), tokens.words.contexts
    if language == "de" and _is_given_name(tokens, match):
        return NO_VALUE
    if tokens.before(at) in contexts["prepositions"] | contexts["before_month"]:
        return None
    inside = (
        _after_article(tokens, at) and tokens.before(at - 1) in contexts["prepositions"] | contexts["before_the_month"]
    )
    following = tokens.after(match.end())  # "unter dem Januar", but "in der August-Ausgabe", "für das Oktober Heft"
    return None if inside and language == "de" and following != "-" and not following[:1].isupper() else NO_VALUE


def _is_given_name(tokens: Tokens, match: re.Match[str]) -> bool:
    """Whether a German month alone is rather a given name: "Jan" without a full stop, "von August Bebel"."""
    text, following = tokens.texts[match.start()], tokens.after(match.end())
    if text in tokens.words.contexts["abbreviations"] and following != ".":
        return True
    named = following[:1].isupper() or (following == "-" and tokens.after(match.end() + 1)[:1].isupper())
    return named and text in GIVEN_NAMES and tokens.before(match.start()) in BEFORE_PERSONS


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
    if before in contexts["strong_year"] or tokens.kind(match.start()) in {"edge", "edge_noun"}:
        return text
    following = tokens.after(index + 1)
    if _begins_sentence(tokens, index) and LIKELY <= text < "2100":
        return text if following[:1].islower() else NO_VALUE
    if _in_telephone_number(tokens, index):
        return NO_VALUE
    if before == "." and index > 1 and tokens.texts[index - 2].lower() in contexts["strong_year"]:
        return text  # "geb. 1950"
    if before == "bis" and RECENT <= text < "2100" and not text.endswith("00") and following[:1].isupper():
        return text  # "war bis 2022 Landrätin"; who counts up to 2022 of something writes "2.022" or "bis zu"
    if (
        _counts(tokens, index + 1, language)
        or following in {"-", "/", ":", "%"}
        or before in {".", "-", "/", ":", "nr", "no"}
    ):
        return NO_VALUE
    if before in contexts["prepositions"]:
        return text
    likely = LIKELY <= text < "2100" and not text.endswith("000")
    return text if likely and _free(tokens, index) else NO_VALUE


def _begins_sentence(tokens: Tokens, index: int) -> bool:
    """Whether a number begins a German sentence that was not parted from the one before: "... gebaut. 1958 starb er".

    A word before the full stop that is short may be an abbreviation, of a page or a number.
    """
    if index < 2 or tokens.texts[index - 1] != "." or tokens.words.language != "de":
        return False
    last = tokens.texts[index - 2]
    is_word = tokens.kind(index - 2) == "year" or (last.isalpha() and len(last) >= LONG and not last.endswith("nr"))
    return tokens.starts[index] > tokens.end(index - 1) and (is_word or last in SHARES)


def _in_telephone_number(tokens: Tokens, index: int) -> bool:
    """Whether groups of digits stand before four digits, and the first of them begins with a nought or a plus."""
    first = index
    while first > 0 and (tokens.kind(first - 1) in IN_DIGITS or tokens.texts[first - 1] in BETWEEN_GROUPS):
        first -= 1
    groups = [group for group in tokens.texts[first:index] if group not in BETWEEN_GROUPS]
    if not groups:
        return False
    return tokens.before(first) == "+" or (len(groups[0]) > 1 and groups[0].startswith("0"))


def _counts(tokens: Tokens, index: int, language: str) -> bool:
    """Whether the word after a number may be what it counts: "2000 Soldaten", "2000 soldiers"."""
    following = tokens.after(index)
    if language == "de":
        return following[:1].isupper()
    thing = following.isalpha() and following.islower() and tokens.kind(index) == "other"
    return thing and following not in tokens.words.contexts["after_year"]


def _free(tokens: Tokens, index: int) -> bool:
    """Whether no noun or name stands right before a number that it could belong to."""
    opening = index == 1 and tokens.before(index) in tokens.words.contexts["before_year"]  # "Für 2024 rechnet"
    return index == 0 or opening or not tokens.texts[index - 1][:1].isupper()


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
    """ "im Sommer", "Sommer 2015" ("2015-22", by ISO 8601-2), "Karfreitag 2024"; a season alone is a common noun."""
    last = match.end() - 1
    if tokens.texts[match.start()] in tokens.words.contexts["feast_first"]:
        return NO_VALUE
    season = last - (tokens.kind(last) == "year") - (tokens.kind(last - 1) == "of")
    if len(match[0]) == 1 and not _is_time_of_year(tokens, match.start()):
        return NO_VALUE
    if season == last or tokens.kind(season) != "season":
        return None
    if (feast := tokens.words.feasts.get(tokens.texts[season])) is not None:
        return feast_day(read_whole(tokens.texts[last]) or 0, feast) if season == match.start() else None
    number = tokens.payload(season)
    return f"{tokens.texts[last]}-{number}" if number else None


def read_feast_of_two_words(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "Christi Himmelfahrt", after a preposition or before its year."""
    first, dated = match.start(), tokens.kind(match.end() - 1) == "year"
    placed = dated or _is_time_of_feast(tokens, first)
    if not placed or tokens.texts[first] not in tokens.words.contexts["feast_first"]:
        return NO_VALUE
    feast = tokens.words.feasts.get(" ".join(tokens.texts[first : first + 2]))
    return feast_day(read_whole(tokens.texts[match.end() - 1]) or 0, feast) if dated and feast is not None else None


def read_named_day(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "am Tag der Deutschen Einheit", "an den Heiligen Drei Königen", "am Buß- und Bettag 2023"."""
    first, last = match.start(), match.end() - (tokens.kind(match.end() - 1) == "year")
    named = " ".join(tokens.texts[first:last]).replace(" -", "-") in tokens.words.contexts["named_days"]
    article = first - (first > 0 and tokens.kind(first - 1) == "article")
    return None if named and _is_time_of_feast(tokens, article) else NO_VALUE


def _is_time_of_feast(tokens: Tokens, index: int) -> bool:
    contexts = tokens.words.contexts
    return tokens.before(index) in contexts["prepositions"] | contexts["feast_before"]


def read_numbered_feast(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "am 3. Advent", "zweiten Weihnachtsfeiertag"; not "der zweite Sommer"."""
    return NO_VALUE if tokens.payload(match.end() - 1) else None


def _is_time_of_year(tokens: Tokens, index: int) -> bool:
    """Whether a season or feast that stands alone says when: after a preposition."""
    before, contexts = tokens.before(index), tokens.words.contexts
    return before in contexts["prepositions"] or (not tokens.payload(index) and before in contexts["feast_before"])


def read_decade(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "den 90er Jahren", "die 1990er"; not "im 60er Bereich", where a noun follows, nor "in his 40s"."""
    alone = tokens.kind(match.end() - 1) == "decade"
    if tokens.before(match.start()) in tokens.words.contexts["before_age"]:
        return NO_VALUE
    in_digits = tokens.texts[match.end() - 1][:1].isdigit()  # else the years are told: "Neunzigerjahre"
    noun = language == "de" and tokens.after(match.end())[:1].isupper()
    return NO_VALUE if alone and noun and in_digits else None


def read_bare_decade(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "Ende der Siebziger", "in den Neunzigern", "die Musik der Achtziger"; not "ein rüstiger Siebziger"."""
    at = match.end() - 1
    if not tokens.texts[at][:1].isupper() or tokens.after(match.end())[:1].isupper():
        return NO_VALUE
    article, before = tokens.before(at), tokens.texts[at - 2] if at > 1 else ""
    dated = article == "den" and before.lower() in tokens.words.contexts["prepositions"] | {"aus"}
    of_noun = article == "der" and before[:1].isupper() and at > 2
    return None if len(match[0]) > 1 or dated or of_noun else NO_VALUE


def read_era(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "800 n. Chr." is "0800"; years before Christ have no value."""
    at = match.start()
    era, year = tokens.texts[at + 1].lower(), read_whole(tokens.texts[at])
    if tokens.texts[at + 3] not in CHRIST or year is None or era not in BEFORE_CHRIST | AFTER_CHRIST:
        return NO_VALUE
    return f"{year:04}" if era in AFTER_CHRIST and 0 < year < 10_000 else None


def read_century_of_era(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "3. Jahrhundert v. Chr."."""
    era, christ = tokens.texts[match.start("e")].lower(), tokens.texts[match.end() - 1]
    return None if christ in CHRIST and era in BEFORE_CHRIST | AFTER_CHRIST else NO_VALUE


def read_roman_month(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "12. IX. 1924": the month in Roman numerals, as in files and letters."""
    month = ROMAN_MONTHS.get(tokens.texts[match.start("r")])
    day, year = (read_whole(tokens.texts[match.start(name)]) for name in ("d", "y"))
    return (month and day and year and calendar_day(year, month, day)) or NO_VALUE


def read_decade_of_years(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "les années 1960"."""
    decade = tokens.texts[match.start()] == "années" and tokens.texts[match.end() - 1].endswith("0")
    return None if decade else NO_VALUE


def read_roman_century(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "XIX. Jahrhundert", "XIXe siècle"."""
    return None if ROMAN.fullmatch(tokens.texts[match.start()]) else NO_VALUE


def read_quarter(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "Q3 2015" and "Q3/2015" are "2015-35", "H1 2015" is "2015-40", by ISO 8601-2."""
    word, sign = tokens.texts[match.start("q")], tokens.texts[match.end() - 2]
    if sign not in {word, "/"}:
        return NO_VALUE
    return _part(tokens.texts[match.start("y")], read_whole(word[1:]), PARTS_OF_YEAR["3M" if word[0] == "Q" else "6M"])


def read_part_of_year(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "2. Quartal 2015" ("2015-34"), "first half of 2024" ("2024-40"); without a year only after a preposition."""
    first, unit = tokens.texts[match.start()], tokens.payload(match.start("u"))
    count, parts = tokens.words.ordinals.get(first.casefold(), read_whole(first)), PARTS_OF_YEAR.get(_span_of(unit))
    if count is None or parts is None or not 1 <= count <= parts[1]:
        return NO_VALUE
    if match["y"]:
        return _part(tokens.texts[match.start("y")], count, parts)
    following = tokens.after(match.end())
    loose = (parts is PARTS_OF_YEAR["6M"] and unit == HALF) or following in LASTING
    before = (
        tokens.before(match.start() - 1) if tokens.before(match.start()) in ARTICLES else tokens.before(match.start())
    )
    return NO_VALUE if loose or before not in tokens.words.contexts["prepositions"] else None


def _span_of(unit: object) -> str:
    """The months that a word for a part of the year stands for: "3M", "6M"."""
    return "6M" if unit == HALF else str(unit)


def _part(year: str, count: int | None, parts: tuple[int, int]) -> str:
    first, most = parts
    return f"{year}-{first + count - 1}" if count and count <= most else NO_VALUE


def read_two_years(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "2015/16" and "2015/2016" are two years where one follows the other: "2015/2016"."""
    first, sign, second = (match.start(name) for name in ("y", "s", "z"))
    begin, end = tokens.texts[first], tokens.texts[second]
    together = tokens.texts[sign] in {"/", "-", EN_DASH} and tokens.touch(first, sign)
    following = str((read_whole(begin) or 0) + 1)
    return f"{begin}/{following}" if together and end in (following, following[2:]) else NO_VALUE


def read_years_with_dash(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "2015-16", "1914-18": years of one century; what could be a month ("2024-05") only where it is the next year."""
    first, sign, second = (match.start(name) for name in ("y", "s", "z"))
    begin, end = tokens.texts[first], tokens.texts[second]
    later = (read_whole(end) or 0) - (read_whole(begin[2:]) or 0)
    clear = tokens.texts[sign] == EN_DASH or _free(tokens, first) or _after_article(tokens, first)
    if len(end) != 2 or not tokens.touch(first, second) or not clear or later < 1:
        return NO_VALUE
    return f"{begin}/{begin[:2]}{end}" if later == 1 or end > "12" else NO_VALUE


def read_season_of_two_years(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "Winter 2015/16" is the winter that began in 2015."""
    number = tokens.payload(match.start("w"))
    found = read_two_years(tokens, match, language)
    return f"{tokens.texts[match.start('y')]}-{number}" if number and found != NO_VALUE else NO_VALUE


def read_morning_after(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "am nächsten Morgen"."""
    return None if is_morning(tokens, match.end() - 1, language) else NO_VALUE


def read_relative_day(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "gestern"; the "Morgen" of "am Morgen" and "heute morgen" is a time of day, and nothing in "Guten Morgen"."""
    return NO_VALUE if is_morning(tokens, match.start(), language) else None
