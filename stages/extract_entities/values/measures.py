"""Readers of money, shares, measures and durations: the tokens a rule matched become a normalised value.

Every reader takes the tokens, the match over their kinds and the language; it returns the value, None where
the text gives no complete one, or `NO_VALUE` where the words around show that it is none at all.
"""

import re
from decimal import Decimal
from itertools import pairwise

from stages.extract_entities.values.amounts import (
    HALF,
    IN_DIGITS,
    Amount,
    duration,
    measured,
    money,
    read_number,
    read_numbers,
)
from stages.extract_entities.values.digits import read_decimal, read_digits, read_whole
from stages.extract_entities.values.tokens import Tokens

NO_VALUE = "no value"
QUARTER, MINUTES = Decimal("0.25"), Decimal(15)
COUNTABLE = frozenset(
    {"km", "m", "cm", "mm", "kg", "t", "l", "ha", "m2", "m3", "km2", "kWh", "bbl", "0.25l", "0.125l", "0.25kg", "0.5l"}
)  # "ein Grad", "eine Bar" are no measures
PART_OF_UNIT = re.compile(r"0\.[0-9]+")
MOST_SPOONS = 50
CROSSES = frozenset({"x", "mal", "\u00d7", "by", "sur"})
SIDES = frozenset({"m", "cm", "mm", "in", "ft"})
POUNDS = {"de": "Pfd", "en": "lb"}
PARTS = {"hour_words": "TH"}
SHARES = {"points": "pp", "basis_points": "bp", "permille": "\u2030"}
DEGREES = frozenset({"deg", "degC", "degF"})
SHORT_DEGREES = frozenset({"C", "F"})
PER_TIME = {"TH": "h", "TM": "min", "TS": "s"}
APOSTROPHES = frozenset("'\u2019")
ABBREVIATED = frozenset({"Fr", "SFr"})  # signs of a currency that may have a full stop
LARGE = 100  # of francs: no hour or day has such a number
NO_CENTS = ("-", "\u2013", "\u2014")
PRICES = frozenset({"currency", "number", "day", "year", "scale", "percent"})
LENGTHS = frozenset({"km", "m", "cm", "mm", "mi", "ft", "in", "yd"})
UNITS_IN_TURN = {unit: rank for rank, unit in enumerate(("Y", "M", "W", "D", "TH", "TM", "TS"))}
SPANS = frozenset({"time_unit", "year_word", "hour_word"})
ON_A_CLOCK = frozenset({"full_date", "day", "year", "month"})  # "2016-03-24 12:48:41"


def nothing(_tokens: Tokens, _match: re.Match[str], _language: str) -> str | None:
    """For what is never complete, as "vergangenen Freitag"."""
    return None


