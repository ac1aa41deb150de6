"""The name an entity is shown by: a base form, nominative and without a genitive -s, a hyphen or an adjective's ending.

The corpus' own forms come first: of the fullest spellings the one used most that is no inflection of another. Where all
are inflected, what German grammar makes of the last part of the name ("Deutschen Olympischen Sportbundes": masculine).
"""

import json
import re
from functools import cache, lru_cache
from pathlib import Path

from stages.link_entities import names
from stages.link_entities.persons import parse_person
from stages.lookups.fold import ENDING, REMEMBERED, plain, uninflected
from stages.lookups.known_names import lists, places

HEADS = Path(__file__).parents[1] / "lookups" / "linking" / "heads.json"
EDGES = ' -\u2010\u2011\u2013/,;:\u00ab\u00bb\u201e\u201c"('
HYPHENATED = frozenset("-\u2e17")
ISCH = ("ische", "ischen", "ischem", "ischer", "isches")
ENDINGS = {"m": "er", "n": "es", "f": "e", "p": "e"}
OBLIQUE = re.compile(r"(?<=\w{3})(?:en|em|es|er|e)$")
LOST = ("s", "es", "er", "ern", "erin", "n", "e", "en", "'", "\u2019")  # what an inflected form has more than its base
ORDINALS = frozenset({"erst", "zweit", "dritt"})  # small where a text does not take them for part of a name
CONTINENT = "amerika"  # mostly the United States, but not what they are called
SHORTEST_HEAD = 3


@cache
def _heads() -> dict[str, tuple[str, ...]]:
    data = json.loads(HEADS.read_text(encoding="utf-8"))
    return {name: tuple(data[name]) for name in (*ENDINGS, "stems")}


def best_name(label: str, counts: dict[str, int], keys: set[str], bare: set[str]) -> str:
    """The name to show for spellings with their counts; ``keys``: those of the entity, ``bare``: of them base forms.

    Full names before surnames and acronyms, base forms before inflected ones, then what is used most. What the tables
    know by one name is shown by that where a text has it, or where no text has any other name of it.
    """
    lasts = frozenset([form.rpartition(" ")[2] for form in counts]) if len(counts) > 1 else frozenset()

    def rank(form: str) -> tuple[bool, bool, bool, bool, int, int, str]:
        person = parse_person(form) if label == "PER" else None
        numbered = label == "MISC" and form[:1].isdigit()  # "2. Weltkrieg" beside the whole words
        full = bool(person.given) if person else not (numbered or names.is_acronym(form))
        own = {person.key, person.surname} if person else {names.name_key(form, label)}
        known = any(key.startswith("@") for key in own) or not bare or bool(bare & own)
        # "García Márquez" and "Kreisklinik" are no keys of whom or what a document names so after the full name.
        whole = label not in ("PER", "ORG") or not keys.isdisjoint(own)
        return full, _is_base(label, form, lasts), known, whole, counts[form], -len(form), form

    best = max(counts, key=rank) if len(counts) > 1 else next(iter(counts))
    table = _table_name(label, keys)
    if table is not None and (_is_met(table, counts) or _is_no_name(label, best)):
        return table
    return base_form(label, best)


def _is_met(name: str, counts: dict[str, int]) -> bool:
    own = uninflected(plain(name))
    return any(uninflected(plain(form)) == own for form in counts)


def _is_no_name(label: str, form: str) -> bool:
    """Whether a form of a place is a code or an adjective, or means it only mostly."""
    key = plain(form)
    return label == "LOC" and (key in lists().codes or key == CONTINENT or form[:1].islower())


def _table_name(label: str, keys: set[str]) -> str | None:
    if label == "LOC":
        shown = _shown_places()
        return next((shown[key] for key in sorted(keys) if key in shown), None)
    named = lists().shown
    return next((named[label, key] for key in sorted(keys) if (label, key) in named), None)


@cache
def _shown_places() -> dict[str, str]:
    """Key of a place that the tables of countries and exonyms have -> its German name."""
    return {names.name_key(name, "LOC"): name for (label, _), name in reversed(lists().shown.items()) if label == "LOC"}


def _is_base(label: str, form: str, lasts: frozenset[str]) -> bool:
    """Whether a form is no other form of the entity with an ending; ``lasts``: the last words of all its forms."""
    handle = form[:1] == "@" or "_" in form  # "@welt" beside "Welt"
    if form.strip(EDGES) != form or handle or names.joined_again(form) or (label == "LOC" and form[:1].islower()):
        return False
    last = form.rpartition(" ")[2]
    return not any(last.endswith(lost) and last.removesuffix(lost) in lasts for lost in LOST) and not _is_oblique(form)


def _is_oblique(form: str) -> bool:
    return base_form("ORG", form) != form


