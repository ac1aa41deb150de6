"""Names of persons: their parts, and which given names may belong to one person."""

import json
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from stages.lookups.fold import genitives, given_key, plain, surname_key

LOOKUP = Path(__file__).parents[1] / "lookups" / "linking" / "persons.json"
VOWEL = re.compile("[aeiou]")
LONGEST_GIVEN = 40  # letters; a longer word is no given name that somebody misspelt


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
    if len(first) != len(second) or not 6 <= len(first) <= LONGEST_GIVEN or first[-1] != second[-1]:
        return False
    differing = [(a, b) for a, b in zip(first, second, strict=True) if a != b]
    return len(differing) == 1 and all(map(VOWEL.match, differing[0]))


def merge_given(names: set[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    """Which given names before one surname are one person: the number of its group for each.

    A form that fits two others which do not fit each other ("A." beside "Anna" and "Andreas") stays alone, so
    the result does not depend on any order.
    """
    ordered = sorted(names)
    top = _Forms()
    for name in ordered:
        top.add(name)
    fits = {name: sorted(other for other in top.fitting(name) if other != name) for name in ordered}
    clear = {name for name in ordered if all(compatible(a, b) for a in fits[name] for b in fits[name])}
    group: dict[tuple[str, ...], int] = {}
    groups = 0
    for name in ordered:
        joined = [group[other] for other in fits[name] if other in clear and name in clear and other in group]
        group[name] = joined[0] if joined else groups
        groups += not joined
    return group


class _Forms:
    """Given names by their first part, and below that by the next, so that one meets only those that it fits.

    A surname that thousands bear would otherwise cost millions of comparisons.
    """

    def __init__(self) -> None:
        self.name: tuple[str, ...] | None = None
        self.below: dict[str, _Forms] = {}
        self.filed: dict[str, list[str]] = {}

    def add(self, name: tuple[str, ...]) -> None:
        here = self
        for part in name:
            if part not in here.below:
                here.below[part] = _Forms()
                for drawer in _drawers(part):
                    here.filed.setdefault(drawer, []).append(part)
            here = here.below[part]
        here.name = name

    def fitting(self, name: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        """The names that are `compatible` with this one; of a shorter and a longer one what both have is compared."""
        found = [self]
        for part in name:
            yield from (here.name for here in found if here.name)
            found = [here.below[other] for here in found for other in here.alike(part)]
        while found:
            yield from (here.name for here in found if here.name)
            found = [below for here in found for below in here.below.values()]

    def alike(self, part: str) -> list[str]:
        near = {other for drawer in _drawers_to_open(part) for other in self.filed.get(drawer, ())}
        return [other for other in near if _same_given(part, other)]


def _drawers(part: str) -> set[str]:
    """Where a given name is found: by itself, with any one vowel in it, by its letter, and as an initial."""
    return {part, f"{part[0]}-", f"{part} as initial"} | _one_vowel_open(part)


def _drawers_to_open(part: str) -> set[str]:
    if len(part) == 1:
        return {f"{part}-"}
    pairs = {second for known, second in word_lists()["given_pairs"] if known == part}
    return {part, f"{part[0]} as initial"} | _one_vowel_open(part) | pairs


def _one_vowel_open(part: str) -> set[str]:
    if len(part) > LONGEST_GIVEN:
        return set()
    return {f"{part[:i]}*{part[i + 1 :]}" for i, letter in enumerate(part) if VOWEL.match(letter)}
