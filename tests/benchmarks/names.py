"""One table of how well names, values and identities are found: wanted, measured today, and what cannot be measured.

    python tests/benchmarks/names.py [--devsets DIR] [--only WORD] [--pin [--lower]]

Every figure is that of another benchmark here (`entities`, `values`, `linking`, `identities`), which says how it
counts; this one puts them beside what is wanted and holds them against pinned floors (`names_floors.json`). DIR is the
folder of the development sets (default: the environment variable FLIESSTEXT_DEVSETS); without it the rows that need
them say which file is missing, and are not held against anything. Ends with 1 where a figure is below its floor.

A corpus of scanned pages may be annotated on some of its articles only. ``newseye_dev.tsv`` has four stretches of 68 to
477 sentences, three quarters of its words, in which nothing is marked, though names stand there nearly as densely as
elsewhere ("Prag", "Hindenburgs"): every name found there counts as a false one. So it is measured twice, as the file
is and over its annotated stretches alone; the figure that is wanted was set for whole files. An engine without a
mistake on the annotated stretches that found in the others the 1,282 names of the accurate engine would come to 45.5.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from stages.models.corpora import annotated
from tests.benchmarks import entities, identities, linking, values

FLOORS = Path(__file__).with_name("names_floors.json")
ARTICLES = Path(__file__).parents[1] / "golden" / "linking"
# A pinned floor stands so far below what was measured: rounding differs between processors. To be pinned on one with
# VNNI, where `accurate` comes out lower.
SLACK = 0.3


class Row(NamedTuple):
    """A line of the table: what is measured, on what, the figure wanted or None, the files needed, what measures it."""

    what: str
    on: str
    wanted: float | None
    needs: tuple[str, ...]
    measure: Callable[[], float]


@cache
def corpus(path: Path, engine: str) -> entities.Scored:
    """What an engine is worth on an annotated corpus, its names settled by the tables as in a run."""
    return entities.score(path, engine, whole=True)


@cache
def annotated_f1(path: Path, engine: str) -> float:
    """F1 of persons, places and organisations over the sentences that stand in annotated stretches of a corpus."""
    _, sentences, found = corpus(path, engine)
    gold = [entities.gold_spans(sentence) for sentence in sentences]
    kept = annotated([any(span.label in entities.TYPES[:3] for span in spans) for spans in gold])
    sides = ([spans[number] for number in kept] for spans in (gold, found))
    return entities.compare(*sides, entities.TYPES[:3]).f1()


@cache
def articles() -> linking.Gold:
    """Our own annotated articles."""
    return linking.read_articles(ARTICLES)


@cache
def article_names(engine: str, labels: tuple[str, ...]) -> float:
    """F1 of the whole names that an engine finds in our own articles, settled by the tables: place and type."""
    where = ("doc_id", "start", "end", "label")
    sides = (articles().mentions, linking.found_mentions(articles(), engine))
    gold, found = (
        {row[:4] for row in side.select(*where, "kind").iter_rows() if row[4] == "name" and row[3] in labels}
        for side in sides
    )
    return entities.Counts(len(gold & found), len(found), len(gold)).f1()


@cache
def identity_shares(folder: Path) -> dict[str, float]:
    """Merges that are right and shown names in their base form, in per cent."""
    found = identities.entities_of(list(identities.read_texts(folder)))
    judged = json.loads(identities.JUDGED.read_text(encoding="utf-8"))
    given = {"merges": identities.pairs_of(found), "names": identities.names_of(found)}
    return {what: 100 * identities.share_right(names, judged[what]) for what, names in given.items()}


def value_f1(label: str) -> float:
    """F1 of one type of values in the judged sentences."""
    right, answered, expected = values.judged_counts()
    return entities.Counts(right[label], answered[label], expected[label]).f1()


def rows(folder: Path) -> Iterator[Row]:
    """The lines of the table, for development sets that lie, or do not lie, in a folder."""
    ner = folder / "ner"
    sets: tuple[tuple[str, str, str, tuple[float | None, float | None]], ...] = (
        ("names, four types", "germeval_dev_12.tsv", "names", (84.5, 79.5)),
        ("names, PER LOC ORG", "germeval_dev_12.tsv", "PER LOC ORG", (82.0, 78.0)),
        ("names, PER LOC ORG", "smartdata_v3_test.tsv", "PER LOC ORG", (82.0, 78.0)),
        ("organisations", "germeval_dev_12.tsv", "ORG", (None, None)),
        ("names as a scan gives them", "newseye_dev.tsv", "PER LOC ORG", (46.0, 46.0)),
    )
    for what, name, figure, wanted in sets:
        for engine, least in zip(entities.ENGINES, wanted, strict=True):
            path = ner / name
            of = _figure(path, engine, figure)
            yield Row(f"{what}, {engine}", name, least, (str(path.relative_to(folder)),), of)
    for engine in entities.ENGINES:
        of, needs = _of_annotated(ner / "newseye_dev.tsv", engine), ("ner/newseye_dev.tsv",)
        yield Row(f"names as a scan gives them, {engine}", "newseye_dev, annotated", None, needs, of)
    for engine, names, organisations, linked in (("accurate", 89.0, 82.0, 88.0), ("fast", None, None, None)):
        yield Row(f"names, PER LOC ORG, {engine}", "our articles", names, (), _of_articles(engine, entities.TYPES[:3]))
        yield Row(f"organisations, {engine}", "our articles", organisations, (), _of_articles(engine, ("ORG",)))
        yield Row(f"linking, B3, names of {engine}", "our articles", linked, (), _end_to_end(engine))
    for label, floor in values.FLOORS.items():
        yield Row(f"values, {label}", "judged sentences", 100 * floor, (), _of_values(label))
    yield Row("linking, B3, names given", "our articles", 95.0, (), lambda: 100 * _b_cubed())
    needs = (*(f"ner/{name}.tsv" for name in identities.SETS), "reflow/articles.json")
    for what, title in (("merges", "merges right, per cent"), ("names", "shown names in base form, per cent")):
        yield Row(title, "33,000 texts", 100 * identities.FLOORS[what], needs, _of_identities(folder, what))


def _figure(path: Path, engine: str, figure: str) -> Callable[[], float]:
    return lambda: corpus(path, engine)[0][figure]


def _of_annotated(path: Path, engine: str) -> Callable[[], float]:
    return lambda: annotated_f1(path, engine)


def _of_articles(engine: str, labels: tuple[str, ...]) -> Callable[[], float]:
    return lambda: article_names(engine, labels)


def _of_values(label: str) -> Callable[[], float]:
    return lambda: value_f1(label)


def _of_identities(folder: Path, what: str) -> Callable[[], float]:
    return lambda: identity_shares(folder)[what]


def _b_cubed() -> float:
    return linking.b_cubed(articles().entities, list(linking.linked_ids(articles())))[2]


def _end_to_end(engine: str) -> Callable[[], float]:
    return lambda: 100 * linking.end_to_end(articles(), engine)[2]


def main() -> int:
    """Print the table; 1 where a figure is below its floor."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devsets", type=Path, default=os.environ.get("FLIESSTEXT_DEVSETS"))
    parser.add_argument("--only", default="", help="only rows whose description holds this")
    parser.add_argument("--pin", action="store_true", help="raise the pinned floors to what is measured now")
    parser.add_argument("--lower", action="store_true", help="with --pin: lower them too")
    options = parser.parse_args()
    floors = json.loads(FLOORS.read_text(encoding="utf-8"))
    below = 0
    print(f"{'':42} {'measured on':24} {'wanted':>6} {'today':>6}")
    for row in rows(Path(options.devsets or "DEVSETS")):
        if options.only not in row.what:
            continue
        key = f"{row.what}: {row.on}"
        today = measured(row, Path(options.devsets) if options.devsets else None)
        below += today is not None and not is_held(row, today, floors.get(key, 0.0))
        if options.pin and today is not None:
            least = round(today - SLACK, 1)
            floors[key] = least if options.lower else max(least, floors.get(key, 0.0))
    if options.pin:
        FLOORS.write_text(json.dumps(floors, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return bool(below)


def measured(row: Row, folder: Path | None) -> float | None:
    """Begin a line, and measure; None, and the line says why, where a file is missing."""
    print(f"{row.what:42} {row.on:24} {row.wanted or '':>6}", end=" ", flush=True)
    missing = [need for need in row.needs if folder is None or not (folder / need).is_file()]
    if not missing:
        return row.measure()
    print(f"     -  not measured: {missing[0]} is not there, name its folder with --devsets")
    return None


def is_held(row: Row, today: float, floor: float) -> bool:
    """End a line; false where the figure is below its floor."""
    said = "" if row.wanted is None or today >= row.wanted else f"  {today - row.wanted:.1f}"
    print(f"{today:6.1f}{said}{f'  below its floor of {floor}' if today < floor else ''}", flush=True)
    return today >= floor


if __name__ == "__main__":
    sys.exit(main())
