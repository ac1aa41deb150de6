"""A source that is empty, unmounted or broken never empties the tables; a renamed one is no deletion."""

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from rich.console import Console

from flows import cli
from flows.check import check_tables
from flows.report import RunReport, as_markdown, attention, print_report
from flows.run import refresh_tables as run
from flows.settings import Settings
from stages.errors import UsageError
from tests.faults.harness import COMMAND, article, assert_same, fast_gate, published, run_here

N = 20


@pytest.fixture(autouse=True)
def _gate() -> Iterator[None]:
    with fast_gate():
        yield


def fill(folder: Path, n: int, first: int = 0) -> Path:
    (folder / "sub").mkdir(parents=True)
    for i in range(n):
        (folder / "sub" / f"{i:03}.txt").write_text(article(first + i, 1), encoding="utf-8")
    return folder


@pytest.fixture
def press(tmp_path: Path) -> Path:
    """A source of 20 documents that are published in tmp_path/tables."""
    folder = fill(tmp_path / "press", N)
    run_here([folder], tmp_path / "tables", confirm_deletions=False)
    return folder


def empty(folder: Path) -> None:
    shutil.rmtree(folder / "sub")


def mostly_gone(folder: Path) -> None:
    for i in range(10):
        (folder / "sub" / f"{i:03}.txt").unlink()


def broken_links(folder: Path) -> None:
    """What a folder of links into an unmounted disk looks like."""
    for i in range(15):
        path = folder / "sub" / f"{i:03}.txt"
        path.unlink()
        path.symlink_to("/nowhere/mounted")


def became_pipes(folder: Path) -> None:
    for path in list((folder / "sub").iterdir()):
        path.unlink()
        os.mkfifo(path)


@pytest.mark.parametrize(("accident", "lost"), [(empty, 20), (mostly_gone, 10), (broken_links, 15), (became_pipes, 20)])
def test_an_accident_empties_nothing(tmp_path: Path, press: Path, accident: Callable[[Path], None], lost: int) -> None:
    tables = tmp_path / "tables"
    before = published(tables)
    saved = shutil.copytree(press, tmp_path / "saved")
    accident(press)

    report = run_here([press], tables, confirm_deletions=False)

    assert not report.published
    assert report.withheld == {"press": lost}
    assert_same(published(tables), before)

    (press / "new.txt").write_text(article(99), encoding="utf-8")
    report = run_here([press], tables, confirm_deletions=False)
    assert (report.counts["n_written"], report.rows["documents"]) == (1, N + 1), "what is new is published all the same"
    assert report.withheld == {"press": lost}

    confirmed = run_here([press], tables, confirm_deletions=True)
    assert confirmed.rows["documents"] == N + 1 - lost

    shutil.rmtree(press)
    saved.rename(press)
    run_here([press], tables, confirm_deletions=True)
    assert_same(published(tables), before)


def test_some_deletions_pass(tmp_path: Path, press: Path) -> None:
    for i in range(9):
        (press / "sub" / f"{i:03}.txt").unlink()
    report = run_here([press], tmp_path / "tables", confirm_deletions=False)
    assert (report.withheld, report.counts["n_deleted"], report.rows["documents"]) == ({}, 9, N - 9)


def test_the_share_and_the_least_number_can_be_set(tmp_path: Path, press: Path) -> None:
    mostly_gone(press)
    assert run_here([press], tmp_path / "tables", confirm_deletions=False, min_deleted=10).withheld == {"press": 10}
    report = run_here([press], tmp_path / "tables", confirm_deletions=False, min_deleted=11)
    assert (report.withheld, report.rows["documents"]) == ({}, N - 10)
    for i in range(10, 15):
        (press / "sub" / f"{i:03}.txt").unlink()
    assert run_here([press], tmp_path / "tables", confirm_deletions=False, min_deleted=1).withheld == {"press": 5}
    report = run_here([press], tmp_path / "tables", confirm_deletions=False, min_deleted=1, max_deleted=0.5)
    assert (report.withheld, report.rows["documents"]) == ({}, 5)


@pytest.mark.parametrize("n", [1, 5, 19])
@pytest.mark.parametrize("how", ["emptied", "not mounted"])
def test_a_small_source_beside_a_large_one(tmp_path: Path, n: int, how: str) -> None:
    """Whatever the number of its documents, and though they are few beside those of the other source."""
    web, press, tables = fill(tmp_path / "web", n, 1_000), fill(tmp_path / "press", 200), tmp_path / "tables"
    (web / "sub" / "leer.txt").touch()
    run_here([press, web], tables)
    before = published(tables)
    shutil.rmtree(web / "sub" if how == "emptied" else web)
    quiet = run_here([press, web], tables, confirm_deletions=False)
    assert (quiet.published, quiet.withheld) == (False, {"web": n}), "what it had in quarantine stays there too"
    (press / "new.txt").write_text(article(99), encoding="utf-8")

    report = run_here([press, web], tables, confirm_deletions=False)

    assert report.withheld == {"web": n}
    assert report.counts["n_written"] == 1, "the other source is processed"
    after = published(tables)["documents"]["source_uri"]
    assert after.to_list() == sorted([*before["documents"]["source_uri"], "press/new.txt"], key=after.to_list().index)
    assert report.empty == {"web": str(web)}

    confirmed = run_here([press, web], tables, confirm_deletions=True)
    assert (confirmed.withheld, confirmed.counts["n_deleted"]) == ({}, n + 1)
    assert confirmed.rows["documents"] == 201


