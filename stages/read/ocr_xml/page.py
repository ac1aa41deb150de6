"""Read PAGE 2013 to 2019."""

import re
from typing import Any

from stages.discover.containers.gather import ABOUT
from stages.read.facts import named_facts
from stages.read.ocr_xml.elements import POINT, Budget, as_document, line_run, local, mean, number, stream
from stages.read.ocr_xml.roles import role_of
from stages.read.printed import Region, RegionPage, Run, downward
from stages.read.raw_document import Fact, RawDocument

NAMES = frozenset({ABOUT, "Page"})
STRUCTURE = re.compile(r"structure\s*\{[^}]*type:\s*([^;}\s]+)")
READING = re.compile(r"readingOrder\s*\{[^}]*index:\s*(\d+)")
GROUPS = ("OrderedGroup", "UnorderedGroup", "OrderedGroupIndexed", "UnorderedGroupIndexed")
REFERENCES = ("RegionRef", "RegionRefIndexed")
DROP_CAPITAL = "drop-capital"
Box = tuple[float, float, float, float]


def read_page(data: bytes, max_chars: int) -> RawDocument:
    """Read a PAGE file: regions with their types, in the order that it gives.

    Of several readings of a line the one with the lowest index counts; a line without one is put together from its
    words, a word from its glyphs. Raises SourceError with code ``damaged``, ``unsafe``, ``empty`` or ``too_large``.
    """
    budget = Budget(max_chars)
    pages: list[RegionPage] = []
    facts: dict[str, Fact] = {}
    for element in stream(data, NAMES):
        if local(element) == ABOUT:
            facts |= named_facts(dict(element.attrib), "METS")
            continue
        page = _page(element)
        budget.spend(sum(len(line.text) for region in page.regions for line in region.lines))
        pages.append(page)
    return as_document(pages, "PAGE", facts, "utf-8")


def _page(page: Any) -> RegionPage:
    regions = [element for element in page if local(element).endswith("Region")]
    order = _reading_order(page)
    ordered = bool(order)
    if ordered:
        rank = {name: at for at, name in enumerate(order)}
        regions.sort(key=lambda region: rank.get(region.get("id", ""), len(rank)))
    elif all(READING.search(region.get("custom") or "") for region in regions if local(region) == "TextRegion"):
        regions.sort(key=_custom_index)
        ordered = any(READING.search(region.get("custom") or "") for region in regions)
    found = [read for region in regions for read in _regions(region, None)]
    width, height = number(page.get("imageWidth")), number(page.get("imageHeight"))
    return RegionPage(_with_initials(found), width, height, ordered, min(width, height) > 0)


def _custom_index(element: Any) -> int:
    match = READING.search(element.get("custom") or "")
    return int(match[1]) if match else 1 << 30


def _reading_order(page: Any) -> list[str]:
    root = next((element for element in page if local(element) == "ReadingOrder"), None)
    return [] if root is None else _references(root)


def _references(group: Any) -> list[str]:
    children = [child for child in group if local(child) in GROUPS or local(child) in REFERENCES]
    children.sort(key=lambda child: number(child.get("index")))
    names: list[str] = []
    for child in children:
        if child.get("regionRef"):
            names.append(child.get("regionRef"))
        if local(child) in GROUPS:
            names += _references(child)
    return names


def _regions(element: Any, role: str | None) -> list[Region]:
    """The region and those inside it, that of a table with its cells row by row."""
    kind = element.get("type") or local(element).removesuffix("Region")
    structure = STRUCTURE.search(element.get("custom") or "")
    own = role_of(structure[1]) if structure else None
    own = own or role_of(kind) or role or (DROP_CAPITAL if kind == DROP_CAPITAL else None)
    lines = [child for child in element if local(child) == "TextLine"]
    runs = [run for line in sorted(lines, key=_custom_index) if (run := _line(line))]
    if not any(READING.search(line.get("custom") or "") for line in lines):
        runs = downward(runs)
    found = [Region(runs or _whole(element), own)]
    inner = [child for child in element if local(child).endswith("Region")]
    if local(element) == "TableRegion":
        inner.sort(key=_cell)
    return [region for region in (*found, *(r for child in inner for r in _regions(child, own))) if region.lines]


def _cell(element: Any) -> tuple[float, float]:
    roles = next((e for e in element.iter() if local(e) == "TableCellRole"), None)
    if roles is not None:
        return number(roles.get("rowIndex")), number(roles.get("columnIndex"))
    box = _box(element)
    return box[1], box[0]


def _whole(element: Any) -> list[Run]:
    """The text of a region that has no lines, cut at its line ends, in equal parts of its box."""
    texts = [line for line in _reading(element)[0].splitlines() if line.strip()]
    x0, y0, x1, y1 = _box(element)
    step = (y1 - y0) / max(len(texts), 1)
    boxes = [(x0, y0 + at * step, x1, y0 + (at + 1) * step) for at in range(len(texts))]
    return [run for text, box in zip(texts, boxes, strict=True) if (run := line_run(text, box, None))]


def _line(element: Any) -> Run | None:
    text, confidence = _reading(element)
    words = [child for child in element if local(child) == "Word"]
    if not text.strip():
        text = " ".join(_word(word) for word in words)
    if confidence is None:
        confidence = mean([value for word in words if (value := _reading(word)[1]) is not None])
    run = line_run(text, _box(element), confidence)
    baseline = next((child for child in element if local(child) == "Baseline"), None)
    points = POINT.findall(baseline.get("points") or "") if baseline is not None else []
    heights = sorted(float(y) for _, y in points)
    return run._replace(base=heights[len(heights) // 2]) if run and heights else run


def _word(element: Any) -> str:
    text = _reading(element)[0]
    return text or "".join(_reading(glyph)[0] for glyph in element if local(glyph) == "Glyph")


def _reading(element: Any) -> tuple[str, float | None]:
    """The first reading of an element by index, and its confidence."""
    readings = [child for child in element if local(child) == "TextEquiv"]
    if not readings:
        return "", None
    best = min(readings, key=lambda reading: number(reading.get("index")))
    text = next((child.text or "" for child in best if local(child) == "Unicode"), "")
    return text, number(best.get("conf")) if best.get("conf") else None


def _box(element: Any) -> Box:
    coords = next((child for child in element if local(child) == "Coords"), None)
    if coords is None:
        return (0.0, 0.0, 0.0, 0.0)
    points = [(float(x), float(y)) for x, y in POINT.findall(coords.get("points") or "")]
    points += [(number(p.get("x")), number(p.get("y"))) for p in coords if local(p) == "Point"]
    if not points:
        return (0.0, 0.0, 0.0, 0.0)
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _with_initials(regions: list[Region]) -> list[Region]:
    """A drop capital stands before the first line of the region that follows it."""
    found: list[Region] = []
    capital = ""
    for region in regions:
        if region.role == DROP_CAPITAL:
            capital += "".join(line.text for line in region.lines)
        elif capital:
            first = region.lines[0]
            found.append(region._replace(lines=[first._replace(text=capital + first.text), *region.lines[1:]]))
            capital = ""
        else:
            found.append(region)
    return found
