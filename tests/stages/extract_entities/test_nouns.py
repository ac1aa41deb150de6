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


def kept_part(text, word, label, score=0.7):
    names = [[Name(text.index(word), text.index(word) + len(word), label, "part", score, "model")]]
    return bool(without_nouns([text], names)[0])


@pytest.mark.parametrize(
    ("text", "word", "label"),
    [
        ("Das Zeugnis-Heft lag da", "Zeugnis", "ORG"),
        ("Eine Zigaretten-Schachtel lag da", "Zigaretten", "PER"),
        ("Der Regierungs-Bote kam", "Regierungs", "ORG"),
        ("Kakao-Bauern klagen: im Kakao steckt Geld", "Kakao", "PER"),
    ],
)
def test_a_noun_before_a_hyphen_is_no_part(text, word, label):
    assert not kept_part(text, word, label)


@pytest.mark.parametrize(
    ("text", "word", "label", "score"),
    [
        ("Das Zeugnis-Heft lag da", "Zeugnis", "ORG", 0.95),  # the engine is sure
        ("Der Dennis-Fan kam", "Dennis", "PER", 0.7),
        ("Die Samsung-Werke lagen da", "Samsung", "ORG", 0.7),
        ("Der Zeugnistag kam", "Zeugnis", "ORG", 0.7),  # no hyphen
        ("Das Quast-Lager wuchs", "Quast", "PER", 0.7),
    ],
)
def test_parts_stay(text, word, label, score):
    assert kept_part(text, word, label, score)