def read_amount(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """The number in group "n" with what the word in group "u" stands for."""
    index = match.start("u")
    kind, unit = tokens.kind(index), tokens.payload(index)
    if kind == "symbol" and _belongs_to_the_next(tokens, index):
        return NO_VALUE
    number = read_numbers(tokens, match.start("n"), match.end("n"), language)
    if kind in {"symbol", "currency"}:
        return money(number, unit)
    if kind in {"percent", "per"}:
        return measured(number, _share(unit))
    return _of_unit(number, unit) if kind == "unit" else duration(number, PARTS.get(unit, unit))


def _belongs_to_the_next(tokens: Tokens, index: int) -> bool:
    """Whether a sign of a currency stands at the number after it, and not at the one before: "a £42m scheme"."""
    if index + 1 == len(tokens.texts) or tokens.kind(index + 1) not in IN_DIGITS:
        return False
    return tokens.end(index) == tokens.starts[index + 1] and tokens.end(index - 1) < tokens.starts[index]


def _of_unit(number: Amount, unit: str) -> str | None:
    """A number of units, or of parts of one: of "0.25l", a Viertelliter, three are "0.75 l"."""
    part = PART_OF_UNIT.match(unit)
    share = read_decimal(part[0]) if part else None
    if number is None or part is None or share is None:
        return measured(number, unit)
    return measured(tuple(one * share for one in number), unit[part.end() :])


def read_weight(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "zwei Pfund Butter", "weighs 180 pounds": pounds that nobody pays with."""
    contexts, unit = tokens.words.contexts, match.start("u")
    following = tokens.after(unit + 1).lower()
    weighed = following in contexts["weight_after"] or tokens.before(match.start()) in contexts["weight_before"]
    if tokens.texts[unit] not in contexts["weights"] or not weighed:
        return NO_VALUE
    return measured(read_numbers(tokens, match.start("n"), match.end("n"), language), POUNDS[language])


def read_land(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "300 Morgen Land": what a plough does in a morning, where the word after it is one for ground."""
    unit = match.start("u")
    is_land = tokens.after(unit + 1).lower() in tokens.words.contexts["land_after"]
    if tokens.texts[unit] not in tokens.words.contexts["acres"] or not is_land:
        return NO_VALUE
    return measured(read_numbers(tokens, match.start("n"), match.end("n"), language), tokens.texts[unit])


def read_quantity(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """A number and a unit of measure; after an article only where nobody would mean anything else."""
    first, unit = match.start(), match.start("u")
    priced = first > 0 and tokens.kind(first - 1) in PRICES  # "80 dollars a barrel"
    if tokens.kind(first) == "one" and (priced or tokens.payload(unit) not in COUNTABLE):
        return NO_VALUE
    if _is_lira(tokens, match, language):
        return NO_VALUE
    if tokens.texts[unit] in SHORT_DEGREES and not _is_short_degree(tokens, first, unit):
        return NO_VALUE
    return read_amount(tokens, match, language)


def read_lira(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "15.000 TL": Turkish liras, for nobody cooks with so many spoons."""
    if not _is_lira(tokens, match, language):
        return NO_VALUE
    return money(read_numbers(tokens, match.start("n"), match.end("n"), language), "TRY")


def _is_lira(tokens: Tokens, match: re.Match[str], language: str) -> bool:
    if tokens.texts[match.start("u")] != "TL":
        return False
    numbers = read_numbers(tokens, match.start("n"), match.end("n"), language)
    return numbers is not None and numbers[-1] > MOST_SPOONS


def _is_short_degree(tokens: Tokens, first: int, unit: int) -> bool:
    """Whether the C of "17C" is one of temperature: at the digits, after "of", "to", "reached" or a bracket."""
    return tokens.touch(unit - 1, unit) and tokens.before(first) in tokens.words.contexts["degree_before"]


def read_square(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "85 square metres": "85 m2"."""
    of, power = ("u", "p") if match["u"] else ("u2", "p2")
    unit = tokens.payload(match.start(of))
    if unit not in LENGTHS:
        return NO_VALUE
    number = read_numbers(tokens, match.start("n"), match.end("n"), language)
    return measured(number, unit + tokens.payload(match.start(power)))


def read_dimensions(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "80 x 120 cm" is one size without a number; "4 x 100 Meter" is a relay, and its 100 metres are a measure."""
    sides = [read_digits(tokens.texts[match.start(name)], language) for name in ("n", "n2")]
    crosses = {tokens.texts[index].lower() for index in range(*match.span()) if tokens.kind(index) == "other"}
    low, high = sorted(side or 0 for side in sides)
    alike = low > 0 and high < 10 * low
    return None if crosses <= CROSSES and alike and tokens.payload(match.start("u")) in SIDES else NO_VALUE


def read_speed(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "70 Kilometer pro Stunde" is "70 km/h", "60 miles an hour" "60 mph", "80 Liter pro Minute" "80 l/min"."""
    unit = tokens.payload(match.start("u"))
    time = PARTS.get(tokens.payload(match.start("t")), tokens.payload(match.start("t")))
    if tokens.texts[match.start("p")].lower() not in tokens.words.contexts["per_time"] or time not in PER_TIME:
        return NO_VALUE
    symbol = f"{unit}/{PER_TIME[time]}"
    number = read_numbers(tokens, match.start("n"), match.end("n"), language)
    return measured(number, "mph" if symbol == "mi/h" else symbol)


def read_temperature(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "35 Grad Celsius": "35 degC"."""
    if tokens.payload(match.start("u") - 1) != "deg":
        return NO_VALUE
    return measured(read_numbers(tokens, match.start("n"), match.end("n"), language), tokens.payload(match.start("u")))


def read_below_zero(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "minus 10 Grad", "-5 %": temperatures and shares only; a sign touches its number."""
    first, unit = match.start(), match.start("u")
    if tokens.kind(unit) == "unit" and tokens.payload(unit) not in DEGREES:
        return NO_VALUE
    sign = tokens.texts[first]
    if tokens.kind(first) == "hyphen" and not _begins_with(tokens.sentence, sign + tokens.texts[first + 1]):
        return NO_VALUE
    between = "and" in map(tokens.kind, range(first, unit)) and tokens.kind(first - 1) != "between"
    if tokens.before(first) in tokens.words.contexts["not_minus"] or between:
        return NO_VALUE
    symbol = tokens.payload(match.end() - 1) if tokens.kind(match.end() - 1) == "thermometer" else tokens.payload(unit)
    return measured(_below_zero(tokens, match, language), symbol if tokens.kind(unit) == "unit" else _share(symbol))


def read_degrees_below(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "2 Grad minus": "-2 deg"; not in "5 Grad minus 3"."""
    following = match.end() < len(tokens.texts) and tokens.kind(match.end()) in IN_DIGITS
    number = read_number(tokens, match.start("n"), match.end("n"), language)
    if tokens.payload(match.start("u")) not in DEGREES or following or number is None:
        return NO_VALUE
    return measured((number and -number,), tokens.payload(match.start("u")))


def read_down_to_below_zero(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "2 bis minus 3 Grad" is "-3/2 deg": temperatures only."""
    high, low = (read_number(tokens, match.start(name), match.end(name), language) for name in ("n", "n2"))
    if tokens.payload(match.start("u")) not in DEGREES or high is None or low is None:
        return NO_VALUE
    return measured((-low, high), tokens.payload(match.start("v" if match["v"] else "u")))


def _below_zero(tokens: Tokens, match: re.Match[str], language: str) -> Amount:
    """One number below zero, or a range that begins there; of "minus 2 bis 4" nobody knows where it ends."""
    low = read_number(tokens, match.start("n"), match.end("n"), language)
    if low is None or match.groupdict().get("n2") is None:
        return None if low is None else (low and -low,)
    high = read_number(tokens, match.start("n2"), match.end("n2"), language)
    sign = tokens.texts[match.start("n2") - 1]
    if high is None or (sign in tokens.words.contexts["ranges"] and tokens.kind(match.start()) == "minus"):
        return None
    if tokens.kind(match.start("n2") - 1) in {"minus", "hyphen"}:
        high = -high
    return (-low, high) if -low < high else None


def _share(payload: str) -> str:
    return SHARES.get(payload, "%")


def _begins_with(sentence: str, text: str) -> bool:
    """Whether a text stands in a sentence with nothing, a space or a bracket before it."""
    return sentence.startswith(text) or f" {text}" in sentence or f"({text}" in sentence


def read_points(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "0.25 percentage points", "0,25 point de pourcentage": "0.25 pp"."""
    if not tokens.texts[match.start("w")].startswith("point"):
        return NO_VALUE
    number = read_numbers(tokens, match.start("n"), match.end("n"), language)
    return measured(number, SHARES[tokens.payload(match.start("u"))])


def read_fraction(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "3/4 Liter", "1 1/2 Stunden": a proper fraction with a slash and no space around it."""
    first, sign, second = (match.start(name) for name in ("n", "s", "d"))
    together = tokens.touch(first, second)
    above, below = read_digits(tokens.texts[first], language), read_digits(tokens.texts[second], language)
    if tokens.texts[sign] != "/" or not together or above is None or below is None or not above < below:
        return NO_VALUE
    whole = match.groupdict().get("w") and read_digits(tokens.texts[match.start("w")], language)
    number, unit = (whole or 0) + round(above / below, 6), tokens.payload(match.start("u"))
    return (
        measured((number,), unit)
        if tokens.kind(match.start("u")) == "unit"
        else duration((number,), PARTS.get(unit, unit))
    )


def read_symbol_first(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "$1.2 million", "£3bn", "EUR 50.000"; a lone "m" after the number is a million here."""
    sign = tokens.texts[match.start()]
    if (match["t"] and sign not in ABBREVIATED) or (sign == "Fr" and not _is_franc(tokens, match)):
        return NO_VALUE
    numbers = read_numbers(tokens, match.start("n"), match.end("n"), language)
    if match["m"] and tokens.texts[match.start("m")] != "m":
        return NO_VALUE
    if match["m"] and numbers is not None:
        numbers = tuple(number * 1_000_000 for number in numbers)
    return money(numbers, tokens.payload(match.start()))


def _is_franc(tokens: Tokens, match: re.Match[str]) -> bool:
    """Whether "Fr" is the franc and not Friday, as in "Mo-Fr 8-12 Uhr"; with a full stop only before what no hour is.

    That is a large number ("Fr. 31'000"), or one with a dash for no cents ("Fr. 50.-").
    """
    if tokens.before(match.start()) in {"-", "\u2013"}:
        return False
    numbers = read_numbers(tokens, match.start("n"), match.end("n"), "de")
    large = numbers is not None and numbers[-1] >= LARGE
    return not match["t"] or large or tokens.texts[match.start("n")].endswith(NO_CENTS)


def read_duration(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """A number of days or years; "eines Tages" and "a day" are none without a word of lasting."""
    first, contexts = tokens.texts[match.start()].lower(), tokens.words.contexts
    lasting = tokens.before(match.start()) in contexts["duration_before"]
    if first == "eines" and not lasting:
        return NO_VALUE
    if first in {"a", "an"} and not lasting and tokens.after(match.end()) not in contexts["duration_after"]:
        return NO_VALUE
    added = tokens.before(match.start()) == "+" and tokens.before(match.start() - 1) != "("
    if added or tokens.before(match.start()) == "/" or tokens.after(match.end()) in APOSTROPHES:
        return NO_VALUE  # "in der 90.+4 Minute", but "(+ 12 Sekunden)"; "4 Ob 98/22s", "les 5 s'ouvrent"
    return read_amount(tokens, match, language)


def read_and_a_half(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "deux ans et demi"."""
    number = read_number(tokens, match.start("n"), match.end("n"), language)
    unit = tokens.payload(match.start("u"))
    return None if number is None else duration((number + HALF,), PARTS.get(unit, unit))


def read_counted_clock(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "2:03:23 Stunden" is "PT2H3M23S", "3:45 Minuten" and "1:54,73" are "PT3M45S" and "PT1M54.73S"."""
    text, names = tokens.texts[match.start("n")], "HMS"
    whole, _, part = text.replace(",", ".").partition(".")
    dated = match.start() > 0 and tokens.kind(match.start() - 1) in ON_A_CLOCK
    if match.groupdict().get("u"):
        unit = PARTS.get(tokens.payload(match.start("u")), tokens.payload(match.start("u")))
        names = {"TH": "HMS", "TM": "MS"}.get(unit, "") if tokens.texts[match.start("u")] != "h" else ""
    elif not part and (whole.count(":") == 1 or dated or at_an_hour(tokens, match.start())):
        return NO_VALUE
    elif whole.count(":") == 1:
        names = "MS"
    numbers = [read_whole(number) for number in whole.split(":")]
    if len(numbers) > len(names) or None in numbers or (part and len(numbers) < len(names)):
        return NO_VALUE
    said = "".join(f"{number}{name}" for number, name in zip(numbers, names, strict=False))
    return f"PT{said[:-1]}.{part}{said[-1]}" if part else f"PT{said}"


def at_an_hour(tokens: Tokens, index: int) -> bool:
    """Whether the word before a number of hours says that an hour of the day is meant."""
    return tokens.before(index) in tokens.words.contexts["at_words"]


def read_two_durations(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "sechs Monate bis fünf Jahre": "P6M/P5Y"."""
    ends = []
    for n, u in (("n", "u"), ("n2", "u2")):
        number, unit = read_number(tokens, match.start(n), match.end(n), language), tokens.payload(match.start(u))
        ends.append(None if number is None else duration((number,), PARTS.get(unit, unit)))
    return f"{ends[0]}/{ends[1]}" if all(ends) else None


def read_part_of_unit(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "half an hour", "three-quarters of an hour", "trois quarts d'heure"."""
    unit: str = tokens.payload(match.start("u"))
    groups = match.groupdict()
    if not groups.get("q"):
        return duration((tokens.payload(match.start()),), PARTS.get(unit, unit))
    count: Decimal = tokens.payload(match.start("n"))
    if count not in {1, 3}:
        return NO_VALUE
    hours = PARTS.get(unit, unit) == "TH"
    return duration((count * (MINUTES if hours else QUARTER),), "TM" if hours else unit)


def read_coins(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "3 Euro 50" is "3.5 EUR": two digits behind the currency that count nothing else."""
    coins = read_digits(tokens.texts[match.start("c")], language)
    number = read_number(tokens, match.start("n"), match.end("n"), language)
    following = tokens.after(match.end())
    if len(tokens.texts[match.start("c")]) != 2 or following[:1].isupper() or following == "%" or not coins:
        return NO_VALUE
    if number is None or number % 1 or not tokens.payload(match.start("u")).isalpha():
        return NO_VALUE
    return money((number + coins / 100,), tokens.payload(match.start("u")))


def read_two_coins(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "2 Mark 50 Pf." is "2.5 DEM"; "9 fl. 40 kr." has no value. Between them only an abbreviation's full stop."""
    large, small = (tokens.payload(match.start(name)) for name in ("u", "v"))
    if match["s"] and tokens.texts[match.start("u")] not in tokens.words.contexts["abbreviations"]:
        return NO_VALUE
    if large == small == "":
        return None
    number = read_number(tokens, match.start("n"), match.end("n"), language)
    coins = read_digits(tokens.texts[match.start("c")], language)
    if number is None or coins is None or number % 1 or small != f"0.01{large}":
        return NO_VALUE
    return money((number + coins / 100,), large)


def read_money_of_nation(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "Schweizer Franken", "Canadian dollars", "francs suisses": the currency that the adjective tells."""
    nation, currency = match.start("a") if match["a"] else match.start("b"), match.start("u")
    codes = tokens.payload(nation).split()
    code = next((code[2:] for code in codes if tokens.texts[currency].lower().startswith(code[:2])), None)
    if code is None:
        return NO_VALUE
    return money(read_numbers(tokens, match.start("n"), match.end("n"), language), code)


def read_hour_minute(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "1h45" is "PT1H45M" where no word like "à" makes it a time of day."""
    hours, _, minutes = tokens.texts[match.start()].partition("h")
    if tokens.before(match.start()) in tokens.words.contexts["at_words"]:
        return NO_VALUE
    return f"PT{read_whole(hours)}H{read_whole(minutes)}M"


def read_units_in_turn(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "2 Stunden und 30 Minuten" is "PT2H30M"; units that do not go down are durations of their own."""
    ends = [index for index in range(*match.span()) if tokens.kind(index) in SPANS]
    begins = [match.start(), *(end + 1 + (tokens.kind(end + 1) in {"and", "comma"}) for end in ends[:-1])]
    numbers = [read_number(tokens, *span, language) for span in zip(begins, ends, strict=True)]
    units = [PARTS.get(tokens.payload(end), tokens.payload(end)) for end in ends]
    if None in numbers:
        return None
    said = [duration((number,), unit) for number, unit in zip(numbers, units, strict=True) if number is not None]
    if None in said or any(number % 1 for number in numbers[:-1] if number):
        return NO_VALUE  # "eineinhalb Jahre und drei Monate" are two
    ranks = [UNITS_IN_TURN.get(unit, -1) for unit in units]
    if min(ranks) < 0 or not all(first < second for first, second in pairwise(ranks)):
        return NO_VALUE
    return _in_turn([text for text in said if text])


def _in_turn(durations: list[str]) -> str:
    """One duration of several whose units go down: "P1D", "PT2H" and "PT5M" are "P1DT2H5M"."""
    days, _, _ = "".join(text.removeprefix("P") for text in durations).partition("T")
    hours = "".join(text.removeprefix("PT") for text in durations if text.startswith("PT"))
    return f"P{days}T{hours}" if hours else f"P{days}"


def read_adjective(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "dreitägige": number and unit in one word."""
    found = tokens.words.adjective and tokens.words.adjective.fullmatch(tokens.texts[match.start()].lower())
    if not found:
        return NO_VALUE
    return duration((tokens.words.payloads[found[1]],), tokens.words.payloads[found[2]])
