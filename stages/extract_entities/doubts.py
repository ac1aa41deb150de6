"""Names of which an engine is so unsure that they are more often none, where the rest of their document is silent."""

from collections.abc import Sequence
from functools import lru_cache

from stages.extract_entities.names import Name
from stages.extract_entities.names.vote import base_form, collect, forms
from stages.extract_entities.settle import after_institution, is_person_in_capitals
from stages.lookups.fold import REMEMBERED, plain, uninflected
from stages.lookups.known_names import lists

LEAST = 0.45  # summed score of a form in a document: of the names with less, two in three are none or cut wrong


def without_doubted(texts: Sequence[str], found: Sequence[Sequence[Name]]) -> list[list[Name]]:
    """Leave out, of the names of the sentences of one document, those of which little is known.

    The scores of a form add up over the document, a full name counts for its last word too. What a table knows stays,
    and the town after "Landgericht" and the like, and a given name with another in capitals; so do derivations.
    """
    if all(name.score >= LEAST for names in found for name in names):
        return [list(names) for names in found]
    placed = (
        (text[name.start : name.end], name, 0) for text, names in zip(texts, found, strict=True) for name in names
    )
    votes = {form: sum(labels.values()) for form, labels in collect(placed).items()}
    return [
        [name for name in names if name.score >= LEAST or not _is_doubted(text, name, votes)]
        for text, names in zip(texts, found, strict=True)
    ]


def _is_doubted(text: str, name: Name, votes: dict[str, float]) -> bool:
    """Whether neither its document nor a table nor the word before it supports a name."""
    surface = text[name.start : name.end]
    if name.kind == "deriv" or _is_listed(surface) or is_person_in_capitals(surface):
        return False
    if after_institution(text, 0, name.start):
        return False
    own = {surface, base_form(surface), *forms(surface, name.label, name.kind)}
    return all(votes.get(form, 0.0) < LEAST for form in own)


@lru_cache(REMEMBERED)
def _is_listed(surface: str) -> bool:
    """Whether a name is that of an organisation or a place of the tables."""
    key = uninflected(plain(surface))
    return any((label, key) in table for label in ("ORG", "LOC", "MISC") for table in (lists().shown, lists().aliases))
