"""Stream XML of text recognition: one element at a time, with nothing kept of what was read."""

import io
import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from stages.errors import SourceError
from stages.read.printed import BELOW, TYPE, RegionPage, Run, lay_out_regions
from stages.read.raw_document import Fact, PageSize, RawDocument


def local(element: Any) -> str:
    """The name of an element without its name space; empty for comments and the like."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def stream(data: bytes, names: frozenset[str], is_html: bool = False) -> Iterator[Any]:
    """The elements of these names as each is complete, emptied after its turn.

    Entities that the file declares are refused, as they can grow without bound; nothing is fetched from anywhere.
    Raises SourceError with code ``damaged`` or ``unsafe``.
    """
    if is_html:
        events = etree.iterparse(io.BytesIO(data), events=("end",), html=True, recover=True, no_network=True)
    else:
        events = etree.iterparse(
            io.BytesIO(data), events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False
        )
    checked = is_html
    try:
        for event, element in events:
            if not checked:
                _refuse_entities(element)
                checked = True
            if event == "end" and local(element) in names:
                yield element
                _forget(element)
    except etree.XMLSyntaxError as error:
        if is_html:
            return
        reason = f"the XML is damaged or cut off ({error}); fetch the file again, or export it again"
        raise SourceError("damaged", reason) from error


def _refuse_entities(root: Any) -> None:
    dtd = root.getroottree().docinfo.internalDTD
    if dtd is not None and any(True for _ in dtd.iterentities()):
        reason = "the XML declares entities of its own, which no text recognition does; export it again without them"
        raise SourceError("unsafe", reason)


def _forget(element: Any) -> None:
    element.clear(keep_tail=True)
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def number(value: str | None) -> float:
    """A number of an attribute; 0 where it is missing or none."""
    try:
        found = float(value or 0)
    except ValueError:
        return 0.0
    return found if -1e9 < found < 1e9 else 0.0


def line_run(
    text: str, box: tuple[float, float, float, float], confidence: float | None, size: float = 0.0
) -> Run | None:
    """A line as a run; None where it has no text.

    ``size``: the height of the type from its lowest to its highest letters, where the file says; else that of the box.
    """
    text = " ".join(text.split())
    if not text:
        return None
    x0, y0, x1, y1 = box
    height = max(y1 - y0, 1.0)
    size = TYPE * (size or height)
    return Run(text, x0, y0, max(x1, x0), y0 + height, y1 - BELOW * size, size, confidence=confidence)


def mean(values: list[float]) -> float | None:
    """The mean, None of nothing."""
    return sum(values) / len(values) if values else None


POINT = re.compile(r"(-?\d+(?:\.\d+)?)[ ,]+(-?\d+(?:\.\d+)?)")


def as_document(
    pages: list[RegionPage], kind: str, facts: dict[str, Fact], encoding: str, read_by: str | None = None
) -> RawDocument:
    """The document that pages make. Raises SourceError ``empty`` where they hold no text."""
    if not any(page.regions for page in pages):
        raise SourceError("empty", f"the {kind} file holds no text: its pages were not recognised; run OCR again")
    text, pieces = lay_out_regions(pages)
    sizes = tuple(size_of(page) for page in pages)
    return RawDocument(text, encoding, kind, pieces, facts, in_file=False, read_by=read_by, pages=sizes)


def size_of(page: RegionPage) -> PageSize:
    """The size of a page as its file has it, to hundredths of its unit."""
    return PageSize(round(page.width, 2), round(page.height, 2)) if page.is_sized else PageSize()


class Budget:
    """So many characters may be read; more raise SourceError ``too_large``."""

    def __init__(self, max_chars: int) -> None:
        self._max = self._left = max_chars

    def spend(self, count: int) -> None:
        """Count characters that were read."""
        self._left -= count
        if self._left < 0:
            raise SourceError(
                "too_large", f"longer than {self._max:,} characters; split the file or raise the limit (--max-chars)"
            )
