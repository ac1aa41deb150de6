"""Organisations, places and other names of one document: spellings, acronyms, renamings, short forms."""

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from stages.link_entities import names
from stages.link_entities.document import Cluster, Mentions, text_between
from stages.link_entities.resolve import Claim
from stages.link_entities.roles import NEAR
from stages.link_entities.told import Told, counted, ordered, told_of
from stages.link_entities.union import smallest_of_group
from stages.lookups.fold import plain
from stages.lookups.known_names import lists

BRACKETED = "bracketed"  # only worth something where several documents have it
_Close = tuple[int, int, str]  # the rows of two names that follow each other, and the text between them


class _Form(NamedTuple):
    """A spelling as it stands, its key, and what that would be without an ending, best first and in order.

    ``shown``: the spelling as a cluster counts it, once. ``told``: what is said of an entity that is named so once.
    """

    text: str
    key: str
    bases: tuple[str, ...]
    ordered_bases: tuple[str, ...]
    shown: tuple[tuple[str, int], ...]
    told: Told


def cluster_names(text: str, mentions: Mentions, rows: list[int], label: str, places: list[int]) -> list[Cluster]:
    """Equal keys, attested base forms, renamings, acronyms and short forms.

    ``rows``: the mentions of one label in a document, ``places``: those of all its places.
    """
    spelt, kinds = mentions.text, mentions.kind
    forms = {row: _form(spelt[row], label, kinds[row]) for row in rows}
    keys = _attested(forms)
    close = _close(text, mentions, rows)
    acronyms: set[str] = set()
    short: list[tuple[str, str]] = []
    if label == "ORG":
        keys = _redefined(forms, keys, close) if close else keys
        acronyms = {key for row, key in keys.items() if _is_own_acronym(spelt[row], key)}
        short = list(_short_forms(mentions, keys, places))
    claims = list(_claims(keys, label, acronyms, close)) if close or acronyms else []
    # What the document explains is short for nothing else: the "MHH" of "MHH-Kinderklinik" is a whole university.
    explained = {acronym for rule, _, acronym in claims if rule in ("defined", "initials")}
    short = [(full, form) for full, form in short if form not in explained]
    joined = [(one, other) for rule, one, other in claims if rule != BRACKETED] + short
    anchors = smallest_of_group(keys.values(), joined) if joined else {}
    groups: dict[str, list[int]] = {}
    for row, key in keys.items():
        groups.setdefault(anchors.get(key, key), []).append(row)
    shortened = {key for _, key in short}
    return [
        Cluster(group, _told_of([(forms[row], keys[row]) for row in group], label, acronyms, shortened, claims))
        for group in groups.values()
    ]


@lru_cache(10_000)
def _form(text: str, label: str, kind: str) -> _Form:
    """What the spelling alone says; an adjective is shown as the place it comes from, where the lists know it."""
    derived = names.may_be_derived(label, kind)
    origin = names.origin(text) if derived else None
    key = names.known_as(plain(origin), label) if origin else names.name_key(text, label)
    bases = () if origin else names.base_forms(text, label, derived=derived)
    if not key.startswith("@"):
        key = next((base for base in bases if base.startswith("@")), key)
    bases = tuple([base for base in bases if base != key and not key.startswith("@")])
    in_order, shown = ordered(set(bases)), ((origin or text, 1),)
    return _Form(text, key, bases, in_order, shown, told_of(label, (key,), (), in_order, shown))


def _attested(forms: dict[int, _Form]) -> dict[int, str]:
    """The keys of names, without their endings where the document has them so."""
    keys = {row: form.key for row, form in forms.items()}
    known = set(keys.values())
    for row, form in forms.items():
        if form.bases:
            keys[row] = next((base for base in form.bases if base in known), form.key)
    return keys


def _is_own_acronym(text: str, key: str) -> bool:
    """An acronym that the lists do not know."""
    return names.is_acronym(text) and ("ORG", key) not in lists().shown and key in plain(text)


def _close(text: str, mentions: Mentions, rows: list[int]) -> list[_Close]:
    """Names that are followed by another with words or a bracket between that say something of them."""
    starts, ends = mentions.start, mentions.end
    close = []
    for one, other in pairwise(rows):
        if starts[other] - ends[one] <= NEAR:
            between = text_between(text, ends[one], starts[other])
            if between and (names.BRACKET.fullmatch(between) or names.RENAMED.fullmatch(between)):
                close.append((one, other, between))
    return close


