"""Reflow: single cases from data files, and what must hold for any text."""

import json
import os
from collections.abc import Callable
from itertools import accumulate, pairwise
from pathlib import Path
from random import Random
from textwrap import wrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.reflow import Reflowed, ReflowOptions, Repair, finish, reflow, reflow_all
from stages.reflow.assemble import Piece
from stages.reflow.finish import Put
from stages.reflow.lines import cut_all, cut_lines
from stages.reflow.network import block_scores
from stages.reflow.pages import DIGITS, without_numbers
from stages.tables.schemas import BLOCK_KINDS, REPAIR_RULES

CASES = Path(__file__).parents[1] / "cases"
DEVSETS = os.environ.get("FLIESSTEXT_DEVSETS", "")
DOCS = sorted(Path(DEVSETS, "reflow", "docs").glob("*/raw.txt")) if DEVSETS else []
SEEDS = [path for path in DOCS if path.parent.name.startswith("s_seed")]

# Words and breaks out of which broken texts are drawn; they meet every rule of the stage.
TOKENS = st.sampled_from(
    ["Der", "und", "klein-", "US-", "Haus", "haus", "Ver\u00ad", "er\u00ac", "ge\u2010", "Ende.", "„Gut“", "Seite 3",
     "12", "- 4 -", "•", "a)", "\ufb01n", "Ã¼ber", "Foto: X/Y",
     "APA/AFP", "USPräsident", "\n", "\n\n", "\n\n\n\n", "\r\n",
     "\f", "\u2028", "\t", "  ", "\u200b", "\u00a0", "\x00", "Weitersagen,"]
)  # fmt: skip
BROKEN = st.lists(TOKENS, max_size=60).map(" ".join) | st.lists(TOKENS, max_size=60).map("".join)


