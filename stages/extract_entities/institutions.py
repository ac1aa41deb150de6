"""Names of well-known institutions that an engine missed, cut or took for a place: "das Technische Hilfswerk"."""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from stages.extract_entities.names import Name
from stages.lookups.known_names import organisations

# Of these every name of several words is looked for: a person or a place is hardly called so.
KINDS = frozenset({"broadcaster", "authority", "association", "bank", "union", "court", "institute"})
FEDERAL = re.compile(
    r"Bundes(?<=\bBundes)(?:[a-zäöüß]*(?:amt|gericht|gerichtshof|kammer|bank|verband|ministerium|agentur|institut|anwaltschaft)|rat|tag"
    r"|nachrichtendienst|rechnungshof|finanzhof)(?:e?s)?\b(?![-\w])"
)
MARKS = ("", *'.,:;!?)"\u201c\u2019\u00ab\u00bb')  # behind a word, with quotation marks
ADJECTIVE = re.compile(r"(?<=[A-Za-zäöüß]{3})e[rs]?$")
Known = tuple[str, re.Pattern[str]]  # the last word of a name, and the pattern of the name
SCORE = 0.9  # of names that the table tells


def with_institutions(texts: Sequence[str], found: Sequence[Sequence[Name]], extractor: str) -> list[list[Name]]:
    """Add to the names of the sentences of one document the institutions that stand in it, whole and in any case.

    What was found inside one goes; one that is part of a longer name is left alone.
    """
    document = "\n".join(texts)
    looked_for = [("Bundes", FEDERAL)] if "Bundes" in document else []
    # One look at the words of the document: a hundred names cost what one does.
    for word in _known().keys() & set(document.split()):
        looked_for += [known for known in _known()[word] if known not in looked_for]
    if not looked_for:
        return [list(names) for names in found]
    return [_completed(text, names, looked_for, extractor) for text, names in zip(texts, found, strict=True)]


def _completed(text: str, names: Sequence[Name], looked_for: Sequence[Known], extractor: str) -> list[Name]:
    there = (pattern for word, pattern in looked_for if word in text)
    for start, end in (match.span() for pattern in there for match in pattern.finditer(text)):
        whole = [name for name in names if name.kind == "name" and name.start < end and name.end > start]
        if any(name.start < start or name.end > end or name[:3] == (start, end, "ORG") for name in whole):
            continue
        names = [*(name for name in names if name not in whole), Name(start, end, "ORG", "name", SCORE, extractor)]
    return sorted(names, key=lambda name: (name.start, -name.end, name.kind))


@cache
def _known() -> dict[str, tuple[Known, ...]]:
    """The last word of institutions in each of its cases, with a mark or without, and the patterns of their names."""
    names = {
        name for kind, row in organisations() if kind in KINDS for name in row if " " in name and name[0].isupper()
    }
    known: dict[str, tuple[Known, ...]] = {}
    for name in sorted(names):
        last, pattern = name.rpartition(" ")[2], re.compile("".join(_inflected(name)))
        for word in (f"{last}{case}{mark}" for case in ("", "s", "es") for mark in MARKS):
            known[word] = (*known.get(word, ()), (last, pattern))
    return known


def _inflected(name: str) -> Iterator[str]:
    words = name.split()
    yield r"\b"
    for place, word in enumerate(words):
        yield " " if place else ""
        adjective = place < len(words) - 1 and word[0].isupper() and ADJECTIVE.search(word)
        yield re.escape(ADJECTIVE.sub("", word)) + "e[rsnm]?" if adjective else re.escape(word)
    yield r"(?:e?s)?\b(?!-\w)"
