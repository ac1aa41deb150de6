"""Which strings of tokens are values, written in the kinds of token of `kinds`.

Every pattern is a sequence of kinds with few, bounded repeats, so time is linear in the number of tokens.
Where matches overlap the one that begins first holds, of these the longest, of these the first in the list.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from stages.extract_entities.values import clock, dates, measures, periods
from stages.extract_entities.values.kinds import LETTERS
from stages.extract_entities.values.tokens import Tokens

# two and a half | 1 ½ | 12 | a half | twenty-five
NUMBER = (
    "((day | numeral) and one fraction | day fraction | day | year | number | one? fraction"
    " | numeral and one (?! fraction) | numeral (hyphen? (numeral | fraction)){0,3})"
)
# 10 bis 15 | (zwischen) 10 und 15
AMOUNT = f"(({NUMBER} | one) ((hyphen | (scale stop?)? hyphen? to) {NUMBER})? | (?<= between) {NUMBER} and {NUMBER})"
SCALE = "(hyphen? scale stop?){0,2}"
OF = "(of apostrophe?)?"  # "millions d'euros"
WEEKDAY = "(modifier? weekday stop? comma? article?)?"  # "Freitag, den"
DAY = "(?P<d> day) (stop | ordinal)? (of | article | other (?= month))?"  # "15.", "3rd of"
# between two days: bis (zum), -, und, of other words those that join
JOINT = "(hyphen | to article? | and article? | (?P<j> other) article? | to other)"
EDGE = "(edge hyphen? (article | of)? | edge_noun of article?)"  # "Anfang", "the end of"
COUNTED = "time_unit | year_word | hour_word | unit | currency | symbol | percent | scale | fraction"
SPAN = "time_unit | year_word | hour_word"

Reader = Callable[[Tokens, "re.Match[str]", str], str | None]


class Rule(NamedTuple):
    """One way to write a value: its label, letters of which one must occur and such that all must, its pattern in
    kinds, and what reads it."""

    label: str
    anchors: frozenset[str]
    needs: frozenset[str]
    pattern: str
    read: Reader


def _rule(label: str, anchors: str, pattern: str, read: Reader, needs: str = "") -> Rule:
    one, all_of = (frozenset(LETTERS[kind] for kind in kinds.split()) for kinds in (anchors, needs))
    return Rule(label, one, all_of, pattern, read)


RULES = (
    # $1.2 million, EUR 50.000
    _rule(
        "MONEY",
        "symbol",
        f"symbol (?P<t> stop?) (?P<n> {NUMBER} ((hyphen | to) {NUMBER})? {SCALE}) (?P<m> unit?)",
        measures.read_symbol_first,
    ),
    # zwei Pfund Butter
    _rule("QUANTITY", "currency", f"(?P<n> {AMOUNT}) (?P<u> currency)", measures.read_weight),
    # 300 Morgen Land
    _rule("QUANTITY", "relative_day", f"(?P<n> {AMOUNT}) (?P<u> relative_day)", measures.read_land),
    # 90 Milliarden Dollar, 5 €
    _rule(
        "MONEY",
        "currency symbol",
        f"(?P<n> {AMOUNT} {SCALE}) {OF} hyphen? (?P<u> currency | symbol)",
        measures.read_amount,
    ),
    # 3 Euro 50 | 2 Mark 50 Pf.
    _rule(
        "MONEY", "currency", "(?P<n> day | number | numeral) (?P<u> currency) (?P<c> day)", measures.read_coins, "day"
    ),
    _rule(
        "MONEY",
        "currency",
        "(?P<n> day | number | numeral) (?P<u> currency) (?P<s> stop?) (?P<c> day) (?P<v> currency)",
        measures.read_two_coins,
        "day",
    ),
    # Schweizer Franken, francs suisses
    _rule(
        "MONEY",
        "nation",
        f"(?P<n> {AMOUNT} {SCALE}) {OF} ((?P<a> nation) (?P<u> currency) | currency (?P<b> nation))",
        measures.read_money_of_nation,
    ),
    # mehrere Millionen Euro
    _rule("MONEY", "currency", f"(one? vague (scale stop?)* | (scale stop?)+) {OF} currency", measures.nothing),
    # 5 Prozent, 10-prozentige | pour cent, per cent
    _rule(
        "PERCENT",
        "percent per",
        f"(?P<n> {AMOUNT}) hyphen? (?P<u> percent | per (hundred | scale)) percent?",
        measures.read_amount,
    ),
    # minus 5 Prozent
    _rule(
        "PERCENT",
        "percent per",
        f"(?P<s> minus | hyphen) (?P<n> {NUMBER}) ((to | and) (minus | hyphen | other)? (?P<n2> {NUMBER}))?"
        " (?P<u> percent | per (hundred | scale))",
        measures.read_below_zero,
    ),
    # 0.25 percentage points
    _rule("PERCENT", "percentage", f"(?P<n> {AMOUNT}) (?P<u> percentage) (?P<w> other)", measures.read_points),
    # 2 à 3 points de pourcentage
    _rule("PERCENT", "percentage", f"(?P<n> {AMOUNT}) (?P<w> other) of (?P<u> percentage)", measures.read_points, "of"),
    # 15.000 TL
    _rule("MONEY", "unit", f"(?P<n> {AMOUNT} {SCALE}) (?P<u> unit)", measures.read_lira),
    # 30 km, zwei Millionen Tonnen
    _rule("QUANTITY", "unit", f"(?P<n> {AMOUNT} {SCALE}) {OF} hyphen? (?P<u> unit)", measures.read_quantity),
    # 80 x 120 cm, 3 mal 4 Meter
    _rule(
        "QUANTITY",
        "unit",
        "(?P<n> day | year | number) other (?P<n2> day | year | number) (other (day | year | number))? (?P<u> unit)",
        measures.read_dimensions,
        "other",
    ),
    # 70 Kilometer pro Stunde, 60 miles an hour | 80 kilomètres à l'heure
    _rule(
        "QUANTITY",
        "time_unit hour_word",
        f"(?P<n> {AMOUNT} {SCALE}) {OF} (?P<u> unit) (?P<p> other | per | one | to) ((other | unit) apostrophe)?"
        " (?P<t> time_unit | hour_word)",
        measures.read_speed,
        "unit",
    ),
    # 85 square metres, 85 mètres carrés
    _rule(
        "QUANTITY",
        "power",
        f"(?P<n> {AMOUNT} {SCALE}) {OF} ((?P<p> power) (?P<u> unit) | (?P<u2> unit) (?P<p2> power))",
        measures.read_square,
    ),
    # 35 Grad Celsius
    _rule("QUANTITY", "thermometer", f"(?P<n> {AMOUNT}) unit (?P<u> thermometer)", measures.read_temperature),
    # minus 10 Grad, -5 °C
    _rule(
        "QUANTITY",
        "minus hyphen",
        f"(?P<s> minus | hyphen) (?P<n> {NUMBER}) ((to | and) (minus | hyphen | other)? (?P<n2> {NUMBER}))?"
        " (?P<u> unit) thermometer?",
        measures.read_below_zero,
        "unit",
    ),
    # 2 Grad minus
    _rule("QUANTITY", "unit", f"(?P<n> {NUMBER}) (?P<u> unit) minus", measures.read_degrees_below, "minus"),
    # 2 bis minus 3 Grad
    _rule(
        "QUANTITY",
        "unit",
        f"(?P<n> {NUMBER}) to minus (?P<n2> {NUMBER}) (?P<u> unit) (?P<v> thermometer?)",
        measures.read_down_to_below_zero,
        "minus to",
    ),
    # 3/4 Liter
    _rule(
        "QUANTITY",
        "unit",
        f"(?P<w> day)? (?P<n> day) (?P<s> other) (?P<d> day) {OF} (?P<u> unit)",
        measures.read_fraction,
        "day other",
    ),
    # 4 1/2 Stunden
    _rule(
        "DURATION",
        "time_unit year_word hour_word",
        f"(?P<w> day)? (?P<n> day) (?P<s> other) (?P<d> day) {OF} (?P<u> {SPAN})",
        measures.read_fraction,
        "day other",
    ),
    # à 20 heures | huit heures du soir
    _rule("TIME", "hour_word", "(?P<n> day | numeral) hour_word", clock.read_hour_after_at),
    _rule(
        "TIME",
        "hour_word",
        "(?P<n> day | numeral) hour_word (?P<o> other | of (other | unit) apostrophe) (?P<a> day_part)",
        clock.read_hour_of_part,
        "day_part",
    ),
    # 87 Tage, 10-Minuten
    _rule(
        "DURATION",
        "time_unit year_word hour_word",
        f"(?P<n> {AMOUNT} {SCALE}) {OF} hyphen? (?P<u> {SPAN})",
        measures.read_duration,
    ),
    # 30-tägig
    _rule("DURATION", "time_adjective", f"(?P<n> {AMOUNT}) hyphen? (?P<u> time_adjective)", measures.read_amount),
    # dreitägig
    _rule("DURATION", "counted_adjective", "counted_adjective", measures.read_adjective),
    # deux ans et demi
    _rule("DURATION", "and", f"(?P<n> {AMOUNT}) (?P<u> {SPAN}) and fraction", measures.read_and_a_half, "fraction"),
    # half an hour, trois quarts d'heure
    _rule("DURATION", "fraction", f"fraction one (?P<u> {SPAN})", measures.read_part_of_unit),
    _rule(
        "DURATION",
        "quarter",
        f"(?P<n> numeral | one) hyphen? (?P<q> quarter) of apostrophe? one? (?P<u> {SPAN})",
        measures.read_part_of_unit,
    ),
    # sechs Monate bis fünf Jahre
    _rule(
        "DURATION",
        "time_unit year_word hour_word",
        f"(?P<n> {NUMBER} | one) (?P<u> {SPAN}) to (?P<n2> {NUMBER}) (?P<u2> {SPAN})",
        measures.read_two_durations,
        "to",
    ),
    # 2 Stunden und 30 Minuten | 2 h 14 min 30 s
    _rule(
        "DURATION",
        "time_unit year_word hour_word",
        f"({NUMBER} | one) ({SPAN}) (and | comma)? ({NUMBER} | one) ({SPAN})",
        measures.read_units_in_turn,
    ),
    _rule(
        "DURATION",
        "time_unit year_word hour_word",
        f"({NUMBER} | one) ({SPAN}) ((and | comma)? ({NUMBER} | one) ({SPAN})){{2,4}}",
        measures.read_units_in_turn,
    ),
    # 2:03:23 Stunden
    _rule(
        "DURATION",
        "time_unit hour_word",
        "(?P<n> clock_time) (?P<u> time_unit | hour_word)",
        measures.read_counted_clock,
        "clock_time",
    ),
    # in 1:54,73
    _rule("DURATION", "clock_time", "(?P<n> clock_time)", measures.read_counted_clock),
    # 1h45
    _rule("DURATION", "hour_minute", "hour_minute", measures.read_hour_minute),
    # wenige Minuten
    _rule("DURATION", "time_unit year_word hour_word", f"one? vague ({SPAN})", measures.nothing, "vague"),
    # 20.15 Uhr, 9 Uhr abends, 20 Uhr 15, o'clock
    _rule(
        "TIME",
        "clock",
        "(?P<n> day | number | numeral | one | clock_time) clock"
        f" ((?P<d> day) (?! {COUNTED}))? (?P<a> daily | day_part)?",
        clock.read_clock,
    ),
    # abends 8 Uhr, vormittag 10 Uhr | 6 Uhr 40 Minuten
    _rule(
        "TIME",
        "daily day_part",
        f"(?P<a> daily | day_part) (?P<n> day | number | numeral | clock_time) clock ((?P<d> day) (?! {COUNTED}))?",
        clock.read_clock,
        "clock",
    ),
    _rule("TIME", "clock", "(?P<n> day) clock (?P<d> day) (?P<x> time_unit)", clock.read_hour_and_minutes, "time_unit"),
    # ½8 Uhr abends
    _rule("TIME", "fraction", "fraction (?P<n> day) clock (?P<a> daily?)", clock.read_hour_less_a_part, "day clock"),
    # um 19.30
    _rule("TIME", "number", "(?P<n> number)", clock.read_dotted_clock),
    # halb acht | Viertel nach neun, half past seven
    _rule("TIME", "half", "half (numeral | day) day_part?", clock.read_half_hour),
    _rule(
        "TIME",
        "quarter fraction",
        "(quarter | fraction) hyphen? (other | modifier | to)? (numeral | day) clock? (daily | day_part)?",
        clock.read_part_of_hour,
    ),
    # um 20h, 03:50 h
    _rule("TIME", "time_unit", "(?P<n> day | clock_time) (?P<u> time_unit)", clock.read_hour_sign),
    # à 8h15
    _rule("TIME", "hour_minute", "(?P<n> hour_minute)", clock.read_hour_minute),
    # 13:48
    _rule("TIME", "clock_time", "(?P<n> clock_time) daily? (?P<q> meridiem?)", clock.read_clock),
    # 3 p.m.
    _rule("TIME", "meridiem", "(?P<n> day | number) (?P<q> meridiem)", clock.read_clock),
    # the 18.00 of "18.00 bis 20 Uhr"
    _rule(
        "TIME",
        "clock",
        "(?P<n> day | number) (?= (hyphen | to | and) (day | number | clock_time) clock)",
        clock.read_clock,
    ),
    # 12 h 30
    _rule("TIME", "hour_word", "(?P<n> day) hour_word (?P<d> day)", clock.read_clock),
    # abends | gestern Abend
    _rule("TIME", "daily", "daily", measures.nothing),
    _rule("TIME", "day_part", "(?<= relative_day | weekday) day_part", measures.nothing),
    # am Abend, in der Nacht | am frühen Morgen
    _rule("TIME", "day_part", "day_part", clock.read_part_of_day),
    _rule("TIME", "day_part", "edge day_part", clock.read_edge_of_day, "edge"),
    _rule("TIME", "edge", "edge time_unit", clock.read_early_hours, "time_unit"),
    # am Morgen
    _rule("TIME", "relative_day", "relative_day", clock.read_morning),
    _rule("TIME", "midnight", "midnight", clock.read_named_hour),
    # the first day of 12.3. bis 14.3.2024, of 12.-14.3.2024
    _rule(
        "DATE",
        "day_month",
        f"{WEEKDAY} (?P<o> day_month) (?= (hyphen | to | and) {WEEKDAY} (?P<f> full_date))",
        periods.read_digits_of_year,
        "full_date",
    ),
    _rule(
        "DATE",
        "full_date day_month",
        "(?P<d> day) stop (?= (hyphen | to) (?P<f> full_date | day_month))",
        periods.read_digits_of_month,
        "day stop",
    ),
    # 15.08.2025 | 15.8. | Freitag 29.03 | am 29.03
    _rule("DATE", "full_date", f"{WEEKDAY} (?P<f> full_date)", dates.read_digits_only),
    _rule("DATE", "day_month", f"{WEEKDAY} (?P<o> day_month)", dates.read_day_and_month_digits),
    _rule("DATE", "weekday", "weekday comma? article? (?P<o> number)", dates.read_day_and_month_digits, "number"),
    _rule("DATE", "number", "(?P<o> number)", dates.read_dotted_digits),
    # am ersten Mai, dritter Oktober 1990
    _rule(
        "DATE",
        "ordinal_word",
        f"{WEEKDAY} (?P<w> ordinal_word) (?P<m> month) (?P<y> year?)",
        dates.read_day_in_words,
        "month",
    ),
    # the first day of 3. Mai bis 10. September 2023
    _rule(
        "DATE",
        "month",
        f"{WEEKDAY} {DAY} (?P<m> month) stop?"
        f" (?= {JOINT} {WEEKDAY} (?P<d2> day) (stop | ordinal)? of? (?P<m2> month) stop?"
        " (?P<y> year))",
        periods.read_day_of_year,
        "day month year",
    ),
    _rule(
        "DATE",
        "month",
        f"{WEEKDAY} (?P<m> month) (?P<d> day) ordinal? (?= {JOINT} (?P<m2> month) (?P<d2> day) ordinal? comma?"
        " (?P<y> year))",
        periods.read_day_of_year,
        "day month year",
    ),
    # 12. IX. 1924
    _rule(
        "DATE",
        "year",
        "(?P<d> day) stop (?P<r> other | unit) stop? (?P<y> year)",
        dates.read_roman_month,
        "day stop year",
    ),
    # Freitag, 15. August 2025
    _rule(
        "DATE",
        "month",
        f"{WEEKDAY} {DAY} (?P<m> month) (stop? comma? (?P<y> year))?",
        dates.read_named_month,
        "day month",
    ),
    # May 3rd, 2024
    _rule(
        "DATE",
        "month",
        f"{WEEKDAY} (?P<m> month) stop? (?P<d> day) ordinal? (comma? (?P<y> year))?",
        dates.read_month_first,
        "day month",
    ),
    # August 2025
    _rule(
        "DATE",
        "month",
        f"{EDGE}? (?P<m> month) stop? comma? of? (?P<y> year)",
        dates.read_named_month,
        "year month",
    ),
    # Mitte Mai | im Mai | März, 9 Uhr
    _rule("DATE", "month", f"({EDGE} | modifier) month", measures.nothing),
    _rule("DATE", "month", "month", dates.read_bare_month),
    _rule(
        "DATE",
        "month",
        "^ month (?= comma (full_date | clock_time | day | number | weekday | year))",
        measures.nothing,
        "comma",
    ),
    _rule(
        "DATE",
        "month",
        f"(?P<d> day) stop? ordinal? (?= {JOINT} (?P<d2> day) stop? ordinal? of? (?P<m> month) stop? (?P<y> year?))",
        periods.read_day_of_month,
        "day month",
    ),
    # am 25. | the 5. of "5. bis 7. Mai"
    # am 3. Advent
    _rule("DATE", "season", "(day stop | ordinal_word) season", dates.read_numbered_feast),
    _rule("DATE", "day", "day stop (?= $ | other | to | comma)", dates.read_day_alone),
    # the 14th instant
    _rule("DATE", "ordinal", "day ordinal (?= other)", dates.read_day_of_this_month),
    # an Christi Himmelfahrt | am Tag der Deutschen Einheit, am Buß- und Bettag
    _rule("DATE", "season", "season season (of? year)?", dates.read_feast_of_two_words),
    _rule(
        "DATE",
        "time_unit season numeral",
        "(time_unit article other{1,2} | other hyphen and season | other numeral other) year?",
        dates.read_named_day,
    ),
    # vergangenen Freitag, vendredi dernier | Freitag, 9. | mardi 11
    _rule("DATE", "weekday", "modifier? weekday (daily | postmodifier)?", dates.read_weekday),
    _rule("DATE", "weekday", "modifier? weekday comma? article? day stop", dates.read_weekday_and_day, "day stop"),
    _rule(
        "DATE",
        "weekday",
        "modifier? weekday (?P<d> day) (?= $ | stop | comma | to | other)",
        dates.read_weekday_and_number,
        "day",
    ),
    # gestern | diese Nacht
    _rule("DATE", "relative_day", "relative_day", dates.read_relative_day),
    _rule("DATE", "modifier", "modifier day_part", measures.nothing, "day_part"),
    _rule("DATE", "modifier", "modifier relative_day", dates.read_morning_after, "relative_day"),
    # 2015/16 | 2015-16, 1914–18 | 2. Quartal 2015, third quarter of 2023 | Q3 2015
    _rule("DATE", "year", "(?P<y> year) (?P<s> other) (?P<z> day | year)", dates.read_two_years, "other"),
    # Winter 2015/16
    _rule(
        "DATE",
        "season",
        "(edge (article | of)? | modifier)? (?P<w> season) of? (?P<y> year) (?P<s> other | hyphen) (?P<z> day | year)",
        dates.read_season_of_two_years,
        "year season",
    ),
    _rule("DATE", "year", "(?P<y> year) (?P<s> hyphen) (?P<z> day)", dates.read_years_with_dash, "hyphen day"),
    _rule(
        "DATE",
        "time_unit quarter fraction",
        "(day (stop | ordinal) | ordinal_word | time_unit) (?P<u> time_unit | quarter | fraction) of? (?P<y> year?)",
        dates.read_part_of_year,
    ),
    _rule("DATE", "part_code", "(?P<q> part_code) other? (?P<y> year)", dates.read_quarter, "year"),
    # 1939 bis 1945 | seit 1945
    _rule("DATE", "hyphen to", "(?P<y> year) (?= (hyphen | to) (?P<y2> year))", dates.read_year_in_range, "year"),
    _rule("DATE", "hyphen to", "(?P<y> year) (?<= year (hyphen | to) year)", dates.read_range_end, "year"),
    _rule("DATE", "year", f"{EDGE}? (?P<y> year)", dates.read_year),
    # den 90er Jahren | den achtziger Jahren
    _rule("DATE", "decade", f"{EDGE}? decade hyphen? year_word?", dates.read_decade),
    _rule("DATE", "decade_word", f"{EDGE}? decade_word hyphen? year_word", measures.nothing),
    _rule("DATE", "decade_word", f"{EDGE}? decade_word", dates.read_bare_decade),
    # 800 n. Chr., 44 v. Chr.
    _rule("DATE", "day year number", "(?P<y> day | year | number) other stop other", dates.read_era, "stop other"),
    # années 90 | Sommer 2015, summer of 2015
    _rule(
        "DATE",
        "year_word season",
        r"year_word day (?= $ | \W) | (edge (article | of)? | modifier)? season (of? year)?",
        dates.read_season,
    ),
    # 19. Jahrhundert
    _rule(
        "DATE",
        "century",
        f"{EDGE}? (day (stop | ordinal)? | numeral | ordinal_word) century",
        measures.nothing,
    ),
    _rule(
        "DATE",
        "century",
        f"{EDGE}? (day stop | numeral | ordinal_word) century (?P<e> other) stop other",
        dates.read_century_of_era,
    ),
    # années 1960
    _rule("DATE", "year_word", "year_word year", dates.read_decade_of_years, "year"),
    # XIX. Jahrhundert, XIXe siècle
    _rule("DATE", "century", "other stop? century", dates.read_roman_century, "other"),
    # vergangene Woche, l'année dernière
    _rule(
        "DATE",
        "modifier postmodifier",
        "modifier (?P<u> time_unit | year_word) | (?P<u2> time_unit | year_word) postmodifier",
        dates.read_span_of_days,
    ),
    # Ende des Jahres
    _rule("DATE", "edge edge_noun", f"{EDGE} modifier? (year_word | time_unit | weekday)", dates.read_edge),
)
