"""The office or profession that stands beside a person's name, and the gender it tells."""

import re
from functools import cache, lru_cache

from stages.link_entities.persons import word_lists

BEFORE = 60  # characters read before a mention
AFTER = 60
LONGEST = 30  # letters of a word that are looked at; keeps the search short on any text
# ", der neue Sprecher" or ", Sprecherin der Polizei" right after the name.
APPOSITION = re.compile(
    r"\s?,\s(?:(?:der|die|das|ein|eine|the|a|le|la)\s)?(?:[^\W\d_A-ZÄÖÜ]+e[nrms]?\s)?([^\W\d_][\w-]{3,40})"
)
FEMININE = re.compile(r"(?:innen|in|frau|rätin)$")


@cache
def _head() -> re.Pattern[str]:
    heads = "|".join(sorted(word_lists()["role_heads"], key=len, reverse=True))
    return re.compile(rf"(?:{heads})(?:in|innen|s|es|en|n|e)?\Z")


@lru_cache(maxsize=50_000)
def is_role(word: str) -> bool:
    """Whether a word ends in an office or profession: "US-Vizepräsident", "Sprecherin"."""
    return _head().search(word[-LONGEST:].lower()) is not None


def _last_word(before: str) -> str:
    """The word right before a mention, a comma after it or not; empty where none stands there."""
    word = before.rstrip().rpartition(" ")[2].rstrip(",") if before[-1:].isspace() else ""
    return word if word[:1].isalpha() else ""


def role_beside(before: str, after: str) -> str | None:
    """The office named right before a mention, or in apposition right after it, as written.

    >>> role_beside("Das sagte US-Vizepräsident ", " am Montag")
    'US-Vizepräsident'
    >>> role_beside("Das sagte ", ", die Sprecherin der Polizei.")
    'Sprecherin'
    """
    last = _last_word(before)
    if is_role(last):
        return last
    apposition = APPOSITION.match(after)
    return apposition[1] if apposition and is_role(apposition[1]) else None


def address_before(before: str) -> str:
    """ "f" or "m" where "Frau" or "Herr" stands before a mention, else empty."""
    last = _last_word(before)
    word = last.lower().rstrip(".")
    if word in word_lists()["female"]:
        return "f"
    # "M." is Monsieur; without the full stop it would be an initial or a letter.
    return "m" if word in word_lists()["male"] and (word != "m" or last == "M.") else ""


def role_gender(role: str | None) -> str:
    """ "f" for a role in the feminine, "m" for another German one (with a capital), else empty."""
    if role is None or not role[0].isupper():
        return ""
    return "f" if FEMININE.search(role.lower()) else "m"


def title_role(text: str) -> str | None:
    """The academic role inside a mention that holds a title: "Prof. Hans Mertens"."""
    return "Professor" if text.lower().startswith("prof") else None


def role_stem(role: str) -> str:
    """What two ways to name one office share: the last part of a compound without gender and case."""
    word = role.lower().rsplit("-", 1)[-1]
    word = word_lists()["same_offices"].get(word, word)
    return re.sub(r"(?:innen|in|en|es|s|n|e|r)$", "", word)[-7:]


@cache
def office_stems() -> frozenset[str]:
    """The stems of the offices that make somebody known: a minister, a mayor; not a singer, who may bear any name."""
    return frozenset(role_stem(office) for office in word_lists()["offices"])
