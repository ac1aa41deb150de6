"""Clusters of many documents become entities.

What can be one entity shares a block: the surname for persons, every key for other names. Blocks that one cluster
belongs to hang together; what hangs together is resolved together and nothing else matters to it. That is why
new documents touch only the blocks of their own names, and why the order of documents cannot matter.

**Evidence.** What one document says joins names in that document. For all others it counts as evidence: two names
become one, or a short form its long one, only where the documents that say so are enough beside those that use the
names without it. So one bad document never merges two well-known people, and more good ones do.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from stages.link_entities.names import name_key
from stages.link_entities.persons import REGNAL, is_given, is_unsure, merge_given, more_given, parse_person, says_little
from stages.link_entities.roles import office_stems
from stages.link_entities.union import smallest_of_group
from stages.lookups.known_names import common_surnames, never_one

SHORTEST_INHABITED = 7  # letters of a place in -er that may be its inhabitants: "Westhofener", not "Speyer"
BY_FAR = 20  # times as many documents with the full name as all others of the surname have together
APART = "\x1e"  # parts the key of an entity from the document it stays in
ONE_BEARS, MORE_BEAR = 5, 25  # documents with a name that one document, or each of several, can speak for
DEFINED_BEARS, INITIALS_BEAR = 20, 10  # documents with an acronym alone that each explaining one can speak for
MOST_OFFERS = 0.8  # of all explanations of an acronym have to be the same
FEWEST_FULL = 2  # documents with the full name before the surname alone, in another document, means its bearer
FEWEST_IN_OFFICE = 1  # the same for one whose office a text names: who is in the news, not any bearer of the name
FEWEST_FOR_COMMON = 2  # the same where strangers may be meant: see `_is_common`
SHORTEST_RARE = 4  # letters of a surname that may be rare
FEWEST_FOR_GIVEN = 10  # the same for a word that is a given name as well ("Martin", "Elisabeth")
FEWEST_UNSURE = 5  # documents after which "Barack Obama" is taken for one, though no list has the given name
ALONE_PER_FULL = 10  # documents with a surname alone that each one with the full name can explain


Claim = tuple[str, str, str]
"""Why two keys may be one: a rule, and the keys."""


class Signature(NamedTuple):
    """The keys of a cluster; clusters of one signature are resolved as one."""

    label: str
    strong: tuple[str, ...]
    weak: tuple[str, ...]
    bases: tuple[str, ...]
    roles: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()


def read_signatures(texts: Iterable[str]) -> dict[str, Signature]:
    """Signatures from their form in the cluster table, by that form."""
    return {text: _signature(*parts) for text, parts in read_json(texts).items()}


def _signature(label: str, strong: list[str], weak: list[str], bases: list[str], *more: list[Any]) -> Signature:
    roles, claims = more
    pairs = tuple([(rule, one, other) for rule, one, other in claims])
    return Signature(label, tuple(strong), tuple(weak), tuple(bases), tuple(roles), pairs)


def read_json(texts: Iterable[str]) -> dict[str, Any]:
    """What texts of JSON say, each once, by the text; as one list they are read in a third of the time."""
    found = list(dict.fromkeys(texts))
    return dict(zip(found, json.loads(f"[{','.join(found)}]"), strict=True))


def blocks_of(signature: Signature) -> set[str]:
    """The blocks a cluster belongs to."""
    label, strong, weak, bases, _, claims = signature
    keys = (*strong, *weak, *bases, *(key for _, *pair in claims for key in pair)) if claims else strong + weak + bases
    return {f"{label}:{_block(label, key)}" for key in keys}


def _block(label: str, key: str) -> str:
    """The last word of the surname, so that "Leyen" and "von der Leyen" meet."""
    if label != "PER":
        return key
    surname = key.split("|")[1] if "|" in key else key
    return surname.rpartition(" ")[2]


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


_Bare = dict[Signature, tuple[tuple[str, ...], tuple[str, ...]]]


def _resolve_label(label: str, group: dict[Signature, int]) -> dict[Signature, str]:
    attested = _attested(label, group)
    bare: _Bare = {signature: _without_ending(signature, attested) for signature in sorted(group)}
    named = _documents_of(bare, group)
    said = [*_believed(group, named), *(_same_person(named) if label == "PER" else ())]
    same = _held_apart(said, _never_one(label))
    # A group is named after its smallest key, in whatever order it grew.
    entity_of = smallest_of_group(named, same)
    known = _known_of(bare, group, entity_of, named)
    if label == "PER":
        offered = _offered_surnames(entity_of)
        return {
            signature: known.main[signature] if strong else _person_meant(signature, weak, offered, known)
            for signature, (strong, weak) in bare.items()
        }
    explained = _explained(group, entity_of)
    return {
        signature: known.main[signature] if strong else _name_meant(weak, explained, entity_of, known)
        for signature, (strong, weak) in bare.items()
    }


def _held_apart(said: list[tuple[str, str]], never: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs without those that would join, directly or over others, two names that are never one."""
    joined = smallest_of_group({key for pair in said for key in pair}, said)
    roots = {joined[one] for one, other in never if one in joined and joined[one] == joined.get(other)}
    kept = [pair for pair in said if joined[pair[0]] not in roots]
    for pair in sorted(pair for pair in said if joined[pair[0]] in roots):
        group = smallest_of_group({key for known in (*kept, pair) for key in known}, [*kept, pair])
        if all(one not in group or group[one] != group.get(other) for one, other in never):
            kept.append(pair)
    return kept


