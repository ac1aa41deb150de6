"""Installed from a wheel, in another folder and without this repository, everything works and nothing is missing."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import polars as pl
import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[1]
SHIPPED = {"flows": "flows", "stages": "stages", "expectations": "expectations", "data/samples": "flows/samples"}
"""Folders of the repository, and where they lie in the wheel."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what it needs: what a build leaves behind must not go into the next one."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in SHIPPED:
        shutil.copytree(ROOT / name, source / name)
    # As in a clone in which somebody has worked.
    subprocess.run([sys.executable, "-m", "compileall", "-q", source / "stages"], check=True)
    pip("wheel", source, "--no-deps", "--no-build-isolation", "--wheel-dir", made)
    return next(made.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command in an environment that holds the wheel, and beside it only the libraries of this one."""
    home = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(home, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    pip("--python", home / "bin" / "python", "install", "--no-deps", "--no-index", wheel)
    return home / "bin" / "fliesstext"


def pip(*arguments: str | Path) -> None:
    done = subprocess.run([sys.executable, "-m", "pip", "-q", *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def started(command: Path, *arguments: str | Path, where: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [command, *arguments], cwd=where, env=environment, capture_output=True, text=True, timeout=300
    )


def files_below(folder: Path) -> set[str]:
    return {
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_the_wheel_holds_every_file_and_no_other(wheel: Path) -> None:
    wanted = {f"{there}/{name}" for here, there in SHIPPED.items() for name in files_below(ROOT / here)}
    with zipfile.ZipFile(wheel) as opened:
        held = {name for name in opened.namelist() if ".dist-info/" not in name}
    assert held == wanted


def test_the_samples_become_tables_in_the_folder_that_the_command_is_started_in(
    installed: Path, tmp_path: Path
) -> None:
    packages = installed.parents[1]
    before = files_below(packages)
    done = started(installed, "run", where=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    tables = tmp_path / "data" / "tables"
    snapshot = tables / json.loads((tables / "CURRENT.json").read_text(encoding="utf-8"))["snapshot"]
    uris = set(pl.read_parquet(snapshot / "sources")["source_uri"])
    assert uris == {f"samples/{name}" for name in files_below(ROOT / "data" / "samples")}
    assert files_below(packages) == before
    checked = started(installed, "check", where=tmp_path)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.endswith("all right.\n")
    views = started(installed, "views", where=tmp_path)
    assert (views.returncode, views.stderr) == (0, "")
    assert f"SET VARIABLE tables = '{tables}';" in views.stdout


def test_show_and_every_help_work_there(installed: Path, tmp_path: Path) -> None:
    file = tmp_path / "notiz.txt"
    file.write_text("Der Stadtrat hat den Verkauf des alten Gas-\nwerks in Lindau beschlossen.\n", encoding="utf-8")
    shown = started(installed, "show", file.name, where=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "Verkauf des alten Gaswerks in Lindau beschlossen." in shown.stdout
    for command in ((), ("run",), ("show",), ("check",), ("views",), ("browse",), ("export",), ("serve",)):
        told = started(installed, *command, "--help", where=tmp_path)
        assert (told.returncode, told.stderr) == (0, "")
        assert told.stdout.startswith(" ".join(("usage: fliesstext", *command)))


def test_what_runs_there_is_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = "import flows, stages, expectations; print(flows.__file__, stages.__file__, expectations.__file__)"
    found = started(installed.with_name("python"), "-c", code, where=tmp_path).stdout.split()
    assert len(found) == 3
    assert all(path.startswith(str(installed.parents[1])) for path in found)
