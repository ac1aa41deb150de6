"""Readers of money, shares, measures and durations: the tokens a rule matched become a normalised value.

Every reader takes the tokens, the match over their kinds and the language; it returns the value, None where
the text gives no complete one, or `NO_VALUE` where the words around show that it is none at all.
"""

import re

from stages.extract_entities.values.amounts import HALF, duration, measured, money, read_number
from stages.extract_entities.values.digits import read_digits, read_whole
from stages.extract_entities.values.tokens import Tokens

NO_VALUE = "no value"
COUNTABLE = frozenset(
    {"km", "m", "cm", "mm", "kg", "t", "l", "ha", "m2", "m3", "km2", "kWh"}
)  # "ein Grad", "eine Bar" are no measures
PARTS = {"hour_words": "TH"}
SHARES = {"points": "pp", "basis_points": "bp", "permille": "\u2030"}
DEGREES = frozenset({"deg", "degC", "degF"})
LENGTHS = frozenset({"km", "m", "cm", "mm", "mi", "ft", "in", "yd"})
ORDER = "YMWDHS"


def nothing(_tokens: Tokens, _match: re.Match[str], _language: str) -> str | None:
    """For what is never complete, as "vergangenen Freitag"."""
    return None


def read_amount(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """The number in group "n" with what the word in group "u" stands for."""
    index = match.start("u")
    number = read_number(tokens, match.start("n"), match.end("n"), language)
    kind, unit = tokens.kind(index), tokens.payload(index)
    if kind in {"symbol", "currency"}:
        return money(number, unit)
    if kind in {"percent", "per"}:
        return measured(number, SHARES.get(unit, "%"))
    return measured(number, unit) if kind == "unit" else duration(number, PARTS.get(unit, unit))


def read_quantity(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """A number and a unit of measure; after an article only where nobody would mean anything else."""
    if tokens.kind(match.start()) == "one" and tokens.payload(match.start("u")) not in COUNTABLE:
        return NO_VALUE
    return read_amount(tokens, match, language)


def read_square(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "85 square metres": "85 m2"."""
    of, power = ("u", "p") if match["u"] else ("u2", "p2")
    unit = tokens.payload(match.start(of))
    if unit not in LENGTHS:
        return NO_VALUE
    number = read_number(tokens, match.start("n"), match.end("n"), language)
    return measured(number, unit + tokens.payload(match.start(power)))


def read_temperature(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "35 Grad Celsius": "35 degC"."""
    if tokens.payload(match.start("u") - 1) != "deg":
        return NO_VALUE
    return measured(read_number(tokens, match.start("n"), match.end("n"), language), tokens.payload(match.start("u")))


def read_below_zero(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "minus 10 Grad", "-5 %": temperatures and shares only; a sign touches its number."""
    first, unit = match.start(), match.start("u")
    if tokens.kind(unit) == "unit" and tokens.payload(unit) not in DEGREES:
        return NO_VALUE
    sign = tokens.texts[first]
    if tokens.kind(first) == "hyphen" and not _begins_with(tokens.sentence, sign + tokens.texts[first + 1]):
        return NO_VALUE
    if tokens.before(first) in tokens.words.contexts["not_minus"]:
        return NO_VALUE
    found = read_amount(tokens, match, language)
    if found and tokens.kind(match.end() - 1) == "thermometer":
        found = found.partition(" ")[0] + " " + tokens.payload(match.end() - 1)
    # Nothing is below zero by nothing.
    return f"-{found}" if found and not found.startswith("0 ") else found


def _begins_with(sentence: str, text: str) -> bool:
    """Whether a text stands in a sentence with nothing, a space or a bracket before it."""
    return sentence.startswith(text) or f" {text}" in sentence or f"({text}" in sentence


def read_points(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "0.25 percentage points": "0.25 pp"."""
    if not tokens.texts[match.end() - 1].startswith("point"):
        return NO_VALUE
    number = read_number(tokens, match.start("n"), match.end("n"), language)
    return measured(number, SHARES[tokens.payload(match.start("u"))])


def read_fraction(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "3/4 Liter": a proper fraction with a slash and no space around it."""
    first, sign, second = (match.start(name) for name in ("n", "s", "d"))
    together = tokens.touch(first, second)
    above, below = read_digits(tokens.texts[first], language), read_digits(tokens.texts[second], language)
    if tokens.texts[sign] != "/" or not together or above is None or below is None or not above < below:
        return NO_VALUE
    return measured(round(above / below, 6), tokens.payload(match.start("u")))


def read_symbol_first(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "$1.2 million", "£3bn", "EUR 50.000"; a lone "m" after the number is a million here."""
    if tokens.texts[match.start()] == "Fr" and tokens.before(match.start()) in {"-", "\u2013"}:
        return NO_VALUE  # "Mo-Fr 8-12 Uhr"
    number = read_number(tokens, match.start("n"), match.end("n"), language)
    if match["m"] and tokens.texts[match.start("m")] != "m":
        return NO_VALUE
    if match["m"] and number is not None:
        number *= 1_000_000
    return money(number, tokens.payload(match.start()))


def read_duration(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """A number of days or years; "eines Tages", and "a day" without a word of lasting, are none."""
    first, contexts = tokens.texts[match.start()].lower(), tokens.words.contexts
    if first == "eines":
        return NO_VALUE
    if first in {"a", "an"}:
        lasting = tokens.before(match.start()) in contexts["duration_before"]
        if not lasting and tokens.after(match.end()) not in contexts["duration_after"]:
            return NO_VALUE
    return read_amount(tokens, match, language)


def read_and_a_half(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "deux ans et demi"."""
    number = read_number(tokens, match.start("n"), match.end("n"), language)
    unit = tokens.payload(match.start("u"))
    return None if number is None else duration(number + HALF, PARTS.get(unit, unit))


def read_counted_clock(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "2:03:23 Stunden" is "PT2H3M23S", "3:45 Minuten" is "PT3M45S"."""
    unit = PARTS.get(tokens.payload(match.start("u")), tokens.payload(match.start("u")))
    parts = [read_whole(part) for part in tokens.texts[match.start("n")].split(":")]
    names = {"TH": "HMS", "TM": "MS"}.get(unit, "")
    if tokens.texts[match.start("u")] == "h" or len(parts) > len(names) or None in parts:
        return NO_VALUE
    return "PT" + "".join(f"{part}{name}" for part, name in zip(parts, names, strict=False))


def read_hour_minute(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "1h45" is "PT1H45M" where no word like "à" makes it a time of day."""
    hours, _, minutes = tokens.texts[match.start()].partition("h")
    if tokens.before(match.start()) in tokens.words.contexts["at_words"]:
        return NO_VALUE
    return f"PT{read_whole(hours)}H{read_whole(minutes)}M"


def read_two_units(tokens: Tokens, match: re.Match[str], language: str) -> str | None:
    """ "2 Stunden und 30 Minuten" is "PT2H30M"; units that do not go down are two durations."""
    head = read_number(tokens, match.start("n"), match.end("n"), language)
    tail = read_number(tokens, match.start("n2"), match.end("n2"), language)
    units = [PARTS.get(unit, unit) for unit in (tokens.payload(match.start("u")), tokens.payload(match.start("u2")))]
    first, second = duration(head, units[0]), duration(tail, units[1])
    if first is None or second is None:
        return None
    if ("T" in units[0], ORDER.find(units[0][-1])) >= (
        "T" in units[1],
        ORDER.find(units[1][-1]) if units[1] != "TM" else 5,
    ):
        return NO_VALUE
    return first + second[2 if "T" in units[0] else 1 :]


def read_adjective(tokens: Tokens, match: re.Match[str], _language: str) -> str | None:
    """ "dreitägige": number and unit in one word."""
    found = tokens.words.adjective and tokens.words.adjective.fullmatch(tokens.texts[match.start()].lower())
    if not found:
        return NO_VALUE
    return duration(tokens.words.payloads[found[1]], tokens.words.payloads[found[2]])
