"""Mentions of one document become clusters: what the document alone shows to be one person or thing.

Nothing here looks beyond the document, so its clusters stand until the document changes.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from stages.link_entities import names, persons, roles
from stages.link_entities.fold import given_key, plain
from stages.link_entities.persons import Person


class Mention(NamedTuple):
    """A name in a document with the text around it, and the role that this text gives a person."""

    mention_no: int
    text: str
    label: str
    kind: str
    block_no: int
    start: int
    end: int
    before: str
    after: str
    role: str | None


class Cluster(NamedTuple):
    """What a document says of one entity.

    ``strong`` keys name it in full, ``weak`` ones by a surname or an acronym; ``bases`` are what a key would be
    without its ending, if that is one. ``members``: mention numbers; ``forms``: spellings with their counts.
    """

    label: str
    strong: tuple[str, ...]
    weak: tuple[str, ...]
    bases: tuple[str, ...]
    members: tuple[int, ...]
    forms: dict[str, int]


class _Named(NamedTuple):
    """A mention with its own key; ``anchor`` groups what is one entity within the document."""

    mention: Mention
    key: str
    bases: tuple[str, ...]


def cluster_document(mentions: Iterable[Mention]) -> list[Cluster]:
    """The clusters of a document's mentions, in the order of their first mention; never across labels."""
    by_label: defaultdict[str, list[Mention]] = defaultdict(list)
    for mention in sorted(mentions, key=lambda one: (one.start, one.mention_no)):
        by_label[mention.label].append(mention)
    local = frozenset(plain(mention.text) for mention in by_label["LOC"])
    clusters: list[Cluster] = []
    for label, found in by_label.items():
        clusters += cluster_persons(found) if label == "PER" else cluster_names(found, label, local)
    return sorted(clusters, key=lambda cluster: cluster.members[0])


# Persons


class _Seen(NamedTuple):
    mention: Mention
    person: Person
    role: str
    gender: str


def cluster_persons(mentions: list[Mention]) -> list[Cluster]:
    """Full names by their parts; a surname or given name alone goes to the one full name it can mean."""
    seen = _without_attested_genitives([_see(mention) for mention in mentions])
    renamed = dict(_renamed(seen))
    group_of = _group_full_names([*seen, *renamed.values()])
    for number, other in renamed.items():
        _merge(group_of, group_of[seen[number].person.key], group_of[other.person.key])
    groups: defaultdict[int, list[_Seen]] = defaultdict(list)
    for number, one in enumerate(seen):
        if one.person.given:
            groups[group_of[one.person.key]] += [one, renamed[number]] if number in renamed else [one]
    full = {number: list(group) for number, group in groups.items()}
    alone: defaultdict[str, list[_Seen]] = defaultdict(list)
    for one in seen:
        if not one.person.given:
            candidate = _only_candidate(one, full)
            (alone[one.person.surname] if candidate is None else groups[candidate]).append(one)
    return [_person_cluster(group) for group in (*groups.values(), *alone.values())]


def _renamed(seen: list[_Seen]) -> Iterator[tuple[int, _Seen]]:
    """The other name of a person: "Sophie Wagner, geborene Auer" is "Sophie Auer" as well."""
    for number, (one, other) in enumerate(pairwise(seen)):
        if one.person.given and names.RENAMED.fullmatch(_between(one.mention, other.mention)):
            person = other.person if other.person.given else one.person._replace(surname=other.person.surname)
            yield number, one._replace(person=person)


def _between(one: Mention, other: Mention) -> str:
    """The text between two mentions; empty where they stand further apart than was read."""
    distance = other.start - one.end
    return one.after[:distance] if 0 <= distance <= len(one.after) else ""


def _merge(group_of: dict[str, int], first: int, second: int) -> None:
    for key, number in group_of.items():
        if number == second:
            group_of[key] = first


