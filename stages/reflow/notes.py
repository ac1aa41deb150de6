"""Find what stands inside a sentence and is none of it: footnotes at the foot of a page, and captions.

The sentence then goes on across them.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from stages.reflow.lines import Line

# A note begins with its number; its mark in the text is that number behind a letter, a mark or a bracket.
NOTE = re.compile(r"(\d{1,3})(?: +|(?=[^\W\d_]))(?=[^\W\d_]|[\u201e\u201c\"\u00ab(\[])")
MARK = re.compile(
    r"(?:(?<=[^\W\d_]{3})|(?<=[.!?,;:)\]\"'\u2018-\u201f\u00bb\u00ab\u203a\u2039]))"
    r"(\d{1,3})(?=[\s.,;:!?)\]\u2013\u2014\u201c\u201d\"]|$)"
)
# Notes fill so much of a page at most.
MOST_OF_PAGE = 0.7
# A caption begins with its kind and number.
CAPTION = re.compile(
    "(?:Abb(?:ildung|\\.)?|Fig(?:ure|\\.)?|Tab(?:elle|le|\\.)?|Bild|Grafik|Schaubild|Diagramm|Karte)"
    " ?\\d{1,3}[a-z]? ?[:.\u2013\u2014|-] ?\\S"
)
LONGEST_CAPTION = 5
OPEN_END = re.compile(r"(?:[^\W\d_]|,|[-\u00ac\u00ad])$")
# No page has more lines: then the pages are not known.
LONGEST_PAGE = 400


def find_notes(lines: Sequence[Line], page_starts: Sequence[int]) -> list[tuple[int, int]]:
    """The first and the end of the lines of each footnote, from the text's start to its end.

    A run of notes stands at the end of a page, each with a number one above the last, and each number hangs on a word
    above on its page; behind an empty line it is enough that half of them do. The first number is 1 or counts on from
    the notes before, or an empty line parts the notes from the text. Without all of that the lines stay where they are.
    """
    bounds = [0, *(at for at in page_starts if 0 < at < len(lines)), len(lines)]
    found: list[tuple[int, int]] = []
    last = 0
    for start, end in pairwise(bounds):
        notes, last = _page_notes(lines, start, end, last)
        found += notes
    return found


def mark_captions(lines: Sequence[Line], begins: Sequence[bool]) -> list[bool]:
    """Let a block begin at a caption between empty lines, and after it."""
    gaps = [0, *(at for at in range(1, len(lines)) if lines[at].breaks > 1), len(lines)]
    marked = [*begins, True]
    for start, end in pairwise(gaps):
        if 0 < end - start <= LONGEST_CAPTION and CAPTION.match(lines[start].text):
            marked[start] = marked[end] = True
    return marked[:-1]


def find_captions(lines: Sequence[Line], begins: Sequence[bool]) -> list[tuple[int, int]]:
    """The first and the end of the lines of each caption that a sentence goes around.

    The line before it ends in a word, a comma or a hyphen, and the block behind it begins small.
    """
    starts = [at for at, begin in enumerate(begins) if begin]
    blocks = zip(starts, [*starts[1:], len(lines)], strict=True)
    return [
        (start, end)
        for start, end in blocks
        if start and end < len(lines) and end - start <= LONGEST_CAPTION
        and CAPTION.match(lines[start].text)
        and OPEN_END.search(lines[start - 1].text) and lines[end].text[0].islower()
    ]  # fmt: skip


def _page_notes(lines: Sequence[Line], start: int, end: int, last: int) -> tuple[list[tuple[int, int]], int]:
    """The notes of one page, and the number of the last note so far."""
    if end - start > LONGEST_PAGE:
        return [], last
    begins = [(at, int(match[1])) for at in range(start + 1, end)
              if lines[at].text[0].isdigit() and (match := NOTE.match(lines[at].text))]  # fmt: skip
    marked = _marked(lines, start, end) if begins else {}
    for place, (first, number) in enumerate(begins):
        above = {value for value, at in marked.items() if at < first}
        apart = lines[first].breaks > 1
        if not (apart or number in above) or first - start < (1 - MOST_OF_PAGE) * (end - start):
            continue
        run = _counting(begins[place:])
        hanging = sum(value in above for _, value in run)
        sure = hanging == len(run) and number in (1, last + 1)
        if sure or (apart and 0 < len(run) <= 2 * hanging):
            places = [at for at, _ in run]
            return list(zip(places, [*places[1:], end], strict=True)), run[-1][1]
    return [], last


def _counting(begins: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The lines among these that count on by one from the first."""
    run = begins[:1]
    for at, number in begins[1:]:
        if number == run[-1][1] + 1:
            run.append((at, number))
    return run


def _marked(lines: Sequence[Line], start: int, end: int) -> dict[int, int]:
    """The numbers that hang on words of a page, with the first line of each."""
    found: dict[int, int] = {}
    for at in range(start, end):
        for match in MARK.finditer(lines[at].text):
            found.setdefault(int(match[1]), at)
    return found
