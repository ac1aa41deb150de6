"""Clusters of many documents become entities.

What can be one entity shares a block: the surname for persons, every key for other names. Blocks that one cluster
belongs to hang together; what hangs together is resolved together and nothing else matters to it. That is why
new documents touch only the blocks of their own names, and why the order of documents cannot matter.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from stages.link_entities.persons import merge_given
from stages.link_entities.union import smallest_of_group

BY_FAR = 20  # times as many documents with the full name as all others of the surname have together
APART = "\x1e"  # parts the key of an entity from the document it stays in


class Signature(NamedTuple):
    """The keys of a cluster; clusters of one signature are resolved as one."""

    label: str
    strong: tuple[str, ...]
    weak: tuple[str, ...]
    bases: tuple[str, ...]
    roles: tuple[str, ...] = ()


def blocks_of(signature: Signature) -> set[str]:
    """The blocks a cluster belongs to."""
    keys = (*signature.strong, *signature.weak, *signature.bases)
    return {f"{signature.label}:{_block(signature.label, key)}" for key in keys}


def _block(label: str, key: str) -> str:
    """The last word of the surname, so that "Leyen" and "von der Leyen" meet."""
    surname = key.split("|")[1] if label == "PER" and "|" in key else key
    return surname.rsplit(" ", 1)[-1] if label == "PER" else key


def resolve(signatures: Mapping[Signature, int]) -> dict[Signature, str]:
    """The key of the entity that each signature means; the numbers are those of the documents that have it.

    A key that ends in `APART` is to be completed by the document: the name is ambiguous and stays apart in each.
    """
    by_label: defaultdict[str, dict[Signature, int]] = defaultdict(dict)
    for signature, count in signatures.items():
        by_label[signature.label][signature] = count
    found: dict[Signature, str] = {}
    for label, group in by_label.items():
        found |= _resolve_label(label, group)
    return found


def entity_id(label: str, key: str) -> str:
    """Sixteen hex digits from the label and the key alone: no counter, no order."""
    return hashlib.sha256(f"{label}\x1f{key}".encode()).hexdigest()[:16]


def _resolve_label(label: str, group: dict[Signature, int]) -> dict[Signature, str]:
    attested = _attested(label, group)
    bare = {signature: _without_ending(signature, attested) for signature in sorted(group)}
    keys = {key for strong, _ in bare.values() for key in strong}
    same = [(strong[0], key) for strong, _ in bare.values() for key in strong[1:]]
    # A group is named after its smallest key, in whatever order it grew.
    entity_of = smallest_of_group(keys, [*same, *(_same_person(keys) if label == "PER" else ())])
    offered = _offered(label, bare.values(), entity_of)
    known = _known_of(bare, group, entity_of)
    return {
        signature: entity_of[strong[0]] if strong else _meant(signature, weak, offered, known)
        for signature, (strong, weak) in bare.items()
    }


class _Known(NamedTuple):
    """In how many documents an entity has its full name, and the roles it has there."""

    documents: Counter[str]
    roles: dict[str, set[str]]


def _known_of(
    bare: dict[Signature, tuple[tuple[str, ...], tuple[str, ...]]],
    group: dict[Signature, int],
    entity_of: dict[str, str],
) -> _Known:
    known = _Known(Counter(), defaultdict(set))
    for signature, (strong, _) in bare.items():
        if strong:
            root = entity_of[strong[0]]
            known.documents[root] += group[signature]
            known.roles[root].update(signature.roles)
    return known


def _meant(signature: Signature, weak: tuple[str, ...], offered: dict[str, set[str]], known: _Known) -> str:
    """What a surname or an acronym means: the only one, or of several persons the one with the role, or by far the
    best known; else a person stays apart in each document, and an acronym is an entity of its own.
    """
    meant = {root for key in weak for root in offered.get(key, ())}
    if len(meant) > 1 and signature.label == "PER":
        alike = {root for root in meant if known.roles.get(root, set()) & set(signature.roles)}
        meant = alike if len(alike) == 1 else _best_known(meant, known)
    if len(meant) == 1:
        return next(iter(meant))
    return f"={weak[0]}" + (APART if meant and signature.label == "PER" else "")


def _best_known(meant: set[str], known: _Known) -> set[str]:
    best = max(sorted(meant), key=lambda root: known.documents[root])
    others = sum(known.documents[root] for root in meant) - known.documents[best]
    return {best} if known.documents[best] >= BY_FAR * others else meant


def _attested(label: str, group: Iterable[Signature]) -> set[str]:
    """Every key that a signature names by itself, and the surname of every full name."""
    keys = {key for signature in group for key in (*signature.strong, *signature.weak)}
    return keys | {key.split("|")[1] for key in keys if label == "PER" and "|" in key}


def _without_ending(signature: Signature, attested: set[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Strong and weak keys; a lone key gives way to its base form where that is a name of its own."""
    base = next((base for base in signature.bases if base in attested), None)
    if base is None:
        return signature.strong, signature.weak
    return ((base,), ()) if signature.strong else ((), (base,))


def _same_person(keys: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of full names of one surname whose given names may be one person's."""
    families: defaultdict[tuple[str, str], set[tuple[str, ...]]] = defaultdict(set)
    for key in keys:
        given, surname, suffix = key.split("|")
        families[surname, suffix].add(tuple(given.split(" ")))
    for (surname, suffix), given_names in families.items():
        first: dict[int, str] = {}
        for names, number in merge_given(given_names).items():
            key = f"{' '.join(names)}|{surname}|{suffix}"
            yield first.setdefault(number, key), key


def _offered(
    label: str, bare: Iterable[tuple[tuple[str, ...], tuple[str, ...]]], entity_of: dict[str, str]
) -> dict[str, set[str]]:
    """The entities that a surname or an acronym may mean."""
    offered: defaultdict[str, set[str]] = defaultdict(set)
    for strong, weak in bare:
        for key in strong:
            root = entity_of[key]
            surname = key.split("|")[1] if label == "PER" else key
            for short in {surname, surname.rsplit(" ", 1)[-1]} if label == "PER" else {key, *weak}:
                offered[short].add(root)
    return offered
