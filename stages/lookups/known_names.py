"""The known names of `lookups`: aliases, adjectives, legal forms and places, each read once."""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent


class Lists(NamedTuple):
    """The lists of `lookups/linking/names.json`; all but the places of the adjectives folded."""

    aliases: dict[tuple[str, str], str]
    adjectives: dict[str, str]
    legal_forms: frozenset[str]
    short_rests: frozenset[str]
    club_words: frozenset[str]
    institutions: tuple[str, ...]
    words: dict[str, str]


class Place(NamedTuple):
    """A row of `lookups/places.tsv`: the place that a name means without doubt."""

    geonames_id: int
    country: str
    name: str


@cache
def lists() -> Lists:
    """Read the lists once."""
    data: dict[str, Any] = json.loads((FOLDER / "linking" / "names.json").read_text(encoding="utf-8"))
    aliases = {
        (label, alias): name
        for label in ("LOC", "ORG")
        for name, others in data["aliases"][label].items()
        for alias in others
    }
    return Lists(
        aliases,
        data["adjectives"],
        frozenset(data["legal_forms"]),
        frozenset(data["short_rests"]),
        frozenset(data["club_words"]),
        tuple(data["institutions"]),
        data["words"],
    )


@cache
def places() -> dict[str, Place]:
    """Name -> place, for names that mean one place only."""
    found = {}
    with (FOLDER / "places.tsv").open(encoding="utf-8") as handle:
        for line in handle:
            if not line.startswith(("#", "key\t")):
                key, number, country, name, _ = line.rstrip("\n").split("\t")
                found[key] = Place(int(number), country, name)
    return found


@cache
def _places_by_id() -> dict[int, Place]:
    return {place.geonames_id: place for place in places().values()}


def place_of(key: str) -> Place | None:
    """The place of a key that is a GeoNames id ("@2761369")."""
    return _places_by_id().get(int(key[1:]))
