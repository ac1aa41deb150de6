"""Names of persons: their parts, and which given names may belong to one person."""

import json
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from stages.link_entities.names import joined_again
from stages.lookups.fold import REMEMBERED, genitives, given_key, plain, surname_key
from stages.lookups.known_names import common_surnames, given_names

LOOKUP = Path(__file__).parents[1] / "lookups" / "linking" / "persons.json"
VOWEL = re.compile("[aeiou]")
REGNAL = "*"  # stands for the given name of one who is named by number: "Joseph II." is nobody else
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
    sets = {
        name: frozenset(words) for name, words in data.items() if name not in {"source", "given_pairs", "same_offices"}
    }
    sets["short_given"] = frozenset(given_key(short) for short, _ in data["given_pairs"] if " " not in short)
    both = pairs | {pair[::-1] for pair in pairs}
    return sets | {"given_pairs": both, "same_offices": dict(data["same_offices"])}


@lru_cache(REMEMBERED)
def parse_person(text: str) -> Person:
    """Take a name apart; titles and forms of address go, their gender stays.

    >>> parse_person("Dr. Ursula von der Leyen")
    Person(given=('ursula',), surname='von der leyen', suffix='', gender='')
    >>> parse_person("J.D. Vance").given, parse_person("Frau Müller").gender, parse_person("Karl-Heinz Graf").given
    (('j', 'd'), 'f', ('karlheinz',))
    >>> parse_person("Joseph II.").key, parse_person("Xi Jinping").surname, parse_person("Doe, John").key
    ('*|joseph|ii', 'xi', 'john|doe|')
    """
    lists = word_lists()
    text = joined_again(text) or text
    words = [(word, plain(word).replace(" ", "")) for word in _surname_last(text).split()]
    words = [(word, key) for word, key in words if key]
    gender = ""
    while len(words) > 1 and (found := _address(words[0][1], lists)) is not None:
        gender = gender or found
        words = words[1:]
    suffix = words.pop()[1] if len(words) > 1 and _is_suffix(*words[-1], lists) else ""
    if not words:
        return Person((), plain(text), suffix, gender)
    if len(words) == 1 and suffix in lists["numerals"]:
        return Person((REGNAL,), surname_key(words[0][1]), suffix, gender)
    words = _eastern_order(words, lists)
    first = len(words) - 1
    while first > 0 and _is_particle(*words[first - 1], lists):
        first -= 1
    surname = " ".join(["von" if word == "v." else surname_key(key) for word, key in words[first:]])
    given = tuple([part for word, key in words[:first] for part in _given_parts(word, key)])
    return Person(given, surname, suffix, gender)


def _surname_last(text: str) -> str:
    """ "Doe, John" is "John Doe"; a comma before anything but given names stays."""
    surname, comma, given = text.partition(", ") if "," in text else (text, "", "")
    known = given and all(given_key(plain(word).replace(" ", "")) in given_names() for word in given.split())
    return f"{given} {surname}" if comma and known else text


def _is_suffix(word: str, key: str, lists: dict[str, Any]) -> bool:
    """ "Jr.", or a Roman number in capitals."""
    return key in lists["suffixes"] or (key in lists["numerals"] and word.rstrip(".").isupper())


def _eastern_order(words: list[tuple[str, str]], lists: dict[str, Any]) -> list[tuple[str, str]]:
    """Surname last also in names that have it first: "Xi Jinping", "Kim Jong-un", "Pohl Robert"."""
    if len(words) not in (2, 3):
        return words
    (first, key), last = words[0], words[-1]
    eastern = key in lists["eastern_surnames"] and last[1] not in common_surnames()
    turned = eastern and (len(words) == 3 or _has_syllables(last[0]) or not is_given(key)) and not is_given(last[1])
    listed = len(words) == 2 and is_given(last[1]) and last[1] not in common_surnames() and _is_no_given(first, key)
    return [*words[1:], words[0]] if turned or (listed and key in common_surnames()) else words


def _has_syllables(word: str) -> bool:
    return re.search(r"\w-[a-z]", word) is not None


def is_given(key: str) -> bool:
    """Whether a folded word is a given name, by the lists."""
    return given_key(key) in given_names()


def is_no_surname(key: str) -> bool:
    """Whether a folded word is a given name, and no surname of the East ("Kim")."""
    return is_given(key) and key not in word_lists()["eastern_surnames"]


def _is_no_given(word: str, key: str) -> bool:
    """Whether a word is no given name, by the lists: none of an initial, a particle or a part with a hyphen."""
    return len(key) > 2 and "-" not in word and not is_given(key) and key not in word_lists()["particles"]


def more_given(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Whether one has another given name, spelt out ("Napoleon Franz Bonaparte"); a middle initial may be left out.

    >>> more_given(("napoleon",), ("napoleon", "franz")), more_given(("george",), ("george", "w"))
    (True, False)
    """
    shorter, longer = sorted((first, second), key=len)
    return any(len(given) > 1 for given in longer[len(shorter) :])


def says_little(given: tuple[str, ...]) -> bool:
    """Whether given names are one initial or one short form, which many others have as well ("H.", "Hans")."""
    return len(given) == 1 and (len(given[0]) == 1 or given[0] in word_lists()["short_given"])


def is_unsure(given: tuple[str, ...], surname: str) -> bool:
    """Whether a full name may be two names side by side: one word before the surname, and that no given name.

    >>> is_unsure(("nishikori",), "berdych"), is_unsure(("tomas",), "berdych"), is_unsure(("j", "d"), "vance")
    (True, False, False)
    """
    return len(given) == 1 and given[0] != REGNAL and surname != "" and _is_no_given(given[0], given[0])


def _is_particle(word: str, key: str, lists: dict[str, Any]) -> bool:
    """ "von" in small letters; "De Vries" at the beginning of a sentence has a capital, "Robert De Niro" as well."""
    if key == "v":
        return word == "v."
    return key in lists["particles"] and (word[0].islower() or key in lists["leading_particles"])


def _address(word: str, lists: dict[str, Any]) -> str | None:
    """ "f" or "m" for a form of address, empty for a title, None for a word of the name itself."""
    if word in lists["female"]:
        return "f"
    if word in lists["male"]:
        return "m"
    return "" if word in lists["honorifics"] else None


def _given_parts(word: str, key: str) -> list[str]:
    """Initials written together ("JD", "J.D.") are several given names."""
    if word.isalpha() and not word.isupper():
        return [given_key(key)]
    letters = [letter for letter in word if letter.isalpha()]
    if 1 < len(letters) <= 3 and all(letter.isupper() for letter in letters):
        return list(key)
    return [given_key(key)]


def without_genitive(person: Person) -> tuple[Person, ...]:
    """What the name would be if the -s at its end were a genitive; "Johannes" alone is none of Johann."""
    if not person.surname.endswith("s") or (not person.given and is_given(person.surname)):
        return ()
    return tuple(person._replace(surname=surname_key(surname)) for surname in genitives(person.surname))


def without_sure_genitive(person: Person) -> Person:
    """A full name without an -s that can hardly be part of it: after a consonant, in no common surname.

    >>> [without_sure_genitive(parse_person(name)).surname for name in ("Urs Widmers", "Ida Peters")]
    ['widmer', 'peters']
    """
    surname = person.surname
    sure = re.search("[bdfgklmnprt]s$", surname) is not None and surname not in common_surnames()
    return person._replace(surname=surname_key(surname[:-1])) if sure and person.given else person


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
    if len(names) == 1:
        return dict.fromkeys(names, 0)
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
