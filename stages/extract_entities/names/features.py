"""Words of a sentence -> the features the CRF was trained on. Training and run time share this file.

Every feature of a word depends on the word form alone, once for each place in the window of five; so each form is
looked at once and remembered, and a sentence is put together from remembered lists.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, repeat
from pathlib import Path

LEXICON = Path(__file__).parents[2] / "models" / "names_crf" / "lexicon.tsv"
# Latin letters with the accents met in European names; other letters keep their own place in the shape.
UPPER = re.compile(r"[A-Z\u00c0-\u00d6\u00d8-\u00de\u0160\u017d\u0141\u010c]+")
LOWER = re.compile(r"[a-z\u00df-\u00f6\u00f8-\u00ff\u0161\u017e\u0142\u010d\u0107]+")
DIGITS = re.compile(r"\d+")
USUAL = re.compile(
    f"({UPPER.pattern})?({LOWER.pattern})?"
)  # most words: capitals, small letters, or one behind the other
LONGEST_FORM = 60  # a longer form is an address or debris; its head and tail say enough


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


def form_features(word: str) -> tuple[list[str], list[str]]:
    """Return (features of the word itself, features it lends to its neighbours), without the window place."""
    low, kind, marks = word.lower(), shape(word), listed(word)
    near = ["w=" + low, "s=" + kind, "e=" + low[-3:]]
    near += ["g=" + marks] if marks else []
    own = [*near, *("p=" + low[:n] for n in (1, 2, 3, 4, 5)), *("e=" + low[-n:] for n in (1, 2, 4, 5, 6))]
    own += ["m=" + mark for mark in marks]
    if "-" in word[1:-1]:
        head, _, tail = word.rpartition("-")
        first = word.partition("-")[0]
        own += ["hh=" + head.lower(), "hf=" + first.lower(), "ht=" + tail.lower()[-5:], "hs=" + shape(tail)]
        own += ["hg=" + (listed(head) or listed(first)), "hc="]
    return own, near


class FormCache(dict[str, tuple[list[str], ...]]):
    """Word form -> its features for the places 0, -1, +1, -2, +2 of the window. Emptied when it grows too large."""

    LIMIT = 50_000

    def __missing__(self, word: str) -> tuple[list[str], ...]:
        if len(self) >= self.LIMIT:
            self.clear()
        form = word if len(word) <= LONGEST_FORM else word[:40] + word[-20:]
        own, near = form_features(form)
        far = [feature for feature in near if feature[0] in "ws"]
        places = (own, *([f"{place:+d}{f}" for f in fs] for place, fs in ((-1, near), (1, near), (-2, far), (2, far))))
        self[word] = (*places, [shape(form)])
        return self[word]


_CACHE = FormCache()
_EDGE = [[], ["-1^"], ["+1$"], [], [], ["^"]]


def sentence_features(words: Sequence[str]) -> list[list[str]]:
    """Return the feature names of each word of one sentence, in order."""
    forms = [_EDGE, _EDGE, *(_CACHE[word] for word in words), _EDGE, _EDGE]
    return [
        list(
            chain(
                forms[i][0],
                forms[i - 1][1],
                forms[i + 1][2],
                forms[i - 2][3],
                forms[i + 2][4],
                ("ss=" + forms[i - 1][5][0] + "|" + forms[i][5][0], "st=" + forms[i][5][0] + "|" + forms[i + 1][5][0]),
            )
        )
        for i in range(2, len(words) + 2)
    ]
