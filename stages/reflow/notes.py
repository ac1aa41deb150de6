"""Find what stands inside a sentence and is none of it: footnotes at the foot of a page, and captions.

The sentence then goes on across them.
"""

import re
from collections.abc import Collection, Sequence
from itertools import pairwise

from stages.reflow.lines import Line

# A note begins with its number; its mark in the text is that number behind a letter, a mark or a bracket, and no part
# of another number: "2.1", "4,2", "18:30".
NOTE = re.compile(r"(\d{1,3})(?: +|(?=[^\W\d_]))(?=[^\W\d_]|[\u201e\u201c\"\u00ab(\[])")
MARK = re.compile(
    r"(?:(?<=[^\W\d_]{3})|(?<=[.!?,;:)\]\"'\u2018-\u201f\u00bb\u00ab\u203a\u2039]))"
    r"(?<!\b\d[.,:])(?<!\b\d\d[.,:])(\d{1,3})(?=[\s.,;:!?)\]\u2013\u2014\u201c\u201d\"]|$)"
)
# Notes fill so much of a page at most.
MOST_OF_PAGE = 0.7
# A caption begins with its kind and number.
CAPTION = re.compile(
    "(?:Abb(?:ildung|\\.)?|Fig(?:ure|\\.)?|Tab(?:elle|le|\\.)?|Bild|Grafik|Schaubild|Diagramm|Karte)"
    " ?\\d{1,3}[a-z]? ?[:.\u2013\u2014|-] ?\\S"
)
LONGEST_CAPTION = 5
# One without number has so many lines; a full line is so full, as a share of the column.
LONGEST_UNNAMED, FULL = 2, 0.8
# The number of a note hangs on a word so many lines above it at most.
PAGE_LINES = 60
OPEN_END = re.compile(r"(?:[^\W\d_]|,|[-\u00ac\u00ad])$")
# No page has more lines: then the pages are not known.
LONGEST_PAGE = 400


def find_notes(lines: Sequence[Line], page_starts: Sequence[int]) -> list[tuple[int, int]]:
    """The first and the end of the lines of each footnote, from the text's start to its end.

    A run of notes stands at the end of a page, each with a number one above the last, and each number hangs on a word
    above on its page; behind an empty line it is enough that half of them do. The first number is 1 or counts on from
    the notes before, or an empty line parts the notes from the text. Without all of that the lines stay where they are.
    A column printed beside another is a page of its own. Where nothing parts pages, as in texts whose page breaks are
    lost, an empty line ends a note: what follows is text.
    """
    tops = [at for at, (a, b) in enumerate(pairwise(lines), start=1) if b.raw_start < a.raw_end]
    bounds = [0, *sorted({*tops, *(at for at in page_starts if 0 < at < len(lines))}), len(lines)]
    found: list[tuple[int, int]] = []
    last = 0
    for start, end in pairwise(bounds):
        notes, last = _page_notes(lines, start, end, last)
        found += notes
    return found


def mark_captions(lines: Sequence[Line], begins: Sequence[bool]) -> list[bool]:
    """Let a block begin at a caption between empty lines, and after it, or at what stands inside a paragraph there."""
    gaps = [0, *(at for at in range(1, len(lines)) if lines[at].breaks > 1), len(lines)]
    marked = [*begins, True]
    short = [(start, end) for start, end in pairwise(gaps) if end - start <= LONGEST_CAPTION]
    torn = [span for span in short if _is_torn(lines, *span)]
    full = _full_width(lines) if torn else 0.0
    found = {span for span in torn if _stands_between(lines, *span, full)}
    for start, end in short:
        if (start, end) in found or CAPTION.match(lines[start].text):
            marked[start] = marked[end] = True
    return marked[:-1]


