"""Tell lines that name the authors: "Von Karla Blum", "Text: Jonas Wirth", and bare names below a title."""

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from stages.lookups.fold import given_key, plain
from stages.lookups.known_names import given_names

LOOKUP = Path(__file__).parents[1] / "lookups" / "reflow" / "kinds.json"
# A name has so many words, a line of names is so long at most. Bare names stand so near to the title, before a block
# that is as long as running text.
FEWEST, MOST, LONGEST = 2, 5, 110
REACH, RUNNING = 40, 160
# A word of a name, in capitals or not, or an initial.
WORD = re.compile(r"[A-Z\u00c0-\u00d6\u00d8-\u00de][\w'\u2019-]*|(?:[A-Z\u00c0-\u00d6\u00d8-\u00de]\.-?)+")
INITIAL = re.compile(r"(?:[^\W\d_]\.-?)+")
ARTICLES = frozenset({"Der", "Die", "Das", "Ein", "Eine", "The", "Le", "La", "Les"})
PARTICLES = frozenset({"von", "van", "de", "der", "den", "del", "di", "da", "du", "la", "le", "zu", "zur", "vom"})
TITLES = frozenset({"dr.", "prof.", "mag.", "dr", "prof", "phil."})
BETWEEN = re.compile(r" ?[;/&] ?|,? (?:und|and|et|en) |, ")
# What may hang on a name: the number of its institution.
BEHIND = re.compile(r" ?(?:\d{1,2}|[*\u2020\u2021])(?:,\d{1,2})*$")
# Where they wrote it, behind their names.
PLACE = re.compile(r",? (?:in )?[A-Z\u00c0-\u00de][\w/-]+$|, [A-Z\u00c0-\u00de][\w/-]+ [A-Z\u00c0-\u00de][\w/-]+$")


class Openings(NamedTuple):
    """How bylines begin: any that no heading does, a preposition with names, a word with colon and names.

    ``institutions``: how words end that stand in no name of a person.
    """

    loose: re.Pattern[str]
    by: re.Pattern[str]
    named: re.Pattern[str]
    institutions: tuple[str, ...]


@cache
def load_openings() -> Openings:
    """The patterns, from the words that the lookup holds."""
    words = json.loads(LOOKUP.read_text(encoding="utf-8"))
    opening, by = ("|".join(map(re.escape, words[key])).replace("\\ ", " ") for key in ("bylines", "by"))
    return Openings(
        # Full names only after a single word, as "Von" opens headings too.
        re.compile(f"(?:{opening})\\b.{{0,60}}|(?:{by})(?: [A-Z\u00c0-\u00de][\\w.'\u2019-]*){{2,5}}"),
        re.compile(f"(?i:{by}):? (?=\\S)"),
        re.compile(f"(?:{opening})(?:(?<=by) |(?: (?:und|&|and|et) \\w+)?: ?)"),
        tuple(words["institutions"]),
    )


def opens_as_byline(text: str) -> bool:
    """Whether a text begins as a byline does and a heading does not."""
    return load_openings().loose.fullmatch(text) is not None


def find_bylines(texts: Sequence[str], kinds: Sequence[str]) -> list[int]:
    """Which blocks name the authors; ``kinds`` are those of the blocks so far, with the title.

    Behind "Von" or "By" the names of persons are known, or stand right below a title or heading; without such a word
    they are known and stand between the title and the text.
    """
    short = [at for at, text in enumerate(texts) if len(text) <= LONGEST and kinds[at] in ("paragraph", "heading")]
    found = {at for at in short if _is_byline(texts[at], at > 0 and kinds[at - 1] in ("title", "heading"))}
    return sorted(found | set(_below_title(texts, kinds)))


def _is_byline(text: str, below_heading: bool) -> bool:
    openings = load_openings()
    if match := openings.by.match(text):
        rest = text[match.end() :]
        names = _names(rest) or _names(PLACE.sub("", rest))
        return bool(names) and (below_heading or any(map(_is_known, names)))
    match = openings.named.match(text)
    return match is not None and bool(_names(text[match.end() :]))


def _below_title(texts: Sequence[str], kinds: Sequence[str]) -> list[int]:
    """Bare names between the title and the first block of running text; none where no running text follows."""
    end = next((at for at, text in enumerate(texts[:REACH]) if at and len(text) > RUNNING), 0)
    if not end or kinds[0] != "title":
        return []
    return [at for at in range(1, end) if kinds[at] in ("paragraph", "heading") and _are_persons(texts[at])]


def _are_persons(text: str) -> bool:
    """Whether a text is nothing but names that begin with known given names, or one turned about ("Blum, Karla")."""
    if len(text) > LONGEST:
        return False
    names = _names(text)
    if names and all(map(_is_known, names)):
        return True
    surname, comma, given = BEHIND.sub("", text).partition(", ")
    return bool(comma) and bool(_names(f"{given} {surname}")) and _is_known(given)


def _names(text: str) -> list[str]:
    """The names that a text is made of, or none where anything else stands in it."""
    names = [BEHIND.sub("", name) for name in BETWEEN.split(text.rstrip("."))]
    if not all(map(_is_name, names)):
        return []
    words = text.lower().replace("-", " ").split()
    return [] if any(word.endswith(load_openings().institutions) for word in words) else names


def _is_name(text: str) -> bool:
    words = [word for word in text.split(" ") if word.lower() not in TITLES]
    upper = [word for word in words if word not in PARTICLES]
    right = FEWEST <= len(words) <= MOST and len(upper) >= FEWEST and words[-1] not in PARTICLES
    # "I. Der Fall" is a chapter.
    numbered = right and INITIAL.fullmatch(words[0]) is not None and words[1] in ARTICLES
    return right and not numbered and all(map(WORD.fullmatch, upper)) and not INITIAL.fullmatch(words[-1])


def _is_known(name: str) -> bool:
    """Whether the name begins with a given name that is known, or an initial."""
    first = next((word for word in name.split(" ") if word.lower() not in TITLES), "")
    given = plain(first.partition("-")[0]).lower()
    return INITIAL.fullmatch(first) is not None or given_key(given) in given_names()
