import ast
import json
import re
import time
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.extract_entities import values
from stages.extract_entities.values import EXTRACTOR, extract_all_values, extract_values
from stages.extract_entities.values.columns import computable
from stages.extract_entities.values.kinds import compile_pattern
from stages.extract_entities.values.lexicon import LANGUAGES, german_numbers, lexicon
from stages.extract_entities.values.rules import RULES
from stages.extract_entities.values.tokens import tokenise
from stages.reflow import reflow
from stages.tables.schemas import VALUE_LABELS
from tests.benchmarks.values import read_judged
from tests.syntax import syntax_tree

CASES = json.loads((Path(__file__).parents[2] / "cases" / "values.json").read_text(encoding="utf-8"))
PIECES = [
    *("zwei", "3", "1945", "1,5", "12:30", "15.8.2025", "Mio.", "Euro", "$", "Mai", "Freitag", "vergangenen", "Tage"),
    *("-", ",", ".", "bis", "und", "Uhr", "km/h", "%", "90er", "Wort", "seit", "ein", "halbe", "\u00a0", "dreitägige"),
]
SHAPES = {
    "DATE": r"\d{4}(-\d{2}(-\d{2})?)?",
    "TIME": r"\d{2}:\d{2}",
    "DURATION": r"P(T?[\d.]+[YMWDHS])+(/P(T?[\d.]+[YMWDHS])+)?",
    "MONEY": r"[\d.]+(/[\d.]+)? [A-Z]{3}",
    "PERCENT": r"-?[\d.]+(/-?[\d.]+)? (%|‰|pp|bp)",
    "QUANTITY": r"-?[\d.]+(/-?[\d.]+)? \S+",
}


def marked(case):
    marks = pytest.mark.xfail(strict=True) if case.get("expect") == "fail" else ()
    return pytest.param(case, id=f"{case['language']}: {case['sentence']}", marks=marks)


@pytest.mark.parametrize("case", [marked(case) for case in CASES])
def test_values(case):
    sentence = case["sentence"]
    found = extract_values(sentence, case["language"])
    assert [{"text": sentence[v.start : v.end], "label": v.label, "value": v.value} for v in found] == case["values"]


def judged(right, language, sentence, expected):
    marks = () if right else pytest.mark.xfail(strict=True, reason="not read right yet")
    return pytest.param(language, sentence, expected, id=f"{language}: {sentence}", marks=marks)


@pytest.mark.parametrize(("language", "sentence", "expected"), [judged(*case) for case in read_judged()])
def test_judged_sentences(language, sentence, expected):
    found = [(v.start, v.end, v.label, v.value) for v in extract_values(sentence, language)]
    tell = [
        [(sentence[start:end], label, value) for start, end, label, value in values] for values in (found, expected)
    ]
    assert tell[0] == tell[1]


# What a longer sentence changes, with the reason.
LONGER = {
    "bis 10 Min.": "the full stop of the sentence is that of the abbreviation once something follows",
    "les années 90": "a decade before a semicolon is not found yet",
}


def lengthened(case):
    why = LONGER.get(case["sentence"])
    marks = pytest.mark.xfail(strict=True, reason=why) if why else ()
    return pytest.param(case, id=case["sentence"], marks=marks)


@pytest.mark.parametrize("case", [lengthened(case) for case in CASES])
def test_a_value_stands_the_same_inside_a_longer_sentence(case):
    tail = "; so war es."
    longer = extract_values(case["sentence"] + tail, case["language"])
    assert longer == extract_values(case["sentence"], case["language"])
    assert all(value.extractor == EXTRACTOR and value.label in VALUE_LABELS for value in longer)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12), st.sampled_from([" ", ""]), st.sampled_from(LANGUAGES))
