"""Dates, times, durations, sums of money, shares and measures in German, English and French sentences.

Rules over word lists, because what a library of the field gives falls short: dateparser reads 2,700 words a
second and takes "die", "so" and "mit" for dates. A sentence without a digit, a sign or a word that a value needs
costs one look at its words. The others become tokens, each with its kind, and short patterns over these kinds
find the values (`rules`); readers (`measures`, `dates`) turn them into one normalised form each.

| label | value | example |
|---|---|---|
| DATE | ISO 8601, as exact as the text | 2025-08-15, 2025-08, 1945, 2015/2016, 2015-22 (summer), 2024-40 (first half) |
| TIME | hours and minutes | 20:15 |
| DURATION | ISO 8601 | P87D, PT24H, P3.5Y |
| MONEY | amount and ISO 4217 currency | 90000000000 USD |
| PERCENT | number and %, ‰, pp (percentage points) or bp (basis points) | 5 % |
| QUANTITY | number and symbol of the unit | 30 km |

A range of numbers has both, with a slash between them: "10/12 %", "8000000/10000000 EUR", "P10D/P15D". Of a range of
days or years each end is a value of its own, with the month and year that the other says: "5." and "7. Mai 2024" are
2024-05-05 and 2024-05-07.

"Dollar" is taken for USD and "Pfund" for GBP. Where the text is incomplete ("vergangenen Freitag", "mehrere
Millionen Euro", "500 Kronen") there is no value. The span holds the value itself without
prepositions and words like "etwa".
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import polars as pl

from stages.extract_entities.values.kinds import compile_pattern
from stages.extract_entities.values.lexicon import lexicon
from stages.extract_entities.values.measures import NO_VALUE
from stages.extract_entities.values.rules import RULES, Rule
from stages.extract_entities.values.tokens import Tokens, may_hold_values, tokenise

VERSION = "10"
EXTRACTOR = f"values-{VERSION}"
ANCHORS = frozenset().union(*(rule.anchors | rule.needs for rule in RULES))


class Value(NamedTuple):
    """One value in a sentence: start and end in code points, its label and its normalised form."""

    start: int
    end: int
    label: str
    value: str | None
    extractor: str


def extract_values(sentence: str, language: str) -> list[Value]:
    """The values of a sentence, in order, none overlapping another; none for a language without word lists.

    >>> [(found.label, found.value) for found in extract_values("Sie zahlten 1,5 Mio. Euro am 3. Mai 2024.", "de")]
    [('MONEY', '1500000 EUR'), ('DATE', '2024-05-03')]
    """
    return extract_all_values(pl.Series([sentence]), pl.Series([language]))[0]


def extract_all_values(sentences: pl.Series, languages: pl.Series) -> list[list[Value]]:
    """The values of each sentence with its language, as `extract_values` gives them."""
    found: list[list[Value]] = [[] for _ in range(len(sentences))]
    for language in languages.unique():
        if words := lexicon(language):
            held = (may_hold_values(sentences, words) & (languages == language)).arg_true()
            for number, tokens in zip(held, tokenise(sentences[held].to_list(), words), strict=True):
                found[number] = _values_of(tokens, language)
    return found


def _values_of(tokens: Tokens, language: str) -> list[Value]:
    """The values of a sentence: of matches that overlap the first, and of these the longest, that can be read."""
    values: list[Value] = []
    free = 0
    for rule, match in sorted(_matches(tokens.letters), key=lambda found: (found[1].start(), -found[1].end())):
        first, last = match.span()
        if first >= free and (value := rule.read(tokens, match, language)) != NO_VALUE:
            free = _with_full_stop(tokens, _before_full_stop(tokens, last))
            values.append(Value(tokens.starts[first], tokens.end(free - 1), rule.label, value, EXTRACTOR))
    return values


def _matches(letters: str) -> Iterator[tuple[Rule, "re.Match[str]"]]:
    """Every place in a sentence that is written as a rule says, rule by rule."""
    for rule in _rules(ANCHORS.intersection(letters)):
        for match in compile_pattern(rule.pattern).finditer(letters):
            yield rule, match


@lru_cache(maxsize=10_000)
def _rules(anchors: frozenset[str]) -> tuple[Rule, ...]:
    """The rules one of whose anchors and all of whose needs occur, in their order."""
    return tuple(rule for rule in RULES if not anchors.isdisjoint(rule.anchors) and rule.needs <= anchors)


def _before_full_stop(tokens: Tokens, last: int) -> int:
    """One token less where a value ends in a full stop after "million": it is that of the sentence."""
    return last - (tokens.kind(last - 1) == "stop" and tokens.kind(last - 2) == "scale")


def _with_full_stop(tokens: Tokens, last: int) -> int:
    """One token more where a value ends in an abbreviation with its full stop, unless that ends the sentence."""
    if last < len(tokens.texts) - 1 and tokens.texts[last] == "." and tokens.starts[last] == tokens.end(last - 1):
        return last + (tokens.texts[last - 1] in tokens.words.contexts["abbreviations"])
    return last