@cache
def _never_one(label: str) -> list[tuple[str, str]]:
    """Pairs of keys that the table of `lookups` holds apart."""
    return [(_key(label, one), _key(label, other)) for named, one, other in never_one() if named == label]


def _key(label: str, name: str) -> str:
    return parse_person(name).key if label == "PER" else name_key(name, label)


class _Known(NamedTuple):
    """What the corpus says: documents and roles of each entity, those of each word alone, the entity of a signature."""

    documents: Counter[str]
    roles: dict[str, set[str]]
    alone: Counter[str]
    main: dict[Signature, str]
    sure: set[str]


def _documents_of(bare: _Bare, group: dict[Signature, int]) -> Counter[str]:
    """In how many documents each full name stands."""
    named: Counter[str] = Counter()
    for signature, (strong, _) in bare.items():
        for key in strong:
            named[key] += group[signature]
    return named


def _believed(group: dict[Signature, int], named: Counter[str]) -> Iterator[tuple[str, str]]:
    """Pairs of full names that enough documents say are one."""
    support: Counter[tuple[str, str]] = Counter()
    for signature, count in group.items():
        for rule, one, other in signature.claims:
            if rule == "renamed" and one in named and other in named:
                support[one, other] += count
    for (one, other), count in support.items():
        bears = ONE_BEARS if count == 1 else MORE_BEAR
        if count * bears >= min(named[one], named[other]):
            yield one, other


def _known_of(bare: _Bare, group: dict[Signature, int], entity_of: dict[str, str], named: Counter[str]) -> _Known:
    known = _Known(Counter(), defaultdict(set), Counter(), {}, set())
    for signature, (strong, weak) in bare.items():
        for word in weak if not strong else ():
            known.alone[word] += group[signature]
        if strong:
            # Names of one document that the corpus holds apart: the one most documents know stands for all.
            best = strong[0]
            if len(strong) > 1:
                best = max(strong, key=lambda key: (_spelt_out(key), named[key], len(key), key))
            root = entity_of[best]
            known.main[signature] = root
            known.documents[root] += group[signature]
            known.roles[root].update(signature.roles)
            known.sure.update(root for key in strong if not _unsure(key))
    return known


def _spelt_out(key: str) -> bool:
    """Whether a person's name has more than initials before the surname."""
    return any(len(given) > 1 for given in key.split("|")[0].split(" "))


def _unsure(key: str) -> bool:
    given, surname, *_ = *key.split("|"), ""
    return "|" in key and is_unsure(tuple(given.split(" ")), surname)


def _person_meant(signature: Signature, weak: tuple[str, ...], offered: dict[str, set[str]], known: _Known) -> str:
    """Whom a surname means: the only one who may be meant by it, or of several the one with the role, or by far the
    best known; else it stays apart in each document.
    """
    bearers = {root for key in weak for root in offered.get(key, ())}
    alike = {root for root in bearers if known.roles.get(root, set()) & set(signature.roles)}
    meant = alike if len(alike) == 1 else bearers
    if len(meant) > 1:
        meant = _best_known(meant, known)
    if len(meant) > 1:
        return f"={weak[0]}{APART}"
    root = next(iter(meant), "")
    return root if root and (alike or _may_mean(weak[0], root, known)) else f"={weak[0]}"


def _may_mean(word: str, root: str, known: _Known) -> bool:
    """Whether a word alone may mean its only bearer: one who is known by the full name, for how often the word stands
    alone. What may be two names side by side has to stand in as many documents as the word alone.
    """
    documents = known.documents[root]
    bears = ALONE_PER_FULL if root in known.sure or documents >= FEWEST_UNSURE else 1
    common = root not in known.sure or _is_common(word)
    rare = FEWEST_IN_OFFICE if known.roles[root] & office_stems() else FEWEST_FULL
    fewest = FEWEST_FOR_GIVEN if is_given(word) else FEWEST_FOR_COMMON if common else rare
    return documents >= fewest and documents * bears >= known.alone[word]


