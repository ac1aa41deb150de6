"""What a word form shows by itself: its shape, and the lists of places and people it stands in.

The small network was trained on both, so training and run time share this file.
"""

import re
from functools import lru_cache
from itertools import repeat
from pathlib import Path

LEXICON = Path(__file__).parents[2] / "models" / "names_lists" / "lexicon.tsv"
# Latin letters with the accents met in European names; other letters keep their own place in the shape.
UPPER = re.compile(r"[A-Z\u00c0-\u00d6\u00d8-\u00de\u0160\u017d\u0141\u010c]+")
LOWER = re.compile(r"[a-z\u00df-\u00f6\u00f8-\u00ff\u0161\u017e\u0142\u010d\u0107]+")
DIGITS = re.compile(r"\d+")
USUAL = re.compile(
    f"({UPPER.pattern})?({LOWER.pattern})?"
)  # most words: capitals, small letters, or one behind the other


class Lexicon(dict[str, str]):
    """Word -> value, read once from a file with ``value<TAB>word word ...`` lines."""

    @classmethod
    def read(cls, path: Path) -> "Lexicon":
        """Read the file; a missing one is an empty table."""
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        table = cls()
        for value, _, words in (line.partition("\t") for line in lines):
            table.update(zip(words.split(" "), repeat(value)))
        return table


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The lists a lower-cased word stands in: B C G M P places, F L people (see the card)."""
    return Lexicon.read(LEXICON)


def shape(word: str) -> str:
    """Case and digits of a word, runs pressed to one: ``US-Dollar`` is ``X-Xx``.

    >>> shape("Xi-3a")
    'Xx-0x'
    """
    if usual := USUAL.fullmatch(word):
        return ("X" if usual[1] else "") + ("x" if usual[2] else "")
    return DIGITS.sub("0", LOWER.sub("x", UPPER.sub("X", word)))


def listed(word: str) -> str:
    """Marks of the lists a word stands in, also without its genitive s; empty for a lower-case word."""
    if word[:1].islower():
        return ""
    low = word.lower()
    return lexicon().get(low) or (lexicon().get(low[:-1], "") if low.endswith("s") else "")