def _see(mention: Mention) -> _Seen:
    person = persons.parse_person(mention.text)
    role = mention.role or roles.title_role(mention.text)
    gender = person.gender or roles.address_before(mention.before) or roles.role_gender(role)
    return _Seen(mention, person, roles.role_stem(role) if role else "", gender)


def _without_attested_genitives(seen: list[_Seen]) -> list[_Seen]:
    """ "Vances" is "Vance" where the document has a "Vance"; likewise for a given name that stands alone."""
    known = {one.person.surname for one in seen} | {one.person.given[0] for one in seen if one.person.given}
    return [
        one._replace(
            person=next((base for base in persons.without_genitive(one.person) if base.surname in known), one.person)
        )
        for one in seen
    ]


def _group_full_names(seen: list[_Seen]) -> dict[str, int]:
    """A group number for each full name; names that one person may bear share it."""
    families: defaultdict[tuple[str, str], set[tuple[str, ...]]] = defaultdict(set)
    for one in seen:
        if one.person.given:
            families[one.person.surname, one.person.suffix].add(one.person.given)
    number, group_of = 0, {}
    for (surname, suffix), given_names in families.items():
        merged = persons.merge_given(given_names)
        for given, group in merged.items():
            group_of[Person(given, surname, suffix, "").key] = number + group
        number += len(merged)
    return group_of


def _only_candidate(one: _Seen, full: dict[int, list[_Seen]]) -> int | None:
    """The group a single word means: by surname, else by given name; of several by role, gender, then paragraph."""
    word = one.person.surname
    candidates = [number for number, group in full.items() if any(_surname_is(word, other.person) for other in group)]
    if not candidates:
        given = given_key(word)
        candidates = [
            number for number, group in full.items() if any(given == other.person.given[0] for other in group)
        ]
    candidates = [number for number in candidates if not _other_gender(one, full[number])]
    for narrow in (_same_role, _same_gender, _same_block):
        if len(candidates) > 1:
            candidates = [number for number in candidates if narrow(one, full[number])] or candidates
    return candidates[0] if len(candidates) == 1 else None


def _surname_is(word: str, person: Person) -> bool:
    """Whether a word is a surname, with or without its particles ("Leyen", "von der Leyen")."""
    return word == person.surname or (" " in person.surname and word == person.surname.rsplit(" ", 1)[-1])


def _same_role(one: _Seen, group: list[_Seen]) -> bool:
    return bool(one.role) and any(other.role == one.role for other in group)


def _same_gender(one: _Seen, group: list[_Seen]) -> bool:
    return bool(one.gender) and any(other.gender == one.gender for other in group)


def _other_gender(one: _Seen, group: list[_Seen]) -> bool:
    """Whether all that is known of a group's gender speaks against a mention."""
    known = {other.gender for other in group} - {""}
    return bool(one.gender and known) and one.gender not in known


def _same_block(one: _Seen, group: list[_Seen]) -> bool:
    return any(
        other.mention.block_no == one.mention.block_no and other.mention.start < one.mention.start for other in group
    )


def _person_cluster(group: list[_Seen]) -> Cluster:
    strong = tuple(sorted({one.person.key for one in group if one.person.given}))
    weak = () if strong else tuple(sorted({one.person.surname for one in group}))
    bases = tuple(
        sorted({base.key if strong else base.surname for one in group for base in persons.without_genitive(one.person)})
    )
    keep = bases if len(strong) + len(weak) == 1 else ()
    mentions = {one.mention.mention_no: one.mention for one in group}  # a renamed person is seen twice in one mention
    return _cluster("PER", strong, weak, keep, list(mentions.values()))


# Organisations, places, other names


