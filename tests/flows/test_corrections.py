"""Corrections that people make are applied by every run, stay, can be taken back, and end as in a fresh run."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from flows.corrections import with_stale
from flows.report import RunReport, as_markdown, notes
from stages.correct import COLUMNS
from stages.discover.decide import CORRECTED
from stages.errors import UsageError
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
    assert (
        table(tables, "runs").sort("started_at").select(_COUNTS)[-1].rows()
        == table(fresh, "runs").select(_COUNTS).rows()
    )
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


def test_mentions_and_blocks_are_corrected_in_their_documents(press: Path, tables: Path) -> None:
    run_here([press], tables)
    before = published(tables)
    (money,) = table(tables, "mentions").filter(label="MONEY").iter_rows(named=True)
    (body,) = table(tables, "documents").filter(source_uri="press/d.txt")["doc_id"]
    start = table(tables, "blocks").filter(doc_id=body, block_no=1)["start"].item()
    rows = [
        {"action": "reject", "name": "Peter Huber"},
        {"action": "retype", "name": "Köln", "label": "LOC", "value": "ORG", "source_uri": "press/a.txt"},
        {"action": "reject", "name": money["text"], "source_uri": "press/d.txt", "start": str(money["start"])},
        {"action": "mark_block", "source_uri": "press/d.txt", "start": str(start), "value": "teaser"},
    ]
    file = correct(tables, *rows)
    assert run_here([press], tables).counts["n_written"] == 3, "b.txt has nothing of this"
    texts = table(tables, "mentions")
    assert "Peter Huber" not in texts["text"]
    assert sorted(texts.filter(text="Köln")["label"].unique()) == ["LOC", "ORG"]
    assert table(tables, "blocks").filter(doc_id=body, block_no=1)["kind"].item() == "teaser"
    assert_as_fresh(press, tables, file)

    # Renamed, a file is not what rows about its old name speak of, and these are told.
    (press / "d.txt").rename(press / "z.txt")
    report = run_here([press], tables)
    assert len(report.without_effect) == 2
    assert_as_fresh(press, tables, file)

    (press / "z.txt").rename(press / "d.txt")
    correct(tables)
    run_here([press], tables)
    assert_same(published(tables), before)


def test_names_kinds_and_ids_that_people_give_stay_and_go(press: Path, tables: Path) -> None:
    run_here([press], tables)
    before, koeln, anna = published(tables), entity(tables, "Köln"), entity(tables, "Anna Auer")
    about = {"entity_id": str(koeln["entity_id"]), "name": "Köln", "label": "LOC"}
    off = {"action": "split", "entity_id": str(anna["entity_id"]), "name": "Anna Auer", "source_uri": "press/d.txt"}
    file = correct(
        tables,
        {"action": "rename", **about, "value": "Cologne"},
        {"action": "pin", **about, "value": "Q365"},
        {"action": "retype", **about, "value": "ORG"},
        off,
    )
    assert run_here([press], tables).without_effect == []
    row = entity(tables, "Cologne")
    assert (row["entity_id"], row["label"], row["authority_id"], row["aliases"]) == (
        koeln["entity_id"], "ORG", "Q365", ["Köln"],
    )  # fmt: skip
    assert table(tables, "mentions").filter(text="Köln")["label"].unique().to_list() == ["ORG"]
    assert table(tables, "entities").filter(name="Anna Auer").height == 2
    assert_as_fresh(press, tables, file)
    (press / "a.txt").write_text(TEXTS["a"] + "\nKöln freut sich.\n", encoding="utf-8")
    run_here([press], tables)
    assert_as_fresh(press, tables, file)
    (press / "a.txt").write_text(TEXTS["a"], encoding="utf-8")
    correct(tables)
    run_here([press], tables)
    assert_same(published(tables), before)


def told(report: RunReport) -> list[str]:
    return [line for line in notes(report) if "corrections meet nothing" in line]


def test_a_row_that_applies_to_nothing_is_told_and_counted(press: Path, tables: Path) -> None:
    correct(tables.parent, {"action": "reject", "name": "Köln"}, {"action": "reject", "name": "Atlantis"})
    report = run_here([press], tables, corrections=str(tables.parent / "corrections.csv"))
    assert report.without_effect == ["line 3: reject Atlantis: nothing there that it applies to"]
    assert len(told(report)) == 1
    assert told(report)[0] in as_markdown(report)
    assert table(tables, "runs").select(_COUNTS).rows() == [(2, 1)]
    again = run_here([press], tables, corrections=str(tables.parent / "corrections.csv"))
    assert (again.published, told(again)) == (False, told(report))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"action,name\nreject,K\xf6ln\n", r"corrections\.csv, line 2: is not UTF-8; save it as UTF-8"),
        (b"action,name\nreject,Bonn\nremove,Bonn\n", r"corrections\.csv, line 3: unknown action .*Correct or remove"),
        (b"action,nmae\nreject,Bonn\n", r"corrections\.csv: unknown columns nmae"),
        (b"action,source_uri,value\nmark_block,press/a.txt,title\n", r"line 2: mark_block needs source_uri and start"),
        (b"action,name\nreject,\n", r"line 2: reject needs a name or a place"),
    ],
)
def test_a_damaged_file_is_refused_before_anything_is_done(press: Path, tables: Path, text: bytes, what: str) -> None:
    run_here([press], tables)
    before = (tables / "CURRENT.json").read_bytes()
    (tables / "corrections.csv").write_bytes(text)
    (press / "new.txt").write_text(TEXTS["a"] + "Neu.\n", encoding="utf-8")
    with pytest.raises(UsageError, match=what):
        run_here([press], tables)
    assert (tables / "CURRENT.json").read_bytes() == before
    assert_tidy(tables)


def test_every_snapshot_has_its_report_that_goes_with_it(press: Path, tables: Path) -> None:
    report = run_here([press], tables, keep_snapshots=1)
    page = tables / str(report.snapshot) / "report.html"
    assert "4" in page.read_text(encoding="utf-8")
    assert f"{report.snapshot}/report.html" in as_markdown(report)
    (press / "b.txt").unlink()
    run_here([press], tables, keep_snapshots=1)
    assert not page.parent.exists()


def test_a_report_that_cannot_be_made_fails_no_run(
    press: Path, tables: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> str:
        raise OSError("no space left")

    monkeypatch.setattr("flows.browse.page.report_page", fails)
    assert run_here([press], tables).published
    assert "report.html" in caplog.text


def test_what_a_correction_may_have_kept_out_is_made_again_when_corrections_change() -> None:
    sources = pl.DataFrame(
        {
            "doc_id": ["a", "b", "c"],
            "status": ["written", "quarantined", "quarantined"],
            "reason_code": [None, "rule_failed", "empty"],
            "stages_sha256": ["v", "v", "v"],
        }
    )
    assert with_stale(sources, [])["stages_sha256"].to_list() == ["v", CORRECTED, "v"]
