"""Roads that an engine missed."""

import pytest

from stages.extract_entities.names import Name
from stages.extract_entities.roads import with_roads


def told(text, *names):
    return [text[name.start : name.end] for name in with_roads([text], [list(names)], "rule")[0]]


@pytest.mark.parametrize(
    ("text", "road"),
    [
        ("Stau auf der A 7 nach Unfall", "A 7"),
        ("Auf der B27 lag ein Reifen.", "B27"),
        ("A 2 Magdeburg Richtung Hannover gesperrt", "A 2"),
        ("A3 in Fahrtrichtung Passau", "A3"),
        ("Ein Wagen kam von der Kreisstraße 17 ab", "Kreisstraße 17"),
        ("Unfall auf der BAB 30", "BAB 30"),
    ],
)
def test_roads_are_found(text, road):
    assert told(text) == [road]


@pytest.mark.parametrize(
    "text", ["ein Blatt in A 4", "Vitamin B 12 fehlte", "auf der A-Seite", "auf der MA 7", "B 9 lag im Feld"]
)
def test_no_roads(text):
    assert told(text) == []


def test_what_is_found_stays():
    assert told("Stau auf der A 7 bei Ulm", Name(13, 16, "LOC", "name", 0.6, "model")) == ["A 7"]
    assert told("Stau auf der A 7 bei Ulm", Name(21, 24, "LOC", "name", 0.6, "model")) == ["A 7", "Ulm"]


def test_a_road_has_its_number():
    assert told("Stau auf der Bundesstraße 83", Name(13, 25, "LOC", "name", 0.6, "model")) == ["Bundesstraße 83"]
    whole = Name(13, 38, "LOC", "name", 0.6, "model")
    assert told("Stau auf der Bundesstraße 83 bei Hameln", whole) == ["Bundesstraße 83 bei Hamel"]