def cluster_names(mentions: list[Mention], label: str, local: frozenset[str] = frozenset()) -> list[Cluster]:
    """Equal keys, attested base forms, renamings, acronyms and short forms; ``local``: places of the document."""
    named = [_name(mention) for mention in mentions]
    keys = {one.key for one in named}
    named = [one._replace(key=next((base for base in one.bases if base in keys), one.key)) for one in named]
    acronyms = {one.key for one in named if label == "ORG" and _is_own_acronym(one)}
    short = list(_short_forms(named, local)) if label == "ORG" else []
    anchors = {one.key: one.key for one in named}
    for first, second in (*_joined(named, acronyms), *short):
        _join(anchors, first, second)
    groups: defaultdict[str, list[_Named]] = defaultdict(list)
    for one in named:
        groups[_root(anchors, one.key)].append(one)
    return [_name_cluster(group, label, acronyms, {key for _, key in short}) for group in groups.values()]


def _name(mention: Mention) -> _Named:
    derived = mention.kind == "deriv"
    origin = names.origin(mention.text) if derived or mention.label == "LOC" else None
    key = names.known_as(origin, mention.label) if origin else names.name_key(mention.text, mention.label)
    bases = () if origin else names.base_forms(mention.text, mention.label, derived=derived)
    if not key.startswith("@"):
        key = next((base for base in bases if base.startswith("@")), key)
    return _Named(mention, key, tuple(base for base in bases if base != key and not key.startswith("@")))


def _is_own_acronym(one: _Named) -> bool:
    """An acronym that the lists do not know by another name."""
    return names.is_acronym(one.mention.text) and one.key in plain(one.mention.text)


def _joined(named: list[_Named], acronyms: set[str]) -> Iterator[tuple[str, str]]:
    """Pairs of keys that the document shows to be one: renamed, explained in brackets, initials."""
    for one, other in pairwise(named):
        between = _between(one.mention, other.mention)
        bracketed = names.BRACKET.fullmatch(between) and (one.key in acronyms) != (other.key in acronyms)
        if bracketed or names.RENAMED.fullmatch(between):
            yield one.key, other.key
    for acronym in sorted(acronyms):
        full = sorted({one.key for one in named if one.key != acronym and names.initials_fit(acronym, one.key)})
        if len(full) == 1:
            yield full[0], acronym


def _short_forms(named: list[_Named], local: frozenset[str]) -> Iterator[tuple[str, str]]:
    """A full name and the short form of it, where only one full name in the document has it."""
    first: dict[str, int] = {}
    for one in named:
        first.setdefault(one.key, one.mention.start)
    for short, start in first.items():
        full = [key for key in first if names.is_short_form(short, key, later=first[key] < start, local=local)]
        if len(full) == 1:
            yield full[0], short


def _root(anchors: dict[str, str], key: str) -> str:
    while anchors[key] != key:
        key = anchors[key]
    return key


def _join(anchors: dict[str, str], first: str, second: str) -> None:
    one, other = sorted((_root(anchors, first), _root(anchors, second)))
    anchors[other] = one


def _name_cluster(group: list[_Named], label: str, acronyms: set[str], short: set[str]) -> Cluster:
    """A short form that only this document explains is no key of the entity, an acronym a weak one."""
    keys = {one.key for one in group}
    strong = keys - acronyms - short
    weak = keys & acronyms if strong else keys
    strong = strong if strong or weak & acronyms else weak
    weak = weak - strong
    bases = {base for one in group for base in one.bases} if len(strong | weak) == 1 else set()
    return _cluster(
        label, tuple(sorted(strong)), tuple(sorted(weak)), tuple(sorted(bases)), [one.mention for one in group]
    )


def _cluster(
    label: str, strong: tuple[str, ...], weak: tuple[str, ...], bases: tuple[str, ...], mentions: list[Mention]
) -> Cluster:
    forms = Counter(_form(mention) for mention in mentions)
    return Cluster(
        label, strong, weak, bases, tuple(mention.mention_no for mention in mentions), dict(sorted(forms.items()))
    )


def _form(mention: Mention) -> str:
    """The spelling of a name; of an adjective the place it comes from, where the lists know it."""
    origin = names.origin(mention.text) if mention.kind == "deriv" or mention.label == "LOC" else None
    return mention.text if origin is None else origin.upper() if len(origin) <= 3 else origin.title()
