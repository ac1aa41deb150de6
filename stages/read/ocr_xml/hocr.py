"""Read hOCR, as a browser would where its markup is broken."""

import re
from typing import Any

from lxml import etree

from stages.discover.containers.gather import ABOUT, ORDERED
from stages.errors import SourceError
from stages.read.facts import named_facts
from stages.read.ocr_xml.elements import Budget, as_document, line_run, mean
from stages.read.ocr_xml.roles import role_of
from stages.read.printed import Region, RegionPage, Run
from stages.read.raw_document import Fact, RawDocument

BOX = re.compile(r"\bbbox\s+(-?\d+(?:\.\d+)?)\s+(-?\d+(?:\.\d+)?)\s+(-?\d+(?:\.\d+)?)\s+(-?\d+(?:\.\d+)?)")
CONFIDENCE = re.compile(r"\bx_(?:w?conf)\s+(\d+(?:\.\d+)?)")
SIZE = re.compile(r"\bx_size\s+(\d+(?:\.\d+)?)")
BASELINE = re.compile(r"\bbaseline\s+-?\d+(?:\.\d+)?\s+(-?\d+(?:\.\d+)?)")
LINES = frozenset({"ocr_line", "ocrx_line", "ocr_header", "ocr_caption", "ocr_textfloat", "ocr_footer", "ocr_pageno"})
BLOCKS = ("ocr_par", "ocr_carea", "ocrx_block", "ocr_block", "ocr_column")
ROLES = {"ocr_header": "furniture", "ocr_footer": "furniture", "ocr_pageno": "furniture", "ocr_caption": "caption"}
PAGE = "ocr_page"
FACTS = {"DC.title": "title", "DC.creator": "author", "DC.publisher": "publisher"}
Box = tuple[float, float, float, float]


def read_hocr(data: bytes, max_chars: int) -> RawDocument:
    """Read an hOCR file: pages, blocks and lines, with the confidence of its words.

    Markup that is not closed or closed in the wrong place is read as a browser reads it. Raises SourceError with code
    ``empty`` or ``too_large``.
    """
    reader = _Reader(Budget(max_chars))
    parser = etree.HTMLPullParser(events=("start", "end"), recover=True, no_network=True)
    try:
        for at in range(0, len(data), 1 << 16):
            parser.feed(data[at : at + (1 << 16)])
            reader.read(parser.read_events())
        parser.close()
    except etree.LxmlError as error:
        if not reader.pages and not reader.lines:
            reason = f"the hOCR cannot be read ({error}); fetch the file again, or run OCR again"
            raise SourceError("damaged", reason) from error
    reader.read(parser.read_events())
    return as_document(reader.finish(), "hOCR", reader.facts, "utf-8")


class _Reader:
    """Collects pages from the elements as they begin and end, and empties what it has read."""

    def __init__(self, budget: Budget) -> None:
        self.pages: list[RegionPage] = []
        self.facts: dict[str, Fact] = {}
        self.lines: list[tuple[int, str | None, Run]] = []
        self._budget = budget
        self._size: tuple[float, float] | None = None
        self._block = 0
        self._ordered = False

    def read(self, events: Any) -> None:
        for event, element in events:
            name = element.get("class") if isinstance(element.tag, str) else None
            if event == "end" and element.tag == "meta":
                self._fact(element)
            elif event == "end" and element.tag == ABOUT:
                self.facts |= named_facts(dict(element.attrib), "METS")
            for part in (name or "").split():
                if event == "start":
                    self._start(part, element)
                elif part in LINES:
                    self._line(part, element)

    def finish(self) -> list[RegionPage]:
        self._end_page()
        return self.pages

    def _start(self, name: str, element: Any) -> None:
        if name == PAGE:
            self._end_page()
            box = _box(element)
            self._size = (box[2], box[3]) if box else (0.0, 0.0)
            self._ordered = ORDERED in (element.get("class") or "").split()
        if name == PAGE or name in BLOCKS:
            self._block += 1
        if element.tag in ("h1", "h2", "h3", "h4"):
            self._block += 1

    def _line(self, name: str, element: Any) -> None:
        run = _run(element)
        parent = element.getparent()
        role = ROLES.get(name) or (role_of("heading") if parent is not None and parent.tag in HEADINGS else None)
        if run:
            self._budget.spend(len(run.text))
            self.lines.append((self._block, role, run))
        element.clear(keep_tail=True)

    def _fact(self, element: Any) -> None:
        name, value = FACTS.get(element.get("name") or ""), " ".join((element.get("content") or "").split())
        if name and value:
            self.facts.setdefault(name, Fact(value, f"meta[name={element.get('name')}]"))

    def _end_page(self) -> None:
        regions: list[Region] = []
        last: tuple[int, str | None] | None = None
        for block, role, run in self.lines:
            if last == (block, role):
                regions[-1].lines.append(run)
            else:
                regions.append(Region([run], role))
            last = (block, role)
        if regions or self._size is not None:  # a page without text counts, or the numbers of the others are wrong
            said = self._size or (0.0, 0.0)
            right, bottom = (max((r.box[at] for r in regions), default=0.0) for at in (2, 3))
            size = max(said[0], right), max(said[1], bottom)
            self.pages.append(RegionPage(regions, *size, self._ordered, min(said) > 0))
        self.lines = []


HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


def _run(line: Any) -> Run | None:
    words = [word for word in line.iter() if "ocrx_word" in (word.get("class") or "").split()] if len(line) else []
    texts = [text for word in words if (text := _text(word).strip())]
    confidences = [float(m[1]) / 100 for word in words if (m := CONFIDENCE.search(word.get("title") or ""))]
    box = _box(line) or _around([b for word in words if (b := _box(word))]) or (0.0, 0.0, 0.0, 0.0)
    size = SIZE.search(line.get("title") or "")
    text = " ".join(texts) if words else _text(line)
    confidence = mean([min(value, 1.0) for value in confidences])
    run = line_run(text, box, confidence, float(size[1]) if size else 0.0)
    rise = BASELINE.search(line.get("title") or "")
    return run._replace(base=box[3] + float(rise[1])) if run and rise else run


def _text(element: Any) -> str:
    """The text of an element, without readings that were struck out."""
    parts = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str) and child.tag != "del":
            parts.append(_text(child))
        parts.append(child.tail or "")
    return "".join(parts)


def _box(element: Any) -> Box | None:
    match = BOX.search(element.get("title") or "")
    return (float(match[1]), float(match[2]), float(match[3]), float(match[4])) if match else None


def _around(boxes: list[Box]) -> Box | None:
    if not boxes:
        return None
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)
