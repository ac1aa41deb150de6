"""Organisations, places and other names of one document: spellings, acronyms, renamings, short forms."""

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from stages.link_entities import names
from stages.link_entities.document import Claim, Cluster, Mention, make_cluster, text_between
from stages.link_entities.union import smallest_of_group
from stages.lookups.fold import REMEMBERED, plain
from stages.lookups.known_names import lists

BRACKETED = "bracketed"  # only worth something where several documents have it


class _Named(NamedTuple):
    """A mention with its own key, and what the key would be without an ending."""

    mention: Mention
    key: str
    bases: tuple[str, ...]


def cluster_names(mentions: list[Mention], label: str, local: frozenset[str] = frozenset()) -> list[Cluster]:
    """Equal keys, attested base forms, renamings, acronyms and short forms; ``local``: places of the document."""
    named = [_name(mention) for mention in mentions]
    keys = {one.key for one in named}
    named = [_attested(one, keys) if one.bases else one for one in named]
    named = _redefined(named) if label == "ORG" else named
    acronyms = {one.key for one in named if label == "ORG" and _is_own_acronym(one)}
    short = list(_short_forms(named, local)) if label == "ORG" else []
    claims = list(_claims(named, acronyms))
    joined = ((one, other) for rule, one, other in claims if rule != BRACKETED)
    anchors = smallest_of_group((one.key for one in named), (*joined, *short))
    groups: defaultdict[str, list[_Named]] = defaultdict(list)
    for one in named:
        groups[anchors[one.key]].append(one)
    shortened = {key for _, key in short}
    return [_name_cluster(group, label, acronyms, shortened, claims) for group in groups.values()]


def _name(mention: Mention) -> _Named:
    derived = (mention.kind == "deriv" and mention.label != "MISC") or mention.label == "LOC"
    return _Named(mention, *_keys(mention.text, mention.label, derived))


@lru_cache(REMEMBERED)
def _keys(text: str, label: str, derived: bool) -> tuple[str, tuple[str, ...]]:
    """The key of a name, and what it would be without an ending."""
    origin = names.origin(text) if derived else None
    key = names.known_as(plain(origin), label) if origin else names.name_key(text, label)
    bases = () if origin else names.base_forms(text, label, derived=derived)
    if not key.startswith("@"):
        key = next((base for base in bases if base.startswith("@")), key)
    return key, tuple(base for base in bases if base != key and not key.startswith("@"))


def _attested(one: _Named, keys: set[str]) -> _Named:
    """A name without its ending, where the document has it so."""
    base = next((base for base in one.bases if base in keys), None)
    return one._replace(key=base) if base else one


def _is_own_acronym(one: _Named) -> bool:
    """An acronym that the lists do not know."""
    text = one.mention.text
    return names.is_acronym(text) and ("ORG", one.key) not in lists().shown and one.key in plain(text)


def _redefined(named: list[_Named]) -> list[_Named]:
    """What a document calls by a known acronym is what it explains it by, if that is another name of these letters."""
    meant: dict[str, str] = {}
    for one, other, between in _close(named):
        if not names.BRACKET.fullmatch(between) or not names.is_acronym(other.mention.text):
            continue
        short = plain(other.mention.text)
        known = ("ORG", other.key) in lists().shown and ("ORG", one.key) not in lists().shown
        if known and names.initials_fit(short, one.key):
            meant[short] = one.key
    return [one._replace(key=meant.get(plain(one.mention.text), one.key)) for one in named] if meant else named


def _close(named: list[_Named]) -> Iterator[tuple[_Named, _Named, str]]:
    """Names that follow each other with a little text between them, and that text."""
    for one, other in pairwise(named):
        if between := text_between(one.mention, other.mention):
            yield one, other, between


def _claims(named: list[_Named], acronyms: set[str]) -> Iterator[Claim]:
    """Rule and two keys that the document shows to be one: renamed, explained in brackets, initials.

    What stands in brackets and has other letters is often something else ("Weltcup (FIS)"): it is not joined here.
    """
    for one, other, between in _close(named):
        if names.RENAMED.fullmatch(between) and (one.mention.label != "LOC" or _is_renaming(one, other, between)):
            yield "renamed", min(one.key, other.key), max(one.key, other.key)
        elif names.BRACKET.fullmatch(between) and (one.key in acronyms) != (other.key in acronyms):
            full, acronym = (other.key, one.key) if one.key in acronyms else (one.key, other.key)
            if names.letters_fit(acronym, full):
                yield "defined", full, acronym
            elif " " in full:
                yield BRACKETED, full, acronym
    if acronyms:
        yield from _initials(named, acronyms)


def _is_renaming(one: _Named, other: _Named, between: str) -> bool:
    """Of places only what is in brackets: "in Frankreich, früher Kanada" tells a way, "Agram (heute Zagreb)" a name.

    A country in the brackets says where the place is: "Val San Giacomo (heute Italien)".
    """
    return "(" in between and (one.key in names.countries()) == (other.key in names.countries())


def _initials(named: list[_Named], acronyms: set[str]) -> Iterator[Claim]:
    """Acronyms with the one full name of the document whose initials they have."""
    by_letter: defaultdict[str, set[str]] = defaultdict(set)
    for one in named:
        by_letter[one.key[:1]].add(one.key)
    for acronym in sorted(acronyms):
        full = sorted(key for key in by_letter[acronym[:1]] if key != acronym and names.initials_fit(acronym, key))
        if len(full) == 1:
            yield "initials", full[0], acronym


def _short_forms(named: list[_Named], local: frozenset[str]) -> Iterator[tuple[str, str]]:
    """A full name and the short form of it, where only one full name in the document has it."""
    first: dict[str, int] = {}
    having: defaultdict[str, list[str]] = defaultdict(list)
    for one in named:
        if one.key not in first:
            first[one.key] = one.mention.start
            for word in set(one.key.split()) if " " in one.key else ():
                having[word].append(one.key)
    for short, start in first.items() if having else ():
        longer = having.get(short, ())
        full = [key for key in longer if names.is_short_form(short, key, later=first[key] < start, local=local)]
        if len(full) == 1:
            yield full[0], short


def _name_cluster(group: list[_Named], label: str, acronyms: set[str], short: set[str], claims: list[Claim]) -> Cluster:
    """A short form that only this document explains is no key of the entity, an acronym a weak one."""
    keys = {one.key for one in group}
    strong = keys - acronyms - short if acronyms or short else keys
    weak = (keys & acronyms) - short if strong else keys
    strong = strong if strong or weak & acronyms else weak
    weak = weak - strong if weak else weak
    bases = {base for one in group for base in one.bases} if len(strong) + len(weak) == 1 else set()
    kept = [claim for claim in claims if claim[1] in keys and (claim[2] in keys or claim[0] == BRACKETED)]
    return make_cluster(label, (strong, weak, bases), [one.mention for one in group], claims=kept)
