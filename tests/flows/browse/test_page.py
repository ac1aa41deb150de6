"""Pages that stand by themselves: one document, and the report of a run."""

import re
import subprocess
from pathlib import Path

import pytest

from flows.browse.page import report_page
from stages.tables.store.local import LocalSnapshots
from stages.tables.store.snapshots import read_current, read_table
from tests.flows.browse.conftest import COMMAND, HOSTILE, HOSTILE_NAME, ROOT

pytestmark = pytest.mark.integration


def opened(browser, file: Path):  # type: ignore[no-untyped-def]
    """A page opened from disk, with everything that it complained of or asked for."""
    page = browser.new_page()
    noted: list[str] = []
    page.on("console", lambda said: noted.append(said.text))
    page.on("pageerror", lambda error: noted.append(str(error)))
    page.on("dialog", lambda asked: (noted.append(asked.message), asked.dismiss()))
    page.on("request", lambda asked: noted.append(asked.url) if asked.url != file.as_uri() else None)
    page.goto(file.as_uri())
    return page, noted


def test_show_html_is_one_page_that_needs_nothing_else(browser, tmp_path: Path) -> None:
    hostile, out = tmp_path / "text.txt", tmp_path / "out.html"
    hostile.write_text(HOSTILE, encoding="utf-8")
    sample = ROOT / "data" / "samples" / "lokal" / "nachtbus_windows1252.txt"
    for source in (hostile, sample):
        command = [COMMAND, "show", source, "--engine", "fast", "--html", out]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        page, noted = opened(browser, out)
        raw = page.locator(".rawtext pre").evaluate("one => one.textContent")
        if source == hostile:
            assert raw == HOSTILE.replace("\u202e", "⟨U+202E⟩")
        else:
            page.locator(".mended i.r", has_text="Stadtwerke").first.hover()
            assert page.locator(".rawtext i.w.on").all_text_contents() == ["Stadt-\nwerke"]
            assert "Stadt-⏎werke" in page.get_by_role("status").inner_text()
        assert noted == []
        page.close()


def test_show_diff_prints_raw_lines_and_what_came(tmp_path: Path) -> None:
    source = tmp_path / "text.txt"
    source.write_text("Ein Titel\n\nDer Verkauf des alten Gas-\nwerks ist \x1b[31mbeschlossen.\n", encoding="utf-8")
    command = [COMMAND, "show", source, "--engine", "fast", "--diff"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    assert "- Der Verkauf des alten Gas-\n- werks ist" in said
    assert "+ Der Verkauf des alten Gaswerks ist" in said
    assert "  Ein Titel\n" in said
    assert "\x1b" not in said


def test_the_report_of_a_run_says_what_the_tables_say(browser, tables: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    out.write_text(report_page(LocalSnapshots(tables), read_current(tables)), encoding="utf-8")
    page, noted = opened(browser, out)
    text = page.locator("main").inner_text()
    assert "1 written" in text
    assert "24 unchanged" not in text  # the last run was about another source
    assert HOSTILE_NAME + ".png" in text
    assert "<script>alert(document.cookie)</script> sagt Anna Huber" in text
    assert noted == []
    page.close()


def test_the_report_of_a_run_shows_what_it_mended(browser, tables: Path) -> None:
    page, noted = opened(browser, tables / read_current(tables).previous[0] / "report.html")
    text = page.locator("main").inner_text()
    assert "24 written" in text
    assert re.search(r"Eis\xad⏎kerne\s+Eiskerne\s+hyphen removed", text)
    places = read_table(tables, read_current(tables), "entities").drop_nulls("geonames_id")
    drawn = page.locator(".atlas circle title").evaluate_all("all => all.map(one => one.textContent)")
    assert len(drawn) > 5
    assert {one.rpartition(": ")[0] for one in drawn} <= set(places["name"])
    outline = page.locator(".atlas path").bounding_box()
    assert outline is not None
    assert outline["width"] > 300
    assert page.locator(".atlas a").count() == 0
    assert noted == []
    page.close()
