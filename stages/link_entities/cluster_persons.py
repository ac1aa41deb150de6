"""Persons of one document: full names, and the surnames and given names that stand for them."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from stages.link_entities import names, persons, roles
from stages.link_entities.document import Cluster, Mentions, text_between
from stages.link_entities.persons import Person
from stages.link_entities.told import counted, ordered, told_of
from stages.link_entities.union import smallest_of_group
from stages.lookups.fold import given_key

MOST_CALLED = 3  # persons of a document in which one may be called by the given name alone; a register has more
MOST_CANDIDATES = 20  # of more people of one surname in a document (a list of names) none is meant by it alone
# A noun right after a name: "Urs Widmers Deutschlehrer".
GENITIVE_BEFORE = re.compile(r" (?:[a-zäöüß]+e[nrs]? )?[A-ZÄÖÜ][a-zäöüß]{2,}\b(?! [A-ZÄÖÜ])")
MOST_ROLES = 3  # kept of a person in a document; more would make every cluster one of its own


class _Seen(NamedTuple):
    """A mention by its row, and whom it names; ``base``: the name without an ending that the text shows to be one."""

    row: int
    block_no: int
    start: int
    form: str
    base: str
    person: Person
    role: str
    gender: str


class _Known(NamedTuple):
    """What a document says of the bearer of a full name: roles, genders, and where the name first stands in a block."""

    roles: set[str]
    genders: set[str]
    first: dict[int, int]


def cluster_persons(text: str, mentions: Mentions, rows: list[int], beside: list[str | None]) -> list[Cluster]:
    """Full names by their parts; a surname or given name alone goes to the one full name it can mean.

    ``rows``: the persons of a document. ``beside`` gets the role that stands beside each, at its row.
    """
    seen = _with_given_names(_without_attested_genitives([_see(text, mentions, row, beside) for row in rows]))
    renamed = dict(_renamed(text, mentions, seen))
    group_of = _group_full_names([*seen, *renamed.values()])
    same = [(group_of[_full(seen[number].person)], group_of[_full(other.person)]) for number, other in renamed.items()]
    if same:
        merged = smallest_of_group(group_of.values(), same)
        group_of = {name: merged[number] for name, number in group_of.items()}
    groups: defaultdict[int, list[_Seen]] = defaultdict(list)
    for number, one in enumerate(seen):
        if one.person.given:
            groups[group_of[_full(one.person)]] += [one, renamed[number]] if number in renamed else [one]
    lone = [one for one in seen if not one.person.given]
    words = {one.person.surname for one in lone}
    # Without a word that stands alone nobody asks who is meant.
    full = {number: _known(group) for number, group in groups.items()} if lone else {}
    index = _index({number: groups[number] for number in full if not _side_by_side(groups[number][0].person, words)})
    alone: defaultdict[str, list[_Seen]] = defaultdict(list)
    for one in lone:
        candidate = _only_candidate(one, full, index)
        (alone[one.person.surname] if candidate is None else groups[candidate]).append(one)
    other_names = [(seen[number].person.key, other.person.key) for number, other in renamed.items()]
    return [_person_cluster(group, other_names) for group in (*groups.values(), *alone.values())]


def _renamed(text: str, mentions: Mentions, seen: list[_Seen]) -> Iterator[tuple[int, _Seen]]:
    """The other name of a person: "Sophie Wagner, geborene Auer" is "Sophie Auer" as well."""
    for number, (one, other) in enumerate(pairwise(seen)):
        between = text_between(text, mentions.end[one.row], other.start) if one.person.given else ""
        if between and names.RENAMED.fullmatch(between):
            person = other.person if other.person.given else one.person._replace(surname=other.person.surname)
            yield number, one._replace(person=person)


def _see(text: str, mentions: Mentions, row: int, beside: list[str | None]) -> _Seen:
    name, start, end = mentions.text[row], mentions.start[row], mentions.end[row]
    person, base = persons.parse_person(name), ""
    if GENITIVE_BEFORE.match(text, end, end + roles.NEAR):
        full, person = person, persons.without_sure_genitive(person)
        base = "" if person == full else name[:-1]
    last = roles.word_before(text, start)
    beside[row] = role = roles.role_beside(last, text, end)
    role = role or roles.title_role(name)
    gender = person.gender or roles.address(last) or roles.role_gender(role)
    form = (names.origin(name) or name) if names.may_be_derived("PER", mentions.kind[row]) else name
    return _Seen(row, mentions.block_no[row], start, form, base, person, roles.role_stem(role) if role else "", gender)


def _without_attested_genitives(seen: list[_Seen]) -> list[_Seen]:
    """ "Vances" is "Vance" where the document has a "Vance"; likewise for a given name that stands alone."""
    known = {one.person.surname for one in seen} | {one.person.given[0] for one in seen if one.person.given}
    full = {one.person.surname for one in seen if one.person.given}

    def bare(person: Person) -> Person:
        if not person.surname.endswith("s"):
            return person
        bases = persons.without_genitive(person) if person.given or person.surname not in full else ()
        return next((base for base in bases if base.surname in known), person)

    return [one if (person := bare(one.person)) is one.person else _bared(one, person) for one in seen]


def _with_given_names(seen: list[_Seen]) -> list[_Seen]:
    """ "García Márquez" is the one "Gabriel García Márquez" of the document: two surnames without the given name."""
    full = {one.person for one in seen if len(one.person.given) > 1}
    if not full:
        return seen
    bearers: defaultdict[tuple[str, str, str], list[Person]] = defaultdict(list)
    for person in full:
        bearers[person.given[-1], person.surname, person.suffix].append(person)

    def whole(person: Person) -> Person:
        if not persons.is_unsure(person.given, person.surname):
            return person
        same = bearers.get((person.given[0], person.surname, person.suffix), ())
        return same[0]._replace(gender=person.gender) if len(same) == 1 else person

    return [one if (person := whole(one.person)) is one.person else one._replace(person=person) for one in seen]


def _bared(one: _Seen, person: Person) -> _Seen:
    """A mention in the genitive as its bare person; a full name is also shown without the -s ("Georg Büchners")."""
    implied = one.form[:-1] if person.given and one.person.surname == f"{person.surname}s" else one.base
    return one._replace(person=person, base=implied)


def _full(person: Person) -> tuple[str | tuple[str, ...], ...]:
    """The parts of a full name."""
    return person[:3]


def _group_full_names(seen: list[_Seen]) -> dict[tuple[str | tuple[str, ...], ...], int]:
    """A group number for each full name; names that one person may bear share it."""
    families: defaultdict[tuple[str, str], set[tuple[str, ...]]] = defaultdict(set)
    for one in seen:
        if one.person.given:
            families[one.person.surname, one.person.suffix].add(one.person.given)
    number = 0
    group_of: dict[tuple[str | tuple[str, ...], ...], int] = {}
    for (surname, suffix), given_names in families.items():
        merged = persons.merge_given(given_names)
        for given, group in merged.items():
            group_of[given, surname, suffix] = number + group
        number += len(merged)
    return group_of


def _known(group: list[_Seen]) -> _Known:
    first: dict[int, int] = {}
    for one in group:
        first[one.block_no] = min(one.start, first.get(one.block_no, one.start))
    return _Known({one.role for one in group}, {one.gender for one in group} - {""}, first)


def _only_candidate(one: _Seen, full: dict[int, _Known], index: dict[str, list[int]]) -> int | None:
    """The group a single word means: by surname, else by given name; of several by role, gender, then paragraph.

    Two surnames side by side ("Nishikori Berdych") are not meant by either where the other stands alone as well.
    """
    word = one.person.surname
    candidates = index.get(f"s {word}") or [
        # By the given name somebody is called once the full name was told: "St. Georgs" before it is a church.
        number
        for number in (index.get(f"g {given_key(word)}", ()) if len(word) > 1 else ())
        if min(full[number].first.values()) < one.start and len(full) <= MOST_CALLED
    ]
    if len(candidates) > MOST_CANDIDATES:
        return None
    candidates = [number for number in candidates if not _other_gender(one, full[number])]
    for narrow in (_same_role, _same_gender, _same_block):
        if len(candidates) > 1:
            candidates = [number for number in candidates if narrow(one, full[number])] or candidates
    return candidates[0] if len(candidates) == 1 else None


def _side_by_side(person: Person, words: set[str]) -> bool:
    """Whether both words of a full name are among those that stand alone in the document, and the first is no given
    name.
    """
    both = words.issuperset((*person.given, person.surname))
    return both and persons.is_unsure(person.given, person.surname)


def _index(full: Mapping[int, list[_Seen]]) -> dict[str, list[int]]:
    """Surnames, with and without their particles ("Leyen"), and first given names to the groups that have them."""
    found: defaultdict[str, dict[int, None]] = defaultdict(dict)
    for number, group in full.items():
        for one in group:
            if one.person.given[0] == persons.REGNAL and not persons.is_given(one.person.surname):
                continue  # "Hartz IV" is nobody whom "Hartz" could mean
            surname = one.person.surname
            if persons.is_unsure(one.person.given, surname) and persons.is_no_surname(surname):
                continue  # "Dejacom Peter" of a register is nobody whom "Peter" could mean
            words = [f"s {surname}", f"s {surname.rsplit(' ', 1)[-1]}"]
            # "Diebold" is not short for "Diebold Nixdorf", "Goethe" not for "Goethes Faust".
            words += [] if persons.is_unsure(one.person.given, surname) else [f"g {one.person.given[0]}"]
            for word in words:
                found[word][number] = None
    return {word: list(numbers) for word, numbers in found.items()}


def _same_role(one: _Seen, group: _Known) -> bool:
    return bool(one.role) and one.role in group.roles


def _same_gender(one: _Seen, group: _Known) -> bool:
    return bool(one.gender) and one.gender in group.genders


def _other_gender(one: _Seen, group: _Known) -> bool:
    """Whether all that is known of a group's gender speaks against a mention."""
    return bool(one.gender and group.genders) and one.gender not in group.genders


def _same_block(one: _Seen, group: _Known) -> bool:
    return group.first.get(one.block_no, one.start) < one.start


def _person_cluster(group: list[_Seen], renamed: list[tuple[str, str]]) -> Cluster:
    people = {one.person for one in group}
    strong = ordered({person.key for person in people if person.given})
    weak = () if strong else ordered({person.surname for person in people})
    bases: set[str] = set()
    if len(strong) + len(weak) == 1:
        without = (base for person in people for base in persons.without_genitive(person))
        bases = {base.key if strong else base.surname for base in without}
    roles_beside = [one.role for one in group if one.role]
    most = ordered(_most_frequent(roles_beside)) if roles_beside else ()
    once = {one.row: one for one in group}  # a renamed person is seen twice in one mention
    forms = counted([one.form for one in once.values()], [one.base for one in once.values() if one.base])
    claims = {("renamed", min(pair), max(pair)) for pair in renamed if set(pair) <= set(strong)} if renamed else ()
    return Cluster(list(once), told_of("PER", strong, weak, ordered(bases), forms, most, ordered(claims)))


def _most_frequent(roles_beside: list[str]) -> list[str]:
    known = Counter(roles_beside)
    return sorted(known, key=lambda role: (-known[role], role))[:MOST_ROLES]
