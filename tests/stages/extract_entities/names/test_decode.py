from collections.abc import Sequence

import numpy as np
import pytest

from stages.extract_entities.names.decode import (
    TOLD_SCORE,
    Name,
    Tagged,
    at_slashes,
    is_currency,
    names_of,
    part_bounds,
    with_agencies,
    with_places_of_compounds,
)
from stages.extract_entities.names.labels import LABELS, TAGS, tag_runs
from stages.extract_entities.names.tokenise import Words


def tagged_names(words: Words, outer: Sequence[str], inner: Sequence[str], scores: Sequence[float]) -> list[list[Name]]:
    """The names of sentences each of which was tagged in one go."""
    numbers = (np.array([TAGS.index(tag) for tag in tags]) for tags in (outer, inner))
    return names_of(words, set(words.bounds), Tagged(*numbers, np.array(scores, np.float32)), "x")


@pytest.mark.parametrize(
    ("word", "label", "name"),
    [
        ("US-Außenminister", "LOC", "US"),
        ("Nato-Generalsekretär", "ORG", "Nato"),
        ("Baden-Württemberg-Wahl", "LOC", "Baden-Württemberg"),
        ("Ex-Siemens-Chef", "ORG", "Siemens"),
        ("Ex-Chef", "ORG", "Ex"),
        ("Ex--Chef", "ORG", "-Chef"),
        ("Afghanistaneinsatz", "LOC", "Afghanistan"),
        ("Qwertzbesuch", "LOC", "Qwertzbesuch"),
    ],
)
def test_where_the_name_in_a_compound_is(word: str, label: str, name: str) -> None:
    start, end = part_bounds(word, label)
    assert word[start:end] == name


def test_names_of_both_levels() -> None:
    text = "Der Deutsche Bundestag und US-Soldaten."
    places = [(0, 3), (4, 12), (13, 22), (23, 26), (27, 38), (38, 39)]
    outer = ["O", "B-ORG", "I-ORG", "O", "B-LOCpart", "O"]
    inner = ["O", "B-LOCderiv", "B-LOC", "O", "O", "O"]
    words = Words([text[start:end] for start, end in places], [start for start, _ in places], [0, 0, 6])
    none, found = tagged_names(words, outer, inner, [1, 0.9, 0.8, 1, 0.7, 1])
    assert none == []
    assert [(text[n.start : n.end], n.label, n.kind, n.score) for n in found] == [
        ("Deutsche Bundestag", "ORG", "name", 0.8),
        ("Deutsche", "LOC", "deriv", 0.9),
        ("US", "LOC", "part", 0.7),
    ]


def test_an_inner_part_under_an_outer_part_is_dropped() -> None:
    (found,) = tagged_names(Words(["EU-Land"], [0], [0, 1]), ["B-ORGpart"], ["B-LOCpart"], [0.9])
    assert [(n.start, n.end, n.label) for n in found] == [(0, 2, "ORG")]


def test_names_are_those_of_their_own_sentence() -> None:
    words = Words(["Bonn", "Köln", ".", "Ulm", "."], [0, 5, 9, 0, 3], [0, 3, 3, 5])
    tags = ["B-LOC", "B-LOC", "O", "B-LOC", "I-LOC"]
    found = tagged_names(words, tags, ["O"] * 5, [0.9] * 5)
    assert [[name[:2] for name in names] for names in found] == [[(0, 4), (5, 9)], [], [(0, 3)]]


@pytest.mark.parametrize(
    ("tags", "runs"),
    [
        ([], []),
        (["I-PER", "I-PER"], [(0, 2, "PER")]),
        (["B-PER", "B-PER"], [(0, 1, "PER"), (1, 2, "PER")]),
        (["B-PER", "I-LOC", "O"], [(0, 1, "PER"), (1, 2, "LOC")]),
        (["B-LOC", "O", "I-LOC"], [(0, 1, "LOC"), (2, 3, "LOC")]),
    ],
)
def test_runs(tags: list[str], runs: list[tuple[int, int, str]]) -> None:
    assert tag_runs(tags) == runs


def test_every_tag_names_its_label() -> None:
    assert [tag_runs([tag]) for tag in TAGS[1:]] == [[(0, 1, label)] for label in LABELS for _ in "BI"]


@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [
        ("Euro", "MISC", True),
        ("US-Dollar", "MISC", True),
        ("\u20ac", "MISC", True),
        ("EUR", "MISC", True),
        ("Dem", "MISC", False),
        ("Mark", "PER", False),
        ("Euro 2024", "MISC", False),
    ],
)
def test_currency_words(text: str, label: str, expected: bool) -> None:
    assert is_currency(text, Name(0, len(text), label, "name", 1.0, "x")) is expected


