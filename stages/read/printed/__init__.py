"""Printed pages: runs of characters with their places become lines, columns, blocks and roles, as pieces."""

from collections.abc import Sequence

import polars as pl

from stages.read.printed.blocks import Setting, begins_block
from stages.read.printed.furniture import Page, find_furniture
from stages.read.printed.lines import Column, Run, common_size, usual_leading
from stages.read.printed.order import read_columns
from stages.read.printed.roles import PageBlock, name_roles
from stages.read.raw_document import PIECES

__all__ = ["Page", "Run", "lay_out"]

LINE_END, PAGE_END = "\n", "\f"


def lay_out(pages: Sequence[Page], slack: float = 1.0) -> tuple[str, pl.DataFrame]:
    """The text of pages in reading order, one line a piece, and the pieces.

    Between lines stands a line feed, between pages a form feed. Furniture stays in the text, at its page's top or
    bottom, as pieces with that role. ``slack`` above 1 allows for places that text recognition measured.
    """
    size, leading = _measure([read_columns(page.runs) for page in pages])
    furniture = find_furniture(pages, leading)
    columns = [
        read_columns([run for at, run in enumerate(page.runs) if at not in gone])
        for page, gone in zip(pages, furniture, strict=True)
    ]
    size, leading = _measure(columns)
    setting = Setting(size, leading, slack)
    blocks = [
        block for number, page in enumerate(columns, 1) for column in page for block in _cut(number, column, setting)
    ]
    roles = name_roles(blocks, setting)
    return _as_pieces(pages, furniture, list(zip(blocks, roles, strict=True)))


def _measure(columns: Sequence[Sequence[Column]]) -> tuple[float, float]:
    flat = [column for page in columns for column in page]
    size = common_size(line for column in flat for line in column.lines) or 1.0
    return size, usual_leading(flat, size)


def _cut(page: int, column: Column, setting: Setting) -> list[PageBlock]:
    blocks: list[PageBlock] = []
    for line, begin in zip(column.lines, begins_block(column, setting), strict=True):
        if begin:
            blocks.append(PageBlock(page, [line]))
        else:
            blocks[-1].lines.append(line)
    return blocks


def _as_pieces(
    pages: Sequence[Page], furniture: Sequence[set[int]], blocks: Sequence[tuple[PageBlock, str | None]]
) -> tuple[str, pl.DataFrame]:
    rows: list[tuple[object, ...]] = []
    parts: list[str] = []
    number = at = 0
    for page, (sheet, gone) in enumerate(zip(pages, furniture, strict=True), 1):
        around = sorted((sheet.runs[place] for place in gone), key=lambda r: (r.base, r.x0))
        groups = [([run], "furniture") for run in around if run.base < sheet.height / 2]
        groups += [(block.lines, role or "") for block, role in blocks if block.page == page]
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
