"""Blocks from pieces: the blocks and roles that a format knows, mended by the same rules as plain text."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from stages.lookups.signs import ENDS, closed_by
from stages.read.raw_document import RawDocument
from stages.reflow import DEFAULT, _decide_hyphens, put_block
from stages.reflow.assemble import plain_join
from stages.reflow.characters import Mapped, is_odd, mend_characters, strip_text
from stages.reflow.finish import Put, finish_blocks
from stages.reflow.gaps import begins_blocks, text_form
from stages.reflow.hyphens import Join, ends_in_hyphen
from stages.reflow.kinds import name_kinds
from stages.reflow.lines import BREAK, Line
from stages.reflow.records import Block, Reflowed, ReflowOptions, Repair
from stages.tables.schemas import BLOCK_KINDS

FURNITURE = "furniture"
HEADINGS = ("heading", "title")
# What may stand between two halves of a paragraph.
FLOATING = frozenset({"footnote", "caption", "table", "credit", FURNITURE})
# What a page or column may cut.
CUT = frozenset({None, "paragraph", "list_item", "footnote"})
CLOSED = closed_by(ENDS + ":", note=True)
# An address at the end of a line, signs inside one after which a line may end, and what shows that a word is its rest.
ADDRESS = re.compile(r"(?:https?:|www\.|doi\.org)[^\s)>\]]*$")
ADDRESS_MARKS, OPENERS = "/:_=?&#%~@", "(["
ADDRESS_PART = re.compile(r"[/_=?&#%~]|\w\.\w|\d{3}|-\w+-")
SAME_SIZE, INDENT, ROOM = 0.06, 0.6, 0.8
INDENTED = 0.3
# Lines of one column begin so near to each other, in sizes.
NEAR_EDGE = 4


class Printed(NamedTuple):
    """A line with where it stands: block and role, page and box, size of its type."""

    line: Line
    block: int | None
    role: str | None
    page: int | None
    x0: float | None
    y0: float | None
    x1: float | None
    size: float | None


def reflow_pieces(document: RawDocument, options: ReflowOptions = DEFAULT) -> Reflowed:
    """The blocks of a document whose format knows its layout.

    Lines of one block are joined and their hyphens decided, a block that a page or column cuts is put together, pieces
    of furniture leave a repair and no text. A role that is a block kind is the kind; other kinds come from the text.
    """
    raw = document.text
    printed, repairs = read_pieces(document, options)
    gone = [item for item in printed if item.role == FURNITURE]
    if options.furniture:
        repairs += [_removed(raw, item.line) for item in gone]
        printed = [item for item in printed if item.role != FURNITURE]
    groups = _heal(_group(printed)) if options.join_lines else [[item] for item in printed]
    lines = [item.line for group in groups for item in group]
    begins = [at == 0 for group in groups for at in range(len(group))]
    hyphens = _decide_hyphens([(lines, begins)])[0]
    put: list[Put] = []
    n_joins = at = 0
    for group in groups:
        own = [item.line for item in group]
        joins = [hyphens.get(at + k, _join(own[k - 1], own[k])) for k in range(1, len(own))]
        at += len(own)
        put.append(put_block(raw, own, joins))
        n_joins += joins.count(Join.SPACE) + joins.count(Join.NOTHING)
    blocks: list[Block] = []
    roles: list[str | None] = []
    for group, (pieces, found) in zip(groups, finish_blocks(put, options), strict=True):
        repairs += found
        blocks += [Block("", piece.text, tuple(piece.spans)) for piece in pieces]
        roles += [group[0].role] * len(pieces)
    named = _named(blocks, roles)
    recorded = [repair._replace(before=raw[repair.raw_start : repair.raw_end]) for repair in repairs]
    return Reflowed(named, tuple(sorted(recorded, key=lambda r: (r.raw_start, r.raw_end))), n_joins, "layout")


def _named(blocks: Sequence[Block], roles: Sequence[str | None]) -> tuple[Block, ...]:
    """The blocks with their kinds: the format's role, else what the text shows.

    Where the format marks headings, a short line that it does not mark is none.
    """
    kinds = name_kinds([block.text for block in blocks])
    marks = "heading" in roles or "title" in roles
    return tuple(
        block._replace(kind=role if role in BLOCK_KINDS else "paragraph" if marks and kind in HEADINGS else kind)
        for block, role, kind in zip(blocks, roles, kinds, strict=True)
    )


def _join(last: Line, line: Line) -> Join:
    """How lines without a hyphen are joined: an address that a line end cuts goes on without a space."""
    if last.text[-1] in OPENERS:
        return Join.NOTHING
    address = ADDRESS.search(last.text)
    if address is None:
        return plain_join(last, line)
    word = line.text.split(" ", 1)[0]
    goes_on = last.text[-1] in ADDRESS_MARKS or (last.text[-1].isalnum() and ADDRESS_PART.search(word))
    cut_at_dot = last.text[-1] == "." and (word[0].islower() or word[0].isdigit()) and ADDRESS_PART.search(word)
    return Join.NOTHING if goes_on or cut_at_dot else plain_join(last, line)


def _removed(raw: str, line: Line) -> Repair:
    return Repair("furniture", line.raw_start, line.raw_end, raw[line.raw_start : line.raw_end], "")


def read_pieces(document: RawDocument, options: ReflowOptions = DEFAULT) -> tuple[list[Printed], list[Repair]]:
    """The lines of the pieces with text, their characters mended, and a repair for each mended character."""
    assert document.pieces is not None
    printed: list[Printed] = []
    repairs: list[Repair] = []
    for rows in _lines_of(document.pieces.rows(named=True)):
        line, made = _line(document.text, rows, options.characters)
        repairs += made
        if line is not None:
            first, end = rows[0], rows[-1]["x1"]
            places = (first["page"], first["x0"], first["y0"], end, first["font_size"])
            printed.append(Printed(line, first["block"], first["role"], *places))
    return printed, repairs


def _lines_of(rows: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    lines: list[list[dict[str, Any]]] = []
    for row in rows:
        goes_on = lines and not row["breaks"] and row["block"] == lines[-1][-1]["block"]
        if goes_on and row["role"] == lines[-1][-1]["role"]:
            lines[-1].append(row)
        else:
            lines.append([row])
    return lines


def _line(raw: str, rows: Sequence[dict[str, Any]], characters: bool) -> tuple[Line | None, list[Repair]]:
    mapped = _mapped(raw, rows)
    repairs: list[Repair] = []
    if characters and is_odd(mapped.text):
        mapped, repairs = mend_characters(mapped)
    mapped = strip_text(mapped)
    known = [offset for offset in mapped.offsets if offset >= 0]
    if not mapped.text or mapped.text == "\u00ad" or not known:
        return None, repairs
    start, end = known[0], known[-1] + 1
    plain = end - start == len(mapped.text) and raw[start:end] == mapped.text
    return Line(mapped.text, start, end, 1, 0, 0, None if plain else mapped), repairs


def _mapped(raw: str, rows: Sequence[dict[str, Any]]) -> Mapped:
    texts: list[str] = []
    offsets: list[int] = []
    for row in rows:
        start, end = row["start"], row["end"]
        text = raw[start:end] if row["text"] is None else row["text"]
        own = list(range(start, end)) if row["text"] is None else _aligned(raw, start, end, text)
        for match in BREAK.finditer(text):
            own[match.start() : match.end()] = [-1] * (match.end() - match.start())
        texts.append(BREAK.sub(lambda match: " " * len(match.group()), text))
        offsets += own
    return Mapped("".join(texts), offsets)


def _aligned(raw: str, start: int, end: int, text: str) -> list[int]:
    """Offsets of a text that stands for the raw characters ``start:end``: those alike at both ends have their own."""
    head = 0
    most = min(len(text), end - start)
    while head < most and text[head] == raw[start + head]:
        head += 1
    tail = 0
    while tail < most - head and text[-1 - tail] == raw[end - 1 - tail]:
        tail += 1
    middle = [-1] * (len(text) - head - tail)
    if middle and end - tail > start + head:
        middle[0] = -1
    return [*range(start, start + head), *middle, *range(end - tail, end)]


def _group(printed: Sequence[Printed]) -> list[list[Printed]]:
    """The lines of each block; where no piece has a block the lines are judged as those of a plain text."""
    if printed and all(item.block is None for item in printed):
        lines = [item.line for item in printed]
        begins = begins_blocks([lines])[0] if text_form(lines) == "wrapped" else [True] * len(lines)
    else:
        begins = [True] + [b.block is None or a.block != b.block or a.role != b.role for a, b in pairwise(printed)]
    groups: list[list[Printed]] = []
    for item, begin in zip(printed, begins, strict=False):
        if begin:
            groups.append([item])
        else:
            groups[-1].append(item)
    return groups


def _heal(groups: list[list[Printed]]) -> list[list[Printed]]:
    """Put together what a page or a column cut; what stands between the halves follows them."""
    widths = _Widths(groups)
    healed: list[list[Printed]] = []
    for group in groups:
        before = _cut_off(healed, group)
        if before is not None and widths.goes_on(healed[before], group):
            healed[before] = healed[before] + [_on_next_page(healed[before][-1], group[0]), *group[1:]]
        else:
            healed.append(group)
    return healed


def _on_next_page(last: Printed, first: Printed) -> Printed:
    return first._replace(line=first.line._replace(form_feeds=int(last.page != first.page)))


def _cut_off(groups: Sequence[list[Printed]], group: list[Printed]) -> int | None:
    """The last block of the same flow before a group that begins a page or column; None where there is none."""
    role = group[0].role
    if role not in CUT or role == "list_item" or group[0].page is None:
        return None
    for at in range(len(groups) - 1, max(len(groups) - 40, -1), -1):
        other = groups[at][-1].role if role == "footnote" else groups[at][0].role
        if other in CUT and (other == "footnote") == (role == "footnote"):
            return at if _turns(groups[at][-1], group[0]) else None
        if other not in FLOATING and role != "footnote":
            return None
    return None


def _turns(a: Printed, b: Printed) -> bool:
    if a.page != b.page:
        return True
    return a.y0 is not None and b.y0 is not None and b.y0 < a.y0


class _Widths:
    """How far the lines of a document reach, and whether its paragraphs are set in."""

    def __init__(self, groups: Sequence[list[Printed]]) -> None:
        long = [group for group in groups if group[0].role in CUT and len(group) > 1 and group[0].x0 is not None]
        steps = [((g[0].x0 or 0) - (g[1].x0 or 0)) / (g[0].size or 10) for g in long]
        self.indented = sum(step > INDENT for step in steps) > INDENTED * len(steps) > 0
        self._lines: dict[int | None, list[Printed]] = {}
        for group in long:
            self._lines.setdefault(group[0].page, []).extend(group)

    def goes_on(self, group: Sequence[Printed], after: Sequence[Printed]) -> bool:
        """Whether the second block is the rest of the first."""
        a, b = group[-1], after[0]
        if a.size and b.size and abs(a.size - b.size) > SAME_SIZE * max(a.size, b.size):
            return False
        if b.line.text[0].islower() or (ends_in_hyphen(a.line.text) and b.line.text[0].isalpha()):
            return True
        if len(after) > 1 and (b.x0 or 0) - (after[1].x0 or 0) > INDENT * (b.size or 10):
            return False
        room = self._room(a)
        if CLOSED.search(a.line.text):
            return room < ROOM * (a.size or 10) and (self.indented or len(group) > 1)
        word = b.line.text.split(" ", 1)[0]
        letter = ((b.x1 or 0) - (b.x0 or 0)) / len(b.line.text)
        return room < max(ROOM * (a.size or 10), (len(word) + 1) * letter)

    def _room(self, a: Printed) -> float:
        """How much of its line is empty behind ``a``, by the lines above and below it on the page."""
        x0, x1 = a.x0 or 0, a.x1 or 0
        ends = sorted(
            line.x1 or 0 for line in self._lines.get(a.page, ())
            if (line.x0 or 0) < x1 and (line.x1 or 0) > x0 and abs((line.x0 or 0) - x0) < NEAR_EDGE * (a.size or 10)
        )  # fmt: skip
        return (ends[len(ends) * 9 // 10] if ends else x1) - x1
