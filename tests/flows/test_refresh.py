"""The whole chain through Prefect, on a copy of the samples."""

import gzip
import json
import os
import shutil
from pathlib import Path

import polars as pl
import pytest

from flows.report import RunReport
from stages.tables.schemas import TABLES
from stages.tables.store.snapshots import read_current, read_table

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("prefect_server")]

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
CONTENT = ("documents", "blocks", "sentences", "mentions", "repairs")


@pytest.fixture
def press(tmp_path: Path) -> Path:
    folder = tmp_path / "press"
    shutil.copytree(SAMPLES / "lokal", folder, copy_function=shutil.copy2)
    return folder


def run(press: Path, **settings: object) -> RunReport:
    from flows.refresh import refresh

    return refresh([str(press)], str(press.parent / "tables"), **settings)


def tables_of(press: Path) -> dict[str, pl.DataFrame]:
    tables = press.parent / "tables"
    current = read_current(tables)
    assert current is not None
    return {name: read_table(tables, current, name) for name in TABLES}


def without_run(frame: pl.DataFrame) -> pl.DataFrame:
    of_the_run = ("run_id", "processed_at", "first_seen_run", "last_changed_run", "processed_run", "modified_at")
    return frame.drop(of_the_run, strict=False)


def test_a_second_run_publishes_nothing(press: Path) -> None:
    first = run(press)
    pointer = press.parent / "tables" / "CURRENT.json"
    before = (pointer.read_bytes(), pointer.stat().st_mtime_ns)
    second = run(press)
    assert first.counts["n_written"] == second.counts["n_unchanged"] > 0
    assert second.counts["n_written"] == 0
    assert not second.published
    assert (pointer.read_bytes(), pointer.stat().st_mtime_ns) == before


def test_an_edit_changes_that_document_alone(press: Path) -> None:
    run(press)
    before = tables_of(press)
    edited = press / "werkhof_absatz_je_zeile.txt"
    edited.write_text(edited.read_text(encoding="utf-8").rstrip() + "\nEin Nachtrag der Redaktion.\n", encoding="utf-8")
    report = run(press)
    after = tables_of(press)
    assert (report.counts["n_written"], report.counts["n_deleted"]) == (1, 0)
    changed = before["documents"].filter(pl.col("source_uri") == "press/werkhof_absatz_je_zeile.txt")["doc_id"][0]
    for table in CONTENT:
        others = pl.col("doc_id") != changed
        assert after[table].filter(others).equals(before[table].filter(others))
    text = after["documents"].filter(pl.col("doc_id") == changed)["text"][0]
    assert text.endswith("Ein Nachtrag der Redaktion.")


def test_models_go_before_large_tables_are_assembled(press: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[str] = []
    monkeypatch.setattr("flows.run.forget", gone.extend)
    monkeypatch.setattr("flows.run._MANY_DOCUMENTS", 1)
    run(press, workers=0)
    assert gone == []
    with (press / "werkhof_absatz_je_zeile.txt").open("a", encoding="utf-8") as edited:
        edited.write("\nEin Nachtrag der Redaktion.\n")
    run(press, workers=0)
    assert {"stages.extract_entities", "stages.link_entities"} <= set(gone)


def test_a_deleted_file_goes_everywhere(press: Path) -> None:
    run(press)
    (press / "dorffest_dos.txt").unlink()
    report = run(press)
    after = tables_of(press)
    gone = after["sources"].filter(pl.col("source_uri") == "press/dorffest_dos.txt")
    assert report.counts["n_deleted"] == 1
    assert gone["status"].to_list() == ["deleted"]
    for table in CONTENT:
        assert gone["doc_id"][0] not in after[table]["doc_id"]


def test_copies_and_broken_files_are_told_apart(press: Path) -> None:
    (press / "bild.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    (press / "leer.txt").touch()
    whole = gzip.compress("Ein langer Text über den Hafen. ".encode() * 50)
    (press / "kaputt.txt.gz").write_bytes(whole[: len(whole) // 2])
    report = run(press, workers=2, batch_size=2)
    codes = {uri: code for uri, code, _ in report.quarantined}
    assert codes == {
        "press/bild.png": "needs_ocr",
        "press/kaputt.txt.gz": "broken_archive",
        "press/leer.txt": "empty",
    }
    assert report.duplicates == [("press/zweitlieferung/hallenbad_kopie.txt", "press/hallenbad_seitenumbruch.txt")]
    outcomes = ("n_written", "n_unchanged", "n_duplicate", "n_quarantined")
    assert report.counts["n_sources"] == sum(report.counts[name] for name in outcomes)
    assert report.counts["n_sources"] == sum(len(files) for _, _, files in os.walk(press))


def test_batches_and_workers_do_not_show_in_the_tables(press: Path) -> None:
    run(press, workers=0)
    alone = tables_of(press)
    shutil.rmtree(press.parent / "tables")
    run(press, workers=2, batch_size=1)
    together = tables_of(press)
    for table in (*CONTENT, "sources", "quarantine"):
        assert without_run(alone[table]).equals(without_run(together[table])), table


def test_a_renamed_file_takes_its_rows_along(press: Path) -> None:
    run(press)
    before = tables_of(press)
    (press / "dorffest_dos.txt").rename(press / "fest.txt")
    run(press)
    after = tables_of(press)
    old = before["documents"].filter(pl.col("source_uri") == "press/dorffest_dos.txt")
    new = after["documents"].filter(pl.col("source_uri") == "press/fest.txt")
    assert new["text"][0] == old["text"][0]
    assert new["n_mentions"][0] == after["mentions"].filter(pl.col("doc_id") == new["doc_id"][0]).height


def test_the_run_is_on_record(published: Path) -> None:
    current = read_current(published)
    assert current is not None
    row = read_table(published, current, "runs").row(0, named=True)
    assert row["run_id"] == current.run_id
    assert row["n_sources"] == row["n_written"] + row["n_unchanged"] + row["n_duplicate"] + row["n_quarantined"]
    assert {"read", "reflow", "extract_entities", "link_entities", "validate"} <= {
        entry["stage"] for entry in row["seconds"]
    }
    assert {"polars", "stage reflow"} <= {entry["name"] for entry in row["versions"]}
    results = json.loads((published / current.snapshot / "validation.json").read_text(encoding="utf-8"))
    assert sum(len(suite["results"]) for suite in results) == row["n_expectations"] > 90


def test_a_critical_failure_publishes_nothing(press: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from expectations import judge
    from expectations.rules import Rule
    from stages.errors import GateError

    run(press)
    before = (press.parent / "tables" / "CURRENT.json").read_bytes()
    impossible = Rule("run", "between", ("chars_per_document",), "no document has text", (0.0, 0.0))
    monkeypatch.setattr(judge, "RUN_RULES", (impossible,))
    (press / "neu.txt").write_text("Eine neue Meldung aus dem Rathaus von Lindau.\n", encoding="utf-8")
    with pytest.raises(GateError, match="no document has text"):
        run(press)
    assert (press.parent / "tables" / "CURRENT.json").read_bytes() == before
