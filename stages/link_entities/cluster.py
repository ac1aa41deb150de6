"""Mentions of one document become clusters: what the document alone shows to be one person or thing.

Nothing here looks beyond the document, so its clusters stand until the document changes.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from stages.link_entities import names, persons, roles
from stages.link_entities.persons import Person


class Mention(NamedTuple):
    """A name in a document with the text around it."""

    mention_no: int
    text: str
    label: str
    kind: str
    block_no: int
    start: int
    end: int
    before: str
    after: str


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
    clusters: list[Cluster] = []
    for label, found in by_label.items():
        clusters += cluster_persons(found) if label == "PER" else cluster_names(found, label)
    return sorted(clusters, key=lambda cluster: cluster.members[0])


# Persons


class _Seen(NamedTuple):
    mention: Mention
    person: Person
    role: str
    gender: str


def cluster_persons(mentions: list[Mention]) -> list[Cluster]:
    """Full names by their parts; a surname or given name alone goes to the one full name it can mean."""
    seen = [_see(mention) for mention in mentions]
    seen = _without_attested_genitives(seen)
    group_of = _group_full_names(seen)
    groups: defaultdict[int, list[_Seen]] = defaultdict(list)
    alone: defaultdict[str, list[_Seen]] = defaultdict(list)
    for one in seen:
        if one.person.given:
            groups[group_of[one.person.key]].append(one)
    full = dict(groups)
    for one in seen:
        if not one.person.given:
            group = _only_candidate(one, full)
            if group is None:
                alone[one.person.surname].append(one)
            else:
                groups[group] = [*groups[group], one]
    return [_person_cluster(group) for group in groups.values()] + [_person_cluster(group) for group in alone.values()]


def _see(mention: Mention) -> _Seen:
    person = persons.parse_person(mention.text)
    role = roles.role_beside(mention.before, mention.after)
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
        given = persons.given_key(word)
        candidates = [
            number for number, group in full.items() if any(given == other.person.given[0] for other in group)
        ]
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
    return _cluster("PER", strong, weak, keep, [one.mention for one in group])


# Organisations, places, other names


def cluster_names(mentions: list[Mention], label: str) -> list[Cluster]:
    """Equal keys, attested base forms, renamings, acronyms and short forms."""
    named = [_name(mention) for mention in mentions]
    keys = {one.key for one in named}
    named = [one._replace(key=next((base for base in one.bases if base in keys), one.key)) for one in named]
    anchors = {one.key: one.key for one in named}
    acronyms = {one.key for one in named if label == "ORG" and names.is_acronym(one.mention.text)}
    acronyms -= {one.key for one in named if one.key not in names.plain(one.mention.text)}
    for first, second in _joined(named, acronyms, label):
        _join(anchors, first, second)
    groups: defaultdict[str, list[_Named]] = defaultdict(list)
    for one in named:
        groups[_root(anchors, one.key)].append(one)
    short = {key for _, key in _short_forms(named)} if label == "ORG" else set()
    return [_name_cluster(group, label, acronyms, short) for group in groups.values()]


def _name(mention: Mention) -> _Named:
    derived = mention.kind == "deriv"
    key = (names.origin_key if derived else names.name_key)(mention.text, mention.label)
    bases = names.base_forms(key, mention.label, derived=derived)
    if mention.label == "LOC" and key not in names.places():
        key = next((base for base in bases if base in names.places()), key)
    return _Named(mention, key, tuple(base for base in bases if base != key))


def _joined(named: list[_Named], acronyms: set[str], label: str) -> Iterator[tuple[str, str]]:
    """Pairs of keys that the document shows to be one: renamed, explained in brackets, initials, short forms."""
    for one, other in zip(named, named[1:], strict=False):
        between = one.mention.after[: max(0, other.mention.start - one.mention.end)]
        near = other.mention.start - one.mention.end <= len(one.mention.after)
        if near and names.RENAMED.fullmatch(between):
            yield one.key, other.key
        if near and names.BRACKET.fullmatch(between) and (one.key in acronyms) != (other.key in acronyms):
            yield one.key, other.key
    for acronym in sorted(acronyms):
        full = sorted({one.key for one in named if names.initials_fit(acronym, one.key)})
        if len(full) == 1:
            yield full[0], acronym
    if label == "ORG":
        yield from _short_forms(named)


def _short_forms(named: list[_Named]) -> Iterator[tuple[str, str]]:
    first: dict[str, int] = {}
    for one in named:
        first.setdefault(one.key, one.mention.start)
    for short in first:
        full = [key for key, start in first.items() if start < first[short] and names.is_short_form(short, key)]
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
    forms = Counter(mention.text for mention in mentions if mention.kind != "deriv")
    return Cluster(
        label, strong, weak, bases, tuple(mention.mention_no for mention in mentions), dict(sorted(forms.items()))
    )
