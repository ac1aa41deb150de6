"""The pages over Delta tables, in a folder and on an object store: the same pages, corrections, and what comes next."""

import time
from hashlib import sha256
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from flows.browse.app import Options, build_app
from flows.browse.index import NAME
from flows.browse.pictures import DRAWN, GONE, Pictures
from flows.browse.shelf import Shelf
from stages.discover.containers import RowOptions
from stages.discover.sources import parse_sources
from stages.read.pdf import read_pdf
from stages.tables.store.choose import open_store
from tests.faults.harness import fast_gate, run_here
from tests.object_store import Bucket
from tests.stages.read.print_pdf import article

pytestmark = pytest.mark.integration
HUBER = "Die Direktorin Anna Huber hat am Montag das Muse-\num in Köln eröffnet. Anna Huber dankte.\n"
AUER = "Am Freitag hat Anna Auer in Bonn ein Buch vorgestellt. Anna Auer las lang daraus vor.\n"


@pytest.fixture
def press(tmp_path: Path) -> Path:
    folder = tmp_path / "press"
    folder.mkdir()
    (folder / "a.txt").write_text(HUBER, encoding="utf-8")
    return folder


def run(press: Path, tables: str) -> None:
    run_here([press], tables, table_format="delta", engine="fast")


def pages(tables: str, press: Path, index: Path | None = None) -> tuple[Shelf, TestClient]:
    shelf = Shelf(tables, index, lambda *_: None)
    options = Options(parse_sources([str(press)]), corrections=f"{tables}/corrections.csv", edit=True)
    headers = {"origin": "http://127.0.0.1", "accept-language": "en"}
    return shelf, TestClient(build_app(shelf, options), base_url="http://127.0.0.1", headers=headers)


def looked_at(shown: TestClient, tables: str) -> str:
    """Every kind of page; returns that of a document."""
    for path in ("/", "/search?q=Museum", "/entities", "/files", "/quarantine", "/corrections"):
        assert shown.get(path).status_code == 200, path
    store = open_store(tables)
    documents = store.read(store.current(), "documents")
    return shown.get(f"/documents/{documents.filter(source_uri='press/a.txt')['doc_id'].item()}").text


def test_delta_tables_in_a_folder_have_the_same_pages(press: Path, tmp_path: Path) -> None:
    tables = str(tmp_path / "tables")
    with fast_gate():
        run(press, tables)
    shelf, shown = pages(tables, press)
    assert "Muse-\num" in looked_at(shown, tables)
    store = open_store(tables)
    assert shelf.standing.index == Path(tables, store.pointer().snapshot, NAME)
    assert list(store.verify(store.pointer())) == []


def test_on_an_object_store_pages_corrections_and_the_next_state(
    bucket: Bucket, press: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = f"{bucket.url}/tables"
    (press / "b.txt").write_text(AUER, encoding="utf-8")
    run(press, tables)
    monkeypatch.setattr("flows.browse.shelf._SECONDS_BETWEEN_LOOKS", 0)
    shelf, shown = pages(tables, press)
    assert "Muse-\num" in looked_at(shown, tables)
    assert "fliesstext-browse-" in str(shelf.standing.index)
    store = open_store(tables)
    entities = store.read(store.current(), "entities")
    auer, huber = (entities.filter(name=name)["entity_id"].item() for name in ("Anna Auer", "Anna Huber"))
    form = {"action": "merge", "entity_id": auer, "name": "Anna Auer", "label": "PER", "value": "Anna Huber"}
    assert "waits for the next run" in shown.post("/corrections", data=form).text
    twice = shown.post("/corrections", data={"action": "reject", "name": "Nirgendwo", "label": "LOC"}).text
    assert twice.count("waits for the next run") == 2
    run(press, tables)
    assert shown.get("/").status_code == 200  # sees that there is something new, and prepares it
    for _ in range(1200):
        if shelf.standing.snapshot.run_id != store.pointer().run_id:
            time.sleep(0.1)
    assert shown.get(f"/entities/{auer}").status_code == 404
    assert "Anna Auer" in shown.get(f"/entities/{huber}").text
    told = shown.get("/corrections").text
    assert (told.count(">applied<"), told.count('class="odd">met nothing<')) == (1, 1)


def test_an_index_in_a_folder_of_its_own_goes_with_its_snapshot(press: Path, tmp_path: Path) -> None:
    tables, index = str(tmp_path / "tables"), tmp_path / "index"
    index.mkdir()
    (index / "other.sqlite").touch()
    shown = []
    with fast_gate():
        for text in (HUBER, AUER):
            (press / "b.txt").write_text(text, encoding="utf-8")
            run_here([press], tables, engine="fast", keep_snapshots=1)
            shown.append(pages(tables, press, index)[0].standing.index)
    assert shown[0] != shown[1]
    assert sorted(index.iterdir()) == sorted([shown[1], index / "other.sqlite"])


def test_the_pages_of_a_pdf_on_an_object_store_are_drawn_while_it_is_the_one_that_was_read(bucket: Bucket) -> None:
    data = article("Der Umbau", [HUBER])
    bucket.put("press/der umbau.pdf", data)
    sizes = [{"page": 1, **read_pdf(data, len(data)).pages[0]._asdict()}]
    document = {"source_uri": "press/der umbau.pdf", "content_sha256": sha256(data).hexdigest(), "pages": sizes}
    pictures = Pictures(parse_sources([f"press={bucket.url}/press"]))
    assert pictures.state_of(document, RowOptions()) == DRAWN
    assert (pictures.of_page(document, RowOptions(), 1) or b"").startswith(b"\xff\xd8")  # a JPEG
    changed = document | {"content_sha256": sha256(HUBER.encode()).hexdigest()}
    assert pictures.state_of(changed, RowOptions()) == GONE
    assert pictures.of_page(changed, RowOptions(), 1) is None