def test_a_renamed_folder_is_no_deletion(tmp_path: Path, press: Path) -> None:
    (press / "sub").rename(press / "renamed")
    report = run_here([press], tmp_path / "tables", confirm_deletions=False)
    assert (report.withheld, report.rows["documents"]) == ({}, N)
    run_here([press], tmp_path / "fresh")
    assert_same(published(tmp_path / "tables"), published(tmp_path / "fresh"))


def test_a_moved_mount_is_no_change(tmp_path: Path, press: Path) -> None:
    elsewhere = press.rename(tmp_path / "elsewhere")
    assert not run_here([f"press={elsewhere}"], tmp_path / "tables", confirm_deletions=False).published


def test_a_source_that_nobody_knows_is_wrong_usage(
    tmp_path: Path, press: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = published(tmp_path / "tables")
    with pytest.raises(UsageError, match="nothing was read or changed"):
        run_here([press, tmp_path / "wep"], tmp_path / "tables")
    assert cli.main(["run", str(press), str(tmp_path / "wep"), "--tables", str(tmp_path / "tables")]) == 2
    assert "no such file or folder" in capsys.readouterr().err
    press.rename(tmp_path / "unmounted")
    assert cli.main(["run", str(press), "--tables", str(tmp_path / "new tables")]) == 2
    assert not (tmp_path / "new tables").exists()
    assert_same(published(tmp_path / "tables"), before)


def test_a_folder_that_cannot_be_listed(tmp_path: Path, press: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a share that fails below its mount point does; also in the middle of the walk."""
    monkeypatch.setattr("stages.discover.patience.PAUSES", (0.0,))
    scandir = os.scandir

    def failing(path: object) -> object:
        if str(path).endswith("/sub"):
            raise OSError(errno.EIO, "Input/output error")
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", failing)
    report = run_here([press], tmp_path / "tables", confirm_deletions=False)
    assert report.withheld == {}, "what cannot be seen is not taken for gone"
    assert report.rows["documents"] == N
    assert [(uri, code) for uri, code, _ in report.quarantined] == [("press/sub", "disk_failed")]


def test_a_source_that_cannot_be_listed(tmp_path: Path, press: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its documents stand, also where deletions are confirmed, and the others are processed."""
    monkeypatch.setattr("stages.discover.patience.PAUSES", (0.0,))
    web, tables = fill(tmp_path / "web", 3, 1_000), tmp_path / "tables"
    scandir = os.scandir

    def failing(path: object) -> object:
        if str(path) == str(press):
            raise OSError(errno.ESTALE, "Stale file handle")
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", failing)
    for confirm in (False, True):
        report = run_here([press, web], tables, confirm_deletions=confirm)
        assert (report.withheld, report.rows["documents"]) == ({"press": N}, N + 3)
        assert [(uri, code) for uri, code, _ in report.quarantined] == [("press/", "disk_failed")]
        assert check_tables(tables).problems == []
    monkeypatch.undo()
    with fast_gate():
        report = run_here([press, web], tables, confirm_deletions=False)
    assert (report.withheld, report.quarantined, report.rows["documents"]) == ({}, [], N + 3)


def test_the_advice_fits_where_it_is_shown(tmp_path: Path, press: Path) -> None:
    empty(press)
    report = run_here([press], tmp_path / "tables", confirm_deletions=False)
    screen = StringIO()
    print_report(report, Console(file=screen, width=200))
    for shown, advice, other in (
        (screen.getvalue(), "--confirm-deletions", "`confirm_deletions`"),
        (as_markdown(report), "`confirm_deletions`", "--confirm-deletions"),
    ):
        assert f"{N} of press" in shown
        assert advice in shown
        assert other not in shown


def in_this_process(sources: list[str], tables: str, **given: Any) -> RunReport:
    """What the flow does, without Prefect."""
    settings = Settings.model_validate(given)
    report = run(sources, Path(tables), settings)
    wanted = attention(report, settings.strict)
    if wanted:
        raise wanted
    return report


def test_exit_codes(tmp_path: Path, press: Path) -> None:
    """Withheld deletions go before a source in quarantine: a whole source may be missing."""
    tables = str(tmp_path / "tables")
    plain = patch("flows.refresh.refresh", in_this_process)
    with plain:
        command = ["run", str(press), "--tables", tables, "--languages", "de", "--workers", "0"]
        assert cli.main(command) == 0
        mostly_gone(press)
        assert cli.main(command) == 5, "also where nothing else was to be published"
        (press / "leer.txt").touch()
        assert cli.main([*command, "--strict"]) == 5
        assert cli.main([*command, "--strict", "--confirm-deletions"]) == 3
        assert cli.main(command) == 0


@pytest.mark.integration
def test_an_unmounted_disk_and_the_command(tmp_path: Path) -> None:
    """As people run it: two sources, one of them gone, exit code 5, and the tables hold what they held."""
    fill(tmp_path / "a", 3)
    fill(tmp_path / "b", 3, 1_000)
    command = [*COMMAND, "run", "press=a", "web=b", "--tables", "out", "--engine", "fast"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0
    before = published(tmp_path / "out")
    (tmp_path / "b").rename(tmp_path / "unmounted")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 5, done.stderr
    assert "3 of web" in done.stdout
    assert "--confirm-deletions" in done.stdout
    assert_same(published(tmp_path / "out"), before)
    done = subprocess.run([*command, "--confirm-deletions"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert published(tmp_path / "out")["documents"]["source_uri"].str.starts_with("press/").all()
