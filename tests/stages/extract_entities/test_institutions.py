"""Institutions and companies that a document names, whole and alike."""

import pytest

from stages.extract_entities.companies import with_companies
from stages.extract_entities.institutions import with_institutions
from stages.extract_entities.names import Name


def found(text, *names):
    """Names given as label and text, with a score where one is given."""
    return [
        Name(text.index(name), text.index(name) + len(name), label, "name", *(score or [0.7]), "model")
        for label, name, *score in names
    ]


def told(texts, rows):
    return [
        (one.label, one.kind, text[one.start : one.end]) for text, row in zip(texts, rows, strict=True) for one in row
    ]


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("Das Technische Hilfswerk kam", [], [("ORG", "Technische Hilfswerk")]),
        ("Das Rote Kreuz half", [("LOC", "Rote Kreuz")], [("ORG", "Rote Kreuz")]),
        ("des Zweiten Deutschen Fernsehens", [("ORG", "Fernsehens")], [("ORG", "Zweiten Deutschen Fernsehens")]),
        ("der Bundes\u00e4rztekammer", [], [("ORG", "Bundes\u00e4rztekammer")]),
        ("des Bundesjustizministeriums", [], [("ORG", "Bundesjustizministeriums")]),
        ("im Bundestagswahlkampf", [], []),
        ("die Bundestags-Abgeordnete", [], []),
        ("ein technisches Hilfswerk", [], []),
        ("Rotes Kreuz Tirol kam", [("ORG", "Rotes Kreuz Tirol")], [("ORG", "Rotes Kreuz Tirol")]),
    ],
)
def test_a_known_institution_is_found_whole(text, names, expected):
    rows = with_institutions([text], [found(text, *names)], "model")
    assert [(label, name) for label, _, name in told([text], rows)] == expected


def test_the_trade_of_a_company_is_no_part_of_its_name():
    text = "Der Maschinenbauer Nordwerke AG wirbt"
    rows = with_companies([text], [found(text, ("ORG", "Maschinenbauer Nordwerke AG"))], "model")
    assert told([text], rows) == [("ORG", "name", "Nordwerke AG")]


def test_a_company_has_its_label_wherever_its_own_name_stands():
    texts = ["Nordwerke und Kranz", "Die Nordwerke AG, sagte Nordwerke-Chef Maier", "Nordwerke w\u00e4chst"]
    names = [
        found(texts[0], ("PER", "Kranz")),
        found(texts[1], ("ORG", "Nordwerke AG")),
        found(texts[2], ("LOC", "Nordwerke")),
    ]
    assert told(texts, with_companies(texts, names, "model")) == [
        ("ORG", "name", "Nordwerke"),
        ("PER", "name", "Kranz"),
        ("ORG", "name", "Nordwerke AG"),
        ("ORG", "part", "Nordwerke"),
        ("ORG", "name", "Nordwerke"),
    ]


def test_a_founder_keeps_the_name_that_the_company_has_too():
    texts = ["Eva Lindner verkauft die Lindner AG", "Lindner schweigt"]
    names = [found(texts[0], ("PER", "Eva Lindner"), ("ORG", "Lindner AG")), found(texts[1], ("PER", "Lindner"))]
    assert told(texts, with_companies(texts, names, "model"))[-1] == ("PER", "name", "Lindner")


def test_what_the_engine_is_sure_of_stays():
    texts = ["Die Essen AG baut", "in Essen"]
    names = [found(texts[0], ("ORG", "Essen AG")), found(texts[1], ("LOC", "Essen", 0.99))]
    assert told(texts, with_companies(texts, names, "model"))[-1] == ("LOC", "name", "Essen")
