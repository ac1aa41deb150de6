"""Bodies of mails, items of feeds and rows of tables, which have their title beside them: text or marked-up text."""

import re
from html import unescape

import polars as pl

from stages.errors import SourceError
from stages.read.facts import in_order
from stages.read.html import html_pieces, looks_like_html
from stages.read.pieces import BETWEEN, check_length, line_pieces, to_pieces
from stages.read.raw_document import Fact, RawDocument


def document_of(
    title: str, body: str, facts: dict[str, Fact], name: str, max_chars: int, is_html: bool | None = None
) -> RawDocument:
    """Put a title above a body; what stands in the markup of the body is told after what is known beside it.

    ``is_html``: whether the body is markup, None where that is to be seen from it. A plain body has no layout but its
    lines, so that reflow finds its blocks. Raises SourceError (``empty``, ``too_large``).
    """
    above = title + BETWEEN if title and title != _first_line(body) else ""
    text = above + body
    check_length(len(text), name, max_chars)
    if not body.strip() and not title.strip():
        raise SourceError("empty", f"{name} holds no text; remove it or fetch it again")
    if looks_like_html(body[:4096].lstrip().encode("utf-8", "replace")) if is_html is None else is_html:
        pieces, told = html_pieces(body, whole_page=False)
        facts = in_order(facts, told)
        pieces = _below(pieces, above, title)
        if pieces.is_empty():
            raise SourceError("empty", f"{name} holds markup but no text; remove it or fetch it again")
        return RawDocument(text, "utf-8", "utf-8", pieces, facts, in_file=False)
    return RawDocument(text, "utf-8", "utf-8", None, facts, in_file=False)


def _first_line(body: str) -> str:
    lines = re.sub(r"<[^<>]{0,500}>", "\n", body[:4096]).strip().split("\n")
    return " ".join(unescape(lines[0]).split())


def _below(pieces: pl.DataFrame, above: str, title: str) -> pl.DataFrame:
    if not above:
        return pieces
    moved = pieces.with_columns(pl.col("start", "end") + len(above), pl.col("block") + 1)
    return pl.concat([to_pieces(line_pieces(above, 0, len(title), 0, "title")), moved])
