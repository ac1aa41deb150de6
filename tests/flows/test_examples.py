"""The recipes in examples/ run and say what the samples say."""

import subprocess
import sys
from pathlib import Path

import pytest

from flows.export import export_tables

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]


def said(*arguments: str | Path) -> list[str]:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines()


def test_two_names_together(published: Path, tmp_path: Path) -> None:
    export_tables(published, "sqlite", tmp_path / "texts.db", lambda *_: None)
    lines = said("examples/names_together.py", tmp_path / "texts.db", "Haifa", "Görlitz")
    assert lines[0] == "samples/kultur/museum_schmale_spalte.txt: Ein Museum für das Nichts"
    assert "    Wer das neue Stadtmuseum von Görlitz betritt, steht zuerst in einem leeren Raum." in lines


def test_changes(published: Path) -> None:
    assert len(said("examples/changes.py", published, "2020-01-01")) == 28
    assert said("examples/changes.py", published, "2990-01-01") == []
