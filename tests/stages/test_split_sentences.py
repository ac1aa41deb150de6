import json
import re
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.split_sentences import LONGEST_SHORT, LOOKUP, WINDOW, split_all, split_sentences

CASES = json.loads((Path(__file__).parents[1] / "cases" / "sentences.json").read_text(encoding="utf-8"))
PIECES = [*'aZÄß1 .!?…,;:-„“”"»«()[]\n\u00a0\u2028', "5. ", "Dr. ", "usw. ", "Er ", "„x.“ ", "\U0001f600"]


def texts_of(text, language):
    return [text[start:end] for start, end in split_sentences(text, language)]


def marked(case):
    marks = pytest.mark.xfail(strict=True) if case.get("expect") == "fail" else ()
    return pytest.param(case, id=f"{case['language']}: {case['label']}", marks=marks)


@pytest.mark.parametrize("case", [marked(case) for case in CASES])
def test_sentences(case):
    assert texts_of(" ".join(case["sentences"]), case["language"]) == case["sentences"]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(PIECES), max_size=60).map("".join), st.sampled_from(["de", "en", "fr", "ja", "und", ""])
)
def test_spans_hold_every_character_once(text, language):
    spans = split_sentences(text, language)
    assert [text[start:end].strip() for start, end in spans] == [text[start:end] for start, end in spans]
    assert all(end > start for start, end in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    assert "".join("".join(text[start:end].split()) for start, end in spans) == "".join(text.split())


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60))
def test_any_text_keeps_its_letters(text):
    joined = "".join(text[start:end] for start, end in split_sentences(text, "de"))
    assert "".join(joined.split()) == "".join(text.split())


@pytest.mark.parametrize("space", ["\u00a0", "\u202f", "\u2009", "\u3000", "\u0085"])
@pytest.mark.parametrize("language", ["de", "en", "fr", "nl"])
def test_any_space_before_a_full_stop(space, language):
    text = f"Hier, M{space}. Dupont et Z{space}. Durand. Puis la fin{space}."
    assert "".join(text[a:b] for a, b in split_sentences(text, language)).replace(" ", "") == text.replace(" ", "")


def test_nothing_but_marks_is_one_sentence():
    assert texts_of(" * * * ", "de") == ["* * *"]
    assert split_sentences(" \n\t", "de") == []


def test_a_boundary_does_not_depend_on_the_window():
    sentence = "Das ist ein ganz gewöhnlicher Satz von Dr. Weiß im 19. Jahrhundert."
    assert texts_of(" ".join([sentence] * 1000), "de") == [sentence] * 1000


def test_an_endless_sentence_is_cut_at_a_space():
    pieces = texts_of("wort " * WINDOW, "de")
    assert max(map(len, pieces)) <= WINDOW
    assert [word for piece in pieces for word in piece.split()] == ["wort"] * WINDOW


@pytest.mark.parametrize(
    "unit",
    ["a", ".", ". ", "“", "(", "wort ", "„a.“ ", "\n", "usw. ", "… ", " ", "1. ", "<a ", "a@b.", "A. ", "usw. Er "],
)
def test_time_is_linear(unit):
    # A quadratic step would take minutes: sentencex alone needs 260 s for a million quotation marks.
    text = unit * (100_000 // len(unit))
    start = time.process_time()
    split_sentences(text, "de")
    assert time.process_time() - start < 2.0


def test_texts_are_split_together_as_each_alone():
    texts, languages = [" ".join(case["sentences"]) for case in CASES], [case["language"] for case in CASES]
    of, starts, ends = split_all(texts, languages)
    together = list(zip(of.tolist(), starts.tolist(), ends.tolist(), strict=True))
    alone = [split_sentences(text, language) for text, language in zip(texts, languages, strict=True)]
    assert together == [(at, *span) for at, spans in enumerate(alone) for span in spans]


def test_the_word_lists_are_as_the_cuts_take_them():
    lists = [
        own for own in json.loads(LOOKUP.read_text(encoding="utf-8")).values() if "openers" in own and "final" in own
    ]
    lists = [own for own in lists if isinstance(own["openers"], list)]
    assert lists
    for own in lists:
        assert all(word.isalnum() and word[0].isupper() for word in own["openers"])
        assert max(map(len, own["abbreviations"])) <= LONGEST_SHORT
        assert max(len(word) for final in own["final"] for word in re.findall("[a-zA-Z]+", final)) <= LONGEST_SHORT
