"""Pieces put in a frame, and raw texts built from blocks where the file itself holds none."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import polars as pl

from stages.errors import SourceError
from stages.read.raw_document import PIECES, Fact, RawDocument

PieceRow = tuple[int, int, str | None, bool, int, str | None]
"""start, end, text, breaks, block and role of a piece."""
_COLUMNS = ("start", "end", "text", "breaks", "block", "role")
_LINE = re.compile(r"[^\n]+")
BETWEEN = "\n\n"


class TextBlock(NamedTuple):
    """A block of a document that is not text itself: its role, and how it reads."""

    role: str
    text: str


def to_pieces(rows: Iterable[PieceRow]) -> pl.DataFrame:
    """Put pieces into a frame with the columns of `PIECES`; those of pages and boxes are null."""
    frame = pl.DataFrame(list(rows), schema={name: PIECES[name] for name in _COLUMNS}, orient="row")
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in PIECES.items() if name not in _COLUMNS]
    return frame.with_columns(absent).select(PIECES.names())


def line_pieces(text: str, start: int, end: int, block: int, role: str | None) -> list[PieceRow]:
    """The lines of a stretch of raw text as pieces of one block, without the white space around them."""
    rows: list[PieceRow] = []
    for match in _LINE.finditer(text, start, end):
        line = match[0]
        first = match.start() + len(line) - len(line.lstrip())
        last = match.end() - (len(line) - len(line.rstrip()))
        if first < last:
            rows.append((first, last, None, True, block, role))
    return rows


def _titled(blocks: Iterable[TextBlock]) -> Iterator[TextBlock]:
    """The blocks, where the first of a document without a title is a heading that as its title."""
    first = True
    for block in blocks:
        yield block._replace(role="title") if first and block.role == "heading" else block
        first = first and not block.text.strip()


def shifted(rows: Iterable[PieceRow], by: int) -> list[PieceRow]:
    """Pieces whose text stands further on in the raw text."""
    return [(start + by, end + by, text, breaks, block, role) for start, end, text, breaks, block, role in rows]


def build_document(blocks: Iterable[TextBlock], facts: dict[str, Fact], name: str, max_chars: int) -> RawDocument:
    """Build the raw text of a document from its blocks, with an empty line between them.

    Raises SourceError: ``empty`` where no block has text, ``too_large``.
    """
    parts: list[str] = []
    rows: list[PieceRow] = []
    position = 0
    for block in _titled(blocks):
        text = block.text.strip()
        if not text:
            continue
        rows += shifted(line_pieces(text, 0, len(text), len(parts), block.role), position)
        parts.append(text)
        position += len(text) + len(BETWEEN)
        check_length(position, name, max_chars)
    if not parts:
        raise SourceError("empty", f"{name} holds no text; remove it or fetch it again")
    return RawDocument(BETWEEN.join(parts), "utf-8", "utf-8", to_pieces(rows), facts, in_file=False)


def check_length(n_chars: int, name: str, max_chars: int) -> None:
    """Raise SourceError (``too_large``) for a text of more characters than a document may have."""
    if n_chars > max_chars:
        raise SourceError("too_large", f"{name} has more than {max_chars:,} characters; raise the limit (--max-chars)")
