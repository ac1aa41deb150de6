"""A map of the places that documents name: points over an outline of countries that is one image of ours.

It is drawn by the server and needs no script, no tiles and no network.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import accumulate
from math import cos, hypot, radians, sqrt
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

import stages.lookups
from flows.browse.mark_up import visible

Row = Mapping[str, Any]
_HIGH = 440 / 720
_TENTHS = 10
"""The outline is drawn in tenths of a degree."""
_SMALLEST = 70.0
"""The least that is shown from north to south, in tenths of a degree: the outline is no finer."""
_AROUND = 0.18
_MOST = 0.7
"""This share of what is said of places is shown before all of it is asked for."""
_PIXELS_OF_A_LETTER, _LINE = 6.6, 15
_MOST_LABELS = 40


class Point(NamedTuple):
    """A place on the map: what it is, how many documents name it, and where it is in tenths of a degree."""

    row: Row
    n: int
    east: float
    south: float


class Frame(NamedTuple):
    """What is shown: the upper left corner and the size, in tenths of a degree; ``narrow``: how much shorter a degree
    is from west to east than from north to south.
    """

    left: float
    top: float
    width: float
    height: float
    narrow: float


@cache
def coordinates() -> Mapping[int, tuple[float, float]]:
    """Latitude and longitude by GeoNames id of the places whose name means one place only."""
    lines = (Path(stages.lookups.__file__).parent / "coordinates.tsv").read_text(encoding="utf-8").splitlines()[2:]
    rows = (line.split("\t") for line in lines)
    return {int(one): (float(latitude), float(longitude)) for one, latitude, longitude in rows}


def points_of(rows: Iterable[Row], counted: str = "n_documents") -> list[Point]:
    """Find where places are, those named most first; what has no known place is left out."""
    known = coordinates()
    found = [(row, known[row["geonames_id"]]) for row in rows if row["geonames_id"] in known]
    points = [Point(row, row[counted], at[1] * _TENTHS, -at[0] * _TENTHS) for row, at in found]
    return sorted(points, key=lambda one: (-one.n, one.row["name"]))


def around(points: Sequence[Point], *, whole: bool = False, own: str = "") -> Frame:
    """The part of the world that most of what is said of places is about, and the place ``own``; ``whole``: all."""
    chosen = points if whole else [*_nearest(points), *(one for one in points if one.row["entity_id"] == own)]
    left, right = min(one.east for one in chosen), max(one.east for one in chosen)
    top, bottom = min(one.south for one in chosen), max(one.south for one in chosen)
    narrow = max(0.3, cos(radians((top + bottom) / 2 / _TENTHS)))
    height = max((bottom - top) * (1 + 2 * _AROUND), (right - left) * narrow * (1 + 2 * _AROUND) * _HIGH)
    height = max(height, _SMALLEST)
    width = height / _HIGH
    return Frame((left + right) / 2 * narrow - width / 2, (top + bottom) / 2 - height / 2, width, height, narrow)


def _nearest(points: Sequence[Point]) -> Sequence[Point]:
    """Those nearest to the middle of all, until most of what is said is said of them."""
    east, south = _middle([(one.east, one.n) for one in points]), _middle([(one.south, one.n) for one in points])
    narrow = max(0.3, cos(radians(south / _TENTHS)))
    ordered = sorted(points, key=lambda one: hypot((one.east - east) * narrow, one.south - south))
    said = list(accumulate(one.n for one in ordered))
    return ordered[: bisect_left(said, _MOST * said[-1]) + 1]


def _middle(counted: Sequence[tuple[float, int]]) -> float:
    rows = sorted(counted)
    said = list(accumulate(n for _, n in rows))
    return rows[bisect_left(said, said[-1] / 2)][0]


def within(frame: Frame, point: Point) -> bool:
    """Tell whether a point is shown."""
    across, down = point.east * frame.narrow - frame.left, point.south - frame.top
    return 0 <= across <= frame.width and 0 <= down <= frame.height


_MAP = Markup(
    '<svg class="atlas" viewBox="{:.1f} {:.1f} {:.1f} {:.1f}" role="group" aria-label="{}">'
    '<g transform="scale({:.4f} 1)">{}</g>{}</svg>'
)
_WORLD = "vendor/world-atlas-2.0.2/world.svg"
_IMAGE = Markup(
    '<image href="/assets/{}" x="-1800" y="-900" width="3720" height="1500" preserveAspectRatio="none"/>'
).format(_WORLD)
_OUTLINE = Markup(
    '<path d="{}" fill="#8a8a80" fill-opacity=".22" stroke="#8a8a80" stroke-opacity=".75" stroke-linejoin="round" '
    'vector-effect="non-scaling-stroke"/>'
)
_RING, _STEP = re.compile(r"M(-?\d+) ?(-?\d+)l([-\d ]+)z"), re.compile(r"(-?\d+) ?(-?\d+)")
_POINT = Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{:.2f}"><title>{}: {}</title></circle>{}')
_LINKED = Markup('<a href="/entities/{}"{}>{}</a>')
_LABEL = Markup('<text x="{:.1f}" y="{:.1f}" font-size="{:.2f}" text-anchor="{}">{}</text>')


@cache
def _rings() -> Sequence[tuple[str, tuple[int, int, int, int]]]:
    """The lines that the outline is made of, each with how far it reaches west, north, east and south."""
    world = (Path(__file__).parent / "assets" / _WORLD).read_text(encoding="utf-8")
    found = []
    for ring in _RING.finditer(world):
        steps = [(int(x), int(y)) for x, y in _STEP.findall(ring[3])]
        across = list(accumulate((x for x, _ in steps), initial=int(ring[1])))
        down = list(accumulate((y for _, y in steps), initial=int(ring[2])))
        found.append((ring[0], (min(across), min(down), max(across), max(down))))
    return found


def _outline(frame: Frame) -> Markup:
    """The outline of what is in a frame, for a page that has no image beside it."""
    left, right = frame.left / frame.narrow, (frame.left + frame.width) / frame.narrow
    top, bottom = frame.top, frame.top + frame.height
    near = (ring for ring, (w, n, e, s) in _rings() if w <= right and e >= left and n <= bottom and s >= top)
    return _OUTLINE.format("".join(near))


def draw(
    points: Sequence[Point], frame: Frame, told: str, own: str = "", wide: int = 480, *, alone: bool = False
) -> Markup:
    """Draw the points in a frame, the larger the more documents name them, with as many names as there is room for.

    ``own`` is the entity that the page is about, ``wide`` about how many pixels it is shown in; ``alone``: the page has
    nothing beside it, neither the image of the outline nor pages to link to. Nothing where there is no point.
    """
    shown = [one for one in points if within(frame, one)]
    pixel = frame.width / wide
    most = max((one.n for one in shown), default=1)
    taken: list[tuple[float, float, float, float]] = []
    drawn = []
    for number, one in enumerate(shown):
        x, y, radius = one.east * frame.narrow, one.south, (3 + 5 * sqrt(one.n / most)) * pixel
        label = _label(one, frame, (x, y, radius, pixel), taken) if number < _MOST_LABELS else Markup("")
        taken.append((x - radius, y - radius, x + radius, y + radius))
        current = Markup(' class="own"') if one.row["entity_id"] == own else Markup("")
        point = _POINT.format(x, y, radius, visible(one.row["name"]), one.n, label)
        drawn.append(point if alone else _LINKED.format(one.row["entity_id"], current, point))
    if not drawn:
        return Markup("")
    # What is named most lies on top.
    box = (frame.left, frame.top, frame.width, frame.height)
    ground = _outline(frame) if alone else _IMAGE
    return _MAP.format(*box, told, frame.narrow, ground, Markup("").join(drawn[::-1]))


def _label(
    one: Point, frame: Frame, circle: tuple[float, float, float, float], taken: list[tuple[float, float, float, float]]
) -> Markup:
    """The name beside its point, on the right or left, where no other stands; notes the room that it takes."""
    x, y, radius, pixel = circle
    long, high = len(one.row["name"]) * _PIXELS_OF_A_LETTER * pixel, _LINE * pixel
    for anchor, at, begin in (
        ("start", x + radius + 3 * pixel, x + radius),
        ("end", x - radius - 3 * pixel, x - radius - long - 3 * pixel),
    ):
        room = (begin, y - high / 2, begin + long + 3 * pixel, y + high / 2)
        inside = frame.left <= room[0] and room[2] <= frame.left + frame.width
        if inside and not any(_meet(room, other) for other in taken):
            taken.append(room)
            return _LABEL.format(at, y + 4 * pixel, 12 * pixel, anchor, visible(one.row["name"]))
    return Markup("")


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
