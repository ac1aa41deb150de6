"""One document as its page shows it: a part of its blocks, the raw text beside them, and what is known of it."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from flows.browse import find
from flows.browse.mark_up import mended, prepare, raw
from flows.browse.query import fold, parse
from flows.browse.sheets import sheets_of
from stages.discover.containers import RowOptions
from stages.discover.sources import Source
from stages.read.again import read_again
from stages.tables.schemas import NAME_LABELS

LAYERS = ("names", "values", "repairs", "raw", "pages")
_CHARS_OF_A_PART = 20_000
_OPENED = ("http://", "https://")


def raw_text_of(frames: Mapping[str, pl.DataFrame], sources: Sequence[Source], rows: RowOptions) -> str | None:
    """Give the raw text of a document: as it was kept where its file does not hold it as text, else from the file.

    None where no source is named, or the file is no longer the one that was read.
    """
    if frames["raw_texts"].height:
        return str(frames["raw_texts"]["text"].item())
    return next(iter(read_again(frames["documents"], sources, rows).values()), None) or None


def about(found: sqlite3.Connection, document: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a document beside its text: facts with where each was found, its date, and its copies.

    An address is a link only where it is one of the web.
    """
    own = find.document(found, document["doc_id"])
    url = document["url"] or ""
    return {
        "facts": document["metadata"] or [],
        "date": own["date"],
        "dated_by": own["dated_by"],
        "link": url if url.lower().startswith(_OPENED) else "",
        "same": find.same_bytes(found, document["source_uri"]),
        "alike": find.copies(found, own["no"]),
        "cluster": own["cluster"],
    }


def shown_of(frames: Mapping[str, pl.DataFrame], text: str | None, given: Mapping[str, str]) -> dict[str, Any]:
    """The part of a document that a URL asks for: its blocks marked up, the raw text beside them, and the repairs."""
    blocks = frames["blocks"].sort("block_no")
    at = int(given["at"]) if given.get("at", "").isascii() and given.get("at", "").isdigit() else None
    cut = _parts(blocks, _CHARS_OF_A_PART)
    part = _part_of(cut, blocks, at, given.get("part", ""))
    rows = blocks.slice(*cut[part]).to_dicts()
    low, high = rows[0]["start"], rows[-1]["end"]
    mentions = frames["mentions"].filter((pl.col("start") >= low) & (pl.col("end") <= high)).to_dicts()
    raw_low = 0 if part == 0 else min(row["raw_start"] for row in rows)
    raw_high = 1 << 60 if part == len(cut) - 1 else max(row["raw_end"] for row in rows)
    within = (pl.col("raw_start") >= raw_low) & (pl.col("raw_start") < raw_high)
    repairs = frames["repairs"].sort("raw_start").filter(within).to_dicts()
    page = prepare(rows, mentions, repairs, _hits(rows, given.get("q", "")), at)
    whole = (part == 0, part == len(cut) - 1)
    return {
        "blocks": [row | {"html": mended(page, n)} for n, row in enumerate(rows)],
        "raw": raw(page, text, whole=whole) if text else None,
        "sheets": sheets_of(rows, mentions, frames["documents"].row(0, named=True)["pages"] or ()),
        "is_kept": frames["raw_texts"].height > 0,
        "repairs": repairs,
        "mentions": sorted(mentions, key=lambda row: row["start"]),
        "part": part + 1,
        "parts": len(cut),
        "has_target": at is not None,
    }


def _parts(blocks: pl.DataFrame, most: int) -> list[tuple[int, int]]:
    """Cut a document into parts of about so many characters, each some whole blocks: offset and number of them."""
    starts, since = [0], 0
    for at, (start, end) in enumerate(blocks.select("start", "end").iter_rows()):
        if end - since > most and at > starts[-1]:
            starts.append(at)
            since = start
    return [(a, b - a) for a, b in zip(starts, [*starts[1:], blocks.height], strict=True)]


def _part_of(cut: Sequence[tuple[int, int]], blocks: pl.DataFrame, at: int | None, asked: str) -> int:
    if at is not None:
        block = (blocks["start"] <= at).sum() - 1
        return max(0, max(n for n, (first, _) in enumerate(cut) if first <= max(0, block)))
    return min(int(asked), len(cut)) - 1 if asked.isascii() and asked.isdigit() and int(asked) > 0 else 0


def _hits(blocks: Sequence[Mapping[str, Any]], q: str) -> list[tuple[int, int]]:
    pattern = parse(q).pattern
    if pattern is None:
        return []
    return [
        (block["start"] + found.start(), block["start"] + found.end())
        for block in blocks
        for found in pattern.finditer(fold(block["text"]))
    ]


def named_in(found: sqlite3.Connection, mentions: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """The entities of a document by label, those named most first."""
    counts = mentions.drop_nulls("entity_id").group_by("entity_id").agg(pl.len().alias("n"), pl.col("start").min())
    rows = []
    for entity_id, n, start in counts.sort("n", "start", descending=[True, False]).iter_rows():
        if entity := find.entity(found, entity_id):
            rows.append(entity | {"n": n, "start": start})
    return {label: [row for row in rows if row["label"] == label] for label in NAME_LABELS}
