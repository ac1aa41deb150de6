"""Earlier snapshots and reports of failed runs go at once, the published one stays."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.check import check_tables
from flows.cli import main
from flows.prune import prune_tables
from stages.errors import LockedError, UsageError
from stages.tables.store.folder import writing
from stages.tables.store.snapshots import read_current
from tests.faults.harness import article, assert_tidy, fast_gate, run_here


@pytest.fixture(autouse=True)
def _fast() -> Iterator[None]:
    with fast_gate():
        yield


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Four snapshots, and the reports of three failed runs, with a file of somebody else beside them."""
    press, tables = tmp_path / "press", tmp_path / "tables"
    press.mkdir()
    for number in range(4):
        (press / f"{number}.txt").write_text(article(number), encoding="utf-8")
        run_here([press], tables, engine="none")
    (tables / "failed").mkdir()
    for name in ("20240501T120000Z-00000a", "20240502T120000Z-00000b", "20240503T120000Z-00000c", "notes"):
        (tables / "failed" / f"{name}.json").write_text("{}", encoding="utf-8")
    return tables


def test_what_is_asked_for_stays(tables: Path) -> None:
    done = prune_tables(tables, keep_snapshots=2, keep_failed=1)
    assert (done.snapshots, done.failed, done.left) == (2, 2, 2)
    current = read_current(tables)
    assert current
    assert len(current.previous) == 1
    assert sorted(f"snapshots/{folder.name}" for folder in (tables / "snapshots").iterdir()) == sorted(
        [current.snapshot, *current.previous]
    )
    assert sorted(file.name for file in (tables / "failed").iterdir()) == ["20240503T120000Z-00000c.json", "notes.json"]
    assert_tidy(tables)
    assert check_tables(tables).problems == []


def test_days_keep_what_the_number_would_not(tables: Path) -> None:
    pointer = (tables / "CURRENT.json").read_bytes()
    assert prune_tables(tables, keep_snapshots=1, keep_days=1).snapshots == 0
    assert (tables / "CURRENT.json").read_bytes() == pointer


def test_the_command_says_what_it_did(tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prune", "--tables", str(tables), "--keep-snapshots", "1"]) == 0
    assert "Removed 3 snapshots and 0 reports of failed runs; 1 snapshot is left." in capsys.readouterr().out
    assert json.loads((tables / "CURRENT.json").read_text())["previous"] == []


def test_it_waits_for_a_run_and_refuses_what_is_no_tables_folder(tables: Path, tmp_path: Path) -> None:
    with writing(tables, "20240501T120000Z-abc123"), pytest.raises(LockedError):
        prune_tables(tables, 1, wait_seconds=0.1)
    with pytest.raises(UsageError, match="holds no published tables"):
        prune_tables(tmp_path / "press")
    with pytest.raises(UsageError, match="at least one snapshot"):
        prune_tables(tables, 0)
