"""Cut a raw text into its lines that hold text, each with its place in the raw text and the layout around it."""

import re
from collections.abc import Container, Sequence
from functools import partial
from itertools import compress, count, repeat
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stages.lookups.code_points import Codes, Ints, find_runs, join_codes, tell_kinds
from stages.reflow.characters import CONTINUATION, LEAD, ODD, Mapped, is_odd, map_text, mend_characters
from stages.reflow.records import Repair

# Everything str.splitlines ends a line at: line feed, vertical tab, form feed, carriage return, file, group and record
# separators, next line, line and paragraph separator.
BREAKS = "\n\x0b\x0c\r\x1c-\x1e\x85\u2028\u2029"
BREAK = re.compile(f"[{BREAKS}]")
# Signs of a character that tell where lines are and what may have to be mended in them.
_BLANK, _BREAK, _ODD, _LEAD, _CONTINUATION = 1, 2, 4, 8, 16
PAGE_GAP = 3
"""So many line breaks in a gap, or a form feed, are a page break and not an empty line."""
FORM_FEED = "\x0c"
LINE_FEED, CARRIAGE_RETURN = ord("\n"), ord("\r")
_LEADS, _CONTINUES = re.compile(LEAD), re.compile(CONTINUATION)
# A tab stop in columns, for indents.
TAB = 8


class Line(NamedTuple):
    """One line with text.

    ``text`` is stripped and its characters mended; ``raw_start:raw_end`` is what it was made from. ``mapped`` holds
    the raw
    offset of each character, or None where ``text == raw[raw_start:raw_end]``. ``breaks`` counts the line breaks
    since the
    line before (2 means one empty line), ``form_feeds`` the form feeds among them; ``indent`` is in columns. ``level``
    is the depth of a quotation, and a line that is ``alone`` joins no other.
    """

    text: str
    raw_start: int
    raw_end: int
    breaks: int
    form_feeds: int
    indent: int
    mapped: Mapped | None
    level: int = 0
    alone: bool = False

    @property
    def offsets(self) -> list[int]:
        """Raw offset of each character."""
        return self.mapped.offsets if self.mapped else list(range(self.raw_start, self.raw_end))


def cut_lines(raw: str, characters: bool = True) -> tuple[list[Line], list[Repair]]:
    """The lines of ``raw`` that hold text, and the character repairs made in them.

    >>> [line.text for line in cut_lines("one\\r\\n\\r\\n  two ")[0]]
    ['one', 'two']
    """
    return cut_all([raw], characters)[0]


def cut_all(raws: Sequence[str], characters: bool = True) -> list[tuple[list[Line], list[Repair]]]:
    """What `cut_lines` gives of each raw text; many at once cost less."""
    codes, starts = join_codes(raws)
    places = _find_lines(codes, starts)
    cuts = np.searchsorted(places.documents, np.arange(len(raws) + 1)).tolist()
    numbers = [column.tolist() for column in places]
    return [
        _lines_of(raw, _Places._make(column[start:end] for column in numbers), characters)
        for raw, start, end in zip(raws, cuts, cuts[1:], strict=False)
    ]


class _Places(NamedTuple):
    """Of each line with text its document, where it begins there and ends, and what is told of it without its text.

    ``margins``: how many characters stand before its text; ``tabbed``, whether any of them is a tab; ``odd``, whether
    the line may have something to mend.
    """

    documents: Any
    starts: Any
    ends: Any
    breaks: Any
    form_feeds: Any
    margins: Any
    tabbed: Any
    odd: Any


def _find_lines(codes: Codes, starts: Ints) -> _Places:
    """The lines of texts of which these are the code points, each text closed by a line feed."""
    signs = tell_kinds(codes, signs_of)
    solid = signs & _BLANK == 0
    begins, ends = find_runs(solid)
    breaks = np.flatnonzero(signs & _BREAK)
    lines = np.concatenate(([0], breaks[:-1] + 1))
    words = np.searchsorted(begins, lines), np.searchsorted(begins, breaks)
    held = words[0] < words[1]
    lines, first, last = lines[held], begins[words[0][held]], ends[words[1][held] - 1]
    documents = np.searchsorted(starts, first, "right") - 1
    counted = breaks[(codes[breaks] != LINE_FEED) | (codes[breaks - 1] != CARRIAGE_RETURN)]
    feeds = breaks[codes[breaks] == ord(FORM_FEED)]
    tabs, odd = np.flatnonzero(codes == ord("\t")), odd_places(codes, signs)
    offsets = starts[documents]
    since = partial(_count_since, lines=lines, documents=documents, starts=starts)
    return _Places(
        documents, first - offsets, last - offsets, since(counted), since(feeds), first - lines,
        _holds(tabs, lines, first), _holds(odd, first, last),
    )  # fmt: skip