def find_captions(lines: Sequence[Line], begins: Sequence[bool]) -> list[tuple[int, int]]:
    """The first and the end of the lines of each caption or note that a sentence goes around.

    The line before it ends in a word, a comma or a hyphen, and the block behind it begins small. It begins with its
    kind and number, or with a number that hangs on a word above; or it is short and stands between empty lines, and
    what goes around it are lines of one paragraph.
    """
    starts = [at for at, begin in enumerate(begins) if begin]
    blocks = zip(starts, [*starts[1:], len(lines)], strict=True)
    torn = [span for span in blocks if span[1] - span[0] <= LONGEST_CAPTION and _is_torn(lines, *span)]
    full = _full_width(lines) if torn else 0.0
    return [
        (start, end)
        for start, end in torn
        if CAPTION.match(lines[start].text) or _hangs_above(lines, start) or _stands_between(lines, start, end, full)
    ]


def _full_width(lines: Sequence[Line]) -> float:
    widths = sorted(len(line.text) for line in lines)
    return FULL * widths[len(widths) * 9 // 10] if widths else 0


def _is_torn(lines: Sequence[Line], start: int, end: int) -> bool:
    """Whether the line before some lines is open and the one behind them begins small."""
    inside = start > 0 and end < len(lines)
    return inside and lines[end].text[0].islower() and OPEN_END.search(lines[start - 1].text) is not None


def _hangs_above(lines: Sequence[Line], at: int) -> bool:
    """Whether a note begins here, behind an empty line, whose number hangs on a word of the lines above."""
    note = NOTE.match(lines[at].text) if lines[at].breaks > 1 else None
    above = lines[max(at - PAGE_LINES, 0) : at]
    return note is not None and any(mark[1] == note[1] for line in above for mark in MARK.finditer(line.text))


def _stands_between(lines: Sequence[Line], start: int, end: int, full: float) -> bool:
    """Whether a line or two between empty lines stand inside a paragraph: behind a full line, a small letter after it.

    The lines on either side have neighbours without a gap, so these are no lines of a double-spaced text.
    """
    if end - start > LONGEST_UNNAMED or lines[start].breaks < 2 or lines[end].breaks < 2:
        return False
    before, after = lines[start - 2 : start], lines[end : end + 2]
    texts = [line.text for line in lines[start:end]]
    if not all(len(pair) > 1 and pair[1].breaks == 1 and pair[0].level == pair[1].level for pair in (before, after)):
        return False
    named = texts[0][0].isupper() and not any(text[-1] in ",-" for text in texts)
    return named and len(before[1].text) >= full and max(map(len, texts)) < full


def _page_notes(lines: Sequence[Line], start: int, end: int, last: int) -> tuple[list[tuple[int, int]], int]:
    """The notes of one page, and the number of the last note so far."""
    if end - start > LONGEST_PAGE:
        return [], last
    notes = [(at, match[1]) for at in range(start + 1, end)
             if lines[at].text[0].isdigit() and (match := NOTE.match(lines[at].text))]  # fmt: skip
    if not notes:
        return [], last
    begins = [(at, int(written)) for at, written in notes]
    marked = _marked(lines[start:end], start, {form for _, written in notes for form in (written, str(int(written)))})
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
            spans = zip(places, [*places[1:], end], strict=True)
            alone = end - start == len(lines)
            return [(at, _first_gap(lines, at, until) if alone else until) for at, until in spans], run[-1][1]
    return [], last


def _first_gap(lines: Sequence[Line], start: int, end: int) -> int:
    """The first line behind an empty line, from the second of these on, or their end."""
    return next((at for at in range(start + 1, end) if lines[at].breaks > 1), end)


def _counting(begins: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The lines among these that count on by one from the first."""
    run = begins[:1]
    for at, number in begins[1:]:
        if number == run[-1][1] + 1:
            run.append((at, number))
    return run


def _marked(lines: Sequence[Line], start: int, written: Collection[str]) -> dict[int, int]:
    """The numbers, of those written so, that hang on words of a page, with the first line of each from ``start`` on."""
    found: dict[int, int] = {}
    for at, line in enumerate(lines, start):
        if any(number in line.text for number in written):
            for match in MARK.finditer(line.text):
                found.setdefault(int(match[1]), at)
    return found
