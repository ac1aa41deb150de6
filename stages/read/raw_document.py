"""What a reader gives: the raw text of one document, the layout that its format knows, and what it says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

PIECES = pl.Schema(
    {
        "start": pl.Int64(),
        "end": pl.Int64(),
        "text": pl.String(),
        "breaks": pl.Boolean(),
        "block": pl.Int64(),
        "role": pl.String(),
        "page": pl.Int64(),
        "x0": pl.Float64(),
        "y0": pl.Float64(),
        "x1": pl.Float64(),
        "y1": pl.Float64(),
        "font_size": pl.Float64(),
        "confidence": pl.Float64(),
    }
)
"""The layout of a document: its pieces in reading order, a piece being a printed line or a run of text in markup.

``start``, ``end``: characters of the raw text; pieces do not overlap and need not stand in order. ``text``: how the
piece reads where that is not ``raw[start:end]`` (an entity of HTML, a word that OCR XML gives whole), else null.
``breaks``: a line break stands before it. ``block``: pieces with the same number are one block; null where the format
does not say. ``role``: a block kind of `stages.tables.schemas.BLOCK_KINDS`, ``furniture`` (head, foot, page number) or
``boilerplate`` (navigation), or null. ``page`` from 1; the box in units of the page with its origin at the top left;
``confidence``: mean word confidence of OCR, 0 to 1.
"""

METADATA = ("title", "author", "published_at", "language", "url", "publisher", "section")
"""Names of facts that have columns of their own in `documents`; a reader may give others."""


class Fact(NamedTuple):
    """One thing that is known of a document, and where it was found (``meta[name=author]``, ``header Date``)."""

    value: str
    found_in: str


class PageSize(NamedTuple):
    """How large a page is, in the units that the boxes on it are in; None where its file does not say.

    ``turned``: degrees clockwise by which the page has to be turned, as a viewer shows it, to stand as its boxes do;
    None where that is no right angle, so that they lie on no page.
    """

    width: float | None = None
    height: float | None = None
    turned: int | None = 0


@dataclass(frozen=True, slots=True)
class RawDocument:
    """One document as its reader gives it.

    ``text`` is the raw text that all raw offsets count in. ``encoding`` and ``encoding_how`` tell how the bytes were
    decoded. ``pieces`` has the columns of `PIECES`, or is None where the format has no layout (plain text). ``facts``
    by name; dates as ISO 8601 of the precision that is known (2024, 2024-03, 2024-03-05). ``in_file``: the file holds
    the raw text as it is, so it can be had again by decoding; where it does not (PDF), the text is kept in a table.
    ``read_by``: the libraries that decide what is read of it, with their versions (`stages.read.versions`), or none.
    ``pages``: the sizes of its pages in their order; none where the format has no pages.
    """

    text: str
    encoding: str
    encoding_how: str
    pieces: pl.DataFrame | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)
    in_file: bool = True
    read_by: str | None = None
    pages: tuple[PageSize, ...] = ()
