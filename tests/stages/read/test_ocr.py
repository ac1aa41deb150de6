"""Text recognition by tesseract: of pictures and of PDFs that are nothing but pictures; and what is said without it."""

import os
import shutil
import stat
from pathlib import Path

import polars as pl
import pytest

from stages.errors import SourceError
from stages.read.ocr import recognise
from stages.read.pdf import read_pdf
from stages.read.sources import ReadOptions, read_bytes
from stages.reflow.layout import reflow_pieces
from tests.stages.read.print_pdf import article, paragraph
from tests.stages.read.scans import as_pictures, as_png, scanned

MANY = 10_000_000
TEXTS = [paragraph(number) for number in range(1, 6)]
OCR = ReadOptions(ocr=("de", "en"))
needs_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="tesseract is not installed (Debian: tesseract-ocr, tesseract-ocr-deu)"
)


@pytest.fixture(scope="module")
def printed():
    return article("Die leere Halle", TEXTS)


@pytest.fixture(scope="module")
def longer():
    return article("Die leere Halle", [paragraph(number) for number in range(1, 12)])


def words(text):
    return set(text.split())


@needs_tesseract
def test_a_scanned_pdf_gives_the_text_that_was_printed_where_it_stands(printed):
    document = read_bytes(scanned(printed), "a.pdf", OCR)
    found, known = reflow_pieces(document), reflow_pieces(read_pdf(printed, MANY))
    expected = words(" ".join(block.text for block in known.blocks))

    assert len(words(" ".join(block.text for block in found.blocks)) & expected) > 0.95 * len(expected)
    assert (document.encoding_how, document.in_file) == ("tesseract", False)
    assert document.pieces["page"].to_list() == sorted(document.pieces["page"].to_list())
    assert 0.5 < document.pieces["confidence"].min() <= 1
    first = read_pdf(printed, MANY).pieces.row(0, named=True)
    assert document.pieces.row(0, named=True)["y0"] == pytest.approx(first["y0"], abs=6)
    for block in found.blocks:
        for start, raw, length in block.spans:
            assert block.text[start : start + length] == document.text[raw : raw + length]


def test_pages_that_are_pictures_among_others_are_named(longer):
    document = read_bytes(scanned(longer, pages={1}), "a.pdf", ReadOptions())
    assert document.facts["pages_without_text"].value == "2"
    assert document.encoding_how == "text layer in part"
    whole = read_bytes(longer, "a.pdf", ReadOptions())
    assert (whole.encoding_how, "pages_without_text" in whole.facts) == ("text layer", False)


@needs_tesseract
def test_pages_that_are_pictures_among_others_are_recognised(longer):
    document = read_bytes(scanned(longer, pages={1}), "a.pdf", OCR)
    known = read_pdf(longer, MANY)
    assert "pages_without_text" not in document.facts
    for number in (1, 2):
        here, there = (
            words(" ".join(d.text[a:b] for a, b in d.pieces.filter(page=number).select("start", "end").iter_rows()))
            for d in (document, known)
        )
        assert len(here & there) > 0.95 * len(there), number
    has = document.pieces.group_by("page").agg(pl.col("confidence").is_not_null().all())
    assert dict(has.iter_rows()) == {1: False, 2: True}
    assert document.read_by.startswith("pypdfium2 ")
    assert ", tesseract " in document.read_by
    for block in reflow_pieces(document).blocks:
        for start, raw, length in block.spans:
            assert block.text[start : start + length] == document.text[raw : raw + length]


@needs_tesseract
def test_the_same_picture_gives_the_same_text(printed):
    picture = as_png(*next(as_pictures(printed)))

    assert read_bytes(picture, "a.png", OCR).text == recognise(picture, ("de", "en"), MANY).text


@needs_tesseract
@pytest.mark.parametrize(
    ("data", "options", "code", "said"),
    [
        (as_png(200, 200, b"\xff" * 40_000), OCR, "empty", "no text was recognised"),
        (b"\x89PNG\r\n\x1a\n" + b"no picture" * 20, OCR, "damaged", "tesseract cannot read this picture"),
        (as_png(9, 9, b"\0" * 81), ReadOptions(ocr=("pt",)), "needs_extra", "none of the languages por"),
    ],
    ids=["white", "damaged", "language"],
)
def test_what_cannot_be_recognised_says_why(data, options, code, said):
    with pytest.raises(SourceError, match=said) as error:
        read_bytes(data, "scan.png", options)
    assert error.value.code == code


@pytest.mark.parametrize("name", ["scan.png", "scan", "scan.txt"])
def test_a_picture_needs_recognition_whatever_its_name_and_the_sentence_names_the_option(name):
    with pytest.raises(SourceError, match="--ocr") as error:
        read_bytes(as_png(9, 9, b"\0" * 81), name, ReadOptions())
    assert error.value.code == "needs_ocr"


def test_without_the_program_the_sentence_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="apt-get install tesseract-ocr") as error:
        read_bytes(as_png(9, 9, b"\0" * 81), "scan.png", OCR)
    assert error.value.code == "needs_extra"


def test_a_page_that_takes_too_long_is_given_up(monkeypatch, tmp_path):
    program = Path(tmp_path / "tesseract")
    program.write_text('#!/bin/sh\n[ "$1" = --list-langs ] && { echo Languages; echo deu; exit; }\nexec sleep 30\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("stages.read.ocr._SECONDS_A_PAGE", 0.2)
    with pytest.raises(SourceError, match="scan it smaller") as error:
        read_bytes(as_png(9, 9, b"\0" * 81), "scan.png", OCR)
    assert error.value.code == "timed_out"
