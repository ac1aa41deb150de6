"""Decide at which gaps between lines a new block begins."""

import re
from typing import Literal

from stages.reflow.hyphens import ends_in_hyphen
from stages.reflow.lines import Line
from stages.reflow.words import OPEN_ENDED

Form = Literal["separate", "unwrapped", "wrapped"]

# Closes a sentence: full stop, question and exclamation mark, ellipsis, colon, with quotation marks or brackets after it.
TERMINAL = re.compile("[.!?\u2026:][\"'\u2018-\u201f\u00bb\u00ab\u203a\u2039)\\]]*$")
LAST_WORD = re.compile(r"([^\W\d_]+)$")
PAGE_GAP = 3
# A file whose lines run longer than this was not wrapped to a column: letters never come that wide.
WIDEST_COLUMN = 200
# Of the lines, so many must fill the column before line ends count as made by wrapping.
FILLED = 0.35
NEARLY = 0.85
# Of double-spaced lines, so many run on: no end of sentence, and the next begins small.
RUNNING = 0.4


def text_form(lines: list[Line]) -> Form:
    """Whether the text comes in separate lines (an empty line in every gap), unwrapped, or wrapped to a column.

    Separate lines are what reflow itself writes; they are left as they are.
    """
    if all(line.breaks > 1 and not line.form_feeds for line in lines[1:]):
        return "separate"
    column = column_width(lines)
    if column > WIDEST_COLUMN:
        return "unwrapped"
    filled = sum(_fills(a.text, b.text, column) for a, b in zip(lines, lines[1:], strict=False))
    return "wrapped" if filled >= FILLED * (len(lines) - 1) or len(lines) < 4 else "unwrapped"


def column_width(lines: list[Line]) -> int:
    """The width in characters that nine lines in ten keep within."""
    widths = sorted(len(line.text) for line in lines)
    return widths[(len(widths) * 9) // 10] if widths else 0


def begins_block(lines: list[Line]) -> list[bool]:
    """For each line, whether a block begins with it, by rules: the last line's room, the gap, case and words."""
    if text_form(lines) != "wrapped":
        return [True] * len(lines)
    column = column_width(lines)
    return [True] + [_begins(a, b, column) for a, b in zip(lines, lines[1:], strict=False)]


def double_spaced(texts: list[str]) -> bool:
    """Whether these are the lines of one wrapped text with an empty line in every gap: most run on into the next."""
    if len(texts) < 8 or max(map(len, texts)) > WIDEST_COLUMN:
        return False
    running = sum(b[0].islower() and TERMINAL.search(a[-12:]) is None for a, b in zip(texts, texts[1:], strict=False))
    return running > RUNNING * len(texts)


def begins_spaced(texts: list[str]) -> list[bool]:
    """For each line of a double-spaced text, whether a block begins with it; read from the texts alone."""
    column = sorted(map(len, texts))[(len(texts) * 9) // 10]
    return [True] + [
        not _runs_on(a, b) and not _overflows(a, b, column) for a, b in zip(texts, texts[1:], strict=False)
    ]


def _begins(last: Line, line: Line, column: int) -> bool:
    if _runs_on(last.text, line.text):
        return False
    full = _overflows(last.text, line.text, column)
    if line.breaks > 1:
        return _terminal(last.text) or not full or line.breaks < PAGE_GAP
    return not full


def _runs_on(text: str, following: str) -> bool:
    if ends_in_hyphen(text):
        return True
    last = LAST_WORD.search(text[-40:])
    open_ended = text.endswith(",") or (last is not None and last.group(1) in OPEN_ENDED)
    return open_ended or (following[0].islower() and not _terminal(text))


def _terminal(text: str) -> bool:
    return TERMINAL.search(text[-12:]) is not None


def _overflows(text: str, following: str, column: int) -> bool:
    return len(text) + 1 + len(following.split(" ", 1)[0]) > column


def _fills(text: str, following: str, column: int) -> bool:
    return len(text) >= NEARLY * column or _overflows(text, following, column)