@lru_cache(REMEMBERED)
def base_form(label: str, form: str) -> str:
    """The nominative of a name, as far as its own parts tell; a name that says nothing stays.

    >>> base_form("ORG", "Europäischen Union"), base_form("ORG", "Deutschen Olympischen Sportbundes")
    ('Europäische Union', 'Deutscher Olympischer Sportbund')
    >>> base_form("ORG", "Vereinten Nationen"), base_form("LOC", "Weißen Hauses"), base_form("ORG", "FPÖ-")
    ('Vereinte Nationen', 'Weißes Haus', 'FPÖ')
    >>> base_form("LOC", "romanischen"), base_form("ORG", "@rponline")
    ('romanisch', '@rponline')
    >>> base_form("ORG", "Berliner Zeitung"), base_form("PER", "Angela Peters")
    ('Berliner Zeitung', 'Angela Peters')
    >>> base_form("ORG", "Grünen"), base_form("ORG", "Freien Wähler")
    ('Grüne', 'Freie Wähler')
    >>> base_form("PER", "ANDREW CABALLERO-REYNOLDS")
    'Andrew Caballero-Reynolds'
    """
    name = form.strip(EDGES) or form
    if name.count("(") > name.count(")"):
        name += ")"  # the model often leaves it out: "Frankfurt (Oder"
    if name.endswith(("'s", "\u2019s", "'", "\u2019")):
        name = re.sub("['\u2019]s?$", "", name)
    joined = names.joined_again(name)
    if joined and (not HYPHENATED.isdisjoint(name) or (label == "LOC" and _is_place(joined))):
        name = joined
    if label == "PER":
        # "Angela Peters" is no genitive; only the corpus can tell. In credits names are in capitals.
        return name.title() if name.isupper() and " " in name else name
    if label == "LOC" and name.endswith("s") and _is_place(name[:-1]) and not _is_place(name):
        return name[:-1]
    words = name.split()
    if len(words) == 1 and label == "MISC" and name.lower().endswith(ISCH):
        return names.IN_ISCH.sub("", name)  # "Lateinischen"
    if label == "ORG" and name in lists().parties_in_plural:
        return name[:-1]  # "Grünen"
    if len(words) == 1 and name.islower() and name[0].isalpha():
        return ENDING.sub("", name)  # an adjective that the model takes for a name: "romanischen"
    return _with_nominative_head(words) or name


def _with_nominative_head(words: list[str]) -> str | None:
    """The words of a name with the first noun whose gender is known, and the adjectives before it, in the nominative.

    None where no word is such a noun.
    """
    place, found = next(((place, found) for place, word in enumerate(words) if (found := _head(word))), (0, None))
    if found is None:
        return None
    head, gender = found
    first = place
    while first > 1 and words[first - 1] in ("und", "&") and words[first - 2].endswith("-"):
        first -= 2  # "Speditions- und Logistikverband"
    noun = [*words[first:place], head]
    end = first
    if first > 1 and not _is_adjective(words[first - 1], gender) and _is_known_adjective(words[first - 2]):
        first -= 1  # "Deutschen Diabetiker Bundes"
        noun, end = [words[first], *noun], first
    while first > 0 and _is_adjective(words[first - 1], gender):
        first -= 1
    adjectives = [OBLIQUE.sub("", adjective) + ENDINGS[gender] for adjective in words[first:end]]
    told = " ".join([*words[:first], *adjectives, *noun, *words[place + 1 :]])
    return told[:1].upper() + told[1:] if adjectives else told


def _is_place(name: str) -> bool:
    return names.known_as(uninflected(plain(name)), "LOC").startswith("@")


@lru_cache(REMEMBERED)
def _head(word: str) -> tuple[str, str] | None:
    """A noun whose gender its last part tells, in the nominative, and the gender; None for any other word."""
    if not word[:1].isupper():
        return None
    for lost in ("", "s", "es", "n"):
        noun = word.removesuffix(lost) if lost else word
        for gender in "fpmn":
            cased = (lost in ("s", "es") and gender in "mn") or (lost == "n" and gender == "p") or not lost
            if cased and (lost == "" or noun != word) and _ends_in(noun.lower(), gender):
                return noun, gender
    return None


def _ends_in(noun: str, gender: str) -> bool:
    return noun.endswith(_long_heads()[gender]) or noun in _heads()[gender]


@cache
def _long_heads() -> dict[str, tuple[str, ...]]:
    """The heads that a word may end in; a shorter one has to be the whole word."""
    return {name: tuple(head for head in heads if len(head) >= SHORTEST_HEAD) for name, heads in _heads().items()}


def _is_known_adjective(word: str) -> bool:
    return word.endswith("en") and word[:-2].lower().endswith(_heads()["stems"])


@lru_cache(REMEMBERED)
def _is_adjective(word: str, gender: str) -> bool:
    """Whether a word before a noun of a gender has an ending that the nominative has not."""
    stem = OBLIQUE.sub("", word)
    ordinal = word[:1].isupper() or stem in ORDINALS
    if stem == word or plain(word) in places() or not ordinal:
        return False
    known = stem.lower().endswith(_heads()["stems"])
    if word.endswith("er"):
        return known and gender in "fp"  # "Berliner" has no other form
    return word.endswith(("en", "em")) or (word.endswith("e") and gender in "mn")
