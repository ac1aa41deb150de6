"""From the pages with --edit to the tables: a person merges two entities, a run applies it, and the pages show it."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from starlette.testclient import TestClient

from flows.browse.app import Options, build_app
from flows.browse.shelf import Shelf
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import assert_same, fast_gate, published, run_here

TEXTS = {
    "a": "Die Direktorin Anna Huber hat am Montag das Museum in Köln eröffnet. Anna Huber dankte.\n",
    "b": "Am Freitag hat Anna Auer in Bonn ein Buch vorgestellt. Anna Auer las lang daraus vor.\n",
}


@pytest.fixture(autouse=True)
def _gate() -> Iterator[None]:
    with fast_gate():
        yield


def pages(tables: Path) -> TestClient:
    """The pages over what is published now, as `browse --edit` serves them."""
    shelf = Shelf(tables, None, lambda *_: None)
    app = build_app(shelf, Options(corrections=tables / "corrections.csv", edit=True))
    return TestClient(app, base_url="http://127.0.0.1", headers={"origin": "http://127.0.0.1"})


def test_what_is_merged_on_a_page_is_one_after_the_next_run(tmp_path: Path) -> None:
    press, tables = tmp_path / "press", tmp_path / "tables"
    press.mkdir()
    for name, text in TEXTS.items():
        (press / f"{name}.txt").write_text(text, encoding="utf-8")
    run_here([press], tables)
    entities = read_table(tables, read_current(tables), "entities")
    auer, huber = (entities.filter(name=name)["entity_id"].item() for name in ("Anna Auer", "Anna Huber"))

    form = {"action": "merge", "entity_id": auer, "name": "Anna Auer", "label": "PER", "value": "Anna Huber"}
    answer = pages(tables).post("/corrections", data=form)
    assert answer.status_code == 200, answer.text
    assert "Anna Auer" in answer.text

    report = run_here([press], tables)
    assert (report.n_corrections, report.without_effect) == (1, [])
    shown = pages(tables)
    assert shown.get(f"/entities/{auer}").status_code == 404
    page = shown.get(f"/entities/{huber}")
    assert page.status_code == 200
    assert "Anna Auer" in page.text
    mentions = read_table(tables, read_current(tables), "mentions")
    assert mentions.filter(pl.col("text") == "Anna Auer")["entity_id"].unique().to_list() == [huber]


MARKET = (
    "Der Rat von Lindau hat am Montag über den Umbau des alten Marktes be-\nraten. Anna Huber sprach lange, dann kam "
    "die ganze Stadt zu\nWort. Peter Sommer aus Bonn hörte ihr zu und schwieg\nden ganzen langen Abend über.\n"
)


def test_a_wrong_join_a_kind_and_a_mention_are_put_right_and_come_back(tmp_path: Path) -> None:
    press, tables = tmp_path / "press", tmp_path / "tables"
    press.mkdir()
    (press / "markt.txt").write_text(MARKET, encoding="utf-8")
    run_here([press], tables)
    before = published(tables)
    shown = pages(tables)
    doc_id = before["documents"]["doc_id"].item()
    about = {"source_uri": "press/markt.txt"}
    bonn = before["mentions"].filter(text="Bonn").row(0, named=True)
    forms = [
        {"action": "part", "start": str(MARKET.index("Wort. Peter"))},
        {"action": "mention", "mention": f"{bonn['start']} {bonn['label']} Bonn", "value": ""},
        {"action": "mark_block", "start": "0", "value": "teaser"},
    ]
    for form in forms:
        answer = shown.post("/corrections", data=about | form)
        assert (answer.status_code, "alert" in answer.text) == (200, False), answer.text
    assert shown.get("/corrections").text.count("waits for the next run") == 3

    report = run_here([press], tables)
    assert (report.n_corrections, report.without_effect) == (3, [])
    after = published(tables)
    assert after["blocks"]["kind"].to_list() == ["teaser", "paragraph"]
    assert after["blocks"]["text"][1].startswith("Wort. Peter Sommer")
    assert "Bonn" not in after["mentions"]["text"].to_list()
    assert pages(tables).get("/corrections").text.count(">applied<") == 3
    assert "Wort." in pages(tables).get(f"/documents/{doc_id}").text

    (tables / "corrections.csv").unlink()
    run_here([press], tables)
    assert_same(published(tables), before)


def test_what_met_nothing_is_shown_and_can_be_taken_back(tmp_path: Path) -> None:
    press, tables = tmp_path / "press", tmp_path / "tables"
    press.mkdir()
    (press / "markt.txt").write_text(MARKET, encoding="utf-8")
    run_here([press], tables)
    shown = pages(tables)
    shown.post("/corrections", data={"action": "reject", "name": "Nirgendwo", "label": "LOC"})
    shown.post("/corrections", data={"action": "reject", "name": "Bonn", "label": "LOC"})
    run_here([press], tables)
    page = pages(tables).get("/corrections").text
    assert page.count('class="odd">met nothing<') == 1
    assert "1 met nothing in the last run" in " ".join(page.split())
    (press / "markt.txt").write_text(MARKET.replace("Bonn", "Mainz"), encoding="utf-8")
    run_here([press], tables)
    page = pages(tables).get("/corrections").text
    assert page.count('class="odd">met nothing<') == 2
