"""Put the lines of a block together, with the map to the raw characters and a repair for each decision."""

from typing import NamedTuple

from stages.reflow.characters import (
    FIRST_UNSPACED,
    UNSPACED,
    Mapped,
    spans_of,
)
from stages.reflow.hyphens import Join
from stages.reflow.lines import Line
from stages.reflow.records import Repair, Span

RULES = {
    Join.REMOVE: "hyphen_removed", Join.REMOVE_CK: "hyphen_removed",
    Join.KEEP: "hyphen_kept", Join.KEEP_SPACE: "hyphen_kept_space",
}  # fmt: skip
# What stands between two lines: behind the hyphen of the first as it is, and where that was cut off.
_BEHIND = {Join.SPACE: " ", Join.REMOVE: "", Join.KEEP: "", Join.KEEP_SPACE: " ", Join.NOTHING: "", Join.REMOVE_CK: ""}
_BEHIND_CUT = {Join.REMOVE: "", Join.KEEP: "-", Join.KEEP_SPACE: "- "}
# Of a word that was joined, the repair shows this much on either side.
SHOWN = 60


class Piece(NamedTuple):
    """The text of a block under construction, with its spans."""

    text: str
    spans: list[Span]


def join_lines(lines: list[Line], joins: list[Join]) -> Piece:
    """One text from the lines of a block; ``joins[k]`` says how line k+1 is put to line k."""
    if len(lines) == 1:
        return Piece(lines[0].text, _line_spans(lines[0]))
    parts: list[str] = []
    spans: list[Span] = []
    at = 0
    for line, join in zip(lines, [*joins, Join.NOTHING], strict=True):
        text, behind = line.text, _BEHIND[join]
        if join is Join.REMOVE_CK:
            text, behind = text[:-2], "c"
        # A hyphen of another kind gives way to a plain one.
        elif join is not Join.SPACE and join in RULES and (join is Join.REMOVE or text[-1] != "-"):
            text, behind = text[:-1], _BEHIND_CUT[join]
        if line.mapped is None:
            spans.append((at, line.raw_start, len(text)))
        else:
            spans += [(start + at, raw, length) for start, raw, length in _cut(_line_spans(line), len(text))]
        parts += text, behind
        at += len(text) + len(behind)
    return Piece("".join(parts), spans)


def plain_join(last: Line, line: Line) -> Join:
    """How two lines without a hyphen are joined: by a space, but not between characters written without one.

    Digits between such characters are written without one too.
    """
    end, start = last.text[-1], line.text[0]
    if end < FIRST_UNSPACED and start < FIRST_UNSPACED:
        return Join.SPACE
    unspaced = [UNSPACED.match(sign) is not None or sign.isdigit() for sign in (end, start)]
    return Join.NOTHING if all(unspaced) else Join.SPACE


def as_line(piece: Piece) -> Line:
    """The block's text as one line with an empty line before it."""
    offsets = offsets_of(piece)
    known = [offset for offset in offsets if offset >= 0] or [0]
    return Line(piece.text, known[0], known[-1] + 1, 2, 0, 0, Mapped(piece.text, offsets))


def cut_piece(piece: Piece, at: int) -> tuple[Piece, Piece]:
    """Part a block's text at ``at``, white space around the cut dropped."""
    mapped = Mapped(piece.text, offsets_of(piece))
    left, right = piece.text[:at].rstrip(), piece.text[at:].lstrip()
    begin = len(piece.text) - len(right)
    return (
        Piece(left, spans_of(mapped.offsets[: len(left)])),
        Piece(right, spans_of(mapped.offsets[begin:])),
    )


def hyphen_repair(raw: str, last: Line, line: Line, join: Join) -> Repair:
    """The repair that records a decided hyphen: the two halves of the word before and after."""
    head = last.text.rpartition(" ")[2][-SHOWN:]
    tail = line.text.partition(" ")[0][:SHOWN]
    start, end = _raw_back(last, len(head)), _raw_ahead(line, len(tail))
    middle = {Join.REMOVE: "", Join.REMOVE_CK: "c", Join.KEEP: "-", Join.KEEP_SPACE: "- "}[join]
    kept = head[:-2] if join is Join.REMOVE_CK else head[:-1]
    return Repair(RULES[join], start, end, raw[start:end], kept + middle + tail)


def _line_spans(line: Line) -> list[Span]:
    return spans_of(line.mapped.offsets) if line.mapped else [(0, line.raw_start, len(line.text))]


def _cut(spans: list[Span], end: int) -> list[Span]:
    return [(s, r, min(n, end - s)) for s, r, n in spans if s < end]


def offsets_of(piece: Piece) -> list[int]:
    """Raw offset of each character, -1 where the raw text does not have it."""
    offsets = [-1] * len(piece.text)
    for start, raw, length in piece.spans:
        offsets[start : start + length] = range(raw, raw + length)
    return offsets


def _raw_back(line: Line, count: int) -> int:
    """Raw offset of the character ``count`` before the line's end."""
    if line.mapped is None:
        return line.raw_end - count
    return next((offset for offset in line.mapped.offsets[-count:] if offset >= 0), line.raw_end - 1)


def _raw_ahead(line: Line, count: int) -> int:
    """Raw offset one past the line's first ``count`` characters."""
    if line.mapped is None:
        return line.raw_start + count
    return next((offset + 1 for offset in reversed(line.mapped.offsets[:count]) if offset >= 0), line.raw_start + 1)
