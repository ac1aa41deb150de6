"""Names of which the tables are surer than the model."""

import pytest

from stages.extract_entities.names import Name
from stages.extract_entities.settle import settle


@pytest.mark.parametrize(
    ("label", "surface", "expected"),
    [
        ("PER", "STANDARD", "ORG"),
        ("LOC", "Standard", "ORG"),
        ("PER", "Meet the Press", "ORG"),
        ("LOC", "AFP", "ORG"),
        ("LOC", "März", None),
        ("LOC", "Euro", None),
        ("LOC", "Würmer", None),
        ("LOC", "Wien", "LOC"),
        ("LOC", "Chelsea", "LOC"),
        ("PER", "Stern", "PER"),  # a surname as well
        ("PER", "Reuters", "PER"),  # "die Haft Reuters"
        ("PER", "August", "PER"),
        ("ORG", "Standard", "ORG"),
    ],
)
def test_a_whole_name_has_the_label_that_tables_are_sure_of(label, surface, expected):
    name = Name(4, 4 + len(surface), label, "name", 0.7, "model")
    found = [one.label for one in settle(f"Dem {surface} sagte sie", [name])]
    assert found == ([] if expected is None else [expected])


@pytest.mark.parametrize("kind", ["part", "deriv"])
def test_parts_and_derivations_stay(kind):
    name = Name(0, 8, "PER", kind, 0.7, "model")
    assert list(settle("STANDARD-Leser", [name])) == [name]
