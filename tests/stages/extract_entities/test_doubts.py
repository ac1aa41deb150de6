"""Names that are left out because an engine is unsure of them and nothing else speaks for them."""

import pytest

from stages.extract_entities.doubts import without_doubted
from stages.extract_entities.names import Name


def found(text, *names):
    """Names given as label, text, score and, where it is no whole name, kind."""
    return [
        Name(text.index(name), text.index(name) + len(name), label, *(kind or ["name"]), score, "model")
        for label, name, score, *kind in names
    ]


def kept(*rows):
    texts = [text for text, *_ in rows]
    left = without_doubted(texts, [found(*row) for row in rows])
    return [text[name.start : name.end] for text, names in zip(texts, left, strict=True) for name in names]


def test_a_doubtful_name_goes():
    assert kept(("Der Quast fuhr heim", ("PER", "Quast", 0.4))) == []


def test_a_name_stays_that_is_sure_enough():
    assert kept(("Herr Quast fuhr heim", ("PER", "Quast", 0.45))) == ["Quast"]


@pytest.mark.parametrize(
    ("text", "score", "stays"),
    [
        ("Neutraler Boden bleibt gefragt", 0.5, False),
        ("Neutraler Boden bleibt gefragt", 0.6, True),
        ("Im Neutraler Boden", 0.5, True),  # behind another word a capital is no opening
        ("Neutraler schweigt", 0.5, True),  # no noun follows
    ],
)
def test_what_may_be_an_adjective_that_opens_a_sentence_has_to_be_surer(text, score, stays):
    assert kept((text, ("LOC", "Neutraler", score))) == ["Neutraler"] * stays


@pytest.mark.parametrize(
    "other",
    [
        ("Wieder kam Quast", ("PER", "Quast", 0.3)),  # two doubts are more than one
        ("Es kam Erik Quast", ("PER", "Erik Quast", 0.9)),
        ("Es kam die Quast GmbH", ("ORG", "Quast GmbH", 0.9)),
    ],
)
def test_a_doubtful_name_stays_that_the_document_has_again(other):
    assert kept(("Der Quast fuhr heim", ("PER", "Quast", 0.3)), other)[0] == "Quast"


def test_a_genitive_stays_beside_its_base():
    assert kept(("Quasts Hof brannte", ("PER", "Quasts", 0.3)), ("Quast weinte", ("PER", "Quast", 0.8)))[0] == "Quasts"


def test_parts_go_and_stay_like_names():
    part = ("Das Quast-Lager wuchs", ("PER", "Quast", 0.3, "part"))
    assert kept(part) == []
    assert kept(part, ("Quast weinte", ("PER", "Quast", 0.8)))[0] == "Quast"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Im Meet the Press sagte sie", ("PER", "Meet the Press", 0.3)),  # the tables know it
        ("Foto: ANNA LINDQUIST", ("ORG", "ANNA LINDQUIST", 0.3)),
        ("das Landgericht Koinegg entschied", ("LOC", "Koinegg", 0.3)),
        ("eine koineggische Sitte", ("LOC", "koineggische", 0.3, "deriv")),
    ],
)
def test_what_a_doubtful_name_stays_for(text, name):
    assert kept((text, name)) == [name[1]]
