"""Put back hyphens that an extractor swallowed: "USPräsident" was "US-Präsident".

Only known abbreviations before nouns that German texts have are parted; a name like "LaTeXVorlage" or "GmbHAnteil"
stays as it is.
"""

import json
import re
from functools import cache
from pathlib import Path

from stages.reflow.characters import Mapped
from stages.reflow.records import Repair
from stages.reflow.vocabulary import word_levels

LOOKUP = Path(__file__).parents[1] / "lookups" / "reflow" / "lost_hyphens.json"
NOUN = "[A-ZÄÖÜ][a-zäöüß]{3,}"
ENDINGS = ("s", "es", "n", "en", "e", "er", "in", "innen")
FEWEST = 2  # step of frequency from which on a word is no accident


@cache
def _lookup() -> tuple[re.Pattern[str], tuple[str, ...]]:
    """Where a known abbreviation and a capitalised word stand together, and how nouns begin that may follow."""
    data = json.loads(LOOKUP.read_text(encoding="utf-8"))
    # Of UN and UNO the longer one.
    known = "|".join(sorted(data["abbreviations"], key=len, reverse=True))
    return re.compile(rf"(?<![^\W_])(?:{known})(?={NOUN})"), tuple(data["nouns"])


@cache
def _is_noun(word: str) -> bool:
    """Whether a word begins like a known noun, or German texts have it, or it without its ending, often enough."""
    forms = {word, *(word.removesuffix(ending) for ending in ENDINGS)}
    return word.startswith(_lookup()[1]) or max(word_levels([f"de:{form.lower()}" for form in forms])) >= FEWEST


def lost_places(text: str) -> list[int]:
    """Where a hyphen was lost: between a known abbreviation and a noun."""
    places = [match.end() for match in _lookup()[0].finditer(text)]
    return [at for at in places if (noun := re.match(NOUN, text[at:])) and _is_noun(noun[0])]


def restore_hyphens(line: Mapped) -> tuple[Mapped, list[Repair]]:
    """The text with each such hyphen set, and a repair for each; the new hyphens have no raw offset.

    >>> restore_hyphens(Mapped("Der USPräsident", list(range(15))))[0].text
    'Der US-Präsident'
    """
    places = lost_places(line.text)
    text, offsets = line.text, list(line.offsets)
    repairs = []
    for at in reversed(places):
        start, end = text.rfind(" ", 0, at) + 1, (text.find(" ", at) + 1 or len(text) + 1) - 1
        known = [offset for offset in offsets[start:end] if offset >= 0]
        after = f"{text[start:at]}-{text[at:end]}"
        repairs.append(Repair("lost_hyphen", known[0], known[-1] + 1, text[start:end], after))
        text, offsets = f"{text[:at]}-{text[at:]}", [*offsets[:at], -1, *offsets[at:]]
    return Mapped(text, offsets), repairs[::-1]
