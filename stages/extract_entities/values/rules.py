"""Which strings of token letters are values. For the letters see `stages.extract_entities.values.lexicon`.

Every pattern is a sequence of classes with few, bounded repeats, so time is linear in the number of tokens.
Where matches overlap the one that begins first holds, of these the longest, of these the first in the list.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from stages.extract_entities.values import dates, measures
from stages.extract_entities.values.tokens import Tokens

NUMBER = r"(?:[dw]Uew|[dyn]|e?w(?:-?w){0,2})"
AMOUNT = rf"(?:{NUMBER}|e)(?:[-b]{NUMBER})?"
SCALE = r"(?:-?s\.?){0,2}"
WEEKDAY = r"(?:l?D\.?,?a?)?"  # "Freitag, den"
DAY = r"(?P<d>d)(?:\.|z)?(?:[Oa]|x(?=m))?"  # "15.", "3rd of"

Reader = Callable[[Tokens, "re.Match[str]", str], str | None]


class Rule(NamedTuple):
    """One way to write a value: its label, letters of which one must occur, its pattern, and what reads it."""

    label: str
    anchors: frozenset[str]
    pattern: re.Pattern[str]
    read: Reader


def _rule(label: str, anchors: str, pattern: str, read: Reader) -> Rule:
    return Rule(label, frozenset(anchors), re.compile(pattern), read)


RULES = (
    # $1.2 million, EUR 50.000 | 90 Milliarden Dollar, 5 € | mehrere Millionen Euro
    _rule("MONEY", "$", rf"\$(?P<n>{NUMBER}{SCALE})(?P<m>u?)", measures.read_symbol_first),
    _rule("MONEY", "c$", rf"(?P<n>{AMOUNT}{SCALE})(?:O'?)?-?(?P<u>[c$])", measures.read_amount),
    _rule("MONEY", "c", r"(?:e?v(?:s\.?)*|(?:s\.?)+)(?:O'?)?c", measures.nothing),
    # 5 Prozent, 10-prozentige | pour cent, per cent
    _rule("PERCENT", "pP", rf"(?P<n>{AMOUNT})-?(?P<u>p|P[ks])", measures.read_amount),
    # 30 km, zwei Millionen Tonnen
    _rule("QUANTITY", "u", rf"(?P<n>{AMOUNT}{SCALE})(?:O'?)?-?(?P<u>u)", measures.read_quantity),
    # à 20 heures
    _rule("TIME", "G", r"(?P<n>[dw])G", dates.read_hour_after_at),
    # 87 Tage, 10-Minuten | 30-tägig | dreitägig | deux ans et demi | 2 Stunden und 30 Minuten | wenige Minuten
    _rule("DURATION", "tJG", rf"(?P<n>{AMOUNT}{SCALE})(?:O'?)?-?(?P<u>[tJG])", measures.read_duration),
    _rule("DURATION", "T", rf"(?P<n>{AMOUNT})-?(?P<u>T)", measures.read_amount),
    _rule("DURATION", "M", r"M", measures.read_adjective),
    _rule("DURATION", "U", rf"(?P<n>{AMOUNT})(?P<u>[tJG])Uw", measures.read_and_a_half),
    _rule(
        "DURATION",
        "tJG",
        rf"(?P<n>{NUMBER}|e)(?P<u>[tJG])[U,]?(?P<n2>{NUMBER}|e)(?P<u2>[tJG])",
        measures.read_two_units,
    ),
    _rule("DURATION", "v", r"e?v(?:[tJ]|G)", measures.nothing),
    # 20.15 Uhr, 9 Uhr abends, 20 Uhr 15, o'clock | 13:48 | 3 p.m. | 18.00 bis | 12 h 30 | abends | gestern Abend
    _rule("TIME", "h", r"(?P<n>[dnwK])h(?P<d>d?)[AB]?", dates.read_clock),
    _rule("TIME", "K", r"(?P<n>K)[A]?(?P<q>q?)", dates.read_clock),
    _rule("TIME", "q", r"(?P<n>[dn])(?P<q>q)", dates.read_clock),
    _rule("TIME", "h", r"(?P<n>[dn])(?=[-bU][dnK]h)", dates.read_clock),
    _rule("TIME", "G", r"(?P<n>d)G(?P<d>d)", dates.read_clock),
    _rule("TIME", "A", r"A", measures.nothing),
    _rule("TIME", "B", r"(?<=[rD])B", measures.nothing),
    _rule("TIME", "N", r"N", dates.read_named_hour),
    # 15.08.2025 | 15.8. | Freitag 29.03 | am 29.03
    _rule("DATE", "f", rf"{WEEKDAY}(?P<f>f)", dates.read_digits_only),
    _rule("DATE", "o", rf"{WEEKDAY}(?P<o>o)", dates.read_day_and_month_digits),
    _rule("DATE", "D", r"D,?a?(?P<o>n)", dates.read_day_and_month_digits),
    _rule("DATE", "n", r"(?P<o>n)", dates.read_dotted_digits),
    # Freitag, 15. August 2025 | May 3rd, 2024 | August 2025 | Mitte Mai | im Mai | März, 9 Uhr | am 25. | 5. bis 7. Mai
    _rule("DATE", "m", rf"{WEEKDAY}{DAY}(?P<m>m)(?:\.?,?(?P<y>y))?", dates.read_named_month),
    _rule("DATE", "m", rf"{WEEKDAY}(?P<m>m)\.?(?P<d>d)z?(?:,?(?P<y>y))?", dates.read_named_month),
    _rule("DATE", "m", r"(?:F-?)?(?P<m>m)\.?,?O?(?P<y>y)", dates.read_named_month),
    _rule("DATE", "m", r"(?:Fa?-?|l)m", measures.nothing),
    _rule("DATE", "m", r"m", dates.read_bare_month),
    _rule("DATE", "m", r"^m(?=,[fKdnDy])", measures.nothing),
    _rule("DATE", "d", r"d\.(?=$|[xb,(])", dates.read_day_alone),
    _rule("DATE", "m", r"d\.?z?(?=[-bU]d\.?z?m)", dates.read_day_before_range),
    # vergangenen Freitag, Freitag, 9., vendredi dernier | gestern, diese Nacht
    _rule("DATE", "D", r"l?D(?:,?a?d\.|A|L)?", measures.nothing),
    _rule("DATE", "rl", r"r|lB", measures.nothing),
    # 1939 bis 1945 | seit 1945 | den 90er Jahren, années 90 | Sommer 2015 | 19. Jahrhundert
    _rule("DATE", "y", r"(?P<y>y)(?=[-b](?P<y2>y))", dates.read_year_in_range),
    _rule("DATE", "y", r"(?<=y[-b])(?P<y>y)", dates.read_range_end),
    _rule("DATE", "y", r"(?:F-?)?(?P<y>y)", dates.read_year),
    _rule("DATE", "Z", r"(?:F[aO]?)?Z-?J?", measures.nothing),
    _rule("DATE", "JS", r"Jd(?=\W|$)|(?:F[aO]?|l)?Sy?", dates.read_season),
    _rule("DATE", "H", r"(?:F[aO])?(?:d(?:\.|z)?|w)H", measures.nothing),
    # vergangene Woche, l'année dernière | Ende des Jahres
    _rule("DATE", "lL", r"l(?P<u>[tJ])|(?P<u2>[tJ])L", dates.read_span_of_days),
    _rule("DATE", "F", r"F[aO]?l?[JtD]", measures.nothing),
)
