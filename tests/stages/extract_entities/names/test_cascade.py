from collections.abc import Sequence

import numpy as np
import pytest

from stages.extract_entities.names import cascade
from stages.extract_entities.names.cascade import SURE, tag_cascade
from stages.extract_entities.names.decode import Tagged, end_to_end
from stages.extract_entities.names.encoder import tag_encoder
from stages.extract_entities.names.paths import Floats
from stages.extract_entities.names.small import tag_small, tag_where_sure

EASY = ["Das", "ist", "nicht", "wahr", "."]
NAMED = ["Angela", "Merkel", "sprach", "in", "Berlin", "."]
HARD = ["Qwertz", "Xylo", "Brumm", "stiess", "Plonk", "."]


def are_alike(one: Tagged, other: Tagged) -> bool:
    same_tags = np.array_equal(one.outer, other.outer) and np.array_equal(one.inner, other.inner)
    return same_tags and np.allclose(one.scores, other.scores, atol=1e-6)


@pytest.mark.parametrize(
    ("least", "numbers"),
    [(0.9, [2]), (0.0, []), (1.1, [0, 2, 3])],
)
def test_the_small_network_tells_of_which_sentences_it_is_unsure_of_a_word(least: float, numbers: list[int]) -> None:
    sentences = [EASY, [], HARD, NAMED]
    tagged, unsure = tag_where_sure(sentences, least)
    assert are_alike(tagged, tag_small(sentences))
    assert list(unsure) == numbers
    assert [len(outer) for outer in unsure.values()] == [len(sentences[number]) for number in numbers]


def test_the_encoder_is_asked_for_the_others_and_where_the_language_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Sequence[str]] = []
    heard: list[Floats | None] = []

    def listen(sentences: Sequence[Sequence[str]], seconds: Sequence[Floats | None]) -> Tagged:
        asked.extend(sentences)
        heard.extend(seconds)
        return tag_encoder(sentences, seconds)

    monkeypatch.setattr(cascade, "tag_encoder", listen)
    found = tag_cascade([EASY, HARD, NAMED, EASY, []], [True, True, True, False, False])
    assert asked == [HARD, EASY, []]
    second = tag_where_sure([HARD], SURE)[1][0]
    assert heard[0] is not None
    assert np.allclose(heard[0], second, atol=1e-6)
    assert heard[1:] == [None, None]
    of_encoder = tag_encoder([HARD], [second]), tag_encoder([EASY], [None])
    parts = [tag_small([EASY]), of_encoder[0], tag_small([NAMED]), of_encoder[1]]
    assert are_alike(found, end_to_end(parts))


def test_no_sentences_no_tags() -> None:
    assert [len(column) for column in tag_cascade([], [])] == [0, 0, 0]
