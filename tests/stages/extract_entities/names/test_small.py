from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.extract_entities.names import small
from stages.extract_entities.names.forms import (
    MARKS,
    PIECES_OF_A_FORM,
    SHAPES,
    TRIPLES,
    TRIPLES_OF_A_FORM,
    WIDTH,
    flag_rows,
    form_arrays,
    piece_rows,
    triple_rows,
)
from stages.extract_entities.names.pieces import PAD, WORD_START, shipped_tokenizer
from stages.extract_entities.names.small import form_vectors, tag_small

SENTENCES = [
    ["Frau", "Merkel", "sprach", "in", "Berlin", "."],
    [],
    ["Nato"],
    ["Die", "Nato", "tagt", "in", "Brüssel", "."],
]


def test_forms_fill_their_rows() -> None:
    forms = form_arrays(["Merkel", "Xylophonistengattinnen" * 20, "\ud800", "\U0001f600"], shipped_tokenizer())
    assert forms.pieces.shape == (4, PIECES_OF_A_FORM)
    assert forms.triples.shape == (4, TRIPLES_OF_A_FORM)
    assert forms.flags.shape == (4, WIDTH)
    assert (forms.pieces[:, 0] != PAD).all()
    assert ((forms.triples >= 0) & (forms.triples < TRIPLES)).all()


def test_triples_overlap_and_do_not_see_case() -> None:
    bonn, loud, born = triple_rows(["Bonn", "BONN", "Born"])
    assert (bonn > 0).sum() == 4
    assert (bonn == loud).all()
    assert (bonn != born).any()


def test_a_form_comes_out_the_same_in_any_company() -> None:
    words = [
        "Merkel",
        "a",
        "Donaudampfschifffahrtsgesellschaftskapitänsmützenverordnung",
        "x" * 30,
        "\u0130stanbul",
        "-",
    ]
    together = form_arrays(words, shipped_tokenizer())
    vectors = form_vectors(words)
    for i, word in enumerate(words):
        alone = form_arrays([word], shipped_tokenizer())
        for one, row in zip(alone, together, strict=True):
            assert (one[0] == row[i]).all()
        assert (form_vectors([word])[0] == vectors[i]).all()


def test_a_long_form_keeps_its_first_and_its_last_pieces() -> None:
    word = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz"
    ids = shipped_tokenizer().encode(WORD_START + word).ids
    assert len(ids) > PIECES_OF_A_FORM
    assert piece_rows([word], shipped_tokenizer())[0].tolist() == [*ids[:6], *ids[-2:]]


@pytest.mark.parametrize(
    ("word", "shape", "marks"),
    [("Berlin", "Xx", "BM"), ("Berlins", "Xx", "BM"), ("berlin", "x", ""), ("Schweiz-Reise", "Xx-Xx", "")],
)
def test_flags_show_shape_and_lists(word: str, shape: str, marks: str) -> None:
    flags = flag_rows([word])[0]
    assert flags[SHAPES.index(shape)] == 1
    first = len(SHAPES) + 2
    of_the_word = {m for m, flag in zip(MARKS, flags[first : first + len(MARKS)], strict=True) if flag}
    assert of_the_word == set(marks)


def test_no_sentence_sees_another(monkeypatch: pytest.MonkeyPatch) -> None:
    together = tag_small(SENTENCES)
    assert [len(column) for column in together] == [sum(map(len, SENTENCES))] * 3
    for row in (3, 1):
        monkeypatch.setattr(small, "ROW", row)
        other = tag_small(SENTENCES)
        assert np.array_equal(other.outer, together.outer)
        assert np.array_equal(other.inner, together.inner)
        assert np.allclose(other.scores, together.scores, atol=1e-6)


def test_forgetting_the_forms_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = tag_small(SENTENCES)
    monkeypatch.setattr(small, "FORM_LIMIT", 4)
    assert all(map(np.array_equal, tag_small(SENTENCES), before))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The forms that are worked out from now on."""
    words_asked: list[str] = []

    def listens(words: Sequence[str]) -> NDArray[np.uint8]:
        words_asked.extend(words)
        return form_vectors(words)

    monkeypatch.setattr(small, "form_vectors", listens)
    return words_asked


def test_a_form_that_is_known_is_not_worked_out_again(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small, "FORM_LIMIT", 10)
    memory = small.FormMemory()
    for words in ("der rat der stadt tagt heute nicht", "der rat der stadt tagt heute wieder"):
        memory.rows_of(words.split())
    assert sorted(asked) == ["der", "heute", "nicht", "rat", "stadt", "tagt", "wieder"]


def test_where_forms_are_too_many_those_met_first_stay(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small, "FORM_LIMIT", 4)
    memory = small.FormMemory()
    first = memory.rows_of(["der", "rat", "tagt", "heute"])
    memory.rows_of(["wieder", "nicht"])
    asked.clear()
    assert np.array_equal(memory.rows_of(["der", "rat", "tagt"]), first[:3])
    assert not asked
    row = memory.rows_of(["heute"])
    assert asked == ["heute"]
    assert np.array_equal(memory.vectors[row], form_vectors(["heute"]))


def test_of_a_sentence_without_a_name_every_word_is_outside() -> None:
    tagged = tag_small([["Es", "regnet", "."], *SENTENCES])
    assert not tagged.outer[:3].any()
    assert not tagged.inner[:3].any()


@pytest.mark.parametrize("sentences", [[], [[]], [[], []], [["Berlin"], []], [[], ["Berlin"]]])
def test_a_sentence_without_words_is_one_of_which_nothing_is_said(sentences: list[list[str]]) -> None:
    tagged, unsure = small.tag_where_sure(sentences, 1.1)
    assert len(tagged.outer) == len(small.tag_small(sentences).outer) == sum(map(len, sentences))
    assert list(unsure) == [number for number, words in enumerate(sentences) if words]
