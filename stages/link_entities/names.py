"""Names of organisations, places and other things: their keys, acronyms and short forms."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from stages.link_entities.fold import ENDING, genitives, plain, uninflected

FOLDER = Path(__file__).parents[1] / "lookups"
ARTICLES = frozenset("der die das den dem des the le la les l".split(" "))
ACRONYM = re.compile(r"[A-ZÄÖÜ][A-ZÄÖÜa-z]{0,2}[A-ZÄÖÜ]{1,4}s?|[A-ZÄÖÜ](?:\.[A-ZÄÖÜ])+\.?")
# What stands between two names of one thing: "Twitter (heute X)", "Anna Maier, geborene Huber".
RENAMED = re.compile(
    r"\s?[,(]?\s?(?:(?:der|die|das|heute|früher|frühere[rns]?|vormals|ehemals|ehemalige[rns]?|einst|zuvor|damals|damals noch|jetzt|nun"
    r"|inzwischen|mittlerweile|bis \d{4}|seit \d{4}|geborene[rn]?|geb\.|verheiratete[rn]?|alias|auch|kurz|bekannt als"
    r"|formerly|now|née?|born|aujourd['\u2019]hui|autrefois|ex)[,:]?\s?){1,3}[\"\u201e\u201c\u00bb]?",
)
BRACKET = re.compile(r"\s?\(\s?")


class Lists(NamedTuple):
    """The lists of `lookups/linking/names.json`, folded."""

    aliases: dict[tuple[str, str], str]
    adjectives: dict[str, str]
    legal_forms: frozenset[str]
    short_rests: frozenset[str]
    club_words: frozenset[str]


class Place(NamedTuple):
    """A row of `lookups/places.tsv`: the place that a name means without doubt."""

    geonames_id: int
    country: str
    name: str


@cache
def lists() -> Lists:
    """Read the lists once."""
    data: dict[str, Any] = json.loads((FOLDER / "linking" / "names.json").read_text(encoding="utf-8"))
    aliases = {
        (label, alias): name
        for label in ("LOC", "ORG")
        for name, others in data["aliases"][label].items()
        for alias in others
    }
    sets = (frozenset(data[name]) for name in ("legal_forms", "short_rests", "club_words"))
    return Lists(aliases, data["adjectives"], *sets)


@cache
def places() -> dict[str, Place]:
    """Name -> place, for names that mean one place only."""
    found = {}
    with (FOLDER / "places.tsv").open(encoding="utf-8") as handle:
        for line in handle:
            if not line.startswith(("#", "key\t")):
                key, number, country, name, _ = line.rstrip("\n").split("\t")
                found[key] = Place(int(number), country, name)
    return found


def name_key(text: str, label: str) -> str:
    """The key of a name, by its label: without article and legal form, aliases replaced by the one name.

    >>> name_key("Vereinigten Staaten", "LOC"), name_key("Siemens AG", "ORG"), name_key("U.S.", "LOC")
    ('usa', 'siemens', 'usa')
    """
    words = plain(text).split()
    if len(words) > 1 and words[0] in ARTICLES:
        words = words[1:]
    while label == "ORG" and len(words) > 1 and words[-1] in lists().legal_forms:
        words.pop()
    key = uninflected(" ".join(words))
    return lists().aliases.get((label, key), key)


def origin_key(text: str, label: str) -> str:
    """The key of the place an adjective or an inhabitant is derived from: "russische" gives "russland"."""
    key = plain(text)
    stem = ENDING.sub("", key)
    adjectives = lists().adjectives
    found = adjectives.get(key) or adjectives.get(stem) or adjectives.get(stem.removesuffix("e"))
    return found or name_key(text, label)


def base_forms(key: str, label: str, *, derived: bool) -> list[str]:
    """What a key would be without a genitive -s, and a derived one without the -er of inhabitants ("Wiener")."""
    forms = genitives(key)
    if derived:
        stem = ENDING.sub("", key) if not key.endswith("er") else key
        forms = [*forms, *(stem.removesuffix("er") + tail for tail in ("", "en", "e") if stem.endswith("er"))]
    aliases = lists().aliases
    return [aliases.get((label, form), form) for form in forms if len(form) > 2]


def is_acronym(text: str) -> bool:
    """Whether a name is one word of capitals ("SPD", "BVB", "U.N.")."""
    return ACRONYM.fullmatch(text) is not None


def initials_fit(acronym: str, key: str) -> bool:
    """Whether the letters of an acronym are the first letters of the words of a name, small words left out or not.

    >>> initials_fit("ezb", "europaeisch zentralbank"), initials_fit("dfb", "deutsch fussball bund")
    (False, True)
    """
    words = key.split()
    if len(words) < 2:
        return False
    content = [
        word
        for word in words
        if word not in {"fuer", "und", "der", "die", "des", "von", "of", "and", "the", "de", "du"}
    ]
    return acronym in {"".join(word[0] for word in words), "".join(word[0] for word in content)}


def is_short_form(short: str, full: str) -> bool:
    """Whether an organisation's one-word name may stand for a longer one that came before it.

    The last word may ("Lufthansa" for "Deutsche Lufthansa"), any longer word of a club, and the first one where
    nothing but a word like "Gruppe" follows. "Siemens" is not short for "Siemens Energy".
    """
    words = full.split()
    if len(words) < 2 or short not in words or len(short) < 4:
        return False
    if set(words) & lists().club_words:
        return True
    return words[-1] == short or (words[0] == short and set(words[1:]) <= lists().short_rests)
