"""Cut a raw text into its lines that hold text, each with its place in the raw text and the layout around it."""

import re
from collections.abc import Container, Sequence
from typing import NamedTuple

from stages.reflow.characters import Mapped, holds_odd, is_odd, map_text, mend_characters
from stages.reflow.records import Repair

# Everything str.splitlines ends a line at: line feed, vertical tab, form feed, carriage return, file, group and record
# separators, next line, line and paragraph separator.
BREAKS = "\n\x0b\x0c\r\x1c-\x1e\x85\u2028\u2029"
CONTENT = re.compile(f"[^{BREAKS}]+")
BREAK = re.compile(f"\r\n|[{BREAKS}]")
PAGE_GAP = 3
"""So many line breaks in a gap, or a form feed, are a page break and not an empty line."""
FORM_FEED = "\x0c"
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
    lines: list[Line] = []
    repairs: list[Repair] = []
    last = breaks = feeds = 0
    plain = not holds_odd(raw)
    for match in CONTENT.finditer(raw):
        start, end = match.span()
        gap = raw[last:start]
        breaks += 1 if gap == "\n" else len(BREAK.findall(gap))
        feeds += gap.count(FORM_FEED)
        last = end
        content = match.group()
        text = content.strip()
        if not text:
            continue
        first = start + len(content) - len(content.lstrip())
        mapped = None
        if "  " in text or (not plain and is_odd(text)):
            mapped, made = _mended(raw, first, first + len(text), characters)
            repairs += made
            text = mapped.text
            if not text:
                continue
        indent = 0 if first == start else len(raw[start:first].expandtabs(TAB))
        lines.append(Line(text, first, first + len(content.strip()), breaks, feeds, indent, mapped))
        breaks = feeds = 0
    return lines, repairs


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
