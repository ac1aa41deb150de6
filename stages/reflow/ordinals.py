"""Tell a number with a full stop inside a sentence (date, ordinal, section) from an end of one and an item's mark."""

import json
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

LOOKUP = Path(__file__).parents[1] / "lookups" / "reflow" / "ordinals.json"
# A number with its full stop at the end of a line, behind a word: "am 12.", "Heinrich IV.".
LAST_NUMBER = re.compile(r"(\S+) [(\u201e\u201a]?(\d{1,3}|[IVX]{1,6})\.$")
LAST_SIGNS = frozenset("0123456789IVX")
# The day and the month before a year, and what may follow a day.
DAY_AND_MONTH = re.compile(r"(?:^|\D)\d{1,2}\. ?\d{1,2}\.$")
YEAR = re.compile(r"(?:1\d|20)\d\d(?!\d)")
MONTH_AND_YEAR = re.compile(r"(?:0?[1-9]|1[0-2])\. ?(?:1\d|20)\d\d(?!\d)")


class Words(NamedTuple):
    """What the lookup holds: dates at the start of a line, words behind an ordinal, before one, before a number."""

    date: re.Pattern[str]
    behind: re.Pattern[str]
    before: frozenset[str]
    numbered: frozenset[str]


@cache
def load_words() -> Words:
    """The words that the lookup holds."""
    words = json.loads(LOOKUP.read_text(encoding="utf-8"))
    months = "|".join(words["months"])
    behind = "|".join(words["months"] + words["behind"])
    # A month with a hyphen is a part of a name: "1. Mai-Feier".
    return Words(
        re.compile(rf"\d{{1,2}}\. ?(?:{months})\b(?!-)"),
        re.compile(rf"(?:{behind})\b"),
        frozenset(words["before"]),
        frozenset(words["numbered"]),
    )


def goes_on(text: str, following: str) -> bool:
    """Whether a sentence goes on in the next line at a number that ends this line or begins the next.

    >>> goes_on("Sie tagten am 12.", "3. 2024 im Rathaus."), goes_on("Es gab drei.", "3. Wahl der Prüfer")
    (True, False)
    """
    if text[-1] == "." and text[-2:-1] in LAST_SIGNS and _ends_in_ordinal(text, following):
        return True
    return following[0].isdigit() and _begins_with_ordinal(text, following)


def begins_with_date(text: str) -> bool:
    """Whether a text begins with a day and the name of its month, which is no mark of a list."""
    return text[0].isdigit() and load_words().date.match(text) is not None


def _ends_in_ordinal(text: str, following: str) -> bool:
    match = LAST_NUMBER.search(text[-40:])
    if match is None:
        return False
    words = load_words()
    if match[2].isdigit() and (MONTH_AND_YEAR.match(following) or words.behind.match(following)):
        return True
    if DAY_AND_MONTH.search(text[-8:]) and YEAR.match(following):
        return True
    if following[0].islower():
        return True
    return following[0].isalpha() and match[1].lower() in words.before and match[2].isdigit()


def _begins_with_ordinal(text: str, following: str) -> bool:
    words = load_words()
    last = text[-20:].rpartition(" ")[2]
    if last in words.numbered:
        return True
    number = following.partition(" ")[0]
    if number[-1] != "." or not number[:-1].isdigit():
        return False
    return last.lower() in words.before
