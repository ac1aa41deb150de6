"""Tell files with pages from each other by what stands in them: PDF, ALTO, PAGE, hOCR, METS."""

import codecs
import re

from stages.discover.forms import TEXT_SUFFIXES, file_form

HEAD = 1 << 16
"""So many bytes from the start decide; most files show what they are in the first few hundred."""

PDF_HEAD = 1024
NAME = re.compile(r"<(?:[A-Za-z_][\w.-]{0,100}:)?([A-Za-z_][\w.-]{0,100})")
# What may stand before the root of an XML file, and how each ends.
BEFORE = (("<?", "?>"), ("<!--", "-->"), ("<!DOCTYPE", ">"))
ROOTS = {"alto": "alto", "PcGts": "page", "mets": "mets"}
HOCR = re.compile(
    r"""<meta[^>]{1,200}name=["']?ocr-(?:system|capabilities)|class=["']?[^"'>]{0,100}\bocrx?_(?:page|line|par|carea|word)\b""",
    re.I,
)
SPACE = re.compile(r"\s*")
MARKUP = re.compile(r"\s*<")
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def kind_of(head: bytes, name: str = "") -> str | None:
    """The format of a file with pages, by its first bytes: pdf, alto, page, hocr or mets; None for any other.

    ``name`` counts only where the bytes leave it open: a PDF may have other bytes before its mark, and an hOCR file
    may show its first class late.

    >>> kind_of(b"%PDF-1.7"), kind_of(b"<?xml version='1.0'?><alto xmlns='x'>"), kind_of(b"Ein Satz.")
    ('pdf', 'alto', None)
    """
    at = head.find(b"%PDF-", 0, PDF_HEAD)
    # Further on a text may speak of it; what is named as a text is one.
    if at == 0 or (at > 0 and file_form(name)[1] not in TEXT_SUFFIXES[1:]):
        return "pdf"
    text = _text(head[:HEAD])
    if not MARKUP.match(text):
        return None
    root = _root(text)
    if root in ROOTS:
        return ROOTS[root]
    is_html = root is None or root.lower() in ("html", "div", "body", "head")
    return "hocr" if is_html and (HOCR.search(text) or name.lower().endswith(".hocr")) else None


def _after_space(text: str, at: int) -> int:
    match = SPACE.match(text, at)
    return match.end() if match else at


def _root(text: str) -> str | None:
    """The name of the first element; None where none begins, as in broken markup."""
    at = 0
    while True:
        at = _after_space(text, at)
        end = next((end for begin, end in BEFORE if text.startswith(begin, at)), None)
        if end is None:
            match = NAME.match(text, at)
            return match[1] if match else None
        subset = text.find("[", at, at + 1000) if end == ">" else -1
        if 0 <= subset < text.find(">", at):
            at = max(text.find("]", subset), at)
        at = text.find(end, at)
        if at < 0:
            return None
        at += len(end)


def _text(head: bytes) -> str:
    encoding = next((name for mark, name in MARKS if head.startswith(mark)), "utf-8")
    return head.decode(encoding, errors="replace")