@pytest.mark.parametrize(
    ("words", "last", "name"),
    [
        (["Cannes", ",", "dann"], 2, "Cannes"),
        (["Gruppe", "(", "GR", ")", "war"], 4, "Gruppe ( GR )"),
        (["#", "Genf", "#"], 2, "Genf"),
        (["Roda", "(", "Elbe", ")", "liegt"], 3, "Roda ( Elbe )"),
        (["Anna", "Blum", ")", "war"], 3, "Anna Blum"),
        (["nach", "Genf", "."], 3, "nach Genf"),
        (["Yahoo", "!", "kauft"], 2, "Yahoo !"),
        ([",", "-", "."], 2, None),
    ],
)
def test_marks_at_the_edges_are_no_part_of_a_name(words: list[str], last: int, name: str | None) -> None:
    text = " ".join(words)
    starts = [len(" ".join(words[:number])) + bool(number) for number in range(len(words))]
    tags = ["B-LOC", *["I-LOC"] * (last - 1), *["O"] * (len(words) - last)]
    (found,) = tagged_names(Words(words, starts, [0, len(words)]), tags, ["O"] * len(words), [1.0] * len(words))
    assert [text[n.start : n.end] for n in found] == ([name] if name else [])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("APA/AFP", ["APA", "AFP"]),
        ("Jo Weber / dpa", ["Jo Weber", "dpa"]),
        ("dpa", ["dpa"]),
        ("dpa/", ["dpa/"]),
        ("X/Y", ["X", "Y"]),
    ],
)
def test_a_slash_parts_the_names_of_a_credit(text: str, parts: list[str]) -> None:
    found = at_slashes(text, [Name(0, len(text), "ORG", "name", 0.9, "x")])
    assert [text[name.start : name.end] for name in found] == parts


@pytest.mark.parametrize(
    ("text", "agencies"),
    [
        ("GETTYIMAGES/AFP/DIMITAR DILKOFF", ["GETTYIMAGES", "AFP"]),
        ("Foto: dpa / Karla Reuters", ["dpa"]),
        ("Karla Weber, Bonn", []),
    ],
)
def test_agencies_that_the_engine_missed_are_in_a_credit(text: str, agencies: list[str]) -> None:
    person = Name(text.rindex(" ") + 1, len(text), "PER", "name", 0.6, "x")
    found = with_agencies(text, [person], "x")
    assert [text[name.start : name.end] for name in found if name.label == "ORG"] == agencies
    assert found[-1] == person


def test_an_agency_that_the_engine_found_is_not_found_again() -> None:
    found = [Name(0, 3, "ORG", "name", 0.6, "x"), Name(4, 7, "PER", "name", 0.6, "x")]
    assert with_agencies("APA/AFP", found, "x") == found


def test_a_photographer_that_was_found_is_as_sure_as_one_that_is_told() -> None:
    doubted = Name(4, 15, "PER", "name", 0.3, "x")
    agency, person = with_agencies("AFP/ANNA BERGER", [doubted], "x")
    assert (agency[:3], person) == ((0, 3, "ORG"), doubted._replace(score=TOLD_SCORE))
    assert with_agencies("ANNA BERGER", [doubted._replace(start=0, end=11)], "x")[0].score == 0.3


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("Foto: GETTYIMAGES/AFP/ANNA LINDQUIST", ["ANNA LINDQUIST"]),
        ("APA/EVA-MARIA BERG/ARCHIV", ["EVA-MARIA BERG"]),
        ("ANNA LINDQUIST/AFP", []),  # whoever stands first may be anything
        ("AFP/Stadt Koinegg", []),
        ("AFP/ARCHIV", []),
        ("AFP/REUTERS", []),
    ],
)
def test_who_took_the_picture_stands_behind_the_agency(text: str, people: list[str]) -> None:
    found = with_agencies(text, [], "x")
    assert [text[name.start : name.end] for name in found if name.label == "PER"] == people


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("der Nahost-Sondergesandte und die Jordanien-Reise", ["Nahost", "Jordanien"]),
        ("die Rhein-Main-Halle", []),
        ("Nord-Jordanien, Jordanien-, die jordanien-reise, Essen-Lieferung", []),
    ],
)
def test_a_country_before_a_hyphen_is_a_part(text: str, parts: list[str]) -> None:
    found = with_places_of_compounds(text, [], "x")
    assert [text[name.start : name.end] for name in found] == parts
    assert {(name.label, name.kind) for name in found} <= {("LOC", "part")}


def test_no_part_is_told_inside_of_what_the_engine_found() -> None:
    found = [Name(4, 17, "MISC", "name", 0.6, "x")]
    assert with_places_of_compounds("Der Ukraine-Krieg", found, "x") == found
