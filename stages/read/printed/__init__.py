"""Printed pages: runs of characters with their places become lines, columns, blocks and roles, as pieces."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import polars as pl

from stages.read.printed.blocks import Setting, begins_block
from stages.read.printed.furniture import Page, find_furniture
from stages.read.printed.lines import Column, Run, common_size, usual_leading
from stages.read.printed.order import column_of, read_columns
from stages.read.printed.regions import BELOW, TYPE, Region, RegionPage, by_letters, columns_of, downward, straightened
from stages.read.printed.roles import PageBlock, name_roles
from stages.read.raw_document import PIECES

__all__ = ["BELOW", "TYPE", "Page", "Region", "RegionPage", "Run", "downward", "lay_out", "lay_out_mixed",
           "lay_out_regions"]  # fmt: skip

# Sizes and distances measured on a picture are only so exact.
SLACK, WIDE, NEAR = 3.0, 1.4, 0.1
# So many lines show by themselves how far apart they are.
FEWEST_LINES = 4
LINE_END, PAGE_END = "\n", "\f"


class _Laid(NamedTuple):
    """Pages, which of their runs are furniture, and the blocks of the others with their roles."""

    pages: Sequence[Page]
    furniture: Sequence[set[int]]
    blocks: Sequence[tuple[PageBlock, str | None]]


def lay_out(pages: Sequence[Page]) -> tuple[str, pl.DataFrame]:
    """The text of pages in reading order, one line a piece, and the pieces.

    Between lines stands a line feed, between pages a form feed. Furniture stays in the text, at its page's top or
    bottom, as pieces with that role.
    """
    return _as_pieces(_laid(pages))


def _furniture(pages: Sequence[Page]) -> list[set[int]]:
    _, leading = _measure([read_columns(page.runs) for page in pages])
    return find_furniture(pages, leading)


def _laid(pages: Sequence[Page], furniture: Sequence[set[int]] | None = None) -> _Laid:
    furniture = _furniture(pages) if furniture is None else furniture
    columns = [
        read_columns([run for at, run in enumerate(page.runs) if at not in gone])
        for page, gone in zip(pages, furniture, strict=True)
    ]
    return _Laid(pages, furniture, _named(columns, Setting(*_measure(columns))))


def lay_out_regions(pages: Sequence[RegionPage]) -> tuple[str, pl.DataFrame]:
    """The same for pages on which text recognition found regions, and places only as well as it measured them.

    The roles that regions have are kept; where none is furniture, furniture is looked for.
    """
    return _as_pieces(_laid_regions(pages))


def lay_out_mixed(pages: Sequence[Page], recognised: Mapping[int, RegionPage]) -> tuple[str, pl.DataFrame]:
    """The same for printed pages of which some were ``recognised`` (by their number from 0); these count instead."""
    pictures = by_letters([recognised.get(at) or RegionPage([], *page[1:3]) for at, page in enumerate(pages)])
    runs = [[line for region in picture.regions for line in region.lines] for picture in pictures]
    sheets = [Page(runs[at], *page[1:]) if at in recognised else page for at, page in enumerate(pages)]
    # Heads come again on pages of both kinds.
    furniture = _furniture(sheets)
    mine, others = ([gone if (at in recognised) == kind else set() for at, gone in enumerate(furniture)]
                    for kind in (False, True))  # fmt: skip
    printed = _laid([Page([], *page[1:]) if at in recognised else page for at, page in enumerate(pages)], mine)
    scanned = _laid_regions(pictures, others)
    blocks = sorted([*printed.blocks, *scanned.blocks], key=lambda block: block[0].page)
    return _as_pieces(_Laid(sheets, furniture, blocks))


def _laid_regions(pages: Sequence[RegionPage], furniture: Sequence[set[int]] | None = None) -> _Laid:
    pages = by_letters(pages)
    runs = [Page([line for region in page.regions for line in region.lines], *page[1:3]) for page in pages]
    columns = [columns_of(page) for page in pages]
    size, leading = _measure(columns, NEAR)
    if furniture is None:
        furniture = [
            {at for at, role in enumerate(r.role for r in page.regions for _ in r.lines) if role == "furniture"}
            for page in pages
        ]
        if not any(furniture):
            furniture = find_furniture(runs, leading)
    gone = [{_place(page.runs[at]) for at in places} for page, places in zip(runs, furniture, strict=True)]
    kept = [
        [left for column in page if (left := _without(column, away))] for page, away in zip(columns, gone, strict=True)
    ]
    return _Laid(runs, furniture, _named(kept, Setting(size, leading, SLACK, WIDE), measured=True))


def _place(run: Run) -> tuple[float, float, str]:
    return run.x0, run.base, run.text


def _without(column: Column, gone: set[tuple[float, float, str]]) -> Column | None:
    lines = [line for line in column.lines if _place(line) not in gone]
    return column._replace(lines=lines) if lines else None


def _named(
    pages: Sequence[Sequence[Column]], setting: Setting, measured: bool = False
) -> list[tuple[PageBlock, str | None]]:
    blocks = [block for number, page in enumerate(pages, 1) for column in page
              for block in _cut(number, column, setting, measured)]  # fmt: skip
    return list(zip(blocks, name_roles(blocks, setting), strict=True))


def _measure(columns: Sequence[Sequence[Column]], exact: float = 0.03) -> tuple[float, float]:
    flat = [column for page in columns for column in page]
    size = common_size(line for column in flat for line in column.lines) or 1.0
    return size, usual_leading(flat, size, exact)


def _cut(page: int, column: Column, setting: Setting, measured: bool) -> list[PageBlock]:
    """The blocks of a column; one of a picture is straightened first, and judged by its own distances."""
    blocks: list[PageBlock] = []
    judged = column
    if measured:
        judged = column_of(straightened(column.lines))
        size = common_size(judged.lines)
        if len(judged.lines) > FEWEST_LINES:
            setting = setting._replace(leading=usual_leading([judged], size, NEAR) * setting.size / size)
    for line, begin in zip(column.lines, begins_block(judged, setting), strict=True):
        if begin:
            blocks.append(PageBlock(page, [line]))
        else:
            blocks[-1].lines.append(line)
    return blocks


def _as_pieces(laid: _Laid) -> tuple[str, pl.DataFrame]:
    rows: list[tuple[object, ...]] = []
    parts: list[str] = []
    number = at = 0
    on_page = {page: list(group) for page, group in groupby(laid.blocks, key=lambda item: item[0].page)}
    for page, (sheet, gone) in enumerate(zip(laid.pages, laid.furniture, strict=True), 1):
        around = sorted((sheet.runs[place] for place in gone), key=lambda r: (r.base, r.x0))
        groups = [([run], "furniture") for run in around if run.base < sheet.height / 2]
        groups += [(block.lines, role or "") for block, role in on_page.get(page, ())]
        groups += [([run], "furniture") for run in around if run.base >= sheet.height / 2]
        new_page = True
        for lines, role in groups:
            for line in lines:
                end = PAGE_END if new_page else LINE_END
                if parts:
                    parts.append(end)
                    at += 1
                new_page = False
                parts.append(line.text)
                rows.append((
                    at, at + len(line.text), None, True, number, role or None, page,
                    *(round(value, 2) for value in (line.x0, line.y0, line.x1, line.y1, line.size)), line.confidence,
                ))  # fmt: skip
                at += len(line.text)
            number += 1
    return "".join(parts), pl.DataFrame(rows, schema=PIECES, orient="row")
