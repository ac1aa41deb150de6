"""The known names of `lookups`: organisations, countries, aliases, adjectives and places, each read once."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from stages.lookups.fold import plain, uninflected

FOLDER = Path(__file__).parent


class Lists(NamedTuple):
    """The lists of `lookups/linking` about names; all but ``shown`` and the places of the adjectives folded.

    ``shown``: how the thing of a key is called; ``kinds``: what an organisation of the table is (agency, party ...);
    ``codes``: those of countries, which mean them in capitals only.
    """

    aliases: dict[tuple[str, str], str]
    shown: dict[tuple[str, str], str]
    kinds: dict[str, str]
    codes: frozenset[str]
    adjectives: dict[str, str]
    legal_forms: frozenset[str]
    short_rests: frozenset[str]
    club_words: frozenset[str]
    no_short_form: frozenset[str]
    no_places: frozenset[str]
    no_persons: frozenset[str]
    nobody: frozenset[str]
    letters: frozenset[str]
    parties_in_plural: frozenset[str]
    institutions: tuple[str, ...]
    words: dict[str, str]


@cache
def offices() -> tuple[str, ...]:
    """Offices of persons in the news, in small letters: what the last part of "US-Finanzminister" is."""
    data: dict[str, Any] = json.loads((FOLDER / "linking" / "persons.json").read_text(encoding="utf-8"))
    return tuple(data["offices"])


@cache
def openers() -> frozenset[str]:
    """Words that begin a German sentence with a capital and are part of no name."""
    data: dict[str, Any] = json.loads((FOLDER / "sentences.json").read_text(encoding="utf-8"))
    return frozenset(data["de"]["openers"])


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
        for label in ("LOC", "ORG", "MISC")
        for name, others in data["aliases"][label].items()
        for alias in others
    }
    shown: dict[tuple[str, str], str] = {}
    for label, name, others in _named():
        key = _key(name)
        shown.setdefault((label, key), name)
        aliases |= {(label, _key(other)): key for other in others if _key(other) != key}
    kinds = {_key(row["name"]): row["kind"] for row in _rows("organisations")}
    adjectives = {stem: place for stem, place in data["adjectives"].items() if stem != "meaning"}
    return Lists(
        aliases,
        shown,
        kinds,
        frozenset(plain(code) for row in _rows("countries") for code in _cells(row["codes"])),
        adjectives | dict(_derived()),
        frozenset(data["legal_forms"]),
        frozenset(data["short_rests"]),
        frozenset(data["club_words"]),
        frozenset(data["no_short_form"]),
        frozenset(data["no_places"]),
        frozenset(data["no_persons"]),
        frozenset(data["nobody"]),
        frozenset(data["letters"]),
        frozenset(data["parties_in_plural"]),
        tuple(data["institutions"]),
        data["words"],
    )


def _rows(table: str) -> Iterator[dict[str, str]]:
    """The rows of a table of `linking`, by the names of its columns; a cell that is not there is empty."""
    lines = (FOLDER / "linking" / f"{table}.tsv").read_text(encoding="utf-8").splitlines()
    header, *rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    for row in rows:
        yield dict(zip(header, row + [""] * (len(header) - len(row)), strict=True))


@cache
def organisations() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What each organisation of the table is, and all its names, as they are written."""
    return tuple((row["kind"], (row["name"], *_cells(row["others"]))) for row in _rows("organisations"))


def _cells(cell: str) -> list[str]:
    return [part for part in cell.split("; ") if part]


def _key(name: str) -> str:
    return uninflected(plain(name))


def _named() -> Iterator[tuple[str, str, list[str]]]:
    """Label, name and other names of what the tables know."""
    for row in _rows("organisations"):
        yield "ORG", row["name"], _cells(row["others"])
    for row in _rows("countries"):
        yield "LOC", row["name"], _cells(row["codes"])
    for row in _rows("exonyms"):
        yield "LOC", row["name"], _cells(row["others"])


def _derived() -> Iterator[tuple[str, str]]:
    """Stem of an adjective, or an inhabitant, and the place; of two places the first of the tables has it."""
    found: dict[str, str] = {}
    for table in ("countries", "regions"):
        for row in _rows(table):
            for word in _cells(row["adjectives"]) + _cells(row["inhabitants"]):
                found.setdefault(plain(word), row["name"])
    yield from found.items()


def country_names() -> list[str]:
    """The German names of countries."""
    return [row["name"] for row in _rows("countries")]


def never_one() -> list[tuple[str, str, str]]:
    """Label and two names that are never one, as `linking/apart.tsv` writes them."""
    return [(row["label"], row["one"], row["other"]) for row in _rows("apart")]


@cache
def places() -> dict[str, Place]:
    """Name -> place, for names that mean one place only."""
    lines = (FOLDER / "places.tsv").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith(("#", "key\t")))
    return {key: Place._make((int(number), country, name)) for key, number, country, name, _ in rows}


@cache
def _places_by_id() -> dict[int, Place]:
    return {place.geonames_id: place for place in places().values()}


def place_of(key: str) -> Place | None:
    """The place of a key that is a GeoNames id ("@2761369")."""
    return _places_by_id().get(int(key[1:]))


@cache
def given_names() -> frozenset[str]:
    """Words that are given names, folded by `given_key`."""
    return _words("given_names")


@cache
def common_surnames() -> frozenset[str]:
    """Surnames that many people bear, folded."""
    return _words("common_surnames")


@cache
def landscapes() -> frozenset[str]:
    """Rivers, mountains and other landscapes that compounds begin with, as they are written."""
    return _words("landscapes")


def _words(file: str) -> frozenset[str]:
    lines = (FOLDER / "linking" / f"{file}.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))
