from collections.abc import Sequence

import numpy as np
import pytest

from stages.extract_entities.names import cascade
from stages.extract_entities.names.cascade import tag_cascade
from stages.extract_entities.names.decode import Tagged, end_to_end
from stages.extract_entities.names.encoder import tag_encoder
from stages.extract_entities.names.small import tag_small, tag_where_sure

EASY = ["Das", "ist", "nicht", "wahr", "."]
NAMED = ["Angela", "Merkel", "sprach", "in", "Berlin", "."]
HARD = ["Qwertz", "Xylo", "Brumm", "stiess", "Plonk", "."]


def are_alike(one: Tagged, other: Tagged) -> bool:
    same_tags = np.array_equal(one.outer, other.outer) and np.array_equal(one.inner, other.inner)
    return same_tags and np.allclose(one.scores, other.scores, atol=1e-6)


@pytest.mark.parametrize(
    ("least", "sure"),
    [(0.9, [True, True, False, True]), (0.0, [True] * 4), (1.1, [False, True, False, False])],
)
def test_the_small_network_tells_of_which_sentences_it_is_sure_word_for_word(least: float, sure: list[bool]) -> None:
    sentences = [EASY, [], HARD, NAMED]
    tagged, are_sure = tag_where_sure(sentences, least)
    assert are_alike(tagged, tag_small(sentences))
    assert are_sure.tolist() == sure


def test_the_encoder_is_asked_for_the_others_and_where_the_language_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Sequence[str]] = []

    def listen(sentences: Sequence[Sequence[str]]) -> Tagged:
        asked.extend(sentences)
        return tag_encoder(sentences)

    monkeypatch.setattr(cascade, "tag_encoder", listen)
    found = tag_cascade([EASY, HARD, NAMED, EASY, []], [True, True, True, False, False])
    assert asked == [HARD, EASY, []]
    parts = [tag_small([EASY]), tag_encoder([HARD]), tag_small([NAMED]), tag_encoder([EASY])]
    assert are_alike(found, end_to_end(parts))


def test_no_sentences_no_tags() -> None:
    assert [len(column) for column in tag_cascade([], [])] == [0, 0, 0]
