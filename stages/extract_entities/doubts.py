"""Names of which an engine is so unsure that they are more often none, where the rest of their document is silent."""

import re
from collections.abc import Sequence
from functools import lru_cache

from stages.extract_entities.names import Name
from stages.extract_entities.names.vote import Votes, base_form, collect, forms
from stages.extract_entities.settle import after_institution, is_person_in_capitals
from stages.lookups.fold import REMEMBERED, plain, uninflected
from stages.lookups.known_names import lists

LEAST = 0.45  # summed score of a form in a document: of the names with less, two in three are none or cut wrong
LEAST_OPENING = 0.6  # the same of what may be an adjective that begins a sentence: "Neutraler Vermittler"
OPENING = re.compile(r"[A-ZÄÖÜ][a-zäöüß]+e[rsnm]?(?= [A-ZÄÖÜ][a-zäöüß])")


def without_doubted(texts: Sequence[str], found: Sequence[Sequence[Name]]) -> list[list[Name]]:
    """Leave out, of the names of the sentences of one document, those of which little is known.

    The scores of a form add up over the document, a full name counts for its last word too. What a table knows stays,
    and the town after "Landgericht" and the like, and a given name with another in capitals; so do derivations.
    """
    doubted = [
        (number, name)
        for number, (text, names) in enumerate(zip(texts, found, strict=True))
        for name in names
        if name.score < _least(text, name) and not _is_told(text, name)
    ]
    left = [list(names) for names in found]
    if doubted:
        rows = zip(texts, found, strict=True)
        votes = collect((text[name.start : name.end], name, 0) for text, names in rows for name in names)
        for number, name in doubted:
            text = texts[number]
            if _is_alone(text[name.start : name.end], name, votes, _least(text, name)):
                left[number].remove(name)
    return left


def _least(text: str, name: Name) -> float:
    opening = OPENING.match(text, name.start) if name.start == 0 else None
    return LEAST_OPENING if opening is not None and opening.end() == name.end else LEAST


def _is_told(text: str, name: Name) -> bool:
    """Whether a table or what stands before it supports a name."""
    surface = text[name.start : name.end]
    listed = name.kind == "deriv" or _is_listed(surface) or is_person_in_capitals(surface)
    return listed or after_institution(text, 0, name.start)


def _is_alone(surface: str, name: Name, votes: Votes, least: float) -> bool:
    """Whether the other names of a document, by what they vote for, do not support a name."""
    own = {surface, base_form(surface), *forms(surface, name.label, name.kind)}
    return all(sum(votes.get(form, {}).values()) < least for form in own)


@lru_cache(REMEMBERED)
def _is_listed(surface: str) -> bool:
    """Whether a name is that of an organisation or a place of the tables."""
    key = uninflected(plain(surface))
    return any((label, key) in table for label in ("ORG", "LOC", "MISC") for table in (lists().shown, lists().aliases))
