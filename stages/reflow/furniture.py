"""Find running headers, footers and page numbers, on page evidence alone."""

import re
from collections import defaultdict

from stages.reflow.lines import Line

DIGITS = re.compile(r"\d+")
# A page number: bare, between dashes, or after the word for page, with or without the number of pages. The dashes are
# hyphen-minus, en dash and em dash.
PAGE_NUMBER = re.compile(
    "(?:[-\u2013\u2014|] ?)?(?:(?:Seite|Page|page|Blatt|S\\.|p\\.|Blz\\.|Pagina) ?)?\\d{1,4}"
    "(?: ?(?:von|of|sur|de|van|/) ?\\d{1,4})?(?: ?[-\u2013\u2014|])?"
)
# Pages without a form feed are told apart by this many line breaks (two empty lines).
PAGE_GAP = 3
# Running lines stand at most this deep in the page.
DEPTH = 2
LONGEST = 120


def find_furniture(lines: list[Line]) -> set[int]:
    """Indexes of the lines that are page furniture.

    A line is furniture when it stands at the top or bottom of at least two pages with the same words (numbers
    may differ), or is a page number set off at the edge of a page. Short lines that repeat inside a page stay.
    """
    starts = [at for at, line in enumerate(lines) if at == 0 or line.form_feeds or line.breaks >= PAGE_GAP]
    ends = [*starts[1:], len(lines)]
    places: dict[tuple[bool, str], set[int]] = defaultdict(set)
    for begin, end in zip(starts, ends, strict=True):
        for top, at in _edges(begin, end):
            if len(lines[at].text) <= LONGEST:
                places[top, DIGITS.sub("0", lines[at].text)].add(at)
    found = {at for ats in places.values() if len(ats) > 1 for at in ats if not lines[at].text.endswith((",", ";"))}
    return found | _page_numbers(lines, starts, ends) if len(starts) > 1 else _page_numbers(lines, starts, ends)


def _edges(begin: int, end: int) -> list[tuple[bool, int]]:
    depth = min(DEPTH, (end - begin) // 3)
    return [(True, at) for at in range(begin, begin + depth)] + [(False, at) for at in range(end - depth, end)]


def _page_numbers(lines: list[Line], starts: list[int], ends: list[int]) -> set[int]:
    found = set()
    for begin, end in zip(starts, ends, strict=True):
        if end - begin < 2:
            continue
        if PAGE_NUMBER.fullmatch(lines[begin].text) and lines[begin + 1].breaks > 1 and begin:
            found.add(begin)
        if PAGE_NUMBER.fullmatch(lines[end - 1].text) and lines[end - 1].breaks > 1:
            found.add(end - 1)
    return found
