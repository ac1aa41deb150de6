"""Names of persons: their parts, and which given names may belong to one person."""

import json
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from stages.link_entities.fold import genitives, given_key, plain, surname_key

LOOKUP = Path(__file__).parents[1] / "lookups" / "linking" / "persons.json"
VOWEL = re.compile("[aeiou]")


class Person(NamedTuple):
    """A person's name in parts, folded. ``given`` is empty where one word stands alone: a surname, most often."""

    given: tuple[str, ...]
    surname: str
    suffix: str
    gender: str

    @property
    def key(self) -> str:
        """Given names, surname and suffix as one string, parted by bars."""
        return f"{' '.join(self.given)}|{self.surname}|{self.suffix}"


@cache
def word_lists() -> dict[str, Any]:
    """The lists of `lookups/linking/persons.json`, as sets; the pairs of given names in both directions."""
    data: dict[str, Any] = json.loads(LOOKUP.read_text(encoding="utf-8"))
    pairs = {tuple(map(given_key, pair)) for pair in data["given_pairs"]}
    sets = {name: frozenset(words) for name, words in data.items() if name not in {"source", "given_pairs"}}
    return sets | {"given_pairs": pairs | {pair[::-1] for pair in pairs}}


@lru_cache(maxsize=100_000)
def parse_person(text: str) -> Person:
    """Take a name apart; titles and forms of address go, their gender stays.

    >>> parse_person("Dr. Ursula von der Leyen")
    Person(given=('ursula',), surname='von der leyen', suffix='', gender='')
    >>> parse_person("J.D. Vance").given, parse_person("Frau Müller").gender, parse_person("Karl-Heinz Graf").given
    (('j', 'd'), 'f', ('karlheinz',))
    """
    lists = word_lists()
    words = [(word, plain(word).replace(" ", "")) for word in text.split()]
    words = [(word, key) for word, key in words if key]
    gender = ""
    while len(words) > 1 and (found := _address(words[0][1], lists)) is not None:
        gender = gender or found
        words = words[1:]
    suffix = words.pop()[1] if len(words) > 1 and words[-1][1] in lists["suffixes"] else ""
    if not words:
        return Person((), plain(text), suffix, gender)
    first = len(words) - 1
    while first > 0 and _is_particle(*words[first - 1], lists, first=first == 1):
        first -= 1
    surname = " ".join(surname_key(key) for _, key in words[first:])
    given = tuple(part for word, key in words[:first] for part in _given_parts(word, key))
    return Person(given, surname, suffix, gender)


def _is_particle(word: str, key: str, lists: dict[str, Any], *, first: bool) -> bool:
    """ "von" in small letters; "De Vries" at the beginning of a sentence has a capital."""
    return key in lists["particles"] and (word[0].islower() or (first and key in lists["leading_particles"]))


def _address(word: str, lists: dict[str, Any]) -> str | None:
    """ "f" or "m" for a form of address, empty for a title, None for a word of the name itself."""
    if word in lists["female"]:
        return "f"
    if word in lists["male"]:
        return "m"
    return "" if word in lists["honorifics"] else None


def _given_parts(word: str, key: str) -> list[str]:
    """Initials written together ("JD", "J.D.") are several given names."""
    letters = [letter for letter in word if letter.isalpha()]
    if 1 < len(letters) <= 3 and all(letter.isupper() for letter in letters):
        return list(key)
    return [given_key(key)]


def without_genitive(person: Person) -> list[Person]:
    """What the name would be if the -s at its end were a genitive."""
    return [person._replace(surname=surname_key(surname)) for surname in genitives(person.surname)]


def compatible(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Whether two given names may be one person's: equal, initials, short forms, one vowel misspelt.

    >>> compatible(("j", "d"), ("james", "david")), compatible(("giorgia",), ("georgia",))
    (True, True)
    >>> compatible(("anna",), ("andreas",)), compatible(("daniel",), ("daniela",)), compatible(("mario",), ("maria",))
    (False, False, False)
    """
    return all(_same_given(a, b) for a, b in zip(first, second, strict=False))


def _same_given(first: str, second: str) -> bool:
    if first == second or (first, second) in word_lists()["given_pairs"]:
        return True
    if len(first) == 1 or len(second) == 1:
        return first[0] == second[0]
    return _one_vowel_apart(first, second)


def _one_vowel_apart(first: str, second: str) -> bool:
    """A misspelling inside a longer name, not the last letter, which tells Mario from Maria."""
    if len(first) != len(second) or len(first) < 6 or first[-1] != second[-1]:
        return False
    differing = [(a, b) for a, b in zip(first, second, strict=True) if a != b]
    return len(differing) == 1 and all(map(VOWEL.match, differing[0]))


def merge_given(names: set[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    """Which given names before one surname are one person: the number of its group for each.

    A form that fits two others which do not fit each other ("A." beside "Anna" and "Andreas") stays alone, so
    the result does not depend on any order.
    """
    ordered = sorted(names)
    nearby = _neighbours(ordered)
    fits = {name: [other for other in nearby[name] if other != name and compatible(name, other)] for name in ordered}
    clear = {name for name in ordered if all(compatible(a, b) for a in fits[name] for b in fits[name])}
    group: dict[tuple[str, ...], int] = {}
    for name in ordered:
        joined = [group[other] for other in fits[name] if other in clear and name in clear and other in group]
        group[name] = joined[0] if joined else len(set(group.values()))
    return group


def _neighbours(names: list[tuple[str, ...]]) -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    """The names that one name can fit at all, by its first part.

    A surname that thousands bear would otherwise cost millions of comparisons.
    """
    filed: dict[str, list[tuple[str, ...]]] = {}
    for name in names:
        for drawer in _drawers(name[0]):
            filed.setdefault(drawer, []).append(name)
    return {
        name: sorted({other for drawer in _drawers_to_open(name[0]) for other in filed.get(drawer, ())})
        for name in names
    }


def _drawers(first: str) -> set[str]:
    """Where a name is found: by itself, by its consonants, by its letter, and as an initial."""
    return {first, VOWEL.sub("*", first), f"{first[0]}-", f"{first} as initial"}


def _drawers_to_open(first: str) -> set[str]:
    if len(first) == 1:
        return {f"{first}-"}
    pairs = {second for known, second in word_lists()["given_pairs"] if known == first}
    return {first, VOWEL.sub("*", first), f"{first[0]} as initial"} | pairs