def signs_of(character: str) -> int:
    """What a character may mean for lines: a sum of signs below 32."""
    found = _BLANK * character.isspace()
    for sign, pattern in ((_BREAK, BREAK), (_ODD, ODD), (_LEAD, _LEADS), (_CONTINUATION, _CONTINUES)):
        found += sign * (pattern.match(character) is not None)
    return found


def odd_places(codes: Codes, signs: npt.NDArray[np.uint8]) -> Ints:
    """Where something may have to be mended: the place of a single character, and of the second of a pair."""
    blank = codes == ord(" ")
    pairs = (blank[:-1] & blank[1:]) | ((signs[:-1] & _LEAD > 0) & (signs[1:] & _CONTINUATION > 0))
    odd = signs & _ODD > 0
    odd[1:] |= pairs
    return np.flatnonzero(odd)


def _count_since(found: Ints, lines: Ints, documents: Ints, starts: Ints) -> Ints:
    """How many of the places found stand between each line and the one before it in its document."""
    until = np.searchsorted(found, lines)
    before = np.concatenate(([0], until[:-1]))
    opens = np.diff(documents, prepend=-1) > 0
    return until - np.where(opens, np.searchsorted(found, starts)[documents], before)


def _holds(found: Ints, starts: Ints, ends: Ints) -> npt.NDArray[np.bool_]:
    return np.searchsorted(found, starts) < np.searchsorted(found, ends)


def _lines_of(raw: str, places: _Places, characters: bool) -> tuple[list[Line], list[Repair]]:
    """The lines of one text, the characters of those mended that are odd."""
    _, starts, ends, breaks, feeds, indents, tabbed, odd = places
    for at in compress(count(), tabbed):
        indents[at] = len(raw[starts[at] - indents[at] : starts[at]].expandtabs(TAB))
    texts = [raw[start:end] for start, end in zip(starts, ends, strict=True)]
    lines = list(map(Line, texts, starts, ends, breaks, feeds, indents, repeat(None)))
    repairs: list[Repair] = []
    empty = set()
    for at in compress(count(), odd):
        mapped, made = _mended(raw, starts[at], ends[at], characters)
        repairs += made
        lines[at] = lines[at]._replace(text=mapped.text, mapped=mapped)
        if not mapped.text:
            empty.add(at)
    return drop_lines(lines, empty) if empty else lines, repairs


def cut_part(raw: str, line: Line, start: int, end: int, characters: bool) -> Line:
    """The part ``start:end`` of a line, its characters mended as in the whole, where they are on record."""
    text, mapped = raw[start:end], None
    if is_odd(text):
        mapped = _mended(raw, start, end, characters)[0]
        text = mapped.text
    return line._replace(text=text, raw_start=start, raw_end=end, mapped=mapped)


def _mended(raw: str, start: int, end: int, characters: bool) -> tuple[Mapped, list[Repair]]:
    mapped = map_text(raw, start, end)
    if not characters:
        return mapped, []
    mapped, repairs = mend_characters(mapped)
    return (Mapped("", []), repairs) if mapped.text == "\u00ad" else (mapped, repairs)


def drop_lines(lines: Sequence[Line], dropped: Container[int]) -> list[Line]:
    """The lines not in ``dropped``, each with the breaks before the dropped lines added to its own."""
    kept: list[Line] = []
    breaks = feeds = 0
    for at, line in enumerate(lines):
        if at in dropped:
            breaks, feeds = breaks + line.breaks, feeds + line.form_feeds
        elif breaks or feeds:
            kept.append(line._replace(breaks=breaks + line.breaks, form_feeds=feeds + line.form_feeds))
            breaks = feeds = 0
        else:
            kept.append(line)
    return kept
