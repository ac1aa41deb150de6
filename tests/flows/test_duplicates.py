"""Near-duplicates in the tables: who is like whom follows from the documents that stand, not from the order of runs."""

import random
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from flows.check import check_tables
from flows.report import RunReport
from stages import find_duplicates
from stages.tables.ids import to_doc_id
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import article, assert_same, assert_tidy, fast_gate, published, run_here


@pytest.fixture(autouse=True)
def _fast() -> Iterator[None]:
    with fast_gate():
        yield


@pytest.fixture
def press(tmp_path: Path) -> Path:
    folder = tmp_path / "press"
    folder.mkdir()
    for name, text in {
        "a.txt": article(1, 8),
        "b.txt": article(1, 8).replace("\n\n", "\n\nKopie der Redaktion.\n\n", 1),
        "c.txt": article(2, 8),
        "d.txt": article(3, 8),
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def run(press: Path) -> RunReport:
    return run_here([press], press.parent / "tables", engine="none")


def rows(press: Path) -> pl.DataFrame:
    tables = press.parent / "tables"
    return read_table(tables, read_current(tables), "duplicates")


def alike(press: Path) -> set[frozenset[str]]:
    """The clusters, by the names of the files."""
    tables = press.parent / "tables"
    named = read_table(tables, read_current(tables), "documents").select("doc_id", "source_uri")
    found = rows(press).join(named, on="doc_id").group_by("duplicate_cluster").agg("source_uri")
    return {frozenset(uri.removeprefix("press/") for uri in uris) for uris in found["source_uri"]}


def assert_like_a_fresh_run(press: Path) -> None:
    run_here([press], press.parent / "fresh", engine="none")
    assert_same(published(press.parent / "tables"), published(press.parent / "fresh"))
    assert_tidy(press.parent / "tables")
    assert check_tables(press.parent / "tables", [str(press)]).problems == []


def test_edits_deletions_and_moves_end_as_a_fresh_run(press: Path) -> None:
    run(press)
    assert alike(press) == {frozenset({"a.txt", "b.txt"})}
    assert rows(press)["similarity"].min() >= 0.8
    assert rows(press)["duplicate_cluster"].unique().to_list() == [
        min(to_doc_id(f"press/{name}") for name in ("a.txt", "b.txt"))
    ]
    (press / "e.txt").write_text(article(2, 8) + "\nEnde.\n", encoding="utf-8")
    (press / "a.txt").rename(press / "f.txt")
    run(press)
    assert alike(press) == {frozenset({"f.txt", "b.txt"}), frozenset({"c.txt", "e.txt"})}
    assert_like_a_fresh_run(press)
    (press / "c.txt").unlink()
    (press / "b.txt").write_text(article(4, 8), encoding="utf-8")
    run(press)
    assert rows(press).is_empty()
    assert_like_a_fresh_run(press)


def test_a_nightly_run_compares_what_is_new_and_nothing_else(press: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(6):
        (press / f"copy{n}.txt").write_text(f"{article(1, 8)}\nNummer {n} vom Amt.\n", encoding="utf-8")
    run(press)
    compared = []
    real = find_duplicates.compare

    def counting(candidates: pl.DataFrame, *about: object) -> pl.DataFrame:
        compared.append(candidates.height)
        return real(candidates, *about)  # type: ignore[arg-type]

    monkeypatch.setattr(find_duplicates, "compare", counting)
    (press / "new.txt").write_text(article(9, 8), encoding="utf-8")
    run(press)
    assert compared == [0]
    (press / "copy9.txt").write_text(f"{article(1, 8)}\nNummer neun.\n", encoding="utf-8")
    run(press)
    assert compared == [0, 8]
    assert_like_a_fresh_run(press)


def test_many_alike_whoever_comes_and_goes(press: Path) -> None:
    chance = random.Random(1)
    names = [f"{chance.getrandbits(40):010x}.txt" for _ in range(60)]
    for step in range(4):
        for name in names[15 * step : 15 * step + 15]:
            (press / name).write_text(f"{article(1, 8)}\nNummer {name} {step}.\n", encoding="utf-8")
        for name in chance.sample(names[: 15 * step], 4) if step else ():
            (press / name).unlink(missing_ok=True)
        run(press)
    assert len(max(alike(press), key=len)) > 40
    assert_like_a_fresh_run(press)
