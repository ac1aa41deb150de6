"""`run --json` as a script calls it: one object on stdout, all else on stderr."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.faults.harness import COMMAND, article

pytestmark = pytest.mark.integration

KEYS = [
    *("exit_code", "state", "message", "run_id", "tables", "snapshot", "published", "counts", "rows", "languages"),
    *("n_expectations", "warnings", "quarantined", "duplicates", "withheld", "passed_over", "empty", "again"),
    *("n_corrections", "corrections_without_effect", "drift", "seconds"),
]


def run(folder: Path, *options: str) -> tuple[int, dict[str, object], str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment["PREFECT_HOME"] = str(folder / "prefect")
    command = [*COMMAND, "run", "press", "--tables", "out", "--engine", "none", "--workers", "0", "--json", *options]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    return done.returncode, json.loads(done.stdout), done.stderr


def test_one_object_whatever_happens(tmp_path: Path) -> None:
    press = tmp_path / "press"
    press.mkdir()
    (press / "eins.txt").write_text(article(1), encoding="utf-8")
    (press / "zwei.txt").write_text(article(1), encoding="utf-8")
    (press / "leer.txt").touch()
    code, told, said = run(tmp_path, "--strict")
    assert list(told) == KEYS
    assert (code, told["exit_code"], told["state"], told["published"]) == (3, 3, "InQuarantine", True)
    assert told["counts"]["n_sources"] == 3
    assert [row["reason_code"] for row in told["quarantined"]] == ["empty"]
    assert told["duplicates"] == [{"source_uri": "press/zwei.txt", "duplicate_of": "press/eins.txt"}]
    assert told["snapshot"] == json.loads((tmp_path / "out" / "CURRENT.json").read_text())["snapshot"]
    assert "Traceback" not in said

    code, told, _ = run(tmp_path)
    assert list(told) == KEYS
    assert (code, told["published"], told["state"], told["message"]) == (0, False, "Completed", None)

    code, told, said = run(tmp_path, "--batch-size", "0")
    assert (code, told["exit_code"], told["state"], told["published"]) == (2, 2, "WrongUsage", False)
    assert str(told["message"]).startswith("--batch-size: ")
    assert "fliesstext: --batch-size" in said


def test_the_documentation_names_every_key() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [key for key in KEYS if f"| `{key}` |" not in page] == []
