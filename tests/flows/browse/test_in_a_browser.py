"""What a person sees and does in a real browser: every page, hover and keys, corrections, nothing from elsewhere."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.correct import read_corrections
from tests.flows.browse.conftest import HOSTILE, HOSTILE_NAME, Served

pytestmark = pytest.mark.integration
AXE = (Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js").read_text(encoding="utf-8")
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
WINDOWS = (("de-DE", 390), ("en-GB", 1280))
ADDRESSES = (
    "/",
    "/search",
    "/search?q=Stadt*&language=de&sort=name",
    "/search?q=nirgends-zu-finden",
    "/entities",
    "/entities?label=PER&q=a",
    "/map",
    "/quarantine",
    "/files?status=duplicate",
    "/corrections",
    "/gibt-es-nicht",
)


class Visit:
    """A browser window that notes every word in the console, every error and every request to elsewhere."""

    def __init__(self, browser, address: str, **settings) -> None:  # type: ignore[no-untyped-def]
        self.context = browser.new_context(bypass_csp=False, **settings)
        self.page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.address, self.noted = address, list[str]()
        self.page.on("console", lambda said: self.noted.append(f"console: {said.text}"))
        self.page.on("pageerror", lambda error: self.noted.append(f"error: {error}"))
        self.page.on("dialog", lambda asked: (self.noted.append(f"dialog: {asked.message}"), asked.dismiss()))
        self.page.on("request", self._note)

    def _note(self, request) -> None:  # type: ignore[no-untyped-def]
        if not request.url.startswith((self.address + "/", "data:")):
            self.noted.append(f"foreign request: {request.url}")

    def go(self, path: str):  # type: ignore[no-untyped-def]
        return self.page.goto(self.address + path)

    def violations(self) -> list[str]:
        """What axe complains of: in light colours of anything, in dark ones of contrast, for all else is the same."""
        # As an extension does: the policy of the page forbids scripts that are put into it.
        found = self.page.evaluate(f"async () => {{ {AXE}; return (await axe.run({json.dumps(RULES)})).violations }}")
        self.page.emulate_media(color_scheme="dark")
        found += self.page.evaluate(f"async () => (await axe.run({json.dumps(CONTRAST)})).violations")
        self.page.emulate_media(color_scheme="light")
        return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


@pytest.fixture
def visit(browser, pages: Served) -> Iterator[Visit]:  # type: ignore[no-untyped-def]
    window = Visit(browser, pages.address, locale="de-DE", viewport={"width": 1280, "height": 900})
    yield window
    window.context.close()


def first(visit: Visit, path: str, pattern: str) -> str:
    """The first address on a page that looks so."""
    visit.go(path)
    found = visit.page.locator(f'main a[href^="{pattern}"]').first.get_attribute("href")
    assert found
    return found


@pytest.mark.parametrize(("locale", "width"), WINDOWS)
def test_every_page_is_accessible_and_quiet(browser, pages: Served, locale: str, width: int) -> None:
    size = {"width": width, "height": 844}
    visit = Visit(browser, pages.address, locale=locale, viewport=size, color_scheme="light")
    document, entity = (
        first(visit, "/search?q=Linie", "/documents/"),
        first(visit, "/entities?label=PER", "/entities/"),
    )
    for address in (*ADDRESSES, document, document + "&layers=values", entity):
        answer = visit.go(address)
        assert answer.status == (404 if address == "/gibt-es-nicht" else 200), address
        assert visit.violations() == [], address
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, f"{address} scrolls sideways"
    missing = [line for line in visit.noted if "404 (Not Found)" in line]
    assert visit.noted == missing
    assert len(missing) == 1
    visit.context.close()


def test_from_the_start_page_to_every_raw_character(visit: Visit) -> None:
    page = visit.page
    visit.go("/")
    page.get_by_role("searchbox").fill("Stadtwerk*")
    page.get_by_role("button", name="Suchen").click()
    assert page.locator(".hits mark").first.inner_text().startswith("Stadtwerk")
    page.locator(".hits h2 a").first.click()
    word = page.locator(".mended i.r").first
    word.hover()
    number = word.get_attribute("data-w")
    beside = page.locator(f'.rawtext i.w.on[data-w="{number}"]')
    raw = "".join(beside.all_text_contents())
    assert re.sub(r"-\s+", "", raw) == "".join(page.locator(f'.mended i.w[data-w="{number}"]').all_text_contents())
    assert "Rohzeichen" in page.get_by_role("status").inner_text()
    beside.first.hover()
    page.keyboard.press("Tab")
    page.locator(".mended").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".mended i.w.on").first.get_attribute("data-w") == str(int(number or 0) + 1)
    assert visit.noted == []


def test_every_person_named_leads_to_the_place_that_says_so(visit: Visit) -> None:
    page = visit.page
    visit.go("/entities?label=PER")
    names = page.locator("#results td:first-child a")
    assert names.count() >= 20
    for at in range(0, names.count(), 12):
        visit.go("/entities?label=PER")
        names.nth(at).click()
        said = page.locator(".contexts b").first.inner_text()
        page.locator(".contexts a").first.click()
        assert page.locator("#at").inner_text() in said
        assert page.locator("#at").evaluate("one => !!one.closest('.m-PER')")
    assert visit.noted == []


def test_searching_while_typing_changes_the_address_and_the_address_brings_it_back(visit: Visit) -> None:
    page = visit.page
    visit.go("/search")
    page.get_by_role("searchbox").press_sequentially("Nachtbus OR Linie")
    page.wait_for_url("**/search?*q=Nachtbus+OR+Linie*")
    page.wait_for_selector("#results mark")
    shown = page.locator(".told").inner_text()
    page.reload()
    assert page.locator(".told").inner_text() == shown
    assert page.get_by_role("searchbox").input_value() == "Nachtbus OR Linie"
    page.locator("summary").click()
    page.locator("select[name=language]").select_option("fr")
    page.wait_for_selector("#results .quiet")
    assert "language=fr" in page.url
    assert visit.noted == []


def test_layers_are_toggled_and_part_of_the_address(visit: Visit) -> None:
    page = visit.page
    address = first(visit, "/search?q=Linie", "/documents/")
    visit.go(address)
    page.locator('.layers input[value="raw"]').uncheck()
    assert not page.locator(".rawtext").is_visible()
    page.reload()
    assert not page.locator(".rawtext").is_visible()
    assert page.locator('.layers input[value="names"]').is_checked()


def test_on_paper_is_the_document_alone_in_dark_ink(visit: Visit) -> None:
    page = visit.page
    visit.go(first(visit, "/search?q=Linie", "/documents/"))
    page.emulate_media(media="print", color_scheme="dark")
    shown = {
        name: page.locator(name).first.is_visible() for name in (".top", ".layers", ".place", ".mended", ".rawtext")
    }
    assert [name for name, is_visible in shown.items() if is_visible] == [".mended", ".rawtext"]
    light = "one => getComputedStyle(one).backgroundColor.match(/[0-9]+/g).slice(0, 3).every((part) => part > 200)"
    for name in ("body", ".mended", ".mended .m-LOC", ".rawtext .rep"):
        assert page.locator(name).first.evaluate(light), name
    cut_off = "one => one.scrollHeight > one.clientHeight + 2"
    assert not page.locator(".mended").evaluate(cut_off)


def test_a_hostile_document_and_name_are_text(visit: Visit) -> None:
    page = visit.page
    visit.go("/search?q=Stadtrat+alert")
    page.locator(".hits h2 a").first.click()
    assert "alert(document.cookie)" in page.locator(".mended").inner_text()
    raw = page.locator(".rawtext pre").evaluate("one => one.textContent")
    assert raw == HOSTILE.replace("\u202e", "⟨U+202E⟩")
    assert page.locator("h1").inner_text() == HOSTILE_NAME
    page.locator(".mended i.w").first.hover()
    for address in ("/files?q=onerror", "/quarantine", "/search?q=<script>alert(1)</script>", '/entities?q="><script>'):
        visit.go(address)
    assert page.evaluate("document.querySelectorAll('img, script:not([src]), main svg[onload]').length") == 0
    assert visit.noted == []


def test_german_and_english_dark_and_light_stay_chosen(visit: Visit) -> None:
    page = visit.page
    visit.go("/quarantine")
    assert page.locator("h1").inner_text() == "Quarantäne"
    page.get_by_role("link", name="English").click()
    assert page.locator("h1").inner_text() == "Quarantine"
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    visit.go("/")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.get_by_role("navigation", name="Main menu").get_by_role("link").first.inner_text() == "Overview"


def test_a_merger_is_written_and_taken_back(browser, edited: tuple[Served, Path]) -> None:
    served, file = edited
    visit = Visit(browser, served.address, locale="en-GB")
    page = visit.page
    try:
        visit.go(first(visit, "/entities?label=PER&sort=name", "/entities/"))
        own = page.locator("h1").inner_text()
        page.locator("summary").click()
        assert visit.violations() == []
        other = page.locator("#alike option").first.get_attribute("value")
        page.get_by_label("Merge into").first.fill("Nobody of this name")
        page.get_by_role("button", name="Save: Merge into").click()
        assert "not among those found" in page.get_by_role("alert").inner_text()
        assert not file.exists()
        page.go_back()
        page.locator("summary").click()
        page.get_by_label("Merge into").first.fill(other)
        page.get_by_role("button", name="Save: Merge into").click()
        page.wait_for_selector("td")
        assert page.locator("td").all_inner_texts()[:3] == ["merge", f"{own} person", other]
        (row,) = read_corrections(file.read_text(encoding="utf-8")).iter_rows(named=True)
        assert (row["action"], row["name"], row["value_name"]) == ("merge", own, other)
        page.get_by_role("button", name="Take back").click()
        page.wait_for_selector("main .quiet:last-child")
        assert "no corrections yet" in page.locator("main").inner_text()
        assert read_corrections(file.read_text(encoding="utf-8")).height == 0
        assert [line for line in visit.noted if "422" not in line] == []
    finally:
        visit.context.close()


def test_a_mention_is_rejected_where_it_stands(browser, edited: tuple[Served, Path]) -> None:
    served, file = edited
    visit = Visit(browser, served.address, locale="en-GB")
    try:
        visit.go(first(visit, "/search?q=Linie", "/documents/"))
        name = visit.page.locator(".mended .m-PER").first.inner_text()
        visit.page.locator(".mended .m-PER").first.dispatch_event("pointerdown")
        visit.page.locator("summary").click()
        visit.page.get_by_role("button", name="Save: Name").click()
        visit.page.wait_for_selector("td")
        (row,) = read_corrections(file.read_text(encoding="utf-8")).iter_rows(named=True)
        assert (row["action"], row["name"], row["label"]) == ("reject", name, "PER")
        assert row["start"] is not None
    finally:
        visit.context.close()
