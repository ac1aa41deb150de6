"""What a page shows of documents of every kind: the raw side, the pages, what is known of them, and their copies."""

import io
import os
import re
from pathlib import Path

import polars as pl
import pypdfium2
import pytest
from PIL import Image, ImageChops
from starlette.testclient import TestClient

from flows.browse.app import Options, build_app
from flows.browse.drift import drift_of
from flows.browse.sheets import sheets_of
from flows.browse.shelf import Shelf
from flows.browse.words import WORDS
from stages.discover.sources import parse_sources
from stages.link_entities.evidence import RULES
from stages.read.again import read_again, row_options
from stages.read.pictures import Wanted, draw_page
from stages.tables.schemas import DOUBTS, DRIFT_VERDICTS, REASONS
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import fast_gate, run_here
from tests.flows.browse.kinds import HOUSE, MARKET, fill


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of every kind and its tables; a second run met one more file, so that drift is measured twice."""
    folder = tmp_path_factory.mktemp("kinds")
    fill(folder / "kinds")
    settings = {"engine": "fast", "text_column": "body", "key_column": "nr"}
    with fast_gate():
        run_here([folder / "kinds"], folder / "tables", **settings)
        (folder / "kinds" / "spät.txt").write_text("Huber kam am Abend noch nach Emden.\n", encoding="utf-8")
        run_here([folder / "kinds"], folder / "tables", **settings)
    return folder


@pytest.fixture(scope="module")
def pages(home: Path) -> TestClient:
    return served(home, [str(home / "kinds")])


def served(home: Path, sources: list[str]) -> TestClient:
    app = build_app(Shelf(home / "tables", None, lambda *_: None), Options(parse_sources(sources) if sources else ()))
    return TestClient(app, base_url="http://127.0.0.1", headers={"accept-language": "en"})


def documents(home: Path) -> pl.DataFrame:
    return read_table(home / "tables", read_current(home / "tables"), "documents")


def page_of(pages: TestClient, home: Path, name: str) -> str:
    doc_id = documents(home).filter(pl.col("source_uri").str.ends_with(name))["doc_id"].item()
    answer = pages.get(f"/documents/{doc_id}")
    assert answer.status_code == 200, answer.text
    return answer.text


def raw_side(page: str) -> str | None:
    found = re.search(r"<pre dir=\"auto\">(.*?)</pre>", page, re.DOTALL)
    if not found:
        return None
    text = re.sub(r"<[^>]*>", "", found[1])
    for sign, plain in (("&lt;", "<"), ("&gt;", ">"), ("&#34;", '"'), ("&#39;", "'"), ("&amp;", "&")):
        text = text.replace(sign, plain)
    return text


NAMES = [
    "haus.txt", "bericht.pdf", "seite.alto.xml", "seite.hocr", "brief.docx", "netz.html", "drei.txt", "zeilen.csv!/7",
    "zeilen.csv!/8", "post.eml",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_raw_side_is_the_text_that_offsets_count_in(pages: TestClient, home: Path, name: str) -> None:
    tables, snapshot = home / "tables", read_current(home / "tables")
    chosen = documents(home).filter(pl.col("source_uri").str.ends_with(name))
    options = row_options(read_table(tables, snapshot, "runs"))
    (expected,) = read_again(chosen, parse_sources([str(home / "kinds")]), options).values()
    shown = raw_side(page_of(pages, home, name))
    assert shown == expected.replace("\r\n", "\n")
    blocks = read_table(tables, snapshot, "blocks").join(chosen, on="doc_id", how="semi")
    for text, start, end in blocks.filter(pl.col("kind") == "paragraph").select("text", "raw_start", "raw_end").rows():
        assert set(text.split()[1:4]) <= set(re.sub("<[^>]*>|\\|", " ", expected[start:end]).split())


@pytest.mark.parametrize("name", ["bericht.pdf", "seite.alto.xml", "seite.hocr", "brief.docx", "post.eml"])
def test_what_no_file_holds_as_text_is_shown_without_the_file(home: Path, name: str) -> None:
    page = page_of(served(home, []), home, name)
    assert raw_side(page) == raw_side(page_of(served(home, [str(home / "kinds")]), home, name))
    assert "does not hold it as text" in page
    assert raw_side(page_of(served(home, []), home, "haus.txt")) is None


def test_a_row_whose_columns_were_named_is_found_again(pages: TestClient, home: Path) -> None:
    assert "Peter Sommer war am Freitag in Bonn zu Gast." in (raw_side(page_of(pages, home, "zeilen.csv!/7")) or "")


@pytest.mark.parametrize("name", ["bericht.pdf", "seite.alto.xml", "seite.hocr"])
def test_a_printed_page_is_drawn_with_its_blocks_and_names(pages: TestClient, home: Path, name: str) -> None:
    page = page_of(pages, home, name)
    assert page.count('<svg class="sheet"') == 1
    doc_id = documents(home).filter(pl.col("source_uri").str.ends_with(name))["doc_id"].item()
    blocks = read_table(home / "tables", read_current(home / "tables"), "blocks").filter(pl.col("doc_id") == doc_id)
    assert page.count('<rect class="block') == blocks["box"].drop_nulls().len()
    assert page.count('<a href="#page1">') == 1
    for number in blocks["block_no"]:
        assert f'href="#b{number}"' in page
        assert f'id="b{number}"' in page
    assert 'class="named-PER"' in page
    assert '<svg class="sheet"' not in page_of(pages, home, "haus.txt")


def test_what_is_drawn_stands_where_it_is_printed(home: Path) -> None:
    """On the page as pdfium renders it: print in the box of every block and name, and next to none beside them."""
    page = pypdfium2.PdfDocument(home / "kinds" / "bericht.pdf")[0]
    ink = page.render(scale=2).to_numpy().min(axis=2) < 128
    store, snapshot = home / "tables", read_current(home / "tables")
    chosen = documents(home).filter(pl.col("source_uri").str.ends_with("bericht.pdf")).select("doc_id")
    boxes = {
        name: read_table(store, snapshot, name).join(chosen, on="doc_id").drop_nulls("box")["box"].to_list()
        for name in ("blocks", "mentions")
    }
    outside = ink.copy()
    for box in [*boxes["blocks"], *boxes["mentions"]]:
        x0, x1, y0, y1 = (round(2 * box[name]) for name in ("x0", "x1", "y0", "y1"))
        within = ink[y0:y1, x0:x1]
        assert within.mean() > 0.03, box
        assert within[:, :12].any(), f"{box} begins more than six points before what is printed there"
        assert within[:, -12:].any(), f"{box} ends more than six points behind what is printed there"
        outside[y0:y1, x0:x1] = False
    assert len(boxes["mentions"]) > 20
    assert outside.sum() < 0.01 * ink.sum()  # the page number
    sizes = documents(home).join(chosen, on="doc_id")["pages"].item()
    (sheet,) = sheets_of(
        [{"block_no": 0, "kind": "p", "text": "", "page": 1, "box": one} for one in boxes["blocks"]], [], sizes
    )
    _, _, width, height = (float(one) for one in re.findall(r'viewBox="([^"]*)"', sheet.drawing)[0].split())
    assert (width, height) == pytest.approx(page.get_size(), abs=0.01)


def pictures_of(page: str) -> list[str]:
    return re.findall(r'<img src="([^"]*)"', page)


def test_a_page_is_shown_as_it_was_printed(pages: TestClient, home: Path) -> None:
    (address,) = pictures_of(page_of(pages, home, "bericht.pdf"))
    answer = pages.get(address)
    assert answer.headers["content-type"] == "image/jpeg"
    assert "img-src 'self'" in answer.headers["content-security-policy"]
    page = pypdfium2.PdfDocument(home / "kinds" / "bericht.pdf")[0]
    printed = page.render(scale=2, grayscale=True).to_pil()
    shown, expected = (one.convert("L").resize((60, 85)) for one in (Image.open(io.BytesIO(answer.content)), printed))
    assert min(expected.tobytes()) < 200  # there is print
    assert max(ImageChops.difference(shown, expected).tobytes()) < 25
    assert pages.get(address).content == answer.content
    assert pages.get(address.replace("/1.jpg", "/2.jpg")).status_code == 404
    assert pages.get("/documents/none/pages/1.jpg").status_code == 404


def test_without_a_picture_the_page_says_why(pages: TestClient, home: Path) -> None:
    file = home / "kinds" / "bericht.pdf"
    (address,) = pictures_of(page_of(pages, home, "bericht.pdf"))
    was, about = file.read_bytes(), file.stat()
    try:
        file.write_bytes(was + b"\n")
        page = page_of(pages, home, "bericht.pdf")
        assert "has changed" in page
        assert pictures_of(page) == []
        assert '<rect class="block' in page
        assert pages.get(address).status_code == 404
    finally:
        file.write_bytes(was)
        os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert pictures_of(page_of(pages, home, "bericht.pdf")) == [address]
    for given, name, why in (
        ([], "bericht.pdf", "is not at hand"),
        ([str(home / "kinds")], "seite.alto.xml", "the file holds none"),
    ):
        page = page_of(served(home, given), home, name)
        assert why in page
        assert pictures_of(page) == []


def test_a_scan_beside_its_text_is_shown_if_it_has_the_shape_of_the_page(pages: TestClient, home: Path) -> None:
    scan = home / "kinds" / "seite.png"
    try:
        Image.new("RGB", (400, 500), (200, 30, 30)).save(scan)
        (address,) = pictures_of(page_of(pages, home, "seite.hocr"))  # 800 by 1,000
        shown = Image.open(io.BytesIO(pages.get(address).content))
        assert shown.size == (400, 500)
        assert shown.getpixel((200, 250))[0] > 150
        (other,) = pictures_of(page_of(pages, home, "seite.alto.xml"))  # 1,000 by 1,400
        assert pages.get(other).status_code == 404
    finally:
        scan.unlink()


@pytest.mark.parametrize("data", [b"%PDF-1.7\n%%EOF", b"%!PS"])
def test_what_cannot_be_drawn_has_no_picture(data: bytes) -> None:
    assert draw_page(data, Wanted(1, 400.0, 500.0, 0, 100)) is None


def test_a_drawing_escapes_and_has_room_for_every_box() -> None:
    box = {"x0": 10.0, "y0": 20.0, "x1": 900.0, "y1": 50.0}
    block = {"block_no": 3, "kind": "title", "text": "<script>alert(1)</script> & co", "page": 2, "box": box}
    (sheet,) = sheets_of([block, block | {"page": None}, block | {"box": None}], [])
    assert sheet.number == 2
    assert "<script" not in sheet.drawing
    assert "&lt;script&gt;" in sheet.drawing
    _, _, width, height = (float(one) for one in re.findall(r'viewBox="([^"]*)"', sheet.drawing)[0].split())
    assert width >= 900
    assert height >= 50


def test_what_sidecar_and_file_say_is_shown_with_where_it_was_found(pages: TestClient, home: Path) -> None:
    page = page_of(pages, home, "haus.txt")
    assert "<time>2024-03</time>" in page  # the month is known, no day is made up
    assert "Mara Feld" in page
    assert re.search(r"bestand.*?Keller.*?found in sidecar", page, re.DOTALL | re.IGNORECASE)
    assert 'href="javascript' not in page
    assert "<time>2024-03-05</time>" in page_of(pages, home, "post.eml")
    assert "file of 20" in page_of(pages, home, "markt.txt")


def test_a_document_names_its_copies_and_a_search_shows_each_group_once(pages: TestClient, home: Path) -> None:
    page = page_of(pages, home, "markt_neu.txt")
    assert "91 %" in page
    assert "markt.txt" in page
    other = page_of(pages, home, "markt.txt")
    assert "markt_kopie.txt" in other
    assert "the same bytes" in other
    found = set(re.findall(r"kinds/markt\w*\.txt", pages.get("/search?q=Linden&sort=name").text))
    once = set(re.findall(r"kinds/markt\w*\.txt", pages.get("/search?q=Linden&copies=once").text))
    assert (found, len(once)) == ({"kinds/markt.txt", "kinds/markt_neu.txt"}, 1)
    cluster = re.search(r"copies=([0-9a-f]{20})", page)
    assert cluster
    assert set(re.findall(r"kinds/markt\w*\.txt", pages.get(f"/search?copies={cluster[1]}").text)) == found


def test_dates_of_publication_go_before_those_of_files(pages: TestClient, home: Path) -> None:
    def named(query: str) -> set[str]:
        return set(re.findall(r"kinds/(haus\.txt|post\.eml)", pages.get(f"/search?{query}").text))

    assert named("until=2024-03") == {"haus.txt", "post.eml"}
    assert named("since=2025-01") == set()
    overview = pages.get("/").text
    undated = documents(home)["published_at"].null_count()
    assert f"({undated} by their file)" in overview
    assert ">2024-03<" in overview


def test_drift_is_on_the_overview_beside_the_runs_before(pages: TestClient, home: Path) -> None:
    overview = pages.get("/").text
    drift = read_table(home / "tables", read_current(home / "tables"), "drift")
    assert drift["run_id"].n_unique() == 2
    last = drift.filter(pl.col("run_id") == read_current(home / "tables").run_id)
    section = overview[overview.index("<h2>Drift</h2>") : overview.index("<h2>Runs</h2>")]
    assert section.count("<tr>") == last.height + 1
    assert section.count("<polyline") == drift.group_by("source", "measure").len().filter(pl.col("len") > 1).height > 0


def test_what_is_unusual_comes_first() -> None:
    runs = [{"run_id": "b"}, {"run_id": "a"}]
    row = {"source": "s", "observed": 2.0, "median": 1.0, "n_runs": 1}
    rows = [
        row | {"run_id": "b", "measure": "documents", "verdict": "usual"},
        row | {"run_id": "a", "measure": "words", "verdict": "usual", "observed": 5.0},
        row | {"run_id": "b", "measure": "words", "verdict": "unusual"},
        row | {"run_id": "a", "measure": "language fr", "verdict": "usual"},
    ]
    first, second = drift_of(rows, runs)
    assert (first.name, first.values, second.name) == ("words", [5.0, 2.0], "documents")
    assert drift_of([], runs) == []


def test_why_two_spellings_are_one_is_said_in_words(pages: TestClient, home: Path) -> None:
    entities = read_table(home / "tables", read_current(home / "tables"), "entities")
    evident = entities.filter(pl.col("evidence") != "[]")
    assert evident.height, "nothing is joined in these texts: the test needs another one"
    page = pages.get(f"/entities/{evident['entity_id'][0]}").text
    assert "Why these are one" in page
    assert re.search(r"<b>Huber</b>: the surname alone, in documents with(out)? the full name", page)


def test_every_code_of_the_tables_has_words_in_both_languages() -> None:
    codes = [f"rule {rule}" for rule in RULES] + [f"doubt {doubt}" for doubt in DOUBTS]
    assert [code for code in codes if code not in WORDS["en"]] == []
    german = [*codes, *DRIFT_VERDICTS, *(f"reason {reason}" for reason in REASONS)]
    assert [code for code in german if code not in WORDS["de"]] == []


def test_the_texts_of_the_folder_are_those_that_pages_show(pages: TestClient, home: Path) -> None:
    for name in ("brief.docx", "netz.html", "bericht.pdf"):
        mended = " ".join(re.sub(r"<[^>]*>", "", page_of(pages, home, name).split('aria-label="Raw text"')[0]).split())
        assert HOUSE in mended
        assert MARKET in mended


def test_the_report_of_a_run_has_drift_a_chart_and_texts_before_and_after(home: Path) -> None:
    tables, snapshot = home / "tables", read_current(home / "tables")
    report = (tables / snapshot.snapshot / "report.html").read_text(encoding="utf-8")
    assert "<h2>Drift</h2>" in report
    last = read_table(tables, snapshot, "drift").filter(pl.col("run_id") == snapshot.run_id)
    drift = report[report.index("<h2>Drift</h2>") : report.index("<h2>Runs</h2>")]
    assert drift.count("<tr>") == last.height + 1
    assert report.count('<svg class="bars"') == 1
    assert report.count("<rect x=") == read_table(tables, snapshot, "runs").height
    before = [re.sub(r"<[^>]*>", "", one) for one in re.findall(r"<pre dir=\"auto\">(.*?)</pre>", report, re.DOTALL)]
    assert len(before) == 1, "what the last run made"
    assert "Huber kam am Abend noch nach Emden.\n" in before[0]
    assert "was not at hand" not in report
    assert not re.search(r"(src|href)=\"(?!#)", report)  # needs nothing but itself
