"""Blocks from pieces, without any file: what pieces say is kept, and every character is mapped."""

import polars as pl
import pytest

from stages.read.raw_document import PIECES, RawDocument
from stages.reflow import ReflowOptions
from stages.reflow.layout import reflow_pieces
from stages.reflow.places import Place, places_of, with_places


def document(*pieces, raw=None):
    """A document of pieces, each a mapping with a text and what is known of it; they stand below each other."""
    rows, at = [], 0
    for number, piece in enumerate(pieces):
        text = piece["text"]
        row = dict.fromkeys(PIECES, None) | {"start": at, "end": at + len(text), "breaks": True, "page": 1}
        row |= {
            "x0": 50.0,
            "x1": 50.0 + 5 * len(text),
            "y0": 20.0 * number,
            "y1": 20.0 * number + 10,
            "font_size": 10.0,
        }
        rows.append(row | {key: value for key, value in piece.items() if key != "text"})
        at += len(text) + 1
    text = raw if raw is not None else "\n".join(piece["text"] for piece in pieces)
    return RawDocument(text, "pdf", "text layer", pl.DataFrame(rows, schema=PIECES))


def line(text, block=0, **known):
    return {"text": text, "block": block, **known}


def texts(found):
    return [block.text for block in found.blocks]


def test_blocks_and_roles_of_the_format_are_kept():
    found = reflow_pieces(document(
        line("Seite 4", 0, role="furniture"), line("Der Plan", 1, role="title"), line("Kos-", 2),
        line("ten steigen.", 2), line("1 Siehe oben.", 3, role="footnote"), line("Ort 1 2", 4, role="table"),
        line("Start Impressum", 5, role="boilerplate"),
    ))  # fmt: skip

    assert [(block.kind, block.text) for block in found.blocks] == [
        ("title", "Der Plan"), ("paragraph", "Kosten steigen."), ("footnote", "1 Siehe oben."), ("table", "Ort 1 2"),
        ("boilerplate", "Start Impressum"),
    ]  # fmt: skip
    assert [(repair.rule, repair.before) for repair in found.repairs] == [
        ("furniture", "Seite 4"), ("hyphen_removed", "Kos-\nten")
    ]  # fmt: skip


def test_a_paragraph_goes_on_behind_furniture_and_a_note_on_the_next_page():
    found = reflow_pieces(document(
        line("Der Rat hat gestern lange über den", 0), line("Bau der Brücke und des Hauses der", 0),
        line("1 Siehe oben.", 1, role="footnote"), line("4", 2, role="furniture"),
        line("Stadt gesprochen.", 3, page=2, y0=0.0), line("Danach ging er.", 4, page=2),
    ))  # fmt: skip

    assert texts(found) == [
        "Der Rat hat gestern lange über den Bau der Brücke und des Hauses der Stadt gesprochen.", "1 Siehe oben.",
        "Danach ging er.",
    ]  # fmt: skip
    assert [repair.rule for repair in found.repairs] == ["page_break", "furniture"]


@pytest.mark.parametrize(
    ("last", "first", "known"),
    [
        ("Und damit war es gut.", "Am nächsten Tag kam er.", {}),
        ("Ende des Teils", "Neue Überschrift", {"role": "heading"}),
        ("der Rat und die große Stadt", "Anderes Blatt", {"font_size": 14.0}),
    ],
    ids=["short last line", "heading", "other type"],
)
def test_what_is_a_block_of_its_own_stays_one_on_the_next_page(last, first, known):
    found = reflow_pieces(document(
        line("Der Rat hat gestern lange über den", 0), line(last, 0), line(first, 1, page=2, y0=0.0, **known),
    ))  # fmt: skip

    assert len(found.blocks) == 2


def test_a_column_that_is_cut_inside_a_sentence_goes_on_at_the_top_of_the_next():
    found = reflow_pieces(document(
        line("Der Rat hat gestern lange über die", 0, y0=500.0), line("Sache gesprochen und dann hat er", 0, y0=520.0),
        line("entschieden.", 1, x0=300.0, x1=360.0, y0=20.0),
    ))  # fmt: skip

    assert texts(found) == ["Der Rat hat gestern lange über die Sache gesprochen und dann hat er entschieden."]


def test_addresses_go_on_over_line_ends_without_a_space():
    found = reflow_pieces(document(
        line("Siehe https://example.org/", 0), line("wege/2014/brief.html und", 0), line("https://example.org/a", 0),
        line("Morgen mehr (", 0), line("und dann).", 0),
    ))  # fmt: skip

    assert texts(found) == [
        "Siehe https://example.org/wege/2014/brief.html und https://example.org/a Morgen mehr (und dann)."
    ]


def test_texts_that_stand_for_other_raw_characters_are_mapped_where_they_agree():
    raw = "<p>Rot &amp; Schwarz,\n  Wei&szlig;</p>"
    rows = [
        {"start": 3, "end": 7, "text": None, "breaks": True, "block": 1},
        {"start": 7, "end": 12, "text": "&", "breaks": False, "block": 1},
        {"start": 12, "end": 27, "text": None, "breaks": False, "block": 1},
        {"start": 27, "end": 34, "text": "ß", "breaks": False, "block": 1},
    ]
    pieces = pl.DataFrame([dict.fromkeys(PIECES, None) | row for row in rows], schema=PIECES)
    found = reflow_pieces(RawDocument(raw, "utf-8", "utf-8", pieces))

    assert texts(found) == ["Rot & Schwarz, Weiß"]
    for start, at, length in found.blocks[0].spans:
        assert found.blocks[0].text[start : start + length] == raw[at : at + length]


def test_without_joins_every_line_stands_for_itself():
    found = reflow_pieces(document(line("Kos-", 0), line("ten steigen.", 0)), ReflowOptions(join_lines=False))

    assert texts(found) == ["Kos-", "ten steigen."]


def test_nothing_comes_of_no_pieces():
    assert reflow_pieces(document()).blocks == ()


def test_places_are_the_box_of_the_part_on_the_first_page():
    made = document(line("0123456789"), line("0123456789"), line("0123456789", page=2))

    assert places_of(made.pieces, [(5, 10), (5, 20), (15, 30), (22, 23)]) == [
        Place(1, 75.0, 0.0, 100.0, 10.0), Place(1, 50.0, 0.0, 100.0, 30.0), Place(1, 70.0, 20.0, 100.0, 30.0),
        Place(2, 50.0, 40.0, 55.0, 50.0),
    ]  # fmt: skip
    assert places_of(None, [(0, 1)]) == [Place(None)]


def test_places_are_added_to_rows():
    pieces = pl.DataFrame({"doc_id": ["a", "b"], "pieces": [document(line("0123456789")).pieces.to_dicts(), None]})
    rows = pl.DataFrame({"doc_id": ["b", "a"], "raw_start": [0, 0], "raw_end": [5, 5]})
    placed = with_places(rows, pieces).select("doc_id", "page", "box").rows()
    assert placed == [("b", None, None), ("a", 1, {"x0": 50.0, "y0": 0.0, "x1": 75.0, "y1": 10.0})]
    assert with_places(rows, pieces[1:]).select("page", "box").rows() == [(None, None)] * 2
