"""Corrections that people make are applied by every run, stay, can be taken back, and end as in a fresh run."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from stages.correct import COLUMNS
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import assert_same, assert_tidy, fast_gate, published, run_here

TEXTS = {
    "a": "Die Direktorin Anna Huber hat am Montag das neue Museum in Köln eröffnet. Anna Huber dankte Köln.\n",
    "b": "Am Freitag hat Anna Auer in Bonn ein Buch vorgestellt. Anna Auer las eine Stunde lang daraus vor.\n",
    "c": "Der Geiger Peter Huber spielt am Sonntag in Bonn. Peter Huber kommt aus Wien und wohnt in Hamburg.\n",
    "d": "Museum in Köln öffnet\n\nDie Stadt Köln zahlte 4 Millionen Euro. Peter Huber und Anna Auer waren dabei.\n",
}


@pytest.fixture(autouse=True)
def _gate() -> Iterator[None]:
    with fast_gate():
        yield


@pytest.fixture
def press(tmp_path: Path) -> Path:
    """A source of four documents."""
    folder = tmp_path / "press"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """The folder of the tables."""
    return tmp_path / "tables"


def correct(folder: Path, *rows: dict[str, str]) -> Path:
    """Write a file of corrections as a person would keep it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    folder.mkdir(exist_ok=True)
    (folder / "corrections.csv").write_text(text.getvalue(), encoding="utf-8")
    return folder / "corrections.csv"


def table(tables: Path, name: str) -> pl.DataFrame:
    return read_table(tables, read_current(tables), name)


def entity(tables: Path, name: str) -> dict[str, object]:
    (row,) = table(tables, "entities").filter(pl.col("name") == name).iter_rows(named=True)
    return row


def merger(tables: Path, one: str, other: str) -> dict[str, str]:
    own, into = entity(tables, one), entity(tables, other)
    about = {"entity_id": str(own["entity_id"]), "name": one, "label": str(own["label"])}
    return {"action": "merge", **about, "value": str(into["entity_id"]), "value_name": other}


def assert_as_fresh(press: Path, tables: Path, corrections: Path | None) -> None:
    """What is published is what one run over the same files and corrections publishes, and `run` has nothing to do."""
    fresh = tables.with_name("fresh") / read_current(tables).run_id  # type: ignore[union-attr]
    run_here([press], fresh, **({"corrections": str(corrections)} if corrections else {}))
    assert_same(published(tables), published(fresh))
    assert table(tables, "runs").select(_COUNTS)[-1].rows() == table(fresh, "runs").select(_COUNTS).rows()
    assert not run_here([press], tables, **({"corrections": str(corrections)} if corrections else {})).published
    assert_tidy(tables)


_COUNTS = ["n_corrections", "n_corrections_without_effect"]


def test_two_entities_are_one_from_the_next_run_on_until_that_is_taken_back(press: Path, tables: Path) -> None:
    run_here([press], tables)
    before = published(tables)
    anna, huber = entity(tables, "Anna Auer"), entity(tables, "Anna Huber")
    file = correct(tables, merger(tables, "Anna Auer", "Anna Huber"))

    report = run_here([press], tables)
    assert (report.published, report.counts["n_written"], report.n_corrections) == (True, 0, 1)
    one = entity(tables, "Anna Huber")
    assert (one["entity_id"], one["aliases"], one["corrected"]) == (huber["entity_id"], ["Anna Auer"], True)
    assert one["n_mentions"] == int(str(anna["n_mentions"])) + int(str(huber["n_mentions"]))
    named = table(tables, "mentions").filter(pl.col("text") == "Anna Auer")["entity_id"].unique().to_list()
    assert named == [huber["entity_id"]]
    assert_as_fresh(press, tables, file)

    # Another document, an edited one: the merger stays.
    (press / "e.txt").write_text("Anna Auer sprach am Dienstag in Wien. Anna Auer blieb.\n", encoding="utf-8")
    (press / "b.txt").write_text(TEXTS["b"] + "\nDie Lesung mit Anna Auer war gut besucht.\n", encoding="utf-8")
    assert run_here([press], tables).counts["n_written"] == 2
    assert "Anna Auer" not in table(tables, "entities")["name"]
    assert_as_fresh(press, tables, file)

    (press / "e.txt").unlink()
    (press / "b.txt").write_text(TEXTS["b"], encoding="utf-8")
    correct(tables)
    run_here([press], tables)
    assert_same(published(tables), before)
    assert_as_fresh(press, tables, None)