def read(name: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads((CASES / name).read_text(encoding="utf-8"))
    return found


def cases(name: str) -> list[object]:
    found = read(name)
    xfail = pytest.mark.xfail(strict=True)
    return [pytest.param(c, id=c["label"], marks=[xfail] if c["expect"] == "fail" else []) for c in found]


def texts(result: Reflowed) -> list[str]:
    return [block.text for block in result.blocks]


@pytest.mark.parametrize("case", cases("reflow_mend.json") + cases("reflow_hard.json"))
def test_mends(case: dict[str, list[str]]) -> None:
    result = reflow(case["original"])

    assert texts(result) == case["blocks"]
    if "kinds" in case:
        assert [block.kind for block in result.blocks] == case["kinds"]


@pytest.mark.parametrize("case", cases("reflow_stay.json"))
def test_stays(case: dict[str, str]) -> None:
    result = reflow(case["original"])

    assert texts(result) == [line.strip() for line in case["original"].splitlines() if line]
    assert result.repairs == ()


@pytest.mark.parametrize("case", cases("reflow_mend.json"))
def test_mended_cases_keep_the_contract(case: dict[str, str]) -> None:
    check_contract(case["original"], reflow(case["original"]))


@settings(max_examples=150, deadline=None)
@given(BROKEN | st.text(max_size=80))
def test_any_text_keeps_the_contract(raw: str) -> None:
    check_contract(raw, reflow(raw))


@settings(max_examples=40, deadline=None)
@given(st.lists(BROKEN, max_size=6), st.randoms(use_true_random=False))
def test_many_texts_at_once_come_out_as_each_alone(drawn: list[str], order: Random) -> None:
    raws = [*drawn, *(case["original"] for name in ("reflow_mend.json", "reflow_stay.json") for case in read(name))]
    order.shuffle(raws)

    assert list(reflow_all(raws[:30])) == [reflow(raw) for raw in raws[:30]]


def test_scores_of_a_text_do_not_hang_on_its_neighbours() -> None:
    documents = [cut_lines(case["original"])[0] for case in read("reflow_mend.json")]
    documents = [lines for lines in documents if len(lines) > 6]

    together, alone = block_scores(documents), [block_scores([lines])[0] for lines in documents]

    assert all(np.array_equal(a, b) for a, b in zip(together, alone, strict=True))


@settings(max_examples=200, deadline=None)
@given(st.lists(BROKEN | st.text("a\u00e4 \t\u00a0\r\n\x0b\x0c\x1c\x85\u2028", max_size=30), max_size=4))
def test_lines_are_those_that_python_cuts_with_what_stands_before_them(raws: list[str]) -> None:
    for raw, (lines, _) in zip(raws, cut_all(raws, characters=False), strict=True):
        pieces = raw.splitlines(keepends=True)
        starts = [0, *accumulate(map(len, pieces))]
        held = [at for at, piece in enumerate(pieces) if piece.strip()]
        begins = [starts[at] + len(pieces[at]) - len(pieces[at].lstrip()) for at in held]

        assert [line.text for line in lines] == [pieces[at].strip() for at in held]
        assert [line.raw_start for line in lines] == begins
        assert [line.breaks for line in lines] == [b - a for a, b in pairwise([0, *held])]
        assert sum(line.form_feeds for line in lines) == raw[: begins[-1] if begins else 0].count("\x0c")
        assert [line.indent for line in lines] == [
            len(raw[starts[at] : begin].expandtabs(8)) for at, begin in zip(held, begins, strict=True)
        ]


@settings(max_examples=200, deadline=None)
@given(st.lists(BROKEN, max_size=6))
def test_what_is_not_in_doubt_needs_no_finishing(drawn: list[str]) -> None:
    # Blocks have no line breaks.
    texts = [" ".join(text.split()) for text in drawn]
    blocks = [Put(Piece(text, [(0, 0, len(text))] if text else []), []) for text in texts]
    options = ReflowOptions()

    read = [finish._finish(block, finish._Doubt(odd=True, lost=True, credited=True), options) for block in blocks]

    assert finish.finish_blocks(blocks, options) == read


@settings(max_examples=100, deadline=None)
@given(BROKEN)
def test_no_letters_lost_or_invented(raw: str) -> None:
    result = reflow(raw, ReflowOptions(furniture=False, lost_hyphens=False, characters=False))

    assert letters("".join(texts(result))) == letters(raw)


@pytest.mark.parametrize("path", DOCS or [pytest.param(None, marks=pytest.mark.skip("FLIESSTEXT_DEVSETS is not set"))])
def test_documents_keep_the_contract(path: Path) -> None:
    raw = path.read_bytes().decode("utf-8")

    check_contract(raw, reflow(raw))


@pytest.mark.skipif(not DEVSETS, reason="FLIESSTEXT_DEVSETS is not set")
def test_development_documents_are_where_they_should_be() -> None:
    """Without this the tests on them would pass in silence beside an empty or misspelt folder."""
    assert len(DOCS) >= 30
    assert len(SEEDS) >= 5


@pytest.mark.parametrize("path", SEEDS or [pytest.param(None, marks=pytest.mark.skip("FLIESSTEXT_DEVSETS is not set"))])
def test_seeds_come_out_exactly(path: Path) -> None:
    gold = json.loads((path.parent / "gold.json").read_text(encoding="utf-8"))["blocks"]

    result = reflow(path.read_bytes().decode("utf-8"))

    blocks = [(block.kind, block.text) for block in result.blocks]
    assert differing([block["text"] for block in gold], blocks) == []


def differing(gold: list[str], blocks: list[tuple[str, str]]) -> list[tuple[str, set[str]]]:
    """The gold texts that did not come out to the letter, each with what did.

    In the gold texts a credit stands at the end of its caption, with or without a space; we make it a block.
    """
    ways: list[set[str]] = []
    for kind, text in blocks:
        if kind == "credit" and ways:
            ways[-1] = {f"{way}{gap}{text}" for way in ways[-1] for gap in ("", " ")}
        else:
            ways.append({text})
    return [(want, have) for want, have in zip(gold, ways, strict=True) if want not in have]


GOLD = ["Ein Bild vom Hafen.APA/Maier", "Der Rat tagt in Lindau."]
CAME_OUT = [("caption", "Ein Bild vom Hafen."), ("credit", "APA/Maier"), ("paragraph", "Der Rat tagt in Lindau.")]


@pytest.mark.parametrize("block", range(3))
@pytest.mark.parametrize("damage", [lambda text: text[:-1], lambda text: text[1:], lambda text: text + " ", str.upper])
def test_one_character_less_is_not_exactly(block: int, damage: Callable[[str], str]) -> None:
    assert differing(GOLD, CAME_OUT) == []
    kind, text = CAME_OUT[block]

    (found,) = differing(GOLD, [*CAME_OUT[:block], (kind, damage(text)), *CAME_OUT[block + 1 :]])

    assert found[0] == GOLD[block // 2]


@pytest.mark.parametrize(
    "raw",
    ["", "\n" * 100_000, "a" * 1_000_000, "-\n" * 5_000, "\u00ad\n" * 5_000, "Ã" * 100_000, " \t" * 100_000,
     "a-\n" * 2_000, "1\n\f" * 2_000, ".\"" * 100_000, "A/" * 100_000, "\ud800\udfff"],
    ids=["empty", "empty lines", "one line", "hyphens", "soft hyphens", "mojibake", "blanks", "broken words", "pages",
         "quotes", "agencies", "surrogates"],
)  # fmt: skip
def test_takes_hostile_text(raw: str) -> None:
    result = reflow(raw)

    assert visible("".join(texts(result))) == visible(raw)


def visible(text: str) -> str:
    return "".join(c for c in text if c.isprintable() and not c.isspace())


@pytest.mark.parametrize("mark", ["\n", "\r\n", "\r", "\x0b", "\u2028", "\u0085"])
def test_line_breaks_of_every_kind_are_joined(mark: str) -> None:
    raw = f"Der Ausschuss hat gestern lange über den{mark}neuen Plan beraten."

    result = reflow(raw)

    assert texts(result) == ["Der Ausschuss hat gestern lange über den neuen Plan beraten."]
    assert result.n_joins == 1


def test_repair_names_the_word_before_and_after() -> None:
    raw = "Er kam am Diens-\ntag."

    (repair,) = reflow(raw).repairs

    # "Er kam am " is 10 characters; "Diens-" + line feed + "tag." is 6 + 1 + 4.
    assert repair == ("hyphen_removed", 10, 21, "Diens-\ntag.", "Dienstag.")


def test_running_header_goes_and_is_on_record() -> None:
    page = (
        "Neue Presse\n\nDie Sitzung dauerte bis in die Nacht hinein und\nendete ohne Ergebnis, wie der Sprecher "
        "mitteilte.\nEr kündigte für Montag eine weitere Runde an und\n"
    )
    raw = f"{page}\n1\n\f{page}\n2\n\f{page}\n3\n"

    result = reflow(raw)

    removed = [repair.before for repair in result.repairs if repair.rule == "furniture"]
    assert removed == ["Neue Presse", "1", "Neue Presse", "2", "Neue Presse", "3"]
    assert "Neue Presse" not in " ".join(texts(result))


@pytest.mark.parametrize(
    ("label", "signal"),
    [("unevenly filled lines between empty lines", "empty_line"), ("indents part the paragraphs", "indent"),
     ("outdents part the paragraphs", "outdent"), ("loan word keeps its hyphen", "none")],
)  # fmt: skip
def test_says_what_parts_the_paragraphs(label: str, signal: str) -> None:
    found = json.loads((CASES / "reflow_mend.json").read_text(encoding="utf-8"))
    (raw,) = [case["original"] for case in found if case["label"] == label]

    assert reflow(raw).parted_by == signal


def columns(shift: int) -> str:
    """Two columns side by side; every third line of the right one stands so many columns further left."""
    left = wrap("Die Stadt hat am Freitag lange über den Verkauf des alten Gaswerks beraten. " * 8, 34)
    right = wrap("Das Wetter bleibt in den nächsten Tagen kühl, und am Abend kann es regnen. " * 8, 34)
    starts = [38 - shift * (at % 3 == 0) for at in range(len(left))]
    return "\n".join(f"{a[: start - 2]:<{start}}{b}" for a, b, start in zip(left, right, starts, strict=False))


def test_columns_that_cannot_be_told_apart_are_a_doubt() -> None:
    uneven, even = reflow(columns(10)), reflow(columns(0))

    assert (uneven.doubt, [r.rule for r in uneven.repairs if r.rule == "columns"]) == ("columns", [])
    assert (even.doubt, [r.rule for r in even.repairs if r.rule == "columns"]) == (None, ["columns"])


def test_a_moved_footnote_is_on_record() -> None:
    found = json.loads((CASES / "reflow_mend.json").read_text(encoding="utf-8"))
    (raw,) = [case["original"] for case in found if case["label"].startswith("footnotes behind")]

    result = reflow(raw)

    moved = [repair.before for repair in result.repairs if repair.rule == "note_moved"]
    assert [note.split()[0] for note in moved] == ["1", "2"]
    assert [block.text for block in result.blocks if block.kind == "footnote"] == [
        " ".join(note.split()) for note in moved
    ]


def test_text_that_comes_again_at_page_tops_is_no_furniture() -> None:
    pages = [
        f"Bericht {number} aus dem Rathaus\n\nDie Sitzung begann wie immer mit dem Bericht des Kämmerers,\n"
        f"dann sprach Redner {number * 7} über die Straße am Hafen und die Brücke.\nDanach wurde abgestimmt, "
        "und die Mehrheit sagte nein.\n"
        for number in (3, 9, 4)
    ]

    result = reflow("\f".join(pages))

    assert [repair for repair in result.repairs if repair.rule == "furniture"] == []


def test_everything_off_leaves_each_line_alone() -> None:
    off = ReflowOptions(join_lines=False, characters=False, furniture=False, credits=False, lost_hyphens=False)

    result = reflow("Ein Diens-\ntag \ufb01el aus.\n1\n", off)

    assert texts(result) == ["Ein Diens-", "tag \ufb01el aus.", "1"]
    assert result.repairs == ()


def check_contract(raw: str, result: Reflowed) -> None:
    for block in result.blocks:
        assert block.kind in BLOCK_KINDS
        assert block.text == block.text.strip() != ""
        assert len(block.text.splitlines()) == 1
        check_spans(raw, block.text, block.spans)
        unexplained = [at for at in not_in_raw(block.text, block.spans) if not explained(at, result.repairs)]
        assert unexplained == []
    assert [repair.raw_start for repair in result.repairs] == sorted(repair.raw_start for repair in result.repairs)
    for repair in result.repairs:
        assert repair.rule in REPAIR_RULES
        assert 0 <= repair.raw_start < repair.raw_end <= len(raw)
    again = reflow("\n\n".join(texts(result)))
    assert texts(again) == texts(result)
    assert [block.kind for block in again.blocks] == [block.kind for block in result.blocks]


def check_spans(raw: str, text: str, spans: tuple[tuple[int, int, int], ...]) -> None:
    last = 0
    for start, raw_start, length in spans:
        assert start >= last
        assert length > 0
        assert text[start : start + length] == raw[raw_start : raw_start + length]
        last = start + length
    assert last <= len(text)


def not_in_raw(text: str, spans: tuple[tuple[int, int, int], ...]) -> list[tuple[int, int]]:
    """Where in the raw text characters were replaced: between two spans with more than a space between them."""
    if not spans:  # all of its characters were mended, which the repairs say
        return []
    _, raw_start, length = spans[-1]
    edges = [(0, spans[0][1], 0), *spans, (len(text), raw_start + length, 0)]
    gaps = [
        (text[start + length : next_start], (raw_start + length, next_raw))
        for (start, raw_start, length), (next_start, next_raw, _) in pairwise(edges)
    ]
    return [places for characters, places in gaps if characters.strip(" ")]


def test_characters_that_are_not_in_the_raw_text_need_a_repair() -> None:
    # raw "KÃ¶ln", clean "Köln": ö stands for the two characters between K and ln.
    (place,) = not_in_raw("Köln", ((0, 0, 1), (2, 3, 2)))
    assert place == (1, 3)
    assert explained(place, (Repair("character", 0, 5, "KÃ¶ln", "Köln"),))
    assert not explained(place, ())
    assert not explained(place, (Repair("character", 9, 12, "Ã¶x", "öx"),))
    assert not explained(place, (Repair("furniture", 1, 3, "Ã¶", ""),))
    # raw "am\nSee", clean "am See": a space for a line end needs none.
    assert not_in_raw("am See", ((0, 0, 2), (3, 3, 3))) == []


def explained(places: tuple[int, int], repairs: tuple[Repair, ...]) -> bool:
    start, end = places
    return any(repair.raw_start <= end and start <= repair.raw_end and repair.after for repair in repairs)


def letters(text: str) -> str:
    return "".join(c for c in text if c.isalnum())


@pytest.mark.parametrize(
    "text", ["Seite 10 von 200", "\u0663\u0664 und 12", "\ud800 5", "007", "\uff11\uff12", "\u00b2"]
)
def test_numbers_of_every_script_become_noughts(text):
    assert without_numbers([text, "x 9"]) == [DIGITS.sub("0", text), "x 0"]