def test_spans_are_ordered_and_values_have_their_shape(pieces, glue, language):
    sentence = glue.join(pieces)
    found = extract_values(sentence, language)
    assert all(first.end <= second.start for first, second in pairwise(found))
    for value in found:
        text = sentence[value.start : value.end]
        assert text == text.strip() != ""
        assert value.value is None or re.fullmatch(SHAPES[value.label], value.value)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.sampled_from(LANGUAGES))
def test_any_text_is_taken(sentence, language):
    assert all(0 <= value.start < value.end <= len(sentence) for value in extract_values(sentence, language))


def test_sentences_of_many_languages_have_together_the_values_that_each_has_alone():
    rows = [(case["sentence"], language) for case in CASES for language in (case["language"], "und", "de")]
    together = extract_all_values(*(pl.Series(column) for column in zip(*rows, strict=True)))
    assert together == [extract_values(*row) for row in rows]
    assert {bool(found) for found in together} == {True, False}


@pytest.mark.parametrize("language", ["und", "nl", "zh-cn", ""])
def test_a_language_without_words_has_no_values(language):
    assert extract_values("5 Euro am 3. Mai 2024", language) == []


@pytest.mark.parametrize(
    ("number", "word"), [(87, "siebenundachtzig"), (12, "zwölf"), (21, "einundzwanzig"), (211, "zweihundertelf")]
)
def test_german_number_words(number, word):
    assert german_numbers()[word] == number
    assert extract_values(f"{word} Tage", "de")[0].value == f"P{number}D"


@given(st.integers(0, 10**12))
@settings(max_examples=40, deadline=None)
def test_grouped_digits_are_read_in_every_language(number):
    for language, mark in (("de", "."), ("en", ","), ("fr", "\u202f")):
        (value,) = extract_values(f"{number:,}".replace(",", mark) + " km", language)
        assert value.value == f"{Decimal(number)} km"


def test_every_rule_finds_something():
    # A rule that no case reaches is dead weight or untested.
    reached = set()
    sentences = [(case["language"], case["sentence"]) for case in CASES]
    for language, sentence in sentences + [case[1:3] for case in read_judged()]:
        letters = tokenise([sentence], lexicon(language))[0].letters
        reached |= {rule.pattern for rule in RULES if compile_pattern(rule.pattern).search(letters)}
    assert {rule.pattern for rule in RULES} == reached


