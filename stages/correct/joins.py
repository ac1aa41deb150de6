"""Put joins right: a block that is two (`part`), or two that are one (`join`), named by the first raw character.

Raw offsets stay whatever is corrected; places in `documents.text` behind such a correction move by one. `was_at` gives
all places that a character has had, so that rows about mentions and blocks that were made before still mean the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from stages.reflow.assemble import RULES, hyphen_repair, plain_join
from stages.reflow.characters import Mapped
from stages.reflow.hyphens import BREAK_ONLY, Break, Join, decide_hyphens, ends_in_hyphen
from stages.reflow.lines import Line
from stages.reflow.records import Repair

ACTIONS = ("part", "join")
_GAP = "\n\n"
_MET = pl.Schema({"doc_id": pl.String(), "row": pl.Int64()})
Block = dict[str, Any]
Done = tuple[list[Block], int, int, int, Repair | None]
"""The blocks now, the place from which on characters moved, how far, the joins more, and a repair if one was made."""
Moves = Mapping[str, Sequence[tuple[int, int]]]
"""By document the places, in the text as it is now, from which on characters moved, and by how many."""


class Joined(NamedTuple):
    """Documents, blocks and repairs with joins put right, the rows that met something, and what moved."""

    documents: pl.DataFrame
    blocks: pl.DataFrame
    repairs: pl.DataFrame
    met: pl.DataFrame
    moves: Moves


def correct_joins(
    documents: pl.DataFrame, blocks: pl.DataFrame, repairs: pl.DataFrame, texts: pl.DataFrame, corrections: pl.DataFrame
) -> Joined:
    """Part and join blocks as people say; text, offsets, number of joins and repairs of their documents follow.

    Two blocks become one as two lines do: a hyphen between them is decided and recorded as a repair, and between
    characters that are written without a space none is put. ``documents``, ``blocks`` and ``repairs`` are those of
    `stages.reflow.frames.reflow_texts`, ``texts`` has doc_id, source_uri and raw. A row meets nothing where no word of
    a block begins at its raw character, where the characters beside the place are not in the raw text (a hyphen was
    decided there), or where the block before stands further down in the file.
    """
    wanted = corrections.filter(pl.col("action").is_in(ACTIONS)).sort("row")
    if not wanted.height or not blocks.height:
        return Joined(documents, blocks, repairs, pl.DataFrame(schema=_MET), {})
    named = texts.select("doc_id", "source_uri", "raw").join(documents.select("doc_id"), on="doc_id", how="semi")
    met: list[tuple[str, int]] = []
    changed: list[Block] = []
    joins: dict[str, int] = {}
    made: list[tuple[object, ...]] = []
    moves: dict[str, list[tuple[int, int]]] = {}
    asked = wanted.select("source_uri", "row", "action", "start").partition_by("source_uri", as_dict=True)
    for doc_id, uri, raw in named.filter(pl.col("source_uri").is_in(wanted["source_uri"].implode())).iter_rows():
        own = blocks.filter(pl.col("doc_id") == doc_id).sort("block_no").to_dicts()
        for _, row, action, at in asked[uri,].iter_rows():
            done = _part(own, at, raw) if action == "part" else _join(own, at, raw)
            if done is not None:
                own, place, moved, counted, repair = done
                made += [(doc_id, 0, *repair)] if repair else []
                met.append((doc_id, row))
                joins[doc_id] = joins.get(doc_id, 0) + counted
                earlier = [(q + moved if q >= place else q, d) for q, d in moves.get(doc_id, ())]
                moves[doc_id] = [*earlier, (place + moved, moved)]
        if doc_id in moves:
            changed += own
    put = pl.DataFrame(changed, schema=blocks.schema, orient="row")
    kept = blocks.filter(~pl.col("doc_id").is_in(list(moves)))
    order = documents.select("doc_id").with_row_index("_order")
    new = pl.concat([kept, put]).join(order, on="doc_id").sort("_order", "block_no").drop("_order")
    more = pl.DataFrame(made, schema=repairs.schema, orient="row")
    met_rows = pl.DataFrame(met, schema=_MET, orient="row")
    return Joined(_with_texts(documents, put, joins), new, _with_repairs(repairs, more), met_rows, moves)


def _with_repairs(repairs: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """All repairs, those of documents that got more numbered anew in the order of the raw text."""
    grown = pl.col("doc_id").is_in(more["doc_id"].implode())
    both = pl.concat([repairs.filter(grown), more]).sort("doc_id", "raw_start", "raw_end", maintain_order=True)
    numbered = both.with_columns(repair_no=pl.int_range(pl.len()).over("doc_id").cast(repairs.schema["repair_no"]))
    return pl.concat([repairs.filter(~grown), numbered])


def _with_texts(documents: pl.DataFrame, blocks: pl.DataFrame, joins: Mapping[str, int]) -> pl.DataFrame:
    texts = blocks.group_by("doc_id", maintain_order=True).agg(_text=pl.col("text").str.join(_GAP))
    more = pl.DataFrame({"doc_id": list(joins), "_more": list(joins.values())}, schema_overrides={"_more": pl.Int64})
    joined = documents.join(texts, on="doc_id", how="left", maintain_order="left")
    joined = joined.join(more.cast({"doc_id": pl.String}), on="doc_id", how="left", maintain_order="left")
    return joined.with_columns(
        text=pl.coalesce("_text", "text"), n_joins=(pl.col("n_joins") + pl.col("_more").fill_null(0)).clip(0)
    ).drop("_text", "_more")


def _part(blocks: list[Block], at: int, raw: str) -> Done | None:
    """Cut a block before the word that begins at a raw character."""
    for number, block in enumerate(blocks):
        place = next((s["start"] + at - s["raw_start"] for s in block["spans"] if _holds(s, "raw_start", at)), None)
        if place is None:
            continue
        cut = place - block["start"]
        left, right = block["text"][:cut].rstrip(), block["text"][cut:]
        end = block["start"] + len(left)
        if not left or len(left) == cut or not any(_holds(s, "start", end - 1) for s in block["spans"]):
            return None
        first = _with_spans(block | {"text": left}, list(_cut(block["spans"], 0, end)))
        second = _with_spans(block | {"text": right}, list(_cut(block["spans"], place, block["end"] + 1)))
        new = _numbered([*blocks[:number], first, second, *blocks[number + 1 :]])
        is_line_end = "\n" in raw[first["raw_end"] : at]
        return new, place, new[number + 1]["start"] - place, -int(is_line_end), None
    return None


def _join(blocks: list[Block], at: int, raw: str) -> Done | None:
    """Join a block, named by its first raw character, to the one before it."""
    number = next((n for n, block in enumerate(blocks) if n and block["raw_start"] == at), None)
    if number is None or blocks[number - 1]["raw_end"] > at:
        return None
    before, after = blocks[number - 1], blocks[number]
    last, line = _as_line(before), _as_line(after)
    join = _how(last, line, raw)
    head = last.text[:-1] if join == Join.REMOVE or (join in RULES and last.text[-1] != "-") else last.text
    sign = "-" if join in RULES and join != Join.REMOVE and head != last.text else ""
    if join is Join.REMOVE_CK:
        head, sign = last.text[:-2], "c"
    head_and_sign = head + sign + " " * (join in (Join.SPACE, Join.KEEP_SPACE))
    shift = before["start"] + len(head_and_sign) - after["start"]
    kept = _cut(before["spans"], 0, before["start"] + len(head) + (head == last.text))
    spans = [*kept, *({**span, "start": span["start"] + shift} for span in after["spans"])]
    one = _with_spans(before | {"text": head_and_sign + after["text"]}, spans)
    repair = hyphen_repair(raw, last, line, join) if join in RULES else None
    return _numbered([*blocks[: number - 1], one, *blocks[number + 1 :]]), after["start"], shift, not repair, repair


def _as_line(block: Block) -> Line:
    offsets = [-1] * len(block["text"])
    for span in block["spans"]:
        begin = span["start"] - block["start"]
        offsets[begin : begin + span["length"]] = range(span["raw_start"], span["raw_start"] + span["length"])
    return Line(block["text"], block["raw_start"], block["raw_end"], 1, 0, 0, Mapped(block["text"], offsets))


def _how(last: Line, line: Line, raw: str) -> Join:
    """How two blocks are put together; a sign that is printed for a break alone is gone from the end of a block."""
    if ends_in_hyphen(last.text):
        broken = Break(last.text.rpartition(" ")[2], line.text.partition(" ")[0])
        return decide_hyphens([broken], raw)[0]
    assert last.mapped is not None
    end = max(last.mapped.offsets) + 1
    return Join.NOTHING if BREAK_ONLY & set(raw[end : line.raw_start]) else plain_join(last, line)


def _holds(span: Mapping[str, int], name: str, at: int) -> bool:
    return span[name] <= at < span[name] + span["length"]


def _cut(spans: Sequence[Mapping[str, int]], low: int, high: int) -> Iterator[dict[str, int]]:
    """What of some spans lies in a range of the text; an empty span, which anchors an end, where it stands there."""
    for span in spans:
        start, end = max(span["start"], low), min(span["start"] + span["length"], high)
        if start < end or (not span["length"] and low <= span["start"] < high):
            yield {
                "start": start,
                "raw_start": span["raw_start"] + start - span["start"],
                "length": max(end - start, 0),
            }


def _with_spans(block: Block, spans: list[dict[str, int]]) -> Block:
    raw_end = spans[-1]["raw_start"] + spans[-1]["length"]
    return block | {"spans": spans, "raw_start": spans[0]["raw_start"], "raw_end": raw_end}


def _numbered(blocks: Sequence[Block]) -> list[Block]:
    """Blocks one after the other: their numbers, and where they and their spans stand in the text."""
    found: list[Block] = []
    start = 0
    for number, block in enumerate(blocks):
        shift = start - block["spans"][0]["start"]  # a block begins with a span, be it an empty one
        spans = [{**span, "start": span["start"] + shift} for span in block["spans"]]
        end = start + len(block["text"])
        found.append({**block, "block_no": number, "start": start, "end": end, "spans": spans})
        start = end + len(_GAP)
    return found


def was_at(place: int, moves: Sequence[tuple[int, int]]) -> list[int]:
    """Give all places that a character has had, the present one first.

    >>> was_at(30, [(10, 1), (40, 1)]), was_at(30, [(10, 1), (20, -1)])
    ([30, 29], [30, 31])
    """
    found = [place]
    for begin, moved in reversed(moves):
        if place >= begin:
            found.append(found[-1] - moved)
    return list(dict.fromkeys(found))
