"""Decide what becomes of a hyphen at the end of a line."""

import re
from enum import IntEnum

from stages.reflow.characters import SOFT_HYPHEN

NOT_SIGN, HYPHEN, DOUBLE_OBLIQUE = "\u00ac", "\u2010", "\u2e17"
# Printed for a break alone; a word's own hyphen is never one of them.
BREAK_ONLY = {SOFT_HYPHEN, NOT_SIGN, DOUBLE_OBLIQUE}
LINE_HYPHENS = {"-", HYPHEN, "\u2011", *BREAK_ONLY}
# Conjunctions after a suspended hyphen: "klein- und", "short- or", "moyen- et", "noord- en".
SUSPENDED = {
    "und", "oder", "bis", "sowie", "bzw.", "noch", "wie", "als", "statt", "u.",
    "and", "or", "to", "nor", "et", "ou", "en", "of",
}  # fmt: skip
EDGE_WORD = re.compile(r"[^\W\d_]+$")
FIRST_WORD = re.compile(r"[^\W_]+")
TOKEN = re.compile(r"[^\W_]+(?:[-\u2010\u2011][^\W_]+)*")


class Join(IntEnum):
    """How two lines of one block are put together."""

    SPACE = 0
    REMOVE = 1
    KEEP = 2
    KEEP_SPACE = 3
    GLUE = 4
    """No space and nothing dropped: after a dash or slash that closes up."""


class Vocabulary:
    """The words of one document as it is written inside lines: joined words and hyphenated ones."""

    def __init__(self, text: str) -> None:
        self.words = set(TOKEN.findall(text.lower()))


def ends_in_hyphen(text: str) -> bool:
    """Whether a line ends in a hyphen that hangs on a letter or digit."""
    return len(text) > 1 and text[-1] in LINE_HYPHENS and text[-2].isalnum()


def decide_hyphen(left: str, right: str, vocabulary: Vocabulary, break_only: bool) -> Join:
    """What to do between a line ending in a hyphen and the next; ``break_only`` says the document marks its breaks otherwise.

    A hyphen made for breaks is removed. A word before "und", "or" ... keeps it, with a space. Before a capital or a digit it
    stays ("Caballero-" "Reynolds", "30-" "tägig"); otherwise the document's own words decide, and last it is removed.
    """
    head, tail = left[:-1].rpartition(" ")[2], right.partition(" ")[0]
    first = FIRST_WORD.match(tail)
    if left[-1] in BREAK_ONLY:
        return Join.REMOVE
    if tail.lower() in SUSPENDED and tail.islower() and not _seen(head + tail, vocabulary):
        return Join.KEEP_SPACE
    if first is None:
        return Join.SPACE
    if break_only or _keeps(head, first.group()):
        return Join.KEEP
    if _seen(f"{head}-{first.group()}", vocabulary):
        return Join.KEEP
    return Join.REMOVE


def _keeps(head: str, tail: str) -> bool:
    """A capital or digit after the hyphen, or an abbreviation or digit before it, means that the word has it."""
    if not tail[0].islower():
        # Text set in capitals throughout breaks like any other.
        return not (len(tail) > 1 and tail.isupper() and head.isupper() and len(head) > 2)
    last = EDGE_WORD.search(head.rpartition("-")[2][-40:])
    return head[-1:].isdigit() or (last is not None and len(last.group()) > 1 and last.group().isupper())


def _seen(word: str, vocabulary: Vocabulary) -> bool:
    match = TOKEN.search(word.lower())
    return match is not None and match.group() in vocabulary.words
