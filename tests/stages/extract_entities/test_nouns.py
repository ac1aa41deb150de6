"""Common nouns that a document shows to be no people."""

import pytest

from stages.extract_entities.names import Name
from stages.extract_entities.nouns import without_nouns


def kept(text, word, score=0.7):
    names = [[Name(text.index(word), text.index(word) + len(word), "PER", "name", score, "model")]]
    return bool(without_nouns([text], names)[0])


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Hummeln flogen. Neun von zehn Hummeln sa\u00dfen im Trockenen.", "Hummeln"),
        ("Hummeln flogen. Obstbauern halten Zuchthummeln.", "Hummeln"),
        ("Kakao wird knapp, im Kakao steckt Geld.", "Kakao"),
        ("Zuckerpreis verdirbt Keksb\u00e4cker das Quartal", "Keksb\u00e4cker"),
        ("Festredner war der Minister", "Festredner"),
        ("Im Wendland hat ein Wolf Schafe gerissen", "Wolf"),
        ("sagte sie im Sommer schon", "Sommer"),
        ("Trotz des Sturms kamen viele", "Sturms"),
        ("Marionetten tanzten. Viele Marionetten waren alt.", "Marionetten"),
    ],
)
def test_a_noun_is_nobody(text, word):
    assert not kept(text, word)


@pytest.mark.parametrize(
    ("text", "word", "score"),
    [
        ("Hummeln flogen \u00fcber Hummeln hinweg.", "Hummeln", 0.7),  # nothing tells
        ("Zehn Hummeln kamen, sagte Hummeln.", "Hummeln", 0.95),  # the engine is sure
        ("Zwei M\u00fcller und die Obstm\u00fcller.", "M\u00fcller", 0.7),  # a common name
        ("die Lehren des Marx", "Marx", 0.7),
        ("die Verhaftung des Sokrates", "Sokrates", 0.7),
        ("Sie traf Wolf und Sommer.", "Wolf", 0.7),
        ("Das Merkel-Lager und Merkel selbst.", "Merkel", 0.7),
    ],
)
def test_people_stay(text, word, score):
    assert kept(text, word, score)
