"""The office or profession that stands beside a person's name, and the gender it tells."""

import re
from functools import cache, lru_cache

from stages.link_entities.persons import word_lists

NEAR = 60  # characters before a mention, after it, or between two, that are looked at
LONGEST = 30  # letters of a word that are looked at; keeps the search short on any text
# ", der neue Sprecher" or ", Sprecherin der Polizei" right after the name.
APPOSITION = re.compile(
    r"\s?,\s(?:(?:der|die|das|ein|eine|the|a|le|la)\s)?(?:[^\W\d_A-ZÄÖÜ]+e[nrms]?\s)?([^\W\d_][\w-]{3,40})"
)
# After a name that an office and a comma stand before: "der Trainer, Max Huber (SPD), kommt".
CLOSED = re.compile(r"(?:\s\([^()]{1,40}\))?,")
# A word of an academic degree: "Dr.", "Dr.-Ing.", "h.c.".
ELIDED = re.compile("^[DdLl]['\u2019](?=[^\\W\\d_])")  # "l'ex-maire"
DEGREE = re.compile(r"(?:[^\W\d_]+\.-?)+")
FEMININE = re.compile(r"(?:innen|in|frau|rätin)$")


@cache
def _head() -> re.Pattern[str]:
    heads = "|".join(sorted(word_lists()["role_heads"], key=len, reverse=True))
    return re.compile(rf"(?:{heads})(?:in|innen|s|es|en|n|e)?\Z")


@lru_cache(maxsize=5_000)
def is_role(word: str) -> bool:
    """Whether a word ends in an office or profession: "US-Vizepräsident", "Sprecherin", "UBS-CEO"."""
    return _head().search(word[-LONGEST:].lower()) is not None or _last_part(word) in word_lists()["short_offices"]


def _last_part(word: str) -> str:
    return word.rpartition("-")[2]


def word_before(text: str, start: int) -> str:
    """The word right before a mention and its academic degrees; empty where none stands there.

    A comma behind it stays where no article or other small word shows that the name is in apposition. What stands in
    another block (parted by a blank line) says nothing about the name.

    >>> text = "Bürgermeisterin Dr. h. c. Anna Huber"
    >>> word_before(text, text.index("Anna"))
    'Bürgermeisterin'
    """
    if not text[start - 1 : start].isspace():
        return ""
    before = text[max(0, start - NEAR) : start].rpartition("\n\n")[2].rstrip()
    rest, _, word = before.rpartition(" ")
    while word.endswith(".") and rest and _is_degree(word):
        rest, _, word = rest.rstrip().rpartition(" ")
    word = ELIDED.sub("", word)
    before = rest.rpartition(" ")[2]
    if before.islower():
        word = word.rstrip(",")  # "der neue Trainer, Max Huber": no list of who becomes what
    elif before in word_lists()["role_modifiers"]:
        word = f"{before} {word}"  # "Prime Minister"
    return word if word[:1].isalpha() else ""


@lru_cache(maxsize=1_000)
def _is_degree(word: str) -> bool:
    parts = re.split("[.-]+", word.lower().strip(".-"))
    return DEGREE.fullmatch(word) is not None and word_lists()["degrees"].issuperset(parts)


def role_beside(last: str, text: str, end: int) -> str | None:
    """The office named right before a mention (``last``: `word_before`), or in apposition right after it, as written.

    After an office with a comma (without an article before it) another comma has to close the name.

    >>> role_beside("US-Vizepräsident", "Vance am Montag", 5)
    'US-Vizepräsident'
    >>> role_beside("sagte", "Huber, die Sprecherin der Polizei.", 5)
    'Sprecherin'
    """
    office = last.rstrip(",")
    if is_role(office) and (office == last or CLOSED.match(text, end, end + NEAR)):
        return office
    apposition = APPOSITION.match(text, end, end + NEAR)
    return apposition[1] if apposition and is_role(apposition[1]) else None


@lru_cache(maxsize=5_000)
def address(last: str) -> str:
    """ "f" or "m" where the word before a mention is "Frau" or "Herr", else empty."""
    word = last.lower().rstrip(".,")
    if word in word_lists()["female"]:
        return "f"
    # "M." is Monsieur; without the full stop it would be an initial or a letter.
    return "m" if word in word_lists()["male"] and (word != "m" or last == "M.") else ""


def role_gender(role: str | None) -> str:
    """ "f" for a role in the feminine, "m" for another German one (with a capital), else empty; "CEO" tells nothing."""
    if role is None or not role[0].isupper() or _last_part(role) in word_lists()["short_offices"]:
        return ""
    return "f" if FEMININE.search(role.lower()) else "m"


def title_role(text: str) -> str | None:
    """The academic role inside a mention that holds a title: "Prof. Hans Mertens"."""
    return "Professor" if text[:4].lower() == "prof" else None


@lru_cache(maxsize=5_000)
def role_stem(role: str) -> str:
    """What two ways to name one office share: the last part of a compound without gender and case."""
    word = role.lower().rsplit("-", 1)[-1]
    word = word_lists()["same_offices"].get(word, word)
    return re.sub(r"(?:innen|in|en|es|s|n|e|r)$", "", word)[-7:]


@cache
def office_stems() -> frozenset[str]:
    """The stems of the offices that make somebody known: a minister, a mayor; not a singer, who may bear any name."""
    return frozenset(role_stem(office) for office in word_lists()["offices"])
