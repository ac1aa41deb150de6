"""Formats with pages, told by their bytes."""

import time

import pytest

from stages.discover.page_formats import kind_of


@pytest.mark.parametrize(
    ("head", "name", "kind"),
    [
        (b"%PDF-1.4", "a.txt", "pdf"),
        (b"\r\n\r\nmail debris %PDF-1.7", "a", "pdf"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><!-- made by us --><alto xmlns='x'>", "a.xml", "alto"),
        ("<?xml version='1.0' encoding='UTF-16'?><alto>".encode("utf-16"), "a.xml", "alto"),
        (b"<a:alto xmlns:a='x'>", "a.xml", "alto"),
        (b"<?xml version='1.0'?><PcGts xmlns='x'>", "a.xml", "page"),
        (b"<mets:mets xmlns:mets='x'>", "a.xml", "mets"),
        (b"<!DOCTYPE html [<!ENTITY a 'b'>]><html><head><meta name='ocr-system' content='x'>", "a.html", "hocr"),
        (b"<html><body><div class='ocr_page' title='x'>", "a.html", "hocr"),
        (b"<html><body>late", "a.hocr", "hocr"),
        (b"<html><body><p class='article'>", "a.html", None),
        (b"<?xml version='1.0'?><TEI>", "a.xml", None),
        (b"Die Datei hat den alto-Satz <alto>", "alto.xml", None),
        (b"", "a.pdf", None),
    ],
)
def test_the_bytes_decide(head, name, kind):
    assert kind_of(head, name) == kind


@pytest.mark.parametrize(
    "part", [b"<?a?>", b"<!---->", b"<!DOCTYPE [a]>", b"<!DOCTYPE ", b"<!--", b"<meta ", b"<html class=", b" ", b"["]
)
def test_hostile_heads_take_no_longer(part):
    start = time.process_time()

    kind_of(b"<!DOCTYPE " + part * (70_000 // len(part)))
    kind_of(part * (70_000 // len(part)))

    assert time.process_time() - start < 1
