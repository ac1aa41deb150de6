"""Names of well-known institutions that an engine missed, cut or took for a place: "das Technische Hilfswerk"."""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from stages.extract_entities.names import Name
from stages.lookups.known_names import organisations

# Of these every name of several words is looked for: a person or a place is hardly called so.
KINDS = frozenset({"broadcaster", "authority", "association", "bank", "union", "court", "institute"})
FEDERAL = re.compile(
    r"\bBundes(?:[a-zäöüß]*(?:amt|gericht|gerichtshof|kammer|bank|verband|ministerium|agentur|institut|anwaltschaft)|rat|tag"
    r"|nachrichtendienst|rechnungshof|finanzhof)(?:e?s)?\b(?![-\w])"
)
ADJECTIVE = re.compile(r"(?<=[A-Za-zäöüß]{3})e[rs]?$")
SCORE = 0.9  # of names that the table tells


def with_institutions(texts: Sequence[str], found: Sequence[Sequence[Name]], extractor: str) -> list[list[Name]]:
    """Add to the names of the sentences of one document the institutions that stand in it, whole and in any case.

    What was found inside one goes; one that is part of a longer name is left alone.
    """
    document = "\n".join(texts)
    looked_for = [pattern for fragment, pattern in _known() if fragment in document]
    if not looked_for:
        return [list(names) for names in found]
    return [_completed(text, names, looked_for, extractor) for text, names in zip(texts, found, strict=True)]


def _completed(text: str, names: Sequence[Name], patterns: Sequence[re.Pattern[str]], extractor: str) -> list[Name]:
    for start, end in (match.span() for pattern in patterns for match in pattern.finditer(text)):
        whole = [name for name in names if name.kind == "name" and name.start < end and name.end > start]
        if any(name.start < start or name.end > end or name[:3] == (start, end, "ORG") for name in whole):
            continue
        names = [*(name for name in names if name not in whole), Name(start, end, "ORG", "name", SCORE, extractor)]
    return sorted(names, key=lambda name: (name.start, -name.end, name.kind))


@cache
def _known() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """What a text has to hold for an institution to be in it, and the pattern of its name in any case."""
    names = {
        name for kind, row in organisations() if kind in KINDS for name in row if " " in name and name[0].isupper()
    }
    named = ((_fragment(name), re.compile("".join(_inflected(name)))) for name in sorted(names))
    return ("Bundes", FEDERAL), *named


def _fragment(name: str) -> str:
    """The longest word of a name, as its other cases have it too."""
    return ADJECTIVE.sub("", max(name.split(), key=len))


def _inflected(name: str) -> Iterator[str]:
    words = name.split()
    yield r"\b"
    for place, word in enumerate(words):
        yield " " if place else ""
        adjective = place < len(words) - 1 and word[0].isupper() and ADJECTIVE.search(word)
        yield re.escape(ADJECTIVE.sub("", word)) + "e[rsnm]?" if adjective else re.escape(word)
    yield r"(?:e?s)?\b(?!-\w)"
