"""The words a language measures, dates and pays with, each with its kind (`kinds`), from `lookups/values`."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parents[2] / "lookups" / "values"
LANGUAGES = tuple(sorted(path.stem for path in FOLDER.glob("*.json")))

# Lists of the data files and the kind of their words; of two lists with one word the later wins.
KIND_OF_LIST = {
    "articles": "article", "and_words": "and", "ranges": "to", "per_words": "per", "hundred_words": "hundred",
    "ordinal_suffixes": "ordinal", "partitives": "of", "vague": "vague", "ones": "one", "numbers": "numeral",
    "ordinals": "ordinal_word", "between_words": "between", "minus_words": "minus", "powers": "power",
    "thermometers": "thermometer", "percentage_words": "percentage", "decade_words": "decade_word",
    "decade_compounds": "decade", "quarters": "quarter", "half_words": "half", "nations": "nation",
    "modifiers": "modifier", "postmodifiers": "postmodifier", "scales": "scale", "units": "unit", "symbols": "symbol",
    "currencies": "currency", "percent": "percent", "permille": "percent", "points": "percent",
    "basis_points": "percent",
    "percent_adjectives": "percent", "time_units": "time_unit", "year_words": "year_word", "hour_words": "hour_word",
    "century": "century", "seasons": "season", "clock": "clock", "meridiem": "meridiem", "midnight": "midnight",
    "edges": "edge", "edge_nouns": "edge_noun", "daily": "daily", "day_parts": "day_part",
    "relative_days": "relative_day",
    "weekdays": "weekday", "months": "month", "adjectives": "time_adjective",
}  # fmt: skip
# Nothing without a word of one of these kinds, a digit or a sign is a value.
TRIGGERS = frozenset({
    "weekday", "month", "relative_day", "daily", "time_unit", "year_word", "hour_word", "century", "season",
    "midnight", "scale", "currency", "clock", "percent", "percentage", "unit", "hundred", "half", "quarter", "fraction",
    "day_part", "decade", "decade_word",
})  # fmt: skip
# Kinds whose words begin with a capital where they are listed with one, else they are other words: Mai, mai.
CAPITAL = {
    "de": frozenset({"month", "weekday", "edge", "season", "century", "day_part"}),
    "en": frozenset({"month", "weekday"}),
    "fr": frozenset[str](),
}
FRACTIONS = {"\u00bc": Decimal("0.25"), "\u00bd": Decimal("0.5"), "\u00be": Decimal("0.75")}
SIGNS = {
    **dict.fromkeys(FRACTIONS, "fraction"),
    **dict.fromkeys("-\u2013\u2014\u2011\u2212", "hyphen"),  # hyphen, dashes, minus
    **dict.fromkeys("'\u2019", "apostrophe"),
    ",": "comma",
    ".": "stop",
}
CONTEXTS = (
    "prepositions", "strong_year", "after_year", "feast_before", "at_words", "of_hour", "before_part_of_day",
    "address", "not_minus", "abbreviations", "duration_before", "duration_after", "score_before", "ranges",
    "joining", "of_month", "degree_before",
    "in_part_of_day", "score_after", "per_time", "before_year", "before_month", "before_the_month",
    "before_age", "feast_first", "named_days", "weights", "weight_before", "weight_after", "acres", "land_after",
)  # fmt: skip

DE_ONES = ("", "ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun")
DE_TEENS = ("zehn", "elf", "zwölf", "dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn")
DE_TENS = ("zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig")
DE_HALVES = {"halbe": 0.5, "halben": 0.5, "halbes": 0.5, "anderthalb": 1.5, "eineinhalb": 1.5}
DE_CASES = {"zweier": 2, "dreier": 3, "zween": 2, "beiden": 2, "tausend": 1000, "dreissig": 30}
DE_DAY_PARTS = ("früh", "morgen", "vormittag", "mittag", "nachmittag", "abend", "nacht")
ENDINGS = ("", "e", "en", "er", "es", "em", "e", "s")


class Lexicon(NamedTuple):
    """The words of one language: their kinds, what they stand for, and the words that give a number a context.

    ``feasts``: of one day each, as month and day ("12-24") or days from Easter Sunday.
    """

    language: str
    kinds: dict[str, str]
    payloads: dict[str, Any]
    triggers: frozenset[str]
    contexts: dict[str, frozenset[str]]
    adjective: re.Pattern[str] | None
    ordinals: dict[str, int]
    feasts: dict[str, str | int]


@cache
def lexicon(language: str) -> Lexicon | None:
    """The words of a language from its data file; None for a language without one."""
    if language not in LANGUAGES:
        return None
    data = json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    kinds: dict[str, str] = {}
    payloads: dict[str, Any] = {}
    for name, kind in KIND_OF_LIST.items():
        for word, payload in _entries(language, name, data.get(name, ())):
            exact = kind == "symbol"  # "DEM" is a currency, "dem" an article
            needs_capital = kind in CAPITAL[language] and word[0].isupper()
            for form in {word} if exact else _forms(word, needs_capital or word in data.get("with_capital", ())):
                kinds[form], payloads[form] = _kind_of(kind, payload), payload
    # Of "aujourd'hui" the last part, for the first look at a sentence takes words apart at every sign.
    triggers = frozenset(re.split(r"\W", word)[-1] for word, kind in kinds.items() if kind in TRIGGERS)
    contexts = {name: frozenset(data.get(name, ())) for name in CONTEXTS}
    stems = "|".join(data["adjectives"])
    adjective = re.compile(rf"(.*?)({stems})(?:e[rnsm]?)?") if stems else None
    # Also of "second", the time. Capitals have SS for ß.
    ordinals = {word.casefold(): n for word, n in _entries(language, "ordinals", data.get("ordinals", {}))}
    return Lexicon(
        language, kinds, payloads | FRACTIONS, triggers, contexts, adjective, ordinals, data.get("feasts", {})
    )


def _kind_of(kind: str, payload: Any) -> str:
    """The kind of a word of a list: numbers below one are a kind of their own."""
    return "fraction" if kind == "numeral" and 0 < payload < 1 else kind


def _entries(language: str, name: str, listed: Any) -> Iterator[tuple[str, Any]]:
    """The words of one list with what they stand for; German builds number words and parts of the day by rule."""
    if name == "ones":
        yield from ((word, Decimal(1)) for word in listed)
    elif name in {"numbers", "scales", "half_words"}:
        built = german_numbers() if language == "de" and name == "numbers" else {}
        yield from ((word, Decimal(str(number))) for word, number in (dict(listed) | built).items())
    elif language == "de" and name == "ordinals":
        yield from ((f"{stem}{end}", number) for (stem, number), end in product(listed.items(), ENDINGS[1:5]))
    elif isinstance(listed, dict):
        yield from listed.items()
    else:
        yield from ((word, name) for word in listed)
    if language == "de" and name == "weekdays":
        days = [day for day in listed if day.endswith(("tag", "woch"))]
        yield from ((f"{day}{part}{end}", name) for day, part, end in product(days, DE_DAY_PARTS, ("", "s")))
    if language == "de" and name == "adjectives":
        yield from ((f"{stem}{end}", unit) for (stem, unit), end in product(listed.items(), ENDINGS))


def _forms(word: str, needs_capital: bool) -> set[str]:
    """The spellings of a word: as listed, with a capital, in capitals, and in small letters where it may have them."""
    if len(word) == 1:
        return {word}  # "m" is a metre, "M" is none
    forms = {word, word[:1].upper() + word[1:]}
    if len(word) > 3:
        forms.add(word.upper())
    return forms if needs_capital else forms | {word.lower()}


@cache
def german_numbers() -> dict[str, float]:
    """German number words to 999 and the round thousands, with the halves ("dreieinhalb").

    >>> german_numbers()["siebenundachtzig"], german_numbers()["dreieinhalb"], german_numbers()["zweihundertelf"]
    (87, 3.5, 211)
    """
    small: dict[str, float] = {word: number for number, word in enumerate(DE_ONES) if number > 1}
    small |= {word: 10 + number for number, word in enumerate(DE_TEENS)}
    for ten, word in enumerate(DE_TENS, start=2):
        small[word] = 10 * ten
        small |= {f"{one}und{word}": 10 * ten + number for number, one in enumerate(DE_ONES) if number}
    hundreds = {f"{one}hundert": 100 * number for number, one in enumerate(DE_ONES) if number} | {"hundert": 100}
    large = {f"{head}{tail}": base + rest for head, base in hundreds.items() for tail, rest in small.items()}
    thousands = {f"{word}tausend": 1000 * number for word, number in (small | hundreds).items()}
    halves = {f"{word}einhalb": number + 0.5 for word, number in small.items() if number < 20}
    return small | hundreds | large | thousands | halves | DE_HALVES | DE_CASES
