"""Text recognition in runs: off until it is asked for, then for what needs it and for no other file."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.check import check_tables
from flows.report import RunReport
from stages.read import versions
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import article, fast_gate, run_here
from tests.stages.read.print_pdf import article as printed
from tests.stages.read.print_pdf import paragraph
from tests.stages.read.scans import as_pictures, as_png, scanned


@pytest.fixture(autouse=True)
def _fast() -> Iterator[None]:
    with fast_gate():
        yield


def counts(report: RunReport) -> tuple[int, ...]:
    return tuple(report.counts[f"n_{name}"] for name in ("written", "unchanged", "quarantined", "deleted"))


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed (Debian: tesseract-ocr)")
def test_what_needs_recognition_waits_until_a_run_is_asked_for_it(tmp_path: Path) -> None:
    press = tmp_path / "press"
    press.mkdir()
    pdf = printed("Die leere Halle", [paragraph(number) for number in range(1, 4)])
    (press / "scan.pdf").write_bytes(scanned(pdf))
    (press / "page.png").write_bytes(as_png(*next(as_pictures(printed("Am Hafen", [paragraph(9)])))))
    (press / "plain.txt").write_text(article(1), encoding="utf-8")

    def run(**settings: object) -> RunReport:
        return run_here([press], tmp_path / "tables", engine="none", **settings)

    without = run()
    assert counts(without) == (1, 0, 2, 0)
    assert [code for _, code, _ in without.quarantined] == ["needs_ocr", "needs_ocr"]
    assert all("--ocr" in reason for _, _, reason in without.quarantined)
    assert not run().published

    assert counts(run(ocr=True)) == (2, 1, 0, 0)
    assert not run(ocr=True).published
    current = read_current(tmp_path / "tables")
    blocks = read_table(tmp_path / "tables", current, "blocks")
    titles = blocks.filter(kind="title")["text"].to_list()
    assert {"Die leere Halle", "Am Hafen"} <= set(titles)
    recognised = read_table(tmp_path / "tables", current, "documents").filter(encoding="ocr")
    of_pages = blocks.join(recognised, on="doc_id", how="semi")
    assert of_pages.select("page", "box", "confidence").null_count().row(0) == (0, 0, 0)
    # Without the option what was recognised stands, and can be checked.
    assert not run().published
    done = check_tables(tmp_path / "tables", [str(press)])
    assert (done.problems, done.n_with_raw) == ([], 3)
    (press / "scan.pdf").unlink()
    assert counts(run()) == (0, 2, 0, 1)


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed (Debian: tesseract-ocr)")
def test_a_pdf_with_some_pages_of_pictures_is_read_and_completed_when_asked(tmp_path: Path) -> None:
    press = tmp_path / "press"
    press.mkdir()
    printed_pdf = printed("Die leere Halle", [paragraph(number) for number in range(1, 15)])
    (press / "mixed.pdf").write_bytes(scanned(printed_pdf, pages={1}))
    (press / "plain.txt").write_text(article(1), encoding="utf-8")

    def run(**settings: object) -> RunReport:
        return run_here([press], tmp_path / "tables", engine="none", **settings)

    def pages() -> set[int]:
        blocks = read_table(tmp_path / "tables", read_current(tmp_path / "tables"), "blocks")
        return set(blocks.drop_nulls("page")["page"])

    assert counts(run()) == (2, 0, 0, 0)
    assert 2 not in pages()
    assert not run().published
    assert counts(run(ocr=True)) == (1, 1, 0, 0)
    assert 2 in pages()
    assert not run(ocr=True).published
    assert not run().published
    assert check_tables(tmp_path / "tables", [str(press)]).problems == []


def test_what_another_version_of_a_library_read_is_read_again_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    press = tmp_path / "press"
    press.mkdir()
    (press / "a.pdf").write_bytes(printed("Die leere Halle", [paragraph(1)]))
    (press / "plain.txt").write_text(article(1), encoding="utf-8")

    def run() -> RunReport:
        return run_here([press], tmp_path / "tables", engine="none")

    def read_by() -> list[str | None]:
        sources = read_table(tmp_path / "tables", read_current(tmp_path / "tables"), "sources")
        return sources.sort("source_uri")["read_by"].to_list()

    assert counts(run()) == (2, 0, 0, 0)
    monkeypatch.setattr(versions, "version", lambda _: "99.0")
    versions.reader_version.cache_clear()
    try:
        assert counts(run()) == (1, 1, 0, 0)
        assert read_by() == ["pypdfium2 99.0", None]
        assert not run().published
    finally:
        versions.reader_version.cache_clear()
