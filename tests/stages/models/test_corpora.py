from pathlib import Path

import pytest

from stages.errors import UsageError
from stages.models.corpora import (
    LONGEST_UNMARKED,
    Span,
    annotated,
    check_inputs,
    read_sentences,
    set_text,
    spans_of,
    tags_of,
)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["Er", "kam", ",", "sah", "."], "Er kam, sah."),
        (["Die", '"', "Bild", '"', "(", "Nr.", "1", ")"], 'Die "Bild" (Nr. 1)'),
        (["„", "Ja", "“", ",", "“", "no", "”"], "„Ja“, “no”"),
        (["«", "Oui", "»", ",", "»", "nein", "«"], "«Oui», »nein«"),
        ([], ""),
    ],
)
def test_tokens_are_set_as_running_text(words: list[str], text: str) -> None:
    found, places = set_text(words)
    assert found == text
    assert [found[start:end] for start, end in places] == words


def test_columns_become_sentences_with_spans(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("New\tB-LOC\tO\nYork\tI-LOC\tO\n.\tO\tO\n\n\nUS-Chef\tB-LOCpart\tO\n", encoding="utf-8")
    first, second = read_sentences(path)
    assert first.text == "New York."
    assert spans_of([row[0] for row in first.columns], first.tokens) == [Span(0, 8, "LOC")]
    assert spans_of([row[0] for row in second.columns], second.tokens) == [Span(0, 7, "LOCpart")]


def test_tags_survive_the_way_through_spans() -> None:
    tags = ["B-PER", "I-PER", "O", "B-LOC", "B-LOC"]
    places = [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)]
    assert tags_of(spans_of(tags, places), places) == tags


def test_other_input_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("x")
    with pytest.raises(UsageError, match="not the file"):
        check_inputs(tmp_path, {"a.tsv": "0"})
    with pytest.raises(UsageError, match="missing"):
        check_inputs(tmp_path, {"b.tsv": "0"})


def test_stretches_that_nobody_annotated_are_left_out() -> None:
    assert annotated([True, *[False] * LONGEST_UNMARKED, True]) == list(range(LONGEST_UNMARKED + 2))
    assert annotated([True, *[False] * (LONGEST_UNMARKED + 1), True]) == [0, LONGEST_UNMARKED + 2]
