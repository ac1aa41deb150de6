"""What the blocks of printed pages are: by the size and weight of their type, and by where they stand."""

import re
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from stages.read.printed.blocks import Setting
from stages.read.printed.lines import ITEM, Run

# Type is bigger or smaller than the text from this difference on, as a share of it.
BIGGER, SMALLER = 0.07, 0.05
LONGEST_HEADING, MOST_LINES = 250, 5
LONGEST_BOLD = 160
CAPTION = re.compile(
    "(?:Abb(?:ildung)?|Fig(?:ure)?|Tab(?:elle|le|leau)?|Grafik|Diagramm|Illustration|Schaubild)\\b\\.? ?"
    "\\d{1,3}[a-z]?(?:\\.\\d+)?(?: ?[:.\u2013|-]|$| [A-Z])",
    re.IGNORECASE,
)
NOTE = re.compile("(?:\\[?\\d{1,3}\\]?|[*\u2020\u2021\u00a7]+)\\s?(?=\\S)")
# So many lines a caption has fewer than; after a colon it may explain the picture at length.
LINES_OF_CAPTION, LONG_CAPTION = 9, 25
FEWEST_ROWS = 2
ENDS_STATEMENT = re.compile("[.,;]$")
# Two letters of a word, and an end that leads on: a comma, a hyphen of any shape.
WORD = re.compile("[^\\W\\d_]{2}")
LEADS_ON = re.compile("[,;\u00ad\u00ac\u2010\u2e17-]$")


class PageBlock(NamedTuple):
    """Lines of one block on one column of a page."""

    page: int
    lines: list[Run]

    @property
    def text(self) -> str:
        """Its lines joined by spaces."""
        return " ".join(line.text for line in self.lines)

    @property
    def size(self) -> float:
        """The size of its first line's type."""
        return self.lines[0].size


def name_roles(blocks: Sequence[PageBlock], setting: Setting) -> list[str | None]:
    """A block kind for each block, None where the print does not show one."""
    roles = [block.lines[0].role or _role(block, setting) for block in blocks]
    _mark_tables(blocks, roles)
    _mark_notes(blocks, roles, setting)
    _mark_title(blocks, roles, measured=setting.slack > 1)
    return roles


def _bigger(setting: Setting) -> float:
    return (1 + BIGGER * setting.slack) * setting.size


def _smaller(setting: Setting) -> float:
    return (1 - SMALLER * setting.slack) * setting.size


def _role(block: PageBlock, setting: Setting) -> str | None:
    text = block.text
    if (caption := CAPTION.match(text)) and len(block.lines) < (
        LONG_CAPTION if ":" in caption[0] else LINES_OF_CAPTION
    ):
        return "caption"
    longest = LONGEST_BOLD if ENDS_STATEMENT.search(text) else LONGEST_HEADING
    if block.size > _bigger(setting) and len(text) <= longest and len(block.lines) <= MOST_LINES:
        return "heading"
    if ITEM.match(text) and not block.lines[0].is_bold:
        return "list_item"
    bold = all(line.is_bold for line in block.lines)
    if bold and block.size > _smaller(setting) and len(text) <= LONGEST_BOLD and not ENDS_STATEMENT.search(text):
        return "heading"
    return "paragraph" if len(block.lines) > 1 else None


def _mark_tables(blocks: Sequence[PageBlock], roles: list[str | None]) -> None:
    """Rows of several cells, two and more below each other, are a table."""
    rows = [len(block.lines) == 1 and block.lines[0].cells > 1 for block in blocks]
    start = 0
    for at in range(1, len(rows) + 1):
        if at < len(rows) and rows[at] and rows[at - 1] and blocks[at].page == blocks[at - 1].page:
            continue
        if rows[start] and at - start >= FEWEST_ROWS:
            roles[start:at] = ["table"] * (at - start)
        start = at


def _mark_notes(blocks: Sequence[PageBlock], roles: list[str | None], setting: Setting) -> None:
    """Blocks in small type at the foot of a page, of which one begins with a mark; or that go on from such."""
    went_on = False
    pages = groupby(range(len(blocks)), key=lambda at: blocks[at].page)
    for places in [list(group) for _, group in pages]:
        last = _trailing_small(places, blocks, roles, setting)
        marked = [at for at in last if _is_marked(blocks[at])]
        if marked and not went_on:
            last = last[last.index(marked[0]) :]
        if not marked and not (went_on and last):
            went_on = False
            continue
        for at in last:
            roles[at] = "footnote"
        went_on = True


def _trailing_small(
    places: Sequence[int], blocks: Sequence[PageBlock], roles: Sequence[str | None], setting: Setting
) -> list[int]:
    """The blocks in small type below which, in their column, no bigger type stands."""
    found = []
    for at in places:
        box = blocks[at].lines
        if blocks[at].size > _smaller(setting) or roles[at] in ("caption", "table"):
            continue
        left, right, bottom = min(r.x0 for r in box), max(r.x1 for r in box), box[-1].base
        below = (
            line for other in places for line in blocks[other].lines
            if line.base > bottom and line.x0 < right and line.x1 > left
        )  # fmt: skip
        if all(line.size <= _smaller(setting) for line in below):
            found.append(at)
    return found


def _is_marked(block: PageBlock) -> bool:
    return block.lines[0].marked or NOTE.match(block.lines[0].text) is not None


def _may_be_title(text: str, measured: bool) -> bool:
    """Tell whether a heading may name a document: a number does not, nor does what goes on before or behind it.

    On ``measured`` pages a line whose box came out too high begins in small letters, which no title of a page does.
    """
    if not WORD.search(text) or LEADS_ON.search(text):
        return False
    return not (measured and text[:1].islower())


def _mark_title(blocks: Sequence[PageBlock], roles: list[str | None], measured: bool = False) -> None:
    """The biggest heading of the first page with text, when nothing but short blocks stands before it."""
    first = [at for at, block in enumerate(blocks) if block.page == blocks[0].page] if blocks else []
    headings = [at for at in first if roles[at] == "heading" and blocks[at].lines[0].role is None]
    headings = [at for at in headings if _may_be_title(blocks[at].text, measured)]
    if headings:
        biggest = max(headings, key=lambda at: (round(blocks[at].size, 1), -at))
        if sum(len(blocks[at].text) for at in first if at < biggest) < 2 * LONGEST_HEADING:
            roles[biggest] = "title"
