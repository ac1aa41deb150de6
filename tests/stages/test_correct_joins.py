"""Wrong joins are put right: offsets, maps and other corrections hold, and taken back nothing is left of them."""

from datetime import UTC, datetime

import polars as pl
import pytest

from expectations.evidence import with_evidence
from expectations.part_rows import part_rows
from stages.annotate import StageOptions, annotate
from stages.correct import COLUMNS, read_corrections
from stages.correct.joins import was_at
from stages.read.raw_document import RawDocument
from stages.read.sources import TEXTS, to_row

RAW = (
    "Der Rat tagt\n\nDer Rat von Köln hat am Montag über den Haushalt ge-\ntagt. Anna Huber sprach lange, dann kam "
    "die Stadt zu\nWort. Peter Sommer aus Bonn hörte ihr zu und schwieg\nden ganzen Abend über.\n\nDanach gab es ein "
    "Fest in Mainz, zu dem viele kamen.\n"
)


def rows(*given: tuple[str, int | str, str, str]) -> pl.DataFrame:
    lines = [",".join(COLUMNS)]
    for action, start, name, value in given:
        lines.append(f"{action},,{name},,test/a.txt,{start},{value},,,,")
    return read_corrections("\n".join(lines) + "\n")


def made(corrections: pl.DataFrame, text: str = RAW) -> dict[str, pl.DataFrame]:
    raw = RawDocument(text, "utf-8", "utf-8")
    texts = pl.DataFrame([to_row("test/a.txt", "0" * 20, "0" * 64, raw)], schema=TEXTS)
    frames, rejected, _ = annotate(texts, StageOptions(), "run", datetime(2026, 1, 1, tzinfo=UTC), corrections)
    assert rejected.height == 0
    assert_whole(frames, text)
    return frames


def assert_whole(frames: dict[str, pl.DataFrame], raw: str) -> None:
    """Every row slices back, in the text and in the raw text, and no rule of the contract is broken."""
    text = frames["documents"]["text"].item()
    assert text == "\n\n".join(frames["blocks"]["text"])
    for block in frames["blocks"].iter_rows(named=True):
        assert text[block["start"] : block["end"]] == block["text"]
        for span in block["spans"]:
            found = text[span["start"] : span["start"] + span["length"]]
            assert found == raw[span["raw_start"] : span["raw_start"] + span["length"]]
    for name in ("sentences", "mentions"):
        for row in frames[name].iter_rows(named=True):
            assert text[row["start"] : row["end"]] == row["text"]
    content = {name: frame for name, frame in frames.items() if name != "met"}
    assert part_rows(with_evidence(content, {"0" * 20: raw}))[1].to_dicts() == []


def blocks(frames: dict[str, pl.DataFrame]) -> list[str]:
    return frames["blocks"]["text"].to_list()


def test_a_block_is_parted_at_a_word_and_joined_again() -> None:
    plain = made(rows())
    title, body, last = blocks(plain)
    at = RAW.index("Wort. Peter")
    parted = made(rows(("part", at, "", "")))
    cut = body.index("Wort. Peter")
    assert blocks(parted) == [title, body[: cut - 1], body[cut:], last]
    assert parted["met"]["row"].to_list() == [2]
    assert parted["documents"]["n_joins"].item() == plain["documents"]["n_joins"].item() - 1
    assert parted["documents"]["n_blocks"].item() == 4
    again = made(rows(("part", at, "", ""), ("join", at, "", "")))
    assert blocks(again) == blocks(plain)
    for name in ("blocks", "sentences", "mentions"):
        assert again[name].equals(plain[name])


def test_two_blocks_become_one() -> None:
    title, body, last = blocks(made(rows()))
    joined = made(rows(("join", RAW.index("Danach"), "", "")))
    assert blocks(joined) == [title, f"{body} {last}"]


@pytest.mark.parametrize(
    ("before", "after", "joined", "rule"),
    [
        ("Der Rat beschloss den Verkauf des alten Gas-", "werks an die Stadt.", "alten Gaswerks an", "hyphen_removed"),
        ("Der Rat beschloss den Verkauf der alten Brük-", "ke an die Stadt.", "alten Brücke an", "hyphen_removed"),
        ("Geplant ist der Bau der Ost-", "und Westvorstadt.", "der Ost- und Westvorstadt", "hyphen_kept_space"),
        ("Er traf in Köln den CDU-", "Politiker Peter Sommer.", "den CDU-Politiker", "hyphen_kept"),
        ("In der U\u2010Bahn traf er den CDU\u2010", "Politiker Peter Sommer.", "den CDU-Politiker", "hyphen_kept"),
        ("Man fand die Eis\u00ad", "kerne im Norden.", "die Eiskerne im", None),  # its sign went before
        ("市議会は月曜日に", "予算を可決した。", "月曜日に予算を", None),
    ],
)
def test_a_hyphen_between_blocks_is_decided_and_signs_without_spaces_get_none(
    before: str, after: str, joined: str, rule: str | None
) -> None:
    raw = f"{before}\n\n\n{after}\n"
    plain = made(rows(), raw)
    assert len(blocks(plain)) == 2, "the two are one without a correction: the case shows nothing"
    frames = made(rows(("join", raw.index(after), "", "")), raw)
    (text,) = blocks(frames)
    assert joined in text
    assert frames["met"].height == 1
    new = [one for one in frames["repairs"]["rule"] if one.startswith("hyphen_")]
    assert new == ([rule] if rule else [])


@pytest.mark.parametrize(
    ("action", "at"),
    [("part", RAW.index("tagt. Anna")), ("part", RAW.index("nna")), ("part", 9_999), ("join", 0), ("join", 12)],
)
def test_what_cannot_be_is_left_and_reported(action: str, at: int) -> None:
    frames = made(rows((action, at, "", "")))
    assert blocks(frames) == blocks(made(rows()))
    assert frames["met"].height == 0


def test_rows_made_before_and_after_a_join_was_put_right_mean_the_same_mention() -> None:
    plain = made(rows())
    mainz = plain["mentions"].filter(pl.col("text") == "Mainz")["start"].item()
    last = plain["blocks"]["start"][-1]
    for shift in (0, 1):  # as it was before the block was parted, and as it is since
        frames = made(
            rows(
                ("part", RAW.index("Wort. Peter"), "", ""),
                ("reject", mainz + shift, "Mainz", ""),
                ("mark_block", last + shift, "", "caption"),
            )
        )
        assert "Mainz" not in frames["mentions"]["text"].to_list()
        assert frames["blocks"]["kind"][-1] == "caption"
        assert sorted(frames["met"]["row"]) == [2, 3, 4]


def test_all_places_that_a_character_has_had() -> None:
    assert was_at(5, [(10, 1)]) == [5]
    assert was_at(30, [(10, 1), (20, 1)]) == [30, 29, 28]
