"""Motorways and trunk roads that an engine missed in traffic news: "Stau auf der A 7", "B 27 Stuttgart Richtung"."""

import re
from collections.abc import Sequence

from stages.extract_entities.names import Name
from stages.extract_entities.names.decode import with_free

SCORE = 0.9  # of names that are told here
# A paper size or a vitamin has no direction, and nobody is "auf der A 4".
ROAD = re.compile(
    r"(?<![\w-])[AB] ?[0-9]{1,3}(?= (?:[\w-]+ ){0,2}(?:in )?(?:Fahrtr|R|r)ichtung\b)"
    r"|(?<=[Aa]uf der )[AB] ?[0-9]{1,3}(?![\w-])"
)
MARKS = ("ichtung", "uf der A", "uf der B")  # of which one stands in every text with a road


def with_roads(texts: Sequence[str], found: Sequence[Sequence[Name]], extractor: str) -> list[list[Name]]:
    """Add to the names of the sentences of one German document the roads in them that no name touches.

    >>> [name[:3] for name in with_roads(["Stau auf der A 7 bei Ulm"], [[]], "rule")[0]]
    [(13, 16, 'LOC')]
    """
    document = "\n".join(texts)
    if not any(map(document.__contains__, MARKS)):
        return [list(names) for names in found]
    road = Name(0, 0, "LOC", "name", SCORE, extractor)
    roads = [[match.span() for match in ROAD.finditer(text)] for text in texts]
    return [with_free(spans, names, road) if spans else list(names) for spans, names in zip(roads, found, strict=True)]
