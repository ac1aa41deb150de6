"""A command that finds nothing to do says so without an orchestrator, and never where something is to be done."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.cli import main
from flows.run import refresh_tables, report_if_unchanged
from flows.settings import Settings
from tests.faults.harness import article, fast_gate, run_here

LONG_AGO = time.time() - 3_600


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_PROFILES_PATH", str(tmp_path / "none.toml"))
    with fast_gate():
        yield


@pytest.fixture
def press(tmp_path: Path) -> Path:
    folder = tmp_path / "press"
    folder.mkdir()
    for number in range(3):
        write(folder / f"{number}.txt", article(number))
    write(folder / "empty.txt", "")
    return folder


def write(file: Path, text: str, at: float = LONG_AGO) -> None:
    file.write_text(text, encoding="utf-8")
    os.utime(file, (at, at))


OPTIONS = ["--engine", "fast", "--languages", "de", "--confirm-deletions", "--workers", "0"]


def command(press: Path, *more: str) -> int:
    return main(["run", str(press), "--tables", str(press.parent / "tables"), *OPTIONS, *more])


def test_the_second_command_needs_no_prefect(
    press: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_here([press], press.parent / "tables", engine="fast")
    monkeypatch.setitem(sys.modules, "flows.refresh", None)  # importing it fails
    assert command(press) == 0
    said = capsys.readouterr().out
    assert "4 sources = 0 written + 3 unchanged + 0 duplicate + 1 quarantined" in said
    assert "Nothing to do" in said
    assert command(press, "--strict") == 3, "what is in quarantine stays so"


def test_it_writes_nothing(press: Path) -> None:
    tables = press.parent / "tables"
    run_here([press], tables, engine="fast")
    before = {path: path.stat().st_mtime_ns for path in tables.rglob("*")}
    assert report_if_unchanged([str(press)], tables, settings()) is not None
    assert {path: path.stat().st_mtime_ns for path in tables.rglob("*")} == before


def settings(**given: object) -> Settings:
    options = {"workers": 0, "confirm_deletions": True, "languages": ("de",), "engine": "fast"} | given
    return Settings.model_validate(options)


def edited(press: Path) -> None:
    write(press / "1.txt", article(7), LONG_AGO + 1)


def edited_a_moment_ago(press: Path) -> None:
    write(press / "1.txt", article(1), time.time())


def added(press: Path) -> None:
    write(press / "new.txt", article(8))


def removed(press: Path) -> None:
    (press / "1.txt").unlink()


def renamed(press: Path) -> None:
    (press / "1.txt").rename(press / "one.txt")


def died(press: Path) -> None:
    (press.parent / "tables" / ".writer.json").write_text(json.dumps({"run_id": "x"}))


def unlisted(press: Path) -> None:
    (press / "link.txt").symlink_to(press.parent)


@pytest.mark.parametrize("change", [edited, edited_a_moment_ago, added, removed, renamed, died, unlisted])
def test_whatever_is_to_be_done_is_left_to_the_run(press: Path, change: Callable[[Path], None]) -> None:
    tables = press.parent / "tables"
    run_here([press], tables, engine="fast")
    change(press)
    assert report_if_unchanged([str(press)], tables, settings()) is None
    refresh_tables([str(press)], tables, settings())
    (press.parent / "tables" / ".writer.json").unlink(missing_ok=True)


@pytest.mark.parametrize("other", [{"languages": ("de", "en")}, {"verify": True}, {"max_chars": 10}])
def test_other_settings_are_left_to_the_run(press: Path, other: dict[str, object]) -> None:
    tables = press.parent / "tables"
    run_here([press], tables, engine="fast")
    assert report_if_unchanged([str(press)], tables, settings(**other)) is None


def test_where_a_server_keeps_the_runs_this_one_belongs_there_too(press: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_here([press], press.parent / "tables", engine="fast")
    asked = []
    monkeypatch.setattr("flows.cli._refresh", lambda *given: asked.append(given) or refuse())
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    with pytest.raises(RuntimeError):
        command(press)
    assert asked


def refuse() -> None:
    raise RuntimeError
