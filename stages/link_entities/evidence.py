"""Why a spelling is of an entity: the rule that joined it to the name shown, and documents that bear it out.

| rule | what it says |
|---|---|
| known_name | a table of `lookups/linking` has both as names of one thing, or both mean one place of GeoNames |
| derived | an adjective or inhabitant of the place |
| given_names | the same surname, and given names that fit: initials, short forms, spelling variants |
| surname_in_document | a surname or given name alone, in documents with the full name |
| surname_in_corpus | a surname alone, in documents without the full name: it can mean nobody else, or the office fits |
| renamed | documents say so: "geborene", "früher", "(heute ...)" |
| defined | an acronym, in brackets beside the name whose letters it has |
| bracketed | an acronym in brackets beside the name, in several documents |
| initials | an acronym that has the initials of a name in the same documents |
| explained | an acronym alone, in documents that do not explain it; others do |
| short_form | a part of the name, in documents with the whole name |
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from stages.link_entities import names
from stages.link_entities.persons import parse_person
from stages.link_entities.resolve import Signature
from stages.lookups.fold import genitives, plain, surname_key, without_ending
from stages.lookups.known_names import lists

RULES = (
    "known_name", "derived", "given_names", "surname_in_document", "surname_in_corpus", "renamed", "defined",
    "bracketed", "initials", "explained", "short_form",
)  # fmt: skip
MOST_ENTRIES = 50  # of an entity; the most frequent ones are kept
MOST = 3  # documents named for each

UNSAID = re.compile(r"[()@_#'\u2019]")  # brackets, and signs of names on Twitter

Seen = tuple[Signature, dict[str, int], int, list[str]]


def evidence_of(label: str, name: str, seen: Iterable[Seen]) -> list[dict[str, Any]]:
    """Alias, rule, in how many documents, and some of these, for each spelling that is more than an inflection.

    ``seen``: signature and forms of a cluster, how many documents say just this, and the source_uri of some.
    """
    counts: dict[tuple[str, str], int] = {}
    where: dict[tuple[str, str], set[str]] = {}
    for signature, forms, count, uris in seen:
        others = [form for form, number in forms.items() if number and form != name]
        renamed = _renamed(signature) if others else frozenset()
        for form in others:
            rule = _rule(label, name, form, signature, renamed)
            if rule is not None:
                counts[form, rule] = counts.get((form, rule), 0) + count
                where.setdefault((form, rule), set()).update(uris)
    most = sorted(counts, key=lambda pair: (-counts[pair], pair))[:MOST_ENTRIES]
    return [
        {
            "alias": form,
            "rule": rule,
            "n_documents": counts[form, rule],
            "documents": sorted(where[form, rule])[:MOST],
        }
        for form, rule in sorted(most)
    ]


def _renamed(signature: Signature) -> frozenset[str]:
    return frozenset(key for rule, *pair in signature.claims if rule == "renamed" for key in pair)


def _rule(label: str, name: str, form: str, signature: Signature, renamed: frozenset[str]) -> str | None:
    """The rule that joins a form to the name shown; None where they differ by spelling or inflection alone."""
    if is_inflection(name, form):
        return None
    return _person_rule(name, form, signature, renamed) if label == "PER" else _name_rule(label, name, form, signature)


def is_inflection(one: str, other: str) -> bool:
    """Whether two names differ by no more than case, signs, accents and endings, word by word.

    >>> is_inflection("Europäische Union", "Europäischen Union"), is_inflection("Wien", "Wiens")
    (True, True)
    >>> is_inflection("Anna Müller", "Müller")
    False
    """
    first, second = (UNSAID.sub("", plain(text)).split() for text in (one, other))
    return len(first) == len(second) and all(map(_same_word, first, second))


def _same_word(one: str, other: str) -> bool:
    return not {*_stems(one)}.isdisjoint(_stems(other))


def _stems(word: str) -> Iterator[str]:
    yield word
    yield without_ending(word)
    yield from genitives(word)


def _person_rule(name: str, form: str, signature: Signature, renamed: frozenset[str]) -> str | None:
    shown, person = parse_person(name), parse_person(form)
    if person.key in renamed:
        return "renamed"
    if person.given:
        return None if person.key == shown.key else "given_names"
    if person.surname == shown.surname and not shown.given:
        return None
    if renamed and person.surname != shown.surname:
        return "renamed"
    return "surname_in_document" if signature.strong else "surname_in_corpus"


def _name_rule(label: str, name: str, form: str, signature: Signature) -> str | None:
    key, shown = names.name_key(form, label), names.name_key(name, label)
    if key == shown or (label == "ORG" and shown in names.base_forms(form, label, derived=False)):
        key = shown
        known = key.startswith("@") or (label, key) in lists().shown
        return "known_name" if known and surname_key(plain(form)) != surname_key(plain(name)) else None
    if label == "LOC" and any(base == shown for base in names.base_forms(form, label, derived=True)):
        return "derived"
    rules = [rule for rule, *pair in signature.claims if key in pair]
    if rules:
        return min(rules, key=RULES.index)
    return "explained" if key in signature.weak and not signature.strong else "short_form"