def _redefined(forms: dict[int, _Form], keys: dict[int, str], close: list[_Close]) -> dict[int, str]:
    """What a document calls by a known acronym is what it explains it by, if that is another name of these letters."""
    meant: dict[str, str] = {}
    for one, other, between in close:
        acronym = forms[other].text
        if not names.BRACKET.fullmatch(between) or not names.is_acronym(acronym):
            continue
        known = ("ORG", keys[other]) in lists().shown and ("ORG", keys[one]) not in lists().shown
        if known and names.initials_fit(plain(acronym), keys[one]):
            meant[plain(acronym)] = keys[one]
    return {row: meant.get(plain(forms[row].text), key) for row, key in keys.items()} if meant else keys


def _claims(keys: dict[int, str], label: str, acronyms: set[str], close: list[_Close]) -> Iterator[Claim]:
    """Rule and two keys that the document shows to be one: renamed, explained in brackets, initials.

    What stands in brackets and has other letters is often something else ("Weltcup (FIS)"): it is not joined here.
    """
    for before, after, between in close:
        one, other = keys[before], keys[after]
        if names.RENAMED.fullmatch(between) and (label != "LOC" or _is_renaming(one, other, between)):
            yield "renamed", min(one, other), max(one, other)
        elif names.BRACKET.fullmatch(between) and (one in acronyms) != (other in acronyms):
            full, acronym = (other, one) if one in acronyms else (one, other)
            if names.letters_fit(acronym, full):
                yield "defined", full, acronym
            elif " " in full:
                yield BRACKETED, full, acronym
    if acronyms:
        yield from _initials(set(keys.values()), acronyms)


def _is_renaming(one: str, other: str, between: str) -> bool:
    """Of places only what is in brackets: "in Frankreich, früher Kanada" tells a way, "Agram (heute Zagreb)" a name.

    A country in the brackets says where the place is: "Val San Giacomo (heute Italien)".
    """
    return "(" in between and (one in names.countries()) == (other in names.countries())


def _initials(keys: set[str], acronyms: set[str]) -> Iterator[Claim]:
    """Acronyms with the one full name of the document whose initials they have."""
    by_letter: defaultdict[str, set[str]] = defaultdict(set)
    for key in keys:
        by_letter[key[:1]].add(key)
    for acronym in sorted(acronyms):
        full = sorted(key for key in by_letter[acronym[:1]] if key != acronym and names.initials_fit(acronym, key))
        if len(full) == 1:
            yield "initials", full[0], acronym


def _short_forms(mentions: Mentions, keys: dict[int, str], places: list[int]) -> Iterator[tuple[str, str]]:
    """A full name and the short form of it, where only one full name in the document has it."""
    first: dict[str, int] = {}
    for row, key in keys.items():
        first.setdefault(key, mentions.start[row])
    having: defaultdict[str, list[str]] = defaultdict(list)
    for key in first:
        for word in set(key.split()) if " " in key else ():
            having[word].append(key)
    if having.keys().isdisjoint(first):
        return
    local = frozenset(plain(mentions.text[row]) for row in places)
    for short, start in first.items():
        longer = having.get(short, ())
        full = [key for key in longer if names.is_short_form(short, key, later=first[key] < start, local=local)]
        if len(full) == 1:
            yield full[0], short


def _told_of(
    named: list[tuple[_Form, str]], label: str, acronyms: set[str], short: set[str], claims: list[Claim]
) -> Told:
    """What the document says of an entity that it names so; with the key that it gives each form."""
    (form, key), n_named = named[0], len(named)
    if n_named == 1 and key == form.key and not (claims or key in acronyms or key in short):
        return form.told
    shown, bases = form.shown, form.ordered_bases
    if n_named > 1:
        shown = counted([form.shown[0][0] for form, _ in named])
        bases = ordered({base for form, _ in named for base in form.bases})
    keys: tuple[str, ...] = ordered({key for _, key in named}) if n_named > 1 else (key,)
    kept = [one for one in claims if one[1] in keys and (one[2] in keys or one[0] == BRACKETED)]
    strong, weak = _strong_and_weak(set(keys), acronyms, short) if acronyms or short else (keys, ())
    return told_of(label, strong, weak, bases if len(strong) + len(weak) == 1 else (), shown, (), ordered(set(kept)))


def _strong_and_weak(keys: set[str], acronyms: set[str], short: set[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A short form that only the document explains is no key of the entity, an acronym a weak one."""
    strong = keys - acronyms - short
    weak = (keys & acronyms) - short if strong else keys
    strong = strong if strong or weak & acronyms else weak
    return ordered(strong), ordered(weak - strong)
