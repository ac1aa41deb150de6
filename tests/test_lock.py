"""The exact versions in constraints.txt fit the bounds in pyproject.toml, and every dependency is bounded."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDED = [Requirement(line) for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]]
LOCKED = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def test_every_python_that_the_package_names_is_tried() -> None:
    named = {line.rpartition(" ")[2] for line in PROJECT["classifiers"] if "Python :: 3." in line}
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (tried,) = re.findall(r"^for version in (.+); do$", script, re.MULTILINE)
    assert "3.11" in named
    assert named <= set(tried.split())


def test_every_version_is_exact_and_names_no_other_place() -> None:
    for locked in LOCKED:
        assert [one.operator for one in locked.specifier] == ["=="], locked
        assert locked.url is None, locked
    assert len({locked.name.lower() for locked in LOCKED}) == len(LOCKED)


@pytest.mark.parametrize("needed", NEEDED, ids=[needed.name for needed in NEEDED])
def test_the_locked_version_is_inside_the_bounds(needed: Requirement) -> None:
    locked = {one.name.lower().replace("_", "-"): next(iter(one.specifier)).version for one in LOCKED}
    assert str(needed.specifier), f"{needed.name} has no bounds"
    assert needed.specifier.contains(locked[needed.name.lower()])
