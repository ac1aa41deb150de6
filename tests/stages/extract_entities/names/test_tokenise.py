import itertools
import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.extract_entities.names.tokenise import tokenise, tokenise_all

CASES = json.loads(Path(__file__).with_name("tokenise_cases.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["label"] for case in CASES])
def test_words(case: dict[str, object]) -> None:
    text = str(case["text"])
    assert [text[start:end] for start, end in tokenise(text)] == case["words"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("L'Italie et l\u2019Autriche d'ici", ["L'", "Italie", "et", "l\u2019", "Autriche", "d'", "ici"]),
        (
            "qu'Anna n'a rien lu jusqu'à aujourd'hui",
            ["qu'", "Anna", "n'", "a", "rien", "lu", "jusqu'", "à", "aujourd'hui"],
        ),
        ("N'Golo et Val-d'Oise", ["N'Golo", "et", "Val-d'Oise"]),
    ],
)
def test_french_leaves_a_word_before_a_vowel(text: str, words: list[str]) -> None:
    assert tokenise_all([text], ["fr"]).forms == words
    in_german = tokenise_all([text]).forms
    assert tokenise_all([text, text], ["de", "fr"]).forms == in_german + words


@given(st.text(alphabet="aB1.-' \n/&\u00e4\u0308\u201e\u2019", max_size=60) | st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_every_character_but_white_space_is_in_one_word(text: str) -> None:
    places = tokenise(text)
    assert "".join(text[start:end] for start, end in places) == "".join(text.split())
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(places))


@pytest.mark.parametrize("piece", ["a", "a-", "a.", "1.", "A.", "'", "a'", "-", "http://", "I.", "1,", "a&"])
def test_time_grows_with_the_text_alone(piece: str) -> None:
    began = time.process_time()
    tokenise(piece * 100_000)
    assert time.process_time() - began < 2


@given(st.lists(st.text(alphabet="aB1.-' \n/&\u00e4\u0308\u201e\u2019", max_size=20), max_size=6))
@settings(max_examples=100, deadline=None)
def test_sentences_together_are_cut_as_each_alone(texts: list[str]) -> None:
    words = tokenise_all(texts)
    for text, (first, last) in zip(texts, itertools.pairwise(words.bounds), strict=True):
        starts, forms = words.starts[first:last], words.forms[first:last]
        assert [(start, start + len(form)) for start, form in zip(starts, forms, strict=True)] == tokenise(text)
        assert [text[start:end] for start, end in tokenise(text)] == forms
