from collections.abc import Sequence

import pytest

from stages.extract_entities.names import cascade
from stages.extract_entities.names.cascade import tag_cascade
from stages.extract_entities.names.decode import NOTHING, Tagged
from stages.extract_entities.names.encoder import tag_encoder
from stages.extract_entities.names.small import tag_small, tag_where_sure

EASY = ["Das", "ist", "nicht", "wahr", "."]
NAMED = ["Angela", "Merkel", "sprach", "in", "Berlin", "."]
HARD = ["Qwertz", "Xylo", "Brumm", "stiess", "Plonk", "."]


def test_the_small_network_speaks_only_where_it_is_sure_of_every_word() -> None:
    sentences = [EASY, [], HARD, NAMED]
    alone = tag_small(sentences)
    found = tag_where_sure(sentences, 0.9)
    assert found[:3] == [NOTHING, NOTHING, None]
    assert tag_where_sure(sentences, 0.0) == alone
    assert tag_where_sure(sentences, 1.1) == [None, NOTHING, None, None]


def test_the_encoder_is_asked_for_the_others_and_where_the_language_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Sequence[str]] = []

    def listen(sentences: Sequence[Sequence[str]]) -> list[Tagged]:
        asked.extend(sentences)
        return tag_encoder(sentences)

    monkeypatch.setattr(cascade, "tag_encoder", listen)
    found = tag_cascade([EASY, HARD, EASY, []], [True, True, False, False])
    assert asked == [HARD, EASY, []]
    assert found[0] == NOTHING
    assert found[1:] == tag_encoder([HARD, EASY, []])


def test_no_sentences_no_tags() -> None:
    assert tag_cascade([], []) == []