@pytest.mark.parametrize(
    "unit",
    [
        "1",
        "1.",
        "1 000",
        "zwei-",
        "1-2-",
        "12 Mio. ",
        "$5 ",
        "5. ",
        "Freitag, ",
        "1 und ",
        "dreitägige",
        "12:",
        "d'euros ",
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_time_is_linear(unit, language):
    text = unit * (60_000 // len(unit))
    start = time.process_time()
    extract_values(text, language)
    assert time.process_time() - start < 3.0


@pytest.mark.parametrize(
    ("sentence", "language"),
    [
        ("Freitag, 100 Menschen kamen.", "de"),
        ("Am Montag 1.000 Zuschauer.", "de"),
        ("Dimanche 241 voix.", "fr"),
        ("Monday 007 was shown.", "en"),
        ("Freitag, den " + "9" * 5_000 + ",5", "de"),
        ("Freitag 99.99.", "de"),
        ("Freitag, 10,11 waren es.", "de"),
    ],
)
def test_a_number_after_a_weekday_is_no_day_of_a_month(sentence, language):
    dates = [sentence[v.start : v.end] for v in extract_values(sentence, language) if v.label == "DATE"]
    assert not any(letter.isdigit() for text in dates for letter in text)


@pytest.mark.parametrize(
    ("sentence", "value"),
    [
        ("9" * 19 + " Euro", None),
        ("9" * 18 + " Milliarden Euro", "9" * 18 + "000000000 EUR"),
        ("9" * 1_000_001 + " Millionen Euro", None),
        ("1" + "0" * 30 + "-zwei Tage", None),
        ("zwanzig-zwei Tage", "P22D"),
    ],
)
def test_numbers_are_exact_or_no_number_at_all(sentence, value):
    assert [found.value for found in extract_values(sentence, "de")] == [value]


@pytest.mark.parametrize("digits", ["١٥.٠٨.٢٠٢٥", "１５.０８.２０２５", "²³ km", "१९४५", "im Jahr ١٩٤٥", "Ⅻ. Mai ½"])
def test_digits_of_other_scripts_are_no_numbers(digits):
    assert [v.value for v in extract_values(f"Seit dem {digits} kostet es 5 Euro.", "de") if v.value] == ["5 EUR"]


def test_only_one_module_converts_texts():
    """What cannot be read gives None there; the readers themselves have nothing that could fail on a text."""
    converting = {"int", "float", "Decimal", "date", "time", "datetime"}
    for path in Path(values.__file__).parent.glob("*.py"):
        calls = [node for node in ast.walk(syntax_tree(path)) if isinstance(node, ast.Call)]
        of_texts = [ast.unparse(c) for c in calls if getattr(c.func, "id", "") in converting and not _constant(c)]
        assert not of_texts or path.name in {"digits.py", "lexicon.py", "columns.py"}, (path.name, of_texts)
        assert path.name == "digits.py" or "except" not in path.read_text(encoding="utf-8")


def _constant(call):
    return all(isinstance(argument, ast.Constant) for argument in call.args)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_stands_for_what_its_readers_expect(language):
    """The readers look words up without a question; so every word of the lists has what its kind promises."""
    words = lexicon(language)
    time = r"[\d.]*T?[SMHDWY]"
    kinds = {
        "month": range(1, 13),
        "midnight": r"\d\d:\d\d",
        "time_unit": time,
        "year_word": "Y",
        "time_adjective": time,
    }
    kinds |= {"symbol": "[A-Z]{3}", "currency": r"(?:[\d.]*[A-Z]{3})?", "unit": r"\S+"}
    kinds |= dict.fromkeys(("numeral", "fraction", "half", "scale", "one"), Decimal)
    kinds |= {"ordinal_word": range(1, 32), "power": "[23]", "thermometer": "deg[CF]"}
    for word, kind in words.kinds.items():
        payload, expected = words.payloads[word], kinds.get(kind, str)
        if kind in {"daily", "day_part"}:  # first and last hour after noon that the word can mean
            assert not payload or 1 <= payload[0] <= payload[1] < 12, word
        elif isinstance(expected, range):
            assert payload in expected, word
        elif isinstance(expected, type):
            assert isinstance(payload, expected), word
        else:
            assert re.fullmatch(expected, payload), word


@pytest.mark.parametrize(
    ("label", "value", "expected"),
    [
        ("MONEY", "90000000000 USD", (90e9, "USD", None, None)),
        ("PERCENT", "2.5 pp", (2.5, "pp", None, None)),
        ("QUANTITY", "0.75 l", (0.75, "l", None, None)),
        ("DURATION", "P87D", (87.0, "d", None, None)),
        ("DURATION", "PT2H30M", (150.0, "min", None, None)),
        ("DURATION", "P2Y6M", (None, None, None, None)),
        ("PERCENT", "10/12 %", (None, "%", None, None)),
        ("QUANTITY", "-2/4 deg", (None, "deg", None, None)),
        ("DURATION", "PT40M/PT45M", (None, "min", None, None)),
        ("DURATION", "P6M/P5Y", (None, None, None, None)),
        ("DATE", "1945", (None, None, "1945-01-01", "1945-12-31")),
        ("DATE", "2024-02", (None, None, "2024-02-01", "2024-02-29")),
        ("DATE", "2015-24", (None, None, "2015-12-01", "2016-02-29")),
        ("DATE", "2015-36", (None, None, "2015-10-01", "2015-12-31")),
        ("DATE", "2015-40", (None, None, "2015-01-01", "2015-06-30")),
        ("DATE", "2015-41", (None, None, "2015-07-01", "2015-12-31")),
        ("QUANTITY", "-5 degC", (-5.0, "degC", None, None)),
        ("DATE", "2015/2016", (None, None, "2015-01-01", "2016-12-31")),
        ("DATE", "2015-13", (None, None, None, None)),
        ("DATE", "0000-02-30", (None, None, None, None)),
        ("TIME", "20:15", (None, None, None, None)),
        ("DATE", None, (None, None, None, None)),
    ],
)
def test_values_that_can_be_computed_with(label, value, expected):
    number, unit, start, end = computable(label, value)
    assert (number, unit, start and str(start), end and str(end)) == expected


def test_every_value_of_the_cases_can_be_computed_with_or_has_none():
    values = {(found["label"], found["value"]) for case in CASES for found in case["values"] if found["value"]}
    bare = [(label, value) for label, value in values if not any(computable(label, value)) and label != "TIME"]
    assert bare == []


def test_values_over_the_end_of_a_line_are_found_once_lines_are_joined():
    raw = (
        "Der Stadtrat trat nach einer langen Pause wieder zusammen, und zwar am 12. März\n"
        "2024 im großen Saal des alten Rathauses; die Sitzung dauerte diesmal zweieinhalb\n"
        "Stunden und kostete die Stadt nach den Angaben ihrer Verwaltung etwa 4,5 Mio.\n"
        "Euro, die sie bis zum Ende des Jahres wieder einzunehmen hofft. Danach gingen alle\n"
        "heim, und im Saal blieb es still bis zum nächsten Morgen.\n"
    )
    (block,) = reflow(raw).blocks
    found = [(v.label, v.value) for v in extract_values(block.text, "de") if v.value]
    assert found == [("DATE", "2024-03-12"), ("DURATION", "PT2.5H"), ("MONEY", "4500000 EUR")]


@pytest.mark.parametrize("tail", ["", ".", "!", ". Dann"])
def test_a_date_in_digits_may_end_the_sentence(tail):
    for text in ("12.3.2024", "12. 3. 2024", "12.3.24"):
        found = extract_values(f"Sie starb am {text}{tail}", "de")
        assert [(v.end - v.start, v.value) for v in found] == [(len(text), "2024-03-12")]


@pytest.mark.parametrize(
    ("sentence", "values"),
    [
        ("Der Bus fährt um 8:15, 9:15, 10:15.", ["08:15", "09:15", "10:15"]),
        ("Wien siegte 24:21.", []),
        ("Wien – Linz 21:19, 18:21.", []),
        ("Wien – Linz 24:21 (12:10).", []),
        ("Ab 18:00 (12:10 im Haus).", ["18:00", "12:10"]),
        ("900.000 bis 1,2 Millionen Euro", ["900000/1200000 EUR"]),
        ("800 bis 900 Millionen Euro", ["800000000/900000000 EUR"]),
        ("12 bis 10 Prozent", [None]),
        ("minus 2 bis 4 Grad", [None]),
        ("vom 28. Dezember bis 6. Jänner 2023", ["2022-12-28", "2023-01-06"]),
        ("am 3. Oktober und 6. Jänner 2023", [None, "2023-01-06"]),
        ("vom 5. bis 7. Mai", [None, None]),
        ("vom 31. bis 7. Mai 2024", [None, "2024-05-07"]),
        ("um 3.50 Euro", ["3.5 EUR"]),
        ("um 19.70 im Saal", []),
        ("3 Euro 50 Leute", ["3 EUR"]),
        ("12. Vier 1924", []),
    ],
)
def test_ranges_scores_and_their_neighbours(sentence, values):
    assert [found.value for found in extract_values(sentence, "de")] == values


def test_ordinals_in_capitals_have_ss_for_sharp_s():
    [found] = extract_values("AM EINUNDDREISSIGSTEN OKTOBER 2024 SCHLOSS DER LADEN.", "de")
    assert (found.label, found.value) == ("DATE", "2024-10-31")
