"""The map of the house names every room there is, each with a sentence of its own."""

import subprocess
import sys

from stages.__main__ import WINGS, rooms


def test_every_room_is_on_the_map_with_a_sentence(project):
    mapped = dict(rooms())
    there = {
        path.relative_to(project).as_posix()
        for wing in WINGS
        for path in (project / wing).rglob("*.py")
        if not path.name.startswith("__") and "models" not in path.parts
    }
    folders = {
        f"{path.parent.relative_to(project).as_posix()}/"
        for wing in WINGS
        for path in (project / wing).rglob("__init__.py")
        if "models" not in path.parent.parts[:-1]
    }
    assert mapped.keys() == there | folders
    assert [path for path, told in mapped.items() if not told.endswith((".", ":"))] == []
    assert len(set(mapped.values())) == len(mapped), "two rooms that say the same are one room"


def test_the_stages_stand_in_the_order_of_the_run(project):
    told = subprocess.run([sys.executable, "-m", "stages"], cwd=project, capture_output=True, text=True, check=True)
    lines = told.stdout.splitlines()
    starts = [next(n for n, line in enumerate(lines) if line.startswith(f"  {room}")) for room in ("discover", "read")]
    assert starts == sorted(starts)
    assert all(": " not in line[:30] for line in lines)
