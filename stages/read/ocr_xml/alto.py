"""Read ALTO 2 to 4."""

from collections.abc import Iterator, Mapping
from typing import Any

from stages.discover.containers.gather import ABOUT
from stages.read.facts import named_facts
from stages.read.ocr_xml.elements import Budget, as_document, line_run, local, mean, number, stream
from stages.read.ocr_xml.roles import role_of
from stages.read.printed import Region, RegionPage, Run
from stages.read.raw_document import Fact, RawDocument

NAMES = frozenset({ABOUT, "TextBlock", "Page", "Tags", "ReadingOrder", "TopMargin", "BottomMargin"})
SOFT_HYPHEN = "\u00ad"
HYPHENS = "-\u00ad\u00ac\u2010\u2e17="


def read_alto(data: bytes, max_chars: int) -> RawDocument:
    """Read an ALTO file: its pages, blocks and lines, with the confidence of its words.

    A word that the file divides (SUBS_TYPE, SUBS_CONTENT) ends its line in a soft hyphen, unless its hyphen is its own.
    Raises SourceError with code ``damaged``, ``unsafe``, ``empty`` or ``too_large``.
    """
    facts: dict[str, Fact] = {}
    return as_document(list(alto_pages(data, Budget(max_chars), facts)), "ALTO", facts, "utf-8")


def alto_pages(data: bytes, budget: Budget, facts: dict[str, Fact] | None = None) -> Iterator[RegionPage]:
    """Give the pages of an ALTO file one after the other; raises as `read_alto` does, but where there is no text.

    What a METS says of an article is put into ``facts``.
    """
    tags: dict[str, str] = {}
    order: list[str] = []
    regions: list[tuple[str, Region]] = []
    for element in stream(data, NAMES):
        name = local(element)
        if name == "Tags":
            tags = {tag.get("ID", ""): tag.get("LABEL") or tag.get("TYPE") or "" for tag in element}
        elif name == "ReadingOrder":
            order = [ref.get("REF", "") for ref in element.iter() if local(ref) == "ElementRef"]
        elif name == ABOUT and facts is not None:
            facts |= named_facts(dict(element.attrib), "METS")
        elif name == "TextBlock":
            region = _region(element, tags)
            budget.spend(sum(len(line.text) for line in region.lines))
            if region.lines:
                regions.append((element.get("ID", ""), region))
        elif name == "Page":
            yield _page(element, regions, order)
            regions = []


def _page(element: Any, regions: list[tuple[str, Region]], order: list[str]) -> RegionPage:
    rank = {ref: at for at, ref in enumerate(order)}
    ordered = bool(rank) and any(name in rank for name, _ in regions)
    if ordered:
        regions = sorted(regions, key=lambda item: rank.get(item[0], len(rank)))
    found = [region for _, region in regions]
    right = max((region.box[2] for region in found), default=0.0)
    bottom = max((region.box[3] for region in found), default=0.0)
    width, height = number(element.get("WIDTH")), number(element.get("HEIGHT"))
    return RegionPage(found, max(width, right), max(height, bottom), ordered, min(width, height) > 0)


def _region(block: Any, tags: Mapping[str, str]) -> Region:
    lines = [run for line in block if local(line) == "TextLine" if (run := _line(line))]
    labels = [tags.get(ref, "") for ref in (block.get("TAGREFS") or "").split()]
    parent = block.getparent()
    labels += [block.get("TYPE") or "", parent.get("TYPE") or "" if local(parent) == "ComposedBlock" else ""]
    role = next((role for label in labels if (role := role_of(label))), None)
    if local(parent) in ("TopMargin", "BottomMargin"):
        role = role or "furniture"
    return Region(lines, role)


def _line(line: Any) -> Run | None:
    spaced = any(local(part) == "SP" for part in line)
    texts: list[str] = []
    confidences: list[float] = []
    for part in line:
        name = local(part)
        if name == "SP":
            texts.append(" ")
        elif name == "String":
            if texts and not spaced:
                texts.append(" ")
            texts.append(part.get("CONTENT") or "")
            if part.get("WC"):
                confidences.append(min(max(number(part.get("WC")), 0.0), 1.0))
        elif name == "HYP" and texts and texts[-1][-1:] not in HYPHENS:
            texts.append(part.get("CONTENT") or "-")
    text = _divided("".join(texts).strip(), line)
    return line_run(text, _box(line), mean(confidences))


def _divided(text: str, line: Any) -> str:
    """The line's text with the hyphen of a divided word as the file means it."""
    strings = [part for part in line if local(part) == "String"]
    if not strings or strings[-1].get("SUBS_TYPE") != "HypPart1" or not text:
        return text
    whole, half = strings[-1].get("SUBS_CONTENT") or "", (strings[-1].get("CONTENT") or "").rstrip(HYPHENS)
    bare = text.rstrip(HYPHENS)
    own = bool(half) and whole.startswith(half) and whole[len(half) : len(half) + 1] == "-"
    return bare + ("-" if own else SOFT_HYPHEN)


def _box(line: Any) -> tuple[float, float, float, float]:
    """The line's box, or that of its words where it has none or one of no size."""
    parts = [line] if number(line.get("WIDTH")) > 0 and number(line.get("HEIGHT")) > 0 else list(line)
    boxes = [
        (x, y, x + number(part.get("WIDTH")), y + number(part.get("HEIGHT")))
        for part in parts if local(part) in ("TextLine", "String")
        for x, y in [(number(part.get("HPOS")), number(part.get("VPOS")))]
    ]  # fmt: skip
    if not boxes:
        return (0.0, 0.0, 0.0, 0.0)
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)
