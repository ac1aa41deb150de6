"""A phone and a real browser: pages, facts and copies are accessible and fit; corrections can be made by touch."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.correct import read_corrections
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import fast_gate, run_here
from tests.flows.browse.conftest import Served
from tests.flows.browse.kinds import fill
from tests.flows.browse.test_in_a_browser import Visit

pytestmark = pytest.mark.integration
NAMES = ("bericht.pdf", "seite.hocr", "haus.txt", "markt_neu.txt")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phone")
    fill(folder / "kinds")
    with fast_gate():
        run_here([folder / "kinds"], folder / "tables", engine="fast", text_column="body", key_column="nr")
    return folder


@pytest.fixture(scope="module")
def served(home: Path) -> Iterator[Served]:
    pages = Served(home / "kinds", "--tables", home / "tables", "--edit")
    yield pages
    assert "Traceback" not in pages.stop()


def address_of(home: Path, name: str) -> str:
    documents = read_table(home / "tables", read_current(home / "tables"), "documents")
    return "/documents/" + dict(documents.select("source_uri", "doc_id").iter_rows())[f"kinds/{name}"]


@pytest.mark.parametrize(("locale", "width"), [("en-GB", 390), ("de-DE", 1440)])
def test_new_parts_of_pages_are_accessible_and_fit(
    browser, served: Served, home: Path, locale: str, width: int
) -> None:
    size = {"width": width, "height": 844}
    visit = Visit(browser, served.address, locale=locale, viewport=size, color_scheme="light")
    try:
        addresses = ["/", "/search?copies=once", "/corrections", *(address_of(home, name) for name in NAMES)]
        for address in addresses:
            assert visit.go(address).status == 200, address
            visit.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            assert visit.violations() == [], address
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, f"{address} scrolls sideways"
        assert visit.noted == []
    finally:
        visit.context.close()


def test_text_and_printed_page_show_each_others_places(browser, served: Served, home: Path) -> None:
    visit = Visit(browser, served.address, locale="en-GB", viewport={"width": 1440, "height": 900})
    try:
        visit.go(address_of(home, "bericht.pdf"))
        visit.page.locator(".leaf img").first.evaluate("one => one.decode()")  # raises where there is no picture
        name = visit.page.locator(".mended .m-PER").first
        name.hover()
        number = name.get_attribute("data-m")
        assert visit.page.locator("g.on").evaluate_all("all => all.map(one => one.dataset.m)") == [number]
        lit = visit.page.locator(".sheet a.on")
        text = visit.page.locator(str(lit.get_attribute("href")))
        assert name.inner_text() in text.inner_text()
        visit.page.locator(".mended").focus()
        visit.page.keyboard.press("ArrowLeft")
        assert visit.page.locator("g.on").count() == 0
        assert lit.count() == 1
        block = visit.page.locator(".sheet a").nth(2)
        target = block.get_attribute("href")
        assert target
        block.hover()
        assert visit.page.locator(".mended .b.on").evaluate("one => '#' + one.id") == target
        block.click()
        assert visit.page.url.endswith(target)
        assert visit.page.locator(target).is_visible()
        visit.page.get_by_role("checkbox", name="Raw text").check()
        assert visit.page.locator(".rawtext").is_visible()
        visit.page.get_by_role("checkbox", name="Pages").uncheck()
        assert visit.page.locator(".sheets").is_hidden()
        assert visit.page.url.split("?")[1].startswith("layers=names%2Cvalues%2Crepairs%2Craw")
        assert visit.noted == []
    finally:
        visit.context.close()


def test_a_wrong_join_and_a_kind_are_corrected_by_touch(browser, served: Served, home: Path) -> None:
    visit = Visit(browser, served.address, locale="en-GB", viewport={"width": 390, "height": 844}, has_touch=True)
    page, file = visit.page, home / "tables" / "corrections.csv"
    try:
        visit.go(address_of(home, "markt.txt"))
        word = page.locator(".mended i.w", has_text="Am").last
        place = str(word.get_attribute("data-o")).split("–")[0]
        word.tap()
        page.locator("summary", has_text="Correct").tap()
        assert page.get_by_label("A block begins at this raw character").first.input_value() == place
        button = page.get_by_role("button", name="Save: A block begins at this raw character")
        box = button.bounding_box()
        assert box
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 390
        assert box["height"] >= 24
        button.tap()
        page.wait_for_selector("td")
        assert "waits for the next run" in page.locator("main").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        (row,) = read_corrections(file.read_text(encoding="utf-8")).iter_rows(named=True)
        assert (row["action"], row["source_uri"], str(row["start"])) == ("part", "kinds/markt.txt", place)
        page.get_by_role("button", name="Take back").tap()
        page.wait_for_selector("text=no corrections yet")
        assert visit.noted == []
    finally:
        visit.context.close()
