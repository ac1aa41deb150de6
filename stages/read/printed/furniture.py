"""Heads, feet and page numbers: rows at the edges of pages that come again on others, or count the pages."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from stages.read.printed.lines import Run, rows_of

# Rows so far from the top and the bottom of a page are looked at.
DEPTH = 4
DIGITS = re.compile(r"\d+")
ROMAN = "[ivxlcdmIVXLCDM]{1,7}"
OF = "(?: ?(?:von|of|sur|de|van|/) ?\\d{1,4})?"
BARS = "[-\u2013\u2014|\u2022]"
PAGE_NUMBER = re.compile(
    f"(?:{BARS} ?)?(?:(?:Seite|Page|page|Blatt|S\\.|p\\.|pag\\.) ?)?(?:\\d{{1,4}}{OF}|{ROMAN})(?: ?{BARS})?"
)
# Base lines of the same row differ by at most this share of the page's height.
SAME_PLACE = 0.008
# A row that stands at the same place on this share of the pages, apart from the text, is furniture whatever it says.
MOST_PAGES, FEWEST_PAGES = 0.6, 3
APART = 1.5
# Lines of one text stand no further apart than this, in usual distances, and are set in the same size.
CLOSE, SAME_SIZE = 1.1, 0.03
# What a row says again on so few pages as two has to say it in more than a word.
LONG_ENOUGH = 4


# A head comes again within so many of the rows that say the same.
NEIGHBOURS = 8
# A row in the upper or lower margin of a single page.
MARGIN, LONGEST = 0.09, 100
# So far, in sizes, the number of a page stands from the title beside it.
FAR = 3
TELLING = re.compile(
    r"\b\d{1,2}\.? ?(?:\d{1,2}\.|[^\W\d_]{3,10}\.?) ?(?:1[5-9]|20)\d\d\b| [|\u00b7\u2022] "
    r"|\b(?:Seite|Page|S\.|p\.) ?\d"
)


class Page(NamedTuple):
    """The runs of a page, its width and height, and ``turned`` as `stages.read.raw_document.PageSize` has it."""

    runs: list[Run]
    width: float
    height: float
    turned: int | None = 0


class Row(NamedTuple):
    """A row near the edge of a page: page, text, place, whether from the top, how far from the rest, and whether the
    row beside it is set in the same size.
    """

    page: int
    runs: list[Run]
    text: str
    base: float
    from_top: bool
    depth: int
    apart: float
    like: bool


def find_furniture(pages: Sequence[Page], leading: float) -> list[set[int]]:
    """For each page the places among its runs of those that are furniture."""
    rows = [row for number, page in enumerate(pages) for row in _edge_rows(number, page, leading)]
    found: list[set[int]] = [set() for _ in pages]
    ids = [{id(run): at for at, run in enumerate(page.runs)} for page in pages]
    repeated = _repeated(rows, pages)
    others = _counting(rows) | _at_one_place(rows, pages) | _telling(rows, pages)
    edges = _from_the_edge(rows, repeated | others)
    for at in edges - _text_that_begins_alike(rows, edges, repeated - others):
        row = rows[at]
        found[row.page] |= {ids[row.page][id(run)] for run in row.runs}
    return found


def _edge_rows(number: int, page: Page, leading: float) -> list[Row]:
    rows = rows_of(page.runs)
    found = []
    bases = [max(row, key=lambda r: r.size).base for row in rows]
    for at, row in enumerate(rows):
        top, bottom = at, len(rows) - 1 - at
        if min(top, bottom) >= DEPTH:
            continue
        from_top = top <= bottom
        beside = at + 1 if from_top else at - 1
        apart = abs(bases[beside] - bases[at]) / max(leading, 1e-6) if 0 <= beside < len(rows) else 9.0
        like = 0 <= beside < len(rows) and abs(_size(rows[beside]) - _size(row)) <= SAME_SIZE * _size(row)
        text = " ".join(run.text.strip() for run in row)
        found.append(Row(number, row, text, bases[at], from_top, min(top, bottom), apart, like))
    return found


def _size(row: Sequence[Run]) -> float:
    return max(run.size for run in row)


def _key(text: str) -> str:
    return DIGITS.sub("0", text.lower())


def _repeated(rows: Sequence[Row], pages: Sequence[Page]) -> set[int]:
    """Rows that say the same, but for numbers, at the same place of another page.

    A note at the foot may name the same book as that of another page, and is none.
    """
    same: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        if row.runs[0].marked and not row.from_top:
            continue
        same[_key(row.text), row.from_top].append(at)
    found = set()
    for (key, _), places in same.items():
        for place, at in enumerate(places):
            near = places[max(place - NEIGHBOURS, 0) : place + NEIGHBOURS + 1]
            others = {rows[o].page for o in near if _level(rows[at], rows[o], pages)} - {rows[at].page}
            if others and (len(key) >= LONG_ENOUGH or len(others) > 1 or not key.strip("0 ")):
                found.add(at)
    return found


def _level(a: Row, b: Row, pages: Sequence[Page]) -> bool:
    return abs(_from_edge(a, pages) - _from_edge(b, pages)) <= SAME_PLACE * pages[a.page].height


def _from_edge(row: Row, pages: Sequence[Page]) -> float:
    return row.base if row.from_top else pages[row.page].height - row.base


def _counting(rows: Sequence[Row]) -> set[int]:
    """Page numbers that stand alone: apart from the text, or counting with the pages."""
    numbers = {at: _number(row.text) for at, row in enumerate(rows) if PAGE_NUMBER.fullmatch(row.text)}
    offsets = Counter(value - rows[at].page for at, value in numbers.items() if value is not None)
    alone = {at for at in numbers if rows[at].depth == 0 and rows[at].apart > APART}
    return alone | {at for at, value in numbers.items() if value is not None and offsets[value - rows[at].page] > 1}


def _number(text: str) -> int | None:
    match = DIGITS.search(text)
    return int(match.group()) if match else None


def _at_one_place(rows: Sequence[Row], pages: Sequence[Page]) -> set[int]:
    """Rows that stand apart from the text at a place where most pages have one."""
    if len(pages) < FEWEST_PAGES:
        return set()
    apart = [at for at, row in enumerate(rows) if row.depth == 0 and row.apart > APART]
    places = {at: _from_edge(rows[at], pages) for at in apart}
    found = set()
    for from_top in (True, False):
        heights = sorted(places[at] for at in apart if rows[at].from_top == from_top)
        for at in (at for at in apart if rows[at].from_top == from_top):
            near = SAME_PLACE * pages[rows[at].page].height
            level = bisect_right(heights, places[at] + near) - bisect_left(heights, places[at] - near)
            if level >= max(FEWEST_PAGES, MOST_PAGES * len(pages)):
                found.add(at)
    return found


def _telling(rows: Sequence[Row], pages: Sequence[Page]) -> set[int]:
    """Rows in the margin, apart from the text, that name an issue, or the page beside a title.

    An issue is named by a date, or by parts between bars and dots.
    """
    found = set()
    for at, row in enumerate(rows):
        place = row.base / pages[row.page].height
        in_margin = place < MARGIN if row.from_top else place > 1 - MARGIN
        tells = TELLING.search(row.text) is not None or _names_a_page(row)
        if in_margin and row.depth == 0 and row.apart > APART and len(row.text) <= LONGEST and tells:
            found.add(at)
    return found


def _names_a_page(row: Row) -> bool:
    """Whether a number stands at the outer end of a row, far from the rest."""
    first, last = row.runs[0], row.runs[-1]
    number, rest = (first, row.runs[1:]) if PAGE_NUMBER.fullmatch(first.text.strip()) else (last, row.runs[:-1])
    if not rest or not PAGE_NUMBER.fullmatch(number.text.strip()):
        return False
    return min(max(number.x0 - other.x1, other.x0 - number.x1) for other in rest) > FAR * number.size


def _text_that_begins_alike(rows: Sequence[Row], chosen: set[int], repeated: set[int]) -> set[int]:
    """Of the repeated rows those from which the text goes on without a gap, in the same size: they are lines of it.

    So do letters begin that were sent to many, and pages with the same paragraph at their top.
    """
    inward: dict[tuple[int, bool], list[int]] = defaultdict(list)
    for at in chosen:
        inward[rows[at].page, rows[at].from_top].append(at)
    found = set()
    for places in inward.values():
        for at in sorted(places, key=lambda place: -rows[place].depth):
            if at not in repeated or not rows[at].like or rows[at].apart > CLOSE:
                break
            found.add(at)
    return found


def _from_the_edge(rows: Sequence[Row], chosen: set[int]) -> set[int]:
    """Of the chosen rows those with nothing but chosen rows between them and the edge of the page, one gap allowed."""
    by_edge: dict[tuple[int, bool], list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        by_edge[row.page, row.from_top].append(at)
    found = set()
    for places in by_edge.values():
        missed = 0
        for at in sorted(places, key=lambda place: rows[place].depth):
            missed += at not in chosen
            if missed > 1:
                break
            if at in chosen:
                found.add(at)
    return found
