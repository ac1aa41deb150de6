"""The pages of a document that was printed: where its blocks and names stand there, over a picture or without one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from flows.browse.mark_up import visible

Row = Mapping[str, Any]
_PORTRAIT = 1.41
"""Height of a page by its width, where its boxes do not reach further and its file says no size."""
_ONE_LINE = 3.0
"""Letters are narrower than high, but not by more than this: what would need narrower ones has several lines. Its text
would not stand where it stands in print, so it is left out."""


_LINES = 1.7
"""What is higher than so many lines is on more than one."""


class Sheet(NamedTuple):
    """One page: its number in the file, its drawing, and width and height where there can be a picture of it."""

    number: int
    drawing: Markup
    size: tuple[float, float] | None = None


def sheets_of(blocks: Sequence[Row], mentions: Sequence[Row], pages: Sequence[Row] = ()) -> list[Sheet]:
    """Draw the pages that some blocks stand on; none where the format has no layout.

    ``pages``: as in `documents.pages`; a page without a size there is as large as its boxes need.
    """
    placed = [row for row in blocks if row["box"] is not None and row["page"] is not None]
    sizes = {page["page"]: (page["width"], page["height"]) for page in pages if page["width"] and page["height"]}
    return [
        Sheet(number, _draw(number, placed, mentions, sizes.get(number)), sizes.get(number))
        for number in sorted({row["page"] for row in placed})
    ]


_SVG = Markup(
    '<svg class="sheet" viewBox="{:.2f} {:.2f} {:.2f} {:.2f}" role="group" aria-label="{}">'
    '<rect class="paper" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>{}</svg>'
)
_BLOCK = Markup(
    '<a href="#b{}" data-block="{}"><rect class="block b-{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}">'
    "<title>{}</title></rect>{}</a>"
)
_TEXT = Markup(
    '<text class="{}" x="{:.1f}" y="{:.1f}" font-size="{:.1f}" textLength="{:.1f}" lengthAdjust="spacingAndGlyphs">'
    "{}</text>"
)
_NAME = Markup('<g class="named-{}" data-m="{}"><rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>{}</g>')


def _draw(number: int, blocks: Sequence[Row], mentions: Sequence[Row], size: tuple[float, float] | None) -> Markup:
    here = [row for row in blocks if row["page"] == number]
    x, y, width, height = (0.0, 0.0, *size) if size else _extent(row["box"] for row in here)
    named = [row for row in mentions if row["box"] is not None and row["page"] == number]
    line = _line_height(named)
    drawn = Markup("").join([*map(_block, here), *(_name(row, line) for row in named)])
    return _SVG.format(x, y, width, height, f"{number}", x, y, width, height, drawn)


def _extent(boxes: Iterable[Mapping[str, float]]) -> tuple[float, float, float, float]:
    """The page that boxes stand on: from the origin, with as much margin on the right as there is on the left."""
    all_boxes = list(boxes)
    left, top = (min(0.0, *(box[name] for box in all_boxes), 0.0) for name in ("x0", "y0"))
    width = max(box["x1"] for box in all_boxes) + max(0.0, min(box["x0"] for box in all_boxes)) - left
    below = max(box["y1"] for box in all_boxes) - top
    return left, top, max(width, 1.0), max(below * 1.03, width * _PORTRAIT, 1.0)


def _block(row: Row) -> Markup:
    box = row["box"]
    width, height = max(box["x1"] - box["x0"], 0.0), max(box["y1"] - box["y0"], 0.0)
    told, text = visible(row["text"][:200]), _text("line", row)
    return _BLOCK.format(row["block_no"], row["block_no"], row["kind"], box["x0"], box["y0"], width, height, told, text)


def _line_height(named: Sequence[Row]) -> float:
    """How high a line of a page is, by the lower of the names on it."""
    heights = sorted(row["box"]["y1"] - row["box"]["y0"] for row in named)
    return heights[len(heights) // 4] if heights else 0.0


def _name(row: Row, line: float) -> Markup:
    """A name or value at its place; one over a line end has the box of all its lines, of which it fills little."""
    box = row["box"]
    if box["y1"] - box["y0"] > _LINES * line:
        place = (box["x0"], box["y0"], box["x1"] - box["x0"], box["y1"] - box["y0"])
        return _NAME.format(row["label"] + " over", row["mention_no"], *place, "")
    width, height = max(box["x1"] - box["x0"], 0.0), max(box["y1"] - box["y0"], 0.0)
    return _NAME.format(row["label"], row["mention_no"], box["x0"], box["y0"], width, height, _text("name", row))


def _text(kind: str, row: Row) -> Markup:
    """The text of a block or a name in its box; nothing where it has several lines there."""
    text, box = row["text"], row["box"]
    height, width = box["y1"] - box["y0"], box["x1"] - box["x0"]
    if not 0 < height * len(text) < _ONE_LINE * width:
        return Markup("")
    return _TEXT.format(kind, box["x0"], box["y1"] - 0.24 * height, 0.72 * height, width, visible(text))
