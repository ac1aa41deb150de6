"""Numbered roads that an engine missed or cut: "Stau auf der A 7", "B 27 Stuttgart Richtung", "Staatsstraße 2082"."""

import re
from collections.abc import Sequence

from stages.extract_entities.names import Name
from stages.extract_entities.names.decode import with_free

SCORE = 0.9  # of names that are told here
# A paper size or a vitamin has no direction, and nobody is "auf der A 4".
ROAD = re.compile(
    r"(?<![\w-])[AB] ?[0-9]{1,3}(?= (?:[\w-]+ ){0,2}(?:in )?(?:Fahrtr|R|r)ichtung\b)"
    r"|(?<=[Aa]uf der )[AB] ?[0-9]{1,3}(?![\w-])"
    r"|(?<![\w-])(?:BAB|(?:Bundes|Landes|Staats|Kreis)stra(?:ß|ss)e) [0-9]{1,4}(?![\w-])"
)
# One of these stands in every sentence with a road: to look for them costs a fraction of looking for roads.
MARKS = ("ichtung", "uf der A", "uf der B", "BAB ", "straße ", "strasse ")


def with_roads(texts: Sequence[str], found: Sequence[Sequence[Name]], extractor: str) -> list[list[Name]]:
    """Add to the names of the sentences of one German document the roads in them that no name touches.

    A name that is the beginning of a road ("Staatsstraße") gives way to the whole.

    >>> [name[:3] for name in with_roads(["Stau auf der A 7 bei Ulm"], [[]], "rule")[0]]
    [(13, 16, 'LOC')]
    """
    road = Name(0, 0, "LOC", "name", SCORE, extractor)
    return [_with_roads(text, names, road) for text, names in zip(texts, found, strict=True)]


def _with_roads(text: str, names: Sequence[Name], road: Name) -> list[Name]:
    if not any(map(text.__contains__, MARKS)):
        return list(names)
    ends = {match.start(): match.end() for match in ROAD.finditer(text)}
    whole = [name for name in names if name.end >= ends.get(name.start, 0)]
    return with_free(ends.items(), whole, road) if ends else whole
