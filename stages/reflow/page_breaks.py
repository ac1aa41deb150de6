"""Find what stands at a page break and comes on no other page: feet that say they are one, lines that tear a sentence.

Texts of two pages have one page break, and their head stands there once; the page model has nothing to compare.
"""

import re
from collections.abc import Sequence

from stages.lookups.signs import ENDS, closed_by
from stages.reflow.hyphens import ends_in_hyphen
from stages.reflow.lines import Line
from stages.reflow.notes import CAPTION
from stages.reflow.words import OPEN_ENDED

# A foot that names its page, as the last thing on its line.
PAGED_FOOT = re.compile(r"(?:^| )(?:\[(?:Page|Seite) \d{1,4}\]|(?:Page|Seite) \d{1,4}(?: (?:of|von) \d{1,4})?)$")
YEAR = re.compile(r"\b(?:19|20)\d\d\b")
TERMINAL = closed_by(ENDS + ":")
LAST_WORD = re.compile(r"([^\W\d_]+)$")
# A small letter that marks an item.
MARK = re.compile(r"o |[a-z]\) ")
# The number of a page before its head.
NUMBERED_HEAD = re.compile(r"\d{1,4} +[A-Z\u00c0-\u00de]")
# Lines at a page break that are set apart: at most so many on either side, each at most so long.
DEEPEST, LONGEST = 2, 100
# A line of running text has at least so many characters.
RUNNING = 30


def paged_feet(lines: Sequence[Line]) -> set[int]:
    """Lines before a form feed that end in the page's number and its word, with the dated head that they meet.

    Both are set apart by empty lines, and the head has wide gaps between its parts.
    """
    found: set[int] = set()
    for at in range(1, len(lines)):
        if not lines[at].form_feeds or lines[at - 1].breaks < 2 or not PAGED_FOOT.search(lines[at - 1].text):
            continue
        found.add(at - 1)
        apart = at + 1 < len(lines) and lines[at + 1].breaks > 1
        if apart and lines[at].mapped is not None and YEAR.search(lines[at].text):
            found.add(at)
    return found


def find_torn(lines: Sequence[Line]) -> list[tuple[int, int]]:
    """The first and the end of the lines at each page break that stand inside a sentence.

    They are set apart by an empty line, and the sentence goes on behind them. Captions have rules of their own.
    """
    places = [at for at in range(1, len(lines)) if lines[at].form_feeds]
    return [span for at in places for span in _torn_at(lines, at)]


def _torn_at(lines: Sequence[Line], at: int) -> list[tuple[int, int]]:
    """The head below this page break, the foot above it, or both, whichever is the least that heals a sentence."""
    numbered = at + 1 < len(lines) and lines[at + 1].breaks > 1 and NUMBERED_HEAD.match(lines[at].text) is not None
    if not numbered and _goes_on(lines[at - 1].text, lines[at].text):
        return []
    heads = [end for end in range(at + 1, at + 1 + DEEPEST) if end < len(lines) and lines[end].breaks > 1][:1]
    feet = [start for start in range(at - 1, at - 1 - DEEPEST, -1) if start > 0 and lines[start].breaks > 1][:1]
    spans = [(at, end) for end in heads] + [(start, at) for start in feet]
    spans += [(start, end) for start in feet for end in heads]
    return [span for span in spans if _tears(lines, *span)][:1]


def _tears(lines: Sequence[Line], start: int, end: int) -> bool:
    inside = [line.text for line in lines[start:end]]
    if any(len(text) > LONGEST or ends_in_hyphen(text) or CAPTION.match(text) for text in inside):
        return False
    # Before a noun an open end alone says little: lines that close a sentence are then the rest of this one.
    if not lines[end].text[0].islower() and TERMINAL.search(inside[-1][-12:]):
        return False
    return not inside[0][0].islower() and _goes_on(lines[start - 1].text, lines[end].text)


def _goes_on(text: str, following: str) -> bool:
    """Whether a sentence of running text goes on in the line that follows."""
    if len(text) < RUNNING or TERMINAL.search(text[-12:]):
        return False
    last = LAST_WORD.search(text[-40:])
    if MARK.match(following):
        return False
    return following[0].islower() or (last is not None and last[1] in OPEN_ENDED)
