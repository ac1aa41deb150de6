from pathlib import Path

import numpy as np
import pytest

from stages.extract_entities.names import encoder
from stages.extract_entities.names.encoder import tag_encoder
from stages.extract_entities.names.labels import TAGS
from stages.extract_entities.names.paths import best_path
from stages.extract_entities.names.pieces import normal_form, piece_ids, read_pieces, shipped_tokenizer


def rows(*words: dict[str, float]) -> "np.ndarray":
    table = np.full((len(words), len(TAGS)), 1e-6, np.float32)
    for i, word in enumerate(words):
        for tag, probability in word.items():
            table[i, TAGS.index(tag)] = probability
    return table


@pytest.mark.parametrize(
    ("words", "tags"),
    [
        ([{"B-PER": 0.9}, {"I-PER": 0.9}], ["B-PER", "I-PER"]),
        ([{"O": 0.6, "B-PER": 0.4}, {"I-PER": 0.9, "O": 0.1}], ["B-PER", "I-PER"]),
        ([{"I-LOC": 0.6, "B-LOC": 0.3, "O": 0.1}], ["B-LOC"]),
        ([{"B-ORG": 0.55, "B-PER": 0.45}, {"I-PER": 0.9, "I-ORG": 0.1}], ["B-PER", "I-PER"]),
    ],
)
def test_a_continuation_continues_its_own_label(words: list[dict[str, float]], tags: list[str]) -> None:
    assert [TAGS[i] for i in best_path(rows(*words))] == tags


def test_a_sentence_of_more_pieces_than_places_is_read_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["Frau", "Merkel", "sprach", "in", "Berlin", "."] * 4
    monkeypatch.setattr(encoder, "MOST_PIECES", 20)
    tagged = tag_encoder([words], [None])
    assert [TAGS[number] for number in tagged.outer] == ["O", "B-PER", "O", "O", "B-LOC", "O"] * 4
    assert len(tagged.inner) == len(tagged.scores) == len(words)


def test_a_second_opinion_counts_where_the_encoder_is_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    outer = rows({"B-PER": 0.55, "B-ORG": 0.44}, {"B-LOC": 0.97})
    monkeypatch.setattr(encoder, "tag_probabilities", lambda _: [(outer, outer)])
    second = rows({"B-ORG": 1.0}, {"O": 1.0})
    alone, both = (tag_encoder([["Wagner", "Berlin"]], [said]) for said in (None, second))
    assert [TAGS[number] for number in alone.outer] == ["B-PER", "B-LOC"]
    assert [TAGS[number] for number in both.outer] == ["B-ORG", "B-LOC"]
    assert both.scores == pytest.approx([0.8 * 0.44 + 0.2, 0.97], abs=1e-4)


def test_no_words_no_tags() -> None:
    assert [len(column) for column in tag_encoder([[]], [None])] == [0, 0, 0]


@pytest.mark.parametrize(
    ("word", "plain"), [("Bundes\u00adtag", "Bundestag"), ("\ufb01n", "fin"), ("M\u0308", "M\u0308")]
)
def test_normal_form(word: str, plain: str) -> None:
    assert normal_form(word) == plain


def test_every_word_has_a_piece_and_the_cache_gives_the_same() -> None:
    cache: dict[str, list[int]] = {}
    words = ["Merkel", "\u200b", "\U0001f600", "x" * 5000, "Merkel"]
    first = piece_ids(words, shipped_tokenizer(), cache)
    assert all(first)
    assert first[0] == first[4]
    assert piece_ids(words, shipped_tokenizer(), cache) == first == piece_ids(words, shipped_tokenizer(), {})


def test_pieces_are_read_as_they_stand_in_the_table(tmp_path: Path) -> None:
    # What a reader of CSV may take for a quotation mark, a comment, a number or nothing is a piece like any other.
    rows = [('"', -3.5), ("\u2581#", -1.0), ("12", -2.25), ("NULL", -4.0), ("\u2581", -10.125)]
    table = tmp_path / "pieces.tsv"
    table.write_text("".join(f"{piece}\t{score}\n" for piece, score in rows), encoding="utf-8")
    assert read_pieces(table) == rows