def _is_common(surname: str) -> bool:
    """Whether many people may have a surname: a listed or very short one, an initial, a title ("von Bayern")."""
    return " " in surname or len(surname) < SHORTEST_RARE or surname in common_surnames()


def _best_known(meant: set[str], known: _Known) -> set[str]:
    best = max(sorted(meant), key=lambda root: known.documents[root])
    others = sum(known.documents[root] for root in meant) - known.documents[best]
    return {best} if known.documents[best] >= BY_FAR * others else meant


def _name_meant(
    weak: tuple[str, ...], explained: dict[str, dict[str, Counter[str]]], entity_of: dict[str, str], known: _Known
) -> str:
    """What an acronym alone means: the name that enough documents explain it by, else itself."""
    word = weak[0]
    if word in entity_of:
        return entity_of[word]
    offers = explained.get(word, {})
    total = sum(count.total() for count in offers.values())
    for root, count in sorted(offers.items()):
        if count.total() >= MOST_OFFERS * total and _is_explained(count, known.alone[word]):
            return root
    return f"={word}"


def _is_explained(count: Counter[str], alone: int) -> bool:
    """Whether explanations are enough: one in brackets, or several that only have the letters or only the brackets."""
    other = count["initials"] + count["bracketed"]
    defined = count["defined"] >= 1 and count["defined"] * DEFINED_BEARS >= alone
    return defined or (other >= 2 and other * INITIALS_BEAR >= alone)


def _explained(group: dict[Signature, int], entity_of: dict[str, str]) -> dict[str, dict[str, Counter[str]]]:
    """Acronym -> entity -> how many documents explain it so, by rule."""
    found: defaultdict[str, defaultdict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for signature, count in group.items():
        best: dict[tuple[str, str], str] = {}
        for rule, full, acronym in signature.claims:
            if rule != "renamed" and full in entity_of:
                pair = (acronym, entity_of[full])
                best[pair] = "defined" if "defined" in (rule, best.get(pair)) else rule
        for (acronym, root), rule in best.items():
            found[acronym][root][rule] += count
    return {acronym: dict(offers) for acronym, offers in found.items()}


def _attested(label: str, group: dict[Signature, int]) -> Counter[str]:
    """In how many documents a key names something by itself, or is the surname of a full name."""
    attested: Counter[str] = Counter()
    for signature, count in group.items():
        keys = {*signature.strong, *signature.weak}
        if label == "PER":
            keys |= {key.split("|")[1] for key in keys if "|" in key}
        for key in keys:
            attested[key] += count
    return attested


def _without_ending(signature: Signature, attested: Counter[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Strong and weak keys; a lone key gives way to its base form where that is a name of its own, and no rarer."""
    if not signature.bases:
        return signature.strong, signature.weak
    keys = (*signature.strong, *signature.weak)
    inhabited = signature.label == "LOC" and all(key.endswith("er") and len(key) >= SHORTEST_INHABITED for key in keys)
    own = 1 if inhabited else max((attested[key] for key in keys), default=1)
    base = next((base for base in signature.bases if attested[base] >= max(own, 1)), None)
    if base is None and signature.label == "PER" and not signature.strong and not common_surnames() & set(keys):
        # "Napoleons" is no name of its own, be it the commoner form; "Williams" is one.
        base = next((base for base in signature.bases if 2 * attested[base] >= own and is_given(base)), None)
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
        common = surname in common_surnames()
        first: dict[tuple[int, str], tuple[str, ...]] = {}
        for names, number in merge_given(given_names).items():
            # One initial or a short form says little where many bear the surname: "H. Fischer", "Hans Fischer".
            own = names[0] if common and says_little(names) else ""
            known = first.setdefault((number, own), names)
            if not more_given(known, names):
                yield (f"{' '.join(known)}|{surname}|{suffix}", f"{' '.join(names)}|{surname}|{suffix}")


def _offered_surnames(entity_of: dict[str, str]) -> dict[str, set[str]]:
    """The persons that a surname alone may mean."""
    offered: defaultdict[str, set[str]] = defaultdict(set)
    for key, root in entity_of.items():
        given, surname, _ = key.split("|")
        if given == REGNAL:
            continue  # "Elisabeth" in another document is hardly Elisabeth II.
        for short in {surname, surname.rsplit(" ", 1)[-1]}:
            offered[short].add(root)
    return offered
