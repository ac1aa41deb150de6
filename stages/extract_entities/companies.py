"""Companies that a document names in full once and by their own name after that: "Nordwerke AG", "Nordwerke"."""

import re
from collections.abc import Sequence

from stages.extract_entities.names import Name
from stages.lookups.fold import plain
from stages.lookups.known_names import lists

SHORTEST = 4  # letters of a company's own name that is looked for
SURE = 0.95  # of a score: what an engine says this surely stays what it says
TRADES = (
    "bauer", "hersteller", "konzern", "händler", "betreiber", "anbieter", "unternehmen", "versicherer",
    "dienstleister", "produzent", "zulieferer", "discounter", "fluglinie", "fluggesellschaft", "tochter",
)  # fmt: skip
CAPITAL = "[A-ZÄÖÜ]"
TRADE = re.compile(rf"(?={CAPITAL})(?i:[\w-]*(?:{'|'.join(TRADES)})s?) (?={CAPITAL})")


def with_companies(texts: Sequence[str], found: Sequence[Sequence[Name]], extractor: str) -> list[list[Name]]:
    """Name the companies of one document alike: without their trade before them, and where only their own name stands.

    A name is a company's where a legal form follows it somewhere in the document, and nobody's in it.
    """
    trimmed = [[_without_trade(text, name) for name in names] for text, names in zip(texts, found, strict=True)]
    own = _own_names(texts, trimmed)
    if not own:
        return trimmed
    pattern = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, own)))})(?=s?\b)")
    return [_completed(text, names, pattern, extractor) for text, names in zip(texts, trimmed, strict=True)]


def _without_trade(text: str, name: Name) -> Name:
    trade = TRADE.match(text, name.start, name.end) if name.label == "ORG" and name.kind == "name" else None
    rest = text[trade.end() : name.end] if trade else ""
    return name if trade is None or plain(rest) in lists().legal_forms else name._replace(start=trade.end())


def _own_names(texts: Sequence[str], found: Sequence[Sequence[Name]]) -> set[str]:
    """The single words that a legal form follows in an organisation's name, and that are no person's last name."""
    surfaces = [
        (name.label, text[name.start : name.end].split(" "))
        for text, names in zip(texts, found, strict=True)
        for name in names
        if name.kind == "name"
    ]
    people = {words[-1] for label, words in surfaces if label == "PER" and len(words) > 1}
    companies = {
        words[0]
        for label, words in surfaces
        if label == "ORG" and len(words) > 1 and all(plain(word) in lists().legal_forms for word in words[1:])
    }
    return {word for word in companies - people if len(word) >= SHORTEST and word[0].isupper()}


def _completed(text: str, names: list[Name], pattern: re.Pattern[str], extractor: str) -> list[Name]:
    for match in pattern.finditer(text):
        over = [name for name in names if name.start < match.end() + 1 and name.end > match.start()]
        if not over:
            part = text[match.end() :].startswith("-")
            names = [*names, Name(*match.span(), "ORG", "part" if part else "name", 0.8, extractor)]
        elif [one[:2] for one in over] == [match.span()] and over[0].kind == "name" and over[0].score < SURE:
            names = [name._replace(label="ORG") if name in over else name for name in names]
    return sorted(names, key=lambda name: (name.start, -name.end, name.kind))
