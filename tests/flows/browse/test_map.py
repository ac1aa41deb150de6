"""The map: places stand where they are, what most is about is shown, and everything is a link with a name."""

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from flows.browse.app import HERE, Options, build_app
from flows.browse.atlas import Point, around, coordinates, draw, points_of, within
from flows.browse.shelf import Shelf
from stages.lookups.known_names import places
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import fast_gate, run_here

WORLD = HERE / "assets" / "vendor" / "world-atlas-2.0.2" / "world.svg"


def point(name: str, latitude: float, longitude: float, n: int = 1) -> Point:
    return Point({"entity_id": name.lower(), "name": name}, n, longitude * 10, -latitude * 10)


def test_known_places_are_where_they_are() -> None:
    known = coordinates()
    for name, at in {"munchen": (48.1, 11.6), "rio de janeiro": (-22.9, -43.2), "russland": (61.7, 99.7)}.items():
        latitude, longitude = known[places()[name].geonames_id]
        assert abs(latitude - at[0]) + abs(longitude - at[1]) < 1, name
    assert len(known.keys() & {place.geonames_id for place in places().values()}) > 5_500


@pytest.mark.parametrize(("place", "inside"), [((48.14, 11.58), True), ((0.0, -30.0), False), ((66.0, 179.0), True)])
def test_the_outline_has_land_where_land_is(place: tuple[float, float], inside: bool) -> None:
    """Each line of the outline that lies east of a place and crosses its latitude turns the answer."""
    east, south = place[1] * 10, -place[0] * 10
    crossed = 0
    for ring in re.findall(r"M([^z]*)z", WORLD.read_text(encoding="utf-8")):
        x = y = 0.0
        numbers = [float(one) for one in re.findall(r"-?\d+", ring)]
        points = []
        for dx, dy in zip(numbers[::2], numbers[1::2], strict=True):
            x, y = x + dx, y + dy
            points.append((x, y))
        for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1], strict=True):
            crossed += (ay > south) != (by > south) and ax + (south - ay) / (by - ay) * (bx - ax) > east
    assert crossed % 2 == inside


def test_what_most_is_about_is_shown_and_all_on_demand() -> None:
    points = [point("Köln", 50.9, 6.9, 8), point("Bonn", 50.7, 7.1, 5), point("Sydney", -33.9, 151.2)]
    near, whole = around(points), around(points, whole=True)
    assert [within(near, one) for one in points] == [True, True, False]
    assert all(within(whole, one) for one in points)
    assert within(around(points, own="sydney"), points[2])
    assert near.height >= 70


def test_names_on_the_map_are_escaped_and_do_not_cover_each_other() -> None:
    points = [point("<script>", 50.9, 6.9, 8), *(point(f"Ort {n}", 50.9 + n / 50, 6.9) for n in range(30))]
    drawn = draw(points, around(points), "Karte")
    assert "<script" not in drawn
    assert drawn.count("<circle") == 31
    assert 1 <= drawn.count("<text") < 10
    assert draw([], around(points), "Karte") == ""


def test_pages_show_the_places_of_documents(tmp_path: Path) -> None:
    (tmp_path / "press").mkdir()
    text = "Anna Huber reiste am Montag von München nach Rostock. In München sprach Anna Huber lange.\n"
    (tmp_path / "press" / "a.txt").write_text(text, encoding="utf-8")
    with fast_gate():
        run_here([tmp_path / "press"], tmp_path / "tables", engine="fast")
    entities = read_table(tmp_path / "tables", read_current(tmp_path / "tables"), "entities")
    app = build_app(Shelf(tmp_path / "tables", None, lambda *_: None), Options())
    pages = TestClient(app, base_url="http://127.0.0.1")
    by_name = dict(entities.select("name", "entity_id").iter_rows())
    for path in ("/", "/map", "/map?view=all", f"/entities/{by_name['Anna Huber']}", f"/entities/{by_name['München']}"):
        page = pages.get(path).text
        (drawn,) = re.findall(r'<svg class="atlas".*?</svg>', page, re.DOTALL)
        for name in ("München", "Rostock"):
            assert f'href="/entities/{by_name[name]}"' in drawn, path
    assert pages.get("/assets/vendor/world-atlas-2.0.2/world.svg").status_code == 200
    assert [one.row["name"] for one in points_of(entities.to_dicts())] == ["München", "Rostock"]
